"""Evaluation: measures of rankings and answers, and the run that puts an evaluation set to a retriever and a reader.

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
from pathlib import Path
from typing import Self

from .answering import answer
from .errors import UsageError
from .ingest import read_answers, read_corpus, read_qrels, read_queries
from .protocols import Reader, Retriever
from .reports import Progress, no_progress
from .text import canonical, clean
from .types import Answer, Article, Mode, Span

__all__ = [
    "RETRIEVAL_MEASURES",
    "EvaluationSet",
    "GoldAnswers",
    "PredictedAnswer",
    "best_per_entry",
    "evaluate_answers",
    "evaluate_retrieval",
    "exact_match",
    "normalise_answer",
    "predicted_answer",
    "rank_entries",
    "run",
    "sentence_at_1",
    "token_f1",
]

RETRIEVAL_MEASURES = ("nDCG@10", "RR@10", "R@10", "Success@1")
"""The ranking measures that every evaluation reports, in ir_measures' notation."""

MAX_RANK = 10
"""The deepest rank that a measure looks at."""

_ASCII_PUNCTUATION = frozenset(string.punctuation)

Ranking = Sequence[tuple[str, float]]
"""(entry id, score), best first, each entry once."""

Qrels = Mapping[str, Mapping[str, int]]
"""Query id -> entry id -> grade; 0 is not relevant."""


