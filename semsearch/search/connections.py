"""Connections to the database of an index for several threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..storage import Store

__all__ = ["ConnectionPool"]


MAX_IDLE = 8
"""Idle connections that are kept; each may cache up to 96 MiB of the database."""


class ConnectionPool:
    """Read-only connections, one for each search that runs at the same moment."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[Store] = []  # append and pop are atomic

    @contextmanager
    def connection(self) -> Iterator[Store]:
        """Lend a connection that nobody else uses meanwhile.

        Raises:
            IndexMissing: There is no database.
            IndexDamaged: It cannot be read.
        """
        try:
            store = self._idle.pop()
        except IndexError:
            store = Store.open(self._path)
        try:
            yield store
        finally:
            if len(self._idle) < MAX_IDLE:
                self._idle.append(store)
            else:
                store.close()

    def close(self) -> None:
        """Close the idle connections; new ones are opened at the next use."""
        while self._idle:
            self._idle.pop().close()
