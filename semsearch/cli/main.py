"""The application: its commands, and the entry point of the process.

Each command imports what it needs when it runs, so that ``--help`` is quick.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperCommand

from .. import __version__
from . import ask_commands, index_commands, info_commands
from .options import TextCommand
from .runtime import as_callback

__all__ = ["build_app", "main"]

EXAMPLES = """\b
Examples:
  semsearch index seeds/articles
  semsearch ask "Cầu Bản Lầy dài bao nhiêu mét?"
  semsearch search "xâm nhập mặn" -k 5 --since 2020-01-01
  semsearch similar --passage 12
  semsearch duplicates --share 0.8
  cat letter.txt | semsearch similar -
  semsearch ask "..." --json | jq .answer.text

\b
Exit codes: 0 success; 1 nothing found, or a file could not be read;
2 invalid usage; 3 index missing, outdated or damaged; 4 storage full,
not writable or locked; 5 model not available; 70 internal error;
130 interrupted."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command, and the function that runs it and returns its exit code."""

    name: str
    function: Callable[..., int]
    parser: type[TyperCommand] = TyperCommand


COMMANDS = (
    Command("index", index_commands.index_paths),
    Command("ask", ask_commands.ask, TextCommand),
    Command("search", ask_commands.search, TextCommand),
    Command("similar", ask_commands.similar, TextCommand),
    Command("duplicates", ask_commands.duplicates),
    Command("show", info_commands.show),
    Command("status", info_commands.status),
    Command("remove", index_commands.remove),
    Command("rebuild", index_commands.rebuild),
    Command("doctor", index_commands.doctor),
    Command("encoders", info_commands.encoders),
    Command("eval", info_commands.evaluate),
)

_ANSWERING_COMMANDS = ("ask", "search", "similar")
_LONG_RUNNING_COMMANDS = ("index", "rebuild", "eval")


def build_app(command_name: str | None = None) -> typer.Typer:
    """Build the application.

    Args:
        command_name: Register only this command, which saves the time of building the others. None, or a name that
            is not that of a command, registers all of them.
    """
    app = typer.Typer(
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog=EXAMPLES,
    )
    app.callback()(_root)
    chosen = [command for command in COMMANDS if command.name == command_name]
    for command in chosen or COMMANDS:
        callback = as_callback(command.function, command.name)
        app.command(command.name, cls=command.parser)(callback)
    return app


def main() -> None:
    """Run the command that ``sys.argv`` names.

    Raises:
        SystemExit: Always, with the command's exit code.
    """
    _open_closed_streams()
    command_name = sys.argv[1] if len(sys.argv) > 1 else ""
    if command_name in _ANSWERING_COMMANDS:
        gc.disable()  # the process ends before collecting pays: it would take 10 % of a cold search
    app = build_app(command_name)
    try:
        app(prog_name="semsearch")
    except SystemExit as end:
        if command_name in _ANSWERING_COMMANDS and isinstance(end.code, int) and _flush_output():
            # The index is closed and the output is written. Unloading the libraries, as Python would do now, takes
            # 30 % of a cold search.
            os._exit(end.code)
        raise


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(f"semsearch {__version__}")
        raise typer.Exit


def _root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
    debug: Annotated[  # read by runtime.as_callback
        bool, typer.Option("--debug", envvar="SEMSEARCH_DEBUG", help="Show tracebacks of errors.")
    ] = False,
) -> None:
    """Search Vietnamese articles by meaning, and ask them questions."""
    if context.invoked_subcommand not in _LONG_RUNNING_COMMANDS:
        # The matrices of one question are small: numpy's threads would take longer to start than to multiply.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _open_closed_streams() -> None:
    """Open /dev/null for each standard stream that was closed by the caller: a file opened later would become it."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115


def _flush_output() -> bool:
    """Return True if all output is written; otherwise Python reports the failure as it ends."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return False
    return True
