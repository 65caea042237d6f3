"""How fast articles are indexed, in how much memory and on how much disk, and how that grows.

    python scripts/benchmarks/indexing.py news.jsonl.zst [--articles 10000] [--more 100] [--index FOLDER]
    python scripts/benchmarks/indexing.py news.jsonl.zst --articles 1000 10000 100000 [--plot growth.svg]
    python scripts/benchmarks/indexing.py news.jsonl.zst --baseline CHECKOUT [--rounds 3]

The first ``--articles`` lines of the file are indexed from a file of their own, then ``--more`` from another file, then
the first file again with ``--more`` lines at its end. The rates at the start and at the end are those of the first and
the last tenth. The encoder alone gets the same passages in the same process afterwards (of every n-th article, about
``--encode`` passages in all; the time is scaled up). Seconds are those of the clock; "processor" is the time of all
processes together, which is what to compare while other work shares the machine. Each measurement runs in a process of
its own, with two checkouts in turn; medians of ``--rounds`` are printed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import zstandard
from charts import drawn
from checkouts import Checkout, Worker, checkouts, serve, table

Figures = dict[str, float]
WAIT_S = 60


def lines_of(file: Path) -> Iterator[bytes]:
    """Yield the lines of a JSONL file, which may be compressed."""
    with file.open("rb") as raw:
        if file.suffix == ".zst":
            with zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True) as unpacked:
                yield from _split(unpacked)
        else:
            yield from raw


def _split(stream: Any) -> Iterator[bytes]:
    rest = b""
    while block := stream.read(1 << 20):
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            yield line + b"\n"
    if rest:
        yield rest + b"\n"


def cut(source: Path, folder: Path, counts: Sequence[int]) -> list[Path]:
    """Write consecutive parts of ``source`` with ``counts`` lines each."""
    parts = []
    lines = lines_of(source)
    for number, count in enumerate(counts):
        part = folder / f"part{number}.jsonl.zst"
        with part.open("wb") as out, zstandard.ZstdCompressor().stream_writer(out) as packed:
            for line in islice(lines, count):
                packed.write(line)
        parts.append(part)
    return parts


def processor_seconds() -> float:
    """Return the processor time of this process and of those that it has waited for."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def size_of(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def rates(progress: Sequence[tuple[float, int]]) -> tuple[float, float]:
    """Return articles per second in the first and in the last tenth of ``(seconds, articles done)``."""
    if not progress:
        return 0.0, 0.0
    end_s, total = progress[-1]
    first_s, first = next(point for point in progress if point[1] >= total / 10)
    last_s, last = next(point for point in progress if point[1] >= total * 9 / 10)
    at_start = first / first_s
    at_end = (total - last) / (end_s - last_s) if end_s > last_s else at_start
    return at_start, at_end


