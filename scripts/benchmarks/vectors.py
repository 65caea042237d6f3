"""How many of the exact ten best passages approximate vector search finds, and how long each takes.

    python scripts/benchmarks/vectors.py INDEX QUERIES.jsonl ... [--count 1000]

QUERIES.jsonl have a ``text`` in each row; ``--count`` questions are taken, as many from each file. Each is put in turn
to ``search(mode="dense")`` over exact and over approximate vectors of the same index, in one thread. Recall@10 is the
mean share of the exact ten best that the approximate search has among its ten. Milliseconds are processor time of the
whole search.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from checkouts import table

from semsearch.index import Index

DEPTH = 10


def questions(files: Sequence[Path], count: int) -> list[str]:
    """Return ``count`` questions in all, as many from each file."""
    found: list[str] = []
    for number, file in enumerate(files):
        share = count * (number + 1) // len(files) - count * number // len(files)
        with file.open(encoding="utf-8") as rows:
            found += [json.loads(row)["text"] for row in islice(rows, share)]
    return found


def best_passages(index: Index, query: str) -> tuple[list[int], float]:
    """Return the ids of the ten best passages, and the milliseconds of the search."""
    started = time.thread_time()
    hits = index.search(query, DEPTH, mode="dense")
    spent_ms = 1e3 * (time.thread_time() - started)
    return [hit.passage.id for hit in hits], spent_ms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("queries", type=Path, nargs="+")
    parser.add_argument("--count", type=int, default=1000)
    args = parser.parse_args()

    asked = questions(args.queries, args.count)
    recalls: list[float] = []
    same_first: list[bool] = []
    times: dict[str, list[float]] = {"exact": [], "approximate": []}
    with (
        Index.open(args.index, threads=1, vectors="exact") as exact,
        Index.open(args.index, threads=1, vectors="approximate") as approximate,
    ):
        status = exact.status()
        for index in (exact, approximate):
            index.search(asked[0], mode="dense")
        for query in asked:
            wanted, exact_ms = best_passages(exact, query)
            found, approximate_ms = best_passages(approximate, query)
            times["exact"].append(exact_ms)
            times["approximate"].append(approximate_ms)
            recalls.append(len({*found} & {*wanted}) / max(1, len(wanted)))
            same_first.append(found[:1] == wanted[:1])

    print(f"{status.articles} articles, {status.passages} passages; {len(asked)} questions\n")
    rows = []
    for name, spent in times.items():
        p50, p95 = np.quantile(spent, [0.5, 0.95])
        shares = np.array(recalls if name == "approximate" else [1.0])
        first = np.mean(same_first) if name == "approximate" else 1.0
        figures = [f"{shares.mean():.4f}", f"{first:.3f}", f"{np.mean(shares == 1):.3f}"]
        rows.append([name, *figures, f"{p50:.2f}", f"{p95:.2f}"])
    print(table(["vectors", "recall@10", "same first", "all ten the same", "p50 ms", "p95 ms"], rows))


if __name__ == "__main__":
    main()
