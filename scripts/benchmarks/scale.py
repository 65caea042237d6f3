"""How well is found, and answered, what lies among many other articles.

    python scripts/benchmarks/scale.py INDEX SET ... [--count 400] [--modes hybrid lexical dense] [--ask]

Each SET is a folder in BEIR layout (corpus.jsonl, queries.jsonl, qrels.tsv; answers.jsonl for ``--ask``), of which as
many questions are put as ``--count`` says, spread over it. INDEX is a large index of other articles which holds the
sets' corpora as well: ``semsearch index SET/corpus.jsonl ... --index INDEX``. What another of its articles answers
counts as wrong, since nobody has judged it: the figures are lower bounds, and there to be compared.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is there

from semsearch.cli.evaluate import _gold, _quoted, _ranking
from semsearch.evaluate import evaluate_answers, retrieval
from semsearch.index import Index
from semsearch.ingest import read_answers, read_corpus, read_qrels, read_queries
from semsearch.types import Article


def measured(index: Index, folder: Path, count: int, modes: list[str], ask: bool) -> list[list[str]]:
    """A row for each mode, and one for the answers."""
    queries, qrels, golds = read_queries(folder), read_qrels(folder), read_answers(folder) or {}
    records = list(read_corpus(folder))
    corpus = records[0].file
    entries = {r.article.source.removeprefix(f"{corpus}#"): r.article.text for r in records}
    answerable = [query for query in qrels if query in queries and (query not in golds or golds[query])]
    chosen = answerable[:: max(1, len(answerable) // count)][:count]

    def names(article: Article) -> list[str]:
        return [source.removeprefix(f"{corpus}#") for source in article.sources]

    rows = []
    for mode in modes:
        run, spent = {}, []
        for query in chosen:
            began = time.perf_counter()
            run[query] = _ranking(index, queries[query], mode, names)
            spent.append(time.perf_counter() - began)
        found = retrieval(run, {query: qrels[query] for query in chosen})
        figures = [f"{found['nDCG@10']:.4f}", f"{found['R@10']:.3f}", f"{found['Success@1']:.3f}"]
        rows.append([folder.name, mode, *figures, f"{1e3 * statistics.median(spent):.0f}"])
    if ask and golds:
        right = {query: _gold(golds[query], qrels[query], entries) for query in chosen}
        began = time.perf_counter()
        said = {query: _quoted(index.ask(queries[query]), right[query], names) for query in chosen}
        spent = (time.perf_counter() - began) / len(chosen)
        of = evaluate_answers(said, right)
        figures = [f"{name} {of[name]:.3f}" for name in ("sentence@1", "f1", "wrongly_refused")]
        rows.append([folder.name, "ask", *figures, f"{1e3 * spent:.0f}"])
    return rows


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
        print("| set | mode | nDCG@10 | R@10 | first right | p50 ms |\n|---|---|---:|---:|---:|---:|")
        for folder in args.sets:
            for row in measured(index, folder, args.count, args.modes, args.ask):
                print("|", " | ".join(row), "|", flush=True)


if __name__ == "__main__":
    main()
