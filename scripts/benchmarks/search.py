"""How long a warm search takes, stage by stage, beside exact FAISS alone in the same run.

    python scripts/benchmarks/search.py INDEX QUERIES.jsonl ... [--count 600] [--ask] [--threads 1]

Each QUERIES.jsonl has a ``text`` in each row; ``--count`` rows in all are taken, as many of each file, spread over it,
and every fifth is asked without its accents. Ten at a time are put to FAISS's IndexFlatIP over the index's sentence
vectors (float32, one query, its 10 best) and then to ``search``: with no filter, since the middle of the dates, and
with a part of a source; then ``similar`` is asked about the passages found first. So whatever else the machine does
falls on all of them alike; ratios of one run are what to compare. (One at a time, each search would meet a processor
whose caches Flat has just filled with its gigabytes.) A stage may hold others (they are indented). NumPy's products are
made in one thread, as on the command line.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is there

import faiss
import numpy as np

from semsearch.filters import Filter
from semsearch.float16 import to_float32
from semsearch.index import Index
from semsearch.search import pipeline as searching
from semsearch.search import ranking
from semsearch.search.view import View
from semsearch.storage import Store
from semsearch.storage.lexical import LexicalIndex
from semsearch.storage.segments import read
from semsearch.text import fold

Times = dict[str, list[float]]
ROWS = 65_536
IN_TURN = 10


class Clock:
    """Wraps functions, and sums up the time that each takes in one question."""

    def __init__(self, encoder: object) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        kind = type(encoder)
        stages: list[tuple[str, Any, tuple[str, ...]]] = [
            ("encoder: the question", kind, ("encode_queries",)),
            ("candidates and what each side says of them", ranking, ("gathered",)),
            ("  vectors compared", View, ("nearest",)),
            ("  terms searched", LexicalIndex, ("search",)),
            ("  words of the candidates", LexicalIndex, ("scores", "scores_of_groups")),
            ("  vectors of the candidates", View, ("cosines", "best_sentences")),
            ("encoder: maxsim of the best", kind, ("align",)),
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
    """All sentence vectors of the index's files, as FAISS itself would keep them."""
    with closing(Store.open(index.path / "store.db")) as store:
        parts = [read(index._folder, segment, "sentences")[1] for segment in store.segments()]
    made = faiss.IndexFlatIP(parts[0].shape[1])
    for part in parts:
        for start in range(0, len(part), ROWS):
            made.add(to_float32(part[start : start + ROWS]))
    return made


def asked(files: list[Path], count: int) -> list[str]:
    """Questions of all files in turn."""
    found = []
    for file in files:
        with file.open(encoding="utf-8") as rows:
            texts = [json.loads(row)["text"] for row in rows]
        found.append(texts[:: max(1, len(texts) * len(files) // count)][: count // len(files)])
    mixed = [text for some in zip(*found, strict=False) for text in some]
    return [fold(text) if place % 5 == 4 else text for place, text in enumerate(mixed)]


def measured(index: Index, queries: list[str], *, ask: bool) -> tuple[Times, list[str], int]:
    """Seconds of each question by what was timed, the names of the stages, and how many vectors Flat compares."""
    exact, encoder = flat(index), index.encoder
    for query in queries[:20]:
        index.search(query)
    with closing(Store.open(index.path / "store.db")) as store:
        dates = store._all("SELECT date FROM articles WHERE date IS NOT NULL ORDER BY date")
        source = store._all("SELECT source FROM sources LIMIT 1")[0][0]
    middle = dt.date.fromisoformat(dates[len(dates) // 2][0]) if dates else None
    clock = Clock(encoder)
    times: Times = defaultdict(list)

    def timed(name: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        found = function(*args, **kwargs)
        times[name].append(time.perf_counter() - began)
        return found

    for start in range(0, len(queries), IN_TURN):
        some = queries[start : start + IN_TURN]
        for query in some:
            vector = encoder.encode_queries([query + " "])  # not the very question: the encoder remembers the last
            timed("Flat", exact.search, vector, 10)
        found: list[int] = []
        for query in some:
            clock.spent.clear()
            found += [hit.passage.id for hit in timed("search", index.search, query)[:1]]
            for name in clock.stages:
                times[name].append(clock.spent[name])
        for query in some if middle else []:
            timed(f"search since {middle}", index.search, query, filters=Filter(since=middle))
        for query in some:
            timed(f"search --source {source[-3:]}", index.search, query, filters=Filter(source=source[-3:]))
        for passage in found:
            timed("similar to a passage", index.similar, passage=passage)
        for query in some if ask else []:
            timed("ask", index.ask, query)
    return times, clock.stages, exact.ntotal


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("queries", type=Path, nargs="+")
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--ask", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--vectors", choices=("auto", "exact", "approximate"), default="auto")
    args = parser.parse_args()
    queries = asked(args.queries, args.count)
    with Index.open(args.index, threads=args.threads, vectors=args.vectors) as index:
        times, stages, sentences = measured(index, queries, ask=args.ask)
        status = index.status()
    base = statistics.median(times["Flat"])
    print(f"{status.articles} articles, {status.passages} passages, {sentences} sentences; {len(queries)} questions\n")
    print("| | p50 ms | p95 ms | p50 / Flat's | p95 / Flat's p50 |")
    print("|---|---:|---:|---:|---:|")
    for name in ("Flat", "search", *stages, *(name for name in times if name not in ("Flat", "search", *stages))):
        p50, p95 = np.quantile(times[name], [0.5, 0.95])
        label = name.replace("  ", "&emsp;") if name in stages else f"**{name}**"
        print(f"| {label} | {1e3 * p50:.2f} | {1e3 * p95:.2f} | {p50 / base:.3f} | {p95 / base:.3f} |")
    half = len(queries) // 2
    first, second = (statistics.median(times["Flat"][some]) for some in (slice(half), slice(half, None)))
    print(f"\nNoise: Flat's p50 of the second half of the run is {second / first:.2f} times that of the first.")


if __name__ == "__main__":
    main()
