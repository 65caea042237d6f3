"""The reader that comes with semsearch: sentence features, a small network and a calibrated confidence."""

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
# Weights of the network's log probabilities of spans, next to SPAN_FEATURES; chosen on development data. The network is
# best at names; it saw few offices in training.
_SPAN_WEIGHTS = dict.fromkeys(("person", "place", "organisation", "date"), 2.2) | {"role": 0.5}
_DEFAULT_SPAN_WEIGHT = 1.2
_MAX_NETWORK_SPANS = 8  # that the network adds to the spans found by rules
_BATCH_PASSAGES = 12  # that the network reads at once


@dataclass(frozen=True, slots=True)
class ReaderModel:
    """The learned parameters besides the network: the IDF of terms, and the weight of each feature."""

    idf: Idf
    sentence: tuple[float, ...]  # one per FEATURES
    english: tuple[float, ...]
    span: dict[str, tuple[float, ...]]  # group of answer types -> one per SPAN_FEATURES
    confidence: tuple[float, ...]  # one per SIGNS, and the constant
    confidence_english: tuple[float, ...]

    @classmethod
    def from_table(cls, table: Mapping[str, Any], idf: Idf) -> ReaderModel:
        """Read ``weights.json``, which maps names of features to weights; features without a weight count 0.

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
    """The output of the network: the words and scores of each passage by id, and the logit of "no answer"."""

    question: Text
    passages: dict[int, tuple[Part, Read]]
    none: float

    def verdict(self, line: Line) -> float:
        """Return the logit of the sentence minus that of "no answer"."""
        _, read = self.passages[line.hit.passage.id]
        return float(read.sentences[line.hit.passage.sentences.index(line.span)]) - self.none

    def sense(self, question: Question, line: Line) -> float:
        """Return the share of the question's IDF that the sentence covers, between 0 and 1.

        A term counts by its greatest cosine with a word of the sentence, and fully if the title or the lead has it.
        """
        _, read = self.passages[line.hit.passage.id]
        cosines = read.cosines[line.hit.passage.sentences.index(line.span)]
        total = covered = 0.0
        for word, cosine in zip(self.question.words, cosines.tolist(), strict=True):
            for term in question.form(word)[:1]:
                weight = question.weights.get(term, 0.0)
                total += weight
                covered += weight * (1.0 if term in line.title or term in line.lead else cosine)
        return covered / total if total else 0.0


@dataclass(frozen=True, slots=True)
class _Ranked:
    """The best sentence of a passage, with the values that its rank and its confidence are computed from."""

    line: Line
    row: Sequence[float]  # one per FEATURES
    score: float
    verdict: float


class BundledReader:
    """Quotes the sentence that answers the question, and the words in it that do.

    The reader ranks the sentences of the hits by what they share with the question and by the scores of a small
    network. It computes a calibrated probability that the best sentence answers the question, and chooses the words.

    Args:
        encoder: The bundled encoder, which gives a vector for each word; the network was trained with it.
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
        """Return possible answers, best first: the best sentence of each passage that comes near the best of all.

        The confidence of an answer is the probability that it is right. It depends on the lead over the best sentence
        of another passage; passages that give the same answer are not counted as rivals.
        """
        analysed = understand(question, self._model.idf)
        found = lines(analysed, hits)
        if not found or not analysed.order:
            return []
        seen = self.seen(question, [line.hit for line in found])
        ranked = self._ranked(analysed, found, seen)
        believed = self._believed(analysed, ranked)
        near = [i for i, confidence in enumerate(believed) if confidence >= NEAR * believed[0]]
        quotes = [self._quote(analysed, ranked[i].line, believed[i], seen) for i in near]
        agreeing = []
        for i in near:
            agreeing.append({j for j in near if j != i and agree(analysed, quotes[i], quotes[j])})
        if any(agreeing):
            believed = self._believed(analysed, ranked, agreeing)
            quotes = [replace(quote, confidence=believed[i]) for i, quote in enumerate(quotes)]
        return quotes

    def seen(self, question: str, hits: Sequence[Hit]) -> Seen:
        """Return the output of the network for the passages of ``hits``."""
        unique = list({hit.passage.id: hit for hit in hits}.values())
        words, none = cut(question), 0.0
        passages: dict[int, tuple[Part, Read]] = {}
        for at in range(0, len(unique), _BATCH_PASSAGES):
            batch = unique[at : at + _BATCH_PASSAGES]
            parts = [part(hit) for hit in batch]
            none, reads = self._network.read(words, parts)
            for hit, passage_part, read in zip(batch, parts, reads, strict=True):
                passages[hit.passage.id] = (passage_part, read)
        return Seen(words, passages, none)

    def _ranked(self, question: Question, found: Sequence[Line], seen: Seen) -> list[_Ranked]:
        """Return the best sentence of each passage, best first."""
        verdicts = [seen.verdict(line) for line in found]
        rows = features(question, found, verdicts, [seen.sense(question, line) for line in found])
        weights = self._model.english if question.english else self._model.sentence
        candidates = [
            _Ranked(line, row, _dot(weights, row), verdict)
            for line, row, verdict in zip(found, rows, verdicts, strict=True)
        ]
        best: dict[int, _Ranked] = {}
        for candidate in sorted(candidates, key=lambda candidate: -candidate.score):  # ties keep their order
            best.setdefault(candidate.line.hit.passage.id, candidate)
        return list(best.values())

    def _believed(
        self, question: Question, ranked: Sequence[_Ranked], agreeing: Sequence[Collection[int]] = ()
    ) -> list[float]:
        """Return the probability that each answers the question, in descending order.

        Args:
            question: The question.
            ranked: The best sentence of each passage, best first.
            agreeing: For the first of them, the indices of those that give the same answer.
        """
        weights = self._model.confidence_english if question.english else self._model.confidence
        believed: list[float] = []
        for i, candidate in enumerate(ranked):
            same = agreeing[i] if i < len(agreeing) else ()
            rivals = (other.score for j, other in enumerate(ranked) if j != i and j not in same)
            rival = next(rivals, candidate.score - 3.0)
            evidence = signs(question, candidate.line, candidate.row, candidate.score, rival, candidate.verdict)
            confidence = _logistic(_dot(weights, [*evidence, 1.0]))
            believed.append(min(confidence, math.nextafter(believed[-1], 0.0)) if believed else confidence)
        return believed

    def _quote(self, question: Question, line: Line, confidence: float, seen: Seen) -> Quote:
        text = line.hit.article.text
        sentence = completed(question, line.hit, line.span)
        quote = sentence.of(text)
        if question.english:
            found = best_span(question, quote, self._model.span)
        else:
            edges = Edges(*seen.passages[line.hit.passage.id])
            likely = [_moved(span, -sentence.start) for span in edges.best(sentence, _MAX_NETWORK_SPANS)]

            count = _SPAN_WEIGHTS.get(question.kind, _DEFAULT_SPAN_WEIGHT)

            def judged(span: Span) -> float:
                return count * edges.score(_moved(span, sentence.start))

            found = best_span(question, quote, self._model.span, likely, judged)
        found = whole_number(question, quote, counted(question, quote, found))
        answer = _moved(found, sentence.start)
        placed = tuple(_moved(span, sentence.start) for span in marks(question, quote, found))
        return Quote(answer.of(text), line.hit, answer, sentence, confidence, placed)


def _moved(span: Span, by: int) -> Span:
    return Span(span.start + by, span.end + by)


def _logistic(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x)) if x >= 0 else math.exp(x) / (1.0 + math.exp(x))


def _dot(weights: Sequence[float], values: Sequence[float]) -> float:
    return sum(w * x for w, x in zip(weights, values, strict=True))
