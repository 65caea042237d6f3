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

from semsearch.evaluate import Gold, Quoted, best_per_entry, evaluate_answers, quoted, retrieval
from semsearch.index import Index
from semsearch.ingest import read_answers, read_corpus, read_qrels, read_queries
from semsearch.types import Answer, Article, Mode

DEPTH = 10
PASSAGES = 30  # asked for, so that ten different entries are found nearly always


class EvalSet:
    """One set: its questions, judgements and answers."""

    def __init__(self, folder: Path, count: int) -> None:
        self.name = folder.name
        self.queries = read_queries(folder)
        self.qrels = read_qrels(folder)
        self.answers = read_answers(folder) or {}
        records = list(read_corpus(folder))
        self._prefix = f"{records[0].file}#"
        self.entries = {record.article.source.removeprefix(self._prefix): record.article.text for record in records}
        answerable = []
        for query in self.qrels:
            has_answer = query not in self.answers or self.answers[query]
            if query in self.queries and has_answer:
                answerable.append(query)
        self.chosen = answerable[:: max(1, len(answerable) // count)][:count]

    def names(self, article: Article) -> list[str]:
        """Return the article's corpus entries."""
        return [source.removeprefix(self._prefix) for source in article.sources]

    def gold(self, query: str) -> Gold:
        """Return the right answers with their places in the relevant entry."""
        relevant = [name for name, grade in self.qrels[query].items() if grade > 0 and name in self.entries]
        text = self.entries[relevant[0]] if relevant else ""
        answers = []
        for answer in self.answers.get(query, ()):
            span = answer.span(text)
            answers.append((answer.text, span.start if span else -1))
        return Gold(frozenset(relevant), tuple(answers))

    def quoted(self, answer: Answer, gold: Gold) -> Quoted:
        """Return what was quoted, named by a relevant entry if the article has one."""
        if answer.citation is None:
            return quoted(answer, "")
        names = self.names(answer.citation.article)
        relevant = [name for name in names if name in gold.entries]
        return quoted(answer, (relevant or names)[0])


def search_row(index: Index, evalset: EvalSet, mode: Mode) -> list[str]:
    """Return the figures of searching in one mode."""
    run = {}
    seconds = []
    for query in evalset.chosen:
        started = time.perf_counter()
        hits = index.search(evalset.queries[query], PASSAGES, mode=mode)
        seconds.append(time.perf_counter() - started)
        scores = []
        for hit in hits:
            scores += [(name, hit.score) for name in evalset.names(hit.article)]
        run[query] = best_per_entry(scores)[:DEPTH]
    found = retrieval(run, {query: evalset.qrels[query] for query in evalset.chosen})
    figures = [f"{found['nDCG@10']:.4f}", f"{found['R@10']:.3f}", f"{found['Success@1']:.3f}"]
    return [evalset.name, mode, *figures, f"{1e3 * statistics.median(seconds):.0f}"]


def ask_row(index: Index, evalset: EvalSet) -> list[str]:
    """Return the figures of the answers."""
    gold = {query: evalset.gold(query) for query in evalset.chosen}
    answers = {}
    seconds = []
    for query in evalset.chosen:
        started = time.perf_counter()
        answer = index.ask(evalset.queries[query])
        seconds.append(time.perf_counter() - started)
        answers[query] = evalset.quoted(answer, gold[query])
    found = evaluate_answers(answers, gold)
    figures = [f"{name} {found[name]:.3f}" for name in ("sentence@1", "f1", "wrongly_refused")]
    return [evalset.name, "ask", *figures, f"{1e3 * statistics.median(seconds):.0f}"]


def rows(index: Index, folders: Sequence[Path], count: int, modes: Sequence[Mode], ask: bool) -> list[list[str]]:
    found = []
    for folder in folders:
        evalset = EvalSet(folder, count)
        found += [search_row(index, evalset, mode) for mode in modes]
        if ask and evalset.answers:
            found.append(ask_row(index, evalset))
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
