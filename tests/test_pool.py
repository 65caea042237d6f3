"""Records prepared in other processes: the same as here, whatever happens to those processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import pytest
import zstandard
from factories import HashEncoder, story

from semsearch.encoders import StaticEncoder
from semsearch.encoders.passages import PassageText, TokenIds
from semsearch.errors import IngestError
from semsearch.index import Index
from semsearch.indexing import pipeline as sync
from semsearch.indexing import pool as workers
from semsearch.indexing.pool import Workers, made_here
from semsearch.ingest import Made, Raw, read_path
from semsearch.storage import Store
from semsearch.storage.layout import Folder
from semsearch.storage.segments import read

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from semsearch.protocols import Encoder


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes from the third record on, a few records at once."""
    monkeypatch.setattr(workers, "FEW", 2)
    monkeypatch.setattr(workers, "TASK", 600)
    monkeypatch.setattr(workers, "AHEAD", 6000)
    monkeypatch.setattr(workers, "PATIENCE", 30.0)


@pytest.fixture
def pool() -> Iterator[Workers]:
    pool = Workers(2)
    yield pool
    pool.close()


def line(number: int, **fields: object) -> bytes:
    row = {"_id": f"k{number}", "title": f"Tin {number}", "text": story(number), "date": "2018-08-27", **fields}
    return json.dumps(row, ensure_ascii=False).encode() + b"\n"


def raws(count: int) -> list[Raw]:
    odd = {3: b"{broken", 5: line(4), 8: b'{"title": "no text"}', 11: line(11, url="https://b.vn/1", author="Sơn")}
    return [Raw(number, odd.get(number, line(number))) for number in range(1, count + 1)]


def test_the_same_as_here_and_in_the_same_order(pool: Workers) -> None:
    rows = [*raws(40), Raw(41, {"text": story(41), "ngay": "1/2/2019"}, "TCVN3"), Raw(42, "has 5 columns"), *raws(60)]
    made = list(pool.make("/bao/tin.jsonl", rows))
    assert made == list(made_here("/bao/tin.jsonl", rows))
    assert len(pool._alive) == 2
    assert made[10].article and made[10].article.url == "https://b.vn/1"
    assert made[41] == Made(42, reason="has 5 columns")
    again = list(pool.make("/bao/khac.csv", iter(raws(30))))
    assert again == list(made_here("/bao/khac.csv", raws(30)))


def test_few_records_start_nothing() -> None:
    pool = Workers(2)
    assert len(list(pool.make("x", raws(2)))) == 2
    assert not pool._alive


def test_none_is_started_for_one_thread() -> None:
    pool = Workers(0)
    assert len(list(pool.make("x", raws(50)))) == 50
    assert not pool._alive


@pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL")
def test_what_a_dead_process_had_to_do_is_done_here(pool: Workers) -> None:
    expected = list(made_here("x", raws(200)))
    found = []
    for number, made in enumerate(pool.make("x", raws(200))):
        found.append(made)
        if number == 20:
            os.kill(pool._alive[0]._process.pid, signal.SIGKILL)
        if number == 120:
            for worker in pool._alive:
                os.kill(worker._process.pid, signal.SIGKILL)
    assert found == expected
    assert not pool._alive


@pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL")
def test_processes_that_never_start_are_not_waited_for(pool: Workers) -> None:
    expected = list(made_here("x", raws(60)))
    making = pool.make("x", raws(60))
    workers.PATIENCE = 0.0
    assert [next(making) for _ in range(6)] == expected[:6]
    for worker in pool._alive:
        os.kill(worker._process.pid, signal.SIGKILL)
        worker._process.wait()
    assert [*making] == expected[6:]
    assert [*pool.make("x", raws(60))] == expected
    assert not pool._alive


