"""The database: what goes in comes out, numbers are given once, changes are whole or not at all."""

from __future__ import annotations

import datetime as dt
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from factories import article, passages
from hypothesis import given, settings
from hypothesis import strategies as st

from semsearch.errors import IndexDamaged, IndexLocked, IndexMissing, IndexStale, StorageError, UsageError
from semsearch.storage import FORMAT, Metadata, Segment, Source, Store, body_hash, content_hash
from semsearch.storage.rows import pack_spans, unpack_spans
from semsearch.types import Article, Span


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "store.db", {"manifest": "m"})


def put(store: Store, number: int, id_: int, first: int, source: str = "") -> Article:
    item = replace(article(number, source or f"s{number}"), id=id_, date=dt.date(2020, 1, number + 1))
    store.put_article(item, passages(item, first), body_hash(item))
    store.put_source(Source(item.source, id_, f"f{number}", content_hash(item)))
    return item


def test_an_article_comes_out_as_it_went_in(store: Store) -> None:
    with store.transaction():
        item = put(store, 1, 5, 10)
    assert store.article(5) == item
    assert store.passages(item) == passages(item, 10)
    assert store.load([11, 99]) == {11: (passages(item, 10)[1], item)}
    assert store.articles_of_passages([10, 13, 14]) == {10: 5, 13: 5}
    assert store.counts() == {"articles": 1, "passages": 4, "sentences": 4, "sources": 1, "files": 0}
    with pytest.raises(UsageError):
        store.article(6)


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)), max_size=40))
def test_spans_are_kept(pairs: list[tuple[int, int]]) -> None:
    spans = tuple(Span(*pair) for pair in pairs)
    assert unpack_spans(pack_spans(spans)) == spans


def test_hashes() -> None:
    one = article(1)
    assert content_hash(one) == content_hash(replace(one, sources=("elsewhere",), id=7))
    for other in (
        replace(one, title="x"),
        replace(one, date=dt.date(2020, 1, 1)),
        replace(one, author="x"),
        replace(one, url="x"),
        replace(one, text=one.text + " "),
        replace(one, blocks=one.blocks[:-1]),
    ):
        assert content_hash(other) != content_hash(one)
    # Fields do not run into each other.
    assert content_hash(replace(one, author="ab", url="c")) != content_hash(replace(one, author="a", url="bc"))
    untitled = replace(article(1, text="Thân bài có một câu."), title="")
    assert body_hash(untitled) == body_hash(replace(untitled, title="Một tên khác", author="x"))
    assert body_hash(article(1, text="Một  câu\n\nHoà bình")) == body_hash(article(1, text="một câu\nHòa bình"))
    assert body_hash(article(1)) != body_hash(article(2))
    # The title as a first line, and not.
    assert body_hash(replace(article(1, text="Đầu đề\n\nThân bài có một câu."), title="Đầu đề")) == body_hash(untitled)


def test_filters(store: Store) -> None:
    with store.transaction():
        for number in range(4):
            put(store, number, number + 1, 10 * number + 1, f"/bao/{'ab'[number % 2]}/{number}.txt")
        undated = replace(article(9, "/bao/a/9.txt"), id=9, url="https://bao.vn/9")
        store.put_article(undated, [], body_hash(undated))
        store.put_source(Source(undated.source, 9, "", b""))
    assert store.select([], None, None) == [1, 2, 3, 4, 9]
    assert store.select([], dt.date(2020, 1, 2), dt.date(2020, 1, 3)) == [2, 3]
    assert store.select(["/bao/a/*"], None, None) == [1, 3, 9]
    assert store.select(["/bao/a/*"], None, dt.date(2020, 1, 1)) == [1]
    assert store.select(["*bao.vn*"], None, None) == [9]
    assert store.select(["/bao/b/1.txt", "/bao/b/3.txt"], None, None) == [2, 4]
    # The same as passages, of which the undated article has none.
    ranges = [(1, 4), (11, 14), (21, 24), (31, 34)]
    assert store.select_passages([], None, None) == ranges
    assert store.select_passages([], dt.date(2020, 1, 2), dt.date(2020, 1, 3)) == ranges[1:3]
    assert store.select_passages(["/bao/a/*"], None, None) == ranges[::2]
    assert store.select_passages(["*bao.vn*"], None, None) == []
    assert store.sources_like(["/bao/b/*"], 1) == ["/bao/b/1.txt"]


def test_more_ids_than_one_statement_takes(store: Store) -> None:
    with store.transaction():
        item = put(store, 1, 1, 1)
    wanted = list(range(1, 5000))
    assert store.articles_of_passages(wanted) == {p.id: 1 for p in passages(item, 1)}


