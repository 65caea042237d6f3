"""The line of progress, by a clock of our own."""

from __future__ import annotations

import io
import re
from itertools import pairwise

import pytest

from semsearch.cli.progress import Bar, _left


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Run:
    """A bar, and what its line says."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.stream = Terminal()
        self.bar = Bar(self.stream, lambda: self.now)

    def tell(self, stage: str, done: int, total: int, after: float = 0.0) -> str:
        self.now += after
        self.bar(stage, done, total)
        return self.line

    @property
    def line(self) -> str:
        return self.stream.getvalue().rpartition("\r")[2].rstrip()


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")


def test_articles_with_rate_and_time_left() -> None:
    run = Run()
    assert run.tell("articles", 0, 0) == ""
    assert run.tell("articles", 400, 0, after=1) == "400 articles"
    assert run.tell("articles", 800, 0, after=3) == "800 articles · 200 articles/s"
    assert (
        run.tell("articles", 1200, 150_312, after=2) == "1.200/~150.000 articles · 200 articles/s · about 12 min left"
    )
    assert run.tell("articles", 1234, 1234, after=1).startswith("1.234 articles · ")


def test_the_rate_is_that_of_the_last_minute() -> None:
    run = Run()
    run.tell("articles", 0, 0)
    for second in range(5, 605, 5):
        run.tell("articles", 100 * second, 100_000, after=5)
    assert run.line == "60.000/~100.000 articles · 100 articles/s · about 7 min left"
    for second in range(5, 125, 5):
        run.tell("articles", 60_000 + 50 * second, 100_000, after=5)
    assert run.line == "66.000/~100.000 articles · 50 articles/s · about 11 min left"


def test_time_left_does_not_jump_with_batches_of_different_length() -> None:
    run = Run()
    run.tell("articles", 0, 0)
    minutes, done = [], 0
    for batch in range(400):
        done += 500
        run.tell("articles", done, 300_000, after=(2, 3, 8, 3)[batch % 4])
        if batch > 20:
            minutes.append(int(re.search(r"about (\d+) min", run.line)[1]))  # type: ignore[index]
    assert all(-1 <= one - two <= 1 for one, two in pairwise(minutes)), minutes


def test_what_an_earlier_run_did_says_nothing_of_the_rest() -> None:
    run = Run()
    run.tell("articles", 0, 0)
    for done in range(0, 100_001, 500):
        run.tell("unchanged", done, 150_000, after=0.02)
    run.tell("unchanged", 100_000, 150_000, after=0.2)
    assert run.line == "100.000/~150.000 articles, all unchanged so far"
    run.tell("articles", 100_400, 150_000, after=4)
    assert run.line == "100.400/~150.000 articles · 100 articles/s · about 8 min left"
    for done in range(100_800, 110_001, 400):
        run.tell("articles", done, 150_000, after=4)
    assert run.line == "110.000/~150.000 articles · 100 articles/s · about 7 min left"
    run.tell("unchanged", 130_000, 150_000, after=1)
    run.tell("articles", 130_400, 150_000, after=3)
    assert run.line == "130.400/~150.000 articles · 100 articles/s · about 3 min left"


def test_other_stages_have_a_bar() -> None:
    run = Run()
    assert run.tell("files", 0, 3000) == "files [........................] 0/3.000"
    assert (
        run.tell("files", 750, 3000, after=100)
        == "files [######..................] 750/3.000 · 7,5/s · about 5 min left"
    )
    assert run.tell("terms", 5, 10, after=1) == "terms [############............] 5/10"


def test_lines_come_ten_times_a_second_and_the_last_one_always() -> None:
    run = Run()
    for done in range(1, 1001):
        run.tell("terms", done, 1000, after=0.001)
    lines = run.stream.getvalue().count("\r")
    assert 9 <= lines <= 12
    assert run.line.startswith("terms [########################] 1.000/1.000")


def test_a_line_never_wraps_and_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run()
    monkeypatch.setenv("COLUMNS", "40")
    run.tell("files", 0, 10**9)
    assert len(run.tell("files", 10**8, 10**9, after=5)) == 39
    run.tell("articles", 7, 0, after=1)
    assert run.stream.getvalue().rpartition("\r")[2] == "7 articles".ljust(39)
    run.bar.clear()
    assert run.stream.getvalue().endswith("\r" + " " * 10 + "\r")


def test_nothing_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    bar = Bar(stream)
    bar("files", 1, 2)
    bar.clear()
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (1, "about 5 s left"),
        (42, "about 40 s left"),
        (58, "about 1 min left"),
        (3400, "about 57 min left"),
        (3600, "about 1 h left"),
        (8000, "about 2 h 15 min left"),
    ],
)
def test_time_in_words(seconds: float, told: str) -> None:
    assert _left(seconds) == told
