"""Kills, damage and full disks: afterwards an index opens and answers, or its error says what to do.

No committed article may be lost, and no passage id may ever show a text other than its own.
"""

from __future__ import annotations

import contextlib
import errno
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from factories import HashEncoder, article, story, write

from semsearch import failpoints
from semsearch.errors import IndexDamaged, IndexLocked, IndexUnusable, SemsearchError, StorageError
from semsearch.index import Index
from semsearch.indexing.check import doctor
from semsearch.storage.layout import Folder
from semsearch.storage.lexical import LexicalIndex

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL")

HERE = Path(__file__).parent
STEPS = [
    "created terms",
    "created database",
    "ready",
    "reserved",
    "vectors written",
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


def there(news: Path) -> dict[str, str]:
    return {path.as_posix(): path.read_text("utf-8").strip() for path in news.iterdir()}


def texts(index: Index) -> dict[str, str]:
    return {source: item.text.strip() for item in index.articles() for source in item.sources}


def check(path: Path, encoder: HashEncoder) -> dict[str, str]:
    """Open and query what a kill left; return the texts that it holds."""
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
    """Make small batches, so that one run has many failpoints, and do not wait for the disk."""
    monkeypatch.setattr("semsearch.indexing.pipeline.BATCH_ARTICLES", 5)
    monkeypatch.setattr("semsearch.indexing.rebuild.BATCH_PASSAGES", 4)
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def hooked() -> Iterator[None]:
    yield
    failpoints.failpoint_hook = lambda name: None


def trial(script: str, *arguments: str) -> str:
    """Run a short version of one of the long trials in an interpreter of its own; return what it printed."""
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(HERE.parent), *sys.path])),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, str(HERE / "trials" / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n0 wrong" in done.stdout or "skipped" in done.stdout, done.stdout
    return done.stdout


@pytest.mark.slow
def test_killed_at_every_step_and_at_random_moments() -> None:
    output = trial("try_kills.py", "--visits", "1", "--random", "12")
    assert "steps never visited: none" in output
    assert int(output.split(" kills in ")[0].split()[-1]) >= 50


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace records what is written and synced")
def test_the_power_is_cut() -> None:
    output = trial("try_power.py", "--states", "40")
    assert int(output.split(" states opened")[0].split()[-1]) >= 40


@pytest.mark.parametrize("name", STEPS)
def test_stopped_by_hand(tmp_path: Path, quick: None, hooked: None, name: str) -> None:
    """After Ctrl-C at each failpoint the same object can continue, and so can the next run."""
    path, news, encoder = tmp_path / "index", tmp_path / "news", HashEncoder(16)
    write(news, range(12))

    def stop(reached: str) -> None:
        if reached == name:
            raise KeyboardInterrupt

    with Index.open_or_create(path, encoder=encoder) as index:
        for work in (lambda: index.sync([news]), lambda: index.remove(news / "1.txt"), index.rebuild):
            failpoints.failpoint_hook = stop
            with contextlib.suppress(KeyboardInterrupt):
                work()
            failpoints.failpoint_hook = lambda reached: None
            if Folder(path).exists():
                check(path, encoder)
            index.sync([news])
            assert texts(index) == there(news)
            assert index.doctor() == []


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of a few articles, with two segments and a removed article."""
    folder = tmp_path_factory.mktemp("small")
    with Index.open_or_create(folder / "index", encoder=HashEncoder(16)) as index:
        index.add(article(n) for n in range(12))
        index.add([article(20), article(1, text=story(31))])
        index.remove("test:2")
    return folder / "index"


def files_of(path: Path) -> list[Path]:
    return sorted(p for p in path.rglob("*") if p.is_file() and p.stat().st_size and p.suffix != ".db-shm")


def put(file: Path, data: bytes) -> None:
    """Replace the file rather than overwrite it: a thread that still maps the old one keeps its pages."""
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


def test_a_flipped_byte_anywhere(small: Path, tmp_path: Path) -> None:
    """Texts are right, or an error says that they are not; a ranking may change until ``doctor`` is run."""
    path, chance = tmp_path / "index", random.Random(4)
    shutil.copytree(small, path)
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
        if file.name in (".managed.json", "sums.json"):
            continue  # lists of the other files: what tantivy may delete, and what they are compared with
        data = file.read_bytes()
        for rest in (None, b"", data[: len(data) // 2], data + b"x"):
            file.unlink()
            if rest is not None:
                put(file, rest)
            try:
                with contextlib.suppress(IndexUnusable):
                    assert answers(small) == expected, (file, rest and len(rest))
                with contextlib.suppress(IndexUnusable):
                    found = doctor(small)
                    assert found or rest == data + b"x", file  # SQLite ignores what follows its last page
            finally:
                put(file, data)
    assert doctor(small) == []


@pytest.mark.parametrize(
    "part", ["manifest.json", "vectors/*/ids.npy", "vectors/*/vectors.npy", "lexical/*/*/*.idx", "lexical"]
)
def test_derived_files_are_rebuilt(small: Path, tmp_path: Path, part: str) -> None:
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
    findings = doctor(path, repair=True, encoder=encoder)
    assert findings
    assert all(finding.repaired for finding in findings)
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
    assert any(finding.code == "article-damaged" for finding in doctor(path))
    assert all(f.repaired for f in doctor(path, repair=True, encoder=encoder))
    with Index.open(path, encoder=encoder) as index:
        assert len(index) == 5
        assert index.sync().added == 1
        assert texts(index) == there(news)
        assert index.doctor() == []


def test_damage_beyond_repair_is_reported(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "index"
    shutil.copytree(small, path)
    put(path / "store.db", b"\0" * 5000)
    findings = doctor(path, repair=True)
    assert findings
    assert not any(finding.repaired for finding in findings)
    assert [finding.code for finding in findings] == ["database-unreadable"]
    (path / "store.db").unlink()
    with pytest.raises(IndexUnusable, match=r"store.db is missing"):
        Index.open(path)


LIMITED = """
import resource, sys
sys.path[:0] = {paths}
from factories import HashEncoder
from semsearch import Index, StorageError
for line in sys.stdin:
    with Index.open({path!r}, encoder=HashEncoder(16)) as index:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(line), resource.RLIM_INFINITY))
        try:
            index.sync([{news!r}])
            outcome = "done"
        except StorageError:
            outcome = "refused"
        except BaseException as error:
            outcome = repr(error)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(outcome, flush=True)