@pytest.mark.parametrize("answer", [b"", b"no answer at all\n", b"\xff" * 64, b"\1" + bytes(7) + b"?", bytes(8)])
def test_what_a_process_that_cannot_be_understood_had_to_do_is_done_here(
    pool: Workers, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    """It lives on, and what it writes is no message: too long, shorter than nothing, or none that can be read."""
    code = f"import sys; sys.stdout.buffer.write({workers._MARK + answer!r}); sys.stdout.flush(); sys.stdin.read()"
    code = code if answer else "import time\nwhile True: print('x' * 1000)"
    monkeypatch.setattr(workers, "_START", code)
    assert list(pool.make("x", raws(60))) == list(made_here("x", raws(60)))
    assert not pool._alive


@pytest.mark.parametrize("error", [MemoryError, OSError, ValueError])
def test_answers_that_cannot_be_taken_are_not_waited_for(
    pool: Workers, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    expected = list(made_here("x", raws(200)))
    receive, taken, told = workers._receive, [], []

    def some(stream: IO[bytes]) -> object:
        taken.append(1)
        if len(taken) > 6:
            raise error
        return receive(stream)

    monkeypatch.setattr(workers, "_receive", some)
    monkeypatch.setattr(threading, "excepthook", told.append)
    assert list(pool.make("x", raws(200))) == expected
    assert not pool._alive
    assert not told


def test_what_is_printed_before_is_no_answer(pool: Workers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\nprint('hello')\nos.write(1, b'no end of line ' * 100)\nsys.stdout.flush()\nprint('later')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert list(pool.make("x", raws(60))) == list(made_here("x", raws(60)))
    assert len(pool._alive) == 2


@pytest.mark.parametrize("error", [BlockingIOError(11, "Resource temporarily unavailable"), RuntimeError("no thread")])
@pytest.mark.parametrize("first", [0, 1])
def test_where_no_process_can_be_started_all_is_done_here(
    pool: Workers, monkeypatch: pytest.MonkeyPatch, error: Exception, first: int
) -> None:
    """And what was started before is used, or ended where its thread could not be."""
    started: list[subprocess.Popen[bytes]] = []

    class Process(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *args: Any, **more: Any) -> None:
            if len(started) >= first and isinstance(error, OSError):
                raise error
            super().__init__(*args, **more)
            started.append(self)

    class Thread(threading.Thread):
        def start(self) -> None:
            if len(started) > first:
                raise error
            super().start()

    monkeypatch.setattr(workers.subprocess, "Popen", Process)
    monkeypatch.setattr(workers.threading, "Thread", Thread)
    assert list(pool.make("x", raws(60))) == list(made_here("x", raws(60)))
    assert len(pool._alive) == first
    assert sum(process.poll() is None for process in started) == first


@pytest.mark.skipif(sys.platform == "win32", reason="stops processes")
def test_nobody_waits_for_slow_processes(pool: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = list(made_here("x", raws(400)))
    making = pool.make("x", raws(400))
    found = [next(making) for _ in range(5)]
    here: list[int] = []

    def counted(file: str, rows: list[Raw], *more: object) -> Iterator[Made]:
        here.append(rows[0].number)
        return made_here(file, rows)

    monkeypatch.setattr(workers, "made_here", counted)
    pids = [worker._process.pid for worker in pool._alive]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    threading.Timer(0.5, lambda: [os.kill(pid, signal.SIGCONT) for pid in pids]).start()
    assert [*found, *making] == expected
    assert len(pool._alive) == 2
    assert here and here[0] > 10


def test_left_in_the_middle(pool: Workers) -> None:
    making = pool.make("x", raws(100))
    assert [next(making).number for _ in range(9)] == list(range(1, 10))
    making.close()  # type: ignore[attr-defined]
    assert list(pool.make("y", raws(30))) == list(made_here("y", raws(30)))


def test_a_file_that_breaks_off_gives_what_came_before(pool: Workers, tmp_path: Path) -> None:
    packed = zstandard.compress(b"".join(line(number) for number in range(3000)))
    (tmp_path / "a.jsonl.zst").write_bytes(packed[: len(packed) // 2])
    found = []
    with pytest.raises(IngestError, match="cut short or damaged after line"):
        for record in read_path(tmp_path / "a.jsonl.zst", make=pool.make):
            found.append(record.article.text)
    assert len(found) > 100
    assert found == [story(number).rstrip() for number in range(len(found))]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks into /proc")
def test_no_process_outlives_this_one() -> None:
    code = (
        f"import sys, os; sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[1])]}\n"
        "import test_workers as t\n"
        "t.workers.FEW, t.workers.PATIENCE = 0, 30.0\n"
        "pool = t.Workers(1)\n"
        "next(pool.make('x', t.raws(9)))\n"
        "print(pool._alive[0]._process.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    other = Path(f"/proc/{int(done.stdout)}")
    for _ in range(100):
        if not other.exists() or " Z " in (other / "stat").read_text():
            return
        time.sleep(0.05)
    pytest.fail("the other process is still there")


def test_an_index_made_with_others_is_the_one_made_alone(tmp_path: Path) -> None:
    """Also from a script without a guard around its main part."""
    file = tmp_path / "tin.jsonl"
    file.write_bytes(b"".join(line(n) for n in range(60)) + b"{broken\n" + line(7) + line(61, text=story(3)))
    script = tmp_path / "script.py"
    script.write_text(
        f"import sys; sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[1])]}\n"
        "from factories import HashEncoder\nfrom semsearch.index import Index, workers\n"
        "workers.FEW, workers.TASK, workers.PATIENCE = 2, 600, 30.0\n"
        "index = Index.open_or_create(sys.argv[1], encoder=HashEncoder(16), threads=int(sys.argv[2]))\n"
        "report = index.sync([sys.argv[3]])\n"
        "print(report.added, report.duplicates, [str(error) for error in report.failed], report.notes)\n"
    )
    told, held = [], []
    for threads in ("1", "3"):
        path = tmp_path / f"index{threads}"
        command = [sys.executable, str(script), str(path), threads, str(file)]
        told.append(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)
        with Index.open(path, encoder=HashEncoder(16)) as index:
            held.append([(a, index.passages(a.id)) for a in index.articles()])
            assert index.doctor() == []
    assert told[0] == told[1]
    assert held[0] == held[1]
    assert told[0].startswith("60 2 [")


def test_texts_cut_by_others_have_the_vectors_that_the_encoder_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those without the lines that turn out to be the site's, and those with odd letters."""
    cut: list[str] = []
    pieces = StaticEncoder.token_ids

    def counted(self: StaticEncoder, texts: Sequence[str]) -> list[bytes]:
        cut.extend(texts)
        return pieces(self, texts)

    monkeypatch.setattr(StaticEncoder, "token_ids", counted)
    monkeypatch.setattr(sync, "FIRST_ARTICLES", 8)
    monkeypatch.setattr(sync, "BATCH_ARTICLES", 8)
    file = tmp_path / "tin.jsonl"
    odd = {30: "漢字 và chữ. Công an\u0301h đến.", 31: "Ⅻ ²½. " + "a" * 300 + ". Hết."}
    texts = [f"{story(n)}\n\n{odd.get(n, '')}\n\nXem thêm tin trong ngày tại đây" for n in range(60)]
    file.write_bytes(b"".join(line(n, text=text, url=f"https://a.vn/{n}") for n, text in enumerate(texts)))
    made, told = [], []
    for threads in (1, 3):
        cut.clear()
        with Index.create(tmp_path / f"index{threads}", threads=threads) as index:
            assert index.sync([file]).added == 60
            encoder = index.encoder
            assert isinstance(encoder, StaticEncoder)
        store = Store.open(tmp_path / f"index{threads}" / "store.db")
        folder = Folder(tmp_path / f"index{threads}")
        vectors = {}
        for segment in store.segments():
            ids, rows = read(folder, segment)
            vectors.update(zip(ids.tolist(), rows, strict=True))
        kept = store.token_ids(encoder.fingerprint, store.all_ids("passages"))
        for article in map(store.article, store.all_ids("articles")):
            for passage in store.passages(article):
                text = PassageText.of(article, passage.sentences)
                assert np.array_equal(vectors[passage.id], halved(encoder, text.encoded))
                title, *parts = pieces(encoder, text.parts)
                assert TokenIds.unpack(kept[passage.id]) == TokenIds(title, tuple(parts))
        store.close()
        made.append(len(vectors))
        told.append(len(cut))
    assert made[0] == made[1] >= 60
    # The first records, the odd ones, and those that were prepared before anybody knew the site's line.
    assert told[1] < told[0] / 2


def halved(encoder: Encoder, text: str) -> NDArray[np.float16]:
    vector: NDArray[np.float16] = encoder.encode_passages([text])[0].astype(np.float16)
    return vector
