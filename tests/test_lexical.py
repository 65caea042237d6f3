"""BM25 against a textbook, accents, and an index that is killed, cut, locked or full."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semsearch.errors import IndexDamaged, IndexLocked, IndexMissing, StorageError, UsageError
from semsearch.storage.bm25 import score_passages
from semsearch.storage.lexical import FieldBoosts, LexicalIndex
from semsearch.storage.term_vectors import TermVectors, passage_terms
from semsearch.text import fold, has_accents, terms
from semsearch.types import Ranking

ONLY_SYLLABLES = FieldBoosts(pairs=0.0, title=0.0, plain=0.0)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[LexicalIndex]:
    with LexicalIndex.create(tmp_path / "lexical") as made:
        yield made


def add(index: LexicalIndex, ids: Sequence[int], texts: Sequence[str], titles: Sequence[str]) -> None:
    index.add(ids, [passage_terms(text, title) for text, title in zip(texts, titles, strict=True)])


def filled(index: LexicalIndex, *texts: str) -> LexicalIndex:
    add(index, range(1, len(texts) + 1), texts, [""] * len(texts))
    index.commit()
    return index


def found(index: LexicalIndex, query: str, k: int = 10) -> list[int]:
    return [id_ for id_, _ in index.search(query, k)]


# the textbook


def bm25(field: dict[int, list[str]], query: set[str]) -> Counter[int]:
    """Robertson and Zaragoza 2009, with Lucene's idf: ln(1 + (N - n + 0.5) / (n + 0.5)); k1 1.2, b 0.75."""
    scores: Counter[int] = Counter()
    average = sum(map(len, field.values())) / len(field)
    for term in query:
        have = {id_: words.count(term) for id_, words in field.items() if term in words}
        idf = math.log(1 + (len(field) - len(have) + 0.5) / (len(have) + 0.5))
        for id_, tf in have.items():
            scores[id_] += idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * len(field[id_]) / average))
    return scores


def textbook(docs: dict[int, tuple[str, str]], query: str, boosts: FieldBoosts) -> Ranking:
    def pairs(words: list[str]) -> list[str]:
        return [f"{a} {b}" for a, b in pairwise(words)]

    exact = {id_: terms(text) for id_, (text, _) in docs.items()}
    plain = {id_: terms(fold(text)) for id_, (text, _) in docs.items()}
    titles = {id_: terms(fold(title)) for id_, (_, title) in docs.items()}
    query_terms, folded = terms(query), terms(fold(query))
    accented = has_accents(query)
    total: Counter[int] = Counter()
    for part, weight in (
        (bm25(exact, set(query_terms)), 1.0 if accented else 0.0),
        (bm25(plain, set(folded)), boosts.plain if accented else 1.0),
        (bm25({i: pairs(w) for i, w in plain.items()}, set(pairs(folded))), boosts.pairs),
        (bm25(titles, set(folded)), boosts.title),
    ):
        for id_, score in part.items():
            total[id_] += weight * score
    return sorted(((i, s) for i, s in total.items() if s > 0), key=lambda hit: (-round(hit[1], 4), hit[0]))


def agree(got: Ranking, expected: Ranking) -> None:
    """Equal up to rounding: same scores in the same order, and each id its own score."""
    np.testing.assert_allclose([s for _, s in got], [s for _, s in expected], rtol=1e-4, atol=1.1e-4)
    by_id = dict(expected)
    assert by_id.keys() == dict(got).keys()
    for id_, score in got:
        assert score == pytest.approx(by_id[id_], rel=1e-4, abs=1.1e-4)


def test_one_field_by_hand(index: LexicalIndex) -> None:
    filled(index, "ga tau", "ga ga bien", "bien")
    # N=3, n(ga)=2, average length 2: idf = ln(1 + 1.5/2.5) = ln 1.6
    one = math.log(1.6) * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 2 / 2))
    two = math.log(1.6) * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 3 / 2))
    agree(index.search("ga", 5, boosts=ONLY_SYLLABLES), [(2, two), (1, one)])


WORD = st.sampled_from(["ma", "má", "mà", "ba", "bà", "nam", "năm", "Nam", "2017", "11,5", "37.000", "27/8", "x"])
LINE = st.lists(WORD, max_size=12).map(" ".join)


