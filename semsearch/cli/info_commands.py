"""``show``, ``status``, ``encoders`` and ``eval``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import serialize
from . import messages, render
from .options import EncoderOptions, IndexOption, ModeOption, OutputOptions, ReaderOptions, open_index
from .runtime import emit, say, to_json
from .terminal import Console

__all__ = ["encoders", "evaluate", "show", "status"]


def show(
    passage: Annotated[int, typer.Argument(metavar="ID", help="Passage id, as `search` prints it.")],
    *,
    context: Annotated[
        int | None, typer.Option("--context", min=0, metavar="N", help="Only N lines before and after the passage.")
    ] = None,
    output: OutputOptions,
    index: IndexOption = None,
) -> int:
    """Show a passage within its article."""
    with open_index(index) as opened:
        hit = opened.show(passage)

    if output.as_json:
        serialized = serialize.hit(hit, text=True)
        emit("show", {"passage": serialized["passage"], "article": serialized["article"]})
    else:
        render.passage(Console.for_stdout(output.locale), hit, context)
    return 0


def status(*, output: OutputOptions, index: IndexOption = None) -> int:
    """Show what the index contains and how it was built."""
    with open_index(index) as opened:
        current = opened.status()

    if output.as_json:
        emit("status", serialize.plain(current))
    else:
        render.status(Console.for_stdout(output.locale), current)
        for note in current.notes:
            say(output.locale.text(messages.STATUS_NOTES[note], version=current.made_with))
        if current.writer:
            say(output.locale.text(messages.WRITER, writer=current.writer))
    return 0


def encoders(*, output: OutputOptions) -> int:
    """List supported encoders and their prompts."""
    from ..encoders import known

    families = known()
    if output.as_json:
        emit("encoders", {"encoders": serialize.plain(families)})
    else:
        render.encoders(Console.for_stdout(output.locale), families)
    return 0


def evaluate(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="Folder with corpus.jsonl, queries.jsonl, qrels.tsv and, if any, answers.jsonl."
        ),
    ],
    *,
    mode: ModeOption = "hybrid",
    encoding: EncoderOptions,
    reading: ReaderOptions,
    output: OutputOptions,
    index: Annotated[
        Path | None,
        typer.Option("--index", metavar="PATH", help="Build or reuse an index here instead of a temporary one."),
    ] = None,
) -> int:
    """Measure quality on a set of questions (BEIR layout)."""
    from .evaluate import measure

    reader = reading.load(encoding.threads)
    measures = measure(directory, mode, encoding.encoder, encoding.threads, index, reader, output.locale)
    if output.as_json:
        typer.echo(to_json(measures))
    else:
        render.measures(Console.for_stdout(output.locale), measures)
    return 0
