"""``index``, ``rebuild``, ``doctor`` and ``duplicates``: the verbs that take their time, with their progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from .. import serialize
from ..errors import IngestError
from ..index import Index
from ..indexing.check import doctor as examine
from ..reports import SyncReport
from ..types import Duplicates
from . import render
from .progress import Bar
from .runtime import emit, read_stdin, say
from .terminal import Paper, where

__all__ = ["doctor", "duplicates", "rebuild", "sync"]


def sync(path: Path, paths: Sequence[str], encoder: str | None, threads: int | None, as_json: bool) -> int:
    bar = Bar()

    def failed(error: IngestError) -> None:
        bar.clear()
        say(f"{where(error.source)}: {error.reason}")

    files = [p for p in paths if p != "-"]
    with Index.open_or_create(path, encoder=encoder, threads=threads) as index:
        try:
            made = index.sync(files or None, progress=bar, on_error=failed) if files or not paths else SyncReport()
            if "-" in paths:
                made = _together(made, _add_stdin(index, bar, failed))
        finally:
            bar.clear()
    return _tell("index", path, made, as_json)


def _add_stdin(index: Index, bar: Bar, failed: Callable[[IngestError], None]) -> SyncReport:
    """The article that stdin holds; its source is named by its content, so the same text is added once."""
    from ..ingest import read_bytes

    try:
        articles = [record.article for record in read_bytes(read_stdin(), "stdin")]
    except IngestError as error:
        failed(error)
        return SyncReport(failed=(error,))
    return index.add(articles, progress=bar)


def _together(one: SyncReport, two: SyncReport) -> SyncReport:
    return SyncReport(**{f.name: getattr(one, f.name) + getattr(two, f.name) for f in fields(SyncReport)})


def rebuild(path: Path, encoder: str | None, threads: int | None, as_json: bool) -> int:
    bar = Bar()
    with Index.open(path, threads=threads) as index:
        try:
            made = index.rebuild(encoder, progress=bar)
        finally:
            bar.clear()
    return _tell("rebuild", path, made, as_json)


def _tell(command: str, path: Path, made: SyncReport, as_json: bool) -> int:
    for note in made.notes:
        say(where(note))
    if as_json:
        emit(command, {"index": str(path), **serialize.plain(made)})
    else:
        told = render.rebuilt if command == "rebuild" else render.report
        told(Paper.for_stdout(), where(path.as_posix()), made)
    return 1 if made.failed else 0


def doctor(path: Path, repair: bool, as_json: bool) -> int:
    found = examine(path, repair=repair)
    ok = all(f.repaired or f.level != "error" for f in found)
    if as_json:
        emit("doctor", {"ok": ok, "findings": serialize.plain(found)})
    else:
        render.findings(Paper.for_stdout(), found)
    return 0 if ok else 3


def duplicates(path: Path, share: float, filters: dict[str, Any]) -> list[Duplicates]:
    bar = Bar()
    with Index.open(path) as index:
        try:
            return index.duplicates(share, progress=bar, **filters)
        finally:
            bar.clear()
