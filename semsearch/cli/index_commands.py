"""``index``, ``remove``, ``rebuild`` and ``doctor``."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated

import typer

from .. import serialize
from ..errors import IngestError
from ..reports import SyncReport
from . import messages, render
from .options import EncoderOptions, IndexOption, OutputOptions, index_path, open_index
from .progress import ProgressBar
from .runtime import emit, read_stdin, say
from .terminal import Console, display_path

if TYPE_CHECKING:
    from ..index import Index

__all__ = ["doctor", "index_paths", "rebuild", "remove"]


def index_paths(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH", help="Files, folders or globs; - reads one article from stdin."),
    ] = None,
    *,
    output: OutputOptions,
    index: IndexOption = None,
    encoding: EncoderOptions,
) -> int:
    """Make the index match the files in PATH, or in all known paths.

    New articles are added, changed ones replaced, and those no longer found in PATH removed; articles from other paths
    stay. Unchanged files are skipped.
    """
    from ..index import Index

    names = paths or []
    file_paths = [path for path in names if path != "-"]
    progress = ProgressBar(output.locale)

    def report_error(error: IngestError) -> None:
        progress.clear()
        say(f"{display_path(error.source)}: {error.reason}")

    folder = index_path(index)
    report = SyncReport()
    with Index.open_or_create(folder, encoder=encoding.encoder, threads=encoding.threads) as opened:
        try:
            if file_paths or not names:
                report = opened.sync(file_paths or None, progress=progress, on_error=report_error)
            if "-" in names:
                data = read_stdin(output.locale)
                report = _add_reports(report, _add_article(opened, data, progress, report_error))
        finally:
            progress.clear()

    _print_notes(report)
    if output.as_json:
        emit("index", {"index": str(folder), **serialize.plain(report)})
    else:
        render.sync_report(Console.for_stdout(output.locale), folder.as_posix(), report)
    return 1 if report.failed else 0


def remove(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A file, a folder, or a source as `show` prints it.")],
    *,
    output: OutputOptions,
    index: IndexOption = None,
) -> int:
    """Remove an article, a file, or everything below a folder.

    Files that still exist are indexed again together with their folder.
    """
    with open_index(index) as opened:
        removed = opened.remove(source)

    if output.as_json:
        emit("remove", {"source": source, "removed": removed})
        return 0 if removed else 1
    locale = output.locale
    Console.for_stdout(locale).print(locale.count(messages.SOURCES_REMOVED, removed))
    if not removed:
        say(locale.text(messages.UNKNOWN_SOURCE, source=source))
    elif os.path.lexists(source):
        say(locale.text(messages.SOURCE_STILL_EXISTS, source=source))
    return 0 if removed else 1


def rebuild(*, output: OutputOptions, index: IndexOption = None, encoding: EncoderOptions) -> int:
    """Rebuild the index, optionally with another encoder."""
    progress = ProgressBar(output.locale)
    folder = index_path(index)
    with open_index(folder, EncoderOptions(threads=encoding.threads)) as opened:
        try:
            report = opened.rebuild(encoding.encoder, progress=progress)
        finally:
            progress.clear()

    _print_notes(report)
    if output.as_json:
        emit("rebuild", {"index": str(folder), **serialize.plain(report)})
    else:
        render.rebuild_report(Console.for_stdout(output.locale), folder.as_posix(), report)
    return 1 if report.failed else 0


def doctor(
    *,
    repair: Annotated[bool, typer.Option("--repair", help="Repair whatever can be rebuilt.")] = False,
    output: OutputOptions,
    index: IndexOption = None,
) -> int:
    """Verify every file of the index, and repair it with --repair."""
    from ..indexing.check import doctor as check

    findings = check(index_path(index), repair=repair)
    is_sound = all(finding.repaired or finding.level != "error" for finding in findings)
    if output.as_json:
        emit("doctor", {"ok": is_sound, "findings": serialize.plain(findings)})
    else:
        render.findings(Console.for_stdout(output.locale), findings)
    return 0 if is_sound else 3


def _add_article(
    index: Index, data: bytes, progress: ProgressBar, report_error: Callable[[IngestError], None]
) -> SyncReport:
    """Add the article that stdin holds; its source is a hash of its content, so the same text is added once."""
    from ..ingest import read_bytes

    try:
        articles = [record.article for record in read_bytes(data, "stdin")]
    except IngestError as error:
        report_error(error)
        return SyncReport(failed=(error,))
    return index.add(articles, progress=progress)


def _add_reports(first: SyncReport, second: SyncReport) -> SyncReport:
    totals = {field.name: getattr(first, field.name) + getattr(second, field.name) for field in fields(SyncReport)}
    return SyncReport(**totals)


def _print_notes(report: SyncReport) -> None:
    for note in report.notes:
        say(display_path(note))
