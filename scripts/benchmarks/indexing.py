"""How fast a large file of articles is indexed, in how much memory and on how much disk, and how that grows.

    python scripts/benchmarks/indexing.py news.jsonl.zst [--articles 10000] [--more 100] [--index FOLDER]
    python scripts/benchmarks/indexing.py news.jsonl.zst --articles 1000 10000 100000 150000 [--plot growth.svg]

The first articles of FILE are indexed from a file of their own, then some more from another, then the first file again
with some lines more at its end. The rate over time is that of whole batches, told when each is committed. The encoder
alone is given the same texts in the same process afterwards: those of as many articles, evenly spread, as hold
``--encode`` sentences, and what they take is scaled to all. Seconds are those of the clock and, where other work shares
the machine, those of the processor (of this process; "helpers" are others). Several sizes are measured each in a
process of its own, and told as a table and a plot.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import chain, islice
from pathlib import Path
from typing import Any

import zstandard
from charts import drawn

from semsearch import failpoints
from semsearch.encoders import load_encoder
from semsearch.filters import Filter
from semsearch.index import Index
from semsearch.ingest.records import unpacked
from semsearch.search.ranking import passage_text
from semsearch.storage import Store

TENTHS = 10


def cut(source: Path, folder: Path, counts: Sequence[int]) -> list[Path]:
    """Consecutive parts of a file, of so many lines each."""
    parts = []
    with source.open("rb") as file:
        lines = iter(unpacked(file))
        for number, count in enumerate(counts):
            parts.append(folder / f"part{number}.jsonl.zst")
            with parts[-1].open("wb") as out, zstandard.ZstdCompressor().stream_writer(out) as packed:
                for line in islice(lines, count):
                    packed.write(line)
    return parts


class Timer:
    """Seconds since it was made, by the clock and of this process's work."""

    def __init__(self) -> None:
        self._clock, self._work = time.perf_counter(), time.process_time()

    def __call__(self) -> tuple[float, float]:
        return time.perf_counter() - self._clock, time.process_time() - self._work


def timed(index: Index, file: Path) -> tuple[tuple[float, float], list[tuple[float, float, int]]]:
    """Seconds of a ``sync``, and for each batch when it was committed and up to which passage."""
    timer, commits = Timer(), []

    def hook(name: str) -> None:
        if name == "committed":
            with closing(Store.open(index.path / "store.db")) as store:
                commits.append((*timer(), int(store.meta("next_passage"))))

    failpoints.failpoint_hook = hook
    report = index.sync([file])
    failpoints.failpoint_hook = lambda name: None
    assert not report.failed, report.failed[:3]
    return timer(), commits


def texts(store: Store, every: int) -> Iterator[tuple[list[str], list[str]]]:
    """Of every so many-th article what the encoder is given: passages, sentences."""
    for id_ in store.all_ids("articles")[::every]:
        article = store.article(id_)
        made = store.passages(article)
        yield (
            [passage_text(article.title, passage.text) for passage in made],
            [span.of(article.text) for passage in made for span in passage.sentences],
        )


