"""Records prepared in other processes: the same as here, whatever happens to those processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard
from index_case import HashEncoder, story

from semsearch.errors import IngestError
from semsearch.index import Index, workers
from semsearch.index.workers import Workers, made_here
from semsearch.ingest import Made, Raw, read_path


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes from the third record on, a few records at once."""
    monkeypatch.setattr(workers, "FEW", 2)
    monkeypatch.setattr(workers, "TASK", 600)
    monkeypatch.setattr(workers, "AHEAD", 6000)


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
        "t.workers.FEW = 0\n"
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
        "from index_case import HashEncoder\nfrom semsearch.index import Index, workers\n"
        "workers.FEW, workers.TASK = 2, 600\n"
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