"""


def test_no_room_loses_nothing(tmp_path: Path) -> None:
    """A limit on the size of files stands for a full disk."""
    path, news, encoder = tmp_path / "index", tmp_path / "news", HashEncoder(16)
    write(news, range(10))
    with Index.open_or_create(path, encoder=encoder) as index:
        index.sync([news])
    held = there(news)
    write(news, range(10, 200))
    (news / "1.txt").unlink()
    code = LIMITED.format(paths=[str(HERE), str(HERE.parent)], path=str(path), news=str(news))
    seen = set()
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin
        assert child.stdout
        for limit in (0, 100, 2_000, 20_000, 50_000, 90_000, 150_000, 250_000):
            print(limit, file=child.stdin, flush=True)
            seen.add(child.stdout.readline().strip())
            kept = check(path, encoder)
            assert kept in (held, there(news))
            held = kept
        child.stdin.close()
    assert {"refused"} <= seen <= {"refused", "done"}
    with Index.open(path, encoder=encoder) as index:
        index.sync()
        assert texts(index) == there(news)
        assert index.doctor() == []


@contextlib.contextmanager
def mounted(disk: Path, options: str) -> Iterator[None]:
    """Mount a small disk at ``disk``; skip the test if that is not possible."""
    disk.mkdir()
    try:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(disk)], capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no program mount")
    if done.returncode:
        pytest.skip("only root can mount a small disk")
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


def test_a_reader_opened_on_a_full_disk_sees_later_changes(small: Path, tmp_path: Path) -> None:
    """Without room for SQLite's shared memory, the database is read as a file that does not change."""
    disk = tmp_path / "disk"
    with mounted(disk, "size=8m"):
        shutil.copytree(small, disk / "index", ignore=shutil.ignore_patterns("store.db-*"))
        filler = disk / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        with Index.open(disk / "index", encoder=HashEncoder(16)) as index:
            before = {hit.article.source for hit in index.search("Tin số", 100)}
            filler.unlink()
            with Index.open(disk / "index", encoder=HashEncoder(16)) as other:
                other.add([article(99)])
            assert {hit.article.source for hit in index.search("Tin số", 100)} == {*before, "test:99"}


