"""Long or repetitive texts: right results in little memory and without quadratic work."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_models
from factories import HashEncoder, article, story

from semsearch.encoders import load_encoder
from semsearch.index import Index
from semsearch.search import candidates, search
from semsearch.storage import Store
from semsearch.storage.segments import StoredVectors
from semsearch.storage.vectors import isin
from semsearch.types import Mode


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_a_text_is_not_like_itself_however_often_it_stands_there(index: Index, mode: Mode) -> None:
    long = story(50, sentences=12)
    index.add(article(number, text=long + story(number, sentences=12)) for number in range(4))
    passages = [p.text for a in index.articles() for p in index.passages(a.id)]
    repeated = max(passages, key=passages.count)
    assert passages.count(repeated) == 4
    for k in (1, 2, 4):
        hits = index.similar(repeated, k=k, mode=mode)
        assert repeated not in [hit.passage.text for hit in hits]
        assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
        assert len(hits) == k


def test_a_book_does_not_bring_all_its_passages(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    index.add([article(1, text=story(1, sentences=300)), *map(article, range(2, 8))])
    book = index.passages(1)
    monkeypatch.setattr(candidates, "CANDIDATES_PER_RETRIEVER", 3)
    scored: list[int] = []
    retrieve = candidates.retrieve_candidates

    def counted(*args: Any) -> candidates.Candidates:
        found = retrieve(*args)
        scored.append(len(found))
        return found

    monkeypatch.setattr(search, "retrieve_candidates", counted)
    (hit,) = index.search("Đoàn công tác thứ 1.250 đã đến Bảo Lâm trao 350 phần quà", k=1)
    assert "thứ 1.250 " in hit.passage.text
    assert 0 < scored.pop() <= 3 * 3 < len(book)


def test_what_changes_together_is_looked_up_together(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    index.add(map(article, range(20)))
    asked: list[int] = []
    vectors = StoredVectors.vectors
    monkeypatch.setattr(StoredVectors, "vectors", lambda self, ids: asked.append(len(ids)) or vectors(self, ids))
    report = index.add(replace(article(i), date=dt.date(2020, 5, 1)) for i in range(20))
    assert (report.changed, report.encoded) == (20, 0)
    assert len(asked) == 1
    assert index.doctor() == []


def test_what_the_encoder_kept_stays_when_only_the_date_changes(tmp_path: Path) -> None:
    encoder = load_encoder(str(tiny_models.static(tmp_path / "model")))
    with Index.create(tmp_path / "index", encoder) as index:
        index.add(map(article, range(3)))
        before = {p.text: p.id for a in index.articles() for p in index.passages(a.id)}
        report = index.add(replace(article(i), date=dt.date(2020, 5, 1)) for i in range(3))
        assert (report.changed, report.encoded) == (3, 0)
        after = {p.text: p.id for a in index.articles() for p in index.passages(a.id)}
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())
    store = Store.open(tmp_path / "index" / "store.db")
    kept = store.token_ids(encoder.fingerprint, list(after.values()))
    store.close()
    assert sorted(kept) == sorted(after.values())


def test_a_query_of_thousands_of_words(index: Index) -> None:
    index.add(map(article, range(5)))
    query = " ".join(story(number) for number in range(3, 200))
    assert len(query.split()) > 10_000
    assert len(index.search(query, k=3)) == 3
    assert index.ask(query).hits
    assert index.similar(query, k=2)


def test_ids_among_others_whatever_their_order() -> None:
    rng = np.random.default_rng(5)
    ids = rng.integers(0, 500, 300)
    others = rng.integers(0, 500, 200)
    assert isin(ids, others).tolist() == np.isin(ids, others).tolist()
    assert isin(ids, np.sort(others)).tolist() == np.isin(ids, others).tolist()


@pytest.mark.slow
def test_one_article_more_among_ten_thousand_is_the_one_encoded(tmp_path: Path) -> None:
    rows = [json.dumps({"_id": f"k{n}", "text": f"Tin số {n}. {story(n)}"}, ensure_ascii=False) for n in range(10_000)]
    file, encoder = tmp_path / "news.jsonl", HashEncoder(16)
    file.write_text("\n".join(rows), encoding="utf-8")
    with Index.open_or_create(tmp_path / "index", encoder=encoder) as index:
        assert index.sync([file]).added == 10_000
        before = len(encoder.passages)
        more = json.dumps({"_id": "new", "text": "Một tin mới. Chỉ có hai câu."}, ensure_ascii=False)
        file.write_text("\n".join([*rows, more]), encoding="utf-8")
        report = index.sync([file])
        assert (report.added, report.changed, report.removed, report.unchanged) == (1, 0, 0, 10_000)
        assert len(encoder.passages) - before == report.encoded == 1
