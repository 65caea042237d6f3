"""Records prepared in other processes: the same results, whatever happens to those processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import zstandard
from factories import HashEncoder, story

from semsearch.encoders import StaticEncoder
from semsearch.errors import IngestError
from semsearch.index import Index
from semsearch.indexing import pipeline, pool
from semsearch.indexing.pool import PreparationPool
from semsearch.indexing.prepare import PreparedRecord, prepare_record
from semsearch.ingest import RawRecord, read_records

Item = RawRecord | str
Result = PreparedRecord | IngestError | None

needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks into /proc")


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes from the second record on, a few records in a task."""
    monkeypatch.setattr(pool, "MIN_BYTES", 1)
    monkeypatch.setattr(pool, "TASK_BYTES", 600)
    monkeypatch.setattr(pool, "MAX_AHEAD_BYTES", 6000)


@pytest.fixture
def others() -> Iterator[PreparationPool]:
    others = PreparationPool(2)
    yield others
    others.close()


def line(number: int, **fields: object) -> bytes:
    row = {"_id": f"k{number}", "title": f"Tin {number}", "text": story(number), "date": "2018-08-27", **fields}
    return json.dumps(row, ensure_ascii=False).encode() + b"\n"


def records(count: int, file: str = "/bao/tin.jsonl") -> list[RawRecord]:
    odd = {3: b"{broken", 5: line(4), 8: b'{"title": "no text"}', 11: line(11, url="https://b.vn/1", author="Sơn")}
    return [RawRecord(file, "jsonl", odd.get(n, line(n)), n) for n in range(1, count + 1)]


def shown(results: Iterator[tuple[Item, Result]]) -> list[tuple[Item, object]]:
    """Return results that can be compared, because errors have no equality."""
    return [(item, str(result) if isinstance(result, IngestError) else result) for item, result in results]


def prepared_here(items: Sequence[Item]) -> list[tuple[Item, object]]:
    return shown((item, prepare_record(item) if isinstance(item, RawRecord) else None) for item in items)


def children() -> list[int]:
    """Processes started by this one that run the pool's code; not loky's resource tracker."""
    found = []
    for pid in Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split():
        if b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes():
            found.append(int(pid))
    return found


def test_the_same_as_here_and_in_the_same_order(others: PreparationPool) -> None:
    items: list[Item] = [*records(40), "a file ends", RawRecord("/a.txt", "text", story(1).encode()), *records(60)]
    items[20:20] = ["one", "two"]
    assert shown(others.prepare(items)) == prepared_here(items)
    assert shown(others.prepare(iter(records(30)))) == prepared_here(records(30))