def measure(file: Path, articles: int, more: int, threads: int | None, encode: int, path: Path | None) -> Figures:
    """Take all figures of one size."""
    from semsearch import Index, load_encoder

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first, other, appended = cut(file, folder, (articles, more, more))
        path = path or folder / "index"
        figures: Figures = {}
        with Index.create(path, threads=threads) as index:
            points: list[tuple[float, int]] = []
            started, processor = time.perf_counter(), processor_seconds()

            def note(stage: str, done: int, total: int) -> None:
                if stage == "articles":
                    points.append((time.perf_counter() - started, done))

            report = index.sync([first], progress=note)
            figures["seconds"] = time.perf_counter() - started
            assert not report.failed, report.failed[:3]
            unit = 1 if sys.platform == "darwin" else 1024
            figures["memory MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
            status = index.status()
            for count in ("articles", "passages", "sentences"):
                figures[count] = getattr(status, count)
            figures["bytes"] = size_of(path)
            figures["rate at the start"], figures["rate at the end"] = rates(points)

            with Index.open(path) as reader:
                reader.search("hôm nay")
                started = time.perf_counter()
                index.sync([other])
                figures["more seconds"] = time.perf_counter() - started
                started = time.perf_counter()
                while len(reader) == figures["articles"] and time.perf_counter() - started < WAIT_S:
                    pass
                reader.search("hôm nay")
                figures["seen seconds"] = time.perf_counter() - started
            with first.open("ab") as out:
                out.write(appended.read_bytes())
            started = time.perf_counter()
            index.sync([first])
            figures["appended seconds"] = time.perf_counter() - started

            step = max(1, round(figures["passages"] / encode))
            texts = []
            for article in islice(index.articles(), 0, None, step):
                texts += [f"{article.title}\n{passage.text}" for passage in index.passages(article.id)]
        figures["processor seconds"] = processor_seconds() - processor
        encoder = load_encoder(threads=threads)
        encoder.encode_passages(texts[:1000])
        started = time.perf_counter()
        encoder.encode_passages(texts)
        figures["encoder seconds"] = (time.perf_counter() - started) * figures["passages"] / len(texts)
    return figures


def work() -> None:
    """Answer requests in a process of its own."""

    def answer(request: dict[str, Any]) -> Figures:
        path = Path(request["index"]) if request["index"] else None
        return measure(
            Path(request["file"]), request["articles"], request["more"], request["threads"], request["encode"], path
        )

    serve(answer)


def columns(figures: Figures, more: int) -> dict[str, str]:
    """Return what is printed about one size, by the names of the columns."""
    return {
        "articles": f"{figures['articles']:,.0f}",
        "sentences": f"{figures['sentences']:,.0f}",
        "seconds": f"{figures['seconds']:.1f}",
        "processor": f"{figures['processor seconds']:.1f}",
        "sentences a second": f"{figures['sentences'] / figures['seconds']:,.0f}",
        "indexing / encoder alone": f"{figures['seconds'] / figures['encoder seconds']:.2f}",
        "rate at the end / start": f"{figures['rate at the end'] / (figures['rate at the start'] or 1):.2f}",
        "memory, MB": f"{figures['memory MB']:,.0f}",
        "bytes a sentence": f"{figures['bytes'] / figures['sentences']:,.0f}",
        f"{more} more, s": f"{figures['more seconds']:.2f}",
        "seen by a reader after, s": f"{figures['seen seconds']:.2f}",
        f"{more} lines appended, s": f"{figures['appended seconds']:.2f}",
    }


def main() -> None:
    if sys.argv[1:] == ["--worker"]:
        work()
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--articles", type=int, nargs="+", default=[10_000])
    parser.add_argument("--more", type=int, default=100)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--encode", type=int, default=50_000, help="passages for the encoder alone")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--index", type=Path, help="leave the indexes of this checkout in FOLDER/ARTICLES")
    parser.add_argument("--plot", type=Path, help="write an SVG of this checkout's sizes")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--baseline", type=Path, help="another checkout to compare with")
    args = parser.parse_args()

    found: dict[tuple[int, Checkout], Figures] = {}
    for articles in args.articles:
        rounds: dict[Checkout, list[Figures]] = {checkout: [] for checkout in checkouts(args.baseline)}
        for round_number in range(args.rounds):
            for checkout, figures in rounds.items():
                keep = args.index and round_number == 0 and checkout.name == "this checkout"
                with Worker(__file__, checkout) as worker:
                    answer = worker.ask(
                        file=str(args.file.resolve()),
                        articles=articles,
                        more=args.more,
                        threads=args.threads,
                        encode=args.encode,
                        index=str((args.index / str(articles)).resolve()) if keep else None,
                    )
                figures.append(answer)
                print(f"{checkout.name}, {articles:,} articles: {answer['seconds']:.1f} s", file=sys.stderr)
        for checkout, figures in rounds.items():
            found[articles, checkout] = {
                name: statistics.median(figure[name] for figure in figures) for name in figures[0]
            }

    printed = {key: columns(figures, args.more) for key, figures in found.items()}
    header = ["checkout", *next(iter(printed.values()))]
    print(table(header, [[checkout.name, *cells.values()] for (_, checkout), cells in printed.items()]))
    if args.json:
        rows = [{"checkout": checkout.name, **figures} for (_, checkout), figures in found.items()]
        args.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    if args.plot:
        sizes = [cells for (_, checkout), cells in printed.items() if checkout.name == "this checkout"]
        names = [name for name in header[3:] if name != "processor"]
        args.plot.write_text(drawn(args.articles, {name: [cells[name] for cells in sizes] for name in names}), "utf-8")


if __name__ == "__main__":
    main()
