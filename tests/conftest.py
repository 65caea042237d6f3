"""Fixtures and hooks for all tests."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest
from factories import HashEncoder

from semsearch.index import Index

TORCH_FIXTURES = {"bert_folder", "prompted_folder", "phobert_folder"}


@pytest.fixture
def encoder() -> HashEncoder:
    return HashEncoder()


@pytest.fixture
def index(tmp_path: Path, encoder: HashEncoder) -> Iterator[Index]:
    """An empty index."""
    with Index.open_or_create(tmp_path / "index", encoder=encoder) as opened:
        yield opened


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests of torch models as slow, and run them in one process, so that torch is imported once."""
    for item in items:
        if not TORCH_FIXTURES.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.xdist_group("torch"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """End a test marked ``time_limit`` that hangs; a limit is many times what a busy machine needs."""
    marker = item.get_closest_marker("time_limit")
    if marker is None or not hasattr(signal, "SIGALRM") or threading.current_thread() is not threading.main_thread():
        return (yield)
    limit_s = marker.args[0]

    def stop(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"{item.nodeid} did not end within {limit_s} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(limit_s)
    try:
        return (yield)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
