"""The progress bar, with a clock of its own."""

from __future__ import annotations

import io
import re
from itertools import pairwise

import pytest

from semsearch.cli.language import Locale, OutputLanguage
from semsearch.cli.progress import ProgressBar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Run:
    """A progress bar with a clock of its own."""

    def __init__(self, language: OutputLanguage = "en") -> None:
        self.now = 1000.0
        self.stream = Terminal()
        self.bar = ProgressBar(Locale(language), self.stream, lambda: self.now)

    def report(self, stage: str, done: int, total: int, after: float = 0.0) -> str:
        """Report progress ``after`` seconds, and return the line that is shown then."""
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
    assert run.report("articles", 0, 0) == ""
    assert run.report("articles", 200, 0, after=1) == "200 articles"
    assert run.report("articles", 800, 0, after=3) == "800 articles · 200/s"
    assert run.report("articles", 1200, 150_312, after=2) == "1,200/~150,000 articles · 200/s · about 12 min left"
    assert run.report("articles", 1234, 1234, after=1).startswith("1,234 articles · ")


def test_the_same_in_vietnamese() -> None:
    run = Run("vi")
    run.report("articles", 0, 0)
    assert run.report("articles", 1200, 150_312, after=6) == "1.200/~150.000 bài · 200/giây · còn khoảng 12 phút"


def test_time_left_does_not_jump_with_batches_of_different_length() -> None:
    run = Run()
    run.report("articles", 0, 0)
    minutes, done = [], 0
    for batch in range(400):
        done += 500
        run.report("articles", done, 300_000, after=(2, 3, 8, 3)[batch % 4])
        if batch >= 100:
            minutes.append(int(re.search(r"about (\d+) min", run.line)[1]))  # type: ignore[index]
    assert all(-1 <= one - two <= 1 for one, two in pairwise(minutes)), minutes


def test_unchanged_articles_do_not_count_as_work() -> None:
    run = Run()
    run.report("articles", 0, 0)
    for done in range(0, 100_001, 500):
        run.report("unchanged", done, 150_000, after=0.02)
    run.report("unchanged", 100_000, 150_000, after=0.2)
    assert run.line == "100,000/~150,000 articles, all unchanged so far"
    run.report("articles", 100_400, 150_000, after=4)
    assert run.line == "100,400/~150,000 articles · 100/s · about 8 min left"
    for done in range(100_800, 110_001, 400):
        run.report("articles", done, 150_000, after=4)
    assert run.line == "110,000/~150,000 articles · 100/s · about 7 min left"
    run.report("unchanged", 130_000, 150_000, after=1)
    run.report("articles", 130_400, 150_000, after=3)
    assert run.line == "130,400/~150,000 articles · 100/s · about 3 min left"


def test_other_stages_have_a_bar() -> None:
    run = Run()
    assert run.report("files", 0, 3000) == "files [........................] 0/3,000"
    assert (
        run.report("files", 750, 3000, after=100)
        == "files [######..................] 750/3,000 · 7.5/s · about 5 min left"
    )
    assert run.report("terms", 5, 10, after=1) == "terms [############............] 5/10"


def test_lines_come_ten_times_a_second_and_the_last_one_always() -> None:
    run = Run()
    for done in range(1, 1001):
        run.report("terms", done, 1000, after=0.001)
    lines = run.stream.getvalue().count("\r")
    assert 9 <= lines <= 12
    assert run.line.startswith("terms [########################] 1,000/1,000")


def test_a_line_never_wraps_and_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run()
    monkeypatch.setenv("COLUMNS", "40")
    run.report("files", 0, 10**9)
    assert len(run.report("files", 10**8, 10**9, after=5)) == 39
    run.report("articles", 7, 0, after=1)
    assert run.stream.getvalue().rpartition("\r")[2] == "7 articles".ljust(39)
    run.bar.clear()
    assert run.stream.getvalue().endswith("\r" + " " * 10 + "\r")


def test_nothing_is_shown_without_a_terminal() -> None:
    stream = io.StringIO()
    bar = ProgressBar(Locale("en"), stream)
    bar("files", 1, 2)
    bar.clear()
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (1, "about 5 s left"),
        (42, "about 40 s left"),
        (58, "about 1 min left"),
        (3400, "about 57 min left"),
        (3600, "about 1 h 0 min left"),
        (8000, "about 2 h 15 min left"),
    ],
)
def test_time_left(seconds: int, shown: str) -> None:
    run = Run()
    run.report("terms", 0, 1000 + seconds * 100)
    assert run.report("terms", 1000, 1000 + seconds * 100, after=10).rpartition(" · ")[2] == shown
