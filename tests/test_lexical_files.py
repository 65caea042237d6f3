"""Checksums of tantivy's files, and a folder that can only be read."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from semsearch.errors import IndexDamaged, IndexMissing
from semsearch.storage import lexical_files
from semsearch.storage.lexical import LexicalIndex
from semsearch.storage.lexical_files import damaged_files, file_checksums, open_readonly
from semsearch.storage.term_vectors import passage_terms


def add(index: LexicalIndex, ids: Sequence[int], text: str = "một câu") -> None:
    index.add(ids, [passage_terms(text, "")] * len(ids))
    index.commit()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An index of the passages 1 and 3."""
    path = tmp_path / "lexical"
    with LexicalIndex.create(path) as index:
        add(index, [1, 2, 3])
        index.remove([2])
        index.commit()
    return path


def test_changed_cut_and_missing_files_are_named(path: Path) -> None:
    assert damaged_files(path) == []
    suffixes = set()
    for file in sorted(path.iterdir()):
        content = file.read_bytes()
        if file.name.startswith(".") or file.name == "meta.json" or not content:
            continue
        suffixes.add(file.suffix)
        changed = content[:5] + bytes([content[5] ^ 8]) + content[6:]
        for damage in (changed, content[:-3], content[: len(content) // 2], b""):
            file.write_bytes(damage)
            assert damaged_files(path) == [file.name]
        file.unlink()
        assert damaged_files(path) == [file.name]
        file.write_bytes(content)
    assert suffixes == {".idx", ".pos", ".term", ".store", ".fast", ".fieldnorm", ".del"}
    assert damaged_files(path) == []


def test_an_intact_file_in_the_place_of_another_is_named(path: Path, tmp_path: Path) -> None:
    recorded = file_checksums(path)
    with LexicalIndex.create(tmp_path / "other") as other:
        add(other, [7])
        other.commit()
    foreign = next((tmp_path / "other").glob("*.idx")).read_bytes()
    file = next(path.glob("*.idx"))
    file.write_bytes(foreign)
    assert damaged_files(path) == []  # it is intact by itself
    assert damaged_files(path, recorded) == [file.name]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_a_changed_list_of_segments_is_named(path: Path, content: bytes) -> None:
    (path / "meta.json").write_bytes(content)
    assert damaged_files(path) == ["meta.json"]


def test_files_that_are_merged_away_meanwhile_are_not_damaged(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    is_intact = lexical_files._is_intact

    def is_intact_after_a_commit(file: Path, recorded: int | None) -> bool:
        monkeypatch.setattr(lexical_files, "_is_intact", is_intact)
        with LexicalIndex.open(path) as writer:
            writer.remove([1, 3])
            add(writer, [4])
        assert not file.exists()
        return is_intact(file, recorded)

    monkeypatch.setattr(lexical_files, "_is_intact", is_intact_after_a_commit)
    assert damaged_files(path) == []


@pytest.fixture
def without_permission(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Make every folder seem read-only (root may write anywhere); return where temporary folders are created."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(os, "access", lambda *args, **kwargs: False)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    return temporary


def test_a_folder_without_write_permission(path: Path, without_permission: Path) -> None:
    for lock in path.glob("*.lock"):
        lock.unlink()
    before = sorted(path.iterdir())
    index = open_readonly(path)
    assert index.ids() == [1, 3]
    assert sorted(path.iterdir()) == before
    with LexicalIndex.open(path) as writer:
        add(writer, [4])
    assert index.ids() == [1, 3]
    index.reload()
    assert index.ids() == [1, 3, 4]
    assert list(without_permission.iterdir())
    del index
    assert not list(without_permission.iterdir())


def test_a_commit_between_linking_and_opening(
    path: Path, without_permission: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files that the new commit names have no links yet: the next attempt succeeds."""
    link_files = lexical_files._link_files
    new_ids = [4, 5]

    def link_files_before_a_commit(source: Path, target: Path) -> None:
        link_files(source, target)
        if new_ids:
            with LexicalIndex.open(path) as writer:
                add(writer, [new_ids.pop()])

    monkeypatch.setattr(lexical_files, "_link_files", link_files_before_a_commit)
    for _ in range(2):
        with pytest.raises(IndexDamaged):
            open_readonly(path)
    assert not list(without_permission.iterdir())
    index = open_readonly(path)
    assert index.ids() == [1, 3, 4, 5]
    new_ids.append(6)
    with pytest.raises(IndexDamaged):
        index.reload()
    index.reload()
    assert index.ids() == [1, 3, 4, 5, 6]


def test_there_is_no_index(tmp_path: Path, without_permission: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(IndexMissing):
            open_readonly(path)
