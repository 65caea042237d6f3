"""How long a search and an answer take in a process that has warmed up.

    python scripts/benchmarks/search.py INDEX QUERIES.jsonl ... [--count 600] [--flat] [--profile]
        [--source TEXT] [--since DATE] [--baseline CHECKOUT --baseline-index INDEX]

QUERIES.jsonl have a ``text`` in each row; ``--count`` questions are taken, as many from each file, spread over it, and
every fifth is asked without its accents. Ten questions at a time are put to each kind of request in turn: ``search``,
``ask``, ``similar`` to a passage, and a filtered search with ``--source`` or ``--since``. ``--flat`` adds FAISS's
IndexFlatIP over the passages' vectors (float32, one query, its 10 best); it encodes all passages first. ``--profile``
prints where the time of ``search`` goes, by functions. The baseline's index has to be built by the baseline's code.
"""

from __future__ import annotations

import argparse
import cProfile
import datetime as dt
import json
import pstats
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from checkouts import Checkout, Worker, checkouts, serve, table

BATCH = 10
WARM_UP = 20
PASSAGES_AT_A_TIME = 10_000


class Measured:
    """An index and the seconds that its answers take."""

    def __init__(self, path: str, threads: int, vectors: str, source: str | None, since: str | None) -> None:
        from semsearch import Index

        self.index: Any = Index.open(path, threads=threads, vectors=vectors)  # type: ignore[arg-type]
        self.requests: dict[str, Callable[[str], Any]] = {
            "search": self.index.search,
            "ask": self.index.ask,
            "similar": self.similar,
        }
        self._passage_id = 0
        if source or since:
            from semsearch.filters import Filter

            day = dt.date.fromisoformat(since) if since else None
            condition = Filter(source=source, since=day)
            self.requests["filtered search"] = lambda query: self.index.search(query, filters=condition)

    def similar(self, query: str) -> Any:
        """Look for passages that are similar to the best one of the last search."""
        return self.index.similar(passage=self._passage_id) if self._passage_id else []

    def add_flat(self) -> int:
        """Encode all passages for the comparison with FAISS alone; return how many there are."""
        import faiss

        encoder = self.index.encoder
        flat = faiss.IndexFlatIP(encoder.dim)
        texts: list[str] = []
        for article in self.index.articles():
            texts += [passage.text for passage in self.index.passages(article.id)]
            if len(texts) >= PASSAGES_AT_A_TIME:
                flat.add(encoder.encode_passages(texts))
                texts.clear()
        if texts:
            flat.add(encoder.encode_passages(texts))
        # The space keeps encoders that remember the last question from being asked the same one twice.
        self.requests["FAISS IndexFlatIP"] = lambda query: flat.search(encoder.encode_queries([query + " "]), 10)
        return int(flat.ntotal)

    def seconds(self, request: str, queries: list[str]) -> list[float]:
        """Return the seconds of each query."""
        call = self.requests[request]
        spent = []
        for query in queries:
            started = time.perf_counter()
            found = call(query)
            spent.append(time.perf_counter() - started)
            if request == "search" and found:
                self._passage_id = found[0].passage.id
        return spent

    def profile(self, queries: list[str]) -> None:
        """Print the functions that take most of the time of ``search`` to stderr."""
        profiler = cProfile.Profile()
        profiler.enable()
        for query in queries:
            self.index.search(query)
        profiler.disable()
        pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(30)


def work() -> None:
    """Answer requests in a process of its own."""
    opened: list[Measured] = []

    def answer(request: dict[str, Any]) -> Any:
        if "open" in request:
            opened.append(Measured(request["open"], **request["options"]))
            passages = opened[0].add_flat() if request["flat"] else 0
            status = opened[0].index.status()
            return {"articles": status.articles, "passages": status.passages, "flat passages": passages}
        if "profile" in request:
            opened[0].profile(request["profile"])
            return None
        return opened[0].seconds(request["request"], request["queries"])

    serve(answer)


def questions(files: list[Path], count: int) -> list[str]:
    """Return questions of all files in turn, every fifth without accents."""
    from semsearch.text import fold

    columns = []
    for file in files:
        with file.open(encoding="utf-8") as rows:
            texts = [json.loads(row)["text"] for row in rows]
        step = max(1, len(texts) * len(files) // count)
        columns.append(texts[::step][: count // len(files)])
    mixed = []
    for texts in zip(*columns, strict=False):
        mixed += texts
    return [fold(text) if place % 5 == 4 else text for place, text in enumerate(mixed)]


def main() -> None:
    if sys.argv[1:] == ["--worker"]:
        work()
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("queries", type=Path, nargs="+")
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--vectors", choices=("auto", "exact", "approximate"), default="auto")
    parser.add_argument("--source", help="search in sources with this text too")
    parser.add_argument("--since", metavar="DATE", help="search in articles of this day or later too")
    parser.add_argument("--flat", action="store_true")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--baseline", type=Path, help="another checkout to compare with")
    parser.add_argument("--baseline-index", type=Path)
    args = parser.parse_args()
    if (args.baseline is None) != (args.baseline_index is None):
        parser.error("--baseline and --baseline-index go together")

    asked = questions(args.queries, args.count)
    options = {name: getattr(args, name) for name in ("threads", "vectors", "source", "since")}
    requests = ["search", "ask", "similar"]
    if args.source or args.since:
        requests.append("filtered search")
    if args.flat:
        requests.append("FAISS IndexFlatIP")

    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    with ExitStack() as stack:
        workers: dict[Checkout, Worker] = {}
        for checkout in checkouts(args.baseline):
            worker = stack.enter_context(Worker(__file__, checkout))
            path = args.baseline_index if checkout.name == "baseline" else args.index
            size = worker.ask(open=str(path.resolve()), options=options, flat=args.flat)
            print(f"{checkout.name}: {size['articles']} articles, {size['passages']} passages; {len(asked)} questions")
            for request in requests:
                worker.ask(request=request, queries=asked[:WARM_UP])
            workers[checkout] = worker
        for start in range(0, len(asked), BATCH):
            batch = asked[start : start + BATCH]
            for request in requests:
                for checkout, worker in workers.items():
                    times[request, checkout.name] += worker.ask(request=request, queries=batch)
        if args.profile:
            workers[checkouts(None)[0]].ask(profile=asked)

    rows = []
    for (request, name), seconds in times.items():
        first = times[request, next(iter(workers)).name]
        p50, p95 = np.quantile(seconds, [0.5, 0.95])
        ratio = statistics.median(seconds) / statistics.median(first)
        rows.append([request, name, f"{1e3 * p50:.2f}", f"{1e3 * p95:.2f}", f"{ratio:.3f}"])
    print()
    print(table(["request", "checkout", "p50 ms", "p95 ms", "p50 / first checkout's"], rows))

    half = len(asked) // 2
    seconds = times["search", "this checkout"]
    drift = statistics.median(seconds[half:]) / statistics.median(seconds[:half])
    print(f"\nNoise: the p50 of the second half of the searches is {drift:.2f} times that of the first.")


if __name__ == "__main__":
    main()
