"""Sentences against hand-marked texts, by single hard cases, by properties, and with hostile input."""

from __future__ import annotations

import doctest
from itertools import pairwise

import gold
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semsearch.errors import UsageError
from semsearch.segmentation import (
    MAX_PASSAGE_SENTENCES,
    MAX_SENTENCE,
    PASSAGE_SYLLABLES,
    chunk,
    chunking,
    sentences,
    split_sentences,
)
from semsearch.types import Span


def texts(text: str) -> list[str]:
    return [span.of(text) for span in split_sentences(text)]


def test_the_examples_in_the_docstrings() -> None:
    for module in (sentences, chunking):
        result = doctest.testmod(module)
        assert result.attempted and not result.failed


# --- the gold set ---------------------------------------------------------------------------------------------------


def test_the_gold_set_is_large_enough_and_well_formed() -> None:
    marked = gold.read()
    assert sum(len(m.ends - {len(m.text)}) for m in marked) >= 500
    for m in marked:
        assert m.text and len(m.text) in m.ends, f"{m.name}: the last sentence has no mark"
        assert all(not m.text[end - 1].isspace() for end in m.ends), f"{m.name}: a mark follows a space"


def test_boundary_f1_on_the_gold_set() -> None:
    total = gold.Score(0, 0, 0)
    for m in gold.read():
        total += gold.score(m, {span.end for span in split_sentences(m.text)})
    assert total.f1 >= 0.995, total


# --- single traps ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expected",
    [
        # abbreviations
        ["Công an TP. Vinh vào cuộc.", "Vụ việc xảy ra ở Q. Bình Tân, TP.HCM."],
        ["ThS. Lê Na, GS.TS. Hà Văn Tuấn và PGS. Đỗ Mai cùng dự.", "Đ/c Lò Văn Pánh chủ trì."],
        ["Chợ bán rau, cá, gạo v.v. từ sáng sớm.", "Hàng quán có bún, phở, v.v.", "Ai cũng ghé."],
        ["Xem tr. 45, Nxb. Trẻ in năm 2010.", "Sách dày 312 tr."],
        ["Mr. Kim và Dr. Lee làm việc tại Hanwa Co., Ltd. ở Seoul."],
        ["TM. ỦY BAN NHÂN DÂN"],
        # initials
        ["Ông Phan Kim Đ. bị bắt.", "Bà T.T.H. (52 tuổi) kêu cứu."],
        ["Chị gọi cho anh K.", "Sau đó chị đi.", "Anh Th. không nghe máy."],
        ["Học thuyết của C. Mác và V.I. Lênin.", "Truyện của J. K. Rowling và George W. Bush."],
        ["Đạo diễn Trịnh H. Hoa vắng mặt.", "Người thắng là Lê Hoàng T.", "Công chúng vỗ tay.", "Bà N.T. Hoa về."],
        # numbers, dates
        ["Chi 11,5 tỷ đồng cho 37.000 người.", "Ngày 27.8.2018 xong.", "2 năm sau lại sửa."],
        ["Ông sinh năm 1954.", "12 tuổi đã đi làm."],
        ["Gọi 024.3825.1234 từ 7h30."],
        ["Tỉnh thuộc Quân khu I.", "Cam giàu vitamin C.", "Quýt cũng thế."],
        # addresses
        ["Vào https://vidu.vn/a.B?c=1.2 để xem.", "Thư gửi hotro@vidu.edu.vn.", "Trang VnExpress.Net đưa tin."],
        # quotes, brackets, notes
        ["Ông nói: “Tôi về.”", "Rồi ông đi."],
        ['"Cháu ăn cơm chưa?", bà hỏi.', '"Rồi ạ!" cháu đáp.'],
        ['"Tôi không lấy!" - ông Nam nói.', "Ông bỏ đi."],
        ["Ông (sinh ở Huế. Mẹ người Bắc) biết nấu ăn.", "(Hồi ấy ít người biết.)", "Ông khéo tay."],
        ["Cầu đã thông xe.", "(Ảnh: TTXVN)"],
        ["Sông dài 470 km.[1]", "Sông đổ ra biển.[2][b]", "Hết."],
        # ellipses
        ["Đời sống được nâng lên…", "Tuy vậy còn khó khăn...", "Thế rồi… ông đi."],
        ["Mua gạo, muối... rồi về.", "Câu này bị cắt […] ở giữa."],
        # the end of a report
        ["Hội nghị thành công tốt đẹp./.", "Tin: Hải Anh"],
        # exclamations and questions
        ["Vào!!!", "Ai ghi bàn?!", "Không rõ.", "Nghe nói (?) là cầu thủ dự bị."],
        # a missing space, missing capitals
        ["Quán mở từ 6h.", "em cao 1m58.", "em nặng 45kg.", "em hay chóng mặt.", "em nên ăn gì?"],
        # other scripts
        ["你好。", "再见！", "Hết."],
    ],
)
def test_on_one_line(expected: list[str]) -> None:
    assert texts(" ".join(expected)) == expected


