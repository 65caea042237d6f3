"""How fast a large file of articles is indexed, in how much memory and on how much disk.

    python scripts/bench_index.py news.jsonl.zst [--articles 10000] [--more 100] [--threads 2] [--index FOLDER]

The first articles of FILE are indexed from a file of their own, then some more from another. The rate over time is that
of whole batches, told when each is committed. The encoder alone is given the same texts in the same process afterwards:
those of as many articles, evenly spread, as hold ``--encode`` sentences, and what they take is scaled to all.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import chain, islice
from pathlib import Path

import zstandard

from semsearch.encoders import load_encoder
from semsearch.index import Index, steps
from semsearch.index.ranking import passage_text
from semsearch.ingest.records import unpacked
from semsearch.store import Store

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


def timed(index: Index, file: Path) -> tuple[float, list[tuple[float, int]]]:
    """Seconds of a ``sync``, and for each batch when it was committed and up to which passage."""
    began, commits = time.perf_counter(), []

    def hook(name: str) -> None:
        if name == "committed":
            with closing(Store.open(index.path / "store.db")) as store:
                commits.append((time.perf_counter() - began, int(store.meta("next_passage"))))

    steps.hook = hook
    report = index.sync([file])
    steps.hook = lambda name: None
    took = time.perf_counter() - began
    assert not report.failed, report.failed[:3]
    return took, commits


def texts(store: Store, every: int) -> Iterator[tuple[list[str], list[str]]]:
    """Of every so many-th article what the encoder is given: passages, sentences."""
    for id_ in store.all_ids("articles")[::every]:
        article = store.article(id_)
        made = store.passages(article)
        yield (
            [passage_text(article.title, passage.text) for passage in made],
            [span.of(article.text) for passage in made for span in passage.sentences],
        )


def rates(store: Store, commits: Sequence[tuple[float, int]]) -> list[tuple[int, float]]:
    """(sentences so far, sentences a second) for runs of batches of about a tenth of all."""
    firsts = [last for _, last in commits]
    ids = [id_ // 64 for id_ in store.sentence_ids(64)]
    found, began, done, at = [], 0.0, 0, 0
    for (when, _), first in zip(commits, firsts, strict=True):
        while at < len(ids) and ids[at] < first:
            at += 1
        if at - done >= len(ids) / TENTHS or first == firsts[-1]:
            found.append((at, (at - done) / (when - began)))
            began, done = when, at
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--articles", type=int, default=10_000)
    parser.add_argument("--more", type=int, default=100)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--encode", type=int, default=200_000)
    parser.add_argument("--index", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = cut(options.file, folder, (options.articles, options.more))
        path = options.index or folder / "index"
        with Index.create(path, threads=options.threads) as index:
            whole, commits = timed(index, files[0])
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            with closing(Store.open(path / "store.db")) as store:
                counts, curve = store.counts(), rates(store, commits)
                sizes = {part: size(path, part) for part in ("store.db", "vectors", "lexical")}
                every = max(1, counts["sentences"] // options.encode)
                found = list(texts(store, every))
            more, _ = timed(index, files[1])
    encoder = load_encoder(threads=options.threads)
    own, others = (list(chain.from_iterable(pair[side] for pair in found)) for side in (0, 1))
    scale = counts["sentences"] / len(others)
    encoder.encode_passages(others[:1000])
    began = time.perf_counter()
    encoder.encode_passages(others)
    sentences = (time.perf_counter() - began) * scale
    encoder.encode_passages(own)
    both = (time.perf_counter() - began) * scale
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024
    print(f"articles {counts['articles']:,}, passages {counts['passages']:,}, sentences {counts['sentences']:,}")
    print(f"indexed in {whole:.1f} s: {counts['sentences'] / whole:,.0f} sentences a second")
    for done, rate in curve:
        print(f"  up to {done:>9,}: {rate:,.0f}")
    if len(curve) > 2:
        print(f"rate at the end / at the start: {curve[-1][1] / curve[0][1]:.2f}")
    print(f"the encoder alone: {sentences:.1f} s for the sentences, {both:.1f} s for sentences and passages")
    print(f"indexing takes {whole / sentences:.2f} times the first, {whole / both:.2f} times the second")
    print(f"largest resident memory: {peak * unit / 1e6:,.0f} MB, of one helper {child * unit / 1e6:,.0f} MB")
    parts = ", ".join(f"{part} {bytes_ / counts['sentences']:.0f}" for part, bytes_ in sizes.items())
    print(f"bytes a sentence on disk: {sum(sizes.values()) / counts['sentences']:.0f} ({parts})")
    print(f"{options.more} articles more: {more:.2f} s, {100 * more / whole:.2f} % of the time of all")


def size(path: Path, part: str) -> int:
    return sum(file.stat().st_size for file in [path / part, *(path / part).rglob("*")] if file.is_file())


if __name__ == "__main__":
    main()