@settings(max_examples=40, deadline=None)
@given(
    docs=st.dictionaries(st.integers(0, 2**16), st.tuples(LINE, LINE), min_size=1, max_size=8),
    query=LINE,
    plain=st.sampled_from([0.0, 0.4]),
    k=st.integers(1, 9),
)
def test_all_fields_like_the_textbook(docs: dict[int, tuple[str, str]], query: str, plain: float, k: int) -> None:
    boosts = FieldBoosts(plain=plain)
    with tempfile.TemporaryDirectory() as folder, LexicalIndex.create(Path(folder)) as index:
        add(index, list(docs), [text for text, _ in docs.values()], [title for _, title in docs.values()])
        index.commit()
        expected = textbook(docs, query, boosts)
        everything = index.search(query, 100, boosts=boosts)
        agree(everything, expected)
        assert index.search(query, k, boosts=boosts) == everything[:k]
        vectors = TermVectors([passage_terms(*doc).vector for doc in docs.values()])
        singly = score_passages(vectors, index.analyze(query, boosts=boosts)).tolist()
        assert singly == pytest.approx([dict(everything).get(id_, 0.0) for id_ in docs], abs=2e-4)
        allowed = set(list(docs)[::2])
        assert index.search(query, k, allowed=allowed, boosts=boosts) == [h for h in everything if h[0] in allowed][:k]


def test_ties_by_id_however_many_and_in_whatever_order_they_came(index: LexicalIndex) -> None:
    ids = [(i * 37) % 500 for i in range(500)]
    for part in (ids[:200], ids[200:]):
        add(index, part, ["cùng một câu"] * len(part), [""] * len(part))
        index.commit()
    assert found(index, "một câu", 7) == [0, 1, 2, 3, 4, 5, 6]
    assert [i for i, _ in index.search("một câu", 5, allowed=range(490, 10_000))] == [490, 491, 492, 493, 494]
    assert len({score for _, score in index.search("một câu", 1000)}) == 1


def test_many_allowed_ids_are_sifted_like_few(index: LexicalIndex) -> None:
    add(index, range(6000), [f"tin {i % 7} số {i}" for i in range(6000)], [""] * 6000)
    index.commit()
    everything = index.search("tin 5 số 12", 6000)
    assert len(everything) == 6000
    for allowed in (range(3000, 3010), range(100, 6000), np.arange(2500, 5500)):
        inside = set(map(int, allowed))
        expected = [hit for hit in everything if hit[0] in inside][:20]
        assert index.search("tin 5 số 12", 20, allowed=allowed) == expected
    assert index.search("tin", 5, allowed=[]) == []
    assert index.search("tin", 5, allowed=[-1, 999_999]) == []


def test_nothing_to_find(index: LexicalIndex) -> None:
    assert index.search("gì", 5) == []
    assert index.ids() == []
    filled(index, "có chữ", "")
    assert index.search("", 5) == index.search("?!…", 5) == index.search("vắng", 5) == []
    assert index.search("chữ", 0) == []
    assert index.count == 2


# accents


def test_accented_query_prefers_its_own_accents_and_finds_plain_text_too(index: LexicalIndex) -> None:
    filled(index, "con ma nhỏ", "con má nhỏ", "con mà nhỏ", "ma ma ma ma", "con cá nhỏ")
    assert found(index, "má")[0] == 2
    assert set(found(index, "má")) == {1, 2, 3, 4}
    assert found(index, "mà")[0] == 3


def test_query_without_accents_finds_all(index: LexicalIndex) -> None:
    filled(index, "Đường Trường Sơn", "duong truong son", "phố nhỏ")
    assert found(index, "duong truong son") == [1, 2]
    assert found(index, "DUONG Truong son") == [1, 2]
    assert index.search("duong", 5)[0][1] == index.search("duong", 5)[1][1]


def test_partly_accented_query(index: LexicalIndex) -> None:
    filled(index, "Thiếu tướng Trần Văn Bê", "Nguyễn Thị Hai", "Thiếu tướng Nguyễn Ngọc Hà")
    assert found(index, "Thiếu tướng nguyen ngoc ha") == [3, 1, 2]


def test_tone_placement_numbers_and_dates(index: LexicalIndex) -> None:
    filled(index, "thuỷ điện Hoà Bình", "37.000 người", "ngày 27/08", "11,5 tỷ")
    assert found(index, "hòa bình") == [1]
    assert found(index, "37000") == found(index, "37,000") == [2]
    assert found(index, "27/8") == [3]
    assert found(index, "11.5") == [4]


