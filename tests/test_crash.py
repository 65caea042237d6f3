"""Killed at any point, damaged in any place, on a full disk: an index opens and answers, or says what to do.

An article is committed once ``generation`` has grown with it; none of those may be lost, and no id may ever
show another text than the one it was given for.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from index_case import HashEncoder, article, story, write

from semsearch.errors import IndexUnusable, SemsearchError, StorageError
from semsearch.index import Index, doctor, steps
from semsearch.index.folder import Folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL")

HERE = Path(__file__).parent
STEPS = [
    "created terms",
    "created database",
    "ready",
    "reserved",
    "vectors written",
    "passage terms written",
    "terms written",
    "committing",
    "committed",
    "terms deleted",
    "merge",
    "merge written",
    "merge committed",
    "changing over",
    "changed over",
    "sweep",
]


def in_child(work: Callable[[], None]) -> int:
    """Runs ``work`` in a forked process; its exit code, or minus the signal that ended it."""
    child = os.fork()
    if not child:  # pragma: no cover
        code = 1
        with contextlib.suppress(BaseException):
            work()
            code = 0
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killing(name: str, times: int) -> Callable[[str], None]:
    """A hook that kills the process at the ``times``-th visit of a step."""
    left = [times]

    def hook(reached: str) -> None:
        if reached == name:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

    return hook


def there(news: Path) -> dict[str, str]:
    return {path.as_posix(): path.read_text("utf-8").strip() for path in news.iterdir()}


def texts(index: Index) -> dict[str, str]:
    return {source: item.text.strip() for item in index.articles() for source in item.sources}


def check(path: Path, encoder: HashEncoder) -> dict[str, str]:
    """Opens what a kill left and asks it all kinds of things; what it holds."""
    with Index.open(path, encoder=encoder) as index:
        held = texts(index)
        for mode in ("hybrid", "dense", "lexical"):
            for hit in index.search("đoàn công tác trao phần quà", 100, mode=mode):  # type: ignore[arg-type]
                assert held[hit.article.source] == hit.article.text.strip()
                assert hit.article.text[hit.passage.start : hit.passage.end] == hit.passage.text
        if held:
            found = index.search("đoàn công tác trao phần quà", 200)
            assert {source for hit in found for source in hit.article.sources} == set(held)
        assert [f for f in doctor(path) if f.level == "error"] == []
    return held


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small batches, so that one run has many points to be killed at; and no waiting for the disk."""
    monkeypatch.setattr("semsearch.index.sync.BATCH_ARTICLES", 5)
    monkeypatch.setattr("semsearch.index.rebuild.BATCH_PASSAGES", 4)
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def hooked() -> Iterator[None]:
    yield
    steps.hook = lambda name: None


@pytest.mark.parametrize(("name", "times"), [*((n, 1) for n in STEPS), ("terms written", 2), ("committed", 2)])
def test_killed_at_each_step(tmp_path: Path, quick: None, name: str, times: int) -> None:
    path, news, encoder = tmp_path / "index", tmp_path / "news", HashEncoder(16)
    write(news, range(10))
    (news / "20.txt").write_text(story(50), "utf-8")
    other = HashEncoder(16, "other")

    def first() -> None:
        with Index.open_or_create(path, encoder=encoder) as index:
            index.sync([news])

    def second() -> None:
        (news / "1.txt").unlink()
        (news / "20.txt").rename(news / "21.txt")
        (news / "2.txt").write_text(story(200), "utf-8")
        write(news, [30])
        with Index.open(path, encoder=encoder) as index:
            index.sync([news])

    def third() -> None:
        with Index.open(path, encoder=encoder) as index:
            index.remove(news / "3.txt")
            index.rebuild(other)

    killed = 0
    for work in (first, second, third):
        steps.hook = killing(name, times)
        try:
            code = in_child(work)
        finally:
            steps.hook = lambda name: None
        assert code in (0, -signal.SIGKILL)
        killed += code != 0
        if work is first and code and not Folder(path).database.exists():
            first()
            continue
        switched = Index.open(path).status().encoder == "hashother"
        held = check(path, other if switched else encoder)
        if work is first and code:
            assert held.items() <= there(news).items()
            first()
        elif work is second and code:
            with Index.open(path, encoder=encoder) as index:
                index.sync()
        if work is not third:
            assert check(path, encoder) == there(news)
    with Index.open_or_create(path, encoder=None) as index:
        index.rebuild(other)
        assert index.doctor() == []
        assert texts(index).keys() >= there(news).keys() - {(news / "3.txt").as_posix()}
    if name not in ("sweep", "created terms", "created database") and times == 1:
        assert killed


