"""How passages are put in order: what is encoded, who is a candidate, what each score counts.

All that can be tuned about search stands here; an encoder's card (``semsearch.json`` beside its weights)
may set the weights: ``{"fusion": {"vi": {"dense": 0.3, ...}, "vi-plain": {...}, "en": {...}, "dense": {...}}}``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ..errors import EncoderUnavailable
from ..fusion import combined
from ..text import fold, terms
from ..types import Article, Encoder, Mode, Passage, Ranking, Scores, Span

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..store import Store
    from ..types import Vectors
    from .view import View

__all__ = ["SENTENCES", "Allowed", "Wanted", "Weights", "best_sentence", "passage_text", "ranked", "weights"]

SENTENCES = 64
"""A sentence's id is its passage's times this, plus its place: a passage has fewer sentences."""

DEPTH = 100
"""So many candidates each side brings, at least."""

ALIGNED = 60
"""So many of the best are looked at word by word, where the encoder can."""

ARTICLES = 30
"""So many articles, found as a whole, bring all their passages."""

LONG = 200
"""An article of more passages than this, a book, brings only those that a side names: else it would bring thousands."""

COSINE = 0.5
"""Share of the cosine in choosing the sentence to show; the rest is the query's terms in it."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What each side counts in hybrid mode; divided by their sum."""

    dense: float = 0.2
    sentence: float = 0.2
    topic: float = 0.0
    lexical: float = 0.4
    article: float = 0.2
    alignment: float = 0.0  # counts only if the encoder is an Aligner


DEFAULTS = {
    "vi": Weights(),
    "vi-plain": Weights(),
    "en": Weights(dense=0.3, sentence=0.3, lexical=0.3, article=0.1),
    "dense": Weights(dense=0.2, sentence=0.5, topic=0.3, lexical=0.0, article=0.0),
}
"""For a query's language; the last where the words of a query have no say."""
Align = Callable[[Sequence[int]], "NDArray[np.float64]"]
"""Passage ids to their alignment with the query, each in its place."""

Found = TypeVar("Found", dict[int, int], dict[int, str])
_SIDES: dict[Mode, frozenset[str]] = {
    "hybrid": frozenset(("dense", "sentence", "topic", "lexical", "article")),
    "dense": frozenset(("dense", "sentence", "topic")),
    "lexical": frozenset(("lexical", "article")),
}


def weights(encoder: Encoder | None, language: str, mode: Mode) -> Weights:
    """The encoder's card's for a query's ``language`` ("vi", "vi-plain", "en"), else the defaults.

    In dense mode those called "dense", whatever the language. ``encoder`` is None where none is asked (lexical mode).
    """
    language = "dense" if mode == "dense" else language
    own = card(encoder).get("fusion", {}).get(language) if encoder else None
    if own is None:
        return DEFAULTS[language]
    return Weights(**{f.name: float(own.get(f.name, 0.0)) for f in fields(Weights)})


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


def passage_text(title: str, text: str) -> str:
    """What the encoder is given for a passage; a sentence is given as it is."""
    return f"{title}\n{text}" if title and not text.startswith(title) else text


@dataclass(frozen=True, slots=True)
class Wanted:
    """A query as all sides need it."""

    text: str
    vector: Vectors | None  # shape (1, dim); None in lexical mode


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a filter leaves: article and passage ids, ascending."""

    articles: list[int]
    passages: list[int]


def ranked(
    view: View,
    store: Store,
    wanted: Wanted,
    k: int,
    mode: Mode,
    weights: Weights,
    allowed: Allowed | None = None,
    excluded: Collection[int] = (),
    align: Align | None = None,
) -> list[tuple[int, Scores]]:
    """The best ``k`` passages (of ``allowed``; None: of all; none ``excluded``) with their scores, ties by id.

    Each side names its best; then every side scores all that were named, so that no score is missing
    where the least and the greatest are taken. Where ``align`` is given it is asked about the best, and
    its weight counts for them.
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
    if not any(weight for _, weight in parts):
        parts = [(of, 1.0) for of, _ in parts]
    fused = combined(parts)
    if align is not None and weights.alignment:
        best = np.lexsort((ids, -fused))[:ALIGNED]
        scored["alignment"] = np.full(len(ids), np.nan)
        scored["alignment"][best] = align(ids[best].tolist())
        fused = combined([*parts, (scored["alignment"], weights.alignment)])
    best = np.lexsort((ids, -fused))[:k]
    columns = {side: [None if np.isnan(score) else score for score in of[best].tolist()] for side, of in scored.items()}
    return [
        (id_, Scores(round(score, 6), **{side: of[place] for side, of in columns.items()}))
        for place, (id_, score) in enumerate(zip(ids[best].tolist(), fused[best].tolist(), strict=True))
    ]


