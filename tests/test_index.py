"""The index: it contains the articles in its paths, and finds what brute force finds."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories import TOWNS, HashEncoder, article, execute, story, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from semsearch import ingest, text
from semsearch import segmentation as sentences
from semsearch.errors import IndexLocked, IndexMissing, IndexStale, IngestError, StorageError, UsageError
from semsearch.filters import Filter
from semsearch.index import Index
from semsearch.protocols import Encoder
from semsearch.search.snapshot import Snapshot
from semsearch.search.weights import DEFAULT_WEIGHTS, fusion_weights
from semsearch.storage import Store, segments
from semsearch.storage.layout import Folder, Manifest
from semsearch.types import EncoderCard, FusionWeights, Hit, Mode


@pytest.fixture
def news(tmp_path: Path) -> Path:
    write(tmp_path / "news", range(12))
    return tmp_path / "news"


def names(index: Index) -> list[str]:
    """The file names of all sources."""
    return sorted(Path(source).name for item in index.articles() for source in item.sources)


def row(number: int) -> str:
    """A line of a JSONL file."""
    return json.dumps({"_id": f"k{number}", "text": story(number)}, ensure_ascii=False)


def held(index: Index) -> dict[tuple[str, ...], tuple[str, tuple[str, ...]]]:
    """Return the contents of an index without ids: sources, text and passages."""
    return {
        tuple(sorted(item.sources)): (item.text, tuple(p.text for p in index.passages(item.id)))
        for item in index.articles()
    }


def sound(index: Index) -> None:
    """Check that all parts agree and offsets are right."""
    assert index.doctor() == []
    for item in index.articles():
        for passage in index.passages(item.id):
            assert item.text[passage.start : passage.end] == passage.text
            assert all(passage.start <= s.start < s.end <= passage.end for s in passage.sentences)
            assert all(a.end <= b.start for a, b in pairwise(passage.sentences))


# Keeping up ------------------------------------------------------------------------------------


def test_sync_twice_does_nothing(index: Index, news: Path, encoder: HashEncoder) -> None:
    first = index.sync([news])
    assert (first.added, first.changed, first.removed, first.unchanged) == (12, 0, 0, 0)
    assert first.encoded == len(encoder.passages) == len(set(encoder.passages))
    generation, encoded = index.status().generation, len(encoder.passages)
    files = {p: p.read_bytes() for p in index.path.rglob("*") if p.is_file() and p.name != "store.db-shm"}
    for again in (index.sync([news]), index.sync()):
        assert again.nothing_done
        assert (again.added, again.unchanged, again.encoded, again.passages) == (0, 12, 0, 0)
    assert {p: p.read_bytes() for p in files} == files
    assert index.sync([str(news), news / "1.txt"]).nothing_done  # but one more path is known
    assert (index.status().generation, len(encoder.passages)) == (generation, encoded)
    sound(index)


def test_an_unchanged_file_is_not_parsed(index: Index, news: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index.sync([news])

    def parsed(*_: object) -> None:
        raise AssertionError("parsed")

    monkeypatch.setattr("semsearch.ingest.read_records", parsed)
    (news / "1.txt").touch()
    assert index.sync([news]).nothing_done


def test_changed_added_and_removed(index: Index, news: Path, tmp_path: Path, encoder: HashEncoder) -> None:
    write(tmp_path / "other", [50])
    index.sync([news, tmp_path / "other"])
    before = len(encoder.passages)
    (news / "3.txt").unlink()
    (news / "4.txt").write_text(story(4) + "\nHuyện có thêm ba cây cầu mới.\n", "utf-8")
    write(news, [20])
    report = index.sync([news])
    assert (report.added, report.changed, report.removed, report.unchanged) == (1, 1, 1, 10)
    assert names(index) == sorted([*(f"{n}.txt" for n in range(12) if n != 3), "20.txt", "50.txt"])
    # Only the new part of the changed article was encoded.
    new = encoder.passages[before:]
    assert len(new) == report.encoded
    assert len([t for t in new if "ba cây cầu" in t]) == 1
    assert all("số 20" in t or "20." in t or "ba cây cầu" in t for t in new)
    assert index.search("ba cây cầu mới", 1)[0].article.source.endswith("/4.txt")
    assert all(not hit.article.source.endswith("/3.txt") for hit in index.search(story(3), 50))
    sound(index)


def test_articles_of_other_paths_stay(index: Index, news: Path, tmp_path: Path) -> None:
    write(tmp_path / "other", [50, 51])
    index.sync([news])
    assert index.sync([tmp_path / "other"]).added == 2
    assert len(index) == 14
    assert index.status().roots == (news.as_posix(), (tmp_path / "other").as_posix())
    (tmp_path / "other" / "50.txt").unlink()
    (news / "1.txt").unlink()
    assert index.sync([news]).removed == 1
    assert index.sync().removed == 1


def test_a_moved_file_is_not_encoded_again(index: Index, news: Path, encoder: HashEncoder) -> None:
    index.sync([news])
    ids = {item.source: item.id for item in index.articles()}
    before = len(encoder.passages)
    (news / "deep").mkdir()
    (news / "3.txt").rename(news / "deep" / "three.txt")
    report = index.sync([news])
    assert (report.added, report.changed, report.removed, report.duplicates) == (0, 1, 0, 0)
    assert len(encoder.passages) == before
    moved = next(item for item in index.articles() if item.id == ids[(news / "3.txt").as_posix()])
    assert moved.sources == ((news / "deep" / "three.txt").as_posix(),)
    sound(index)


def test_two_files_that_change_places(index: Index, news: Path, encoder: HashEncoder) -> None:
    index.sync([news])
    before = len(encoder.passages)
    (news / "3.txt").write_text(story(4), "utf-8")
    (news / "4.txt").write_text(story(3), "utf-8")
    assert index.sync([news]).changed == 2
    texts = {Path(item.source).name: item.text for item in index.articles()}
    assert (texts["3.txt"].split("\n")[0], texts["4.txt"].split("\n")[0]) == (
        story(4).split("\n")[0],
        story(3).split("\n")[0],
    )
    assert len(encoder.passages) == before
    sound(index)


def test_the_same_text_twice_is_one_article(index: Index, tmp_path: Path, encoder: HashEncoder) -> None:
    write(tmp_path / "a", [1, 2])
    write(tmp_path / "b", [1])
    report = index.sync([tmp_path / "a", tmp_path / "b"])
    assert (report.added, report.duplicates) == (2, 1)
    item = next(item for item in index.articles() if len(item.sources) == 2)
    assert item.sources == ((tmp_path / "a/1.txt").as_posix(), (tmp_path / "b/1.txt").as_posix())
    assert len(index.search("đoàn công tác thứ 1", 50)) == sum(len(index.passages(a.id)) for a in index.articles())
    # One of the sources is removed: the article stays.
    (tmp_path / "a" / "1.txt").unlink()
    report = index.sync()
    assert (report.removed, len(index)) == (1, 2)
    assert next(index.articles()).sources == ((tmp_path / "b/1.txt").as_posix(),)
    (tmp_path / "b" / "1.txt").unlink()
    assert (index.sync().removed, len(index)) == (1, 1)
    sound(index)


def test_metadata_alone_can_change(index: Index) -> None:
    index.add([article(1, "x"), article(1, "y")])
    report = index.add([replace(article(1, "x"), date=dt.date(2020, 5, 1))])
    assert (report.changed, report.encoded) == (1, 0)
    (item,) = index.articles()
    assert (item.date, item.sources) == (dt.date(2020, 5, 1), ("x", "y"))
    # The second source does not change the date.
    index.add([replace(article(1, "y"), date=dt.date(1999, 1, 1))])
    assert [a.date for a in index.articles()] == [dt.date(2020, 5, 1)]
    assert index.add([replace(article(1, "y"), date=dt.date(1999, 1, 1))]).nothing_done
    sound(index)


def test_an_article_has_the_metadata_of_its_first_source(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the first source, the metadata of the next, which was stored, so that no file is read again."""
    first, second = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
    for file, date in ((first, "2020-01-02"), (second, "2021-03-04")):
        values = {"_id": "k", "title": f"Tin {date}", "text": story(1), "date": date, "url": f"https://{file.stem}.vn/"}
        file.write_text(json.dumps(values) + f"\n{row(7)}", "utf-8")
    index.sync([first, second])
    assert ("https://1.vn/", 2) in [(a.url, len(a.sources)) for a in index.articles()]
    first.write_text(row(7), "utf-8")
    second_text = second.read_text("utf-8")

    parsed: list[str] = []
    parse = ingest.files.parse

    def counted(record: ingest.RawRecord) -> ingest.ParsedRecord:
        parsed.append(record.file)
        return parse(record)

    monkeypatch.setattr("semsearch.indexing.prepare.parse", counted)
    report = index.sync()
    assert (report.removed, report.unchanged, parsed) == (1, 3, [])
    (item,) = (a for a in index.articles() if a.url)
    assert (item.url, item.title, item.date) == ("https://2.vn/", "Tin 2021-03-04", dt.date(2021, 3, 4))
    assert len(item.sources) == 1
    # It is found by its new title.
    assert index.search("Tin 2021-03-04", 1, mode="lexical")[0].article.url == "https://2.vn/"
    assert index.sync().nothing_done
    sound(index)
    # Immediately, also if a source is removed by its name.
    first.write_text(second_text.replace("//2.", "//3."), "utf-8")
    index.sync()
    index.remove(f"{second}#k")
    (item,) = (a for a in index.articles() if a.url)
    assert (item.url, [Path(s).name for s in item.sources]) == ("https://3.vn/", ["1.jsonl#k"])
    sound(index)