TRIAL = """
import os, sys
sys.path[:0] = {paths}
os.fsync = lambda _: None
from pathlib import Path
from index_case import HashEncoder
from semsearch.index import Index, sync
import semsearch.index.writer, semsearch.index.segments, semsearch.index.rebuild
sync.BATCH_ARTICLES = 3
path, news = Path({path!r}), Path({news!r})
for line in sys.stdin:
    child = os.fork()
    if not child:
        try:
            with Index.open_or_create(path, encoder=HashEncoder(16)) as index:
                if line.strip() == "rebuild":
                    index.rebuild()
                elif line.strip() == "remove":
                    index.remove(news)
                else:
                    index.sync([news])
        finally:
            os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
"""


def test_killed_at_random_moments(tmp_path: Path) -> None:
    """At least forty kills. A process that has imported all forks one for each trial, which then is killed."""
    path, news, encoder, chance = tmp_path / "index", tmp_path / "news", HashEncoder(16), random.Random(7)
    write(news, range(8))
    with Index.open_or_create(path, encoder=encoder) as index:
        index.sync([news])
    held = there(news)
    code = TRIAL.format(paths=[str(HERE), str(HERE.parent)], path=str(path), news=str(news))
    kills = trials = 0
    since = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin
        assert child.stdout
        while kills < 40 and time.monotonic() - since < 120:
            for _ in range(4):
                (news / f"{chance.randrange(20)}.txt").write_text(story(1000 + chance.randrange(10_000)), "utf-8")
            (news / f"{chance.randrange(20)}.txt").unlink(missing_ok=True)
            verb = chance.choices(["sync", "rebuild", "remove"], [8, 1, 1])[0]
            print(verb, file=child.stdin, flush=True)
            victim = int(child.stdout.readline())
            time.sleep(chance.uniform(0.0, 0.2))
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
            kills += int(child.stdout.readline()) == -signal.SIGKILL
            trials += 1
            before, now, held = held, there(news), check(path, encoder)
            wanted = {"sync": now, "remove": {}, "rebuild": before}[verb]
            for source in before.keys() | now.keys() | held.keys():
                assert held.get(source) in (before.get(source), wanted.get(source)), (verb, source)
        child.stdin.close()
    assert kills >= 40
    with Index.open(path, encoder=encoder) as index:
        index.sync([news])
        assert texts(index) == there(news)
        assert index.doctor() == []