def test_term_vectors(store: Store) -> None:
    intact = b"\1\0\0\0\0\0\0\0"
    with store.transaction():
        put(store, 1, 1, 1)
        put(store, 2, 2, 11)
        store.put_term_vectors({1: b"old", 2: intact, 3: intact, 4: intact, 11: b"", 12: b"\0" * 5, 13: b"\1" * 4})
        store.put_term_vectors({1: intact})
    assert store.term_vectors([2, 99, 1, 11]) == [intact, None, intact, b""]
    assert store.lacking_term_vectors() == [11, 12, 13, 14]
    with store.transaction():
        store.drop_source("s1")
        store.drop_article(1)
    assert store.term_vectors([1, 2, 3, 4, 12]) == [None] * 4 + [b"\0" * 5]
    assert store.lacking_term_vectors() == [11, 12, 13, 14]


def test_numbers_are_given_once(store: Store) -> None:
    assert store.reserve(2, 5) == (1, 1, 1)
    assert store.reserve(1, 1) == (3, 6, 2)
    assert store.pending_term_deletes() == [range(1, 6), range(6, 7)]
    with store.transaction():
        store.clear_pending_term_deletes()
        put(store, 1, 3, 6)
        store.drop_article(3)
    assert store.pending_term_deletes() == [range(6, 10)]
    assert store.tombstones() == [6, 7, 8, 9]
    store.close()
    again = Store.open(store.path, write=True)
    assert again.reserve(1, 1)[:2] == (4, 7)


def test_a_transaction_is_whole_or_nothing(store: Store) -> None:
    before = store.generation()
    with pytest.raises(RuntimeError), store.transaction():
        put(store, 1, 1, 1)
        raise RuntimeError
    assert store.counts()["articles"] == 0
    assert store.generation() == before
    with store.transaction(visible=False):
        store.put_root("/a")
    assert (store.generation(), store.roots()) == (before, ["/a"])


def test_a_reader_sees_one_state(store: Store) -> None:
    with store.transaction():
        put(store, 1, 1, 1)
    reader = Store.open(store.path)
    with reader.snapshot():
        assert reader.generation() == 2
        with store.transaction():
            store.drop_source("s1")
            store.drop_article(1)
        assert reader.generation() == 2
        assert reader.article(1).title == article(1).title
    assert reader.generation() == 3
    with pytest.raises(UsageError):
        reader.article(1)
    with pytest.raises(StorageError), reader.transaction():
        reader.put_root("/a")


def test_provenance(store: Store) -> None:
    with store.transaction():
        put(store, 1, 1, 1)
        put(store, 2, 2, 11)
        store.put_source(Source("second", 1, "f1", b"x"))
        store.put_source(Source("s1", 1, "f1", b"changed"))
        store.put_file("f1", "hash")
        store.put_file("f2", "")
    assert [s.source for s in store.sources(1)] == ["s1", "second"]
    assert store.article(1).sources == ("s1", "second")
    assert store.source("s1") == Source("s1", 1, "f1", b"changed")
    assert store.source("nowhere") is None
    assert store.sources_in("f1") == ["s1", "second"]
    assert store.files() == {"f1": "hash", "f2": ""}
    with store.transaction():
        metadata = Metadata("Tin “hai”", dt.date(2020, 1, 2), "Sơn", "https://a.vn/2")
        store.put_source(Source("s1", 2, "f1", b"moved", b"record", metadata))
        store.drop_file("f2")
    assert store.sources(2)[0] == Source("s1", 2, "f1", b"moved", b"record", metadata)
    assert store.record_hashes("f1") == {b"record": "s1"}
    assert [s.source for s in store.sources(2)] == ["s1", "s2"]
    with pytest.raises(IndexDamaged, match="source s1"), store.transaction():
        store.execute("UPDATE sources SET metadata = '[1]' WHERE source = 's1'")
        store.source("s1")
    assert store.files() == {"f1": "hash"}


def test_segments(store: Store) -> None:
    one, two = Segment(1, "a", 1, 9, 9, "x"), Segment(2, "b", 1, 9, 9, "x")
    with store.transaction():
        store.put_segment(two)
        store.put_segment(one)
    assert store.segments() == [one, two]
    assert store.segments("b") == [two]
    with store.transaction():
        store.drop_segment(1)
        store.set_tombstones([2, 5, 30])
        store.purge_tombstones(1, 9)
    assert (store.segments(), store.tombstones()) == ([two], [30])


