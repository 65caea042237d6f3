"""Features of a sentence as the answer to a question."""

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

_LEAD_CHARACTERS = 350  # at the beginning of an article, which say what it is about
_CONTEXT_CHARACTERS = 10_000  # on each side of a sentence, in which a missing name is looked for


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence of a hit, with its terms and those of its context."""

    hit: Hit
    span: Span
    terms: tuple[str, ...]
    before: frozenset[str]
    after: frozenset[str]
    title: frozenset[str]
    lead: frozenset[str]
    passage: frozenset[str]
    runs: str  # the terms of title and passage, in order, with a space around each

    @property
    def text(self) -> str:
        return self.span.of(self.hit.article.text)


def lines(question: Question, hits: Sequence[Hit]) -> list[Line]:
    """Return every sentence of the hits in their order, without repetitions."""
    found: list[Line] = []
    nothing: frozenset[str] = frozenset()
    seen: set[tuple[str, ...]] = set()
    leads: dict[str, frozenset[str]] = {}
    for hit in hits:
        article = hit.article
        title = frozenset(question.form(article.title))
        if article.source not in leads:
            start = article.blocks[0].start if article.blocks else 0
            leads[article.source] = frozenset(question.form(article.text[start : start + _LEAD_CHARACTERS]))
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
    "overlap",  # share of the question's IDF that the sentence contains
    "local",  # the same, with IDF computed from the sentences of the hits
    "pairs",  # share of the pairs of neighbouring terms
    "before",  # share that the sentence lacks and the one before it contains
    "after",  # ... and the one after it contains
    "title",  # ... and the article's title contains
    "lead",  # ... and the first lines of the article contain
    "names",  # share of the question's names and numbers that are in neither sentence nor passage nor title
    "fused",  # the score of the passage
    "marked",  # 1 for the sentence that search marked
    "cosine",  # of the sentence if search marked it, else of its passage; 0 in lexical mode
    "kind",  # 1 if it contains something of the type asked for (and in the unit asked for) that is not in the question
    "lacks",  # 1 if that type can be recognised and is missing
    "unit",  # 1 if it contains a number with a unit that the question asks for
    "read",  # the network's logit of the sentence minus that of "no answer"
    "sense",  # share of the question's IDF covered by words of similar meaning, or by title and lead
    "bare",  # 1 for a question, and for a few words without a full stop (a heading or a caption)
)
"""The features by which sentences are ranked."""


def features(
    question: Question, found: Sequence[Line], verdicts: Sequence[float], senses: Sequence[float]
) -> list[list[float]]:
    """Return one row of FEATURES for each line; ``verdicts`` are its ``read``, ``senses`` its ``sense``."""
    weights, names = question.weights, question.names
    total = sum(weights.values()) or 1.0
    pair_total = sum(question.pairs.values()) or 1.0
    counts = Counter(term for line in found for term in set(line.terms) if term in weights)
    local = {term: math.log((len(found) + 1) / (counts[term] + 0.5)) for term in weights}
    local_total = sum(local.values()) or 1.0
    rows: list[list[float]] = []
    for line, verdict, sense in zip(found, verdicts, senses, strict=True):
        sentence_terms = set(line.terms)
        lacking = [term for term in weights if term not in sentence_terms]
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
    "margin",  # its score minus that of the best sentence of another passage, at most 3
    "score",  # its ranking score
    "length",  # log of the number of the question's content terms
    "cosine",  # the greater of those of sentence and passage
    "dense",  # 1 if there is a cosine
    "read",  # as above
)
"""The features from which the confidence is computed."""


def signs(
    question: Question, best: Line, row: Sequence[float], score: float, rival: float, verdict: float
) -> list[float]:
    """Return one value for each of SIGNS; ``rival`` is the best score in another passage."""
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
    """Return the canonical text of the article around the line."""
    text = line.hit.article.text[max(0, line.span.start - _CONTEXT_CHARACTERS) : line.span.end + _CONTEXT_CHARACTERS]
    return fold(text) if question.plain else canonical(text)


def _written(name: Name, text: str) -> bool:
    """Whether a canonical text contains the name as whole words."""
    return any(re.search(r"(?<!\w)" + r"\W{1,2}".join(map(_term, run)) + r"(?!\w)", text) for run in name)


def _term(term: str) -> str:
    """Return a pattern of the ways to write a term: 37000 as 37.000 or 37,000, 8 as 08, 11,5 as 11.5."""
    if term.isdigit():
        return "0*" + re.sub(r"(?<=\d)(?=(?:\d{3})+$)", "[.,]?", term)
    return re.escape(term).replace(",", "[.,]")