@pytest.mark.parametrize("name", STEPS)
def test_stopped_by_hand(tmp_path: Path, quick: None, hooked: None, name: str) -> None:
    """Ctrl-C at each step: the same object goes on, and so does the next run."""
    path, news, encoder = tmp_path / "index", tmp_path / "news", HashEncoder(16)
    write(news, range(12))

    def stop(reached: str) -> None:
        if reached == name:
            raise KeyboardInterrupt

    with Index.open_or_create(path, encoder=encoder) as index:
        for work in (lambda: index.sync([news]), lambda: index.remove(news / "1.txt"), index.rebuild):
            steps.hook = stop
            with contextlib.suppress(KeyboardInterrupt):
                work()
            steps.hook = lambda reached: None
            if Folder(path).exists():
                check(path, encoder)
            index.sync([news])
            assert texts(index) == there(news)
            assert index.doctor() == []


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of a few articles, with two segments and something dead."""
    folder = tmp_path_factory.mktemp("small")
    with Index.open_or_create(folder / "index", encoder=HashEncoder(16)) as index:
        index.add(article(n) for n in range(12))
        index.add([article(20), article(1, text=story(31))])
        index.remove("test:2")
    return folder / "index"


def files_of(path: Path) -> list[Path]:
    return sorted(p for p in path.rglob("*") if p.is_file() and p.stat().st_size and p.suffix != ".db-shm")


def put(file: Path, data: bytes) -> None:
    """In place of what is there, not over it: a thread that still maps the old file must not lose its pages."""
    new = file.with_name(file.name + ".new")
    new.write_bytes(data)
    new.replace(file)


def answers(path: Path) -> list[tuple[int, str, str, float]]:
    with Index.open(path, encoder=HashEncoder(16)) as index:
        return [
            (hit.passage.id, hit.article.source, hit.passage.text, hit.score)
            for query, mode in (("Sa Thầy", "hybrid"), ("phần quà", "lexical"), ("học sinh", "dense"))
            for hit in index.search(query, 20, mode=mode)  # type: ignore[arg-type]
        ]


def test_a_flipped_byte_anywhere(small: Path) -> None:
    expected, chance = answers(small), random.Random(3)
    names = {p.relative_to(small).as_posix() for p in files_of(small)}
    assert {"manifest.json", "seal.json", "store.db"} < names
    for file in files_of(small):
        data = file.read_bytes()
        places = {0, len(data) // 2, len(data) - 1} | {chance.randrange(len(data)) for _ in range(3)}
        for place in places:
            changed = bytearray(data)
            changed[place] ^= 1 << chance.randrange(8)
            put(file, changed)
            try:
                with contextlib.suppress(IndexUnusable):
                    assert answers(small) == expected, (file, place)
                assert doctor(small), (file, place)
            finally:
                put(file, data)
    assert doctor(small) == []


def test_a_flipped_byte_where_nothing_is_sealed(small: Path, tmp_path: Path) -> None:
    """As after a kill: each part has its own checksums. Texts are right, or it is said that they are not."""
    path, chance = tmp_path / "index", random.Random(4)
    shutil.copytree(small, path)
    (path / "seal.json").unlink()
    expected = answers(path)
    said = {text for _, _, text, _ in expected}
    for file in files_of(path):
        if file.name in ("manifest.json", ".managed.json"):
            continue
        data = file.read_bytes()
        for place in {0, len(data) - 1} | {chance.randrange(len(data)) for _ in range(12)}:
            changed = bytearray(data)
            changed[place] ^= 1 << chance.randrange(8)
            put(file, changed)
            try:
                with contextlib.suppress(SemsearchError):
                    assert {text for _, _, text, _ in answers(path)} <= said, (file, place)
                doctor(path)
            finally:
                put(file, data)
    assert answers(path) == expected


def test_a_file_cut_or_lost(small: Path) -> None:
    expected = answers(small)
    for file in files_of(small):
        data = file.read_bytes()
        for rest in (None, b"", data[: len(data) // 2], data + b"x"):
            file.unlink()
            if rest is not None:
                put(file, rest)
            try:
                with contextlib.suppress(IndexUnusable):
                    assert answers(small) == expected, (file, rest and len(rest))
                if file.name == "seal.json" and rest is None:
                    continue  # that is how an interrupted run leaves it
                if file.name == "store.db" and not rest:
                    with contextlib.suppress(IndexUnusable):
                        assert doctor(small)
                    continue
                assert doctor(small), (file, rest and len(rest))
            finally:
                put(file, data)
    assert doctor(small) == []


@pytest.mark.parametrize(
    "part", ["manifest.json", "seal.json", "vectors/*.passages", "vectors/*.sentences", "lexical/*/*/*.idx", "lexical"]
)
def test_what_can_be_made_again_is(small: Path, tmp_path: Path, part: str) -> None:
    path, encoder = tmp_path / "index", HashEncoder(16)
    shutil.copytree(small, path)
    expected = {answer[:3] for answer in answers(path)}
    broken = next(iter(sorted(path.glob(part))))
    if broken.is_dir():
        shutil.rmtree(broken)
    else:
        data = bytearray(broken.read_bytes())
        data[len(data) // 2] ^= 0x10
        put(broken, data)
    assert [f for f in doctor(path) if not f.repaired]
    with pytest.raises(IndexUnusable, match=r"doctor|rebuild"):
        answers(path)
    told = doctor(path, repair=True, encoder=encoder)
    assert told
    assert all(finding.repaired for finding in told)
    assert doctor(path) == []
    assert {answer[:3] for answer in answers(path)} == expected
    assert bool(encoder.passages) == part.startswith("vectors")


def test_a_damaged_article_is_read_again(tmp_path: Path) -> None:
    path, news, encoder = tmp_path / "index", tmp_path / "news", HashEncoder(16)
    write(news, range(6))
    with Index.open_or_create(path, encoder=encoder) as index:
        index.sync([news])
    data = (path / "store.db").read_bytes()
    place = data.index("Đoàn công tác thứ 3.1".encode())
    put(path / "store.db", data[:place] + b"X" + data[place + 1 :])
    assert any("article" in finding.problem for finding in doctor(path))
    assert all(f.repaired for f in doctor(path, repair=True, encoder=encoder))
    with Index.open(path, encoder=encoder) as index:
        assert len(index) == 5
        assert index.sync().added == 1
        assert texts(index) == there(news)
        assert index.doctor() == []


def test_what_cannot_be_mended_is_said(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "index"
    shutil.copytree(small, path)
    put(path / "store.db", b"\0" * 5000)
    told = doctor(path, repair=True)
    assert told
    assert not any(finding.repaired for finding in told)
    assert "anew" in told[0].cure
    (path / "store.db").unlink()
    with pytest.raises(IndexUnusable, match=r"store.db is missing"):
        Index.open(path)


def limited(path: Path, news: Path, limit: int) -> Callable[[], None]:
    """Writing with files of at most ``limit`` bytes, which is how a disk without room looks from inside."""

    def work() -> None:
        import resource

        with Index.open(path, encoder=HashEncoder(16)) as index:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            try:
                index.sync([news])
            except StorageError:
                os._exit(7)
            except BaseException:
                os._exit(8)

    return work


def test_no_room_loses_nothing(tmp_path: Path) -> None:
    path, news, encoder = tmp_path / "index", tmp_path / "news", HashEncoder(16)
    write(news, range(10))
    with Index.open_or_create(path, encoder=encoder) as index:
        index.sync([news])
    held = there(news)
    write(news, range(10, 200))
    (news / "1.txt").unlink()
    seen = set()
    for limit in (0, 100, 2_000, 20_000, 50_000, 90_000, 150_000, 250_000):
        code = in_child(limited(path, news, limit))
        assert code in (0, 7)
        seen.add(code)
        kept = check(path, encoder)
        assert kept in (held, there(news))
        held = kept
    assert 7 in seen
    with Index.open(path, encoder=encoder) as index:
        index.sync()
        assert texts(index) == there(news)
        assert index.doctor() == []


@contextlib.contextmanager
def mounted(disk: Path, options: str) -> Iterator[None]:
    """A small disk of its own at ``disk``."""
    disk.mkdir()
    try:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(disk)], capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    if done.returncode:
        pytest.skip("only root may mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    disk, news, encoder = tmp_path / "disk", tmp_path / "news", HashEncoder(16)
    with mounted(disk, "size=600k"):
        write(news, range(10))
        with Index.open_or_create(disk / "index", encoder=encoder) as index:
            index.sync([news])
            held = there(news)
            write(news, range(10, 600))
            with pytest.raises(StorageError):
                index.sync([news])
            assert texts(index).items() >= held.items()
            assert index.search("Sa Thầy")
        assert check(disk / "index", encoder).items() >= held.items()
        for number in range(10, 600):
            (news / f"{number}.txt").unlink()
        with Index.open(disk / "index", encoder=encoder) as index:
            index.sync([news])
            assert texts(index) == held


def test_a_folder_one_may_not_write(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may write anywhere, so the system's answer is made up here."""
    path = tmp_path / "index"
    shutil.copytree(small, path)
    there = Path.open

    def refused(self: Path, mode: str = "r", *args: object, **kwargs: object) -> object:
        if set(mode) & set("wa+") and path in self.parents:
            raise OSError(errno.EACCES, "Permission denied", str(self))
        return there(self, mode, *args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refused)
    with Index.open(path, encoder=HashEncoder(16)) as index:
        assert index.search("Sa Thầy")
        assert index.status().writer == ""
        with pytest.raises(StorageError, match="Permission denied"):
            index.add([article(99)])