def rates(store: Store, commits: Sequence[tuple[float, float, int]]) -> list[tuple[int, float, float]]:
    """(sentences so far, sentences a second by both clocks) for runs of batches of about a tenth of all."""
    ids = [id_ // 64 for id_ in store.sentence_ids(64)]
    found, began, done, at = [], (0.0, 0.0), 0, 0
    for clock, work, first in commits:
        while at < len(ids) and ids[at] < first:
            at += 1
        if at - done >= len(ids) / TENTHS or first == commits[-1][2]:
            if at > done:
                found.append((at, (at - done) / (clock - began[0]), (at - done) / (work - began[1])))
            began, done = (clock, work), at
    return found


def newest(path: Path) -> str:
    """The source of the article that was added last."""
    with closing(Store.open(path / "store.db")) as store:
        return store.article(store.all_ids("articles")[-1]).source


def found_by(reader: Index, source: str) -> float:
    """Seconds until a reader that was open before finds an article that has been added meanwhile."""
    began = time.perf_counter()
    while not any(source in hit.article.sources for hit in reader.search("hôm nay", filters=Filter(source=source))):
        assert time.perf_counter() - began < 60
    return time.perf_counter() - began


def measure(options: argparse.Namespace, articles: int) -> dict[str, Any]:
    """Everything about one size."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first, other, lines = cut(options.file, folder, (articles, options.more, options.more))
        path = options.index or folder / "index"
        with Index.create(path, threads=options.threads) as index:
            whole, commits = timed(index, first)
            peak, child = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
            with closing(Store.open(path / "store.db")) as store:
                counts, curve = store.counts(), rates(store, commits)
                sizes = {part: size(path, part) for part in ("store.db", "vectors", "lexical")}
                every = max(1, counts["sentences"] // options.encode)
                found = list(texts(store, every))
            with Index.open(path) as reader:
                reader.search("hôm nay")
                more, _ = timed(index, other)
                seen = found_by(reader, newest(path))
            with first.open("ab") as file:
                file.write(lines.read_bytes())
            again, _ = timed(index, first)
    encoder = load_encoder(threads=options.threads)
    own, others = (list(chain.from_iterable(pair[side] for pair in found)) for side in (0, 1))
    scale = counts["sentences"] / len(others)
    encoder.encode_passages(others[:1000])
    timer = Timer()
    encoder.encode_passages(others)
    alone = [seconds * scale for seconds in timer()]
    encoder.encode_passages(own)
    both = [seconds * scale for seconds in timer()]
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        **{name: counts[name] for name in ("articles", "passages", "sentences")},
        **{"whole": whole, "more": more, "seen": seen, "again": again, "alone": alone, "both": both, "curve": curve},
        "helpers": child.ru_utime + child.ru_stime,
        "memory": peak.ru_maxrss * unit,
        "memory of a helper": child.ru_maxrss * unit,
        "bytes": {part: bytes_ / counts["sentences"] for part, bytes_ in sizes.items()},
    }


def tell(row: dict[str, Any], more: int) -> None:
    whole, alone, both, curve = row["whole"], row["alone"], row["both"], row["curve"]
    print(f"articles {row['articles']:,}, passages {row['passages']:,}, sentences {row['sentences']:,}")
    print(f"indexed in {whole[0]:.1f} s: {row['sentences'] / whole[0]:,.0f} sentences a second")
    print(f"work: {whole[1]:.1f} s, and {row['helpers']:.1f} s of helpers")
    for done, clock, work in curve:
        print(f"  up to {done:>9,}: {clock:,.0f} (a second of work: {work:,.0f})")
    if len(curve) > 2:
        clock, work = (curve[-1][side] / curve[0][side] for side in (1, 2))
        print(f"rate at the end / at the start: {clock:.2f}, by work {work:.2f}")
    print(f"the encoder alone: {alone[0]:.1f} s for the sentences, {both[0]:.1f} s for sentences and passages")
    print(f"indexing takes {whole[0] / alone[0]:.2f} times the first, {whole[0] / both[0]:.2f} times the second")
    print(
        f"by work (helpers apart): {whole[1] / alone[1]:.2f} times the first, {whole[1] / both[1]:.2f} times the second"
    )
    memory, helper = (row[name] / 1e6 for name in ("memory", "memory of a helper"))
    print(f"largest resident memory: {memory:,.0f} MB, of one helper {helper:,.0f} MB")
    parts = ", ".join(f"{part} {bytes_:.0f}" for part, bytes_ in row["bytes"].items())
    print(f"bytes a sentence on disk: {sum(row['bytes'].values()):.0f} ({parts})")
    for name, what in (("more", "articles more"), ("again", "lines more at the end of the file")):
        print(f"{more} {what}: {row[name][0]:.2f} s, {100 * row[name][0] / whole[0]:.2f} % of the time of all")
    print(f"a reader that was open before finds one of them {row['seen']:.2f} s after")


COLUMNS: dict[str, tuple[str, Callable[[dict[str, Any]], float]]] = {
    "sentences a second": (",.0f", lambda row: row["sentences"] / row["whole"][0]),
    "indexing / encoder on the sentences": (".2f", lambda row: row["whole"][0] / row["alone"][0]),
    "rate at the end / start": (".2f", lambda row: row["curve"][-1][1] / row["curve"][0][1]),
    "largest memory, MB": (",.0f", lambda row: row["memory"] / 1e6),
    "bytes a sentence": (",.0f", lambda row: sum(row["bytes"].values())),
    "100 more / all, %": (".2f", lambda row: 100 * row["more"][0] / row["whole"][0]),
    "found by a reader after, s": (".2f", lambda row: row["seen"]),
    "100 lines more / all, %": (".2f", lambda row: 100 * row["again"][0] / row["whole"][0]),
}
"""What the table and the plot tell of each size, how it is written, and how it follows from what was measured."""


def table(rows: Sequence[dict[str, Any]]) -> str:
    lines = [["articles", "sentences", *COLUMNS], ["---"] * (2 + len(COLUMNS))]
    for row in rows:
        told = [format(value(row), form) for form, value in COLUMNS.values()]
        lines.append([f"{row['articles']:,}", f"{row['sentences']:,}", *told])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def plot(rows: Sequence[dict[str, Any]]) -> str:
    """Each column over the number of articles."""
    sizes = [row["articles"] for row in rows]
    return drawn(sizes, {name: [format(value(row), form) for row in rows] for name, (form, value) in COLUMNS.items()})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--articles", type=int, nargs="+", default=[10_000])
    parser.add_argument("--more", type=int, default=100)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--encode", type=int, default=200_000)
    parser.add_argument(
        "--index", type=Path, default=None, help="where to leave the index; of several, as FOLDER/ARTICLES"
    )
    parser.add_argument("--plot", type=Path, default=None, help="an SVG, for several sizes")
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if len(options.articles) == 1:
        row = measure(options, options.articles[0])
        print(json.dumps(row)) if options.json else tell(row, options.more)
        return
    rows = []
    for articles in options.articles:  # each in a process of its own: the largest memory is that of a whole life
        words = [sys.executable, __file__, str(options.file), "--articles", str(articles), "--json"]
        words += ["--more", str(options.more), "--encode", str(options.encode)]
        words += ["--threads", str(options.threads)] if options.threads else []
        words += ["--index", str(options.index / str(articles))] if options.index else []
        rows.append(json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout))
        tell(rows[-1], options.more)
        print(flush=True)
    print(table(rows))
    if options.plot:
        options.plot.write_text(plot(rows), encoding="utf-8")


def size(path: Path, part: str) -> int:
    return sum(file.stat().st_size for file in [path / part, *(path / part).rglob("*")] if file.is_file())


if __name__ == "__main__":
    main()
