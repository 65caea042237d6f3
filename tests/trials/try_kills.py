"""Kills a writer at every failpoint and at random moments, and checks what each kill leaves.

    python tests/trials/try_kills.py [--random 200] [--visits 2] [--seed 1] [--only VERB] [--keep FOLDER]

A small index (a dozen articles, batches of three) is updated, loses a file, is rebuilt, rebuilt with another encoder,
and split into other passages; small segments are merged on the way. Each verb first runs once to see which failpoints
it visits and how often; it is then killed at the first and the last visits of each, on a copy. At random moments one
index is killed again and again, and used further. After every kill:

* the index opens at once, ``doctor`` finds nothing to repair, and all three modes find every article;
* every article of the last committed batch is there, with the text it had then or the one it was to get;
* no passage id shows another text than the one it was first seen with, and a reader that was open sees the same;
* the run is started again (sometimes killed again, sometimes after another one) and ends as it should;
* it encodes again at most the batch that was in progress, and leaves no unknown file.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from children import Children

import semsearch.indexing.rebuild  # before there is a fork
import semsearch.indexing.writer
from semsearch import IndexMissing, failpoints
from semsearch import segmentation as sentences
from semsearch.index import Index
from semsearch.indexing import pipeline as sync
from semsearch.indexing.check import doctor
from semsearch.protocols import Encoder
from semsearch.storage import Store, segments
from semsearch.text import fold

PACKAGE = Path(semsearch.index.__file__).parent
TOWNS = ["Mường Tè", "Bảo Lâm", "Vị Xuyên", "Đầm Hà", "Cư Jút", "Sa Thầy", "Thới Bình"]
QUERY = "đoàn công tác trao phần quà"
ENCODERS = ("letters", "others")
IN_TERMS = {".managed.json", "meta.json"}
WINDOWS = (sentences.PASSAGE_SYLLABLES, sentences.PASSAGE_SYLLABLES + 1)


class TrigramEncoder:
    """An encoder that counts trigrams in 32 places; it writes what it encodes to a log that survives a kill."""

    dim = 32

    def __init__(self, name: str, log: Log | None = None) -> None:
        self.name = name
        self.fingerprint = f"trigrams-{name}"
        self._log = log

    def encode_queries(self, texts: Sequence[str]) -> np.ndarray:
        vectors = np.zeros((len(texts), self.dim), np.float32)
        for row, text in enumerate(texts):
            folded = f" {fold(text)} {self.name}"
            for place in range(len(folded) - 2):
                vectors[row, zlib.crc32(folded[place : place + 3].encode()) % self.dim] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def encode_passages(self, texts: Sequence[str]) -> np.ndarray:
        if self._log:
            self._log.write("encoded", list(texts))
        return self.encode_queries(texts)


@dataclass(frozen=True, slots=True)
class Run:
    """What a child does; ``encoder`` and ``window`` are those of the index afterwards."""

    verb: str  # index, remove, rebuild, encoder, split
    path: str
    news: str
    source: str = ""
    encoder: str = ENCODERS[0]
    window: int = WINDOWS[0]


class Log:
    """A file of JSON lines ``[event, value]``, each written at once."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def write(self, event: str, value: Any) -> None:
        os.write(self._file, json.dumps([event, value]).encode() + b"\n")


def work(run: dict[str, Any], log: str, step: str = "", visit: int = 0) -> None:
    """Do a run, in a child; with ``step``, kill the child at that visit of this failpoint."""
    todo = Run(**run)
    events = Log(log)
    visits_left = visit

    def hook(name: str) -> None:
        nonlocal visits_left
        if name == "committed":
            events.write("held", held(Path(todo.path)))
        events.write("step", name)
        if name == step:
            visits_left -= 1
            if not visits_left:
                os.kill(os.getpid(), signal.SIGKILL)

    failpoints.failpoint_hook = hook
    small()
    do(todo, TrigramEncoder(todo.encoder, events))


def small() -> None:
    """Make batches so small that a run of some tenths of a second has many."""
    sync.BATCH_ARTICLES = 3
    segments.CODED = segments._ROWS = 16
    sys.modules["semsearch.indexing.rebuild"].BATCH_PASSAGES = 4  # type: ignore[attr-defined]


def do(run: Run, encoder: TrigramEncoder) -> None:
    sentences.PASSAGE_SYLLABLES = run.window
    with Index.open_or_create(run.path, encoder=encoder if run.verb in ("index", "remove") else None) as index:
        if run.verb == "index":
            index.sync([run.news])
        elif run.verb == "remove":
            index.remove(run.source)
        else:
            index.rebuild(encoder)


# The state of the files and of the index -------------------------------------------------------


