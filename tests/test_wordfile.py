"""The words kept in order: counts against counting by hand, scores against the postings, damage, growth."""

from __future__ import annotations

import math
import random
import unicodedata
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsearch.errors import IndexDamaged
from semsearch.storage.lexical import LexicalIndex, terms_of
from semsearch.storage.wordfile import Words, number
from semsearch.text import fold

WORDS = "là lá la lạ của cua cứ mưa bão hà nội 27/8 27 8 11,5 ai đi di thuở thưở".split()
TERMS = [("plain", "la"), ("exact", "là"), ("exact", "la"), ("title", "la"), ("pairs", "ha_noi"), ("pairs", "la_la")]


def by_hand(blocks: list[list[str]], title: list[str], field: str, term: str) -> int:
    if field == "title":
        return Counter(map(fold, title))[term]
    if field == "exact":
        return sum(block.count(term) for block in blocks)
    plain = [[fold(word) for word in block] for block in blocks]
    if field == "plain":
        return sum(block.count(term) for block in plain)
    return sum(Counter("_".join(two) for two in pairwise(block))[term] for block in plain)


BLOCK = st.lists(st.sampled_from(WORDS), min_size=1, max_size=8)


@given(st.lists(st.tuples(st.lists(BLOCK, max_size=3), st.lists(st.sampled_from(WORDS), max_size=3)), min_size=1))
def test_counts_are_those_of_counting(tmp_path_factory: pytest.TempPathFactory, texts) -> None:  # type: ignore[no-untyped-def]
    words = Words.create(tmp_path_factory.mktemp("words"))
    ids = list(range(3, 3 + len(texts)))
    words.add(ids, [blocks for blocks, _ in texts], [title for _, title in texts])
    order = ids[::-1]
    counts = words.counts(np.array(order), TERMS)
    assert counts is not None
    expected = [[by_hand(*texts[id_ - 3], field, term) for field, term in TERMS] for id_ in order]
    assert counts.terms.tolist() == expected
    assert counts.words.tolist() == [sum(map(len, texts[id_ - 3][0])) for id_ in order]
    assert counts.pairs.tolist() == [sum(len(block) - 1 for block in texts[id_ - 3][0]) for id_ in order]
    assert counts.titles.tolist() == [len(texts[id_ - 3][1]) for id_ in order]


def test_syllables_that_differ_by_accents_have_different_numbers_and_the_same_plain_half() -> None:
    tones, vowels = ["", "\u0300", "\u0301", "\u0309", "\u0303", "\u0323"], ["a", "ă", "â"]
    every = [unicodedata.normalize("NFC", f"{d}{v}{t}n") for d in "dđ" for v in vowels for t in tones]
    assert len({number(word) for word in every}) == len(every)
    assert {number(word) & 0xFFFFFF for word in every} == {number("dan")}
    assert number("thuở") != number("thưở")


def test_a_text_that_is_not_here_is_told_and_a_later_one_takes_the_place_of_an_earlier(tmp_path: Path) -> None:
    words = Words.create(tmp_path)
    words.add([5, 6, 9], [[["là"]], [["hà", "nội"]], [["ai"]]], [[], [], []])
    assert words.counts(np.array([5, 7]), TERMS) is None
    reader = Words(tmp_path)
    assert reader.counts(np.array([1000]), TERMS) is None
    words.add([6, 2000], [[["la", "la"]], []], [["là"], []])
    counts = reader.counts(np.array([6, 2000]), TERMS)
    assert counts is not None
    assert counts.terms.tolist() == [[2, 0, 2, 1, 0, 1], [0, 0, 0, 0, 0, 0]]
    assert words.verify() == []


def test_half_a_number_left_by_a_killed_run_is_passed_over(tmp_path: Path) -> None:
    Words.create(tmp_path)
    with (tmp_path / "words.numbers").open("ab") as file:
        file.write(b"\x01\x02\x03")
    words = Words(tmp_path)
    words.add([1], [[["hà", "nội"]]], [["la"]])
    counts = words.counts(np.array([1]), TERMS)
    assert counts is not None
    assert counts.terms.tolist() == [[0, 0, 0, 1, 1, 0]]


@pytest.mark.parametrize("name", ["words.rows", "words.numbers"])
def test_cut_or_changed_files_are_told(tmp_path: Path, name: str) -> None:
    words = Words.create(tmp_path)
    words.add([1, 2], [[["là"] * 5], [["hà", "nội"]]], [[], []])
    data = (tmp_path / name).read_bytes()
    changed = bytearray(data)
    changed[-6] ^= 0xFF
    (tmp_path / name).write_bytes(bytes(changed))
    assert Words(tmp_path).verify()
    (tmp_path / name).write_bytes(data[:10])
    with pytest.raises(IndexDamaged):
        Words(tmp_path).counts(np.array([1]), TERMS)


@given(
    st.lists(
        st.tuples(st.lists(BLOCK, max_size=3), st.lists(st.sampled_from(WORDS), max_size=3)), min_size=1, max_size=5
    ),
    st.data(),
)
def test_a_changed_row_is_told(tmp_path_factory: pytest.TempPathFactory, texts, data) -> None:  # type: ignore[no-untyped-def]
    """Whatever field of it: where the numbers are, how many of what."""
    path = tmp_path_factory.mktemp("words")
    words, ids = Words.create(path), list(range(len(texts)))
    words.add(
        ids, [[[f"số{id_}"], *texts[id_][0]] for id_ in ids], [title for _, title in texts]
    )  # no two are the same
    words.close()
    assert Words(path).verify(ids) == []
    file = path / "words.rows"
    rows = bytearray(file.read_bytes())
    rows[data.draw(st.integers(28, len(rows) - 1), "place")] ^= 1 << data.draw(st.integers(0, 7), "bit")
    for changed in (bytes(rows), bytes(rows[:-28])):
        file.unlink()
        file.write_bytes(changed)
        assert Words(path).verify(ids)