def test_a_folder_without_write_permission(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may write anywhere, so the system's refusal is simulated."""
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
    """All but one are refused with an error that names the writer, and the index stays whole."""
    path, news, encoder = tmp_path / "index", tmp_path / "news", HashEncoder(16)
    write(news, range(150))
    code = (
        f"import sys; sys.path[:0] = {[str(HERE), str(HERE.parent)]}\n"
        "from factories import HashEncoder; from semsearch import Index, IndexLocked\n"
        "try:\n"
        f"    Index.open_or_create({str(path)!r}, encoder=HashEncoder(16)).sync([{str(news)!r}])\n"
        "    print('done')\n"
        "except IndexLocked as error:\n"
        "    print(error)\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    outputs = [process.communicate(timeout=120)[0].strip() for process in processes]
    assert "done" in outputs
    assert all(line == "done" or "is writing to" in line for line in outputs)
    assert check(path, encoder) == there(news)


@pytest.mark.slow
def test_readers_during_a_writer() -> None:
    """Also a second writer, while the first writes and after it was killed."""
    output = trial("try_readers.py", "--minutes", "0.15", "--readers", "3")
    assert "3 readers" in output


@pytest.mark.slow
def test_a_disk_filled_at_many_sizes() -> None:
    trial("try_full_disk.py", "--only", "index", "--growth", "3")


def test_asking_for_the_writer_hinders_nobody(small: Path, tmp_path: Path) -> None:
    """Asking takes the lock for a moment; so does a writer that has not written its name yet."""
    path = tmp_path / "index"
    shutil.copytree(small, path)
    folder = Folder(path)
    code = (
        "import fcntl, sys, time; f = open(sys.argv[1], 'a'); fcntl.flock(f, 2); print(1, flush=True); time.sleep(%s)"
    )
    with Index.open(path, encoder=HashEncoder(16)) as index:
        for seconds in (0.05, 60):
            other = subprocess.Popen(
                [sys.executable, "-c", code % seconds, str(path / "lock")], stdout=subprocess.PIPE, text=True
            )
            assert other.stdout
            other.stdout.readline()
            if seconds < 1:
                assert index.add([article(99)]).added == 1
            else:
                assert folder.writer() == "another process"
                with pytest.raises(IndexLocked, match="Another process is writing"):
                    index.add([article(98)])
            other.kill()
            other.wait()
            other.stdout.close()
        assert folder.writer() == ""
        assert index.add([article(98)]).added == 1


@pytest.mark.parametrize("damaged", [False, True])
def test_a_search_overtaken_by_a_writer_is_repeated(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: bool
) -> None:
    """A writer replaces an article after the reader's snapshot and before it reads the terms."""
    path = tmp_path / "index"
    shutil.copytree(small, path)
    writer, versions, reopened = Index.open(path, encoder=HashEncoder(16)), iter([501, 502]), LexicalIndex.reopened

    def late(self: LexicalIndex) -> LexicalIndex:
        number = next(versions, None)
        if number is not None:
            monkeypatch.setattr(LexicalIndex, "reopened", reopened)
            writer.add([article(3, text=story(number))])
            monkeypatch.setattr(LexicalIndex, "reopened", late)
            if damaged:
                raise IndexDamaged("a file that the newest state does not name")
        return reopened(self)

    with Index.open(path, encoder=HashEncoder(16)) as index:
        assert index.search("Tin số 3", 50, mode="lexical")
        writer.add([article(77)])  # otherwise nothing is read again
        monkeypatch.setattr(LexicalIndex, "reopened", late)
        found = {hit.article.source: hit.article.text for hit in index.search("Tin số", 50, mode="lexical")}
        monkeypatch.setattr(LexicalIndex, "reopened", reopened)
        assert found == {item.source: item.text for item in index.articles()}
        assert found["test:3"] == story(501 if damaged else 502)


def test_small_files_of_a_killed_run_are_removed(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "index"
    shutil.copytree(small, path)
    leftovers = [path / "lexical" / "001" / "passages" / ".tmpAb3dEf", path / "manifest.json.tmp"]
    for leftover in leftovers:
        leftover.write_bytes(b"{")
    assert sorted(f.part for f in doctor(path)) == sorted(s.relative_to(path).as_posix() for s in leftovers)
    with Index.open(path, encoder=HashEncoder(16)) as index:
        index.add([article(99)])
    assert not any(leftover.exists() for leftover in leftovers)
    assert doctor(path) == []


def test_every_folder_is_synced_before_the_database_counts_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hooked: None
) -> None:
    """``tests/trials/try_power.py`` tests more, where strace is installed."""
    path, sync, order = tmp_path / "new" / "index", os.fsync, list[str]()

    def noted(handle: int) -> None:
        order.append(Path(f"/proc/self/fd/{handle}").resolve().as_posix())
        sync(handle)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("needs /proc for the names of open files")
    monkeypatch.setattr(os, "fsync", noted)
    failpoints.failpoint_hook = order.append
    with Index.open_or_create(path, encoder=HashEncoder(16)) as index:
        index.add([article(1)])
        made = order.index("created database")
        first, second = (path / "lexical" / number for number in ("001", "002"))
        places = [tmp_path, path.parent, path, path / "lexical", first, first / "passages"]
        assert {place.as_posix() for place in places} <= set(order[:made])
        batch = order[order.index("ready") : order.index("committing")]
        places = [path, path / "vectors", first / "passages"]
        assert {place.as_posix() for place in places} <= set(batch)
        del order[:]
        index.rebuild()
        before = order[: order.index("changing over")]
        places = [path / "lexical", second, second / "passages"]
        assert {place.as_posix() for place in places} <= set(before)


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
