"""Kills a writer at every step that the code names and at random moments, and looks at what each kill leaves.

    python tests/trials/try_kills.py [--random 200] [--visits 2] [--seed 1] [--only VERB] [--keep FOLDER]

A small index (a dozen articles, batches of three) is brought up to date, emptied of a file, rebuilt, rebuilt with
another encoder, split anew; small segments are merged on the way. The steps are those that ``semsearch`` names
(``failpoint``): each verb runs once to see which it visits and how often, and is then killed at the first and the last
visits of each, on a copy. At random moments one index is killed again and again, and lives on. After every kill:

* it opens at once, ``doctor`` finds nothing to repair, all three modes find every article;
* every article of the last committed batch is there, with the text it had then or the one it was to get;
* no passage id shows another text than the one it was first seen with; a reader that was open sees the same;
* the run is started again (sometimes killed again, sometimes another one comes first) and ends where it should;
* what it encodes once more is at most the batch that was under way, and no file is left that nobody knows.
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
IN_TERMS = {".managed.json", "meta.json", "sums.json", "words.rows", "words.numbers"}
WINDOWS = (sentences.PASSAGE_SYLLABLES, sentences.PASSAGE_SYLLABLES + 1)


class Letters:
    """Trigrams counted in 32 places; what it encodes is told in a log that outlives a kill."""

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
            self._log.tell("encoded", list(texts))
        return self.encode_queries(texts)


@dataclass(frozen=True, slots=True)
class Run:
    """What a child does: ``encoder`` and ``window`` are those the index shall have afterwards."""

    verb: str  # index, remove, rebuild, encoder, split
    path: str
    news: str
    source: str = ""
    encoder: str = ENCODERS[0]
    window: int = WINDOWS[0]


class Log:
    """Lines that are in the file once they are written: [what, value]."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def tell(self, what: str, value: Any) -> None:
        os.write(self._file, json.dumps([what, value]).encode() + b"\n")


def work(run: dict[str, Any], log: str, step: str = "", visit: int = 0) -> None:
    """In a child. With ``step``, it kills itself at that visit of it."""
    asked = Run(**run)
    told = Log(log)
    left = visit

    def hook(name: str) -> None:
        nonlocal left
        if name == "committed":
            told.tell("held", held(Path(asked.path)))
        told.tell("step", name)
        if name == step:
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    failpoints.failpoint_hook = hook
    small()
    do(asked, Letters(asked.encoder, told))


def small() -> None:
    """Batches so small that a run of some tenths of a second has many."""
    sync.BATCH_ARTICLES = 3
    segments.CODED = segments._ROWS = 16
    sys.modules["semsearch.indexing.rebuild"].BATCH_PASSAGES = 4  # type: ignore[attr-defined]


def do(run: Run, encoder: Letters) -> None:
    sentences.PASSAGE_SYLLABLES = run.window
    with Index.open_or_create(run.path, encoder=encoder if run.verb in ("index", "remove") else None) as index:
        if run.verb == "index":
            index.sync([run.news])
        elif run.verb == "remove":
            index.remove(run.source)
        else:
            index.rebuild(encoder)


# What is there ---------------------------------------------------------------------------------


def story(number: int, version: int) -> str:
    town = TOWNS[number % len(TOWNS)]
    parts = [f"Đoàn công tác {number}.{version}.{i} đến {town} trao {number + i} phần quà." for i in range(3)]
    return "\n\n".join([f"Tin số {number} từ {town}, bản {version}", *parts])


def there(news: Path) -> dict[str, str]:
    return {path.as_posix(): path.read_text("utf-8") for path in sorted(news.iterdir())}


def held(path: Path) -> dict[str, str]:
    """By source the text it holds."""
    with Index.open(path) as index:
        return {source: article.text.strip() for article in index.articles() for source in article.sources}


def made(path: Path) -> bool:
    """Whether there is an index; where making it was interrupted there is none."""
    try:
        Store.open(path / "store.db").close()
    except IndexMissing:
        return False
    return True


def made_with(path: Path) -> tuple[str, int]:
    """Encoder and window that the database speaks of."""
    store = Store.open(path / "store.db")
    try:
        manifest = json.loads(store.meta("manifest"))
        return manifest["encoder"], manifest["window"]
    finally:
        store.close()


def strangers(path: Path) -> list[str]:
    """Files that no part of the index knows of."""
    store = Store.open(path / "store.db")
    try:
        known = {f"{segment.number:06d}.vectors" for segment in store.segments()}
        number = int(store.meta("lexical"))
    finally:
        store.close()
    names = {"lock", "manifest.json", "seal.json", "store.db", "store.db-wal", "store.db-shm"}
    found = [p for p in path.iterdir() if p.is_file() and p.name not in names]
    found += [p for p in (path / "vectors").glob("*") if p.name not in known]
    found += [p for p in (path / "lexical").iterdir() if p.name != f"{number:03d}"]
    for folder in (path / "lexical" / f"{number:03d}").iterdir():
        managed = {*json.loads((folder / ".managed.json").read_bytes()), *IN_TERMS}
        found += [p for p in folder.iterdir() if p.name not in managed and p.suffix != ".lock"]
    return sorted(p.relative_to(path).as_posix() for p in found)


