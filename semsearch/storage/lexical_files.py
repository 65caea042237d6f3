"""The checksums of tantivy's files, and reading them where the folder cannot be written.

tantivy makes a lock file wherever it opens an index, and does not compare checksums when it does.
"""

from __future__ import annotations

import json
import mmap
import os
import shutil
import struct
import tempfile
import weakref
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from .lexical import LexicalIndex

__all__ = ["damaged_files", "file_checksums", "open_readonly"]

_SUFFIXES = ("idx", "pos", "term", "store", "fast", "fieldnorm")
_FOOTER_MAGIC = 1337
FOOTER_BYTES = 4096
"""More than the footer of a file takes."""


def open_readonly(path: Path) -> LexicalIndex:
    """Open a lexical index to read it, also in a folder without write permission.

    Such a folder's files are linked into a temporary folder, again with every ``reload``.

    Raises:
        IndexMissing: There is no index.
        IndexDamaged: It cannot be read, or a writer changed it in the meantime; opened again, it may be sound.
        StorageError: Its files may not be read.
    """
    if os.access(path, os.W_OK) or not path.is_dir():
        return LexicalIndex.open(path)
    links = _LinkFolder(path)
    try:
        _link_files(path, links.path)
        index = _LinkedIndex.open(links.path)
    except BaseException:
        links.remove()
        raise
    index.links = links
    return index


class _LinkFolder:
    """A temporary folder with links to the files of another; removed when no index uses it any more."""

    def __init__(self, source: Path) -> None:
        self.source = source
        self.path = Path(tempfile.mkdtemp(prefix="semsearch-"))
        self.remove = weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


class _LinkedIndex(LexicalIndex):
    """An index whose files are links."""

    links: _LinkFolder

    def reload(self) -> None:
        _link_files(self.links.source, self.links.path)
        super().reload()


def _link_files(source: Path, target: Path) -> None:
    for file in source.iterdir():
        if file.suffix != ".lock":
            with suppress(FileExistsError):
                (target / file.name).symlink_to(file)


def file_checksums(path: Path) -> dict[str, int]:
    """Return the CRC-32 of each file of the last commit, by name, as the footers say. Reads only the footers.

    tantivy never uses a name twice, so a file of a recorded name always has the recorded checksum. A file without a
    readable footer is left out; ``damaged_files`` finds it.
    """
    checksums = {}
    for name in _file_names(path):
        with suppress(OSError, ValueError, KeyError, TypeError), (path / name).open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - FOOTER_BYTES, 0))
            checksums[name] = _footer(file.read())[1]
    return checksums


def damaged_files(path: Path, recorded: Mapping[str, int] | None = None) -> list[str]:
    """Return the names of files of the last commit that are missing or do not match their checksum, sorted.

    Reads every file: about a second per GB.

    Args:
        path: The folder of the lexical index.
        recorded: What ``file_checksums`` returned after an earlier commit. Another intact file in the place of one of
            these is damage too. Files that are not recorded, since tantivy merged others into them, are accepted.
    """
    recorded = recorded or {}
    try:
        damaged = {name for name in _file_names(path) if not _is_intact(path / name, recorded.get(name))}
        if damaged:  # or a writer merged them into others
            damaged &= set(_file_names(path))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ["meta.json"]
    return sorted(damaged)


def _file_names(path: Path) -> list[str]:
    """Return the files of the last commit, except ``meta.json``, which lists them."""
    names = []
    for segment in json.loads((path / "meta.json").read_bytes())["segments"]:
        stem = segment["segment_id"].replace("-", "")
        names += [f"{stem}.{suffix}" for suffix in _SUFFIXES]
        if segment["deletes"]:
            names.append(f"{stem}.{segment['deletes']['opstamp']}.del")
    return names


def _is_intact(path: Path, recorded: int | None) -> bool:
    """Compare the CRC-32 of a file with its footer, and with the recorded one if there is any."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            content_end, expected = _footer(data)
            with memoryview(data) as view, view[:content_end] as content:
                return recorded in (None, expected) and zlib.crc32(content) == expected
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _footer(data: mmap.mmap | bytes) -> tuple[int, int]:
    """Return where the content of a file ends and its CRC-32.

    The footer is JSON, the length of the JSON and a magic number, 32 bits each.

    Raises:
        ValueError: There is no such footer.
    """
    if len(data) < 8:
        raise ValueError("The file is shorter than a footer.")
    length, magic = struct.unpack("<II", data[-8:])
    if magic != _FOOTER_MAGIC:
        raise ValueError("The file has no footer.")
    content_end = len(data) - 8 - length
    return content_end, int(json.loads(data[content_end:-8])["crc"])