def story(number: int, version: int) -> str:
    town = TOWNS[number % len(TOWNS)]
    parts = [f"Đoàn công tác {number}.{version}.{i} đến {town} trao {number + i} phần quà." for i in range(3)]
    return "\n\n".join([f"Tin số {number} từ {town}, bản {version}", *parts])


def files_in(news: Path) -> dict[str, str]:
    """Return the texts of the files, by path."""
    return {path.as_posix(): path.read_text("utf-8") for path in sorted(news.iterdir())}


def held(path: Path) -> dict[str, str]:
    """Return the texts that the index holds, by source."""
    with Index.open(path) as index:
        return {source: article.text.strip() for article in index.articles() for source in article.sources}


def exists(path: Path) -> bool:
    """Tell whether there is an index; if its creation was interrupted, there is not."""
    try:
        Store.open(path / "store.db").close()
    except IndexMissing:
        return False
    return True


def made_with(path: Path) -> tuple[str, int]:
    """Return the encoder and the window of the database's manifest."""
    store = Store.open(path / "store.db")
    try:
        manifest = json.loads(store.meta("manifest"))
        return manifest["encoder"], manifest["window"]
    finally:
        store.close()


def unknown_files(path: Path) -> list[str]:
    """Return the files that do not belong to the index."""
    store = Store.open(path / "store.db")
    try:
        known = {f"{segment.number:06d}" for segment in store.segments()}
        number = int(store.meta("lexical"))
    finally:
        store.close()
    names = {"lock", "manifest.json", "store.db", "store.db-wal", "store.db-shm"}
    found = [p for p in path.iterdir() if p.is_file() and p.name not in names]
    found += [p for p in (path / "vectors").glob("*") if p.name not in known]
    found += [p for p in (path / "lexical").iterdir() if p.name != f"{number:03d}"]
    for folder in (path / "lexical" / f"{number:03d}").iterdir():
        managed = {*json.loads((folder / ".managed.json").read_bytes()), *IN_TERMS}
        found += [p for p in folder.iterdir() if p.name not in managed and p.suffix != ".lock"]
    return sorted(p.relative_to(path).as_posix() for p in found)


@dataclass(slots=True)
class Watch:
    """Checks one index in every state, and remembers the text that each passage id was first seen with."""

    path: Path
    texts: dict[int, str] = field(default_factory=dict)
    encoder: Callable[[str], Encoder] = TrigramEncoder  # by its name
    reader: Index | None = None  # open since the beginning

    def look(self) -> dict[str, str]:
        """Check everything that must hold in any state; return what the index holds."""
        name, sentences.PASSAGE_SYLLABLES = made_with(self.path)
        encoder = self.encoder(name)
        with Index.open(self.path, encoder=encoder) as index:
            now = self._of(index)
        if self.reader is not None:
            self.reader._encoder.replace(encoder, encoder)  # test encoders cannot be loaded by name
            assert self._of(self.reader) == now, "a reader that was open sees another state"
        bad = [finding for finding in doctor(self.path) if finding.level == "error"]
        assert not bad, f"doctor: {bad}"
        return now

    def _of(self, index: Index) -> dict[str, str]:
        articles = {article.id: article for article in index.articles()}
        for article in articles.values():
            for passage in index.passages(article.id):
                assert passage.text == article.text[passage.start : passage.end]
                assert self.texts.setdefault(passage.id, passage.text) == passage.text, f"another text: {passage.id}"
        assert index.status().articles == len(articles)
        for mode in ("hybrid", "dense", "lexical"):
            hits = index.search(QUERY, 500, mode=mode)  # type: ignore[arg-type]
            for hit in hits:
                assert self.texts[hit.passage.id] == hit.passage.text, f"found with another text: {hit.passage.id}"
                assert hit.article.text == articles[hit.article.id].text
            assert {hit.article.id for hit in hits} == set(articles), f"{mode} does not find every article"
        return {source: article.text.strip() for article in articles.values() for source in article.sources}


def change(news: Path, chance: random.Random, numbers: Iterator[int]) -> None:
    """Add, change and remove some files, rename one, and copy one."""
    files = sorted(news.iterdir())
    for file in chance.sample(files, min(2, len(files))):
        file.write_text(story(int(file.stem), next(numbers)), "utf-8")
    for file in chance.sample(files, min(2, len(files)) if len(files) < 16 else 9):
        file.unlink()
    for number in (next(numbers) for _ in range(7)):
        (news / f"{number}.txt").write_text(story(number, 0), "utf-8")
    files = sorted(news.iterdir())
    files[0].rename(news / f"{next(numbers)}.txt")
    (news / f"{next(numbers)}.txt").write_bytes(files[1].read_bytes())


