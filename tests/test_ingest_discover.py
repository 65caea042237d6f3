"""Which files there are: paths, folders, globs, hidden files, and what cannot be opened."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from semsearch.errors import IngestError, UsageError
from semsearch.ingest import discover, read_paths, source_of

TEXT = "Hội đua thuyền Nậm Cắt mở sáng nay, đông vui hơn mọi năm.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (
        "b.txt",
        "a.md",
        "sâu/c.html",
        "sâu/hơn/d.JSONL",
        ".git/e.txt",
        ".hidden.txt",
        "sâu/~$f.docx",
        "anh.png",
        "g",
    ):
        path = tmp_path / "tin" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TEXT, encoding="utf-8")
    return tmp_path / "tin"


def names(paths: list[Path], folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in paths]


def test_folders_are_walked_sorted_without_hidden_files(folder: Path) -> None:
    found = discover([folder])
    assert names(found.files, folder) == ["a.md", "b.txt", "sâu/c.html", "sâu/hơn/d.JSONL"]
    assert names(found.unknown_format, folder) == ["anh.png", "g"]
    assert all(path.is_absolute() for path in found.files)


def test_files_given_by_name_are_taken_whatever_they_are(folder: Path) -> None:
    assert names(discover([folder / "g", folder / ".hidden.txt"]).files, folder) == ["g", ".hidden.txt"]


def test_globs(folder: Path) -> None:
    assert names(discover([f"{folder}/*.txt"]).files, folder) == ["b.txt"]
    assert names(discover([f"{folder}/**/*.html"]).files, folder) == ["sâu/c.html"]
    assert names(discover([f"{folder}/s*"]).files, folder) == ["sâu/c.html", "sâu/hơn/d.JSONL"]
    (folder / "tin[1].txt").write_text(TEXT, encoding="utf-8")
    assert names(discover([folder / "tin[1].txt"]).files, folder) == ["tin[1].txt"]


def test_each_file_once_in_the_order_given(folder: Path) -> None:
    assert names(discover([folder / "b.txt", folder, folder / "sâu" / ".." / "b.txt"]).files, folder) == [
        "b.txt",
        "a.md",
        "sâu/c.html",
        "sâu/hơn/d.JSONL",
    ]


def test_relative_paths(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert discover(["b.txt", "."]).files[0] == folder / "b.txt"
    assert source_of("sâu/../b.txt") == f"{folder.as_posix()}/b.txt"


@pytest.mark.parametrize("given", ["không-có", "không-có/*.txt", "", "a\0b"])
def test_paths_that_lead_nowhere(folder: Path, given: str) -> None:
    with pytest.raises(UsageError):
        discover([f"{folder}/{given}" if given.startswith("k") else given])


def test_a_folder_that_cannot_be_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("sâu"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = discover([folder])
    assert names(found.files, folder) == ["a.md", "b.txt"]
    assert [str(error) for error in found.errors] == [f"{folder.as_posix()}/sâu: cannot be opened: Permission denied"]
    with pytest.raises(IngestError):
        list(read_paths([folder]))


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_and_a_file_without_permission(folder: Path) -> None:
    (folder / "sâu").chmod(0)
    (folder / "b.txt").chmod(0)
    errors: list[IngestError] = []
    try:
        assert len(list(read_paths([folder], errors.append))) == 1
    finally:
        (folder / "sâu").chmod(0o755)
    assert len(errors) == 2 and all("Permission denied" in str(error) for error in errors)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_no_utf8(folder: Path) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/x\xff.txt")).write_text(TEXT, encoding="utf-8")
    found = discover([folder])
    assert len(found.files) == 4
    assert len(found.errors) == 1 and "not valid UTF-8" in str(found.errors[0])
    str(found.errors[0]).encode()


@pytest.mark.parametrize("end", ["", ".zst"])
@pytest.mark.parametrize("judgements", ["qrels.tsv", "qrels/test.tsv"])
def test_an_evaluation_set_is_no_article_but_its_neighbours_are(folder: Path, judgements: str, end: str) -> None:
    files = [f"corpus.jsonl{end}", f"queries.jsonl{end}", f"answers.jsonl{end}"]
    (folder / "bộ" / "qrels").mkdir(parents=True)
    for name in (*files, "tin.txt", "tin.jsonl"):
        (folder / "bộ" / name).write_text("{}\n", encoding="utf-8")
    inside = [f"bộ/{name}" for name in ("answers.jsonl", "corpus.jsonl", "queries.jsonl", "tin.jsonl", "tin.txt")]
    if not end:
        # Without judgements it is a folder like any other.
        assert names(discover([folder / "bộ"]).files, folder) == inside
    (folder / "bộ" / judgements).write_text("", encoding="utf-8")
    found = discover([folder / "bộ"])
    assert names(found.files, folder) == ["bộ/tin.jsonl", "bộ/tin.txt"]
    assert sorted(names(found.evaluation_set, folder)) == sorted(f"bộ/{name}" for name in (*files, judgements))
    assert names(discover([folder / "bộ" / files[0]]).files, folder) == [f"bộ/{files[0]}"]  # by its own name


def test_links_to_folders_are_not_followed(folder: Path) -> None:
    (folder / "vòng").symlink_to(folder)
    (folder / "z.txt").symlink_to(folder / "b.txt")
    assert names(discover([folder]).files, folder) == ["a.md", "b.txt", "z.txt", "sâu/c.html", "sâu/hơn/d.JSONL"]
