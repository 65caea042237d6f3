"""What speaks for a sentence as the answer to a question, as numbers."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..text import canonical, fold
from ..types import Hit, Span
from .extract import typed
from .question import SHORT, Question

__all__ = ["FEATURES", "SIGNS", "Line", "features", "lines", "signs"]

_AROUND = 10_000  # characters of an article, to each side of a sentence, in which a missing word is looked for


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence of a hit, with the terms of itself and of what stands around it in the passage."""

    hit: Hit
    span: Span
    terms: tuple[str, ...]
    before: frozenset[str]
    after: frozenset[str]
    title: frozenset[str]
    passage: frozenset[str]

    @property
    def text(self) -> str:
        return self.span.of(self.hit.article.text)


def lines(question: Question, hits: Sequence[Hit]) -> list[Line]:
    """Every sentence of the hits, in their order; a sentence said word for word twice only once."""
    found: list[Line] = []
    nothing: frozenset[str] = frozenset()
    seen: set[tuple[str, ...]] = set()
    for hit in hits:
        title = frozenset(question.form(hit.article.title))
        spans = hit.passage.sentences
        ordered = [tuple(question.form(span.of(hit.article.text))) for span in spans]
        sets = [frozenset(terms) for terms in ordered]
        passage = nothing.union(*sets)
        for i, (span, terms) in enumerate(zip(spans, ordered, strict=True)):
            if terms and terms not in seen:
                seen.add(terms)
                before = sets[i - 1] if i else nothing
                after = sets[i + 1] if i + 1 < len(spans) else nothing
                found.append(Line(hit, span, terms, before, after, title, passage))
    return found


FEATURES = (
    "overlap",  # share of the question's rarity that the sentence holds
    "local",  # the same, with rarity counted among the sentences at hand
    "pairs",  # share of its neighbouring terms
    "before",  # share that the sentence lacks and the one before it holds
    "after",  # ... and the one after it holds
    "title",  # ... and the article's title holds
    "names",  # share of the question's names and numbers that are in neither sentence nor passage nor title
    "fused",  # the score of the passage
    "marked",  # 1 for the sentence that search marked
    "cosine",  # of the sentence if search marked it, else of its passage; 0 where the dense side was not asked
    "kind",  # 1 if it holds a thing of the kind asked for that the question does not
    "lacks",  # 1 if that kind can be recognised and is not there
)
"""What a sentence is ranked by."""


def features(question: Question, found: Sequence[Line]) -> list[list[float]]:
    """One row of FEATURES per line."""
    weights, names = question.weights, question.names
    total = sum(weights.values()) or 1.0
    pair_total = sum(question.pairs.values()) or 1.0
    counts = Counter(term for line in found for term in set(line.terms) if term in weights)
    local = {term: math.log((len(found) + 1) / (counts[term] + 0.5)) for term in weights}
    local_total = sum(local.values()) or 1.0
    rows: list[list[float]] = []
    for line in found:
        own = set(line.terms)
        lacking = [term for term in weights if term not in own]
        scores = line.hit.scores
        marked = line.span == line.hit.sentence
        kind = bool(typed(question, line.text))
        away = [n for n in names if n not in own and n not in line.passage and n not in line.title]
        rows.append(
            [
                1.0 - sum(weights[t] for t in lacking) / total if weights else 0.0,
                1.0 - sum(local[t] for t in lacking) / local_total if weights else 0.0,
                _pairs(question, line.terms) / pair_total,
                sum(weights[t] for t in lacking if t in line.before) / total,
                sum(weights[t] for t in lacking if t in line.after) / total,
                sum(weights[t] for t in lacking if t in line.title) / total,
                len(away) / len(names) if names else 0.0,
                line.hit.score,
                float(marked),
                (scores.sentence if marked else scores.dense) or 0.0,
                float(kind),
                float(not kind and question.kind in SHORT),
            ]
        )
    return rows


def _pairs(question: Question, terms: Sequence[str]) -> float:
    there = set(zip(terms, terms[1:], strict=False))
    return sum(weight for pair, weight in question.pairs.items() if pair in there)


SIGNS = (
    "overlap",  # of the sentence, as above
    "pairs",
    "passage",  # share of the question's rarity in sentence, passage or title
    "article",  # ... or the article around it
    "rarest",  # the rarest term of the question that the article lacks: its rarity, over 10
    "names passage",  # share of names and numbers that are missing from passage and title
    "names article",  # ... from the article too
    "names",  # 1 if the question holds any
    "kind",
    "lacks",
    "margin",  # by how much the sentence is ranked above the best of another passage
    "score",  # what it is ranked by
    "length",  # log of the question's content terms
    "cosine",  # the better of sentence and passage
    "dense",  # 1 if there is a cosine
)
"""What tells whether the best sentence answers at all."""


def signs(question: Question, best: Line, row: Sequence[float], score: float, rival: float) -> list[float]:
    """One value per SIGNS for the sentence ranked best; ``rival`` is the best score in another passage."""
    weights, names = question.weights, question.names
    total = sum(weights.values()) or 1.0
    near = best.passage | best.title
    far = {term for term in {*weights, *names} if term not in near}
    lost = far - _around(question, best, far) if far else far
    scores = best.hit.scores
    cosine = max(scores.sentence or 0.0, scores.dense or 0.0)
    value = dict(zip(FEATURES, row, strict=True))
    return [
        value["overlap"],
        value["pairs"],
        1.0 - sum(weights[t] for t in far if t in weights) / total,
        1.0 - sum(weights[t] for t in lost if t in weights) / total,
        max((weights[t] for t in lost if t in weights), default=0.0) / 10,
        len(far & names) / len(names) if names else 0.0,
        len(lost & names) / len(names) if names else 0.0,
        float(bool(names)),
        value["kind"],
        value["lacks"],
        min(3.0, score - rival),
        score,
        math.log1p(len(weights)),
        cosine,
        float(scores.dense is not None or scores.sentence is not None),
    ]


def _around(question: Question, line: Line, wanted: set[str]) -> set[str]:
    """Those of ``wanted`` that the article's text around the line holds as whole words."""
    text = line.hit.article.text[max(0, line.span.start - _AROUND) : line.span.end + _AROUND]
    text = fold(text) if question.plain else canonical(text)
    # A number may be written with dots (37.000) where its term has none; each form of it will do.
    return {t for t in wanted if re.search(rf"(?<!\w){_written(t)}(?!\w)", text)}


def _written(term: str) -> str:
    if term.isdigit():
        groups = re.sub(r"(?<=\d)(?=(?:\d{3})+$)", "\0", term)
        return "0*" + groups.replace("\0", "[.,]?")
    return re.escape(term).replace(",", "[.,]")
