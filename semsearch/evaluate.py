"""How good a run is: rankings against qrels, answers against gold answers. Pure: no files, no printing.

Ranking measures are those of ``ir_measures`` (TREC's). Exact match and F1 are SQuAD's (Rajpurkar et al. 2016,
"SQuAD: 100,000+ Questions for Machine Comprehension of Text", section 6.1) with Vietnamese normalisation in the
place of English articles.
"""

from __future__ import annotations

import string
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from .text import canonical, clean
from .types import Answer, Span

__all__ = [
    "RETRIEVAL",
    "Gold",
    "Quoted",
    "best_per_entry",
    "evaluate",
    "evaluate_answers",
    "exact_match",
    "normalise_answer",
    "quoted",
    "retrieval",
    "sentence_at_1",
    "token_f1",
]

RETRIEVAL = ("nDCG@10", "RR@10", "R@10", "Success@1")
"""The ranking measures that every evaluation reports, in ir_measures' notation."""

Qrels = Mapping[str, Mapping[str, int]]
"""Query id -> entry id -> grade; 0 is not relevant."""

Run = Mapping[str, Sequence[tuple[str, float]]]
"""Query id -> (entry id, score), best first, each entry once."""


def best_per_entry(ranking: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    """Corpus entries ranked by the best of their passages; ties by entry id.

    ``ranking`` holds (entry id, score of one of its passages) in any order.

    >>> best_per_entry([("a", 0.2), ("b", 0.5), ("a", 0.9)])
    [('a', 0.9), ('b', 0.5)]
    """
    best: dict[str, float] = {}
    for entry, score in ranking:
        best[entry] = max(score, best.get(entry, score))
    return sorted(best.items(), key=lambda item: (-item[1], item[0]))


def evaluate(run: Run, qrels: Qrels, measures: Sequence[str] = RETRIEVAL) -> dict[str, float]:
    """Means over the queries of ``qrels`` (those missing from ``run`` count 0), by measure name.

    Every measure sees the order of the run itself: trec_eval and others break ties each in a way of their own,
    so ranks are given to them in place of scores. Raises ValueError for an unknown measure, for an entry that
    a ranking holds twice, and where ``qrels`` is empty.
    """
    import ir_measures  # here: it takes 0.2 s to import, and only evaluation needs it

    if not qrels:
        raise ValueError("There are no relevance judgements to evaluate against.")
    try:
        wanted = {name: ir_measures.parse_measure(name) for name in measures}
    except (NameError, ValueError) as error:
        raise ValueError(f"ir_measures knows no measure of this name: {error}") from error
    ranks: dict[str, dict[str, float]] = {}
    for query, ranking in run.items():
        ranks[query] = {entry: float(len(ranking) - i) for i, (entry, _) in enumerate(ranking)}
        if len(ranks[query]) < len(ranking):
            raise ValueError(f"The ranking of query {query} holds an entry twice; use best_per_entry first.")
    grades = {query: dict(judged) for query, judged in qrels.items()}
    # Computed per query and averaged here over all of qrels, since providers differ in what they do with queries
    # that the run does not hold.
    sums = dict.fromkeys(measures, 0.0)
    names = {str(measure): name for name, measure in wanted.items()}
    for value in ir_measures.iter_calc(list(wanted.values()), grades, ranks):
        sums[names[str(value.measure)]] += value.value
    return {name: sums[name] / len(qrels) for name in measures}


def retrieval(run: Run, qrels: Qrels, *, leave_out: Collection[str] = ()) -> dict[str, float]:
    """nDCG@10, RR@10, R@10 and Success@1, without the queries of ``leave_out`` (those that no entry answers)."""
    return evaluate(run, {query: judged for query, judged in qrels.items() if query not in leave_out})


@dataclass(frozen=True, slots=True)
class Quoted:
    """What was answered, in the terms of a corpus: ``sentence`` counts in characters of the entry's text."""

    found: bool
    entry: str = ""
    text: str = ""
    sentence: Span | None = None
    sentence_text: str = ""


@dataclass(frozen=True, slots=True)
class Gold:
    """The right answers to a question: (text, start in the entry's text or -1), none if it has no answer.

    ``entries`` are the corpus entries in which ``start`` counts.
    """

    entries: frozenset[str]
    answers: tuple[tuple[str, int], ...]


def quoted(answer: Answer, entry: str) -> Quoted:
    """An Answer as Quoted; ``entry`` is the id of the corpus entry that its article was made from."""
    if not answer.found or answer.citation is None or answer.sentence is None:
        return Quoted(found=False)
    sentence = answer.sentence.of(answer.citation.article.text)
    return Quoted(True, entry, answer.text, answer.sentence, sentence)


_ASCII_PUNCTUATION = frozenset(string.punctuation)


def normalise_answer(text: str) -> str:
    """What two answers are compared by: cleaned, canonical, without punctuation, single spaces.

    >>> normalise_answer(" “Hoà bình”,  11,5 tỷ. ")
    'hòa bình 115 tỷ'
    """
    kept = (c for c in canonical(clean(text)) if c not in _ASCII_PUNCTUATION and unicodedata.category(c)[0] != "P")
    return " ".join("".join(kept).split())


def exact_match(prediction: str, gold: Sequence[str]) -> float:
    """1.0 if the prediction is one of the gold answers, both normalised, else 0.0."""
    return float(normalise_answer(prediction) in {normalise_answer(text) for text in gold})


def token_f1(prediction: str, gold: Sequence[str]) -> float:
    """Harmonic mean of precision and recall over syllables, counted with repetition; the best over ``gold``."""
    said = normalise_answer(prediction).split()
    return max((_f1(said, normalise_answer(text).split()) for text in gold), default=0.0)


def _f1(prediction: list[str], gold: list[str]) -> float:
    if not prediction or not gold:
        return float(prediction == gold)
    common = (Counter(prediction) & Counter(gold)).total()
    return 2 * common / (len(prediction) + len(gold))


def sentence_at_1(answer: Quoted, gold: Gold) -> float:
    """1.0 if the sentence quoted overlaps a gold span in its corpus entry, else 0.0.

    A gold answer without a place (start -1) counts as met if the sentence, in the right entry, holds its words.
    """
    if not answer.found or answer.sentence is None or answer.entry not in gold.entries:
        return 0.0
    for text, start in gold.answers:
        if start >= 0:
            # An empty gold text still is a place: one character wide.
            if answer.sentence.overlaps(Span(start, start + max(1, len(text)))):
                return 1.0
        elif normalise_answer(text) and f" {normalise_answer(text)} " in f" {normalise_answer(answer.sentence_text)} ":
            return 1.0
    return 0.0


def evaluate_answers(answers: Mapping[str, Quoted], gold: Mapping[str, Gold]) -> dict[str, float]:
    """The answer measures, each in 0..1; a question that ``answers`` does not hold counts as refused.

    Over the answerable questions: ``sentence@1``, ``exact``, ``f1`` (a refused one scores 0 in all three) and
    ``wrongly_refused``, the share of them that was refused. Over the others: ``refused``, the share of them that
    was. A key is there only if there is a question for it.
    """
    refusal = Quoted(found=False)
    rows = [(answers.get(query, refusal), right) for query, right in gold.items()]
    answerable = [(said, right) for said, right in rows if right.answers]
    others = [said for said, right in rows if not right.answers]
    result: dict[str, float] = {}
    if answerable:
        texts = [(said.text, [text for text, _ in right.answers]) for said, right in answerable if said.found]
        count = len(answerable)
        result["sentence@1"] = sum(sentence_at_1(said, right) for said, right in answerable) / count
        result["exact"] = sum(exact_match(said, right) for said, right in texts) / count
        result["f1"] = sum(token_f1(said, right) for said, right in texts) / count
    if others:
        result["refused"] = sum(not said.found for said in others) / len(others)
    if answerable:
        result["wrongly_refused"] = sum(not said.found for said, _ in answerable) / len(answerable)
    return result