# An evaluation set and its run ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GoldAnswers:
    """The correct answers to a question; none if it has no answer."""

    entries: frozenset[str]  # ids of the corpus entries that hold them
    answers: tuple[tuple[str, int], ...]  # (text, start in the entry's text, or -1 if it is not a quote)


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """An evaluation set in the BEIR layout. An entry is one article of its corpus, named by its ``_id``."""

    corpus: str  # the path of corpus.jsonl, as sources name it
    queries: Mapping[str, str]  # text by query id
    qrels: Qrels
    gold: Mapping[str, GoldAnswers]  # by query id; empty if the set has no answers

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read corpus.jsonl, queries.jsonl, qrels.tsv and, if it is there, answers.jsonl.

        Raises:
            UsageError: A file is missing, or qrels.tsv refers to an unknown query.
            IngestError: A file is not in the expected format.
        """
        queries, qrels, answers = read_queries(folder), read_qrels(folder), read_answers(folder)
        unknown = sorted(qrels.keys() - queries.keys())
        if unknown:
            raise UsageError(f"qrels.tsv refers to query {unknown[0]}, which is not in queries.jsonl ({folder}).")

        records = list(read_corpus(folder))
        corpus = records[0].file
        texts = {record.article.source.removeprefix(f"{corpus}#"): record.article.text for record in records}

        gold: dict[str, GoldAnswers] = {}
        for query, correct in (answers or {}).items():
            if query not in queries:
                continue
            relevant = [entry for entry, grade in qrels.get(query, {}).items() if grade > 0 and entry in texts]
            text = texts[relevant[0]] if relevant else ""
            placed: list[tuple[str, int]] = []
            for each in correct:
                place = each.span(text)
                placed.append((each.text, place.start if place else -1))
            gold[query] = GoldAnswers(frozenset(relevant), tuple(placed))
        return cls(corpus, queries, qrels, gold)

    def entries_of(self, article: Article) -> list[str]:
        """Return the ids of the corpus entries with this text."""
        return [source.removeprefix(f"{self.corpus}#") for source in article.sources]

    def entry_of(self, article: Article, gold: GoldAnswers) -> str:
        """Return the id of the corpus entry with this text, preferably one of ``gold``."""
        entries = self.entries_of(article)
        return next((entry for entry in entries if entry in gold.entries), entries[0])


def run(
    dataset: EvaluationSet,
    retriever: Retriever,
    reader: Reader | None = None,
    *,
    mode: Mode = "hybrid",
    progress: Progress = no_progress,
) -> dict[str, float]:
    """Put every question of an evaluation set to a retriever that holds its corpus, and to a reader.

    Args:
        dataset: The set; the sources of the retriever's articles are those that ``read_corpus`` gives them.
        retriever: An ``Index``, or any other.
        reader: Answers the questions that have gold answers; ``None`` measures retrieval only.
        mode: Passed to the retriever.
        progress: Called as ``progress(stage, done, total)``.

    Returns:
        Measures by name: those of ``evaluate_retrieval`` over the questions that have an answer, then those of
        ``evaluate_answers``.
    """
    rankings: dict[str, Ranking] = {}
    for done, query in enumerate(dataset.qrels):
        progress("questions", done, len(dataset.qrels))
        rankings[query] = rank_entries(dataset, retriever, dataset.queries[query], mode)

    unanswerable = {query for query, gold in dataset.gold.items() if not gold.answers}
    measures: dict[str, float] = {}
    if dataset.qrels.keys() - unanswerable:
        measures |= evaluate_retrieval(rankings, dataset.qrels, leave_out=unanswerable)
    if reader is None or not dataset.gold:
        return measures

    predictions: dict[str, PredictedAnswer] = {}
    for done, (query, gold) in enumerate(dataset.gold.items()):
        progress("answers", done, len(dataset.gold))
        found = answer(dataset.queries[query], retriever, reader, mode=mode)
        entry = dataset.entry_of(found.citation.article, gold) if found.citation else ""
        predictions[query] = predicted_answer(found, entry)
    return measures | evaluate_answers(predictions, dataset.gold)


def rank_entries(dataset: EvaluationSet, retriever: Retriever, query: str, mode: Mode) -> Ranking:
    """Return the ``MAX_RANK`` best corpus entries by their best passages, from as many hits as that takes."""
    k = 2 * MAX_RANK
    while True:
        hits = retriever.search(query, k, mode=mode)
        scores = [(entry, hit.score) for hit in hits for entry in dataset.entries_of(hit.article)]
        ranking = best_per_entry(scores)
        if len(ranking) >= MAX_RANK or len(hits) < k:
            return ranking[:MAX_RANK]
        k *= 4


# Rankings ------------------------------------------------------------------------------------


def best_per_entry(scores: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    """Rank corpus entries by the best of their passages; ties by entry id.

    Args:
        scores: (entry id, score of one of its passages), in any order.

    >>> best_per_entry([("a", 0.2), ("b", 0.5), ("a", 0.9)])
    [('a', 0.9), ('b', 0.5)]
    """
    best: dict[str, float] = {}
    for entry, score in scores:
        best[entry] = max(score, best.get(entry, score))
    return sorted(best.items(), key=lambda item: (-item[1], item[0]))


def evaluate_retrieval(
    rankings: Mapping[str, Ranking],
    qrels: Qrels,
    measures: Sequence[str] = RETRIEVAL_MEASURES,
    *,
    leave_out: Collection[str] = (),
) -> dict[str, float]:
    """Return the means over the queries of ``qrels`` by measure name; a query without a ranking counts 0.

    Every measure sees the order of the ranking itself: trec_eval and others break ties each in their own way, so
    they are given ranks instead of scores.

    Args:
        rankings: By query id.
        qrels: Relevance judgements.
        measures: Names in ir_measures' notation.
        leave_out: Queries that do not count, such as those that no entry answers.

    Raises:
        ValueError: A measure is unknown, a ranking contains an entry twice, or there is no judgement.
    """
    import ir_measures  # takes 0.2 s to import, and only evaluation needs it

    judged = {query: dict(grades) for query, grades in qrels.items() if query not in leave_out}
    if not judged:
        raise ValueError("There are no relevance judgements to evaluate against.")
    try:
        parsed = {name: ir_measures.parse_measure(name) for name in measures}
    except (NameError, ValueError) as error:
        raise ValueError(f"Unknown measure: {error}") from error

    scores: dict[str, dict[str, float]] = {}
    for query, ranking in rankings.items():
        scores[query] = {entry: float(len(ranking) - place) for place, (entry, _) in enumerate(ranking)}
        if len(scores[query]) < len(ranking):
            raise ValueError(f"The ranking of query {query} contains an entry twice; use best_per_entry first.")

    # Computed per query and averaged here over all of qrels, since the providers of ir_measures differ in what they do
    # with queries that have no ranking.
    sums = dict.fromkeys(measures, 0.0)
    names = {str(measure): name for name, measure in parsed.items()}
    for value in ir_measures.iter_calc(list(parsed.values()), judged, scores):
        sums[names[str(value.measure)]] += value.value
    return {name: sums[name] / len(judged) for name in measures}


# Answers -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PredictedAnswer:
    """An answer in terms of the corpus. Without ``found``, nothing was answered."""

    found: bool
    entry: str = ""
    text: str = ""
    sentence: Span | None = None  # the sentence quoted, in characters of the entry's text
    sentence_text: str = ""


def predicted_answer(found: Answer, entry: str) -> PredictedAnswer:
    """Return an Answer as a PredictedAnswer; ``entry`` is the id of the corpus entry that its article was made from."""
    if not found.found or found.citation is None or found.sentence is None:
        return PredictedAnswer(found=False)
    sentence = found.sentence.of(found.citation.article.text)
    return PredictedAnswer(True, entry, found.text, found.sentence, sentence)


def evaluate_answers(predictions: Mapping[str, PredictedAnswer], gold: Mapping[str, GoldAnswers]) -> dict[str, float]:
    """Return the answer measures, each between 0 and 1; a question without a prediction counts as refused.

    Returns:
        Over the answerable questions ``sentence@1``, ``exact``, ``f1`` (a refused question scores 0 in all three) and
        ``wrongly_refused``, the share that was refused; over the others ``refused``, the share that was refused. A
        measure is left out if there is no question for it.
    """
    refusal = PredictedAnswer(found=False)
    answerable: list[tuple[PredictedAnswer, GoldAnswers]] = []
    unanswerable: list[PredictedAnswer] = []
    for query, correct in gold.items():
        prediction = predictions.get(query, refusal)
        if correct.answers:
            answerable.append((prediction, correct))
        else:
            unanswerable.append(prediction)

    measures: dict[str, float] = {}
    if answerable:
        sentence_scores = [sentence_at_1(prediction, correct) for prediction, correct in answerable]
        exact_scores, f1_scores = [], []
        for prediction, correct in answerable:
            texts = [text for text, _ in correct.answers]
            exact_scores.append(exact_match(prediction.text, texts) if prediction.found else 0.0)
            f1_scores.append(token_f1(prediction.text, texts) if prediction.found else 0.0)
        measures["sentence@1"] = _mean(sentence_scores)
        measures["exact"] = _mean(exact_scores)
        measures["f1"] = _mean(f1_scores)
    if unanswerable:
        measures["refused"] = _mean([float(not prediction.found) for prediction in unanswerable])
    if answerable:
        measures["wrongly_refused"] = _mean([float(not prediction.found) for prediction, _ in answerable])
    return measures


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def sentence_at_1(prediction: PredictedAnswer, gold: GoldAnswers) -> float:
    """Return 1.0 if the sentence quoted overlaps a gold answer in its corpus entry, otherwise 0.0.

    A gold answer without a place (start -1) counts if the sentence, in the correct entry, contains its words.
    """
    if not prediction.found or prediction.sentence is None or prediction.entry not in gold.entries:
        return 0.0
    words = f" {normalise_answer(prediction.sentence_text)} "
    for text, start in gold.answers:
        if start >= 0:
            # An empty gold text still has a place, one character wide.
            if prediction.sentence.overlaps(Span(start, start + max(1, len(text)))):
                return 1.0
        elif normalise_answer(text) and f" {normalise_answer(text)} " in words:
            return 1.0
    return 0.0


def exact_match(prediction: str, gold: Sequence[str]) -> float:
    """Return 1.0 if the prediction is one of the gold answers, both normalised, otherwise 0.0."""
    return float(normalise_answer(prediction) in {normalise_answer(text) for text in gold})


def token_f1(prediction: str, gold: Sequence[str]) -> float:
    """Return the harmonic mean of precision and recall over syllables, with repetition; the best over ``gold``."""
    predicted = normalise_answer(prediction).split()
    return max((_f1(predicted, normalise_answer(text).split()) for text in gold), default=0.0)


def _f1(predicted: list[str], correct: list[str]) -> float:
    if not predicted or not correct:
        return float(predicted == correct)
    common = (Counter(predicted) & Counter(correct)).total()
    return 2 * common / (len(predicted) + len(correct))


def normalise_answer(text: str) -> str:
    """Return the form in which two answers are compared: cleaned, canonical, without punctuation, single spaces.

    >>> normalise_answer(" “Hoà bình”,  11,5 tỷ. ")
    'hòa bình 115 tỷ'
    """
    letters = [character for character in clean(text) if not _is_punctuation(character)]
    # Only now: without the punctuation, letters may form syllables whose tone mark moves.
    return " ".join(canonical("".join(letters)).split())


def _is_punctuation(character: str) -> bool:
    return character in _ASCII_PUNCTUATION or unicodedata.category(character)[0] == "P"
