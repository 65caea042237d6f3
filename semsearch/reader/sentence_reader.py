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
from ..types import Answer, Hit, Span
from .evidence import FEATURES, SIGNS, Line, features, lines, signs
from .extract import SPAN_FEATURES, best_span, completed, marks
from .question import Question, Rarity, understand

__all__ = ["MIN_CONFIDENCE", "SentenceReader", "Weights"]

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


def rarity_of(table: Mapping[str, Any]) -> Rarity:
    """From ``rarest`` and ``rarity``, which lists the terms of each rarity."""
    words = {word: float(key) for key, group in table["rarity"].items() for word in group.split()}
    return Rarity(words, float(table["rarest"]))


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
        """The best answer that ``hits`` (best first) hold to ``question``, or one that is not ``found``.

        A withheld answer keeps its confidence, so that one can see how near it was.
        """
        asked = understand(question, self._weights.rarity)
        found = lines(asked, hits)
        if not found or not asked.order:
            return Answer(question, found=False, hits=tuple(hits))
        best, confidence = self._judged(asked, found)
        if confidence < self.min_confidence:
            return Answer(question, found=False, confidence=confidence, hits=tuple(hits))
        return self._quoted(asked, best, confidence, hits)

    def _judged(self, asked: Question, found: Sequence[Line]) -> tuple[Line, float]:
        """The best line, and the probability that it answers."""
        rows = features(asked, found)
        weights = self._weights.english if asked.english else self._weights.sentence
        scores = [_dot(weights, row) for row in rows]
        top = max(range(len(found)), key=lambda i: (scores[i], -i))
        best = found[top]
        passage = best.hit.passage.id
        others = [s for s, line in zip(scores, found, strict=True) if line.hit.passage.id != passage]
        evidence = signs(asked, best, rows[top], scores[top], max(others, default=scores[top] - 3.0))
        weights = self._weights.confidence_english if asked.english else self._weights.confidence
        return best, _logistic(_dot(weights, [*evidence, 1.0]))

    def _quoted(self, asked: Question, best: Line, confidence: float, hits: Sequence[Hit]) -> Answer:
        text = best.hit.article.text
        sentence = completed(asked, best.hit, best.span)
        quote = sentence.of(text)
        span = best_span(asked, quote, self._weights.span)
        placed = [Span(s.start + sentence.start, s.end + sentence.start) for s in (span, *marks(asked, quote, span))]
        return Answer(
            question=asked.text,
            found=True,
            text=placed[0].of(text),
            citation=best.hit,
            span=placed[0],
            sentence=sentence,
            confidence=confidence,
            marks=tuple(placed[1:]),
            hits=tuple(hits),
        )


def _logistic(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x)) if x >= 0 else math.exp(x) / (1.0 + math.exp(x))


def _dot(weights: Sequence[float], values: Sequence[float]) -> float:
    return sum(w * x for w, x in zip(weights, values, strict=True))