def test_a_source_that_comes_to_a_text_is_its_last(index: Index) -> None:
    index.add([article(1, "x"), article(2, "y")])
    index.add([replace(article(2, "x"), date=dt.date(2020, 1, 1))])
    (item,) = index.articles()
    assert (item.sources, item.date) == (("y", "x"), None)
    index.add([replace(article(2, "y"), date=dt.date(2020, 2, 2))])
    (item,) = index.articles()
    assert (item.sources, item.date) == (("y", "x"), dt.date(2020, 2, 2))
    # Also in a single batch.
    index.add([article(3, "y"), article(2, "z"), replace(article(3, "x"), date=dt.date(2020, 3, 3))])
    assert {item.sources: item.date for item in index.articles()} == {("y", "x"): None, ("z",): None}
    assert index.add([article(2, "z")]).nothing_done
    index.remove("y")
    assert {item.sources: item.date for item in index.articles()} == {("x",): dt.date(2020, 3, 3), ("z",): None}
    sound(index)


def test_records_of_one_file(index: Index, tmp_path: Path, encoder: HashEncoder) -> None:
    file = tmp_path / "all.jsonl"

    def fill(numbers: list[int], extra: str = "") -> None:
        rows = [
            json.dumps({"_id": f"k{n}", "title": f"Tin {n}", "text": story(n)}, ensure_ascii=False) for n in numbers
        ]
        file.write_text("\n".join(rows) + extra, "utf-8")

    fill([1, 2, 3])
    assert index.sync([file]).added == 3
    before = len(encoder.passages)
    fill([1, 3, 4])
    report = index.sync([file])
    assert (report.added, report.removed, report.unchanged) == (1, 1, 2)
    assert all("4" in passage for passage in encoder.passages[before:])
    assert sorted(a.source.rpartition("#")[2] for a in index.articles()) == ["k1", "k3", "k4"]
    # A broken line: the rest is read, what the line may have contained stays, and each run reports it.
    fill([1, 5], '\n{"_id": "k3", "text": ')
    for _ in range(2):
        failed: list[IngestError] = []
        report = index.sync([file], on_error=failed.append)
        assert len(report.failed) == len(failed) == 1
        assert sorted(a.source.rpartition("#")[2] for a in index.articles()) == ["k1", "k3", "k4", "k5"]
    assert report.nothing_done
    fill([1, 5])
    assert index.sync([file]).removed == 2
    file.unlink()
    assert index.sync([file]).removed == 2
    assert len(index) == 0
    sound(index)


