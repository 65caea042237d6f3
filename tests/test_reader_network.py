"""The reader's network: its input features, its outputs, and its weights file."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from factories import hit
from hypothesis import given, settings
from hypothesis import strategies as st

from semsearch.encoders import load_encoder
from semsearch.encoders.static import StaticEncoder
from semsearch.errors import ReaderUnavailable
from semsearch.reader import bundled as sr
from semsearch.reader.bundled import BundledReader
from semsearch.reader.evidence import lines
from semsearch.reader.extract import counted, whole_number
from semsearch.reader.network import Edges, Network, Part, Read, part
from semsearch.reader.question import Idf, understand
from semsearch.reader.words import MEETINGS, OVERLAPS, Text, cut, idf_weights, meetings, overlaps
from semsearch.segmentation import split_sentences
from semsearch.text import as_query, fold
from semsearch.types import Hit, Passage, Span

FLAT = Idf({}, 4.0)
FERRY = (
    "Bến phà Cồn Sậy đóng cửa",
    "Chiều thứ năm, bến phà Cồn Sậy chở chuyến khách cuối cùng rồi đóng cửa. Phà ngừng chạy vì cây cầu mới bắc qua "
    "sông đã thông xe hồi đầu tuần. Ông Huỳnh Văn Lượm, người lái phà suốt 27 năm, nói ông sẽ về trồng dừa. Mỗi ngày "
    "bến này từng đưa hơn 1.400 lượt khách sang sông.",
)
LIBRARY = (
    "Thư viện trên thuyền",
    "Một chiếc thuyền gỗ dài 14 mét vừa được sửa thành thư viện cho trẻ em vùng lũ. Cô giáo Trịnh Thị Nhàn nghĩ ra "
    "việc này sau mùa nước năm ngoái. Thuyền mang theo 2.300 cuốn sách và ghé mỗi ấp một lần trong tháng. Sách do bạn "
    "đọc ở thành phố Cần Thơ gửi tặng.",
)
words_of_news = st.lists(
    st.sampled_from(
        "Cầu phà dài 11,5 m; 27/8 . ? ! : – “Cồn Sậy” (UBND) 5:30 ông 1. 2.300 \n … İ ẩ\u0301 _ 🙂".split(" ")
    ),
    min_size=1,
    max_size=30,
)


@pytest.fixture(scope="module")
def encoder() -> StaticEncoder:
    loaded = load_encoder()
    assert isinstance(loaded, StaticEncoder)
    return loaded


@pytest.fixture(scope="module")
def network(encoder: StaticEncoder) -> Network:
    return Network.load(sr._NETWORK, encoder, sr.ReaderModel.load().idf)


def titled(number: int, title: str, text: str, before: str = "") -> Hit:
    """Return a hit of an article given as a pair of title and text."""
    return hit(number, text, title=title, before=before)


# Words -----------------------------------------------------------------------------------------


def test_cut_by_hand() -> None:
    text = "  Cầu (UBND) dài 11,5 m, khai mạc 5:30 ngày 27/8/2018."
    found = cut(text)
    assert found.words == "cầu ( ubnd ) dài 11,5 m , khai mạc 5:30 ngày 27/8/2018 .".split()
    assert found.folded == [fold(word) for word in found.words] and found.folded[0] == "cau"
    written = [text[a:b] for a, b in zip(found.starts, found.ends, strict=True)]
    assert written == "Cầu ( UBND ) dài 11,5 m , khai mạc 5:30 ngày 27/8/2018 .".split()
    assert found.shapes == [1, 4, 2, 4, 0, 3, 0, 4, 0, 0, 3, 0, 3, 4]
    assert len(found) == 14
    inside = cut(text, 2, 5)
    assert (inside.words, inside.starts, inside.ends) == (["cầu"], [2], [5])


@given(st.text(alphabet="aầẨ\u0301\u0323İß1²9.,/:_-–“ \n🙂", max_size=40))
def test_cut_leaves_nothing_out(text: str) -> None:
    found = cut(text)
    spans = list(zip(found.starts, found.ends, strict=True))
    assert all(a < b for a, b in spans) and all(b <= c for (_, b), (c, _) in pairwise(spans))
    left = "".join(c for i, c in enumerate(text) if not any(a <= i < b for a, b in spans))
    assert not left.strip()
    assert len(found.words) == len(found.folded) == len(found.shapes) == len(spans)


def test_rarities_of_marks_and_of_words_without_accents() -> None:
    rare = Idf({"tá": 5.0, "ta": 2.0}, 8.0)
    assert idf_weights(["tá", "ta", "khác", ",", "9"], rare).tolist() == pytest.approx([5 / 8, 2 / 8, 1.0, 0.0, 1.0])


def test_meetings_by_hand() -> None:
    # The question: cầu(0) dài(1) mấy(2) ?(3); the passage: cau(0 unaccented) dài mấy lần ?
    question = {"word": np.array([0, 1, 2, 3]), "folded": np.array([0, 1, 2, 3])}
    passage = {
        "word": np.array([9, 1, 2, 7, 3]),
        "folded": np.array([0, 1, 2, 7, 3]),
        "idf": np.array([0.5, 0.25, 0.75, 1.0, 0.0]),
    }
    found = meetings(question, passage)
    assert found.shape == (5, MEETINGS)
    assert found.T.tolist() == [
        [0, 1, 1, 0, 0],  # cau is not cầu; punctuation has no IDF
        [1, 1, 1, 0, 0],
        [0.5, 0.25, 0.75, 0, 0],
        [1, 1, 0, 0, 0],  # cầu dài, dài mấy
        [0, 1, 1, 0, 0],
        [0.5, 0.25, 0.75, 1, 0],
    ]


def test_overlaps_by_hand() -> None:
    # Forms a b c b; the title is c, the sentences are "a x" and "a b' y", where b' differs from b in its marks.
    question = {
        "word": np.array([0, 1, 2, 1]),
        "folded": np.array([0, 1, 2, 1]),
        "idf": np.array([0.5, 0.25, 0.25, 0.25]),
    }
    passage = {"word": np.array([2, 0, 8, 0, 9, 7]), "folded": np.array([2, 0, 8, 0, 1, 7])}
    found = overlaps(question, passage, np.array([1, 3]), 1)
    assert found.shape == (2, OVERLAPS)
    expected = [
        [0.5, 0.0, 0.25, 0.25, 1.0, 0.5, 0.0, math.log(3) / 4],
        [0.75, 0.0, 0.0, 0.25, 1.0, 0.5, 1 / 3, math.log(4) / 4],
    ]
    assert found == pytest.approx(np.array(expected))


@given(st.data())
def test_overlaps_against_sets(data: st.DataObject) -> None:
    ids = st.integers(0, 6)
    question_ids = data.draw(st.lists(ids, min_size=1, max_size=6))
    title = data.draw(st.lists(ids, max_size=3))
    sentences = data.draw(st.lists(st.lists(ids, min_size=1, max_size=5), min_size=1, max_size=4))
    rare = {i: (i + 1) / 8 for i in range(7)}
    question = {
        "word": np.array(question_ids),
        "folded": np.array(question_ids),
        "idf": np.array([rare[i] for i in question_ids]),
    }
    flat = np.array([*title, *(i for sentence in sentences for i in sentence)])
    firsts = np.array([len(title) + sum(map(len, sentences[:i])) for i in range(len(sentences))])
    found = overlaps(question, {"word": flat, "folded": flat}, firsts, len(title))
    total = sum(rare[i] for i in set(question_ids))

    def share(*parts: list[int]) -> float:
        return sum(rare[i] for i in set(question_ids) & {i for ids_of_part in parts for i in ids_of_part}) / total

    for i, own in enumerate(sentences):
        before, after = sentences[i - 1] if i else [], sentences[i + 1] if i + 1 < len(sentences) else []
        expected = [share(own), share(own, before), share(own, after), share(own, title)]
        expected = [expected[0], *(more - expected[0] for more in expected[1:]), share(title, *sentences), share(own)]
        assert found[i, :6].tolist() == pytest.approx(expected, abs=1e-6)


# Passages --------------------------------------------------------------------------------------


@given(words_of_news, words_of_news, st.sampled_from(["", "Trước đó. "]))
def test_sentence_i_of_a_part_is_sentence_i_of_the_passage(title: list[str], text: list[str], before: str) -> None:
    body = " ".join(text).strip() or "Phà."
    found = titled(1, " ".join(title), body, before)
    passage_part = part(found)
    assert [passage_part.text.starts[first] for first in passage_part.firsts] == [
        span.start for span in found.passage.sentences
    ]
    assert passage_part.text.words[: passage_part.title] == cut(found.article.title).words
    bounds = [*passage_part.firsts.tolist(), len(passage_part.text)]
    for (a, b), span in zip(pairwise(bounds), found.passage.sentences, strict=True):
        assert passage_part.text.words[a:b] == cut(found.article.text, span.start, span.end).words


@pytest.mark.parametrize("endless", ["x" * 2500, "ab" * 1500 + ".", "1" * 4000, "đ" * 9000])
def test_sentences_that_are_cut_inside_a_word(network: Network, endless: str) -> None:
    """A very long word is split into several sentences, of which the last begins inside the word."""
    text = f"Phà chạy.\n{endless}"
    spans = tuple(split_sentences(text))
    assert len(spans) > 2
    found = titled(1, "", "Phà.")
    passage = Passage(1, 1, 0, 0, len(text), text, spans)
    passage_part = part(replace(found, article=replace(found.article, text=text), passage=passage))
    assert (passage_part.firsts < len(passage_part.text)).all()
    _, (read,) = network.read(cut("Phà chạy đâu?"), [passage_part])
    assert len(read.sentences) == len(spans)


@pytest.mark.parametrize("question", ["Vì sao phà ngừng chạy?", "ai nghi ra thu vien tren thuyen"])
def test_what_else_is_read_makes_no_difference(network: Network, question: str) -> None:
    question_words = cut(question)
    parts = [
        part(titled(1, *FERRY)),
        part(titled(2, *LIBRARY)),
        part(titled(3, "", "Phà.")),
        part(titled(4, *FERRY, before="À. ")),
    ]
    none, together = network.read(question_words, parts)
    for one, other in zip(parts, together, strict=True):
        alone_none, (alone,) = network.read(question_words, [one])
        assert alone_none == pytest.approx(none, abs=1e-4)
        assert alone.sentences == pytest.approx(other.sentences, abs=1e-4)
        assert alone.edges == pytest.approx(other.edges, abs=1e-4)
        assert alone.cosines == pytest.approx(other.cosines, abs=1e-4)
        assert len(other.sentences) == len(one.firsts) and other.edges.shape == (len(one.text), 2)
        assert other.cosines.shape == (len(one.firsts), len(question_words))
        assert (other.cosines >= 0).all() and (other.cosines <= 1).all()
    _, backwards = network.read(question_words, parts[::-1])
    assert backwards[-1].sentences == pytest.approx(together[0].sentences, abs=1e-4)


def test_a_word_that_the_sentence_holds_is_met(network: Network) -> None:
    _, (read,) = network.read(cut("ngừng chạy dung"), [part(titled(1, *FERRY))])
    assert read.cosines[1, :2] == pytest.approx([1.0, 1.0], abs=1e-4)  # the second sentence has both
    assert read.cosines[3, 0] < 1.0


@pytest.mark.parametrize("many", [13, 25])
def test_passages_are_read_by_the_dozen(encoder: StaticEncoder, many: int) -> None:
    hits = [titled(n, *(FERRY if n % 2 else LIBRARY)) for n in range(1, many + 1)]
    seen = BundledReader(encoder).seen("Vì sao phà ngừng chạy?", [*hits, hits[0]])
    assert sorted(seen.passages) == list(range(1, many + 1))
    assert seen.passages[many][1].sentences == pytest.approx(seen.passages[1][1].sentences, abs=1e-4)


def test_verdict_and_sense_by_hand() -> None:
    analysed = understand("Cầu dài bao nhiêu mét?", FLAT)  # cầu, dài and mét have equal weights
    found = lines(analysed, [titled(7, "Cầu mới", "Phà cũ. Nó vươn 9 thước.")])
    words = cut(analysed.text)
    cosines = np.array([[0.1] * len(words), [0.2] * len(words)])
    cosines[1, [words.words.index("dài"), words.words.index("mét")]] = [0.5, 0.25]
    read = Read(np.array([-1.0, 2.0]), np.zeros((0, 2)), cosines)
    seen = sr.Seen(words, {7: (part(found[0].hit), read)}, 0.5)
    assert [seen.verdict(line) for line in found] == [-1.5, 1.5]
    assert seen.sense(analysed, found[1]) == pytest.approx((1 + 0.5 + 0.25) / 3)  # the title has cầu
    assert seen.sense(analysed, found[0]) == pytest.approx((1 + 0.1 + 0.1) / 3)


# The words of an answer ------------------------------------------------------------------------


def test_edges_by_hand() -> None:
    text = Text([0, 4, 8], [3, 7, 11], ["aaa", "bbb", "ccc"], ["aaa", "bbb", "ccc"], [0, 0, 0])
    logits = np.log(np.array([[0.5, 0.125], [0.25, 0.625], [0.25, 0.25]], np.float32))
    edges = Edges(Part(text, 0, np.array([0])), Read(np.zeros(1), logits, np.zeros((1, 1))))
    assert edges.score(Span(0, 7)) == pytest.approx(math.log(0.5 * 0.625))
    assert edges.score(Span(5, 6)) == pytest.approx(math.log(0.25 * 0.625))  # touches the second word
    assert edges.score(Span(3, 4)) == -50.0  # between two words
    # Of all: 1-2 .3125, 2-2 .15625, 1-3 .125, then 1-1, 2-3 and 3-3 with .0625 each.
    assert edges.best(Span(0, 11), 3) == [Span(0, 7), Span(4, 7), Span(0, 11)]
    assert edges.best(Span(8, 11), 5) == [Span(8, 11)]
    assert edges.best(Span(3, 4), 5) == []


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 60), st.integers(0, 3), st.integers(1, 12), st.data())
def test_edges_against_every_pair(seed: int, count: int, title: int, target: int, data: st.DataObject) -> None:
    random = np.random.default_rng(seed)
    lengths = random.integers(1, 6, title + count)
    starts = np.cumsum([0, *(lengths[:-1] + random.integers(0, 2, title + count - 1))]).tolist()
    ends = (np.array(starts) + lengths).tolist()
    logits = random.normal(0, 3, (title + count, 2)).astype(np.float32)
    words = ["x"] * (title + count)
    passage_part = Part(Text(starts, ends, words, words, [0] * len(words)), title, np.array([title]))
    edges = Edges(passage_part, Read(np.zeros(1), logits, np.zeros((1, 1))))
    a = data.draw(st.integers(0, count - 1))
    b = data.draw(st.integers(a, count - 1))
    within = Span(starts[title + a], ends[title + b])
    passage_logits = logits[title:].astype(np.float64)
    shares = [np.exp(passage_logits[:, i]) / np.exp(passage_logits[:, i]).sum() for i in (0, 1)]
    every = {
        Span(starts[title + i], ends[title + j]): math.log(shares[0][i] * shares[1][j])
        for i in range(a, b + 1)
        for j in range(i, min(b + 1, i + 40))  # no answer is longer than forty words
    }
    found = edges.best(within, target)
    assert len(found) == len(set(found)) == min(target, len(every))
    assert all(within.start <= span.start < span.end <= within.end for span in found)
    assert [every[span] for span in found] == pytest.approx(sorted(every.values(), reverse=True)[:target], abs=1e-5)
    for span in found:
        assert edges.score(span) == pytest.approx(every[span], abs=1e-5)


@pytest.mark.parametrize(
    ("question", "sentence", "span", "rest"),
    [
        ("Cầu dài bao nhiêu mét?", "Cầu dài 420 mét.", "420 mét", "420"),
        ("Có bao nhiêu loại mô hình?", "Xã có 38 loại mô hình.", "38 loại mô hình", "38"),
        ("Xã có mấy bản?", "Xã có bốn bản.", "bốn bản", "bốn"),
        ("xa co bao nhieu ban", "Xã có bốn bản.", "bốn bản", "bốn"),
        ("Cầu dài bao nhiêu?", "Cầu dài 420 mét.", "420 mét", "420 mét"),  # then the unit is part of the answer
        ("Xã chi bao nhiêu tiền?", "Xã chi 11,5 tỷ đồng.", "11,5 tỷ đồng", "11,5 tỷ đồng"),
        ("Cầu dài bao nhiêu mét?", "Cầu dài 420 mét.", "420", "420"),
        ("Cầu dài bao nhiêu mét?", "Cầu dài 420 mét.", "dài 420 mét", "dài 420 mét"),  # does not begin with a number
        ("Vì sao có 300 người?", "Có 300 người.", "300 người", "300 người"),  # does not ask for a number
    ],
)
def test_counted(question: str, sentence: str, span: str, rest: str) -> None:
    at = sentence.index(span)
    analysed = understand(question, FLAT)
    assert counted(analysed, sentence, Span(at, at + len(span))).of(sentence) == rest


@pytest.mark.parametrize(
    ("question", "sentence", "span", "expected"),
    [
        ("Nhiệt độ kho lạnh là bao nhiêu?", "Nhiệt độ là -25 độ C.", "25 độ C", "-25 độ C"),
        ("nhiet do la bao nhieu", "Nhiệt độ xuống âm 1,2 độ C.", "1,2", "âm 1,2"),
        ("Giá vé bao nhiêu?", "Giá vé từ 7.000 đến 20.000 đồng.", "20.000 đồng", "từ 7.000 đến 20.000 đồng"),
        ("Có bao nhiêu người mắc?", "Chừng 800 triệu đến 1,2 tỷ người mắc.", "1,2 tỷ", "800 triệu đến 1,2 tỷ"),
        ("Kéo dài bao lâu?", "Thường kéo dài 6 giờ tới 12 giờ.", "12 giờ", "6 giờ tới 12 giờ"),
        ("Có bao nhiêu hộ?", "Cả thôn có 25 -30 hộ.", "30 hộ", "30 hộ"),  # no sign between two numbers
        ("Có bao nhiêu hộ?", "Đoàn đi đến 30 hộ.", "30 hộ", "30 hộ"),  # a destination is not a range
        ("Số nhà bao nhiêu?", "Nhà ở ngõ A-25.", "25", "25"),
        ("Chùa Âm có bao nhiêu tượng?", "Ở chùa âm 5 tượng.", "5 tượng", "5 tượng"),
        ("Khi nào?", "Từ 5 đến 7 giờ.", "7 giờ", "7 giờ"),  # does not ask for a number
    ],
)
def test_whole_number(question: str, sentence: str, span: str, expected: str) -> None:
    at = sentence.index(span)
    found = whole_number(understand(question, FLAT), sentence, Span(at, at + len(span)))
    assert found.of(sentence) == expected


# Words and vectors -----------------------------------------------------------------------------


def piece(encoder: StaticEncoder, name: str) -> np.ndarray:
    """Return the row of a token, from the tokenizer's file."""
    names = [name for name, _ in json.loads((encoder.folder / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]]
    return encoder._matrix[names.index(name)].astype(np.float32)


def test_a_run_that_is_one_piece_shares_its_vector(encoder: StaticEncoder) -> None:
    vectors, lengths = encoder.word_vectors("họ ở hà nội , cơ quan chức năng".split())
    for name, places in (("▁hà▁nội", [2, 3]), ("▁cơ▁quan▁chức▁năng", [5, 6, 7, 8])):
        row = piece(encoder, name)
        for place in places:
            assert lengths[place] == pytest.approx(np.linalg.norm(row), rel=1e-4)
            assert vectors[place] == pytest.approx(row / np.linalg.norm(row), abs=1e-5)
    assert lengths[4] == 0 and not vectors[4].any()  # a mark
    apart, _ = encoder.word_vectors(["hà", "\n", "nội"])
    assert not np.allclose(apart[0], apart[2])  # no token spans a break


def test_an_unknown_word_is_the_mean_of_its_pieces(encoder: StaticEncoder) -> None:
    from tokenizers import Tokenizer

    word = "xyloquatrix"
    pieces = Tokenizer.from_file(str(encoder.folder / "tokenizer.json")).encode(word, add_special_tokens=False).tokens
    assert len(pieces) > 1
    mean = np.mean([piece(encoder, name) for name in pieces], axis=0)
    vectors, lengths = encoder.word_vectors(["cầu", word])
    assert lengths[1] == pytest.approx(np.linalg.norm(mean), rel=1e-4)
    assert vectors[1] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-5)


