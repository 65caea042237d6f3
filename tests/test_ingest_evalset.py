"""Evaluation sets: what is read, and that a broken set is not read in part."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import zstandard
from factories import DEV_SETS

from semsearch.errors import IngestError, UsageError
from semsearch.ingest import Gold, read_answers, read_corpus, read_qrels, read_queries, source_of
from semsearch.types import Span


def write(folder: Path, name: str, *rows: object) -> None:
    data = b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
    (folder / name).write_bytes(zstandard.compress(data) if name.endswith(".zst") else data)


@pytest.fixture(params=["", ".zst"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    end = request.param
    write(
        tmp_path,
        f"corpus.jsonl{end}",
        {"_id": "d1", "title": "", "text": "Hội mở sáng nay. Nà Lạn về nhất."},
        {"_id": 2, "title": "Kết quả", "text": "Đội hai."},
    )
    write(
        tmp_path, f"queries.jsonl{end}", {"_id": "q1", "text": " Ai về nhất? "}, {"_id": 2, "text": "Hội mở khi nào?"}
    )
    write(
        tmp_path,
        f"answers.jsonl{end}",
        {"_id": "q1", "answers": [{"text": "Nà Lạn", "start": 17}]},
        {"_id": 2, "answers": []},
    )
    qrels = b"query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\t2\t0\n2\td1\t2\n"
    (tmp_path / f"qrels.tsv{end}").write_bytes(zstandard.compress(qrels) if end else qrels)
    return tmp_path


def test_a_whole_set(folder: Path) -> None:
    records = list(read_corpus(folder))
    file = records[0].file
    assert [record.article.source for record in records] == [f"{file}#d1", f"{file}#2"]
    assert [record.article.title for record in records] == ["", "Kết quả"]
    assert file.startswith(source_of(folder) + "/corpus.jsonl")
    assert read_queries(folder) == {"q1": "Ai về nhất?", "2": "Hội mở khi nào?"}
    assert read_qrels(folder) == {"q1": {"d1": 1, "2": 0}, "2": {"d1": 2}}
    answers = read_answers(folder)
    assert answers == {"q1": (Gold("Nà Lạn", 17),), "2": ()}
    assert answers["q1"][0].span(records[0].article.text) == Span(17, 23)


def test_gold_spans_find_their_words() -> None:
    text = "một hai một hai một"
    assert Gold("hai", 4).span(text) == Span(4, 7)
    assert Gold("hai", 11).span(text) == Span(12, 15)  # cleaning moved it by one
    assert Gold("hai", 13).span(text) == Span(12, 15)
    assert Gold("một", 18).span(text) == Span(16, 19)
    assert Gold("ba", 0).span(text) is None and Gold("hai", -1).span(text) is None and Gold("", 0).span(text) is None


def test_other_shapes_of_qrels(tmp_path: Path) -> None:
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("q1 0 d1 1\nq1 0 d2 -1\n", encoding="utf-8")
    assert read_qrels(tmp_path) == {"q1": {"d1": 1, "d2": -1}}


def test_missing_files(tmp_path: Path) -> None:
    for read in (lambda: list(read_corpus(tmp_path)), lambda: read_queries(tmp_path), lambda: read_qrels(tmp_path)):
        with pytest.raises(UsageError, match="an evaluation set needs it"):
            read()
    assert read_answers(tmp_path) is None


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("queries.jsonl", b'{"_id": "a", "text": "x"}\n{"_id": "b"}\n'),
        ("queries.jsonl", b'{"_id": "a", "text": "x"}\n{"_id": "a", "text": "y"}\n'),
        ("queries.jsonl", b'{"_id": "a", "text": "x"}\n{broken\n'),
        ("queries.jsonl", b'{"_id": "a", "text": "x"}\n[]\n'),
        ("queries.jsonl", b'{"_id": "a", "text": "x"}\n{"_id": "b", "text": " "}\n'),
        ("answers.jsonl", b'{"_id": "a", "answers": []}\n{"_id": "b", "answers": ["x"]}\n'),
        ("answers.jsonl", b'{"_id": "a", "answers": []}\n{"_id": "b", "answers": [{"text": "x", "start": "1"}]}\n'),
        ("answers.jsonl", b'{"_id": "a", "answers": []}\n{"_id": "b"}\n'),
        ("qrels.tsv", b"a\tb\t1\na\tb\n"),
        ("qrels.tsv", b"a\tb\t1\na\tb\tone\n"),
        ("corpus.jsonl", b'{"_id": "a", "text": "x"}\n{"_id": "b"}\n'),
    ],
)
def test_a_broken_line_stops(tmp_path: Path, name: str, rows: bytes) -> None:
    (tmp_path / name).write_bytes(rows)
    read = {"queries.jsonl": read_queries, "answers.jsonl": read_answers, "qrels.tsv": read_qrels}.get(name)
    with pytest.raises(IngestError, match=f"{name}: line 2 "):
        read(tmp_path) if read else list(read_corpus(tmp_path))


def test_empty_and_undecodable_files(tmp_path: Path) -> None:
    (tmp_path / "queries.jsonl").write_bytes(b"\n")
    (tmp_path / "qrels.tsv").write_bytes(b"query-id\tcorpus-id\tscore\n")
    with pytest.raises(IngestError, match="is empty"):
        read_queries(tmp_path)
    with pytest.raises(IngestError, match="is empty"):
        read_qrels(tmp_path)
    (tmp_path / "queries.jsonl").write_bytes(b'{"_id": "a", "text": "\xe9\xe9"}\n')
    with pytest.raises(IngestError, match="not in UTF-8"):
        read_queries(tmp_path)


@pytest.mark.skipif(not DEV_SETS.is_dir(), reason="the development sets lie outside of the project and are not here")
@pytest.mark.parametrize("name", ["xquad-vi", "vinewsqa", "viquad-noanswer"])
def test_the_gold_spans_of_the_development_sets_stay_findable(name: str) -> None:
    """Leaving boilerplate out must not leave the answers out: each gold span lies inside a block."""
    articles = {r.article.source.removeprefix(r.file + "#"): r.article for r in read_corpus(DEV_SETS / name)}
    queries, qrels, answers = read_queries(DEV_SETS / name), read_qrels(DEV_SETS / name), read_answers(DEV_SETS / name)
    assert answers is not None and set(answers) <= set(queries)
    total = lost = 0
    for query, golds in answers.items():
        article = articles[next(iter(qrels[query]))]
        for gold in golds:
            span = gold.span(article.text)
            total += 1
            lost += span is None or not any(b.overlaps(span) for b in article.blocks)
    assert total and lost <= 0.002 * total