def aim(verb: str, path: Path, news: Path, chance: random.Random) -> Run:
    """Return a run of ``verb`` that fits the index in its state."""
    if not exists(path):
        return Run("index", str(path), str(news))
    encoder, window = made_with(path)
    run = Run(verb, str(path), str(news), encoder=encoder, window=window)
    if verb == "remove":
        return replace(run, source=chance.choice(sorted(held(path)) or [str(news)]))
    if verb == "encoder":
        return replace(run, encoder=ENCODERS[1 - ENCODERS.index(encoder)])
    if verb == "split":
        return replace(run, window=WINDOWS[1 - WINDOWS.index(window)])
    return run


def expected(run: Run, before: dict[str, str]) -> dict[str, str]:
    """Return what the index must hold after ``run``."""
    if run.verb == "index":
        return {s: text for s, text in before.items() if not s.startswith(f"{run.news}/")} | files_in(Path(run.news))
    return {source: text for source, text in before.items() if run.verb != "remove" or source != run.source}


# Trials ----------------------------------------------------------------------------------------


@dataclass(slots=True)
class Trials:
    """Runs and kills writers, and counts kills and failures."""

    children: Children
    folder: Path
    killed: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    encoded_again: int = 0  # texts, after a kill
    encoded: int = 0
    runs: int = 0

    def start(self, run: Run, step: str = "", visit: int = 0, after: float | None = None) -> tuple[int, list[Any]]:
        """Run a child; return its exit code and its log.

        Args:
            step: Kill it at the visit ``visit`` of this failpoint.
            after: Kill it after this many seconds.
        """
        log = self.folder / f"log-{self.runs}"
        self.runs += 1
        victim = self.children.start("work", run=asdict(run), log=str(log), step=step, visit=visit)
        if after is not None:
            time.sleep(after)
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        code = self.children.wait()
        lines = log.read_text("utf-8").splitlines() if log.exists() else []
        events = [json.loads(line) for line in lines]
        log.unlink(missing_ok=True)
        assert code in (0, -signal.SIGKILL), f"the run failed with {code}"
        if code:
            self.killed[run.verb, step or "at random"] += 1
        return code, events

    def after_kill(self, run: Run, watch: Watch, before: dict[str, str], events: list[Any]) -> dict[str, str]:
        """Check what a kill left; return what the index holds."""
        if not exists(watch.path):
            assert not before, "the database is gone"
            return {}
        committed = [value for event, value in events if event == "held"]
        last = committed[-1] if committed else before
        target = expected(run, before)
        now = watch.look()
        for source in last.keys() | target.keys() | now.keys():
            assert now.get(source) in (last.get(source), target.get(source)), f"{source} is not as it was committed"
        return now

    def finish(self, run: Run, watch: Watch, before: dict[str, str], killed: list[Any]) -> None:
        """Run again, to the end, and check the result."""
        _, events = self.start(run)
        repeated = Counter(texts(events)) & Counter(texts(killed))
        self.encoded += len(texts(events)) + len(texts(killed))
        self.encoded_again += repeated.total()
        assert not repeated - Counter(in_progress(killed)), "texts of committed batches were encoded again"
        assert watch.look() == expected(run, before)
        assert doctor(watch.path) == [], doctor(watch.path)
        assert unknown_files(watch.path) == [], unknown_files(watch.path)

    def at_steps(self, run: Run, news: Path, visits: int) -> set[str]:
        """Kill a run at the first and last visits of each failpoint, on copies; return the failpoints visited."""
        base, path = Path(run.path), self.folder / "copy"
        before = held(base) if exists(base) else {}

        def copied() -> Run:
            shutil.rmtree(path, ignore_errors=True)
            shutil.copytree(base, path)
            return replace(run, path=str(path))

        _, events = self.start(copied())
        counts = Counter(name for event, name in events if event == "step")
        for name, count in counts.items():
            for visit in sorted({*range(1, visits), *range(count, count - visits, -1)} & set(range(1, count + 1))):
                with self.judged(f"{run.verb} killed at visit {visit} of {name!r}"):
                    again, watch = copied(), Watch(path)
                    if before:
                        watch.look()
                    code, killed = self.start(again, name, visit)
                    assert code, "the run was not killed"
                    self.after_kill(again, watch, before, killed)
                    self.finish(again, watch, before, killed)
        return set(counts)

    def at_random(self, path: Path, news: Path, kills: int, chance: random.Random, only: str) -> None:
        """Kill the writers of one index again and again."""
        numbers = iter(range(1000, 10**9))
        watch = Watch(path)
        run_seconds = {"index": 0.4}  # of each verb
        verbs = [only] if only else ["index", "index", "index", "remove", "rebuild", "encoder", "split"]
        trial, max_wrong = 0, len(self.wrong) + 5
        while (
            sum(n for (_, name), n in self.killed.items() if name == "at random") < kills
            and len(self.wrong) < max_wrong
        ):
            trial += 1
            if watch.reader is None and exists(path):
                watch.reader = Index.open(path)
            if chance.random() < 0.8:
                change(news, chance, numbers)
            before = watch.look() if watch.reader else {}
            run = aim(chance.choice(verbs), path, news, chance)
            with self.judged(f"random trial {trial}, {run.verb}"):
                killed: list[Any] = []
                now = before
                while True:
                    code, events = self.start(run, after=chance.uniform(0.01, 1.1 * run_seconds.get(run.verb, 0.3)))
                    killed += events
                    now = self.after_kill(run, watch, now, events)
                    if not code or chance.random() < 0.6:
                        break
                if not code or (watch.reader and chance.random() < 0.2):
                    continue  # another verb may follow
                since = time.monotonic()
                again = run if exists(path) else aim("index", path, news, chance)
                self.finish(again, watch, now, events)
                run_seconds[run.verb] = 0.5 * run_seconds.get(run.verb, 0.3) + 0.5 * (time.monotonic() - since)

    def random_kills(self) -> int:
        return sum(count for (_, step), count in self.killed.items() if step == "at random")

    @contextlib.contextmanager
    def judged(self, name: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self.wrong.append(f"{name}: {why(error)}")
            print("WRONG", self.wrong[-1], flush=True)


def why(error: Exception) -> str:
    """Return the error with the line that raised it."""
    return f"{type(error).__name__}: {error} ({traceback.extract_tb(error.__traceback__)[-1].line})"


def texts(events: list[Any]) -> list[str]:
    """Return the texts that were encoded."""
    found = []
    for event, value in events:
        if event == "encoded":
            found += value
    return found


def in_progress(events: list[Any]) -> list[str]:
    """Return what was encoded for the batch that was lost.

    That is what was encoded since vectors were last written or, if nothing was, what these vectors are of.
    """
    batches: list[list[str]] = [[]]
    for event, value in events:
        if event == "encoded":
            batches[-1] += value
        elif value == "vectors written":
            batches.append([])
    return batches[-1] or (batches[-2] if len(batches) > 1 else [])


def named() -> set[str]:
    """Return the failpoints of the code."""
    names: set[str] = set()
    for file in PACKAGE.rglob("*.py"):
        names.update(re.findall(r'\bfailpoint\("([^"]+)"\)', file.read_text("utf-8")))
    assert names
    return names


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--random", type=int, default=200, help="number of kills at random moments")
    parser.add_argument(
        "--visits", type=int, default=2, help="first and last visits of each failpoint to kill at; 0 for none"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="one verb: index, remove, rebuild, encoder, split")
    parser.add_argument("--keep", type=Path, help="work in this folder and keep it")
    args = parser.parse_args()
    chance, began = random.Random(args.seed), time.monotonic()
    folder = args.keep or Path(tempfile.mkdtemp(prefix="kills-"))
    small()
    with Children(Path(__file__)) as children:
        trials = Trials(children, folder)
        visited = by_steps(trials, chance, args) if args.visits else named()
        news = folder / "news"
        news.mkdir(parents=True)
        change(news, chance, iter(range(100, 200)))
        trials.at_random(folder / "index", news, args.random, chance, args.only)
    for (verb, step), count in sorted(trials.killed.items()):
        print(f"{verb:8} {step:24} {count:4}")
    missed = set() if args.only else named() - visited
    print(f"{trials.killed.total()} kills in {trials.runs} runs, {time.monotonic() - began:.0f} s")
    print(f"{trials.encoded_again} of {trials.encoded} texts were encoded again, none of them of a committed batch")
    print(f"{len(trials.wrong)} wrong; steps never visited: {', '.join(sorted(missed)) or 'none'}")
    if not args.keep:
        shutil.rmtree(folder)
    sys.exit(bool(trials.wrong or missed))


def by_steps(trials: Trials, chance: random.Random, args: argparse.Namespace) -> set[str]:
    """Kill each verb on an index that has some history, and the first one also without an index."""
    base, news = trials.folder / "base", trials.folder / "base-news"
    news.mkdir(parents=True)
    numbers = iter(range(10_000))
    for _ in range(2):
        change(news, chance, numbers)
    base.mkdir()
    visited = set()
    if args.only in ("", "index"):
        visited |= trials.at_steps(Run("index", str(base), str(news)), news, args.visits)
    trials.start(Run("index", str(base), str(news)))
    change(news, chance, numbers)
    trials.start(Run("index", str(base), str(news)))
    change(news, chance, numbers)
    rest = base / "vectors" / "000001"  # merged since
    rest.mkdir()
    (rest / "ids.npy").write_bytes(b"as an interrupted run leaves it")
    for verb in [args.only] if args.only else ["index", "remove", "rebuild", "encoder", "split"]:
        visited |= trials.at_steps(aim(verb, base, news, chance), news, args.visits)
    return visited


if __name__ == "__main__":
    main()
