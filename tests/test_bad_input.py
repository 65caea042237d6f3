"""Bad input at the command line: one clear sentence, the right exit code, no lost data."""

from __future__ import annotations

import io
import json
import os
import shutil
import unicodedata
from pathlib import Path

import cli_case
import pytest
from cli_case import process, run, run_json

from semsearch.encoders import BUNDLED

GOOD = "Làng gốm Thanh Hà\n\nLàng gốm Thanh Hà có 26 lò nung đang đỏ lửa mỗi ngày.\n"
QUESTION = "Làng gốm Thanh Hà có bao nhiêu lò nung?"


def pdf(*, password: str = "") -> bytes:
    """A one-page PDF without text; with a password, encrypted."""
    from pypdf import PdfWriter

    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    if password:
        writer.encrypt(password)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


BAD: dict[str, bytes] = {
    "empty.txt": b"",
    "blank.txt": b" \n\n\t\n",
    "binary.txt": bytes(range(256)) * 40,
    "truncated.pdf": pdf()[:120],
    "encrypted.pdf": pdf(password="bí mật"),
    "not-a-word.docx": b"PK\x03\x04 and nothing more",
    "no-header.csv": b"1,2,3\n4,5,6\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one good article."""
    (tmp_path / "bài").mkdir()
    (tmp_path / "bài" / "good.txt").write_text(GOOD, encoding="utf-8")
    return tmp_path / "bài"


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "index"


def answers(index: Path) -> None:
    """Check that the good article is in the index and answers."""
    value = run_json("ask", QUESTION, index=index)
    assert value["found"] and "26" in value["answer"]["sentence"]["text"]


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_one_line_and_the_rest_goes_on(folder: Path, index: Path, name: str) -> None:
    (folder / name).write_bytes(BAD[name])
    result = run("index", folder, index=index)
    assert result.exit_code == 1, result.output
    assert "thêm 1 bài," in result.stdout and "lỗi 1\n" in result.stdout
    lines = result.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("semsearch: ") and name in lines[0], result.stderr
    assert "Traceback" not in result.stderr
    answers(index)


def test_all_of_them_at_once(folder: Path, index: Path) -> None:
    for name, data in BAD.items():
        (folder / name).write_bytes(data)
    value = run_json("index", folder, index=index)
    assert value["added"] == 1
    assert {Path(failure["source"]).name for failure in value["failed"]} == set(BAD)
    assert all(failure["reason"] for failure in value["failed"])
    answers(index)


def test_a_broken_line_of_jsonl_is_reported_and_the_others_are_read(folder: Path, index: Path) -> None:
    rows = [json.dumps(record, ensure_ascii=False) for record in cli_case.RECORDS]
    (folder / "tin.jsonl").write_text("\n".join([rows[0], rows[1][:40], rows[1]]) + "\n", encoding="utf-8")
    result = run("index", folder, index=index)
    assert result.exit_code == 1
    assert "thêm 3 bài," in result.stdout
    (line,) = result.stderr.splitlines()
    assert "tin.jsonl" in line and "2" in line
    answers(index)


def test_a_file_that_turned_bad_keeps_its_older_article(folder: Path, index: Path) -> None:
    (folder / "hai.txt").write_text("Chợ nổi Long Xuyên họp từ 4 giờ sáng.", encoding="utf-8")
    assert run("index", folder, index=index).exit_code == 0
    (folder / "hai.txt").write_bytes(BAD["binary.txt"])
    assert run("index", folder, index=index).exit_code == 1
    found = run_json("search", "chợ nổi Long Xuyên", index=index)["hits"]
    assert "4 giờ sáng" in found[0]["passage"]["text"]


def test_text_in_nfd_is_the_same_text(folder: Path, index: Path) -> None:
    (folder / "good.txt").write_text(unicodedata.normalize("NFD", GOOD), encoding="utf-8")
    assert run("index", folder, index=index).exit_code == 0
    answers(index)
    value = run_json("ask", unicodedata.normalize("NFD", QUESTION), index=index)
    assert value["found"] and unicodedata.is_normalized("NFC", value["answer"]["text"])


def test_a_line_of_200_megabytes(folder: Path, index: Path) -> None:
    """Hostile files are indexed or refused with one sentence, in bounded time, without affecting others."""
    with (folder / "long.txt").open("wb") as file:
        for _ in range(200):
            file.write(b"abcdefgh" * (1 << 17))
    result = run("index", folder, index=index)
    assert result.exit_code in (0, 1), result.output
    assert result.exit_code == 0 or ("long.txt" in result.stderr and result.stderr.count("\n") == 1)
    answers(index)


@pytest.mark.parametrize("words", [["nowhere"], ["nowhere", "{folder}"], ["nowhere/*.txt"]])
def test_a_path_that_does_not_exist(folder: Path, index: Path, words: list[str]) -> None:
    result = run("index", *[w.format(folder=folder) for w in words], index=index)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "nowhere" in result.stderr and result.stderr.count("\n") == 1
    assert not index.exists(), "a mistyped path must not leave an index behind"


def test_index_without_any_path(index: Path) -> None:
    result = run("index", index=index)
    assert result.exit_code in (2, 3) and result.stdout == ""
    assert "PATH" in result.stderr and result.stderr.count("\n") == 1


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_folder(folder: Path, index: Path) -> None:
    (folder / "shut").mkdir(mode=0)
    try:
        result = run("index", folder, index=index)
    finally:
        (folder / "shut").chmod(0o700)
    assert result.exit_code == 1 and "shut" in result.stderr
    answers(index)


def test_a_folder_that_the_system_refuses(folder: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same as root, whom permissions do not stop: the system's error is simulated."""
    (folder / "shut").mkdir()

    def refusing(real):  # type: ignore[no-untyped-def]
        def listing(path=".", *more, **named):  # type: ignore[no-untyped-def]
            if "shut" in os.fspath(path):
                raise PermissionError(13, "Permission denied", os.fspath(path))
            return real(path, *more, **named)

        return listing

    monkeypatch.setattr(os, "scandir", refusing(os.scandir))
    monkeypatch.setattr(os, "listdir", refusing(os.listdir))
    result = run("index", folder, index=index)
    assert result.exit_code == 1, result.output
    assert "shut" in result.stderr and result.stderr.count("\n") == 1
    answers(index)


def test_stdin_that_is_not_text(folder: Path, index: Path) -> None:
    run("index", folder, index=index)
    for data in (b"", BAD["binary.txt"]):
        result = run("index", "-", index=index, stdin=data)
        assert result.exit_code == 1
        assert result.stderr.count("\n") == 1 and "stdin" in result.stderr
    answers(index)


def test_an_index_of_another_encoder(folder: Path, index: Path, tmp_path: Path) -> None:
    """A damaged index, named or changed while it is in use: an error with its remedy, never wrong results."""
    model = shutil.copytree(BUNDLED, tmp_path / "model")
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4096] + bytes(4096))
    assert run("index", folder, "--encoder", model, index=index).exit_code == 0
    answers(index)
    other = run("ask", QUESTION, "--encoder", "bundled", index=index)
    weights.write_bytes(weights.read_bytes()[:-8192] + bytes(8192))
    (folder / "new.txt").write_text("Bài mới đến sau khi bộ mã hóa đã đổi.", encoding="utf-8")
    changed = [run(*words, index=index) for words in (["ask", QUESTION], ["search", "gốm"], ["index", str(folder)])]
    for result in (other, *changed):
        assert (result.exit_code, result.stdout) == (3, "")
        assert "rebuild" in result.stderr and result.stderr.count("\n") == 1
    assert run("rebuild", "--encoder", "bundled", index=index).exit_code == 0
    answers(index)


