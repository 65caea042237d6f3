"""Files of many articles that are read again: unchanged records are skipped, and the index equals a new one."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import zstandard
from factories import HashEncoder, story
from hypothesis import example, given, settings
from hypothesis import strategies as st

from semsearch.encoders import Tokenizer
from semsearch.index import Index
from semsearch.indexing import pipeline as sync
from semsearch.indexing import prepare
from semsearch.types import Article


def line(number: int, key: str | None = None, **fields: object) -> bytes:
    row = {"_id": f"k{number}" if key is None else key, "title": f"Tin {number}", "text": story(number), **fields}
    return json.dumps({name: value for name, value in row.items() if value is not None}, ensure_ascii=False).encode()


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The titles of all articles that are prepared."""
    titles: list[str] = []

    def counted(article: Article, tokenizer: Tokenizer | None = None) -> prepare.PreparedArticle:
        titles.append(article.title)
        return real(article, tokenizer)

    real = prepare.prepare
    monkeypatch.setattr(prepare, "prepare", counted)
    return titles


def write(path: Path, lines: Sequence[bytes]) -> None:
    data = b"\n".join(lines) + b"\n"
    path.write_bytes(zstandard.compress(data) if path.suffix == ".zst" else data)


def held(index: Index) -> list[tuple[str, str, list[str]]]:
    """Return (source, title, passages) of all articles, without ids."""
    return sorted(
        (source, article.title, [p.text for p in index.passages(article.id)])
        for article in index.articles()
        for source in article.sources
    )


def fresh(path: Path, file: Path) -> list[tuple[str, str, list[str]]]:
    with Index.open_or_create(path, encoder=HashEncoder(16)) as index:
        index.sync([file])
        return held(index)


@pytest.mark.parametrize("name", ["tin.jsonl", "tin.jsonl.zst"])
def test_lines_added_cost_what_they_are(tmp_path: Path, made: list[str], name: str) -> None:
    file, encoder = tmp_path / name, HashEncoder(16)
    with Index.open_or_create(tmp_path / "index", encoder=encoder) as index:
        write(file, [line(n) for n in range(50)])
        assert index.sync([file]).added == 50
        assert len(made) == 50
        made.clear()
        encoder.passages.clear()
        changed = [line(n) for n in range(50)]
        changed[7] = line(107, key="k7")
        del changed[20]
        write(file, [line(200), *changed, line(50), line(51)])
        report = index.sync([file])
        assert (report.added, report.changed, report.removed, report.unchanged) == (3, 1, 1, 48)
        assert sorted(made) == ["Tin 107", "Tin 200", "Tin 50", "Tin 51"]
        assert report.encoded == len(encoder.passages)
        assert not any(story(3)[:20] in text for text in encoder.passages)
        assert held(index) == fresh(tmp_path / "other", file)
        assert index.doctor() == []