def test_pairs_prefer_words_that_stand_together(index: LexicalIndex) -> None:
    filled(index, "quân đội khu phố", "khu quân phố đội", "phố\n\nđội khu quân", "x y z t")
    assert found(index, "khu phố")[0] == 1


def test_common_terms_find_where_the_rarest_find_too_little(index: LexicalIndex) -> None:
    rare = "nghêu lụa Bàu Sen Hải Lộc Trà Cú"
    filled(index, f"Huyện có {rare}.", *(f"Huyện có việc thứ {n}." for n in range(2, 41)))
    query = f"{rare} huyện"
    assert [id_ for id_, _ in index.search(query, 1, max_postings=10)] == [1]
    assert index.search(query, 20, max_postings=10) == index.search(query, 20)
    assert len(index.search(query, 20, max_postings=10)) == 20
    assert index.search(query, 5, [7, 8], max_postings=10) == index.search(query, 5, [7, 8])
    assert [id_ for id_, _ in index.search(query, 5, [7, 8], max_postings=10)] == [7, 8]


def test_titles_count(index: LexicalIndex) -> None:
    add(index, [1, 2], ["một bài", "một bài"], ["", "Cao Bằng"])
    index.commit()
    assert found(index, "cao bằng") == [2]
    assert found(index, "một bài cao bằng") == [2, 1]


@settings(max_examples=30, deadline=None)
@given(
    query=st.text(max_size=30)
    | st.sampled_from(['"', "a AND (", "id:1", "title:[* TO *]", "-bài", "*", "bài^9~", "\\"])
)
def test_nothing_in_a_query_is_syntax(query: str) -> None:
    index = _shared()
    assert {i for i, _ in index.search(query, 5)} == ({1} if {"bai", "mot"} & set(map(fold, terms(query))) else set())


def _shared(made: list[LexicalIndex] = []) -> LexicalIndex:  # noqa: B006  one index for all examples
    if not made:
        made.append(filled(LexicalIndex.create(Path(tempfile.mkdtemp())), "bài một"))
    return made[0]


def test_long_texts_and_long_words(index: LexicalIndex) -> None:
    words = [f"từ{i}" for i in range(3000)]
    filled(index, " ".join(words), " ".join(words[:50]), " ".join(words[2000:2100]), "khác hẳn", "a" * 100_000)
    similar = found(index, " ".join(words))
    assert set(similar) == {1, 2, 3}  # terms that only the text itself has were not preferred
    assert found(index, "a" * 200_000) == [5]
    assert index.search(" ".join(words) * 20, 3)


# writing


def test_replace_remove_and_count(index: LexicalIndex) -> None:
    filled(index, "một", "hai", "ba")
    add(index, [2, 9], ["bốn", "năm"], ["", ""])
    index.remove([1, 77, -5])
    assert found(index, "hai") == [2]  # not yet committed
    index.commit()
    assert found(index, "hai") == found(index, "một") == []
    assert found(index, "bốn") == [2]
    assert index.ids() == [2, 3, 9]
    assert index.count == 3
    add(index, [9, 9], ["sáu", "bảy"], ["", ""])
    index.commit()
    assert found(index, "sáu") == []
    assert found(index, "bảy") == [9]


def test_rollback_and_close_forget(index: LexicalIndex, tmp_path: Path) -> None:
    filled(index, "một")
    add(index, [2], ["hai"], [""])
    index.remove([1])
    index.rollback()
    add(index, [2], ["ba"], [""])
    index.commit()
    assert index.ids() == [1, 2]
    assert found(index, "hai") == []
    add(index, [3], ["bốn"], [""])
    index.close()
    index.close()
    again = LexicalIndex.open(tmp_path / "lexical")
    assert again.ids() == [1, 2]
    add(index, [5], ["sau khi đóng"], [""])  # a closed index opens its writer again when asked
    index.commit()
    assert again.ids() == [1, 2]
    again.reload()
    assert again.ids() == [1, 2, 5]


def test_bad_calls_change_nothing(index: LexicalIndex) -> None:
    with pytest.raises(ValueError, match="zip"):
        add(index, [1, 2], ["một"], ["", ""])
    with pytest.raises(OverflowError):
        add(index, [-1], ["một"], [""])
    index.commit()
    assert index.count == 0


def test_missing_and_already_there(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match="rebuild"):
        LexicalIndex.open(tmp_path)
    LexicalIndex.create(tmp_path).close()
    with pytest.raises(UsageError, match="already"):
        LexicalIndex.create(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="Cannot write"):
        LexicalIndex.create(tmp_path / "file")