def test_a_stop_without_a_space_after_it() -> None:
    assert texts("Trời đã sáng.Khách đến đông!Ai cũng vui.") == ["Trời đã sáng.", "Khách đến đông!", "Ai cũng vui."]
    assert texts("Ở TP.Huế và Q.Bình Thạnh có GS.TS.Lê Na.") == ["Ở TP.Huế và Q.Bình Thạnh có GS.TS.Lê Na."]


@pytest.mark.parametrize(
    "expected",
    [
        # articles, clauses, points
        [
            "Điều 1. Phạm vi điều chỉnh",
            "1. Luật này quy định về đê.",
            "a) Đê sông;",
            "b) Đê biển.",
            "Khoản 2. Không áp dụng với kè.",
        ],
        ["IV. TỔ CHỨC THỰC HIỆN", "1. Các sở", "2) Các huyện", "3/ Các xã", "1.1. Xã An Bình"],
        # headings and lists without a stop
        ["Bảo Lâm đổi thay từng ngày", "Huyện có 9 dân tộc.", "Quang cảnh hội nghị", "Ảnh: Minh Khôi"],
        ["Hồ sơ gồm có:", "- đơn đề nghị", "- bản sao giấy khai sinh;", "• Ảnh 3x4", "+ Lệ phí"],
        ["== Lịch sử ==", "Làng có từ đời Lê."],
        ["Thành phần hồ sơ", "- đơn đề nghị", "- bản sao giấy khai sinh"],
        # dialogue
        ["Bà hỏi:", "- Cháu ở đâu đến?", "– Dạ, cháu ở xuôi lên ạ!", "Bà gật đầu."],
        ["19h30: Khai mạc", "20h00: Văn nghệ"],
    ],
)
def test_lines_that_end_sentences(expected: list[str]) -> None:
    assert texts("\n".join(expected)) == expected


@pytest.mark.parametrize(
    "whole",
    [
        "Lực \nlượng dân quân giúp dân gặt lúa.",
        "Xã Tân An thu hoạch xong 120 ha lúa của\nHợp tác xã Đồng Tiến.",
        "Mỗi hộ được cấp hơn\n20 kg gạo.",
        "Khách sạn nằm ở TP.\nHồ Chí Minh.",
        "Ông Lê Văn A (quê ở huyện\nTân Kỳ) nhận thưởng.",
        "Phát triển kinh tế\n- xã hội vùng núi.",
        "Chương II\nQUY ĐỊNH CỤ THỂ",
        "1.\nMở đầu",
    ],
)
def test_line_breaks_inside_a_sentence(whole: str) -> None:
    assert texts(whole) == [whole]


def test_lines_broken_at_a_width_run_on_before_capitals() -> None:
    text = (
        "Kết quả kiểm tra cho thấy nhà trường đã mở đủ sổ sách theo quy định của Bộ Giáo dục và\n"
        "Đào tạo nhưng việc thu quỹ ở khối lớp 3 còn chưa đúng với hướng dẫn của sở, khiến một\n"
        "số phụ huynh bức xúc và gửi đơn lên Ủy ban nhân dân thành phố nhờ xem xét ngay trong\n"
        "tháng này."
    )
    assert texts(text) == [text]
    assert texts("KẾT LUẬN\n" + text) == ["KẾT LUẬN", text]


def test_an_empty_line_always_ends_a_sentence() -> None:
    assert texts("xã Tân\n\nan \n \n toàn") == ["xã Tân", "an", "toàn"]


