"""BM25 over exact and folded terms, kept by tantivy in a folder of its own.

One ``LexicalIndex`` holds one kind of thing (passages in one folder, whole articles in another).
See ``docs/decisions/lexical.md`` for fields and weights.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .types import Ranking

__all__ = ["DEFAULT", "LexicalIndex", "Weights"]


@dataclass(frozen=True, slots=True)
class Weights:
    """What a match in each field counts, as a factor on its BM25."""

    exact: float = 1.0
    exact_pairs: float = 0.3
    plain: float = 0.2
    plain_pairs: float = 0.1
    title: float = 0.3
    terms: int = 64  # at most so many distinct terms of a query are asked for, the rarest


DEFAULT = Weights()


class LexicalIndex:
    """Terms by id. One writer at a time; readers see the last ``commit`` they ``reload``ed.

    Scores are BM25 (k1 1.2, b 0.75), sums over fields. Ties by id. Nothing in a query is syntax.
    """

    @classmethod
    def create(cls, path: Path) -> LexicalIndex:
        """A new empty index in the folder ``path`` (made if missing).

        Raises UsageError if there is one already, StorageError if it cannot be written.
        """
        raise NotImplementedError

    @classmethod
    def open(cls, path: Path, *, verify: bool = False) -> LexicalIndex:
        """The index in the folder ``path``, as last committed.

        With ``verify`` all files are read and their checksums compared. Raises IndexMissing, IndexDamaged.
        """
        raise NotImplementedError

    @property
    def count(self) -> int:
        """How many things are in the state being read."""
        raise NotImplementedError

    def ids(self) -> list[int]:
        """All ids in the state being read, ascending."""
        raise NotImplementedError

    def search(
        self, query: str, k: int, allowed: Collection[int] | None = None, *, weights: Weights = DEFAULT
    ) -> Ranking:
        """The best ``k`` ids with a term of ``query`` (of ``allowed`` only, if given) and their scores, ties by id."""
        raise NotImplementedError

    def scores(self, query: str, ids: Collection[int], *, weights: Weights = DEFAULT) -> dict[int, float]:
        """What ``search`` would give each of ``ids``; 0.0 where nothing matches or the id is unknown."""
        raise NotImplementedError

    def add(self, ids: Sequence[int], texts: Iterable[str], titles: Iterable[str]) -> None:
        """Adds cleaned texts under new ids (not negative); an id already there is replaced. Seen after ``commit``.

        Raises IndexLocked if another process is writing, StorageError if the disk is full.
        """
        raise NotImplementedError

    def remove(self, ids: Iterable[int]) -> None:
        """Removes ``ids``; those not there are passed over. Seen after ``commit``."""
        raise NotImplementedError

    def remove_above(self, max_id: int) -> None:
        """Removes every id above ``max_id``: what an interrupted run left. Seen after ``commit``."""
        raise NotImplementedError

    def commit(self) -> int:
        """Makes what was added and removed durable and visible here; returns tantivy's stamp of the commit."""
        raise NotImplementedError

    def rollback(self) -> None:
        """Forgets what was added and removed since the last commit."""
        raise NotImplementedError

    def reload(self) -> None:
        """Reads the last commit, also another process's, from now on."""
        raise NotImplementedError

    def verify(self) -> list[str]:
        """Reads every file and compares its checksum; the names of those missing, cut or changed."""
        raise NotImplementedError

    def close(self) -> None:
        """Drops what was not committed, waits for merges to end and lets the lock go. May be called twice."""
        raise NotImplementedError
