"""Files of many articles: JSON lines and CSV, with every broken line reported by its number."""

from __future__ import annotations

import datetime as dt
import io
import json
from pathlib import Path

import pytest
import zstandard

from semsearch.errors import IngestError
from semsearch.ingest import ParsedRecord, read_bytes, read_file, source_of
from semsearch.ingest.lines import decompressed, numbered_lines

TEXT = "Hội đua thuyền Nậm Cắt mở sáng nay, đông vui hơn mọi năm."
OTHER = "Đội Nà Lạn về nhất sau bốn phút mười hai giây."


class Reading:
    """A file read to its end, with the reported errors."""

    def __init__(self, path: Path, data: bytes) -> None:
        path.write_bytes(data)
        self.source = source_of(path)
        self.errors: list[str] = []
        self.records: list[ParsedRecord] = list(read_file(path, lambda error: self.errors.append(error.reason)))

    @property
    def texts(self) -> list[str]:
        return [record.article.text for record in self.records]

    @property
    def keys(self) -> list[str]:
        return [record.article.source.removeprefix(self.source + "#") for record in self.records]


def jsonl(*rows: object) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


# ---- JSON lines


def test_jsonl_fields(tmp_path: Path) -> None:
    rows = [
        {
            "_id": "a1",
            "title": "Hội đua thuyền",
            "text": TEXT,
            "date": "27/8/2018",
            "author": "Sơn",
            "url": "https://b.vn/1",
        },
        {
            "id": 7,
            "tieu_de": "Kết quả",
            "noi_dung": OTHER,
            "published": "2018-08-28T01:02:03Z",
            "source": "Báo Miền Núi",
        },
        {"headline": "", "content": [TEXT, OTHER], "author": ["Sơn", "Vừ"]},
        {"abstract": OTHER},
        {"title": "Có cả hai", "abstract": OTHER, "text": TEXT},
        {"abstract": TEXT, "text": f"{TEXT} {OTHER}"},
    ]
    read = Reading(tmp_path / "a.jsonl", jsonl(*rows))
    assert read.errors == []
    assert read.keys == ["a1", "7", "3", "4", "5", "6"]
    first, second, third, *_ = (record.article for record in read.records)
    assert (first.title, first.date, first.author, first.url) == (
        "Hội đua thuyền",
        dt.date(2018, 8, 27),
        "Sơn",
        "https://b.vn/1",
    )
    assert (second.title, second.date, second.url) == ("Kết quả", dt.date(2018, 8, 28), "")
    assert (third.title, third.author) == ("", "Sơn, Vừ")
    assert read.texts == [TEXT, OTHER, f"{TEXT}\n\n{OTHER}", OTHER, f"{OTHER}\n\n{TEXT}", f"{TEXT} {OTHER}"]
    assert all(record.file == read.source for record in read.records)


def test_a_broken_line_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    data = (
        jsonl({"text": TEXT})
        + b'{"text": "cut\n\n[1, 2]\n"chu"\n{"title": "x"}\n{"text": ""}\n'
        + jsonl({"text": OTHER})
    )
    read = Reading(tmp_path / "a.jsonl", data)
    assert read.texts == [TEXT, OTHER] and read.keys == ["1", "8"]
    assert [error.split(" (")[0].split(":")[0] for error in read.errors] == [
        "line 2 is not valid JSON",
        "line 4 is not a JSON object",
        "line 5 is not a JSON object",
        "line 6 has no text",
        "line 7 has no text",
    ]


def test_without_a_listener_the_first_broken_line_is_raised(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"{oops\n" + jsonl({"text": TEXT}))
    with pytest.raises(IngestError, match=r"a\.jsonl: line 1 is not valid JSON"):
        list(read_file(tmp_path / "a.jsonl"))


