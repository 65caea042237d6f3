"""How passages are put in order: what is encoded, who is a candidate, what each score counts.

All that can be tuned about search stands here; an encoder's card (``semsearch.json`` beside its weights)
may set the weights: ``{"fusion": {"vi": {"dense": 0.3, ...}, "vi-plain": {...}, "en": {...}, "dense": {...}}}``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import EncoderUnavailable
from ..protocols import Encoder, LateInteraction
from ..storage.bm25 import score_passages, score_with_articles
from ..storage.term_vectors import TermVectors
from ..text import fold, terms
from ..types import Article, Mode, Passage, Scores, Span
from .fusion import combined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..storage import Store
    from ..types import Ids, Vectors
    from .view import View

__all__ = ["ScoreTokens", "TokenScores", "Wanted", "Weights", "best_sentence", "ranked", "signals", "weights"]

DEPTH = 100
"""So many candidates each side brings, at least."""

SPARE = 2
"""So many times as many are met by a query's rarest terms; all its terms then tell which are the best."""

POSTINGS = 100_000
"""Rare are as many of a query's terms as stand in so many passages together."""

MAXSIM_TOP_K = 100
"""Candidates whose token ids are compared with the query, at least: the best by all other signals."""

COSINE = 0.5
"""Share of the cosine in choosing the sentence to show; the rest is the query's terms in it."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What each side counts in hybrid mode; divided by their sum."""

    dense: float = 0.2
    sentence: float = 0.2
    article_dense: float = 0.0
    lexical: float = 0.4
    article: float = 0.2
    maxsim: float = 0.0

    def without_token_ids(self) -> Weights:
        """The weights for an encoder that keeps no token ids: what its sentences would count, passages do."""
        return replace(self, dense=self.dense + self.sentence, sentence=0.0, maxsim=0.0)


DEFAULTS = {
    "vi": Weights(),
    "vi-plain": Weights(),
    "en": Weights(dense=0.3, sentence=0.3, lexical=0.3, article=0.1),
    "dense": Weights(dense=0.15, sentence=0.65, article_dense=0.2, lexical=0.0, article=0.0),
}
"""For a query's language; the last where the words of a query have no say."""


@dataclass(frozen=True, slots=True)
class TokenScores:
    """What the token ids of passages say, in the order in which they were given.

    Attributes:
        sentences: Of each passage the cosines of its sentences with the query.
        maxsim: Of each passage, shape ``(n,)``; None if the query is not compared word by word.
    """

    sentences: list[list[float]]
    maxsim: NDArray[np.float64] | None


ScoreTokens = Callable[[Sequence[int]], TokenScores]
"""From passage ids."""

Ranked = tuple[int, Scores, Sequence[float]]
"""A passage's id, its scores and the cosines of its sentences; none if its token ids were not looked at."""

SIDES = ("dense", "article_dense", "lexical", "article")
_SIDES: dict[Mode, frozenset[str]] = {
    "hybrid": frozenset(SIDES),
    "dense": frozenset(("dense", "article_dense")),
    "lexical": frozenset(("lexical", "article")),
}


def weights(encoder: Encoder | None, language: str, mode: Mode) -> Weights:
    """The encoder's card's for a query's ``language`` ("vi", "vi-plain", "en"), else the defaults.

    In dense mode those called "dense", whatever the language. ``encoder`` is None where none is asked (lexical mode).
    """
    language = "dense" if mode == "dense" else language
    own = card(encoder).get("fusion", {}).get(language) if encoder else None
    found = DEFAULTS[language]
    if own is not None:
        found = Weights(**{f.name: float(own.get(f.name, 0.0)) for f in fields(Weights)})
    return found if isinstance(encoder, LateInteraction) else found.without_token_ids()


def signals(mode: Mode) -> list[str]:
    """Return the signals that count in ``mode``, by the names of ``Scores``."""
    order = ("dense", "sentence", "article_dense", "lexical", "article", "maxsim")
    counted = {"hybrid": set(order), "dense": {"dense", "sentence", "article_dense"}, "lexical": {"lexical", "article"}}
    return [signal for signal in order if signal in counted[mode]]


