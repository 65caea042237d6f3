"""The reader that comes with semsearch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..types import Answer, Hit, Quote, Span
from .compose import NEAR, compose
from .evidence import FEATURES, SIGNS, Line, features, lines, signs
from .extract import SPAN_FEATURES, best_span, completed, marks
from .question import Question, Rarity, rarity_of, understand

__all__ = ["MIN_CONFIDENCE", "SentenceReader", "Weights", "rarity_of"]

MIN_CONFIDENCE = 0.15
"""An answer below this probability is withheld; see docs/decisions/reader.md for how it was chosen."""

_FILE = Path(__file__).with_name("weights.json")


@dataclass(frozen=True, slots=True)
class Weights:
    """Everything learned: how rare terms are, and what each piece of evidence counts."""

    rarity: Rarity
    sentence: tuple[float, ...]  # one per FEATURES
    english: tuple[float, ...]
    span: dict[str, tuple[float, ...]]  # group of kinds -> one per SPAN_FEATURES
    confidence: tuple[float, ...]  # one per SIGNS, and the constant
    confidence_english: tuple[float, ...]

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> Weights:
        """From the JSON form: every set of weights is a map of names; a name left out counts 0."""

        def row(values: Mapping[str, float], names: Sequence[str]) -> tuple[float, ...]:
            if unknown := values.keys() - set(names):
                raise ValueError(f"The reader's weights name what it does not know: {sorted(unknown)}.")
            return tuple(float(values.get(name, 0.0)) for name in names)

        return cls(
            rarity=rarity_of(table),
            sentence=row(table["sentence"], FEATURES),
            english=row(table["sentence_english"], FEATURES),
            span={group: row(values, SPAN_FEATURES) for group, values in table["span"].items()},
            confidence=row(table["confidence"], (*SIGNS, "constant")),
            confidence_english=row(table["confidence_english"], (*SIGNS, "constant")),
        )


@cache
def _bundled() -> Weights:
    return Weights.of(json.loads(_FILE.read_text("utf-8")))


class SentenceReader:
    """Quotes the sentence that answers, and the words in it that do; satisfies ``types.Reader``.

    ``min_confidence`` in 0..1: an answer whose probability lies below it is withheld (0 never withholds). Raises
    UsageError if it lies elsewhere.
    """

    def __init__(self, *, min_confidence: float = MIN_CONFIDENCE, weights: Weights | None = None) -> None:
        if not 0.0 <= min_confidence <= 1.0:
            raise UsageError(f"a confidence lies between 0 and 1, not at {min_confidence}")
        self.min_confidence = min_confidence
        self._weights = weights or _bundled()

    def read(self, question: str, hits: Sequence[Hit]) -> Answer:
        """What ``hits`` (best first) answer to ``question``, or an Answer that is not ``found``."""
        return compose(question, self.candidates(question, hits), hits, self.min_confidence)

    def candidates(self, question: str, hits: Sequence[Hit]) -> list[Quote]:
        """What may answer, best first: of each passage its best sentence, if it comes near the best of all.

        The confidence of each is the probability that it answers, judged with what speaks for the best one.
        """
        asked = understand(question, self._weights.rarity)
        found = lines(asked, hits)
        if not found or not asked.order:
            return []
        judged = self._judged(asked, found)
        least = NEAR * judged[0][1]
        return [self._quote(asked, line, confidence) for line, confidence in judged if confidence >= least]

    def _judged(self, asked: Question, found: Sequence[Line]) -> list[tuple[Line, float]]:
        """The best line of each passage, best first, and the probability that it answers."""
        rows = features(asked, found)
        weights = self._weights.english if asked.english else self._weights.sentence
        scores = [_dot(weights, row) for row in rows]
        best: dict[int, int] = {}  # passage -> its best line
        for i in sorted(range(len(found)), key=lambda i: (-scores[i], i)):
            best.setdefault(found[i].hit.passage.id, i)
        ranked = list(best.values())
        first = scores[ranked[0]]
        second = scores[ranked[1]] if len(ranked) > 1 else first - 3.0
        weights = self._weights.confidence_english if asked.english else self._weights.confidence
        judged: list[tuple[Line, float]] = []
        for i in ranked:
            rival = first if judged else second
            confidence = _logistic(_dot(weights, [*signs(asked, found[i], rows[i], scores[i], rival), 1.0]))
            # What is ranked lower is never believed more.
            judged.append((found[i], min(confidence, math.nextafter(judged[-1][1], 0.0)) if judged else confidence))
        return judged

    def _quote(self, asked: Question, line: Line, confidence: float) -> Quote:
        text = line.hit.article.text
        sentence = completed(asked, line.hit, line.span)
        quote = sentence.of(text)
        span = best_span(asked, quote, self._weights.span)
        placed = [Span(s.start + sentence.start, s.end + sentence.start) for s in (span, *marks(asked, quote, span))]
        return Quote(placed[0].of(text), line.hit, placed[0], sentence, confidence, tuple(placed[1:]))


def _logistic(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x)) if x >= 0 else math.exp(x) / (1.0 + math.exp(x))


def _dot(weights: Sequence[float], values: Sequence[float]) -> float:
    return sum(w * x for w, x in zip(weights, values, strict=True))
