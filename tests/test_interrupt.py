"""Ctrl-C while a large file is indexed: one sentence, exit code 130, no process left, and what is done is kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cli_case
import pytest
from factories import story

from semsearch.index import Index

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="sends SIGINT, and looks into /proc")

STOPPED = "semsearch: Stopped. Finished work is kept; run the same command to continue.\n"
COUNT = 1500

RUN = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored where the tests run
from semsearch.indexing import pipeline, pool
pipeline.BATCH_ARTICLES, pool.MIN_BYTES, pool.TASK_BYTES = 100, 10_000, 4000
from semsearch.cli import build_app
build_app()(sys.argv[1:], prog_name="semsearch")
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("news") / "tin.jsonl"
    rows = ({"id": f"k{n}", "title": f"Tin {n}", "text": story(n)} for n in range(COUNT))
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def start(file: Path, index: Path, *more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", RUN, "index", str(file), "--index", str(index), "--threads", "2", *more],
        env=cli_case.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def is_running(pid: int) -> bool:
    """Whether a process is still running; a zombie is not."""
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for(condition: object) -> None:
    assert callable(condition)
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("the condition did not hold within 30 s")


def committed(index: Path) -> int:
    """Return the number of vector files: one for each batch."""
    return len(list(index.glob("vectors/*")))


def holds(pid: int, index: Path) -> bool:
    lock = index / "lock"
    return lock.exists() and lock.read_text().startswith(f"process {pid} ")


@pytest.mark.parametrize("delay", [0.0, 0.13, 0.4])
def test_stopped_while_others_prepare(file: Path, tmp_path: Path, delay: float) -> None:
    running = start(file, tmp_path / "index")
    wait_for(lambda: children(running.pid) and committed(tmp_path / "index") >= 2)
    helpers = children(running.pid)
    time.sleep(delay)
    running.send_signal(signal.SIGINT)
    out, error = running.communicate(timeout=30)
    assert (running.returncode, out, error.decode()) == (130, b"", STOPPED)
    wait_for(lambda: not any(map(is_running, helpers)))
    with Index.open(tmp_path / "index") as index:
        before = len(index)
        assert before >= 100
        report = index.sync([file])
        assert (report.added, report.unchanged) == (COUNT - before, before)


def test_stopped_anywhere(file: Path, tmp_path: Path) -> None:
    """Interrupt it repeatedly, later each time, until it is done."""
    index, delay, codes = tmp_path / "index", 0.05, []
    while not codes or codes[-1] != 0:
        running = start(file, index)
        # Before it has the lock, only Python is starting.
        wait_for(lambda: running.poll() is not None or holds(running.pid, index))  # noqa: B023
        try:
            running.wait(delay)
        except subprocess.TimeoutExpired:
            running.send_signal(signal.SIGINT)
        _, message = running.communicate(timeout=60)
        codes.append(running.returncode)
        assert codes[-1] in (0, 130), (codes, message.decode())
        assert codes[-1] == 0 or message.decode() == STOPPED
        delay *= 4
        assert len(codes) < 12
    with Index.open(index) as made:
        assert len(made) == COUNT
        assert made.doctor() == []


def test_stopped_with_json(file: Path, tmp_path: Path) -> None:
    running = start(file, tmp_path / "index", "--json")
    wait_for(lambda: committed(tmp_path / "index") >= 1)
    os.kill(running.pid, signal.SIGINT)
    out, message = running.communicate(timeout=30)
    assert (running.returncode, message.decode()) == (130, STOPPED)
    assert json.loads(out)["error"]["code"] == "interrupted"
