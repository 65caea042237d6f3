"""Names of files and folders as an index stores them, and SQLite patterns that match them."""

from __future__ import annotations

import os
import re
from pathlib import Path

from .errors import UsageError

__all__ = ["absolute", "globs_below", "is_pattern", "literal_glob"]


def absolute(path: str | Path) -> str:
    """Return the name under which a path, or a pattern of paths, is stored: absolute, with forward slashes.

    Raises:
        UsageError: The path is empty or contains a NUL byte.
    """
    if not str(path) or "\0" in str(path):
        raise UsageError("Invalid path: empty or containing a NUL byte.")
    return Path(os.path.normpath(Path.cwd() / Path(path).expanduser())).as_posix()


def is_pattern(text: str) -> bool:
    """True if ``text`` contains a wildcard of SQLite's GLOB."""
    return re.search(r"[*?\[]", text) is not None


def literal_glob(text: str) -> str:
    """Return a GLOB of SQLite that matches only ``text`` itself."""
    return re.sub(r"([*?\[])", r"[\1]", text)


def globs_below(path: str) -> list[str]:
    """Return GLOBs of SQLite for the source ``path``, the records inside it, and everything below it."""
    exact = literal_glob(path.rstrip("/"))
    return [exact, f"{exact}#*", f"{exact}/*"]
