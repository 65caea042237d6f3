"""How places are named in an index, and how a user may name them."""

from __future__ import annotations

import os
import re
from pathlib import Path

from .errors import UsageError
from .storage import Store

__all__ = ["absolute", "below", "globs", "literal"]


def absolute(path: str | Path) -> str:
    """The name under which a path, or a pattern of paths, is remembered. Raises UsageError."""
    if not str(path) or "\0" in str(path):
        raise UsageError("an empty path, or one with a zero byte in it, cannot be meant; name a file or a folder")
    return Path(os.path.normpath(Path.cwd() / Path(path).expanduser())).as_posix()


def literal(text: str) -> str:
    """``text`` as a GLOB of SQLite that matches only itself."""
    return re.sub(r"([*?\[])", r"[\1]", text)


def below(path: str) -> list[str]:
    """GLOBs for the source ``path``, the records in it, and all below it."""
    exact = literal(path.rstrip("/"))
    return [exact, f"{exact}#*", f"{exact}/*"]


def globs(store: Store, source: str, path: str) -> list[str]:
    """What a user means by ``source``: a source, file or folder as named, else a pattern, else a part of a name.

    A part may be that of a URL, too. ``path`` is ``absolute(source)``.
    """
    for name in (source, path):
        if store.sources_like(below(name), 1):
            return below(name)
    return [source, path] if re.search(r"[*?\[]", source) else [f"*{literal(source)}*"]
