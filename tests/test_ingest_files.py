"""Files and standard input to articles: recognition of formats, and errors of files that cannot be read."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from ingest_files import PAGE, docx, pdf

from semsearch.errors import IngestError
from semsearch.ingest import (
    MAX_TEXT,
    FormatSpec,
    file_hash,
    formats,
    read_bytes,
    read_file,
    read_paths,
)
from semsearch.ingest.article import ExtractedText

TEXT = "Hội đua thuyền Nậm Cắt mở sáng nay, đông vui hơn mọi năm.\n"


def test_a_record(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(TEXT, encoding="utf-8")
    (record,) = read_file(path)
    assert record.article.sources == (path.as_posix(),) == (record.file,)
    assert (record.encoding, record.notes, record.article.text) == ("utf-8", (), TEXT.strip())


def test_all_formats_of_a_folder(tmp_path: Path) -> None:
    line = TEXT.strip()
    contents = {
        "a.txt": TEXT.encode(),
        "b.md": b"# H\n\n" + TEXT.encode(),
        "c.html": PAGE.encode(),
        "d.pdf": pdf([[line]]),
        "e.docx": docx([("Normal", line)]),
        "f.jsonl": b'{"text": "M\xe1\xbb\x99t."}\n{"text": "Hai."}\n',
        "g.csv": b"text\nBa.\n",
        "h.txt": b"",
    }
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    errors: list[str] = []
    records = list(read_paths([tmp_path], lambda error: errors.append(str(error))))
    assert [Path(record.file).name for record in records] == [
        "a.txt",
        "b.md",
        "c.html",
        "d.pdf",
        "e.docx",
        "f.jsonl",
        "f.jsonl",
        "g.csv",
    ]
    assert errors == [f"{tmp_path.as_posix()}/h.txt: is empty"]


def refused(path: Path) -> str:
    with pytest.raises(IngestError) as caught:
        list(read_file(path))
    assert caught.value.source == path.as_posix() and "\n" not in str(caught.value)
    return caught.value.reason


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    assert refused(path) == "cannot be read: No such file or directory"
    assert refused(tmp_path) == "is a folder"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    assert refused(path) == "is a PNG image, not text"
    path.write_bytes(bytes(range(256)) * 10)
    assert refused(path) == "looks like a binary file, not text"
    path.write_bytes(b" \n\t")
    assert refused(path) == "is empty"
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in refused(tmp_path / "pipe")


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    path.write_text(TEXT, encoding="utf-8")

    def forbidden(self: Path, *args: object) -> object:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", forbidden)
    assert refused(path) == "cannot be read: Permission denied"
    with pytest.raises(IngestError, match="cannot be read: Permission denied"):
        file_hash(path)


def test_content_and_name_together_decide_the_format(tmp_path: Path) -> None:
    line = TEXT.strip()
    contents = {
        "pdf-as.txt": pdf([[line]]),
        "docx-as.txt": docx([("Normal", line)]),
        "docx-without-suffix": docx([("Normal", line)]),
        "page-without-suffix": f"<!DOCTYPE html><p>{line}</p>".encode(),
        "lines-without-suffix": json.dumps({"text": line}).encode(),
        "text-without-suffix": line.encode(),
        "page.txt": f"<html>\n\n{line}".encode(),  # a text may begin with anything
    }
    texts = {}
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
        (record,) = read_file(tmp_path / name)
        texts[name] = record.article.text
    assert texts.pop("page.txt") == f"<html>\n\n{line}"
    assert set(texts.values()) == {line}


@pytest.mark.parametrize("name", ["a.zip", "a.xlsx", "a.txt", "a"])
def test_an_archive_that_is_not_a_document(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    assert refused(tmp_path / name) == "is a zip archive, but not a document that can be read; unpack it first"


def test_a_new_format_is_one_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_subtitles(data: bytes, source: str) -> ExtractedText:
        lines = data.decode().splitlines()
        return ExtractedText("\n".join(line for line in lines if line and "-->" not in line and not line.isdigit()))

    spec = FormatSpec("subtitles", (".srt",), read_subtitles)
    monkeypatch.setattr(formats, "FORMATS", (*formats.FORMATS, spec))
    (tmp_path / "a.srt").write_text(f"1\n00:00:01,000 --> 00:00:04,000\n{TEXT}", encoding="utf-8")
    assert [record.article.text for record in read_paths([tmp_path])] == [TEXT.strip()]


def test_200_megabytes_in_one_line_are_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with path.open("wb") as file:
        file.truncate(200_000_000)  # sparse: nothing is written
    tracemalloc.start()
    try:
        message = refused(path)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert message == "has 200 MB, but one article may have at most 20 MB; split the file"
    assert peak_bytes < 20_000_000


@pytest.mark.slow
def test_the_longest_line_allowed(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    sentence = "Đội Nà Lạn về nhất, đội Khuổi Lầu về nhì. "
    path.write_text(sentence * (MAX_TEXT // len(sentence.encode())), encoding="utf-8")
    (record,) = read_file(path)
    assert len(record.article.blocks) == 1


def test_hash_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(TEXT, encoding="utf-8")
    assert file_hash(path) == hashlib.sha256(TEXT.encode()).hexdigest()
    with pytest.raises(IngestError, match="No such file"):
        file_hash(tmp_path / "b.txt")


def test_standard_input() -> None:
    (record,) = read_bytes(TEXT.encode())
    assert record.article.source == f"stdin#{hashlib.sha256(TEXT.encode()).hexdigest()[:12]}"
    assert record.file == record.article.source and record.article.text == TEXT.strip()
    (page,) = read_bytes(PAGE.encode())
    assert page.article.title == "Hội đua thuyền Nậm Cắt"
    with pytest.raises(IngestError, match="is empty"):
        list(read_bytes(b""))
    with pytest.raises(IngestError, match="has 25 MB"):
        list(read_bytes(b"a" * 25_000_000))


def test_plain_files_import_no_parser(tmp_path: Path) -> None:
    """Startup matters: lxml, trafilatura, pypdf and docx come with the first file that needs them."""
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "b.jsonl").write_text('{"text": "Một."}\n', encoding="utf-8")
    code = (
        "import sys\nfrom semsearch.ingest import read_paths\n"
        f"assert len(list(read_paths([{str(tmp_path)!r}]))) == 2\n"
        "heavy = {'trafilatura', 'lxml', 'pypdf', 'docx', 'zstandard', 'numpy', 'zipfile'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])