@dataclass(slots=True)
class Watch:
    """What is known of one index: the text that each passage id was first seen with."""

    path: Path
    texts: dict[int, str] = field(default_factory=dict)
    encoder: Callable[[str], Encoder] = Letters  # by its name
    reader: Index | None = None  # open since the beginning

    def look(self) -> dict[str, str]:
        """Everything that must hold in any state; what the index holds."""
        name, sentences.PASSAGE_SYLLABLES = made_with(self.path)
        encoder = self.encoder(name)
        with Index.open(self.path, encoder=encoder) as index:
            now = self._of(index)
        if self.reader is not None:
            self.reader._given = encoder  # these have no name by which they could be loaded
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


def changed(news: Path, chance: random.Random, numbers: Iterator[int]) -> None:
    """Some files more, some other, some less, one renamed, one twice."""
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
    """What to do to the index as it is."""
    if not made(path):
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


def wanted(run: Run, before: dict[str, str]) -> dict[str, str]:
    if run.verb == "index":
        return {s: text for s, text in before.items() if not s.startswith(f"{run.news}/")} | there(Path(run.news))
    return {source: text for source, text in before.items() if run.verb != "remove" or source != run.source}


# Trials ----------------------------------------------------------------------------------------


@dataclass(slots=True)
class Trials:
    """Counts what was killed where, and what was found wrong."""

    children: Children
    folder: Path
    killed: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    again: int = 0  # texts encoded once more after a kill
    encoded: int = 0
    runs: int = 0

    def start(self, run: Run, step: str = "", visit: int = 0, after: float | None = None) -> tuple[int, list[Any]]:
        """Exit code, and what the child told; ``after`` so many seconds it is killed."""
        log = self.folder / f"log-{self.runs}"
        self.runs += 1
        victim = self.children.start("work", run=asdict(run), log=str(log), step=step, visit=visit)
        if after is not None:
            time.sleep(after)
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        code = self.children.wait()
        lines = log.read_text("utf-8").splitlines() if log.exists() else []
        told = [json.loads(line) for line in lines]
        log.unlink(missing_ok=True)
        assert code in (0, -signal.SIGKILL), f"the run failed with {code}"
        if code:
            self.killed[run.verb, step or "at random"] += 1
        return code, told

    def after_kill(self, run: Run, watch: Watch, before: dict[str, str], told: list[Any]) -> dict[str, str]:
        """Looks at what a kill left; what the index holds."""
        if not made(watch.path):
            assert not before, "the database is gone"
            return {}
        committed = [value for what, value in told if what == "held"]
        last, aimed = committed[-1] if committed else before, wanted(run, before)
        now = watch.look()
        for source in last.keys() | aimed.keys() | now.keys():
            assert now.get(source) in (last.get(source), aimed.get(source)), f"{source} is not as it was committed"
        return now

    def finish(self, run: Run, watch: Watch, before: dict[str, str], killed: list[Any]) -> None:
        """The run again, to its end."""
        _, told = self.start(run)
        more = Counter(texts(told)) & Counter(texts(killed))
        self.encoded += len(texts(told)) + len(texts(killed))
        self.again += more.total()
        assert not more - Counter(under_way(killed)), "texts of committed batches were encoded again"
        assert watch.look() == wanted(run, before)
        assert doctor(watch.path) == [], doctor(watch.path)
        assert strangers(watch.path) == [], strangers(watch.path)

    def at_steps(self, run: Run, news: Path, visits: int) -> set[str]:
        """Killed at the first and last visits of each step, on copies; the steps that were visited."""
        base, path = Path(run.path), self.folder / "copy"
        before = held(base) if made(base) else {}

        def copied() -> Run:
            shutil.rmtree(path, ignore_errors=True)
            shutil.copytree(base, path)
            return replace(run, path=str(path))

        _, told = self.start(copied())
        counts = Counter(name for what, name in told if what == "step")
        for name, count in counts.items():
            for visit in sorted({*range(1, visits), *range(count, count - visits, -1)} & set(range(1, count + 1))):
                with self.judged(f"{run.verb} killed at visit {visit} of {name!r}"):
                    again, watch = copied(), Watch(path)
                    if before:
                        watch.look()
                    code, killed = self.start(again, name, visit)
                    assert code, "it was not killed"
                    self.after_kill(again, watch, before, killed)
                    self.finish(again, watch, before, killed)
        return set(counts)

    def at_random(self, path: Path, news: Path, kills: int, chance: random.Random, only: str) -> None:
        """One index, killed again and again, that lives on; the file at ``path`` grows old with it."""
        numbers = iter(range(1000, 10**9))
        watch = Watch(path)
        lasts = {"index": 0.4}  # seconds that a run of each verb takes
        verbs = [only] if only else ["index", "index", "index", "remove", "rebuild", "encoder", "split"]
        trial, most = 0, len(self.wrong) + 5
        while sum(n for (_, name), n in self.killed.items() if name == "at random") < kills and len(self.wrong) < most:
            trial += 1
            if watch.reader is None and made(path):
                watch.reader = Index.open(path)
            if chance.random() < 0.8:
                changed(news, chance, numbers)
            before = watch.look() if watch.reader else {}
            run = aim(chance.choice(verbs), path, news, chance)
            with self.judged(f"random trial {trial}, {run.verb}"):
                killed: list[Any] = []
                now = before
                while True:
                    code, told = self.start(run, after=chance.uniform(0.01, 1.1 * lasts.get(run.verb, 0.3)))
                    killed += told
                    now = self.after_kill(run, watch, now, told)
                    if not code or chance.random() < 0.6:
                        break
                if not code or (watch.reader and chance.random() < 0.2):
                    continue  # another verb may come after it
                since = time.monotonic()
                aimed = run if made(path) else aim("index", path, news, chance)
                self.finish(aimed, watch, now, told)
                lasts[run.verb] = 0.5 * lasts.get(run.verb, 0.3) + 0.5 * (time.monotonic() - since)

    @contextlib.contextmanager
    def judged(self, name: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self.wrong.append(f"{name}: {why(error)}")
            print("WRONG", self.wrong[-1], flush=True)


def why(error: Exception) -> str:
    """What failed, and the line that did."""
    return f"{type(error).__name__}: {error} ({traceback.extract_tb(error.__traceback__)[-1].line})"


def texts(told: list[Any]) -> list[str]:
    return [text for what, value in told if what == "encoded" for text in value]


def under_way(told: list[Any]) -> list[str]:
    """What was encoded for the batch that was lost: since vectors were last written, or for these if nothing was."""
    batches: list[list[str]] = [[]]
    for what, value in told:
        if what == "encoded":
            batches[-1] += value
        elif value == "vectors written":
            batches.append([])
    return batches[-1] or (batches[-2] if len(batches) > 1 else [])


def named() -> set[str]:
    """The steps that the code names."""
    return {
        name for file in PACKAGE.rglob("*.py") for name in re.findall(r'\bstep\("([^"]+)"\)', file.read_text("utf-8"))
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--random", type=int, default=200, help="so many kills at random moments")
    parser.add_argument(
        "--visits", type=int, default=2, help="first and last visits of each step to be killed at; 0: none"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="one verb: index, remove, rebuild, encoder, split")
    parser.add_argument("--keep", type=Path, help="work here, and leave it")
    asked = parser.parse_args()
    chance, began = random.Random(asked.seed), time.monotonic()
    folder = asked.keep or Path(tempfile.mkdtemp(prefix="kills-"))
    small()
    with Children(Path(__file__)) as children:
        trials = Trials(children, folder)
        visited = by_steps(trials, chance, asked) if asked.visits else named()
        news = folder / "news"
        news.mkdir(parents=True)
        changed(news, chance, iter(range(100, 200)))
        trials.at_random(folder / "index", news, asked.random, chance, asked.only)
    for (verb, step), count in sorted(trials.killed.items()):
        print(f"{verb:8} {step:24} {count:4}")
    missed = set() if asked.only else named() - visited
    print(f"{trials.killed.total()} kills in {trials.runs} runs, {time.monotonic() - began:.0f} s")
    print(f"{trials.again} of {trials.encoded} texts encoded again, none of a batch that was committed")
    print(f"{len(trials.wrong)} wrong; steps never visited: {', '.join(sorted(missed)) or 'none'}")
    if not asked.keep:
        shutil.rmtree(folder)
    sys.exit(bool(trials.wrong or missed))


def by_steps(trials: Trials, chance: random.Random, asked: argparse.Namespace) -> set[str]:
    """Each verb on an index that has lived a little, the first also where there is none yet."""
    base, news = trials.folder / "base", trials.folder / "base-news"
    news.mkdir(parents=True)
    numbers = iter(range(10_000))
    for _ in range(2):
        changed(news, chance, numbers)
    base.mkdir()
    visited = set()
    if asked.only in ("", "index"):
        visited |= trials.at_steps(Run("index", str(base), str(news)), news, asked.visits)
    trials.start(Run("index", str(base), str(news)))
    changed(news, chance, numbers)
    trials.start(Run("index", str(base), str(news)))
    changed(news, chance, numbers)
    (base / "vectors" / "000001.vectors").write_bytes(b"as an interrupted run leaves it")  # merged since
    for verb in [asked.only] if asked.only else ["index", "remove", "rebuild", "encoder", "split"]:
        visited |= trials.at_steps(aim(verb, base, news, chance), news, asked.visits)
    return visited


if __name__ == "__main__":
    main()
