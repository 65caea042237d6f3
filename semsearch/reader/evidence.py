"""What speaks for a sentence as the answer to a question, as numbers."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

from ..text import canonical, fold
from ..types import Hit, Span
from .extract import counts_in, typed
from .question import SHORT, Name, Question

__all__ = ["FEATURES", "SIGNS", "Line", "features", "lines", "signs"]

_LEAD = 350  # characters of an article that say what it is about
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
    lead: frozenset[str]
    passage: frozenset[str]
    runs: str  # the terms of title and passage, in order, between spaces

    @property
    def text(self) -> str:
        return self.span.of(self.hit.article.text)


def lines(question: Question, hits: Sequence[Hit]) -> list[Line]:
    """Every sentence of the hits, in their order; a sentence said word for word twice only once."""
    found: list[Line] = []
    nothing: frozenset[str] = frozenset()
    seen: set[tuple[str, ...]] = set()
    leads: dict[str, frozenset[str]] = {}
    for hit in hits:
        article = hit.article
        title = frozenset(question.form(article.title))
        if article.source not in leads:
            start = article.blocks[0].start if article.blocks else 0
            leads[article.source] = frozenset(question.form(article.text[start : start + _LEAD]))
        spans = hit.passage.sentences
        ordered = [tuple(question.form(span.of(article.text))) for span in spans]
        sets = [frozenset(terms) for terms in ordered]
        passage = nothing.union(*sets)
        runs = " ".join(["", *question.form(article.title), *chain.from_iterable(ordered), ""])
        for i, (span, terms) in enumerate(zip(spans, ordered, strict=True)):
            if terms and terms not in seen:
                seen.add(terms)
                before = sets[i - 1] if i else nothing
                after = sets[i + 1] if i + 1 < len(spans) else nothing
                found.append(Line(hit, span, terms, before, after, title, leads[article.source], passage, runs))
    return found


FEATURES = (
    "overlap",  # share of the question's IDF that the sentence holds
    "local",  # the same, with IDF counted among the sentences at hand
    "pairs",  # share of its neighbouring terms
    "before",  # share that the sentence lacks and the one before it holds
    "after",  # ... and the one after it holds
    "title",  # ... and the article's title holds
    "lead",  # ... and the first lines of the article hold
    "names",  # share of the question's names and numbers that are in neither sentence nor passage nor title
    "fused",  # the score of the passage
    "marked",  # 1 for the sentence that search marked
    "cosine",  # of the sentence if search marked it, else of its passage; 0 where the dense side was not asked
    "kind",  # 1 if it holds a thing of the kind asked for, in the measure asked for, that the question does not
    "lacks",  # 1 if that kind can be recognised and is not there
    "unit",  # 1 if it holds a number with a unit that the question counts in
    "read",  # how much likelier the network finds the sentence to answer than nothing, in logits
    "sense",  # share of the question's IDF that a word of like meaning carries, title and lead taken as said
    "bare",  # 1 for a question, and for a few words without a full stop: a heading or a caption
)
"""What a sentence is ranked by."""


def features(
    question: Question, found: Sequence[Line], verdicts: Sequence[float], senses: Sequence[float]
) -> list[list[float]]:
    """One row of FEATURES per line; ``verdicts`` and ``senses`` as ``read`` and ``sense`` there."""
    weights, names = question.weights, question.names
    total = sum(weights.values()) or 1.0
    pair_total = sum(question.pairs.values()) or 1.0
    counts = Counter(term for line in found for term in set(line.terms) if term in weights)
    local = {term: math.log((len(found) + 1) / (counts[term] + 0.5)) for term in weights}
    local_total = sum(local.values()) or 1.0
    rows: list[list[float]] = []
    for line, verdict, sense in zip(found, verdicts, senses, strict=True):
        own = set(line.terms)
        lacking = [term for term in weights if term not in own]
        scores = line.hit.scores
        marked = line.span == line.hit.sentence
        things = typed(question, line.text)
        unit = any(counts_in(question, thing.of(line.text)) for thing in things)
        kind = bool(things) and (unit or not question.measured)
        rows.append(
            [
                1.0 - sum(weights[t] for t in lacking) / total if weights else 0.0,
                1.0 - sum(local[t] for t in lacking) / local_total if weights else 0.0,
                _pairs(question, line.terms) / pair_total,
                sum(weights[t] for t in lacking if t in line.before) / total,
                sum(weights[t] for t in lacking if t in line.after) / total,
                sum(weights[t] for t in lacking if t in line.title) / total,
                sum(weights[t] for t in lacking if t in line.lead) / total,
                sum(not _there(name, line.runs) for name in names) / len(names) if names else 0.0,
                line.hit.score,
                float(marked),
                (scores.sentence if marked else scores.dense) or 0.0,
                float(kind),
                float(not kind and question.kind in SHORT),
                float(unit),
                verdict,
                sense,
                float(
                    line.text.rstrip('”"’').endswith("?") or (len(line.terms) <= 8 and line.text[-1] not in '.!?…"”')
                ),
            ]
        )
    return rows


def _there(name: Name, runs: str) -> bool:
    return any(f" {' '.join(run)} " in runs for run in name)


def _pairs(question: Question, terms: Sequence[str]) -> float:
    there = set(pairwise(terms))
    return sum(weight for pair, weight in question.pairs.items() if pair in there)


SIGNS = (
    "overlap",  # of the sentence, as above
    "pairs",
    "names",  # share of names and numbers that are missing from the article
    "kind",
    "unit",
    "margin",  # by how much the sentence is ranked above the best of another passage, at most 3
    "score",  # what it is ranked by
    "length",  # log of the question's content terms
    "cosine",  # the better one of sentence and passage
    "dense",  # 1 if there is a cosine
    "read",  # as above
)
"""What tells whether the best sentence answers at all."""


def signs(
    question: Question, best: Line, row: Sequence[float], score: float, rival: float, verdict: float
) -> list[float]:
    """One value per SIGNS for the sentence ranked best; ``rival`` is the best score in another passage."""
    value = dict(zip(FEATURES, row, strict=True))
    strange = [name for name in question.names if not _there(name, best.runs)]
    around = _around(question, best) if strange else ""
    unknown = sum(not _written(name, around) for name in strange)
    scores = best.hit.scores
    return [
        value["overlap"],
        value["pairs"],
        unknown / len(question.names) if question.names else 0.0,
        value["kind"],
        value["unit"],
        min(3.0, score - rival),
        score,
        math.log1p(len(question.weights)),
        max(scores.sentence or 0.0, scores.dense or 0.0),
        float(scores.dense is not None or scores.sentence is not None),
        verdict,
    ]


def _around(question: Question, line: Line) -> str:
    """The article's text around the line, to be searched."""
    text = line.hit.article.text[max(0, line.span.start - _AROUND) : line.span.end + _AROUND]
    return fold(text) if question.plain else canonical(text)


def _written(name: Name, text: str) -> bool:
    """Whether canonical text holds the name as whole words."""
    return any(re.search(r"(?<!\w)" + r"\W{1,2}".join(map(_term, run)) + r"(?!\w)", text) for run in name)


def _term(term: str) -> str:
    """A term as it may be written: 37000 as 37.000 or 37,000, 8 as 08, 11,5 as 11.5."""
    if term.isdigit():
        return "0*" + re.sub(r"(?<=\d)(?=(?:\d{3})+$)", "[.,]?", term)
    return re.escape(term).replace(",", "[.,]")
