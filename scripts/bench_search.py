"""How long a warm search and a warm answer take, stage by stage, beside exact FAISS alone in the same run.

    python scripts/bench_search.py INDEX QUERIES.jsonl [--count 200] [--threads 1]

QUERIES.jsonl has a ``text`` in each row. Each question is put in turn to ``search``, ``ask`` and FAISS's IndexFlatIP
over the index's sentence vectors (float32, one query, its 10 best), so that whatever else the machine does falls on
all of them alike; ratios of one run are what to compare. A stage may hold others (they are indented).
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from semsearch.index import Index, ranking, searching
from semsearch.index.view import View
from semsearch.lexical import LexicalIndex
from semsearch.store import Store
from semsearch.vectors import MappedIndex

Times = dict[str, list[float]]


class Clock:
    """Wraps functions, and sums up the time that each takes in one question."""

    def __init__(self, encoder: object) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        kind = type(encoder)
        stages: list[tuple[str, Any, tuple[str, ...]]] = [
            ("encoder: the question", kind, ("encode_queries",)),
            ("candidates and what each side says of them", ranking, ("gathered",)),
            ("  vectors compared", MappedIndex, ("search",)),
            ("  terms searched", LexicalIndex, ("search",)),
            ("  terms of the other candidates", LexicalIndex, ("scores",)),
            ("  vectors of the candidates", View, ("cosines", "best_sentences")),
            ("encoder: alignment of the best", kind, ("align",)),
            ("fusion", ranking, ("combined",)),
            ("the sentence to show", searching, ("best_sentence",)),
            ("database, in all stages", Store, ("owners", "passages_of", "titles", "pieces", "load")),
        ]
        self.stages = [name for name, owner, functions in stages if all(hasattr(owner, f) for f in functions)]
        for name, owner, functions in stages:
            for function in functions:
                if hasattr(owner, function):
                    setattr(owner, function, self._timed(name, getattr(owner, function)))

    def _timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.spent[name] += time.perf_counter() - began

        return timed


def flat(index: Index) -> faiss.IndexFlatIP:
    """All sentence vectors of the index, as FAISS itself would keep them."""
    held: MappedIndex = index._session._view._sentences.index  # type: ignore[union-attr]
    made = faiss.IndexFlatIP(held.dim)
    for some in np.array_split(held.ids, len(held) // 65_536 + 1):
        made.add(held.get(some))
    return made


def measured(index: Index, queries: list[str]) -> tuple[Times, list[str], int]:
    """Seconds of each question by what was timed, the names of the stages, and how many vectors Flat compares."""
    index.ask(queries[0])
    exact, encoder, clock = flat(index), index.encoder, Clock(index.encoder)
    times: Times = defaultdict(list)
    for query in queries:
        clock.spent.clear()
        began = time.perf_counter()
        index.search(query)
        times["search"].append(time.perf_counter() - began)
        for name in clock.stages:
            times[name].append(clock.spent[name])
        began = time.perf_counter()
        index.ask(query)
        times["ask"].append(time.perf_counter() - began)
        vector = encoder.encode_queries([query])
        began = time.perf_counter()
        exact.search(vector, 10)
        times["Flat"].append(time.perf_counter() - began)
    return times, clock.stages, exact.ntotal


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("queries", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    with args.queries.open(encoding="utf-8") as rows:
        queries = [json.loads(row)["text"] for row, _ in zip(rows, range(args.count), strict=False)]
    with Index.open(args.index, threads=args.threads) as index:
        times, stages, sentences = measured(index, queries)
        status = index.status()
    base = statistics.median(times["Flat"])
    print(f"{status.articles} articles, {status.passages} passages, {sentences} sentences; {len(queries)} questions\n")
    print("| | p50 ms | p95 ms | p50 / Flat's | p95 / Flat's p50 |")
    print("|---|---:|---:|---:|---:|")
    for name in ("Flat", "search", *stages, "ask"):
        p50, p95 = np.quantile(times[name], [0.5, 0.95])
        label = name.replace("  ", "&emsp;") if name not in ("Flat", "search", "ask") else f"**{name}**"
        print(f"| {label} | {1e3 * p50:.2f} | {1e3 * p95:.2f} | {p50 / base:.2f} | {p95 / base:.2f} |")
    half = len(queries) // 2
    first, second = (statistics.median(times["Flat"][some]) for some in (slice(half), slice(half, None)))
    print(f"\nNoise: Flat's p50 of the second half of the run is {second / first:.2f} times that of the first.")


if __name__ == "__main__":
    main()
