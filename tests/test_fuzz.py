"""A small, fixed part of what tests/trials/fuzz.py and tests/trials/fuzz_index.py try."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from factories import HashEncoder, article

from semsearch.index import Index
from semsearch.reader.loading import load_reader

pytestmark = pytest.mark.slow

TRIALS = Path(__file__).parent / "trials"


def trial(name: str) -> ModuleType:
    """Import a module of tests/trials."""
    spec = importlib.util.spec_from_file_location(name, TRIALS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look it up there
    spec.loader.exec_module(module)
    return module


fuzz, fuzz_index = trial("fuzz"), trial("fuzz_index")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    with Index.create(tmp_path_factory.mktemp("fuzz") / "index", HashEncoder(16)) as index:
        index.add(article(n) for n in range(8))
        yield index


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        ("text", 800),
        ("sentences", 600),
        ("files", 400),
        ("encodings", 120),
        ("changed files", 250),
        ("questions", 30),
    ],
)
def test_hostile_inputs(kind: str, count: int, index: Index, tmp_path: Path) -> None:
    watch = fuzz.Watch(20.0)
    fuzz.run(kind, count, 1, tmp_path, index, watch)
    assert watch.count >= count
    if kind in ("files", "changed files"):
        assert min(watch.outcomes["read"], watch.outcomes["refused"]) > count // 5, "too few files of one kind"


def test_the_checks_can_fail(tmp_path: Path) -> None:
    """A fuzzer that cannot fail would be worth nothing."""
    with pytest.raises(AssertionError):
        fuzz.check_encoding("hà\u200bnội", "utf-8", tmp_path / "a.txt")  # characters without width are removed
    with pytest.raises(AssertionError):
        fuzz.check_error(fuzz.IngestError("a", "two\nlines"))
    with pytest.raises(AssertionError):
        fuzz.Watch(-1.0)(lambda: None)
    with pytest.raises(fuzz_index.Failure):
        fuzz_index.check_error(fuzz.SemsearchError(""))


@pytest.mark.parametrize("state", fuzz_index.STATES)
def test_a_damaged_index(state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    verbs = fuzz_index.Verbs(HashEncoder(16), load_reader())
    with fuzz_index.conditions(state):
        outcomes, failures, _ = fuzz_index.run(state, range(10), 1, tmp_path, verbs)
    assert failures == []
    assert sum(outcomes.values()) == 10
    assert any("repaired" in outcome for outcome in outcomes)