def test_an_encoder_that_cannot_be_loaded(folder: Path, index: Path) -> None:
    """In a separate process, because the hub's library reads the environment only once."""
    words = ["index", folder, "--encoder", "no/such-model", "--index", index]
    result = process(*words, HF_HUB_OFFLINE="1")
    message = result.stderr.decode()
    assert (result.returncode, result.stdout) == (5, b"")
    assert "no/such-model" in message and "bundled" in message and message.count("\n") == 1
    assert not index.exists()


def test_a_flipped_byte_is_found_and_repaired(folder: Path, index: Path) -> None:
    """Damage in any file: no traceback, and ``doctor`` or the command itself reports it in one sentence."""
    run("index", folder, index=index)
    files = sorted(f.relative_to(index) for f in index.rglob("*") if f.is_file() and f.stat().st_size)
    assert files
    for number, name in enumerate(files):
        damaged = cli_case.copy_index(index, index.parent / f"damaged{number}")
        data = bytearray((damaged / name).read_bytes())
        data[len(data) // 2] ^= 0xFF
        (damaged / name).write_bytes(bytes(data))
        outcome = run("ask", QUESTION, index=damaged)
        assert outcome.exit_code in (0, 1, 3), (name, outcome.output)
        assert "Traceback" not in outcome.stderr
        if outcome.exit_code == 3:
            assert outcome.stderr.count("\n") == 1 and outcome.stdout == "", (name, outcome.output)
        checked = run("doctor", "--repair", index=damaged)
        assert checked.exit_code in (0, 3), (name, checked.output)
        if checked.exit_code == 0:
            answers(damaged)


def test_a_file_where_the_index_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not an index", encoding="utf-8")
    result = run("ask", "x", index=tmp_path / "file")
    assert (result.exit_code, result.stdout) == (3, "") and result.stderr.count("\n") == 1


def test_a_folder_of_something_else_is_not_made_an_index(folder: Path) -> None:
    before = sorted(folder.iterdir())
    result = run("index", folder, index=folder)
    assert result.exit_code in (2, 3) and result.stdout == ""
    assert sorted(folder.iterdir()) == before