def test_a_file_without_one_good_line_is_one_error(tmp_path: Path) -> None:
    for name, data in (("a.jsonl", jsonl({"_id": 1}, {"_id": 2})), ("a.csv", b"id,text\n1,\n2,\n")):
        errors: list[IngestError] = []
        (tmp_path / name).write_bytes(data)
        with pytest.raises(IngestError, match=r"holds no article in its first 2 lines; line [12] has no text"):
            list(read_file(tmp_path / name, errors.append))
        assert errors == []


def test_an_id_used_twice_loses_nothing(tmp_path: Path) -> None:
    read = Reading(tmp_path / "a.jsonl", jsonl({"id": "x", "text": TEXT}, {"id": "x", "text": OTHER}))
    assert read.keys == ["x", "x:2"] and read.records[1].notes == ("the id x is used more than once",)


def test_files_that_are_no_json_lines_at_all(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match=r"no article in its first 100 lines; line 1 is not valid JSON"):
        Reading(tmp_path / "a.jsonl", b"not json\n" * 5000)
    with pytest.raises(IngestError, match="is empty"):
        Reading(tmp_path / "a.jsonl", b"\n\n")
    with pytest.raises(IngestError, match="binary"):
        Reading(tmp_path / "a.jsonl", bytes(range(256)) * 10)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
def test_jsonl_encodings(tmp_path: Path, encoding: str) -> None:
    text = jsonl({"text": TEXT}, {"text": OTHER}).decode()
    assert Reading(tmp_path / "a.jsonl", text.encode(encoding)).texts == [TEXT, OTHER]


def test_one_line_in_another_encoding(tmp_path: Path) -> None:
    vni = '{"text": "Hoäi ñua thuyeàn ñoäc moäc ôû baûn Naø Laïn, ñoâng vui hôn moïi naêm."}\n'.encode("cp1252")
    read = Reading(tmp_path / "a.jsonl", jsonl({"text": TEXT}) + vni)
    assert read.texts == [TEXT, "Hội đua thuyền độc mộc ở bản Nà Lạn, đông vui hơn mọi năm."]
    assert [record.encoding for record in read.records] == ["utf-8", "VNI"]