def test_vectors_of_words_are_the_same_each_time(encoder: StaticEncoder) -> None:
    words = cut(FERRY[1]).words
    first, again = encoder.word_vectors(words), encoder.word_vectors(words)
    other = StaticEncoder(encoder.folder).word_vectors(words)
    for got in (again, other):
        assert np.array_equal(first[0], got[0]) and np.array_equal(first[1], got[1])
    norms = np.linalg.norm(first[0], axis=1)
    assert np.all(np.isclose(norms, 1, atol=1e-5) | (norms == 0))
    assert encoder.word_vectors([])[0].shape == (0, encoder.dim)


# The file --------------------------------------------------------------------------------------

WHOLE = sr._NETWORK.read_bytes()
MIDDLE = len(WHOLE) // 2


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"PK",
        b"no weights at all",
        WHOLE[:MIDDLE],
        WHOLE[:-9],
        WHOLE[:MIDDLE] + bytes(64) + WHOLE[MIDDLE + 64 :],
    ],
    ids=["missing", "empty", "two bytes", "text", "half", "cut", "overwritten"],
)
def test_a_damaged_file_is_refused(content: bytes | None, tmp_path: Path, encoder: StaticEncoder) -> None:
    file = tmp_path / "network.npz"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ReaderUnavailable, match=r"network\.npz cannot be read \(.+\); install semsearch again\."):
        Network.load(file, encoder, FLAT)


def test_a_file_without_words_is_refused(tmp_path: Path, encoder: StaticEncoder) -> None:
    np.savez(tmp_path / "network.npz", x=np.zeros(3))
    with pytest.raises(ReaderUnavailable, match=r"install semsearch again\."):
        Network.load(tmp_path / "network.npz", encoder, FLAT)


# Reading ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "rank", "answer"),
    [
        ("Vì sao phà Cồn Sậy ngừng chạy?", 1, "cây cầu mới bắc qua sông đã thông xe hồi đầu tuần"),
        ("Ai nghĩ ra thư viện trên thuyền?", 2, "Trịnh Thị Nhàn"),
        ("Bến phà chở bao nhiêu lượt khách mỗi ngày?", 1, "1.400"),
    ],
)
def test_the_golden_answers(encoder: StaticEncoder, question: str, rank: int, answer: str) -> None:
    found = BundledReader(encoder).read(as_query(question), [titled(1, *FERRY), titled(2, *LIBRARY)])
    assert found.found and found.citation and found.span
    assert (found.text, found.citation.rank) == (answer, rank)
    assert found.span.of(found.citation.article.text) == answer
