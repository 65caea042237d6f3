"""Looks for everything that can be wrong with an index's folder, and mends what SQLite still knows."""

from __future__ import annotations

from pathlib import Path

from .reports import Finding

__all__ = ["doctor"]


def doctor(path: str | Path, *, repair: bool = False) -> list[Finding]:
    """Everything that is wrong with the index at ``path``; also where ``Index.open`` refuses it.

    With ``repair`` what can be made again from SQLite is. Raises IndexMissing, and with ``repair``
    IndexLocked and StorageError.
    """
    raise NotImplementedError
