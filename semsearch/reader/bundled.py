"""The reader that comes with semsearch: features, a small network and a calibrated confidence."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..types import Answer, Hit, Query, Quote, Span
from .compose import NEAR, agree, compose
from .depth import hits_to_read
from .evidence import FEATURES, SIGNS, Line, features, lines, signs
from .extract import SPAN_FEATURES, best_span, completed, counted, marks, whole_number
from .network import Edges, Network, Part, Read, WordVectors, part
from .question import Idf, Question, load_idf, understand
from .weights import load_weights
from .words import Text, cut

__all__ = ["MIN_CONFIDENCE", "BundledReader", "ReaderModel", "Seen"]

MIN_CONFIDENCE = 0.15
"""An answer below this probability is withheld; see docs/decisions/reader.md for how it was chosen."""

_NETWORK = Path(__file__).with_name("network.npz")
# What the network's log shares count beside SPAN_FEATURES; chosen on dev. Names it finds best; offices it hardly met.
_EDGES = dict.fromkeys(("person", "place", "organisation", "date"), 2.2) | {"role": 0.5}
_EDGES_ELSE = 1.2
_LIKELY = 8  # spans that the network adds to those found by rule
_AT_ONCE = 12  # passages that the network reads at once


@dataclass(frozen=True, slots=True)
class ReaderModel:
    """What was learned besides the network: the IDF of terms, and the weight of each feature."""

    idf: Idf
    sentence: tuple[float, ...]  # one per FEATURES
    english: tuple[float, ...]
    span: dict[str, tuple[float, ...]]  # group of answer types -> one per SPAN_FEATURES
    confidence: tuple[float, ...]  # one per SIGNS, and the constant
    confidence_english: tuple[float, ...]

    @classmethod
    def from_table(cls, table: Mapping[str, Any], idf: Idf) -> ReaderModel:
        """Read ``weights.json``, in which every set of weights is a map of names; a name that is left out counts 0.

        Raises:
            ValueError: The table names a feature that the reader does not have.
        """

        def row(values: Mapping[str, float], names: Sequence[str]) -> tuple[float, ...]:
            unknown = values.keys() - set(names)
            if unknown:
                raise ValueError(f"Unknown features in the reader's weights: {sorted(unknown)}.")
            return tuple(float(values.get(name, 0.0)) for name in names)

        return cls(
            idf=idf,
            sentence=row(table["sentence"], FEATURES),
            english=row(table["sentence_english"], FEATURES),
            span={group: row(values, SPAN_FEATURES) for group, values in table["span"].items()},
            confidence=row(table["confidence"], (*SIGNS, "constant")),
            confidence_english=row(table["confidence_english"], (*SIGNS, "constant")),
        )

    @classmethod
    def load(cls) -> ReaderModel:
        """Return the model that comes with semsearch, always the same one."""
        return _load_model()


@cache
def _load_model() -> ReaderModel:
    return ReaderModel.from_table(load_weights(), load_idf())


@dataclass(frozen=True, slots=True)
class Seen:
    """What the network said of the passages: of each its words and scores, and the score of "none of them"."""

    asked: Text
    passages: dict[int, tuple[Part, Read]]
    none: float

    def verdict(self, line: Line) -> float:
        """How much likelier the sentence is to answer than nothing is, in logits."""
        _, read = self.passages[line.hit.passage.id]
        return float(read.sentences[line.hit.passage.sentences.index(line.span)]) - self.none

    def sense(self, question: Question, line: Line) -> float:
        """The share of the question's IDF that the sentence means, words of the article's title and lead given."""
        met = self.passages[line.hit.passage.id][1].met[line.hit.passage.sentences.index(line.span)]
        total = told = 0.0
        for word, cosine in zip(self.asked.words, met.tolist(), strict=True):
            for term in question.form(word)[:1]:
                weight = question.weights.get(term, 0.0)
                total += weight
                told += weight * (1.0 if term in line.title or term in line.lead else cosine)
        return told / total if total else 0.0


@dataclass(frozen=True, slots=True)
class _Ranked:
    """The best line of a passage, and what it is ranked and believed by."""

    line: Line
    row: Sequence[float]  # one per FEATURES
    score: float
    verdict: float


class BundledReader:
    """Quotes the sentence that answers, and the words in it that do.

    It ranks the sentences of the hits by what they share with the question and by what a small network makes of them,
    computes a calibrated probability that the best one answers at all, and picks the words in it that do.

    Args:
        encoder: Gives one vector for each word: the bundled encoder, with which the network was trained.
        min_confidence: An answer with a probability below this (0..1) is withheld; 0 never withholds.
        model: The learned weights; by default those that come with semsearch.

    Raises:
        UsageError: ``min_confidence`` is outside 0..1.
        ReaderUnavailable: The network's file is damaged.
    """

    def __init__(
        self, encoder: WordVectors, *, min_confidence: float = MIN_CONFIDENCE, model: ReaderModel | None = None
    ) -> None:
        if not 0.0 <= min_confidence <= 1.0:
            raise UsageError(f"`min_confidence` must be between 0 and 1 (got {min_confidence}).")
        self.min_confidence = min_confidence
        self._model = model or ReaderModel.load()
        self._network = Network.load(_NETWORK, encoder, self._model.idf)

    def depth(self, query: Query) -> int:
        """Return how many hits to read for ``query``."""
        return hits_to_read(query)

    def read(self, query: Query, hits: Sequence[Hit]) -> Answer:
        """Return what ``hits`` (best first) answer to ``query``, or an Answer that is not ``found``."""
        return compose(query.text, self.candidates(query.text, hits), hits, self.min_confidence)

    def candidates(self, question: str, hits: Sequence[Hit]) -> list[Quote]:
        """What may answer, best first: of each passage its best sentence, if it comes near the best of all.

        The confidence of each is the probability that it answers, judged with what speaks for the best one. Its lead
        over the best of another passage is part of that; a passage that says the same is not such another.
        """
        asked = understand(question, self._model.idf)
        found = lines(asked, hits)
        if not found or not asked.order:
            return []
        seen = self.seen(question, [line.hit for line in found])
        ranked = self._ranked(asked, found, seen)
        believed = self._believed(asked, ranked)
        near = [i for i, confidence in enumerate(believed) if confidence >= NEAR * believed[0]]
        quotes = [self._quote(asked, ranked[i].line, believed[i], seen) for i in near]  # the first of them all
        agreeing = [{j for j in near if j != i and agree(asked, quotes[i], quotes[j])} for i in near]
        if any(agreeing):
            believed = self._believed(asked, ranked, agreeing)
            quotes = [replace(quote, confidence=believed[i]) for i, quote in enumerate(quotes)]
        return quotes

    def seen(self, question: str, hits: Sequence[Hit]) -> Seen:
        """What the network makes of the passages of ``hits``."""
        unique = list({hit.passage.id: hit for hit in hits}.values())
        asked, none = cut(question), 0.0
        passages: dict[int, tuple[Part, Read]] = {}
        for at in range(0, len(unique), _AT_ONCE):
            some = unique[at : at + _AT_ONCE]
            parts = [part(hit) for hit in some]
            none, reads = self._network.read(asked, parts)
            passages |= {hit.passage.id: both for hit, both in zip(some, zip(parts, reads, strict=True), strict=True)}
        return Seen(asked, passages, none)

    def _ranked(self, asked: Question, found: Sequence[Line], seen: Seen) -> list[_Ranked]:
        """The best line of each passage, best first."""
        verdicts = [seen.verdict(line) for line in found]
        rows = features(asked, found, verdicts, [seen.sense(asked, line) for line in found])
        weights = self._model.english if asked.english else self._model.sentence
        every = [
            _Ranked(line, row, _dot(weights, row), verdict)
            for line, row, verdict in zip(found, rows, verdicts, strict=True)
        ]
        best: dict[int, _Ranked] = {}
        for one in sorted(every, key=lambda one: -one.score):  # of equals the first
            best.setdefault(one.line.hit.passage.id, one)
        return list(best.values())

    def _believed(
        self, asked: Question, ranked: Sequence[_Ranked], agreeing: Sequence[Collection[int]] = ()
    ) -> list[float]:
        """The probability that each answers; what is ranked lower is never believed more.

        ``agreeing`` tells of the first so many which others say the same.
        """
        weights = self._model.confidence_english if asked.english else self._model.confidence
        believed: list[float] = []
        for i, one in enumerate(ranked):
            same = agreeing[i] if i < len(agreeing) else ()
            rivals = (other.score for j, other in enumerate(ranked) if j != i and j not in same)
            evidence = signs(asked, one.line, one.row, one.score, next(rivals, one.score - 3.0), one.verdict)
            confidence = _logistic(_dot(weights, [*evidence, 1.0]))
            believed.append(min(confidence, math.nextafter(believed[-1], 0.0)) if believed else confidence)
        return believed

    def _quote(self, asked: Question, line: Line, confidence: float, seen: Seen) -> Quote:
        text = line.hit.article.text
        sentence = completed(asked, line.hit, line.span)
        quote = sentence.of(text)
        if asked.english:
            found = best_span(asked, quote, self._model.span)
        else:
            edges = Edges(*seen.passages[line.hit.passage.id])
            likely = [_moved(span, -sentence.start) for span in edges.best(sentence, _LIKELY)]

            count = _EDGES.get(asked.kind, _EDGES_ELSE)

            def judged(span: Span) -> float:
                return count * edges.score(_moved(span, sentence.start))

            found = best_span(asked, quote, self._model.span, likely, judged)
        found = whole_number(asked, quote, counted(asked, quote, found))
        answer = _moved(found, sentence.start)
        placed = tuple(_moved(span, sentence.start) for span in marks(asked, quote, found))
        return Quote(answer.of(text), line.hit, answer, sentence, confidence, placed)


def _moved(span: Span, by: int) -> Span:
    return Span(span.start + by, span.end + by)


def _logistic(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x)) if x >= 0 else math.exp(x) / (1.0 + math.exp(x))


def _dot(weights: Sequence[float], values: Sequence[float]) -> float:
    return sum(w * x for w, x in zip(weights, values, strict=True))