def test_two_records_with_one_key(index: Index, tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    rows = [json.dumps({"_id": "k", "text": story(n)}, ensure_ascii=False) for n in (1, 2)]
    file.write_text("\n".join(rows), "utf-8")
    assert index.sync([file]).added == 2
    assert index.sync([file]).nothing_done
    file.write_text("\n".join(rows) + "\n", "utf-8")
    assert index.sync([file]).nothing_done


def test_what_cannot_be_read_keeps_what_it_held(index: Index, news: Path) -> None:
    index.sync([news])
    (news / "3.txt").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)
    (news / "4.txt").unlink()
    report = index.sync()
    assert [error.source for error in report.failed] == [(news / "3.txt").as_posix()]
    assert (report.removed, report.unchanged) == (1, 10)
    assert "3.txt" in names(index)
    (news / "3.txt").unlink()
    assert index.sync().removed == 1


def test_a_folder_that_cannot_be_opened_keeps_its_articles(
    index: Index, news: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(news / "deep", [30])
    index.sync([news])
    (news / "deep" / "30.txt").rename(news / "deep" / "31.txt")
    discover = ingest.discover

    def discover_without_folder(paths: list[str]) -> ingest.Discovery:
        found = discover(paths)
        found.errors.append(IngestError((news / "deep").as_posix(), "cannot be opened"))
        found.files = [path for path in found.files if path.parent.name != "deep"]
        return found

    monkeypatch.setattr(ingest, "discover", discover_without_folder)
    report = index.sync()
    assert (report.removed, len(report.failed)) == (0, 1)
    assert "30.txt" in names(index)


def test_paths_that_are_gone(index: Index, news: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        index.sync([tmp_path / "nowhere"])
    assert not index.path.exists()  # a typing error creates nothing
    with pytest.raises(UsageError, match="knows no paths"):
        index.sync()
    with pytest.raises(UsageError):
        index.sync([""])
    with pytest.raises(UsageError):
        index.sync("news")
    index.sync([news, news / "1.txt"])
    with pytest.raises(UsageError):
        index.sync([news, tmp_path / "nowhere"])
    (news / "1.txt").unlink()
    assert index.sync().removed == 1
    assert index.status().roots == (news.as_posix(),)
    for file in news.iterdir():
        file.unlink()
    news.rmdir()
    assert index.sync([news]).removed == 11  # known, so it can be named
    assert index.status().roots == ()


def test_a_folder_that_is_away_keeps_its_articles(index: Index, tmp_path: Path) -> None:
    write(tmp_path / "disk" / "news", [1, 2])
    index.sync([tmp_path / "disk" / "news"])
    for away in (tmp_path / "disk", tmp_path / "disk" / "news"):
        away.rename(tmp_path / "elsewhere")
        report = index.sync()
        assert (len(index), len(report.failed), report.removed) == (2, 1, 0)
        assert f"semsearch remove {tmp_path}/disk/news" in str(report.failed[0])
        (tmp_path / "elsewhere").rename(away)
        assert index.sync().nothing_done


def test_a_folder_gone_from_one_that_is_there_takes_its_articles_along(index: Index, tmp_path: Path) -> None:
    write(tmp_path / "news", [1])
    write(tmp_path / "news" / "deep", [2, 3])
    index.sync([tmp_path / "news", tmp_path / "news" / "deep"])
    (tmp_path / "news").rename(tmp_path / "away")
    report = index.sync()
    assert (len(index), len(report.failed), report.removed) == (3, 2, 0)  # what both share is right
    (tmp_path / "away").rename(tmp_path / "news")
    shutil.rmtree(tmp_path / "news" / "deep")
    report = index.sync()
    assert (len(index), len(report.failed), report.removed) == (1, 0, 2)
    assert index.status().roots == ((tmp_path / "news").as_posix(),)


def test_what_was_converted_or_passed_over_is_noted(index: Index, news: Path) -> None:
    (news / "old.txt").write_text("Huyện đã sửa xong cầu.\n\nTừ nay bà con đi lại dễ dàng hơn trước nhiều.\n", "utf-16")
    for name in ("a.png", "b.png", "c.exe", "d.bin"):
        (news / name).write_bytes(b"\0")
    (news / ".hidden.txt").write_text("không đọc", "utf-8")
    report = index.sync([news])
    assert report.notes == (
        "skipped 4 files of unknown format: a.png, b.png, c.exe, ...",
        f"{(news / 'old.txt').as_posix()}: converted from utf-16",
    )
    assert (report.added, report.failed) == (13, ())
    (news / "a.png").rename(news / "a.txt.txt")
    assert len(index.sync([news]).failed) == 1


def test_an_evaluation_set_beside_articles_is_noted(index: Index, news: Path) -> None:
    index.sync([news])
    article = '{"_id": "1", "text": "Huyện đã sửa xong cây cầu qua sông."}\n'
    for name, content in (("corpus.jsonl", article), ("queries.jsonl", article), ("qrels.tsv", "1\t1\t1\n")):
        (news / name).write_text(content, "utf-8")
    report = index.sync()
    assert report.nothing_done
    assert report.notes == (
        "skipped 3 files of an evaluation set: corpus.jsonl, qrels.tsv, queries.jsonl; "
        "name corpus.jsonl itself to index it",
    )
    assert index.sync([news / "corpus.jsonl"]).added == 1
    assert index.sync().nothing_done


def test_globs(index: Index, news: Path) -> None:
    write(news / "deep", [30])
    index.sync([news / "1*.txt"])
    assert names(index) == ["1.txt", "10.txt", "11.txt"]
    index.sync([news / "deep"])
    (news / "11.txt").unlink()
    (news / "deep" / "12.txt").write_text(story(12), "utf-8")
    assert (index.sync([news / "1*.txt"]).removed, len(index)) == (1, 3)
    (news / "1.txt").unlink()
    (news / "10.txt").unlink()
    report = index.sync()
    assert (report.added, report.removed) == (1, 2)


def test_remove(index: Index, news: Path) -> None:
    write(news / "deep", [30, 31])
    index.sync([news])
    index.add([article(70, "stdin#abc")])
    assert index.remove(news / "3.txt") == 1
    assert index.remove(f"{news}/deep/") == 2
    assert index.remove("stdin#abc") == 1
    assert index.remove("not there") == 0
    assert len(index) == 11
    assert index.sync().added == 3  # its folder is still known, and they are still there
    assert index.remove(news) == 14
    assert (len(index), index.status().roots) == (0, ())
    assert index.search("phần quà") == []
    sound(index)


def test_remove_a_record(index: Index, tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    file.write_text(f"{row(1)}\n{row(2)}", "utf-8")
    index.sync([file])
    assert index.remove(f"{file}#k1") == 1
    assert [a.source for a in index.articles()] == [f"{file.as_posix()}#k2"]
    assert index.sync().added == 1


def test_adding_one_article_encodes_one_article(index: Index, encoder: HashEncoder) -> None:
    index.add(article(n) for n in range(400))
    before = len(encoder.passages)
    report = index.add([article(7777)])
    assert report.added == 1
    new = encoder.passages[before:]
    assert len(new) == report.encoded == 1
    assert all("7777" in passage for passage in new)
    sound(index)


def test_all_at_once_and_one_by_one_are_the_same(tmp_path: Path) -> None:
    news = tmp_path / "news"
    footer = "Bản quyền nội dung thuộc về trang tin của huyện."
    write(news, range(9))
    for number in range(9):
        file = news / f"{number}.txt"
        file.write_text(file.read_text("utf-8") + ("\n" + footer if number % 3 else ""), "utf-8")
    with (
        Index.open_or_create(tmp_path / "a", encoder=HashEncoder()) as one,
        Index.open_or_create(tmp_path / "b", encoder=HashEncoder()) as other,
    ):
        one.sync([news])
        for file in sorted(news.iterdir()):
            other.sync([file])
        assert held(one) == held(other)
        found = [(hit.article.source, hit.passage.position) for hit in one.search("Sa Thầy", 5, mode="dense")]
        assert found == [(hit.article.source, hit.passage.position) for hit in other.search("Sa Thầy", 5, mode="dense")]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["write", "delete", "copy", "sync", "add", "remove"]), st.integers(0, 5), st.integers(0, 7)
        ),
        max_size=14,
    )
)
def test_whatever_happens_the_index_holds_what_is_there(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    news = folder / "news"
    news.mkdir()
    added: dict[str, int] = {}
    with Index.open_or_create(folder / "index", encoder=HashEncoder(8)) as index:
        index.sync([news])
        for verb, place, number in changes:
            file = news / f"{place}.txt"
            if verb == "write":
                file.write_text(story(number), "utf-8")
            elif verb == "delete":
                file.unlink(missing_ok=True)
            elif verb == "copy" and file.exists():
                (news / f"copy{number}.txt").write_bytes(file.read_bytes())
            elif verb == "sync":
                index.sync()
            elif verb == "add":
                index.add([replace(article(number, f"given:{place}"), title="")])  # as ingest sees these files
                added[f"given:{place}"] = number
            elif verb == "remove":
                index.remove(f"given:{place}")
                added.pop(f"given:{place}", None)
        index.sync()
        there = {p.as_posix(): p.read_text("utf-8").strip() for p in news.iterdir()}
        there |= {source: story(number).strip() for source, number in added.items()}
        found = {source: item.text.strip() for item in index.articles() for source in item.sources}
        assert found == there
        assert len(index) == len(set(there.values()))
        sound(index)
        assert index.sync().nothing_done


# Finding ---------------------------------------------------------------------------------------


def brute(index: Index, encoder: HashEncoder, query: str) -> dict[int, tuple[float, float]]:
    """The cosine of every passage and of its article's mean, with vectors as they are stored."""
    query_vector = encoder.encode_queries([query])[0]
    found = {}
    for item in index.articles():
        article_vectors = {}
        for passage in index.passages(item.id):
            text = passage.text if passage.text.startswith(item.title) else f"{item.title}\n{passage.text}"
            article_vectors[passage.id] = HashEncoder().encode_passages([text])[0].astype(np.float16).astype(np.float32)
        mean = np.mean(list(article_vectors.values()), axis=0)
        topic = float(mean @ query_vector / np.linalg.norm(mean))
        found |= {id_: (float(vector @ query_vector), topic) for id_, vector in article_vectors.items()}
    return found


def test_dense_scores_are_those_of_brute_force(index: Index, news: Path, encoder: HashEncoder) -> None:
    index.sync([news])
    for query in ("Sa Thầy", "phan qua cho hoc sinh", "Đoàn công tác thứ 7.1"):
        expected = brute(index, encoder, query)
        hits = index.search(query, 100, mode="dense")
        assert {hit.passage.id for hit in hits} == expected.keys()
        for hit in hits:
            assert hit.scores.dense == pytest.approx(expected[hit.passage.id][0], abs=2e-6)
            assert hit.scores.article_dense == pytest.approx(expected[hit.passage.id][1], abs=2e-6)
            assert hit.scores.sentence is None
            assert hit.scores.lexical is None

        def scaled(values: list[float]) -> list[float]:
            return [(v - min(values)) / (max(values) - min(values)) for v in values]

        ids = sorted(expected)
        w = FusionWeights(dense=0.78, article_dense=0.22)
        sides = zip(*(scaled([expected[i][side] for i in ids]) for side in range(2)), strict=True)
        fused = [(w.dense * d + w.article_dense * t) / (w.dense + w.article_dense) for d, t in sides]
        assert [hit.score for hit in hits] == pytest.approx(sorted(fused, reverse=True), abs=1e-4)


def test_every_side_scores_every_candidate(index: Index, news: Path) -> None:
    index.sync([news])
    hits = index.search("học sinh Sa Thầy", 100)
    terms = {h.passage.id: h.scores for h in index.search("học sinh Sa Thầy", 100, mode="lexical")}
    dense = {h.passage.id: h.scores for h in index.search("học sinh Sa Thầy", 100, mode="dense")}
    assert len(hits) == len(dense)
    for hit in hits:
        assert hit.scores.dense == dense[hit.passage.id].dense
        if hit.passage.id in terms:
            assert hit.scores.lexical == terms[hit.passage.id].lexical
            assert hit.scores.article == terms[hit.passage.id].article
        assert 0.0 <= hit.score == hit.scores.fused <= 1.0
    assert [h.rank for h in hits] == list(range(1, len(hits) + 1))
    assert all((-a.score, a.passage.id) < (-b.score, b.passage.id) for a, b in pairwise(hits))


def test_the_same_again_and_after_opening_again(index: Index, news: Path, encoder: HashEncoder) -> None:
    index.sync([news])
    queries = ["Sa Thầy", "mường tè", "hoc sinh ngheo", "the school gifts"]
    first = [index.search(query, 7) for query in queries]
    assert [index.search(query, 7) for query in queries] == first
    with Index.open(index.path, encoder=encoder) as again:
        assert [again.search(query, 7) for query in queries] == first


def test_without_accents_too(index: Index, news: Path) -> None:
    index.sync([news])
    for query in ("Nậm Pồ", "nam po", "Nậm Pồ".upper()):
        assert TOWNS[7] in index.search(query, 1, mode="lexical")[0].passage.text


def test_the_sentence_shown(index: Index, news: Path) -> None:
    index.sync([news])
    for mode in ("hybrid", "dense", "lexical"):
        hit = index.search("Đoàn công tác thứ 7.1 đã đến Nậm Pồ trao quà gì", 1, mode=mode)[0]  # type: ignore[arg-type]
        assert hit.sentence.of(hit.article.text).startswith("Đoàn công tác thứ 7.1")
        assert hit.sentence in hit.passage.sentences


def test_filters(index: Index, tmp_path: Path) -> None:
    for number in range(12):
        index.add(
            [replace(article(number, f"/bao/{'ab'[number % 2]}/{number}.txt"), date=dt.date(2020, 1, number + 1))]
        )
    index.add([replace(article(40, "/bao/a/40.txt"), url="https://tin.vn/40")])

    def found(**only: object) -> list[int]:
        hits = [
            index.search("đoàn công tác trao phần quà", 100, mode=mode, filters=Filter(**only))  # type: ignore[arg-type]
            for mode in ("hybrid", "dense", "lexical")
        ]
        numbers, *others = [sorted(int(Path(h.article.source).stem) for h in side) for side in hits]
        assert others == [numbers, numbers]
        return numbers

    assert found() == [*range(12), 40]
    assert found(source="/bao/a") == [0, 2, 4, 6, 8, 10, 40]
    assert found(source="/bao/a/") == found(source="/bao/a")
    assert found(source="/bao/b/11.txt") == [11]
    assert found(source="*/1*.txt") == [1, 10, 11]
    assert found(source="tin.vn") == [40]
    assert found(source="bao/b/1") == [1, 11]
    assert found(source="[") == []
    assert found(since=dt.date(2020, 1, 11)) == [10, 11]
    assert found(until=dt.date(2020, 1, 2)) == [0, 1]
    assert found(source="/bao/b", since=dt.date(2020, 1, 2), until=dt.date(2020, 1, 4)) == [1, 3]
    assert found(source="/nirgends") == []
    assert index.search("đoàn", filters=Filter(since=dt.date(2030, 1, 1))) == []
    # The passages of a filter are cached only until the index changes.
    index.add([replace(article(41, "/bao/a/41.txt"), date=dt.date(2020, 1, 12))])
    index.remove("/bao/b/11.txt")
    assert found(since=dt.date(2020, 1, 11)) == [10, 41]
    assert found(source="/bao/a") == [0, 2, 4, 6, 8, 10, 40, 41]


def test_a_relative_source_is_that_of_the_current_folder(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, folder in enumerate("ab"):
        (tmp_path / folder).mkdir()
        index.add([article(number, f"{tmp_path.as_posix()}/{folder}/{place}.txt") for place in "12"])
    for folder in "abab":
        monkeypatch.chdir(tmp_path / folder)
        for source in ("1.txt", "[1].txt"):
            hits = index.search("đoàn công tác trao phần quà", filters=Filter(source=source))
            assert {Path(hit.article.source).parent.name for hit in hits} == {folder}


def test_the_date_of_a_time_is_its_day(index: Index) -> None:
    noon = dt.datetime(2020, 1, 2, 12, tzinfo=dt.UTC)
    assert index.add([replace(article(1), date=noon)]).added == 1
    assert index.add([replace(article(1), date=noon.date())]).nothing_done
    for since, until in ((noon, None), (None, noon), (noon, noon.date()), (noon.date(), noon)):
        (hit,) = index.search("đoàn công tác trao phần quà", filters=Filter(since=since, until=until))
        assert hit.article.date == dt.date(2020, 1, 2)
        assert type(hit.article.date) is dt.date
    sound(index)


def test_what_is_no_date(index: Index) -> None:
    for name in ("since", "until"):
        bad: dict[str, Any] = {name: "2020-01-02"}
        with pytest.raises(UsageError, match=f"`{name}` must be a datetime.date, not '2020-01-02'"):
            Filter(**bad)
    with pytest.raises(UsageError, match=r"`article.date` must be a datetime.date, not '2\.1\.2020'"):
        index.add([replace(article(1), date="2.1.2020")])  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["text", "title", "author", "url", "source"])
def test_half_a_character_cannot_be_stored(index: Index, name: str) -> None:
    odd: dict[str, Any] = {name: "Một nửa \ud83d thôi."} if name != "source" else {"sources": ("a", "b\udc80")}
    with pytest.raises(UsageError, match=f"the {name} of 'x' contains half|the source of 'a' contains half") as raised:
        index.add([replace(article(1, "x"), **odd)])
    str(raised.value).encode()
    assert index.add([replace(article(1, "x"), title="Cả hai \U0001f600")]).added == 1
    sound(index)


def test_a_filter_looks_beyond_the_best_hundred(index: Index) -> None:
    index.add(article(n, f"/many/{n}.txt", text=f"Đoàn công tác số {n} tặng quà cho học sinh.\n") for n in range(300))
    index.add([article(0, "/one/x.txt", text="Ở một nơi xa, có học sinh.\n")])
    for mode in ("hybrid", "dense", "lexical"):
        only = Filter(source="/one")
        hits = index.search("đoàn công tác tặng quà cho học sinh", 5, mode=mode, filters=only)  # type: ignore[arg-type]
        assert [hit.article.source for hit in hits] == ["/one/x.txt"]


def test_more_hits_than_candidates(index: Index) -> None:
    index.add(article(n, text=f"Đoàn công tác số {n} tặng quà cho học sinh.\n") for n in range(300))
    assert len(index.search("đoàn công tác tặng quà", 250)) == 250
    assert len(index.search("đoàn công tác tặng quà", 1000)) == 300


def test_words_that_say_nothing(index: Index, news: Path) -> None:
    index.sync([news])
    assert index.search("???") == []
    assert index.search("zzzz qqqq", mode="lexical") == []
    for bad in ("", "  \n", "\u200b"):
        with pytest.raises(UsageError):
            index.search(bad)
    with pytest.raises(UsageError):
        index.search("x", 0)
    with pytest.raises(UsageError, match="mode"):
        index.search("x", mode="fuzzy")  # type: ignore[arg-type]
    with pytest.raises(UsageError):
        index.search("x", filters=Filter(since=dt.date(2020, 2, 1), until=dt.date(2020, 1, 1)))
    assert index.search("x" * 100_000, 1)
    assert index.search('"(a AND b) OR c:d* ~2 [', 1)


def test_similar(index: Index, news: Path) -> None:
    index.sync([news])
    item = next(index.articles())
    passage_ids = [p.id for p in index.passages(item.id)]
    for mode in ("hybrid", "dense", "lexical"):
        hits = index.similar(passage=passage_ids[0], k=50, mode=mode)  # type: ignore[arg-type]
        assert hits
        assert passage_ids[0] not in [h.passage.id for h in hits]
        hits = index.similar(article=item.source, k=50, mode=mode)  # type: ignore[arg-type]
        assert hits
        assert item.id not in [h.article.id for h in hits]
        passage_text = index.show(passage_ids[0]).passage.text
        hits = index.similar(f"  {passage_text.upper()}\n", k=3, mode=mode)  # type: ignore[arg-type]
        assert len(hits) == 3
        assert passage_ids[0] not in [h.passage.id for h in hits]
        assert [h.rank for h in hits] == [1, 2, 3]
    # 0 and 10 are from one town.
    assert index.similar(article=(news / "0.txt").as_posix(), k=1)[0].article.source.endswith("/10.txt")
    only = Filter(source=str(news / "5.txt"))
    assert index.similar(passage=passage_ids[0], k=5, filters=only)[0].article.source.endswith("/5.txt")
    for wrong in ({}, {"text": "x", "passage": 1}, {"passage": 10**6}, {"article": "nowhere"}, {"text": " "}):
        with pytest.raises(UsageError):
            index.similar(**wrong)  # type: ignore[arg-type]


def test_similar_in_the_same_article(index: Index) -> None:
    index.add([article(n, text="\n\n".join(story(n, sentences=12) for _ in range(3))) for n in range(4)])
    item = next(index.articles())
    passage_ids = {p.id for p in index.passages(item.id)}
    assert len(passage_ids) > 2
    first = min(passage_ids)
    for mode in ("hybrid", "dense", "lexical"):
        others = {h.passage.id for h in index.similar(passage=first, k=50, mode=mode)}  # type: ignore[arg-type]
        assert others and not others & passage_ids
        assert not passage_ids & {h.passage.id for h in index.similar(article=item.source, k=50, mode=mode)}  # type: ignore[arg-type]
        hits = index.similar(passage=first, same_article=True, k=50, mode=mode)  # type: ignore[arg-type]
        found = {h.passage.id for h in hits}
        assert found & passage_ids == passage_ids - {first} and found > passage_ids - {first}
        hits = index.similar(article=item.source, same_article=True, k=50, mode=mode)  # type: ignore[arg-type]
        assert passage_ids < {h.passage.id for h in hits}
        for query in (item.text, "huyện Mường Tè"):  # no difference for a text
            assert index.similar(query, k=9, mode=mode, same_article=True) == index.similar(query, k=9, mode=mode)  # type: ignore[arg-type]


def test_stored_things_are_not_encoded_to_find_their_like(index: Index, news: Path, encoder: HashEncoder) -> None:
    index.sync([news])
    before = len(encoder.passages)
    index.similar(passage=1)
    index.similar(article=(news / "0.txt").as_posix())
    assert len(encoder.passages) == before


def test_an_article_of_many_is_to_be_named_whole(index: Index, tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    file.write_text(f"{row(1)}\n{row(2)}", "utf-8")
    index.sync([file])
    with pytest.raises(UsageError, match=r"#k1"):
        index.similar(article=str(file))
    assert index.similar(article=f"{file}#k1", k=1)[0].article.source.endswith("#k2")


def test_show(index: Index, news: Path) -> None:
    index.sync([news])
    hit = index.search("Sa Thầy", 1)[0]
    shown = index.show(hit.passage.id)
    assert (shown.passage, shown.article) == (hit.passage, hit.article)
    with pytest.raises(UsageError, match="no passage 999"):
        index.show(999)


def test_ask_quotes_what_was_found(index: Index, news: Path) -> None:
    from semsearch.types import Answer, Query

    index.sync([news])

    class Third:
        def depth(self, query: Query) -> int:
            return 4

        def read(self, query: Query, hits: list[Hit]) -> Answer:
            assert query.text == "Đoàn nào đến Sa Thầy?"
            assert len(hits) == 4
            third = hits[2]
            sentence = third.sentence
            return Answer(
                query.text, True, sentence.of(third.article.text), third, sentence, sentence, 0.5, (), tuple(hits)
            )

    answer = index.ask(" Đoàn nào đến Sa Thầy?\n", k=1, reader=Third())  # type: ignore[arg-type]
    assert [h.rank for h in answer.hits] == [1, 3]
    assert answer.citation in answer.hits
    with pytest.raises(UsageError):
        index.ask("gì", k=0)


def test_weights_come_from_the_encoders_card(encoder: HashEncoder) -> None:
    """An encoder without token ids has no sentence score; passages count in its place."""
    assert fusion_weights(encoder, "vi", "hybrid") == FusionWeights(dense=0.4, lexical=0.4, article=0.2)
    weights = FusionWeights(dense=0.25, lexical=0.75)
    encoder.card = EncoderCard(fusion={"vi": weights}, sha256={})  # type: ignore[attr-defined]
    assert fusion_weights(encoder, "vi", "hybrid") == weights
    assert fusion_weights(encoder, "en", "hybrid") == FusionWeights(dense=0.6, lexical=0.3, article=0.1)
    assert fusion_weights(encoder, "vi", "dense") == FusionWeights(dense=0.78, article_dense=0.22)
    assert fusion_weights(None, "vi", "lexical").lexical == DEFAULT_WEIGHTS["vi"].lexical


# Other states and processes ----------------------------------------------------------------

OTHER = """
import sys
sys.path[:0] = {paths}
from factories import HashEncoder, article
from semsearch.index import Index
with Index.open({path!r}, encoder=HashEncoder()) as index:
    {what}
"""


def elsewhere(index: Index, what: str) -> None:
    """Change the index in another process."""
    tests_folder = Path(__file__).parent
    code = OTHER.format(paths=[str(tests_folder), str(tests_folder.parent)], path=str(index.path), what=what)
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_reader_sees_what_others_write(index: Index, news: Path) -> None:
    index.sync([news])
    assert not any("7777" in hit.passage.text for hit in index.search("tin số 7777", 3))
    elsewhere(index, "index.add([article(7777)])")
    assert "7777" in index.search("tin số 7777", 1)[0].passage.text
    elsewhere(index, "index.remove('test:7777')")
    assert not any("7777" in hit.passage.text for hit in index.search("tin số 7777", 3))
    elsewhere(index, "index.add(article(n) for n in range(7700, 7800)); index.rebuild()")
    assert "7750" in index.search("tin số 7750", 1)[0].passage.text
    elsewhere(index, f"index.remove({str(news)!r})")
    assert len(index) == 100
    assert {h.article.source.split(":")[0] for h in index.search("đoàn công tác", 200)} == {"test"}


def test_a_reader_goes_on_while_segments_are_merged(index: Index, encoder: HashEncoder) -> None:
    reader = Index.open_or_create(index.path, encoder=encoder)
    index.add([article(0)])
    reader = Index.open(index.path, encoder=encoder)
    for number in range(1, 14):
        index.add([article(number)])
        assert len(reader.search("đoàn công tác", 100)) == number + 1
        if number % 3 == 0:
            index.remove(f"test:{number}")
            index.add([article(number)])
            found = {h.article.source for h in reader.search("đoàn công tác", 100)}
            assert found == {f"test:{n}" for n in range(number + 1)}
    assert index.status().segments <= 4
    sound(index)
    reader.close()


def test_rebuilt_with_another_encoder(index: Index, news: Path, encoder: HashEncoder) -> None:
    index.sync([news])
    before = held(index)
    other = HashEncoder(16, salt="other")
    with Index.open(index.path, encoder=encoder) as reader:
        reader.search("Sa Thầy")
        report = index.rebuild(other)
        assert report.encoded == len(other.passages) == len(set(encoder.passages))
        assert (report.unchanged, held(index)) == (12, before)
        assert index.status().encoder == "hashother"
        with pytest.raises(IndexStale, match=r"rebuild --encoder hash "):
            reader.search("Sa Thầy")
        assert reader.search("Sa Thầy", mode="lexical")
    assert index.search("Sa Thầy", 1)[0].passage.text == index.search("Sa Thầy", 1, mode="dense")[0].passage.text
    with pytest.raises(IndexStale, match="was made with the encoder hashother, not hash"):
        Index.open(index.path, encoder=encoder)
    sound(index)
    assert index.sync().nothing_done


def test_a_search_is_repeated_if_a_rebuild_replaces_its_encoder(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    index.add([article(1)])
    states = []
    encoder_for = index._encoder_for

    def late(snapshot: Snapshot, mode: Mode) -> Encoder | None:
        states.append(snapshot.manifest.encoder)
        if len(states) == 1:
            index.rebuild(HashEncoder(64, "other"))
        return encoder_for(snapshot, mode)

    monkeypatch.setattr(index, "_encoder_for", late)
    assert index.search(article(1).title)
    assert states == ["hash", "hashother"]


@pytest.mark.parametrize("number", [0, 1 << 63, -(1 << 70)])
def test_a_number_that_no_passage_has_is_a_usage_error(index: Index, number: int) -> None:
    index.add([article(1)])
    for ask in (index.show, index.passages, lambda number: index.similar(passage=number)):
        with pytest.raises(UsageError, match=f"There is no (passage|article) {number} in the index"):
            ask(number)


def test_searches_go_on_while_another_encoder_takes_over(
    index: Index, news: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.sync([news])
    reached = []

    def search(name: str) -> None:
        if name in ("changing over", "changed over"):
            reached.append(name)
            assert index.search("huyện Mường Tè", mode="dense")

    monkeypatch.setattr("semsearch.failpoints.failpoint_hook", search)
    index.rebuild(HashEncoder(64, "other"))
    assert reached == ["changing over", "changed over"]


def test_rebuilding_computes_nothing_twice(index: Index, news: Path, encoder: HashEncoder) -> None:
    index.sync([news])
    before = index.search("Sa Thầy", 20)
    assert index.rebuild().encoded == 0
    assert index.search("Sa Thầy", 20) == before
    # A segment is lost: only its vectors are computed again.
    index.add([article(100)])
    encoded = len(encoder.passages)
    newest = max(index.path.glob("vectors/*/vectors.npy"))
    newest.unlink()
    assert index.doctor(repair=True)
    assert all("100" in passage for passage in encoder.passages[encoded:])
    assert len(encoder.passages) == encoded + 1
    sound(index)


def test_split_otherwise(index: Index, news: Path, encoder: HashEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    index.sync([news])
    encoded = len(encoder.passages)
    monkeypatch.setattr(sentences, "VERSION", sentences.VERSION + 1)
    chunk = sentences.chunk
    monkeypatch.setattr(sentences, "chunk", lambda t, s, b: chunk(t, s, b, 20))
    assert index.search("Sa Thầy", 1)  # it still answers
    assert index.status().notes == ("other-version",)
    write(news, [30])
    with pytest.raises(IndexStale, match="rebuild"):
        index.sync([news])
    report = index.rebuild()
    assert (report.changed, report.unchanged) == (12, 0)
    assert all(len(index.passages(item.id)) > 1 for item in index.articles())
    assert all(passage not in encoder.passages[:encoded] for passage in encoder.passages[encoded:])
    sound(index)
    assert index.sync([news]).added == 1


def test_terms_made_otherwise(index: Index, news: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index.sync([news])
    monkeypatch.setattr(text, "VERSION", text.VERSION + 1)
    with pytest.raises(IndexStale, match="rebuild"):
        index.search("Sa Thầy")
    index.rebuild()
    assert index.search("Sa Thầy")


def test_terms_of_an_earlier_format(index: Index, news: Path, encoder: HashEncoder) -> None:
    """Without term vectors, with a folder for whole articles, and with terms that an interrupted run left."""
    index.sync([news])
    before = [hit.passage.text for hit in index.search("Sa Thầy", 20)]
    index.close()
    folder = Folder(index.path)
    shutil.copytree(folder.terms(1), folder.terms(1).with_name("articles"))
    with closing(Store.open(folder.database, write=True)) as store, store.transaction():
        old = replace(Manifest.parse(str(store.meta("manifest")), folder.database), lexical=1)
        store.set_meta("manifest", old.dump())
    execute(folder.database, "INSERT INTO pending_term_deletes VALUES (900, 901)")
    execute(folder.database, "DELETE FROM term_vectors")
    folder.write_manifest(old)
    with Index.open(index.path, encoder=encoder) as again:
        with pytest.raises(IndexStale, match="run: semsearch rebuild"):
            again.search("Sa Thầy")
        assert {finding.code for finding in again.doctor() if finding.level == "error"} == {"rebuild-required"}
        encoded = len(encoder.passages)
        again.rebuild()
        assert len(encoder.passages) == encoded
        assert [hit.passage.text for hit in again.search("Sa Thầy", 20)] == before
        sound(again)
    assert [path.name for path in folder.lexical.iterdir()] == ["002"]


def test_opening(tmp_path: Path, encoder: HashEncoder) -> None:
    with pytest.raises(IndexMissing, match=r"semsearch index"):
        Index.open(tmp_path / "none")
    with Index.create(tmp_path / "new", encoder) as index:
        assert len(index) == 0
        assert index.search("gì cũng được") == []
        assert index.doctor() == []
    with pytest.raises(UsageError, match="already"):
        Index.create(tmp_path / "new", encoder)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.docx").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        Index.create(tmp_path / "full", encoder)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StorageError):
        Index.create(tmp_path / "file", encoder)
    lazy = Index.open_or_create(tmp_path / "later", encoder=encoder)
    assert not (tmp_path / "later").exists()
    with pytest.raises(IndexMissing):
        lazy.search("gì")
    lazy.add([article(1)])
    assert len(lazy.search("gì")) == 1


def test_a_later_format_is_refused(index: Index, encoder: HashEncoder) -> None:
    index.add([article(1)])
    index.close()
    folder = Folder(index.path)
    manifest = folder.manifest()
    assert manifest is not None
    folder.write_manifest(replace(manifest, format=99))
    with pytest.raises(IndexStale, match="later version"):
        Index.open(index.path, encoder=encoder)


def test_one_writer(index: Index, news: Path, encoder: HashEncoder) -> None:
    index.sync([news])
    with Index.open(index.path, encoder=encoder) as second, Folder(index.path).locked():
        with pytest.raises(IndexLocked, match=r"process \d+ on .* since \d{4}-"):
            second.sync()
        assert second.search("Sa Thầy")
        assert second.status().writer.startswith("process ")
    assert index.status().writer == ""
    index.sync()


def test_tombstones_go_with_time(index: Index) -> None:
    index.add(article(n) for n in range(20))
    for number in range(15):
        index.remove(f"test:{number}")
    status = index.status()
    assert status.articles == 5
    assert status.tombstones < 10
    with closing(Store.open(index.path / "store.db")) as store:
        ids = segments.open_segment(Folder(index.path), store.segments()[0], verify=True).ids
    assert len(ids) < 15
    sound(index)


def test_nothing_is_printed(index: Index, news: Path, capfd: pytest.CaptureFixture[str]) -> None:
    index.sync([news])
    index.search("Sa Thầy")
    index.rebuild()
    assert capfd.readouterr() == ("", "")


def test_progress(index: Index, news: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    index.sync([news], progress=lambda *told: seen.append(told))
    assert seen[-1] == ("files", 12, 12)
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
    seen.clear()
    index.rebuild(HashEncoder(8, "x"), progress=lambda *told: seen.append(told))
    assert ("encoding", 12, 12) in seen
    assert ("terms", 12, 12) in seen


def test_opening_a_reader_imports_little() -> None:
    code = (
        "import sys; from semsearch.index import Index; "
        "print(*sorted({'faiss', 'tantivy', 'trafilatura', 'pypdf', 'torch', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