def test_a_run_that_was_stopped_goes_on_where_it_was(
    tmp_path: Path, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Committed articles are neither prepared nor encoded again, also after a second interruption."""
    monkeypatch.setattr(sync, "BATCH_ARTICLES", 10)
    file, texts = tmp_path / "tin.jsonl.zst", []
    write(file, [line(n) for n in range(95)])
    stages: list[tuple[str, int, int]] = []

    def stop_at(batches: int) -> Any:
        def progress(stage: str, done: int, total: int) -> None:
            stages.append((stage, done, total))
            if stage == "articles" and sum(s == "articles" and d > 0 for s, d, _ in stages) == batches:
                raise KeyboardInterrupt

        return progress

    for batches in (4, 3, 99):
        encoder = HashEncoder(16)
        stages.clear()
        with Index.open_or_create(tmp_path / "index", encoder=encoder) as index:
            if batches == 99:
                index.sync([file], progress=stop_at(batches))
            else:
                with pytest.raises(KeyboardInterrupt):
                    index.sync([file], progress=stop_at(batches))
        texts += encoder.passages
    assert len(texts) == len(set(texts))
    # The ten after the last commit were prepared before the run was stopped; none was more than twice.
    assert len(made) <= 95 + 2 * 10
    assert set(made) == {f"Tin {n}" for n in range(95)}
    with Index.open(tmp_path / "index", encoder=HashEncoder(16)) as index:
        assert held(index) == fresh(tmp_path / "other", file)
        assert index.sync([file]).unchanged == 95
    passed = [done for stage, done, _ in stages if stage == "unchanged"]
    assert passed == list(range(1, 71))
    assert list(dict.fromkeys(done for stage, done, _ in stages if stage == "articles")) == [0, 80, 90, 95]


def test_progress_estimates_the_total_by_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync, "MIN_RECORDS_FOR_TOTAL", 300)
    monkeypatch.setattr(sync, "BATCH_ARTICLES", 100)
    file = tmp_path / "tin.jsonl"
    padding = "x" * 2000
    write(file, [line(n, url=f"https://a.vn/{n}/{padding}") for n in range(2000)])
    reported: list[tuple[str, int, int]] = []
    with Index.open_or_create(tmp_path / "index", encoder=HashEncoder(4)) as index:
        index.sync([file], progress=lambda *args: reported.append(args))
    assert list(dict.fromkeys(done for _, done, _ in reported)) == [*range(0, 2001, 100)]
    assert {total for _, done, total in reported if done <= 300} == {0}
    assert all(abs(total - 2000) < 2000 * 0.1 for _, done, total in reported if done >= 1000)
    assert reported[-1][1:] == (2000, 2000)


def test_rows_of_a_table_too(tmp_path: Path, made: list[str]) -> None:
    file = tmp_path / "tin.csv"
    rows = [{"id": f"r{n}", "title": f"Tin {n}", "text": story(n)} for n in range(20)]

    def put(rows: Sequence[dict[str, str]]) -> None:
        out = io.StringIO()
        table = csv.DictWriter(out, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
        file.write_text(out.getvalue(), encoding="utf-8")

    with Index.open_or_create(tmp_path / "index", encoder=HashEncoder(16)) as index:
        put(rows)
        index.sync([file])
        made.clear()
        put([{"id": "neu", "title": "Tin mới", "text": story(77)}, *rows])
        assert index.sync([file]).unchanged == 20
        assert made == ["Tin mới"]
        put([row | {"author": "Sơn"} for row in rows])
        assert index.sync([file]).changed == 20


def test_an_index_made_before_there_were_marks_gets_them(
    tmp_path: Path, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "tin.jsonl"
    with Index.open_or_create(tmp_path / "index", encoder=HashEncoder(16)) as index:
        with monkeypatch.context() as before:
            before.setattr(sync, "_record_hash", lambda *record: b"")
            write(file, [line(n) for n in range(30)])
            index.sync([file])
        for count, looked_at in ((31, 31), (32, 1)):
            made.clear()
            write(file, [line(n) for n in range(count)])
            report = index.sync([file])
            assert (report.added, report.changed, report.unchanged) == (1, 0, count - 1)
            assert len(made) == looked_at


KEYS = st.sampled_from(["a", "b", "c", "a:2", "b:3", "1", "2", "3", None])
RECORDS = st.lists(st.tuples(KEYS, st.integers(0, 6)), min_size=1, max_size=8)


@settings(max_examples=20, deadline=None)
@example(versions=[[("a", 0)], [("a", 1), ("a", 0)]])  # another record has the key of a known one
@example(versions=[[("a", 0), ("a", 1)], [("b", 0), ("a", 1)]])  # a second record is now the only one
@example(versions=[[(None, 0), (None, 1)], [(None, 2), (None, 0), (None, 1)]])  # named by their lines
@given(versions=st.lists(RECORDS, min_size=2, max_size=4))
def test_whatever_changes_the_index_is_as_if_made_afresh(
    tmp_path_factory: pytest.TempPathFactory, versions: list[list[tuple[str | None, int]]]
) -> None:
    """Repeated, reused and missing keys: sources and texts are those of the current file."""
    folder = tmp_path_factory.mktemp("p")
    file = folder / "tin.jsonl"
    with Index.open_or_create(folder / "index", encoder=HashEncoder(8)) as index:
        for records in versions:
            write(file, [line(n, key=key, _id=key) for key, n in records])
            index.sync([file])
            found = held(index)
    other = folder / "other"
    expected = fresh(other, file)
    assert [(source, "".join(parts)) for source, _, parts in found] == [
        (source, "".join(parts)) for source, _, parts in expected
    ]