def test_semicolons_end_only_in_sentences_of_more_than_a_hundred_words() -> None:
    clause = "xã làm tốt việc này và việc kia;"
    short = " ".join([clause] * 12) + " hết."  # 97 words
    long = " ".join([clause] * 12) + " rồi mới đến hết cả."  # 101 words
    assert texts(short) == [short]
    assert texts(long) == [clause] * 12 + ["rồi mới đến hết cả."]
    inside = long.replace(clause, "xã làm tốt (việc này; việc kia;) rồi", 1)
    assert texts(inside)[0] == "xã làm tốt (việc này; việc kia;) rồi " + clause


def test_a_sentence_over_the_limit_is_cut_at_a_clause_or_a_space() -> None:
    words = "một hai ba bốn, năm sáu bảy tám " * 200
    pieces = texts(words)
    assert len(pieces) > 1 and all(len(piece) <= MAX_SENTENCE for piece in pieces)
    assert all(piece.endswith(",") for piece in pieces[:-1])
    assert " ".join(pieces) == words.strip()
    assert [len(piece) for piece in texts("a" * (2 * MAX_SENTENCE + 1))] == [MAX_SENTENCE, MAX_SENTENCE, 1]


def test_a_range_gives_offsets_into_the_whole_text() -> None:
    text = "Bỏ qua. Một câu. Hai câu. Bỏ qua."
    assert [span.of(text) for span in split_sentences(text, 8, 25)] == ["Một câu.", "Hai câu."]
    assert split_sentences(text, 8, 25) == [Span(8, 16), Span(17, 25)]
    assert split_sentences(text, 30, 10) == split_sentences("") == split_sentences(" \n ") == []


# --- properties -----------------------------------------------------------------------------------------------------

# Parts that the rules look at, in every order, and any other Unicode.
WORDS = (
    'TP. v.v. Đ/c. L. L.. T.T.K. 1. a) IV. Điều 5. … ... ./. ! ? ?! " ” “ ( ) [1] « » - – • ; : , 。 37.000 11,5 27/8 '
    "xong.Sau www.a.vn a@b.vn Hà Nội và của tại ông Sau Anh\u0301 Lực iPhone 😀"
)
PIECES = st.sampled_from([*WORDS.split(), " ", "  ", "\n", " \n", "\n\n", "\t", "\r", "\x1c", "\u00a0", "\ud800"])
TEXT = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=60).map("".join), st.lists(PIECES).map(" ".join))


@settings(max_examples=400, deadline=None)
@given(TEXT, st.integers(-5, 60), st.one_of(st.none(), st.integers(-5, 200)))
def test_every_character_that_is_not_space_lies_in_exactly_one_span(text: str, start: int, end: int | None) -> None:
    spans = split_sentences(text, start, end)
    first, last, _ = slice(start, end).indices(len(text))
    inside = "".join(span.of(text) for span in spans)
    assert "".join(inside.split()) == "".join(text[first:last].split())
    assert all(a.end <= b.start for a, b in pairwise(spans))
    for span in spans:
        assert first <= span.start < span.end <= last
        assert span.of(text) == span.of(text).strip()
        assert span.end - span.start <= MAX_SENTENCE


@settings(deadline=None)
@given(TEXT, TEXT, TEXT)
def test_a_range_is_split_like_a_text_of_its_own(before: str, text: str, after: str) -> None:
    alone = [Span(span.start + len(before), span.end + len(before)) for span in split_sentences(text)]
    assert split_sentences(before + text + after, len(before), len(before) + len(text)) == alone


# --- hostile input --------------------------------------------------------------------------------------------------

N = 200_000


