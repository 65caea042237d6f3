"""From a query, a text or something stored to hits."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import islice

import numpy as np

from .. import text as words
from ..encoders.passages import PassageText, TokenIds, tokenize
from ..errors import UsageError
from ..filters import Filter
from ..paths import absolute, globs_below
from ..protocols import Encoder, LateInteraction
from ..storage import Store
from ..types import Hit, Mode
from .ranking import ScoreTokens, TokenScores, Wanted, best_sentence, ranked, weights
from .view import View

__all__ = ["like_article", "like_passage", "like_text", "search"]

LEADING = 3
"""So many of an article's first passages speak for its words; its vector is the mean of all."""


def search(
    store: Store, view: View, query: str, k: int, mode: Mode, encoder: Encoder | None, only: Filter
) -> list[Hit]:
    """Passages for a query; ``encoder`` is None in lexical mode."""
    wanted = Wanted(query, encoder.encode_queries([query]) if encoder else None)
    return _found(store, view, wanted, k, mode, encoder, only, (), maxsim=mode == "hybrid")


def like_text(
    store: Store, view: View, text: str, k: int, mode: Mode, encoder: Encoder | None, only: Filter
) -> list[Hit]:
    """Passages like a text; none that says the very same."""
    vector = encoder.encode_passages([text]) if encoder else None
    wanted, said = Wanted(text, vector), _said(text)
    same: set[int] = set()
    while True:  # the same words may stand in many articles: the more there were, the further is looked
        hits = _found(store, view, wanted, max(k, 2 * len(same)), mode, encoder, only, same)
        more = {hit.passage.id for hit in hits if _said(hit.passage.text) == said}
        if not more:
            return hits[:k]
        same |= more


def like_passage(
    store: Store,
    view: View,
    passage: int,
    k: int,
    mode: Mode,
    encoder: Encoder | None,
    only: Filter,
    *,
    same_article: bool,
) -> list[Hit]:
    """Passages like a stored one, from what is stored of it. Raises UsageError if there is none."""
    found = store.load([passage])
    if not found:
        raise UsageError(f"there is no passage {passage} in the index; `search` tells the ids of those that are there")
    wanted = Wanted(found[passage][0].text, None if mode == "lexical" else view.mean([passage]))
    excluded = [passage] if same_article else store.passage_ids([found[passage][1].id])
    return _found(store, view, wanted, k, mode, encoder, only, excluded)


def like_article(
    store: Store,
    view: View,
    source: str,
    k: int,
    mode: Mode,
    encoder: Encoder | None,
    only: Filter,
    *,
    same_article: bool,
) -> list[Hit]:
    """Passages like a stored article. Raises UsageError if there is none, or more than one."""
    known = store.source(source) or store.source(absolute(source))
    if known is None:
        many = store.sources_like([*globs_below(source), *globs_below(absolute(source))], 2)
        raise UsageError(
            f"{source} holds several articles; name one, like {many[0]}"
            if many
            else f"{source} is not in the index; `search` and `show` name the sources"
        )
    article = store.article(known.article)
    passages = store.passages(article)
    if not passages:
        return []
    text = "\n\n".join([article.title, *(passage.text for passage in passages[:LEADING])])
    ids = [passage.id for passage in passages]
    wanted = Wanted(text, None if mode == "lexical" else view.mean(ids))
    return _found(store, view, wanted, k, mode, encoder, only, () if same_article else ids)


def _found(
    store: Store,
    view: View,
    wanted: Wanted,
    k: int,
    mode: Mode,
    encoder: Encoder | None,
    only: Filter,
    excluded: Collection[int],
    *,
    maxsim: bool = False,
) -> list[Hit]:
    allowed = view.allowed(only, store)
    if not words.terms(wanted.text) or (allowed is not None and not len(allowed)):
        return []
    tuned = weights(encoder, words.detect_language(wanted.text), mode)
    score_tokens = None
    if wanted.vector is not None and isinstance(encoder, LateInteraction):
        score_tokens = _token_scores(store, wanted, encoder, view.manifest.fingerprint, maxsim=maxsim)
    found = ranked(view, store, wanted, k, mode, tuned, allowed, excluded, score_tokens)
    stored = store.load(id_ for id_, _, _ in found)
    hits = []
    for rank, (id_, scores, cosines) in enumerate(found, 1):
        passage, article = stored[id_]
        sentence = best_sentence(wanted.text, article, passage, cosines)
        hits.append(Hit(passage, article, scores.fused, scores, sentence, rank))
    return hits


def _token_scores(
    store: Store, wanted: Wanted, encoder: LateInteraction, fingerprint: str, *, maxsim: bool
) -> ScoreTokens:
    """What compares the query with the token ids of passages."""
    assert wanted.vector is not None
    query, vector = wanted.text, wanted.vector[0]

    def score(ids: Sequence[int]) -> TokenScores:
        token_ids = _token_ids(store, encoder, fingerprint, ids)
        vectors = encoder.encode_tokens([sentence for some in token_ids for sentence in some.sentences])
        cosines = iter((vectors @ vector).astype(np.float64).round(6).tolist())
        sentences = [list(islice(cosines, len(some.sentences))) for some in token_ids]
        if not maxsim:
            return TokenScores(sentences, None)
        scores = encoder.maxsim(query, [some.all for some in token_ids])
        return TokenScores(sentences, scores.astype(np.float64).round(6))

    return score


def _token_ids(store: Store, encoder: LateInteraction, fingerprint: str, ids: Sequence[int]) -> list[TokenIds]:
    """The token ids of passages, those that are not stored made again."""
    found = {id_: TokenIds.unpack(data) for id_, data in store.token_ids(fingerprint, ids).items()}
    lacking = store.load(id_ for id_ in ids if id_ not in found)
    if lacking:
        texts = [PassageText.of(article, passage.sentences) for passage, article in lacking.values()]
        found.update(zip(lacking, tokenize(encoder, texts), strict=True))
    return [found[id_] for id_ in ids]


def _said(text: str) -> str:
    return " ".join(words.canonical(text).split())