def test_opening(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with pytest.raises(IndexMissing):
        Store.open(path)
    path.write_bytes(b"")
    with pytest.raises(IndexMissing, match="interrupted"):
        Store.open(path)
    path.unlink()
    Store.create(path, {}).close()
    with pytest.raises(UsageError):
        Store.create(path, {})
    with sqlite3.connect(path) as raw:
        raw.execute(f"PRAGMA user_version = {FORMAT + 1}")
    raw.close()
    with pytest.raises(IndexStale, match="later version"):
        Store.open(path)
    path.write_bytes(b"no database at all, but some text that is long enough to be read as a header" * 30)
    with pytest.raises(IndexDamaged):
        Store.open(path)
    path.unlink()
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE t (x)")
    raw.close()
    with pytest.raises(IndexDamaged, match="not the database of an index"):
        Store.open(path)


def test_another_writer_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Store.open(store.path, write=True)
    other._connection.execute("PRAGMA busy_timeout = 10")
    with store.transaction(), pytest.raises(IndexLocked), other.transaction():
        pass


def test_a_full_disk_is_told_and_nothing_is_lost(store: Store) -> None:
    with store.transaction():
        item = put(store, 1, 1, 1)
    pages = store._one("PRAGMA page_count")
    store.execute(f"PRAGMA max_page_count = {pages}")
    big = replace(article(2, text=" ".join(map(str, range(100_000)))), id=2)
    with pytest.raises(StorageError, match="full"), store.transaction():
        store.put_article(big, [], body_hash(big))
    assert store.article(1) == item
    assert store.problems() == []


@pytest.mark.parametrize("column", ["title", "text", "blocks", "date", "author", "url"])
def test_a_changed_article_is_noticed(store: Store, column: str) -> None:
    with store.transaction():
        put(store, 1, 1, 1)
        store.execute(
            f"UPDATE articles SET {column} = ? WHERE id = 1", b"\0" * 8 if column == "blocks" else "2020-01-09"
        )
    with pytest.raises(IndexDamaged, match="article 1"):
        store.article(1)


def test_a_long_text_is_deflated_and_read_as_it_was(store: Store) -> None:
    text = " ".join(f"Câu thứ {n} kể chuyện ở Mường Tè." for n in range(100))
    long = replace(article(1, text=text), id=1)
    with store.transaction():
        store.put_article(long, [], body_hash(long))
        store.put_source(Source("s1", 1, "", content_hash(long)))
    assert store.article(1).text == text
    held = store._one("SELECT text FROM articles")
    assert len(held) < len(text.encode()) / 2
    for wrong in (held[:-1], held[:50] + b"x" + held[51:], text[:-1], b""):
        with store.transaction():
            store.execute("UPDATE articles SET text = ?", wrong)
        with pytest.raises(IndexDamaged, match="article 1"):
            store.article(1)


@settings(max_examples=60)
@given(st.integers(0, 11), st.integers(0, 7))
def test_a_changed_passage_is_noticed(tmp_path_factory: pytest.TempPathFactory, byte: int, bit: int) -> None:
    store = Store.create(tmp_path_factory.mktemp("store") / "store.db", {})
    with store.transaction():
        put(store, 1, 1, 1)
        blob = bytearray(store._one("SELECT sentences FROM passages WHERE id = 2"))
        blob[byte] ^= 1 << bit
        store.execute("UPDATE passages SET sentences = ? WHERE id = 2", bytes(blob))
    with pytest.raises(IndexDamaged, match="passage 2"):
        store.load([2])
    with pytest.raises(IndexDamaged), store.transaction():
        store.execute("UPDATE passages SET position = 9 WHERE id = 3")
        store.load([3])
    store.close()


def test_a_damaged_table_definition_is_told(tmp_path: Path) -> None:
    """SQLite quotes it in its message, which Python then cannot read."""
    path = tmp_path / "store.db"
    Store.create(path, {}).close()
    data = path.read_bytes()
    start = data.index(b"CREATE TABLE")
    told = 0
    for place in range(start, start + 60):
        path.write_bytes(data[:place] + b"\xee" + data[place + 1 :])
        try:
            with closing(Store.open(path)) as store:
                store.counts()
        except IndexDamaged:
            told += 1
    assert told >= 10


def test_an_article_lost_is_read_again(store: Store) -> None:
    with store.transaction():
        put(store, 1, 1, 1)
        store.put_file("f1", "hash")
        store.drop_damaged_article(1)
    assert store.files() == {"f1": ""}
    assert store.source("s1") is None
    assert store.tombstones() == [1, 2, 3, 4]
    assert store.problems() == []


def test_a_folder_that_cannot_be_written_can_be_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root every folder can be written: SQLite is asked for the same file without its log instead."""
    with store.transaction():
        item = put(store, 1, 1, 1)
    store.close()
    reader = Store.open(store.path)
    reader._connection.close()
    reader._connection = sqlite3.connect(f"{store.path.as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)
    with reader.snapshot():
        assert reader.article(1) == item
