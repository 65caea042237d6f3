"""Any bytes give articles or IngestErrors, never a traceback."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingest_files import PAGE, TABLE_PAGE, docx, pdf

from semsearch.errors import IngestError
from semsearch.ingest import ParsedRecord, read_bytes
from semsearch.text import clean

LINE = "Hội đua thuyền Nậm Cắt mở sáng nay, đông vui hơn mọi năm."
NAMES = ["stdin", "a.txt", "a.md", "a.html", "a.pdf", "a.docx", "a.jsonl", "a.csv", "a.jsonl.zst"]
WHOLE = {
    "a.html": [PAGE.encode(), TABLE_PAGE.encode(), PAGE.encode("utf-16")],
    "a.pdf": [pdf([[LINE], [LINE, LINE]], info={"/Title": "Bản tin"})],
    "a.docx": [docx([("Title", "Hội"), ("Normal", LINE)], [["a", "b"]])],
    "a.jsonl": ['{"_id": 1, "title": "Hội", "text": "Một. Hai.", "date": "27/8/2018"}\n'.encode() * 3],
    "a.csv": [f'id,title,text\n1,Hội,"{LINE}"\n2,Hội,{LINE}\n'.encode()],
    "a.md": [f"---\ntitle: Hội\n---\n# Hội\n\n**{LINE}**\n\n- [a](b)\n".encode()],
    "a.txt": [f"Tiêu đề: Hội\n\n{LINE}\n\nCác tin khác\n\nTập huấn".encode()],
}


def outcome(data: bytes, name: str) -> list[ParsedRecord]:
    """The records of the bytes; every error an IngestError of one line, every article sound."""
    errors: list[IngestError] = []
    try:
        records = list(read_bytes(data, name, errors.append))
    except IngestError as error:
        records = []
        errors.append(error)
    for error in errors:
        assert "\n" not in str(error) and len(str(error)) < 400
        str(error).encode()
    for record in records:
        article = record.article
        assert article.text == clean(article.text)
        end = 0
        for block in article.blocks:
            assert end <= block.start < block.end <= len(article.text)
            assert block.of(article.text) == block.of(article.text).strip()
            end = block.end
        for written in (article.text, article.title, article.author, article.url, article.source):
            written.encode()
    return records


@given(st.binary(max_size=400), st.sampled_from(NAMES))
@settings(max_examples=200, deadline=None)
def test_random_bytes(data: bytes, name: str) -> None:
    outcome(data, name)


@given(st.text(max_size=300), st.sampled_from([n for n in NAMES if n not in ("a.pdf", "a.docx")]))
@settings(max_examples=200, deadline=None)
def test_random_text(text: str, name: str) -> None:
    outcome(text.encode("utf-8", "surrogatepass"), name)


def mutated(data: bytes, rng: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice((1, 2, 5, 20, 100))):
        at = rng.randrange(len(out) + 1)
        what = rng.randrange(5)
        if what == 0 and at < len(out):
            out[at] ^= 1 << rng.randrange(8)
        elif what == 1:
            del out[at : at + rng.randrange(1, 50)]
        elif what == 2:
            out[at:at] = rng.randbytes(rng.randrange(1, 20))
        elif what == 3:
            piece = out[at : at + rng.randrange(1, 200)]
            out[at:at] = piece * rng.randrange(1, 4)
        else:
            out[at:at] = rng.choice(
                (
                    b"<div>",
                    b"</p>",
                    b"<table><tr><td>",
                    b'"',
                    b"\n",
                    b"\0",
                    b"&#xD800;",
                    b"---\n",
                    b"obj",
                    b"<<",
                    b"\xff",
                )
            )
        if not out:
            break
    return bytes(out)


@pytest.mark.parametrize("name", WHOLE)
def test_mutated_files(name: str) -> None:
    rng = random.Random(name)
    for data in WHOLE[name]:
        assert outcome(data, name)
        for _ in range(40):
            outcome(mutated(data, rng), name)


@given(st.integers(0, 10**9), st.sampled_from(sorted(WHOLE)))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_cut_files(at: int, name: str) -> None:
    data = WHOLE[name][0]
    outcome(data[: at % len(data)], name)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.html", b"<div>" * 20_000 + "sâu".encode()),
        ("a.html", b"<table><tr><td>" * 3_000 + "sâu".encode()),
        ("a.html", b"<b>" * 50_000),
        ("a.html", b"<" * 100_000),
        ("a.html", b"&" * 100_000),
        ("a.html", b"<p>" + "từ ".encode() * 100_000),
        ("a.html", b"<!--" * 20_000),
        ("a.jsonl", b"[" * 100_000 + b"\n"),
        ("a.jsonl", b'{"text":' * 50_000 + b"\n"),
        ("a.jsonl", b'{"text": "x", "date": 1' + b"0" * 5000 + b"}\n"),
        ("a.jsonl", b'{"text": "\\ud800 x", "_id": "\\udfff", "title": "\\ud800"}\n'),
        ("a.jsonl", b'{"text": {"a": 1}, "title": ["x"], "author": {"n": 1}, "date": [], "url": {}}\n'),
        ("a.jsonl", b'{"text": "x", "date": NaN, "author": Infinity, "_id": {"a": []}}\n'),
        ("a.csv", b'text\n"' + b"a" * 200_000),
        ("a.csv", b"," * 50_000 + b"text\n" + b"," * 50_000 + b"x\n"),
        ("a.md", b"*" * 100_000),
        ("a.md", b"[" * 50_000 + b"]" * 50_000),
        ("a.md", b"<!--" * 30_000),
        ("a.md", b"`a" * 50_000),
        ("a.md", b"---\n" * 30_000),
        ("a.md", b"> " * 50_000),
        ("a.md", b"| a " * 30_000),
        ("a.md", b"_a *b " * 30_000),
        ("a.txt", b"1/1/" * 50_000),
        ("a.txt", b"27 thang 8 " * 30_000),
        ("a.txt", b"A: " * 50_000),
        ("a.txt", b"\xc3" * 200_000),
        ("a.txt", b"a\xb5" * 200_000),
        ("a.txt", "\u0301".encode() * 100_000),
        ("a.pdf", b"%PDF-1.4\n%%EOF"),
        ("a.pdf", b"%PDF-1.4\nstartxref\n0\n%%EOF\n" * 500),
    ],
)
@pytest.mark.time_limit(120)
def test_decompression_bombs_do_not_hang(name: str, data: bytes) -> None:
    outcome(data, name)
