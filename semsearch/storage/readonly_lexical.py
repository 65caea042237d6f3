"""Terms in a folder that one may read and not write: tantivy makes a lock file wherever it opens an index."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from ..errors import IndexDamaged
from .lexical import LexicalIndex

__all__ = ["Terms"]

LOOKS = 5
"""So often are files linked, if a writer makes new ones each time."""

Result = TypeVar("Result")


class Terms:
    """A lexical index that is only read; where its folder cannot be written, by links in one that can."""

    def __init__(self, path: Path, *, verify: bool) -> None:
        self._path = path
        self._shadow: Path | None = None
        if not os.access(path, os.W_OK) and path.is_dir():
            self._shadow = Path(tempfile.mkdtemp(prefix="semsearch-"))
            weakref.finalize(self, shutil.rmtree, self._shadow, ignore_errors=True)
        self.index = self._linked(lambda: LexicalIndex.open(self._shadow or path, verify=verify))

    def reload(self) -> None:
        """The last commit, from now on."""
        self._linked(self.index.reload)

    def _linked(self, look: Callable[[], Result]) -> Result:
        """``look`` at what there is; once more where a writer made files after they were linked."""
        self._link()
        for _ in range(LOOKS):
            try:
                return look()
            except IndexDamaged:
                if not self._link():
                    raise
        return look()

    def _link(self) -> bool:
        """Whether there were files that had no link yet."""
        if self._shadow is None:
            return False
        new = False
        for file in self._path.iterdir():
            if file.suffix != ".lock":
                with suppress(FileExistsError):
                    (self._shadow / file.name).symlink_to(file)
                    new = True
        return new