Corpus = tuple[LexicalIndex, np.ndarray, np.ndarray, list[tuple[list[list[str]], list[str]]]]


def corpus(path: Path) -> Corpus:
    """40 articles of one to four passages, some of two blocks; of each passage its blocks and its title."""
    draw = random.Random(7)
    index = LexicalIndex.create(path / "p")
    owners: list[int] = []
    held: list[tuple[list[list[str]], list[str]]] = []
    for article in range(1, 41):
        title = draw.choices(WORDS, k=4)
        made = [
            [draw.choices(WORDS, k=draw.randint(1, 60)) for _ in range(draw.randint(1, 2))]
            for _ in range(draw.randint(1, 4))
        ]
        these = range(len(held) + 1, len(held) + 1 + len(made))
        texts = [terms_of("\n\n".join(map(" ".join, blocks))) for blocks in made]
        index.add(these, texts, [" ".join(title)] * len(made))
        owners += [article] * len(made)
        held += [(blocks, title) for blocks in made]
    index.commit()
    return index, np.arange(1, len(held) + 1), np.array(owners), held


QUERIES = ["mưa bão ở Hà Nội", "la la lạ", "27/8 ai đi", "nothing of it", "cua cứ thuở"]


@pytest.mark.parametrize("query", QUERIES)
def test_scores_are_those_of_the_postings(tmp_path: Path, query: str) -> None:
    index, ids, owners, _ = corpus(tmp_path)
    with index:
        assert index._words.verify() == []
        found = dict(index.search(query, 1000))
        wanted = [found.get(id_, 0.0) for id_ in ids.tolist()]
        assert index.scores(query, ids) == pytest.approx(wanted, abs=2e-4)
        own, _ = index.scores_of_groups(query, ids, owners, 40)
        assert own == pytest.approx(wanted, abs=2e-4)
        # Each in a group of its own: that group scores like it.
        own, whole = index.scores_of_groups(query, ids, ids, len(ids))
        assert whole.tolist() == own.tolist()


def test_a_group_scores_as_one_text_of_about_known_rareness(tmp_path: Path) -> None:
    """ "cua cứ" by hand: BM25 of the words of all members, lengths below 40, where tantivy keeps them as they are."""
    with LexicalIndex.create(tmp_path / "x") as index:
        texts = ["cua bể", "cứ cua cua", "một hai ba bốn", "năm sáu", "bảy tám cứ", "chín mười"]
        index.add(range(1, 7), texts, ["Chợ cua"] * 2 + ["Đếm"] * 4)
        index.commit()
        ids, owners = np.arange(1, 7), np.array([1, 1, 2, 2, 3, 3])
        _, whole = index.scores_of_groups("cua cứ", ids, owners, 3)

    def part(times: float, found: int, length: float, average: float, *, title: bool = False) -> float:
        groups = 6 / 2
        stands = found / 2 if title else groups * (1 - (1 - found / 6) ** 2)
        idf = math.log(1 + (groups - stands + 0.5) / (stands + 0.5))
        return idf * times * 2.2 / (times + 1.2 * (0.25 + 0.75 * length / average))

    words, pairs = 16 / 3, (16 - 6) / 3  # of a group, in the mean
    first = 1.4 * (part(3, 2, 5, words) + part(1, 2, 5, words))
    first += 0.7 * 0.0  # "cua cứ" stands nowhere; "cứ cua" was not asked for
    first += 0.2 * part(1, 2, 2, 8 / 6, title=True)
    third = 1.4 * part(1, 2, 5, words)
    assert pairs > 0
    assert whole == pytest.approx([first, first, 0, 0, third, third], abs=2e-4)


def test_terms_of_removed_things_only(tmp_path: Path) -> None:
    """tantivy counts them until it merges, and finds nothing that has them."""
    with LexicalIndex.create(tmp_path / "x") as index:
        index.add([1, 2, 3], ["một hai", "hiếm", "hai ba"], ["", "lạ", ""])
        index.commit()
        index.remove([2])
        index.commit()
        assert index._searcher.doc_freq("plain", "hiem") == 1
        ids = np.array([1, 3])
        assert index.scores("hiếm lạ", ids).tolist() == [0.0, 0.0]
        for query in ("hiếm một", "một hiếm", "ba lạ"):
            found = dict(index.search(query, 5))
            own, whole = index.scores_of_groups(query, ids, ids, 2)
            assert own == pytest.approx([found.get(1, 0.0), found.get(3, 0.0)], abs=2e-4)
            assert whole.tolist() == own.tolist()


def test_only_the_rarest_terms_are_searched(tmp_path: Path) -> None:
    with LexicalIndex.create(tmp_path / "x") as index:
        common = "một hai ba bốn năm sáu bảy tám chín"
        index.add(range(1, 60), [common] * 58 + ["hiếm"], [""] * 59)
        index.commit()
        query = f"{common} hiếm"
        assert [id_ for id_, _ in index.search(query, 100, postings=10**9)] == [
            id_ for id_, _ in index.search(query, 100)
        ]
        # Eight terms at least: the two rare ones (with accents and without), and six that all others have.
        assert index.search(query, 100, postings=0)[0][0] == 59
        assert index.search("hiếm", 5, postings=0) == index.search("hiếm", 5)
