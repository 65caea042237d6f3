"""How much of the exact dense ranking is found by codes, and how long that takes, both in the same run.

    python scripts/benchmarks/vectors.py INDEX QUERIES.jsonl... [--count 1000] [--near 250 500 1000 2000]

QUERIES.jsonl have a ``text`` in each row; ``--count`` questions are taken, as many of each file. Each is put in turn to
``search(mode="dense")`` over exact and over approximate vectors of the same index, in one thread. Recall@10 is the mean
share of the exact ten best that the other has among its ten; milliseconds, of processor time, are those of finding the
nearest passages and sentences alone. ``--near`` are numbers of vectors compared after their codes (``mapped.NEAR``).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from semsearch.index import Index
from semsearch.search.view import View
from semsearch.storage.vectors import mapped

DEPTH = 10


class Clock:
    """Sums up the time spent in ``View.nearest``."""

    def __init__(self) -> None:
        self.spent = 0.0
        nearest = View.nearest

        def timed(*args: object) -> list[int]:
            began = time.thread_time()
            try:
                return nearest(*args)  # type: ignore[arg-type]
            finally:
                self.spent += time.thread_time() - began

        View.nearest = timed  # type: ignore[method-assign, assignment]

    def dense(self, index: Index, query: str) -> tuple[list[int], float]:
        """The ten best passages, and the milliseconds of the nearest."""
        self.spent = 0.0
        return [hit.passage.id for hit in index.search(query, DEPTH, mode="dense")], 1e3 * self.spent


def questions(files: Sequence[Path], count: int) -> list[str]:
    """As many of each file, ``count`` in all."""
    found: list[str] = []
    for number, file in enumerate(files):
        share = count * (number + 1) // len(files) - count * number // len(files)
        with file.open(encoding="utf-8") as rows:
            found += [json.loads(row)["text"] for row in islice(rows, share)]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("queries", type=Path, nargs="+")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--near", type=int, nargs="+", default=[mapped.NEAR])
    args = parser.parse_args()
    asked, clock = questions(args.queries, args.count), Clock()
    exact_times: list[float] = []
    times: dict[int, list[float]] = {near: [] for near in args.near}
    shares: dict[int, list[float]] = {near: [] for near in args.near}
    firsts: dict[int, list[bool]] = {near: [] for near in args.near}
    with (
        Index.open(args.index, threads=1, vectors="exact") as exact,
        Index.open(args.index, threads=1, vectors="approximate") as approximate,
    ):
        status = exact.status()
        for index in (exact, approximate):
            index.search(asked[0], mode="dense")
        for query in asked:
            wanted, spent = clock.dense(exact, query)
            exact_times.append(spent)
            for near in args.near:
                mapped.NEAR, mapped.TIMES = near, 1
                found, spent = clock.dense(approximate, query)
                times[near].append(spent)
                shares[near].append(len({*found} & {*wanted}) / max(1, len(wanted)))
                firsts[near].append(found[:1] == wanted[:1])
    print(
        f"{status.articles} articles, {status.passages} passages, {status.sentences} sentences; "
        f"{len(asked)} questions\n"
    )
    print("| compared after their codes | recall@10 | same first | all ten the same | p50 ms | p95 ms |")
    print("|---|---:|---:|---:|---:|---:|")
    for near in args.near:
        p50, p95 = np.quantile(times[near], [0.5, 0.95])
        same = np.mean([share == 1 for share in shares[near]])
        print(
            f"| {near} | {np.mean(shares[near]):.4f} | {np.mean(firsts[near]):.3f} "
            f"| {same:.3f} | {p50:.2f} | {p95:.2f} |"
        )
    p50, p95 = np.quantile(exact_times, [0.5, 0.95])
    print(f"| all (exact) | 1 | 1 | 1 | {p50:.2f} | {p95:.2f} |")


if __name__ == "__main__":
    main()