def gathered(
    view: View,
    store: Store,
    wanted: Wanted,
    depth: int,
    mode: Mode,
    allowed: Allowed | None = None,
    excluded: Collection[int] = (),
) -> tuple[dict[int, int], dict[str, NDArray[np.float64]]]:
    """The candidates by id, as ``{passage: article}``, and what each side says of them, NaN where it cannot.

    Only vectors can be missing (an interrupted run has them still to make).
    """
    sides = _SIDES[mode]
    left_out = set(excluded)
    found, known = _candidates(view, store, wanted, depth + len(left_out), sides, allowed)
    owners = {id_: found[id_] for id_ in sorted(found) if id_ not in left_out}
    scored: dict[str, NDArray[np.float64]] = {}
    if wanted.vector is not None and owners:
        vector, ids = wanted.vector[0], np.array(list(owners), np.int64)
        members = store.passages_of(sorted(set(owners.values())))
        passages, articles = np.array([*members.items()], np.int64).T
        own, topic = view.cosines(passages, articles, vector)
        row = {id_: place for place, id_ in enumerate(members)}
        rows = [row[id_] for id_ in owners]
        scored = {"dense": own[rows], "sentence": view.best_sentences(ids, vector), "topic": topic[rows]}
    if "lexical" in sides and owners:
        for side, terms, names in (
            ("lexical", view.terms, list(owners)),
            ("article", view.articles, list(owners.values())),
        ):
            lacking = set(names) - known[side].keys()
            scores = known[side] | terms.scores(wanted.text, lacking)
            scored[side] = np.array([scores[name] for name in names])
    return owners, scored


def _candidates(
    view: View, store: Store, wanted: Wanted, depth: int, sides: frozenset[str], allowed: Allowed | None
) -> tuple[dict[int, int], dict[str, dict[int, float]]]:
    """``{passage: article}`` of all that a side names among its best, and the scores that terms gave on the way."""
    passages, articles = (allowed.passages, allowed.articles) if allowed else (None, None)
    owners: dict[int, int] = {}
    scores: dict[str, dict[int, float]] = {}
    if wanted.vector is not None:
        owners |= store.owners(view.nearest(wanted.vector, depth, passages))
    if "lexical" in sides:
        there, scores["lexical"] = _known(lambda n: view.terms.search(wanted.text, n, passages), store.owners, depth)
        owners |= there
        best, scores["article"] = _known(
            lambda n: view.articles.search(wanted.text, n, articles), store.titles, ARTICLES
        )
        brought = store.passages_of(list(best))
        sizes = Counter(brought.values())
        owners |= {id_: article for id_, article in brought.items() if sizes[article] <= LONG}
    return owners, scores


def _known(
    search: Callable[[int], Ranking], known: Callable[[list[int]], Found], count: int
) -> tuple[Found, dict[int, float]]:
    """``count`` results of a search that the database knows, and all scores met.

    Terms may be ahead of the database, or behind.
    """
    asked, found = count, search(max(count, DEPTH))
    while True:
        there = known([id_ for id_, _ in found[:asked]])
        if len(there) >= count or len(found) < asked:
            return there, dict(found)
        asked *= 2
        if asked > len(found):
            found = search(asked)


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
