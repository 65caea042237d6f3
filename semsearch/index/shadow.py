"""Terms in a folder that one may read and not write: tantivy makes a lock file wherever it opens an index."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path

from ..lexical import LexicalIndex

__all__ = ["Terms"]


class Terms:
    """A lexical index that is only read; where its folder cannot be written, by links in one that can."""

    def __init__(self, path: Path, *, verify: bool) -> None:
        self._path = path
        self._shadow: Path | None = None
        if not os.access(path, os.W_OK) and path.is_dir():
            self._shadow = Path(tempfile.mkdtemp(prefix="semsearch-"))
            weakref.finalize(self, shutil.rmtree, self._shadow, ignore_errors=True)
            self._link(self._shadow)
        self.index = LexicalIndex.open(self._shadow or path, verify=verify)

    def reload(self) -> None:
        """The last commit, from now on."""
        if self._shadow is not None:
            self._link(self._shadow)
        self.index.reload()

    def _link(self, shadow: Path) -> None:
        for file in self._path.iterdir():
            if file.suffix != ".lock":
                with suppress(FileExistsError):
                    (shadow / file.name).symlink_to(file)