@needs_proc
def test_processes_are_started_when_there_is_enough_to_do(
    others: PreparationPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = children()
    monkeypatch.setattr(pool, "MIN_BYTES", 10_000)
    assert len(list(others.prepare(records(5)))) == 5
    assert children() == before
    assert len(list(others.prepare(records(100)))) == 100
    assert len(children()) == len(before) + 2
    others.close()
    assert children() == before


@needs_proc
def test_none_is_started_for_one_thread() -> None:
    before = children()
    assert shown(PreparationPool(0).prepare(records(50))) == prepared_here(records(50))
    assert children() == before


@needs_proc
@pytest.mark.parametrize("killed", [1, 2])
def test_what_a_dead_process_had_to_do_is_done_here(others: PreparationPool, killed: int) -> None:
    before = set(children())
    found = []
    for number, result in enumerate(others.prepare(records(300))):
        found.append(result)
        if number == 20:
            for pid in sorted(set(children()) - before)[:killed]:
                os.kill(pid, signal.SIGKILL)
    assert shown(iter(found)) == prepared_here(records(300))
    assert shown(others.prepare(records(60))) == prepared_here(records(60))


@needs_proc
def test_nobody_waits_for_processes_that_do_not_answer(others: PreparationPool) -> None:
    """Meanwhile the parent prepares records itself."""
    before = set(children())
    results = others.prepare(records(400))
    found = [next(results) for _ in range(2)]
    stopped = set(children()) - before
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    # They are continued by another process, after more than they take to start.
    waker = subprocess.Popen(["sh", "-c", f"sleep 0.5; kill -CONT {' '.join(map(str, stopped))}"])
    found += results
    waker.wait()
    assert shown(iter(found)) == prepared_here(records(400))


@pytest.mark.parametrize("error", [OSError(11, "Resource temporarily unavailable"), ImportError("no semaphores")])
def test_if_no_process_can_be_started_all_is_done_here(
    others: PreparationPool, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refused(*args: object, **options: object) -> None:
        raise error

    monkeypatch.setattr("loky.ProcessPoolExecutor", refused)
    assert shown(others.prepare(records(60))) == prepared_here(records(60))


def test_left_in_the_middle(others: PreparationPool) -> None:
    results = others.prepare(records(100))
    first = [next(results) for _ in range(9)]
    results.close()  # type: ignore[attr-defined]
    assert shown(iter(first)) == prepared_here(records(9))
    assert shown(others.prepare(records(30))) == prepared_here(records(30))


def test_a_file_that_breaks_off_gives_what_came_before(others: PreparationPool, tmp_path: Path) -> None:
    compressed = zstandard.compress(b"".join(line(number) for number in range(3000)))
    (tmp_path / "a.jsonl.zst").write_bytes(compressed[: len(compressed) // 2])
    found = []
    results = others.prepare(read_records(tmp_path / "a.jsonl.zst"))
    with pytest.raises(IngestError, match="cut short or damaged after line"):
        for _, result in results:
            assert isinstance(result, PreparedRecord)
            found.append(result.prepared.article.text)
    assert len(found) > 100
    assert found == [story(number).rstrip() for number in range(len(found))]


@needs_proc
def test_no_process_outlives_this_one() -> None:
    code = (
        f"import sys, os; sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[1])]}\n"
        "import test_pool as t\n"
        "t.pool.MIN_BYTES = 1\n"
        "others = t.PreparationPool(1)\n"
        "results = others.prepare(t.records(9))\n"
        "next(results), next(results)\n"
        "print(*t.children(), flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=False, timeout=60)
    (pid,) = done.stdout.split()
    other = Path(f"/proc/{pid}")
    for _ in range(200):
        if not other.exists() or " Z " in (other / "stat").read_text():
            return
        time.sleep(0.05)
    pytest.fail("the other process is still there")


def test_an_index_made_with_others_is_the_one_made_alone(tmp_path: Path) -> None:
    """Also from a script without a guard around its main part, which is not run again in the other processes."""
    file = tmp_path / "tin.jsonl"
    file.write_bytes(b"".join(line(n) for n in range(60)) + b"{broken\n" + line(7) + line(61, text=story(3)))
    script = tmp_path / "script.py"
    script.write_text(
        f"import sys; sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[1])]}\n"
        "from factories import HashEncoder\nfrom semsearch.index import Index\nfrom semsearch.indexing import pool\n"
        "pool.MIN_BYTES, pool.TASK_BYTES = 1, 600\n"
        "index = Index.open_or_create(sys.argv[1], encoder=HashEncoder(16), threads=int(sys.argv[2]))\n"
        "report = index.sync([sys.argv[3]])\n"
        "print(report.added, report.duplicates, [str(error) for error in report.failed], report.notes)\n"
    )
    reports, contents = [], []
    for threads in ("1", "3"):
        path = tmp_path / f"index{threads}"
        command = [sys.executable, str(script), str(path), threads, str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        assert done.stderr == ""
        reports.append(done.stdout)
        with Index.open(path, encoder=HashEncoder(16)) as index:
            contents.append([(a, index.passages(a.id)) for a in index.articles()])
            assert index.doctor() == []
    assert reports[0] == reports[1]
    assert contents[0] == contents[1]
    assert reports[0].startswith("60 2 [")


def test_texts_tokenized_by_others_give_the_same_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also texts with unusual letters; and this process tokenizes less."""
    tokenized: list[str] = []
    token_ids = StaticEncoder.token_ids

    def counted(self: StaticEncoder, texts: Sequence[str]) -> list[bytes]:
        tokenized.extend(texts)
        return token_ids(self, texts)

    monkeypatch.setattr(StaticEncoder, "token_ids", counted)
    monkeypatch.setattr(pipeline, "FIRST_BATCH_ARTICLES", 8)
    monkeypatch.setattr(pipeline, "BATCH_ARTICLES", 8)
    file = tmp_path / "tin.jsonl"
    odd = {30: "漢字 và chữ. Công an\u0301h đến.", 31: "Ⅻ ²½. " + "a" * 300 + ". Hết."}
    file.write_bytes(b"".join(line(n, text=f"{story(n)}\n\n{odd.get(n, '')}") for n in range(60)))
    found, counts = [], []
    for threads in (1, 3):
        tokenized.clear()
        with Index.create(tmp_path / f"index{threads}", threads=threads) as index:
            assert index.sync([file]).added == 60
            queries = ("Sa Thầy", "phần quà cho học sinh", "công ánh")
            found.append([index.search(query, 50) for query in queries])
        counts.append(len(tokenized))
    assert found[0] == found[1]
    assert counts[1] < counts[0] / 2