def card(encoder: Encoder) -> Mapping[str, Any]:
    """The settings for search that were found for an encoder; empty where nobody looked for any."""
    folder = getattr(encoder, "folder", None)
    file = Path(folder) / "semsearch.json" if folder else None
    if file is None or not file.is_file():
        return {}
    try:
        values = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise EncoderUnavailable(f"{file} is not JSON ({error}); install the encoder again") from error
    return values if isinstance(values, dict) else {}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A query as all sides need it."""

    text: str
    vector: Vectors | None  # shape (1, dim); None in lexical mode


def ranked(
    view: View,
    store: Store,
    wanted: Wanted,
    k: int,
    mode: Mode,
    weights: Weights,
    allowed: Ids | None = None,
    excluded: Collection[int] = (),
    score_tokens: ScoreTokens | None = None,
) -> list[Ranked]:
    """The best ``k`` passages (of ``allowed``, ascending; None: of all; none ``excluded``) with scores, ties by id.

    Each side names its best; then every side scores all that were named, so that no score is missing
    where the least and the greatest are taken. The token ids of the best are looked at last, and count for these.
    """
    owners, scored = gathered(view, store, wanted, max(DEPTH, k), mode, allowed, excluded)
    if not owners:
        return []
    ids = np.array(list(owners), np.int64)
    # Where no word was met, terms have no say; their weight still counts, so that "fused" tells as much.
    parts = [
        (of if side in _SIDES["dense"] or of.any() else np.full_like(of, np.nan), getattr(weights, side))
        for side, of in scored.items()
    ]
    weighted = any(weight for _, weight in parts)
    fused = combined(parts if weighted else [(of, 1.0) for of, _ in parts])
    sentences: dict[int, list[float]] = {}
    if score_tokens is not None:
        best = np.lexsort((ids, -fused))[: max(MAXSIM_TOP_K, k)]
        token_scores = score_tokens(ids[best].tolist())
        sentences = dict(zip(ids[best].tolist(), token_scores.sentences, strict=True))
        scored["sentence"] = np.full(len(ids), np.nan)
        scored["sentence"][best] = [max(cosines, default=np.nan) for cosines in token_scores.sentences]
        parts.append((scored["sentence"], weights.sentence))
        if token_scores.maxsim is not None and weights.maxsim:
            scored["maxsim"] = np.full(len(ids), np.nan)
            scored["maxsim"][best] = token_scores.maxsim
            parts.append((scored["maxsim"], weights.maxsim))
        if any(weight for _, weight in parts):
            fused = combined(parts)
    best = np.lexsort((ids, -fused))[:k]
    columns = {side: [None if np.isnan(score) else score for score in of[best].tolist()] for side, of in scored.items()}
    found: list[Ranked] = []
    for place, (id_, score) in enumerate(zip(ids[best].tolist(), fused[best].tolist(), strict=True)):
        scores = Scores(round(score, 6), **{side: of[place] for side, of in columns.items()})
        found.append((id_, scores, sentences.get(id_, ())))
    return found


def gathered(
    view: View,
    store: Store,
    wanted: Wanted,
    depth: int,
    mode: Mode,
    allowed: Ids | None = None,
    excluded: Collection[int] = (),
) -> tuple[dict[int, int], dict[str, NDArray[np.float64]]]:
    """The candidates by id, as ``{passage: article}``, and what each side says of them, NaN where it cannot.

    Only vectors can be missing (an interrupted run has them still to make).
    """
    sides, left_out = _SIDES[mode], np.array(sorted(set(excluded)), np.int64)
    depth += len(left_out)
    near = np.empty(0, np.int64) if wanted.vector is None else view.nearest(wanted.vector, depth, allowed)
    met, spare = np.empty(0, np.int64), SPARE
    while True:
        if "lexical" in sides:
            found = view.terms.search(wanted.text, spare * depth, allowed, max_postings=POSTINGS)
            met = np.array(sorted(id_ for id_, _ in found), np.int64)
        owner = store.owners(np.union1d(near, met).tolist())
        # Terms may be ahead of the database, or behind: then more of them are looked for.
        known = met[[id_ in owner for id_ in met.tolist()]]
        if len(known) >= SPARE * depth or len(met) < spare * depth:
            break
        spare *= 2
    if "lexical" in sides and len(known):
        term_vectors = TermVectors(store.term_vectors(known.tolist()))
        known = known[_best(score_passages(term_vectors, view.terms.analyze(wanted.text)), depth)]
    kept = np.setdiff1d(np.union1d(near[[id_ in owner for id_ in near.tolist()]], known), left_out)
    if not len(kept):
        return {}, {}
    # All passages of their articles, whom some sides ask about as a whole: in the order of ids they follow each other.
    members = store.passages_of(sorted({owner[id_] for id_ in kept.tolist()}))
    ids, owners = np.array(sorted(members.items()), np.int64).T
    candidates = np.searchsorted(ids, kept)
    scores: dict[str, NDArray[np.float64]] = {}
    if "lexical" in sides:
        term_vectors = TermVectors(store.term_vectors(ids.tolist()))
        query_terms = view.terms.analyze(wanted.text)
        own, whole = score_with_articles(term_vectors, owners, query_terms, view.passages_per_article(store))
        scores["lexical"], scores["article"] = own[candidates], whole[candidates]
    if wanted.vector is not None:
        own, whole = view.cosines(ids, owners, wanted.vector[0])
        scores["dense"], scores["article_dense"] = own[candidates], whole[candidates]
    return {id_: owner[id_] for id_ in kept.tolist()}, {side: scores[side] for side in SIDES if side in scores}


def _best(scores: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """The places of the best ``count`` scores; of equals the first."""
    best: NDArray[np.int64] = np.argsort(-scores, kind="stable")[:count]
    return best


def best_sentence(query: str, article: Article, passage: Passage, cosines: Sequence[float] = ()) -> Span:
    """The sentence of ``passage`` to show: near the query and holding its words; of equals the first.

    ``cosines`` are those of the sentences, in order; without one for each, only words count.
    """
    asked, pairs = _asked(query)
    near = len(cosines) == len(passage.sentences)

    def score(place: int) -> float:
        words, following = _words(passage.sentences[place].of(article.text))
        shares = [len(of & there) / len(of) for of, there in ((asked, words), (pairs, following)) if of]
        overlap = sum(shares) / len(shares) if shares else 0.0
        return COSINE * cosines[place] + (1.0 - COSINE) * overlap if near else overlap

    return passage.sentences[max(range(len(passage.sentences)), key=score)]


def _words(text: str) -> tuple[set[str], set[tuple[str, str]]]:
    folded = fold(" ".join(terms(text))).split()
    return set(folded), set(pairwise(folded))


_asked = lru_cache(maxsize=8)(_words)  # the same of a query for each of its hits