def test_zst(tmp_path: Path) -> None:
    rows = [{"_id": n, "text": f"{TEXT} Lần thứ {n}."} for n in range(5000)]
    packed = zstandard.compress(jsonl(*rows))
    assert Reading(tmp_path / "a.jsonl.zst", packed).keys == [str(n) for n in range(5000)]
    assert (
        len(Reading(tmp_path / "b.jsonl.zst", packed + zstandard.compress(jsonl({"_id": "z", "text": TEXT}))).keys)
        == 5001
    )
    with pytest.raises(IngestError, match="cut short or damaged"):
        Reading(tmp_path / "c.jsonl.zst", packed[: len(packed) // 2])
    with pytest.raises(IngestError, match="damaged from its first byte"):
        Reading(tmp_path / "d.jsonl.zst", packed[:4] + b"rubbish" * 9)


def test_a_line_too_long_is_skipped_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("semsearch.ingest.lines.MAX_LINE_BYTES", 100)
    data = jsonl({"text": TEXT}, {"text": "a" * 1000}, {"text": OTHER})
    read = Reading(tmp_path / "a.jsonl", data)
    assert read.texts == [TEXT, OTHER] and read.keys == ["1", "3"]
    assert len(read.errors) == 1 and read.errors[0].startswith("line 2 is longer than")


def test_numbered_lines() -> None:
    def numbered(data: bytes) -> list[tuple[int, bytes | None]]:
        return list(numbered_lines(decompressed(io.BufferedReader(io.BytesIO(data))), "x"))

    assert numbered(b"") == []
    assert numbered(b"\n\na\nb") == [(1, b"\n"), (2, b"\n"), (3, b"a\n"), (4, b"b")]
    assert numbered(b"\xef\xbb\xbfa\r\n") == [(1, b"a\r\n")]
    assert numbered("đ\nê".encode("utf-16")) == [(1, "đ\n".encode()), (2, "ê".encode())]


# ---- CSV


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv(tmp_path: Path, delimiter: str) -> None:
    rows = [
        ["Mã", "Tiêu đề", "Nội dung", "Ngày đăng"],
        ["a1", "Hội", f'"{TEXT}\nDòng hai, có ""dấu""."', "27/8/2018"],
        ["", "", f'"{OTHER}"', ""],
    ]
    read = Reading(tmp_path / "a.csv", "\r\n".join(delimiter.join(row) for row in rows).encode("utf-8-sig"))
    assert read.errors == [] and read.keys == ["a1", "4"]
    assert read.texts == [f'{TEXT}\nDòng hai, có "dấu".', OTHER]
    assert (read.records[0].article.title, read.records[0].article.date) == ("Hội", dt.date(2018, 8, 27))


def test_csv_without_a_header(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match=r"no header with a text column: name one of its columns text or content or"):
        Reading(tmp_path / "a.csv", f"1,{TEXT}\n2,{OTHER}\n".encode())


def test_csv_rows_that_cannot_be_used(tmp_path: Path) -> None:
    data = f"id,text\n1,{OTHER}\n2,a,b,c\n3\n\n4,{OTHER}\n".encode()
    read = Reading(tmp_path / "a.csv", data)
    assert read.keys == ["1", "4"]
    assert [error.split(";")[0].split(":")[0] for error in read.errors] == [
        "line 3 has 4 columns, but the header has 2",
        "line 4 has no text",
    ]


def test_csv_with_an_open_quote(tmp_path: Path) -> None:
    read = Reading(tmp_path / "a.csv", f'id,text\n1,{OTHER}\n2,"mở mà\n3,{OTHER}\n'.encode())
    assert read.keys == ["1"]
    assert read.errors == [
        "line 3 up to line 4 is not valid CSV (unexpected end of data); is a quote opened and not closed?"
    ]


def test_long_fields(tmp_path: Path) -> None:
    long = "Một câu rất dài, lặp đi lặp lại. " * 10_000  # above the 128 KB that the csv module stops at
    assert Reading(tmp_path / "a.csv", f'text\n"{long}"\n'.encode()).texts == [long.strip()]


def test_csv_encodings(tmp_path: Path) -> None:
    text = f"text\n{TEXT}\n{OTHER}\n"
    for encoding in ("utf-16", "utf-16-le"):
        read = Reading(tmp_path / "a.csv", text.encode(encoding))
        assert read.texts == [TEXT, OTHER] and read.records[0].encoding == encoding
    vni = "text\nHoäi ñua thuyeàn ñoäc moäc ôû baûn Naø Laïn, ñoâng vui hôn moïi naêm.\n".encode("cp1252")
    read = Reading(tmp_path / "b.csv", vni)
    assert read.texts == ["Hội đua thuyền độc mộc ở bản Nà Lạn, đông vui hơn mọi năm."]
    assert read.records[0].encoding == "VNI"


def test_empty_csv(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match="is empty"):
        Reading(tmp_path / "a.csv", b"\n \n")
    assert Reading(tmp_path / "b.csv", b"id,text\n").records == []


def test_utf16_table_with_a_quote_that_stays_open(tmp_path: Path) -> None:
    """The position of the stream is needed after the last line, too."""
    path = tmp_path / "a.csv"
    path.write_bytes(f'id,text\n1,"{TEXT}"\n2,"'.encode("utf-16"))
    errors: list[IngestError] = []
    records = list(read_file(path, errors.append))
    assert [record.article.text for record in records] == [TEXT]
    assert len(errors) == 1 and "quote" in errors[0].reason


# ---- standard input


def test_records_from_bytes() -> None:
    records = list(read_bytes(jsonl({"_id": "a", "text": TEXT}, {"text": OTHER})))
    sources = [record.article.source for record in records]
    assert sources[0].startswith("stdin#") and sources[0].endswith("#a") and sources[1].endswith("#2")
    (record,) = read_bytes(f"text\n{TEXT}\n".encode(), "stdin.csv")
    assert record.article.text == TEXT