def test_one_writer(index: LexicalIndex, tmp_path: Path) -> None:
    filled(index, "một")
    other = LexicalIndex.open(tmp_path / "lexical")
    with pytest.raises(IndexLocked, match="wait"):
        add(other, [2], ["hai"], [""])
    assert found(other, "một") == [1]
    index.close()
    add(other, [2], ["hai"], [""])
    other.commit()
    other.close()
    index.reload()
    assert index.ids() == [1, 2]


KILLED = """
import os, sys
from pathlib import Path
from semsearch.storage.lexical import LexicalIndex
from semsearch.storage.term_vectors import passage_terms
def add(index, ids, texts):
    index.add(ids, [passage_terms(text, "") for text in texts])
index = LexicalIndex.open(Path(sys.argv[1]))
index.remove([2])
add(index, range(100, 400), ["một câu nữa"] * 300)
if sys.argv[2] == "committed":
    index.commit()
os.kill(os.getpid(), 9)
"""


def run(code: str, *args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *map(str, args)], capture_output=True, text=True, check=False)


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is of POSIX")
def test_killed_writer_leaves_the_last_commit_and_no_lock(index: LexicalIndex, tmp_path: Path) -> None:
    filled(index, "một", "hai").close()
    for moment, expected in (("before", [1, 2]), ("committed", [1, *range(100, 400)])):
        assert run(KILLED, tmp_path / "lexical", moment).returncode == -9
        with LexicalIndex.open(tmp_path / "lexical") as again:
            assert again.ids() == expected
    with LexicalIndex.open(tmp_path / "lexical") as again:
        again.remove(range(100, 400))
        again.commit()
        assert again.ids() == [1]


def test_killed_in_a_commit_leaves_no_file_in_the_way(tmp_path: Path) -> None:
    """The list of deletions is written before ``meta.json``; the next commit gives it the same name."""
    with LexicalIndex.create(tmp_path / "killed") as index:
        add(index, range(5), ["một hai"] * 5, [""] * 5)
        index.commit()
        meta = (tmp_path / "killed" / "meta.json").read_bytes()
        index.remove([3])
        index.commit()
    (tmp_path / "killed" / "meta.json").write_bytes(meta)
    with LexicalIndex.open(tmp_path / "killed") as index:
        assert index.count == 5
        index.remove([2])
        index.commit()
        assert index.ids() == [0, 1, 3, 4]


FULL = """
import resource, sys
from pathlib import Path
from semsearch.errors import StorageError
from semsearch.storage.lexical import LexicalIndex
from semsearch.storage.term_vectors import passage_terms
def add(index, ids, texts):
    index.add(ids, [passage_terms(text, "") for text in texts])
index = LexicalIndex.open(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    add(index, range(10, 5000), [f"từ{i} khác{i} hẳn{i}" for i in range(4990)])
    index.commit()
except StorageError as error:
    print(error)
index.reload()
print(index.ids())
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
add(index, [5], ["sau"])
index.commit()
print(index.ids())
index.close()
"""


@pytest.mark.skipif(os.name == "nt", reason="file size limits are of POSIX")
def test_full_disk_keeps_the_last_commit(index: LexicalIndex, tmp_path: Path) -> None:
    filled(index, "một", "hai").close()
    lines = run(FULL, tmp_path / "lexical").stdout.splitlines()
    assert lines[0].startswith("Cannot write to ")
    assert "free some space" in lines[0]
    assert lines[1:] == ["[1, 2]", "[1, 2, 5]"]


def test_changed_list_of_segments(index: LexicalIndex, tmp_path: Path) -> None:
    filled(index, *["một câu"] * 10).close()
    meta = tmp_path / "lexical" / "meta.json"
    good = meta.read_text()
    for bad in (
        "",
        "[]",
        good[: len(good) // 2],
        good.replace('"max_doc": 10', '"max_doc": 11'),
        good.replace('"segment_id": "', '"segment_id": "f'),
        good.replace('"record": "freq"', '"record": "basic"'),
        good.replace('"plain"', '"plaim"'),
    ):
        assert bad != good
        meta.write_text(bad)
        with pytest.raises(IndexDamaged, match="rebuild"):
            LexicalIndex.open(tmp_path / "lexical").ids()
    meta.write_text(good)
    assert LexicalIndex.open(tmp_path / "lexical").count == 10