@pytest.mark.parametrize(
    "text",
    [
        "." * N,
        "." * N + "a",
        "\n" * N,
        " " * N + "a",
        ". " * N,
        "A. " * N,
        "(A. " * N,
        "a\n" * N,
        "A\n" * N,
        "1.\n" * N,
        "a b ; " * N,
        '."' * N,
        "." + '"' * N + "a",
        '."' + " " * N + "a",
        ". " + "(" * N,
        ".[a" * N,
        "của\nÔng\n" * (N // 4),
        "TP. xã\nxã\n" + "xã\n" * N,
        "x" * 20 * N,
        ("x" * 70 + "\n") * (N // 10),
    ],
    ids=lambda text: repr(text[:12]),
)
@pytest.mark.time_limit(60)
def test_hostile_texts_take_linear_time(text: str) -> None:
    """It takes well under a second; quadratic work would take hours."""
    spans = split_sentences(text)
    passages = chunk(text, spans)
    assert all(span.end - span.start <= MAX_SENTENCE for span in spans)
    assert sum(map(len, passages)) == len(spans)


@pytest.mark.time_limit(120)
def test_a_long_line_without_any_stop() -> None:
    text = "một hai ba bốn năm sáu bảy tám " * 650_000  # 20 million characters
    spans = split_sentences(text)
    assert len(spans) >= len(text) / MAX_SENTENCE
    assert sum(len(span.of(text).split()) for span in spans) == 8 * 650_000


# --- passages -------------------------------------------------------------------------------------------------------


def sentence(words: int) -> str:
    return " ".join(["Câu"] + ["chữ"] * (words - 2) + ["hết."])


def passages(text: str, blocks: list[Span] | None = None, size: int = PASSAGE_SYLLABLES) -> list[list[str]]:
    return [[span.of(text) for span in passage] for passage in chunk(text, split_sentences(text), blocks or [], size)]


def lines(text: str) -> list[Span]:
    found, at = [], 0
    for line in text.split("\n"):
        found.append(Span(at, at + len(line)))
        at += len(line) + 1
    return found


def test_passages_are_near_the_size() -> None:
    text = " ".join([sentence(20)] * 20)
    assert [len(p) for p in passages(text, size=100)] == [5, 5, 5, 5]
    assert [len(p) for p in passages(text, size=40)] == [2] * 10


def test_a_passage_ends_at_the_end_of_a_block_where_it_can() -> None:
    text = " ".join([sentence(20)] * 4) + "\n" + " ".join([sentence(20)] * 6)
    assert [len(p) for p in passages(text, lines(text), 100)] == [4, 6]
    assert [len(p) for p in passages(text, [Span(0, len(text))], 100)] == [5, 5]


def test_a_sentence_longer_than_the_size_is_a_passage() -> None:
    text = " ".join([sentence(10), sentence(300), sentence(10)])
    assert [len(p) for p in passages(text, size=100)] == [1, 1, 1]


def test_headings_stay_with_what_follows() -> None:
    text = "\n".join([sentence(95), "Chương hai", "Mùa nước lên", sentence(99), sentence(99)])
    assert passages(text, lines(text), 100) == [
        [sentence(95)],
        ["Chương hai", "Mùa nước lên", sentence(99)],
        [sentence(99)],
    ]


def test_a_list_of_bare_lines_is_not_one_heading() -> None:
    text = "\n".join(["Xã Hòa Bình"] * 200)
    found = chunk(text, split_sentences(text), lines(text), 60)
    assert len(found) >= 8 and all(len(p) <= MAX_PASSAGE_SENTENCES for p in found)


def test_text_outside_sentences_is_in_no_passage() -> None:
    text = "Một câu.\nĐọc nhiều nhất\nHai câu."
    blocks = [lines(text)[0], lines(text)[2]]
    sentences = [span for block in blocks for span in split_sentences(text, block.start, block.end)]
    assert [[s.of(text) for s in p] for p in chunk(text, sentences, blocks)] == [["Một câu."], ["Hai câu."]]


def test_a_size_below_one_is_refused() -> None:
    with pytest.raises(UsageError, match="at least one syllable"):
        chunk("Một câu.", split_sentences("Một câu."), size=0)


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.integers(2, 150).map(sentence), st.sampled_from(["Tiêu đề", "- Một món", "Ảnh", "Ông L.", "\n", "Kết:"])
        ),
        max_size=150,
    ),
    st.sampled_from(["\n", " ", "\n\n"]),
    st.integers(1, 300),
)
def test_every_sentence_lies_in_exactly_one_passage(parts: list[str], between: str, size: int) -> None:
    text = between.join(parts)
    sentences = split_sentences(text)
    found = chunk(text, sentences, lines(text), size)
    assert [span for passage in found for span in passage] == sentences
    assert found == chunk(text, sentences, lines(text), size)
    for passage in found:
        assert 1 <= len(passage) <= MAX_PASSAGE_SENTENCES
        assert (
            passage[-1].of(text) not in ("Tiêu đề", "Kết:")
            or passage[-1] == sentences[-1]
            or _in_a_list(text, sentences, passage[-1])
        )


def _in_a_list(text: str, sentences: list[Span], span: Span) -> bool:
    """Whether three more bare lines follow, so that ``span`` is an item rather than a heading."""
    at = sentences.index(span)
    return all(s.of(text) in ("Tiêu đề", "Ảnh", "Kết:") for s in sentences[at : at + 4])