def test_two_writers_at_once(tmp_path: Path) -> None:
    """One of them is refused, in a sentence that names the other; nothing is torn."""
    path, news, encoder = tmp_path / "index", tmp_path / "news", HashEncoder(16)
    write(news, range(150))
    code = (
        f"import sys; sys.path[:0] = {[str(HERE), str(HERE.parent)]}\n"
        "from index_case import HashEncoder; from semsearch import Index, IndexLocked\n"
        "try:\n"
        f"    Index.open_or_create({str(path)!r}, encoder=HashEncoder(16)).sync([{str(news)!r}])\n"
        "    print('done')\n"
        "except IndexLocked as error:\n"
        "    print(error)\n"
    )
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    told = [process.communicate(timeout=120)[0].strip() for process in both]
    assert "done" in told
    assert all(line == "done" or "is writing to" in line for line in told)
    assert check(path, encoder) == there(news)


def test_readers_during_a_writer(tmp_path: Path) -> None:
    """Every answer is of one state: the articles of a batch are there together or not at all."""
    path, encoder = tmp_path / "index", HashEncoder(16)
    with Index.open_or_create(path, encoder=encoder) as index:
        index.add(article(n, f"batch:0:{n}") for n in range(4))

    def write_on() -> None:
        with Index.open(path, encoder=HashEncoder(16)) as index:
            for batch in range(1, 16):
                index.add(article(10 * batch + n, f"batch:{batch}:{n}") for n in range(4))
                if batch % 4 == 0:
                    for n in range(4):
                        index.remove(f"batch:{batch - 2}:{n}")
                if batch == 8:
                    index.rebuild()

    writer = os.fork()
    if not writer:  # pragma: no cover
        code = 1
        with contextlib.suppress(BaseException):
            write_on()
            code = 0
        os._exit(code)
    seen: set[int] = set()
    with Index.open(path, encoder=encoder) as index:
        while not (ended := os.waitpid(writer, os.WNOHANG))[0]:
            hits = index.search("đoàn công tác trao phần quà", 200, mode=random.choice(["hybrid", "dense"]))  # type: ignore[arg-type]
            batches = [int(hit.article.source.split(":")[1]) for hit in hits]
            seen.add(max(batches))
            whole = {batch for batch in batches if batches.count(batch) == 4}
            # Removing goes one by one.
            assert all(batch in whole or batch % 4 == 2 for batch in batches)
    assert os.waitstatus_to_exitcode(ended[1]) == 0
    assert len(seen) > 5
    assert json.loads((path / "manifest.json").read_text("utf-8"))["encoder"] == "hash"
    check(path, encoder)


def test_a_disk_that_is_read_only(small: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with mounted(disk, "size=8m"):
        shutil.copytree(small, disk / "index")
        for file in (disk / "index").glob("store.db-*"):
            file.unlink()
        expected = answers(disk / "index")
        shutil.rmtree(disk / "index")
        shutil.copytree(small, disk / "index", ignore=shutil.ignore_patterns("store.db-*"))
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        assert answers(disk / "index") == expected
        assert doctor(disk / "index") == []
        with (
            Index.open(disk / "index", encoder=HashEncoder(16)) as index,
            pytest.raises(StorageError, match="Read-only"),
        ):
            index.add([article(99)])
