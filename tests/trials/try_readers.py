"""Readers in processes of their own query an index while one process writes and another tries to.

    python tests/trials/try_readers.py [--minutes 10] [--readers 8] [--seed 1]

The writer adds, replaces and removes pairs of articles, each pair in one transaction; small segments are merged on the
way, and from time to time everything is rebuilt. Each transaction advances a clock, which is an article too. Readers
search in all modes, ask, look for similar passages, and show passages. Of every result must hold:

* each passage is a part of its article, and its id never shows another text to any reader;
* each article is word for word one that was written; of a pair both halves are there, in one version, or neither is;
* a call that begins after a commit shows it, without opening the index again.

Then two writers: while one holds the index, each attempt of another is refused with the name of the holder, and as soon
as the holder is killed with SIGKILL another may write.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from semsearch import Article, Hit, Index, IndexLocked, Span, UsageError, failpoints
from semsearch.filters import Filter
from semsearch.indexing.check import doctor

TOWNS = ["Mường Tè", "Bảo Lâm", "Vị Xuyên", "Đầm Hà", "Cư Jút", "Sa Thầy", "Thới Bình", "Nậm Pồ", "Yên Minh"]
EVERYTHING = "đoàn công tác trao phần quà"
CLOCK, NOW = "clock/now", "đồng hồ của tòa soạn chỉ nhịp"
HOLDER = re.compile(r"process \d+ on \S+ since .* is writing to ")


def lines(number: int, half: str, version: int) -> list[str]:
    town = TOWNS[number % len(TOWNS)]
    name = f"{number}{half} bản {version}"
    return [
        f"Tin {name} từ huyện {town}",
        *(
            f"Đoàn công tác thứ {i} của tin {name} đã đến {town} trao {number + version + i} phần quà cho học sinh "
            f"nghèo, cùng người dân dọn đường, sửa trường và thăm trạm y tế xã sau mưa lũ."
            for i in range(6)
        ),
    ]


def article(source: str, parts: Sequence[str]) -> Article:
    text = "\n\n".join(parts)
    starts = [text.index(part) for part in parts]
    blocks = tuple(Span(start, start + len(part)) for start, part in zip(starts, parts, strict=True))
    return Article(text, (source,), blocks, title=parts[0])


def pair(number: int, version: int) -> list[Article]:
    return [article(f"tin/{number}/{half}", lines(number, half, version)) for half in "ab"]


# Readers --------------------------------------------------------------------------------------


class Reading:
    """One reader: what it asks, and what it saw."""

    def __init__(self, path: str, seed: int) -> None:
        self.index = Index.open(path)
        self.chance = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.texts: dict[int, int] = {}  # checksum of the text by passage id
        self.clock: list[tuple[int, float, float]] = []  # value shown, and when the call began and ended
        self.slowest = 0.0
        self.wrong: list[str] = []

    def run(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        kinds = [self.search, self.search, self.whole, self.ask, self.similar, self.show]
        while time.monotonic() < end:
            for kind in (self.look_at_clock, self.chance.choice(kinds)):
                began = time.monotonic()
                try:
                    kind()
                except Exception as error:
                    self.wrong.append(f"{kind.__name__}: {type(error).__name__}: {error}")
                self.counts[kind.__name__] += 1
                self.slowest = max(self.slowest, time.monotonic() - began)
            time.sleep(self.chance.uniform(0.05, 0.25))

    def look_at_clock(self) -> None:
        began = time.monotonic()
        (hit,) = self.index.search(
            NOW, 1, filters=Filter(source=CLOCK), mode=self.chance.choice(["hybrid", "lexical", "dense"])
        )
        self.clock.append((int(hit.article.text.split()[-1]), began, time.monotonic()))

    def checked(self, hits: Sequence[Hit]) -> Sequence[Hit]:
        """Check that every hit is right and that all are of one state."""
        versions: dict[str, dict[str, int]] = {}
        for hit in hits:
            found, passage = hit.article, hit.passage
            assert found.text[passage.start : passage.end] == passage.text
            assert passage.start <= hit.sentence.start < hit.sentence.end <= passage.end
            mark = zlib.crc32(passage.text.encode())
            assert self.texts.setdefault(passage.id, mark) == mark, f"passage {passage.id} shows another text"
            if found.source != CLOCK:
                _, number, half = found.source.split("/")
                version = int(found.title.split(" từ ")[0].split()[-1])
                assert found.text == "\n\n".join(lines(int(number), half, version)), f"never written: {found.text}"
                assert versions.setdefault(number, {}).setdefault(half, version) == version, "two versions"
        for number, halves in versions.items():
            assert len(set(halves.values())) == 1, f"the halves of {number} are of different versions: {halves}"
        return hits

    def random_search(self, k: int = 8) -> Sequence[Hit]:
        query = f"{EVERYTHING} {self.chance.choice(TOWNS)}"
        return self.checked(self.index.search(query, k, mode=self.chance.choice(["hybrid", "lexical", "dense"])))

    def search(self) -> None:
        self.random_search()

    def whole(self) -> None:
        """Find everything: of every pair both halves, with all their passages."""
        hits = self.checked(
            self.index.search(EVERYTHING, 2000, mode=self.chance.choice(["hybrid", "lexical", "dense"]))
        )
        places = Counter(hit.article.source for hit in hits if hit.article.source != CLOCK)
        numbers = {source.split("/")[1] for source in places}
        assert places.keys() == {f"tin/{number}/{half}" for number in numbers for half in "ab"}, "half of a pair"
        for hit in hits:
            if hit.passage.end == len(hit.article.text) and hit.article.source != CLOCK:
                assert places[hit.article.source] == hit.passage.position + 1, "a passage is missing"
        assert len(numbers) >= 4, "most articles are missing"

    def ask(self) -> None:
        town = self.chance.choice(TOWNS)
        answer = self.index.ask(f"Đoàn công tác đã đến {town} trao bao nhiêu phần quà?")
        self.checked(answer.hits)
        for quote in answer.quotes:
            assert quote.citation.article.text[quote.span.start : quote.span.end] == quote.text

    def similar(self) -> None:
        """Look for passages similar to one that may have been replaced meanwhile, which must be reported."""
        (hit,) = self.random_search(1)
        try:
            hits = self.checked(self.index.similar(passage=hit.passage.id, k=5))
        except UsageError:
            self.counts["replaced meanwhile"] += 1
            return
        assert hit.article.id not in {found.article.id for found in hits}, "finds itself"

    def show(self) -> None:
        id_ = self.chance.choice(list(self.texts))
        try:
            self.checked([self.index.show(id_)])
        except UsageError:
            self.counts["replaced meanwhile"] += 1

    def report(self) -> dict[str, Any]:
        return {
            "counts": self.counts,
            "clock": self.clock,
            "texts": list(self.texts.items()),
            "slowest": self.slowest,
            "wrong": self.wrong,
        }


# Writers ---------------------------------------------------------------------------------------


class Writing:
    """The writer, which keeps about forty pairs in the index."""

    def __init__(self, path: Path, seed: int) -> None:
        self.index = Index.open_or_create(path)
        self.chance = random.Random(seed)
        self.there: dict[int, int] = {}  # version by number
        self.next = 0
        self.tick = 0
        self.committed: dict[int, float] = {}  # time of each tick of the clock
        self.counts: Counter[str] = Counter()
        failpoints.failpoint_hook = self.reached

    def reached(self, step: str) -> None:
        if step == "committed":
            self.committed.setdefault(self.tick, time.monotonic())
        if step in ("merge committed", "changed over"):
            self.counts[step] += 1

    def put(self, pairs: list[Article]) -> None:
        self.tick += 1
        try:
            self.index.add([*pairs, article(CLOCK, [f"{NOW.capitalize()} {self.tick}"])])
        except IndexLocked:
            self.tick -= 1
            raise
        self.counts["additions and replacements"] += 1

    def one_more(self) -> None:
        fresh = range(self.next, self.next + self.chance.randint(1, 4))
        self.next = fresh.stop
        versions = dict.fromkeys(fresh, 0)
        if len(self.there) > 4:
            versions |= {n: self.there[n] + 1 for n in self.chance.sample(sorted(self.there), 2)}
        self.put([half for number, version in versions.items() for half in pair(number, version)])
        self.there |= versions
        while len(self.there) > 40:
            number = self.chance.choice(sorted(self.there))
            self.counts["removed"] += self.index.remove(f"tin/{number}")
            del self.there[number]
        if self.tick % 60 == 0:
            self.index.rebuild()


def others(path: str, seconds: float) -> dict[str, Any]:
    """Try to write, as another process; each refusal must name the holder."""
    end, counts, wrong = time.monotonic() + seconds, Counter[str](), []
    index = Index.open(path)
    while time.monotonic() < end:
        try:
            index.remove("nobody/knows/it")
            counts["admitted"] += 1
        except IndexLocked as error:
            counts["refused"] += 1
            if not HOLDER.match(str(error)):
                wrong.append(str(error))
        except Exception as error:
            wrong.append(f"{type(error).__name__}: {error}")
        index.status()  # looks at the lock, and must not hinder a writer
        time.sleep(0.1)
    return {"counts": counts, "wrong": wrong}


def hold(path: str) -> None:
    """Hold the lock until killed."""

    def slowly() -> Iterator[Article]:
        yield article("held/1", ["Một bài đang được viết."])
        print("holding", flush=True)
        sys.stdin.read()

    Index.open(path).add(slowly())


def two_writers(path: Path, rounds: int, tries: int) -> list[str]:
    """Return what is wrong; every round ends with a SIGKILL."""
    wrong = []
    for _ in range(rounds):
        holder = started("hold", str(path))
        assert holder.stdout
        holder.stdout.readline()
        with Index.open(path) as index:
            for _ in range(tries):
                try:
                    index.remove("nobody/knows/it")
                    wrong.append("two writers at once")
                except IndexLocked as error:
                    if not str(error).startswith(f"process {holder.pid} on "):
                        wrong.append(str(error))
            holder.kill()
            holder.wait()
            index.add([article("tin/after", ["Người trước đã chết, người sau viết tiếp."])])
            if index.status().writer or index.search("đang được viết", filters=Filter(source="held/1")):
                wrong.append("something of the killed writer is left")
            index.remove("tin/after")
    return wrong


# All together ----------------------------------------------------------------------------------


def started(verb: str, *given: str) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, "--part", verb, *given]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )


def judged(
    writing: Writing, reports: list[dict[str, Any]], other: dict[str, Any], refused: int, wrong: list[str]
) -> bool:
    """Print what happened; tell whether anything was wrong."""
    texts: dict[int, int] = {}
    counts: Counter[str] = Counter()
    delays, firsts = [], dict[int, float]()
    for report in reports:
        if not report:
            wrong.append("a reader has died")
            continue
        counts.update(report["counts"])
        wrong += report["wrong"]
        for id_, mark in report["texts"]:
            if texts.setdefault(id_, mark) != mark:
                wrong.append(f"two readers saw different texts for {id_}")
        seen = 0
        for tick, began, ended in report["clock"]:
            committed = max((t for t, when in writing.committed.items() if when <= began), default=0)
            if tick < committed:
                wrong.append(f"a call that began after {committed} was committed showed {tick}")
            for new in range(seen + 1, tick + 1):
                if seen and new in writing.committed:
                    delay = ended - writing.committed[new]
                    delays.append(delay)
                    firsts[new] = min(delay, firsts.get(new, delay))
            seen = max(seen, tick)
    wrong += other.get("wrong", ["the other writer has died"])
    wrong += [str(finding) for finding in doctor(writing.index.path)]
    print(f"writer: {dict(writing.counts)}, refused {refused} times")
    print(f"the other writer: {other.get('counts')}")
    slowest = max((report["slowest"] for report in reports if report), default=0)
    print(f"{len(reports)} readers: {dict(counts)}; slowest call {slowest:.2f} s")
    print(f"{len(texts)} passages seen")
    for name, values in (("by the first reader", list(firsts.values())), ("by each reader", delays)):
        parts = statistics.quantiles(values, n=100) if len(values) > 1 else [0.0] * 99
        percentiles = ", ".join(f"p{part} {parts[part - 1]:.3f} s" for part in (50, 95, 99))
        print(f"seen {name} after a commit: {percentiles}, most {max(values, default=0):.3f} s")
    print(f"{len(wrong)} wrong", *Counter(wrong).most_common(10), sep="\n")
    return bool(wrong)


def main() -> None:
    if sys.argv[1:2] == ["--part"]:
        verb, path, *rest = sys.argv[2:]
        if verb == "hold":
            hold(path)
        elif verb == "other":
            print(json.dumps(others(path, float(rest[0]))))
        else:
            reading = Reading(path, int(rest[1]))
            reading.run(float(rest[0]))
            print(json.dumps(reading.report()))
        return
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--readers", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="readers-"))
    path = folder / "index"
    writing = Writing(path, args.seed)
    for _ in range(6):
        writing.one_more()
    seconds = 60 * args.minutes
    readers = [started("reader", str(path), str(seconds), str(args.seed + n)) for n in range(args.readers)]
    other = started("other", str(path), str(seconds))
    end, refused = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        try:
            writing.one_more()
        except IndexLocked:  # the other one was quicker
            refused += 1
        time.sleep(0.2)
    reports = [json.loads(reader.communicate()[0] or "{}") for reader in readers]
    other_report = json.loads(other.communicate()[0] or "{}")
    bad = judged(writing, reports, other_report, refused, two_writers(path, 3, 20))
    shutil.rmtree(folder)
    sys.exit(bad)


if __name__ == "__main__":
    main()
