"""Quality among many other articles: searches and answers over a large index.

    python scripts/benchmarks/scale.py INDEX SET ... [--count 400] [--modes hybrid lexical dense] [--ask]

Each SET is a folder in BEIR layout (corpus.jsonl, queries.jsonl, qrels.tsv; answers.jsonl for ``--ask``); ``--count``
of its questions are asked, spread over it. INDEX is a large index of other articles that holds the sets' corpora too:
``semsearch index SET/corpus.jsonl ... --index INDEX``. An answer from one of the other articles counts as wrong, since
nobody has judged it: the figures are lower bounds, to be compared with one another.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is imported

from checkouts import table

from semsearch.evaluate import (
    EvaluationSet,
    evaluate_answers,
    evaluate_retrieval,
    predicted_answer,
    rank_entries,
)
from semsearch.index import Index
from semsearch.types import Mode


def chosen_queries(dataset: EvaluationSet, count: int) -> list[str]:
    """Return ``count`` queries, evenly spread over those that have an answer."""
    answerable = []
    for query in dataset.qrels:
        if query not in dataset.gold or dataset.gold[query].answers:
            answerable.append(query)
    return answerable[:: max(1, len(answerable) // count)][:count]


def search_row(index: Index, name: str, dataset: EvaluationSet, queries: Sequence[str], mode: Mode) -> list[str]:
    """Return the figures of searching in one mode."""
    rankings = {}
    seconds = []
    for query in queries:
        started = time.perf_counter()
        rankings[query] = rank_entries(dataset, index, dataset.queries[query], mode)
        seconds.append(time.perf_counter() - started)
    found = evaluate_retrieval(rankings, {query: dataset.qrels[query] for query in queries})
    figures = [f"{found['nDCG@10']:.4f}", f"{found['R@10']:.3f}", f"{found['Success@1']:.3f}"]
    return [name, mode, *figures, f"{1e3 * statistics.median(seconds):.0f}"]


def ask_row(index: Index, name: str, dataset: EvaluationSet, queries: Sequence[str]) -> list[str]:
    """Return the figures of the answers."""
    gold = {query: dataset.gold[query] for query in queries}
    predictions = {}
    seconds = []
    for query in queries:
        started = time.perf_counter()
        answer = index.ask(dataset.queries[query])
        seconds.append(time.perf_counter() - started)
        entry = dataset.entry_of(answer.citation.article, gold[query]) if answer.citation else ""
        predictions[query] = predicted_answer(answer, entry)
    found = evaluate_answers(predictions, gold)
    figures = [f"{measure} {found[measure]:.3f}" for measure in ("sentence@1", "f1", "wrongly_refused")]
    return [name, "ask", *figures, f"{1e3 * statistics.median(seconds):.0f}"]


def rows(index: Index, folders: Sequence[Path], count: int, modes: Sequence[Mode], ask: bool) -> list[list[str]]:
    found = []
    for folder in folders:
        dataset = EvaluationSet.load(folder)
        queries = chosen_queries(dataset, count)
        found += [search_row(index, folder.name, dataset, queries, mode) for mode in modes]
        if ask and dataset.gold:
            found.append(ask_row(index, folder.name, dataset, queries))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--modes", nargs="+", choices=("hybrid", "lexical", "dense"), default=["hybrid", "lexical"])
    parser.add_argument("--ask", action="store_true")
    args = parser.parse_args()
    with Index.open(args.index, threads=1) as index:
        status = index.status()
        print(f"{status.articles} articles, {status.passages} passages; {args.count} questions of each set\n")
        found = rows(index, args.sets, args.count, args.modes, args.ask)
    print(table(["set", "mode", "nDCG@10", "R@10", "first right", "p50 ms"], found))


if __name__ == "__main__":
    main()
