"""The JSON form of results, against values worked out by hand."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

from semsearch import serialize as wire
from semsearch.errors import IngestError
from semsearch.reports import Finding, SyncReport
from semsearch.types import Answer, Article, Hit, Passage, Scores, Span

TEXT = "Tựa bài\n\nCầu dài 420 mét. Phà đã nghỉ.\nHết."
ARTICLE = Article(
    TEXT, ("/bài/a.txt", "/bài/b.txt"), (Span(9, 39),), "Tựa bài", dt.date(2021, 3, 5), url="https://x.vn/a", id=7
)
PASSAGE = Passage(3, 7, 0, 9, 39, TEXT[9:39], (Span(9, 25), Span(26, 38)))
UNASKED = ("sentence", "article_dense", "lexical", "article", "maxsim", "rerank")
HIT = Hit(PASSAGE, ARTICLE, 0.9, Scores(0.9, dense=0.5), Span(9, 25), 1)


def test_a_hit_by_hand() -> None:
    assert wire.hit(HIT) == {
        "rank": 1,
        "score": 0.9,
        "scores": {"fused": 0.9, "dense": 0.5} | dict.fromkeys(UNASKED),
        "passage": {"id": 3, "position": 0, "start": 9, "end": 39, "line": 3, "text": TEXT[9:39]},
        "sentence": {"start": 9, "end": 25, "line": 3, "text": "Cầu dài 420 mét."},
        "article": {
            "id": 7,
            "title": "Tựa bài",
            "date": "2021-03-05",
            "author": "",
            "url": "https://x.vn/a",
            "source": "/bài/a.txt",
            "sources": ["/bài/a.txt", "/bài/b.txt"],
        },
    }
    assert wire.hit(HIT, text=True)["article"]["text"] == TEXT


def test_an_answer_by_hand() -> None:
    answer = Answer("dài?", True, "420 mét", HIT, Span(17, 24), Span(9, 25), 0.8, (Span(17, 20),), (HIT,))
    value = wire.answer(answer)
    assert (value["found"], value["confidence"], len(value["hits"])) == (True, 0.8, 1)
    assert {k: value["answer"][k] for k in ("start", "end", "line", "text", "passage_id")} == {
        "start": 17,
        "end": 24,
        "line": 3,
        "text": "420 mét",
        "passage_id": 3,
    }
    assert value["answer"]["sentence"]["text"] == "Cầu dài 420 mét."
    assert [mark["text"] for mark in value["answer"]["marks"]] == ["420"]


def test_an_answer_not_found() -> None:
    value = wire.answer(Answer("ai?", False, confidence=0.1, hits=(HIT,)))
    assert value == {
        "question": "ai?",
        "found": False,
        "confidence": 0.1,
        "answer": None,
        "hits": [wire.hit(HIT)],
    }


def test_reports_and_findings() -> None:
    report = SyncReport(added=2, failed=(IngestError("/a.pdf", "is cut short"),), notes=("n",), seconds=0.5)
    assert wire.plain(report) == {
        "added": 2,
        "changed": 0,
        "removed": 0,
        "unchanged": 0,
        "duplicates": 0,
        "failed": [{"source": "/a.pdf", "reason": "is cut short"}],
        "passages": 0,
        "encoded": 0,
        "notes": ["n"],
        "seconds": 0.5,
    }
    assert wire.plain([Finding.of("article-damaged", "articles/7", article=7)]) == [
        {
            "code": "article-damaged",
            "part": "articles/7",
            "problem": "Article 7 is damaged.",
            "remedy": "Run: semsearch doctor --repair; then index its path again.",
            "level": "error",
            "repairable": True,
            "details": {"article": 7},
            "repaired": False,
        }
    ]
    assert wire.plain({"at": dt.datetime(2020, 1, 2, tzinfo=dt.UTC), "path": Path("/x")}) == {
        "at": "2020-01-02T00:00:00+00:00",
        "path": "/x",
    }


def test_errors() -> None:
    assert json.dumps(wire.error("index-missing", "none")) == '{"error": {"code": "index-missing", "message": "none"}}'
