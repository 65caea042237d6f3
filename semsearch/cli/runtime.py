"""What every verb shares: streams, errors as one sentence with an exit code, JSON, stdin, dates."""

from __future__ import annotations

import datetime as dt
import errno
import functools
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ParamSpec, TextIO

import typer

__all__ = [
    "date_option",
    "dumps",
    "emit",
    "index_path",
    "only_one",
    "read_stdin",
    "say",
    "set_debug",
    "tell_filters",
    "verb",
]

P = ParamSpec("P")

STOPPED, FAULT = 130, 70
_DISK = {
    errno.ENOSPC: "the disk is full; make room and run the same command again",
    errno.EDQUOT: "the disk quota is used up; make room and run the same command again",
    errno.EROFS: "the disk is read-only; choose another place with --index PATH",
    errno.EACCES: "no permission; check who owns it or choose another place",
    errno.EPERM: "no permission; check who owns it or choose another place",
}

_debug = False


def set_debug(wanted: bool) -> None:
    global _debug
    _debug = wanted


def verb(function: Callable[P, int]) -> Callable[P, None]:
    """Run a verb that returns its exit code; whatever it raises becomes one sentence on stderr."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        use_utf8()
        try:
            code = function(*args, **kwargs)
            sys.stdout.flush()
        except BrokenPipeError:
            # The reader (head, less) has seen enough. What is left in the buffer goes nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 0
        except (Exception, KeyboardInterrupt) as error:
            if isinstance(error, typer.Exit | typer.BadParameter):
                raise
            code = failed(error, function.__name__.removesuffix("_command"), bool(kwargs.get("as_json")))
        raise typer.Exit(code)

    return run


def use_utf8() -> None:
    """Vietnamese must come out whole on every system; a file name that is not Unicode comes out escaped."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def failed(error: BaseException, command: str, as_json: bool) -> int:
    """Tell what went wrong and return the exit code."""
    code, message, exit_code = _describe(error, command)
    if _debug:
        import traceback

        traceback.print_exception(error)
    say(message)
    if as_json:
        from .. import serialize

        emit(command, serialize.error(code, message))
        sys.stdout.flush()
    return exit_code


def _describe(error: BaseException, command: str) -> tuple[str, str, int]:
    """The error's code and message for people, and the exit status."""
    from ..errors import SemsearchError, StorageError

    if isinstance(error, SemsearchError):
        return error.code, _sentence(str(error)), error.exit_code
    if isinstance(error, KeyboardInterrupt):
        kept = "; what was done so far is kept, the same command goes on from there" if command in _LONG else ""
        return "interrupted", f"Stopped{kept}.", STOPPED
    if isinstance(error, OSError) and error.errno in _DISK:
        place = f"{error.filename}: " if error.filename else ""
        return StorageError.code, f"{place}{_DISK[error.errno]}.", StorageError.exit_code
    if isinstance(error, MemoryError):
        return "out-of-memory", "Out of memory; close other programs, or index fewer or smaller files at once.", FAULT
    cause = " ".join(f"{type(error).__name__}: {error}".split())
    message = f"A fault of semsearch itself ({cause}); please report it with what SEMSEARCH_DEBUG=1 shows."
    return "internal-error", message, FAULT


def _sentence(message: str) -> str:
    """On one line, with a capital unless it begins with a path or a name, perhaps one that was typed."""
    message = " ".join(message.split())
    first = message.partition(" ")[0]
    return message[:1].upper() + message[1:] if first.isalpha() and first not in sys.argv else message


_LONG = ("index", "rebuild")


def say(message: str) -> None:
    """One line on stderr."""
    sys.stderr.write(f"semsearch: {message}\n")


def tell_filters(filters: Mapping[str, Any]) -> None:
    """Where nothing was found: a name misspelt in a filter looks just like that."""
    if given := [f"--{name} {filters[name]}" for name in ("source", "since", "until") if filters[name]]:
        say(f"only articles that pass {' '.join(given)} were looked at; try without.")


def dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def emit(command: str, value: Mapping[str, Any]) -> None:
    """The one JSON object that a verb prints."""
    from ..serialize import SCHEMA

    sys.stdout.write(dumps({"schema": SCHEMA, "command": command, **value}) + "\n")


def index_path(given: Path | None) -> Path:
    """Where the index is, or is to be. Raises IndexMissing for a file."""
    from ..errors import IndexMissing

    if given is not None and given.is_file():
        raise IndexMissing(f"--index {given} is a file; an index is a folder.")
    return given if given is not None else Path("indexes") / "default"


def only_one(given: Mapping[str, object]) -> None:
    """Exactly one of these may be given."""
    from ..errors import UsageError

    named = [name for name, value in given.items() if value not in (None, [])]
    if len(named) != 1:
        told = f"not {' and '.join(named)}" if named else "none was given"
        raise UsageError(f"Give one of {', '.join(given)}; {told}.")


def read_stdin() -> bytes:
    """All of stdin; on a terminal, with a word on how to end it."""
    stream: TextIO = sys.stdin
    if stream.isatty():
        say(f"reading from the keyboard; end with {'Ctrl-Z Enter' if os.name == 'nt' else 'Ctrl-D'}")
    return stream.buffer.read()


_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_VIETNAMESE = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")


def date_option(name: str, text: str | None) -> dt.date | None:
    """``2018-08-27`` or ``27/8/2018``."""
    from ..errors import UsageError

    if text is None:
        return None
    if not text.strip():
        raise UsageError(f"{name} is empty; give it a day, written as 2018-08-27 or 27/8/2018, or leave it out.")
    iso, vietnamese = _ISO.fullmatch(text.strip()), _VIETNAMESE.fullmatch(text.strip())
    try:
        if iso:
            return dt.date(int(iso[1]), int(iso[2]), int(iso[3]))
        if vietnamese:
            return dt.date(int(vietnamese[3]), int(vietnamese[2]), int(vietnamese[1]))
    except ValueError:
        pass  # a 30th of February: the sentence below says what is wanted
    raise UsageError(f"{name} {text} is not a date; write it as 2018-08-27 or 27/8/2018.")
