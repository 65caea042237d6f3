"""How a command runs: its options as objects, its errors as one sentence and an exit code."""

from __future__ import annotations

import dataclasses
import errno
import inspect
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TextIO, get_type_hints

import typer

from . import messages
from .language import Locale

__all__ = ["as_callback", "emit", "read_stdin", "say", "to_json"]

EXIT_INTERNAL_ERROR, EXIT_INTERRUPTED = 70, 130

_STORAGE_ERRORS = {
    errno.ENOSPC: "The disk is full. Free some space and run the same command again.",
    errno.EDQUOT: "The disk quota is used up. Free some space and run the same command again.",
    errno.EROFS: "The disk is read-only. Choose another place with --index PATH.",
    errno.EACCES: "Permission denied. Check who owns it, or choose another place with --index PATH.",
    errno.EPERM: "Permission denied. Check who owns it, or choose another place with --index PATH.",
}
_RESUMABLE_COMMANDS = ("index", "rebuild")


def as_callback(function: Callable[..., int], command: str) -> Callable[..., None]:
    """Make a typer callback of a command's function.

    A parameter whose type is a dataclass becomes one option for each of its fields, so that commands can share groups
    of options. The exit code that the function returns, or the error that it raises, ends the process.

    Args:
        function: The command; it returns its exit code. One of its parameters is an ``OutputOptions``.
        command: Its name, for messages.
    """
    parameters = [inspect.Parameter("typer_context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)]
    groups: dict[str, type] = {}
    hints = get_type_hints(function, include_extras=True)
    for parameter in inspect.signature(function).parameters.values():
        hint = hints[parameter.name]
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            groups[parameter.name] = hint
            parameters.extend(_field_parameters(hint))
        else:
            parameters.append(parameter.replace(annotation=hint, kind=inspect.Parameter.KEYWORD_ONLY))

    def callback(typer_context: typer.Context, **values: Any) -> None:
        debug = bool(typer_context.find_root().params.get("debug"))
        as_json = bool(values.get("as_json"))
        for name, group in groups.items():
            fields = [field.name for field in dataclasses.fields(group)]
            values[name] = group(**{field: values.pop(field) for field in fields})
        raise typer.Exit(_run(lambda: function(**values), command, as_json=as_json, debug=debug))

    callback.__name__ = function.__name__
    callback.__doc__ = function.__doc__
    callback.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return callback


def _field_parameters(group: type) -> Iterator[inspect.Parameter]:
    """Yield a parameter for each field of a dataclass."""
    hints = get_type_hints(group, include_extras=True)
    for field in dataclasses.fields(group):
        default = inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default
        yield inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hints[field.name]
        )


def _run(function: Callable[[], int], command: str, *, as_json: bool, debug: bool) -> int:
    """Run a command and return its exit code; whatever it raises becomes one sentence on stderr."""
    _use_utf8()
    try:
        exit_code = function()
        sys.stdout.flush()
    except BrokenPipeError:  # the reader (head, less) has seen enough
        _discard_output()
        return 0
    except (Exception, KeyboardInterrupt) as error:
        if debug:
            import traceback

            traceback.print_exception(error)
        code, message, exit_code = _describe(error, command)
        say(message)
        if as_json:
            from .. import serialize

            try:
                emit(command, serialize.error(code, message))
                sys.stdout.flush()
            except OSError:  # the message on stderr has to do
                _discard_output()
    return exit_code


def _discard_output() -> None:
    """Discard what is left in the buffer of stdout; Python would fail to write it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _use_utf8() -> None:
    """Write UTF-8 whatever the locale is; a file name that is not Unicode is escaped."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _describe(error: BaseException, command: str) -> tuple[str, str, int]:
    """Return the code of an error, its message for people and its exit code."""
    from ..errors import SemsearchError, StorageError

    if isinstance(error, SemsearchError):
        return error.code, _sentence(str(error)), error.exit_code
    if isinstance(error, KeyboardInterrupt):
        resume = " Finished work is kept; run the same command to continue." if command in _RESUMABLE_COMMANDS else ""
        return "interrupted", f"Stopped.{resume}", EXIT_INTERRUPTED
    if isinstance(error, OSError) and error.errno in _STORAGE_ERRORS:
        path = f"{error.filename}: " if error.filename else ""
        return StorageError.code, f"{path}{_STORAGE_ERRORS[error.errno]}", StorageError.exit_code
    if isinstance(error, MemoryError):
        message = "Out of memory. Close other programs, or index fewer or smaller files at a time."
        return "out-of-memory", message, EXIT_INTERNAL_ERROR
    details = " ".join(f"{type(error).__name__}: {error}".split())
    message = f"Internal error ({details}). Please report it with the output of SEMSEARCH_DEBUG=1."
    return "internal-error", message, EXIT_INTERNAL_ERROR


def _sentence(message: str) -> str:
    """Put a message on one line, with a capital unless it begins with a path or a word that was typed."""
    message = " ".join(message.split())
    first_word = message.partition(" ")[0]
    if first_word.isalpha() and first_word not in sys.argv:
        return message[:1].upper() + message[1:]
    return message


def say(message: str) -> None:
    """Write one line to stderr."""
    sys.stderr.write(f"semsearch: {message}\n")


def to_json(value: object) -> str:
    """Return ``value`` as one line of JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def emit(command: str, value: Mapping[str, Any]) -> None:
    """Print the one JSON object of a command."""
    from ..serialize import SCHEMA

    sys.stdout.write(to_json({"schema": SCHEMA, "command": command, **value}) + "\n")


def read_stdin(locale: Locale) -> bytes:
    """Read all of stdin; on a terminal, say first how to end it."""
    stream: TextIO = sys.stdin
    if stream.isatty():
        keys = "Ctrl-Z, Enter" if os.name == "nt" else "Ctrl-D"
        say(locale.text(messages.READING_KEYBOARD, keys=keys))
    return stream.buffer.read()
