"""The folder of an index, while another process removes parts of it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from semsearch.storage.layout import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "index")
    for number in (1, 2):
        folder.terms(number).mkdir(parents=True)
        (folder.terms(number) / "meta.json").write_bytes(b"12345")
    folder.database.write_bytes(b"1234567")
    return folder


def test_its_files(folder: Folder) -> None:
    for name in ("lock", "store.db-shm", "new.tmp", "lexical/001/passages/.tantivy-writer.lock"):
        (folder.path / name).write_bytes(b"1")
    (folder.path / "empty").touch()
    terms = [(5, f"lexical/{number:03d}/passages/meta.json") for number in (1, 2)]
    assert sorted(folder._files()) == [*terms, (7, "store.db")]
    assert list(Folder(folder.path / "none")._files()) == []


def test_a_folder_that_goes_while_it_is_walked(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.scandir

    def scandir(path: Any = ".") -> Any:
        if Path(path) == folder.terms(1):
            (Path(path) / "meta.json").unlink()
            Path(path).rmdir()
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert folder.size() == 5 + 7
    assert not folder.terms(1).exists()


def test_a_folder_that_goes_before_it_is_listed(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(folder.terms(2))
    monkeypatch.setattr(Path, "is_dir", lambda self: True)  # as it was a moment ago
    assert folder.orphans(set(), 2) == ["lexical/001"]
