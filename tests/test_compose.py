"""Answers composed of several quotes: equal and different ones, lists, and the newest state."""

from __future__ import annotations

import datetime as dt
import io
import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from cli_case import run, run_json
from factories import hit
from hypothesis import given, settings
from hypothesis import strategies as st

from semsearch.cli import render as human
from semsearch.cli.language import Locale
from semsearch.cli.terminal import Console
from semsearch.encoders import load_encoder
from semsearch.index import Index
from semsearch.reader.bundled import BundledReader
from semsearch.reader.compose import NEAR, asks_for_newest, compose
from semsearch.reader.depth import MIN_HITS
from semsearch.reader.items import asks_for_several, items
from semsearch.reader.question import load_idf, understand
from semsearch.reader.same import Day, contradict, said, same, says, value
from semsearch.text import as_query, clean
from semsearch.types import Answer, Hit, Passage, Quote, Scores, Span

WORDS = load_encoder()

# Numbers, dates, names -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("37.000", 37_000),
        ("37,000", 37_000),
        ("37000", 37_000),
        ("37 nghìn", 37_000),
        ("ba mươi bảy ngàn", 37_000),
        ("11,5", Fraction(23, 2)),
        ("11.5", Fraction(23, 2)),
        ("1.234,5", Fraction(2469, 2)),
        ("0,125", Fraction(1, 8)),
        ("0,500", Fraction(1, 2)),
        ("2,5 triệu", 2_500_000),
        ("hai triệu rưỡi", 2_500_000),
        ("2 triệu 500 nghìn", 2_500_000),
        ("3,2 nghìn tỷ", 3_200_000_000_000),
        ("mười hai", 12),
        ("hai mươi mốt", 21),
        ("một trăm linh năm", 105),
        ("hai trăm ba mươi tư nghìn", 234_000),
        ("ba chục", 30),
        ("", 0),
    ],
)
def test_values_by_hand(text: str, number: float) -> None:
    assert value(text) == number


DIGITS = "không một hai ba bốn năm sáu bảy tám chín".split()


def spelled(n: int) -> str:
    """10..999 in words, in the plainest way."""
    hundreds, rest = divmod(n, 100)
    tens, ones = divmod(rest, 10)
    words = [DIGITS[hundreds], "trăm"] if hundreds else []
    if tens == 1:
        words.append("mười")
    elif tens > 1:
        words += [DIGITS[tens], "mươi"]
    elif ones and hundreds:
        words.append("lẻ")
    if ones:
        words.append("lăm" if ones == 5 and tens else DIGITS[ones])
    return " ".join(words)


@given(st.integers(10, 999))
def test_numbers_in_words(n: int) -> None:
    assert value(spelled(n)) == n
    assert value(f"{spelled(n)} nghìn") == n * 1000


@given(st.integers(1, 10**9), st.integers(1, 10**9))
def test_a_number_is_the_same_however_it_is_written(n: int, other: int) -> None:
    forms = [f"{n:,}", f"{n:,}".replace(",", "."), f"{n} hộ", f"khoảng {n} hộ"]
    if not 1000 <= n < 2100:  # which alone is a year
        forms.append(str(n))
    if n % 1000 == 0:
        forms.append(f"{n // 1000} nghìn hộ")
    for one, two in itertools.product(forms, repeat=2):
        assert same(said(one), said(two)), (one, two)
        assert not contradict(said(one), said(two))
    assert same(said(f"{n} hộ"), said(f"{other} hộ")) == (n == other)
    assert contradict(said(f"{n} hộ"), said(f"{other} hộ")) == (n != other)
    assert not contradict(said(f"{n} hộ"), said(f"{other} ngôi nhà"))  # another unit


DAYS = st.dates(dt.date(1950, 1, 1), dt.date(2030, 12, 31))


@given(DAYS, DAYS)
def test_a_date_is_the_same_however_it_is_written(day: dt.date, other: dt.date) -> None:
    d, m, y = day.day, day.month, day.year
    forms = [f"{d}/{m}/{y}", f"{d:02}/{m:02}/{y}", f"ngày {d}-{m}-{y}", f"ngày {d} tháng {m} năm {y}"]
    short = [f"{d}/{m}", f"{d}-{m}", f"ngày {d} tháng {m}", f"sáng {d}/{m}"]
    for one, two in itertools.product([*forms, *short], repeat=2):
        assert same(said(one), said(two)), (one, two)
        assert not contradict(said(one), said(two))
    in_words = said(f"ngày {other.day} tháng {other.month} năm {other.year}")
    assert same(said(forms[0]), in_words) == (day == other)
    assert contradict(said(forms[0]), in_words) == (day != other)
    # A less precise date is neither equivalent nor a contradiction.
    assert not same(said(forms[0]), said(f"năm {y}")) and not contradict(said(forms[0]), said(f"năm {y}"))


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Thiếu tướng Nguyễn Ngọc Hà", "Nguyễn Ngọc Hà", True),
        ("ông Nguyễn Ngọc Hà", "Thiếu tướng Nguyễn Ngọc Hà", True),
        ("ông Hà", "bà Hà", False),
        ("Nguyễn Ngọc Hà", "Nguyễn Ngọc Hải", False),
        ("tỉnh Hà Giang", "Hà Giang", True),
        ("tỉnh Hà Giang", "thành phố Hà Giang", False),
        ("31,5%", "31,5 phần trăm", True),
        ("11,5 tỷ", "11,5 tỷ đồng", True),
        ("38 loại", "38 tổ", False),
        ("10-12 triệu đồng", "10 – 12 triệu", True),
        ("10-12 triệu đồng", "12 triệu đồng", False),
        ("tháng 9/2024", "tháng 9 năm 2024", True),
        ("ngày 2 và 3/9", "3/9", False),
        ("mồng 4 tháng Giêng", "4/1", False),
        ("do mưa lớn làm sạt lở bờ kè", "vì mưa lớn làm sạt lở bờ kè", True),
        ("do mưa lớn làm sạt lở bờ kè", "do mưa lớn không làm sạt lở bờ kè", False),
        ("", "", False),
        ("…", "…", False),
    ],
)
def test_same_by_hand(one: str, other: str, alike: bool) -> None:
    assert same(said(one), said(other)) == same(said(other), said(one)) == alike


def test_contradictions_by_hand() -> None:
    assert contradict(said("120 mét"), said("9 mét"))
    assert not contradict(said("38 loại"), said("900 tổ"))
    assert not contradict(said("mồng 4 tháng Giêng"), said("4/1"))  # perhaps: lunar and solar calendar
    assert not contradict(said("Lò Văn Pâng"), said("Hà Thị Mơ"))
    assert contradict(said("Lò Văn Pâng"), said("Hà Thị Mơ"), names=True)
    assert not contradict(said("ông Pâng"), said("Lò Văn Pâng"), names=True)


@pytest.mark.parametrize(
    ("sentence", "answer", "held"),
    [
        ("Toàn xã có 38 loại mô hình với 900 tổ.", "38 loại", True),
        ("Toàn xã có 38 tổ.", "38 loại", False),
        ("Xã thu hơn 37 nghìn tấn.", "37.000 tấn", True),
        ("Hội nghị họp ngày 27/8/2018.", "27-8", True),
        ("Hội nghị họp ngày 28/8/2018.", "27-8", False),
        ("Ông Nguyễn Ngọc Hà phát biểu.", "Thiếu tướng Nguyễn Ngọc Hà", True),
        ("Bà Nguyễn Thị Ngọc phát biểu.", "Nguyễn Ngọc", False),
        ("Có nhiều lý do.", "lý", False),  # one common word may occur anywhere
    ],
)
def test_says(sentence: str, answer: str, held: bool) -> None:
    assert says(sentence, said(answer)) == held


ANSWERS = st.lists(
    st.sampled_from(
        "ông Hà Giang 27/8 ngày 5 tháng 3 năm 2020 37.000 nghìn tỷ đồng % tỉnh không 12-15 hai rưỡi , …".split()
    ),
    max_size=7,
).map(" ".join)


@settings(max_examples=300)
@given(ANSWERS, ANSWERS)
def test_relations_are_symmetric_and_exclude_each_other(one: str, other: str) -> None:
    a, b = said(one), said(other)
    assert same(a, b) == same(b, a)
    assert contradict(a, b) == contradict(b, a)
    assert contradict(a, b, names=True) == contradict(b, a, names=True)
    assert not (same(a, b) and contradict(a, b))
    assert not contradict(a, a)


def test_days() -> None:
    assert Day.of("ngày 27/8/18") == Day("27", "8", "2018")
    assert Day.of("27 tháng chín, 1950") == Day("27", "9", "1950")
    assert Day.of("cuối tháng 9/2024").other  # the exact date is not known


# Composing -------------------------------------------------------------------------------------


def quote(found: Hit, words: str, confidence: float) -> Quote:
    text = found.article.text
    start = text.index(words)
    sentence = next(s for s in found.passage.sentences if s.start <= start < s.end)
    return Quote(words, found, Span(start, start + len(words)), sentence, confidence)


def verbatim(answer: Answer) -> None:
    """Check that every quote is in its article and in the passage cited for it."""
    answer_quote = (
        [Quote(answer.text, answer.citation, answer.span, answer.sentence, answer.confidence, answer.marks)]
        if answer.citation and answer.span and answer.sentence
        else []
    )
    assert bool(answer_quote) == answer.found == bool(answer.quotes)
    for each in (*answer_quote, *answer.quotes):
        passage = each.citation.passage
        assert each.text and each.span.of(each.citation.article.text) == each.text
        assert passage.start <= each.sentence.start <= each.span.start < each.span.end <= each.sentence.end
        assert each.sentence.end <= passage.end
        assert 0 <= each.confidence <= 1
        last = each.sentence.start
        for mark in each.marks:
            assert last <= mark.start < mark.end <= each.sentence.end
            last = mark.end
        articles = [each.citation.article.source, *(other.article.source for other in each.also)]
        assert len(articles) == len(set(articles))


def shuffled(question: str, quotes: Sequence[Quote], hits: Sequence[Hit], least: float = 0.0) -> Answer:
    """Return the Answer, which must be the same for every order of the quotes."""
    answers = []
    for seed in range(6):
        mixed = list(quotes)
        random.Random(seed).shuffle(mixed)
        answers.append(compose(question, mixed, hits, least))
    assert all(answer == answers[0] for answer in answers)
    verbatim(answers[0])
    return answers[0]


LAKE = "Hồ Nậm Cắt chứa được bao nhiêu nước?"
OLD = hit(1, "Hồ Nậm Cắt chứa được 12 triệu mét khối nước. Bà con vui.", date="2019-06-01")
NEW = hit(2, "Nay hồ Nậm Cắt chứa được 15 triệu mét khối nước.", date="2023-09-10")
UNDATED = hit(3, "Có người nói hồ Nậm Cắt chứa được 14 triệu mét khối nước.")
AGAIN = hit(4, "Theo huyện, hồ Nậm Cắt chứa được 12.000.000 mét khối nước.", date="2020-02-02")
FAR = hit(5, "Hồ Bản Chanh chứa được 3 triệu mét khối nước.", date="2024-01-01")


def texts(answer: Answer) -> list[str]:
    return [each.text for each in answer.quotes]


def test_nothing_and_too_little() -> None:
    assert compose(LAKE, [], [OLD], 0.0) == Answer(LAKE, found=False, hits=(OLD,))
    low = compose(LAKE, [quote(OLD, "12 triệu", 0.14), quote(NEW, "15 triệu", 0.1)], [OLD, NEW], 0.15)
    assert low == Answer(LAKE, found=False, confidence=0.14, hits=(OLD, NEW))
    one = compose(LAKE, [quote(OLD, "12 triệu", 0.15)], [OLD], 0.15)
    assert one.found and one.quotes == (quote(OLD, "12 triệu", 0.15),)
    assert (one.text, one.citation, one.confidence) == ("12 triệu", OLD, 0.15)


def test_different_figures_stand_side_by_side_newest_first() -> None:
    quotes = [quote(OLD, "12 triệu", 0.6), quote(NEW, "15 triệu", 0.5), quote(UNDATED, "14 triệu", 0.55)]
    answer = shuffled(LAKE, quotes, [OLD, NEW, UNDATED])
    assert texts(answer) == ["15 triệu", "12 triệu", "14 triệu"]  # without a date: last
    assert (answer.text, answer.confidence, answer.citation) == ("15 triệu", 0.5, NEW)


def test_the_same_figure_counts_once() -> None:
    quotes = [quote(OLD, "12 triệu", 0.6), quote(AGAIN, "12.000.000 mét khối", 0.5)]
    answer = shuffled(LAKE, quotes, [OLD, AGAIN])
    assert texts(answer) == ["12 triệu"]
    assert [other.article.source for other in answer.quotes[0].also] == ["a4"]
    assert answer.confidence == 0.6  # not raised: articles copy from each other
    # Next to another figure, an answer is as new as its newest source.
    answer = shuffled(LAKE, [*quotes, quote(NEW, "15 triệu", 0.5)], [OLD, NEW, AGAIN])
    assert texts(answer) == ["15 triệu", "12 triệu"]


def test_a_source_that_says_the_same_costs_no_confidence() -> None:
    """A rival lowers the confidence, because the lead is smaller."""
    reader = BundledReader(WORDS, min_confidence=0.0)
    rival_hit = hit(8, NEW.article.text.replace("15", "12"), date="2023-09-10")
    alone, agreeing, rival = (
        [each.confidence for each in reader.candidates(LAKE, [OLD, *others])] for others in ([], [rival_hit], [NEW])
    )
    assert agreeing[0] == pytest.approx(alone[0], abs=1e-6)
    assert alone[0] > rival[0]
    assert agreeing[0] > agreeing[1] > rival[1]


def test_merging_is_symmetric() -> None:
    one, two = quote(OLD, "12 triệu", 0.6), quote(AGAIN, "12.000.000 mét khối", 0.5)
    there = shuffled(LAKE, [one, two], [OLD, AGAIN])
    back = shuffled(LAKE, [quote(OLD, "12 triệu", 0.5), quote(AGAIN, "12.000.000 mét khối", 0.6)], [OLD, AGAIN])
    assert {h.article.source for h in (there.citation, *there.quotes[0].also) if h} == {"a1", "a4"}
    assert {h.article.source for h in (back.citation, *back.quotes[0].also) if h} == {"a1", "a4"}
    assert len(there.quotes) == len(back.quotes) == 1


@pytest.mark.parametrize(
    ("other", "words", "confidence", "why"),
    [
        (NEW, "15 triệu", 0.2, "it answers much less well"),
        (FAR, "3 triệu", 0.6, "it speaks of another lake"),
        (hit(6, "Nay hồ Nậm Cắt chứa được nhiều nước.", date="2024-01-01"), "nhiều", 0.6, "it is no figure"),
        (hit(6, "Hồ Nậm Cắt chứa được nước từ 15 con suối.", date="2024-01-01"), "15 con suối", 0.6, "of other things"),
        (hit(6, "Hồ Nậm Cắt chứa 15 triệu mét khối nước.", source="a1"), "15 triệu", 0.6, "the same article"),
        (hit(6, "Hồ Nậm Cắt chứa được 15 triệu, trước là 12 triệu mét khối nước."), "15 triệu", 0.6, "it says both"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_other_answer(other: Hit, words: str, confidence: float, why: str) -> None:
    answer = shuffled(LAKE, [quote(OLD, "12 triệu", 0.6001), quote(other, words, confidence)], [OLD, other])
    assert texts(answer) == ["12 triệu"], why


def test_a_clause_is_never_set_against_another() -> None:
    flood = hit(1, "Cầu Bản Lầy sập vì lũ cuốn trôi trụ giữa.", date="2020-01-01")
    truck = hit(2, "Cầu Bản Lầy sập vì xe chở quá tải.", date="2021-01-01")
    quotes = [quote(flood, "lũ cuốn trôi trụ giữa", 0.6), quote(truck, "xe chở quá tải", 0.59)]
    assert texts(shuffled("Vì sao cầu Bản Lầy sập?", quotes, [flood, truck])) == ["lũ cuốn trôi trụ giữa"]


def test_in_english_the_sentences_must_be_alike() -> None:
    """An English question shares only names and numbers with the articles, so two sentences with both may differ."""
    fish = hit(6, "Bà con thả 12 triệu cá giống.", title="Bên hồ Nậm Cắt")
    for other, sources in ((fish, []), (AGAIN, ["a4"])):
        quotes = [quote(OLD, "12 triệu", 0.6), quote(other, "12 triệu" if other is fish else "12.000.000", 0.5)]
        answer = shuffled("How much water does Nậm Cắt hold?", quotes, [OLD, other])
        assert [found.article.source for found in answer.quotes[0].also] == sources


def test_copies_that_the_reader_passed_over_are_sources() -> None:
    copy = hit(7, "Tin vắn. Hồ Nậm Cắt chứa được 12 triệu mét khối nước.", date="2021-01-01")
    answer = shuffled(LAKE, [quote(OLD, "12 triệu", 0.6)], [OLD, copy])
    assert [other.article.source for other in answer.quotes[0].also] == ["a7"]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Hiện nay ai là chủ tịch xã?", True),
        ("Quy định mới nhất về phí chợ?", True),
        ("chu tich xa hien tai la ai", True),
        ("Năm nay xã trồng bao nhiêu héc-ta?", True),
        ("What is the latest figure?", True),
        ("Ai phát hiện nạn nhân?", False),
        ("Năm 2019 xã trồng bao nhiêu héc-ta?", False),
        ("", False),
    ],
)
def test_asks_for_newest(question: str, expected: bool) -> None:
    assert bool(asks_for_newest(question)) == expected


def test_the_newest_state_leads() -> None:
    quotes = [quote(OLD, "12 triệu", 0.6), quote(NEW, "15 triệu", 0.35), quote(UNDATED, "14 triệu", 0.59)]
    answer = shuffled("Hồ Nậm Cắt hiện nay chứa được bao nhiêu nước?", quotes, [OLD, NEW, UNDATED])
    assert texts(answer)[0] == "15 triệu"
    quotes[1] = quote(NEW, "15 triệu", 0.6 * NEAR - 0.01)  # too low to be preferred
    answer = shuffled("Hồ Nậm Cắt hiện nay chứa được bao nhiêu nước?", quotes, [OLD, NEW, UNDATED])
    assert texts(answer) == ["12 triệu", "14 triệu"]
    # Never an answer that would have been withheld.
    quotes[1] = quote(NEW, "15 triệu", 0.35)
    answer = shuffled("Hồ Nậm Cắt hiện nay chứa được bao nhiêu nước?", quotes, [OLD, NEW, UNDATED], 0.4)
    assert texts(answer) == ["12 triệu", "14 triệu"]


def test_the_newest_of_two_clauses_leads_alone() -> None:
    old = hit(1, "Đội dân phòng bản Sua lo việc canh lửa rừng.", date="2020-01-01")
    new = hit(2, "Đội dân phòng bản Sua lo việc dọn kênh mương.", date="2024-01-01")
    quotes = [quote(old, "canh lửa rừng", 0.6), quote(new, "dọn kênh mương", 0.5)]
    assert texts(shuffled("Đội dân phòng bản Sua lo việc gì?", quotes, [old, new])) == ["canh lửa rừng"]
    assert texts(shuffled("Hiện nay đội dân phòng bản Sua lo việc gì?", quotes, [old, new])) == ["dọn kênh mương"]


# Lists -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "several"),
    [
        ("Tổ công tác gồm những ai?", True),
        ("Đội có các nhiệm vụ gì?", True),
        ("Liệt kê các xã có dịch.", True),
        ("Xã trồng những loại cây nào?", True),
        ("Hai đội nào vào chung kết?", True),
        ("xa trong nhung loai cay nao", True),
        ("Which villages were flooded?", True),
        ("Which village was flooded?", False),
        ("Các xã họp khi nào?", False),
        ("Các bài được viết lại như thế nào?", False),
        ("Kể tên một loại cây.", False),
        ("Ai là chủ tịch xã?", False),
        ("", False),
    ],
)
def test_asks_for_several(question: str, several: bool) -> None:
    assert asks_for_several(question) == several


@pytest.mark.parametrize(
    ("question", "sentence", "span", "listed"),
    [
        (
            "Tổ gồm những ai?",
            "Tổ gồm ông Lò Văn Pâng, bà Hà Thị Mơ và anh Giàng A Sử.",
            "Lò Văn Pâng",
            ["ông Lò Văn Pâng", "bà Hà Thị Mơ", "anh Giàng A Sử"],
        ),
        (
            "Những ai trong tổ?",
            "Tổ gồm ông Lò Văn Pâng, Chủ tịch xã; bà Hà Thị Mơ, Bí thư chi bộ.",
            "Lò Văn Pâng",
            ["ông Lò Văn Pâng, Chủ tịch xã", "bà Hà Thị Mơ, Bí thư chi bộ"],
        ),
        (
            "Những ai trong tổ?",
            "Tổ gồm ông Lò Văn Pâng, cán bộ khuyến nông, và bà Hà Thị Mơ.",
            "Lò Văn Pâng",
            ["ông Lò Văn Pâng, cán bộ khuyến nông", "bà Hà Thị Mơ"],
        ),
        (
            "Xã trồng những cây gì?",
            "Dân trồng nhiều thứ: lúa, ngô, y tế và giáo dục không tính.",
            "lúa",
            ["lúa", "ngô", "y tế", "giáo dục không tính"],
        ),
        (
            "Xã có những ban nào?",
            "Xã có ba ban gồm ban y tế, ban chợ và ban đường để lo việc chung.",
            "ban y tế",
            ["ban y tế", "ban chợ", "ban đường"],
        ),
        (
            "Xã có những ban nào?",
            "Xã có ba ban gồm ban y tế, ban chợ và ban đường, trong đó ban chợ mới lập.",
            "ban y tế",
            ["ban y tế", "ban chợ", "ban đường"],
        ),
        (
            "Sữa có những chất nào?",
            "Sữa giàu canxi, đạm và vitamin D.",
            "canxi, đạm và vitamin D",
            ["canxi", "đạm", "vitamin D"],
        ),
        (
            "Chợ họp những ngày nào?",
            "Chợ họp vào ngày 5 và ngày 20 hằng tháng.",
            "ngày 5",
            ["ngày 5", "ngày 20"],
        ),
        (
            "Phí gồm những gì?",
            "Phí gồm 1,5 triệu đồng (nước, điện), 20.000 đồng rác.",
            "1,5 triệu đồng",
            ["1,5 triệu đồng (nước, điện)", "20.000 đồng rác"],
        ),
        # A clause after the list, by a semicolon or by what it begins with.
        ("Xã trồng những gì?", "Cây gồm lúa, ngô và khoai; vật nuôi bớt nhiều.", "lúa", ["lúa", "ngô", "khoai"]),
        (
            "Xã có những ban nào?",
            "Ban gồm ban chợ, ban đường, nhằm lo việc chung.",
            "ban chợ",
            ["ban chợ", "ban đường"],
        ),
        (
            "Những ai đến họp?",
            "Phó Chủ tịch Lò Văn Pâng, Hà Thị Mơ và Giàng A Sử đến họp.",
            "Hà Thị Mơ",
            ["Lò Văn Pâng", "Hà Thị Mơ", "Giàng A Sử"],
        ),
        ("Những ai đến?", "Lò Văn Pâng đến sớm, ngồi bên bếp.", "Lò Văn Pâng", []),
        ("Xã làm những gì?", "Xã đã phải họp hai lần, mỗi lần ba giờ.", "đã phải họp hai lần, mỗi lần ba giờ", []),
        ("Xã có những gì?", "Trời đẹp.", "Trời đẹp", []),
    ],
)
def test_items(question: str, sentence: str, span: str, listed: list[str]) -> None:
    found = hit(1, sentence)
    quoted = quote(found, span, 0.7)
    got = items(understand(question, load_idf()), quoted)
    assert [item.text for item in got] == listed
    for item in got:
        assert item.span.of(sentence) == item.text and (item.confidence, item.sentence) == (0.7, quoted.sentence)


def test_a_list_is_given_whole_and_in_parts() -> None:
    one = hit(1, "Tổ họp. Tổ chống hạn Phiêng Sa gồm ông Lò Văn Pâng, bà Hà Thị Mơ và anh Giàng A Sử.")
    two = hit(2, "Trong tổ chống hạn Phiêng Sa có bà Hà Thị Mơ.", date="2024-04-05")
    quotes = [quote(one, "Lò Văn Pâng", 0.8), quote(two, "Hà Thị Mơ", 0.5)]
    answer = shuffled("Tổ chống hạn Phiêng Sa gồm những ai?", quotes, [one, two])
    assert answer.text == "ông Lò Văn Pâng, bà Hà Thị Mơ và anh Giàng A Sử"
    assert texts(answer) == ["ông Lò Văn Pâng", "bà Hà Thị Mơ", "anh Giàng A Sử"]
    assert [len(each.also) for each in answer.quotes] == [0, 1, 0]
    assert answer.confidence == 0.8


def test_another_article_is_a_source_of_the_items_that_it_names_alone() -> None:
    team = "Tổ chống hạn Phiêng Sa gồm ông Lò Văn Pâng, bà Hà Thị Mơ và anh Giàng A Sử."
    one = hit(1, f"Tổ họp. {team}")
    other_hit = hit(2, "Tổ chống hạn Phiêng Sa gồm bà Hà Thị Mơ và chị Vừ Thị Dở.")  # the reader did not choose it
    copy = hit(3, f"Tin vắn. {team}")
    answer = shuffled("Tổ chống hạn Phiêng Sa gồm những ai?", [quote(one, "bà Hà Thị Mơ", 0.8)], [one, other_hit, copy])
    assert texts(answer) == ["ông Lò Văn Pâng", "bà Hà Thị Mơ", "anh Giàng A Sử"]
    assert [[other.article.source for other in each.also] for each in answer.quotes] == [["a3"], ["a2", "a3"], ["a3"]]


BULLETS = "Đội có các nhiệm vụ sau:\n- Canh lửa rừng;\n- Dọn kênh. Việc này làm chung;\n+ Báo tin.\nĐội có 12 người."


def test_lines_below_a_colon_are_items() -> None:
    found = hit(1, BULLETS)
    analysed = understand("Đội có các nhiệm vụ gì?", load_idf())
    for words in ("các nhiệm vụ", "Canh lửa rừng", "Báo tin"):
        got = items(analysed, quote(found, words, 0.6))
        assert [item.text for item in got] == ["Canh lửa rừng", "Dọn kênh. Việc này làm chung", "Báo tin"], words
    assert items(analysed, quote(found, "12 người", 0.6)) == []
    plain = hit(1, "Đội có các nhiệm vụ sau:\nCanh lửa rừng;\nDọn kênh;\nBáo tin.\nĐội có 12 người.")
    got = items(analysed, quote(plain, "các nhiệm vụ", 0.6))
    assert [item.text for item in got] == ["Canh lửa rừng", "Dọn kênh", "Báo tin"]
    prose = hit(1, "Đội có các nhiệm vụ sau:\nCanh lửa rừng. Dọn kênh.\nBáo tin.")
    assert items(analysed, quote(prose, "các nhiệm vụ", 0.6)) == []


def test_lines_in_passages_of_their_own() -> None:
    listed_hit = hit(1, BULLETS)
    hits = []
    for id, sentence in enumerate(listed_hit.passage.sentences, 1):
        start = sentence.start + (2 if sentence.of(BULLETS)[0] in "-+" else 0)
        passage = Passage(id, 1, id, start, sentence.end, BULLETS[start : sentence.end], (Span(start, sentence.end),))
        hits.append(Hit(passage, listed_hit.article, 1.0 / id, Scores(1.0 / id), passage.span, id))
    answer = shuffled("Đội có các nhiệm vụ gì?", [quote(hits[0], "các nhiệm vụ", 0.9)], hits)
    assert texts(answer) == ["Canh lửa rừng", "Dọn kênh", "Báo tin"]
    assert answer.text == "Canh lửa rừng"  # the part that is in the cited passage


# Any input ------------------------------------------------------------------------------------

SCRAPS = st.sampled_from(
    "hồ Nậm Cắt chứa gồm: 12 triệu mét, 15 nghìn và ông Hà; những ai ở đâu? ngày 27/8 \n - (tỷ đồng) “là” – "
    "9% hiện nay bao nhiêu khi nào các gì . như İ ẩ\u0301 🙂".split(" ")
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(SCRAPS, max_size=10),
    st.lists(st.tuples(st.lists(SCRAPS, min_size=1, max_size=25), st.sampled_from(["", "2020-01-01", "2021-01-01"]))),
    st.randoms(use_true_random=False),
)
def test_answers_are_verbatim_and_do_not_hang_on_order(
    words: list[str], texts: list[tuple[list[str], str]], rng: random.Random
) -> None:
    question = clean(" ".join(words)).strip()
    written = [(clean(" ".join(text)), date) for text, date in texts]
    hits = [hit(i, text, date=date) for i, (text, date) in enumerate(written, 1) if text.strip()]
    reader = BundledReader(WORDS, min_confidence=0.0)
    quotes = reader.candidates(question, hits)
    answer = compose(question, quotes, hits, 0.0)
    verbatim(answer)
    assert answer == reader.read(as_query(question), hits)
    mixed = list(quotes)
    rng.shuffle(mixed)
    assert compose(question, mixed, hits, 0.0) == answer


@settings(max_examples=200, deadline=None)
@given(st.lists(SCRAPS, min_size=1, max_size=40), st.data())
def test_items_are_spans_apart_and_in_order(words: list[str], data: st.DataObject) -> None:
    text = clean(" ".join(words)).strip()
    if not text:
        return
    found = hit(1, text)
    sentence = data.draw(st.sampled_from(found.passage.sentences))
    start = data.draw(st.integers(sentence.start, sentence.end - 1))
    end = data.draw(st.integers(start + 1, sentence.end))
    given_quote = Quote(text[start:end], found, Span(start, end), sentence, 0.5)
    for question in ("Gồm những ai?", "Có những gì?", "Những nơi nào?"):
        got = items(understand(question, load_idf()), given_quote, [found])
        assert len(got) != 1
        last = 0
        for item in got:
            assert last <= item.span.start < item.span.end and item.text == item.span.of(text) == item.text.strip()
            last = item.span.end


# From files to the terminal --------------------------------------------------------------------

ARTICLES = {
    "ho-2019": (
        "Hồ Nậm Cắt tích nước",
        "2019-06-01",
        "Sáng 1/6, huyện họp. Hồ Nậm Cắt chứa được 12 triệu mét khối nước.",
    ),
    "ho-2023": (
        "Nâng dung tích hồ Nậm Cắt",
        "2023-09-10",
        "Sau khi đắp cao thân đập, hồ Nậm Cắt chứa được 15 triệu mét khối nước. Công trình do tỉnh bỏ vốn.",
    ),
    "cho-1": ("Chợ phiên Lũng Vài", "2022-03-02", "Chợ phiên Lũng Vài có 37.000 lượt khách trong năm 2021."),
    "cho-2": (
        "Du lịch Lũng Vài",
        "2022-05-11",
        "Theo phòng văn hóa, năm 2021 chợ phiên Lũng Vài đón 37 nghìn lượt khách. Huyện sẽ mở thêm bãi xe.",
    ),
    "cho-3": ("Tổng kết", "2022-12-20", "Chợ phiên Lũng Vài năm 2021 có hơn 37000 lượt khách. Đường đã trải nhựa."),
    "to-cong-tac": (
        "Tổ chống hạn",
        "2024-04-04",
        "Huyện Phiêng Sa lập tổ chống hạn. Tổ chống hạn huyện Phiêng Sa gồm ông Lò Văn Pâng, bà Hà Thị Mơ và anh "
        "Giàng A Sử. Tổ họp mỗi tuần.",
    ),
    "dan-phong": (
        "Việc của đội dân phòng",
        "2023-01-01",
        "Đội dân phòng bản Sua có các nhiệm vụ sau:\n\n- Canh lửa rừng mùa khô;\n- Dọn kênh mương trước mùa mưa;\n"
        "- Báo tin khi có người lạ.",
    ),
    "chu-tich-1": ("Nhân sự xã Tả Ngải", "2018-01-05", "Chủ tịch xã Tả Ngải là ông Vừ Mí Già. Xã có 9 bản."),
    "chu-tich-2": ("Xã Tả Ngải", "2024-02-15", "Chủ tịch xã Tả Ngải là bà Sùng Thị Dở. Bà sinh năm 1985."),
}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("bai")
    for name, (title, date, text) in ARTICLES.items():
        (folder / f"{name}.md").write_text(f"---\ntitle: {title}\ndate: {date}\n---\n{text}\n", encoding="utf-8")
    path = tmp_path_factory.mktemp("composed") / "index"
    with Index.create(path) as opened:
        opened.sync([folder])
    yield path


def named(hits: Sequence[Hit]) -> list[str]:
    return [Path(found.article.source).stem for found in hits]


def ask(index: Path, question: str) -> Answer:
    with Index.open(index) as opened:
        answer = opened.ask(question, 3)
    verbatim(answer)
    assert {each.citation.passage.id for each in answer.quotes} <= {found.passage.id for found in answer.hits}
    return answer


def test_articles_with_different_figures(index: Path) -> None:
    answer = ask(index, LAKE)
    assert [(each.text.split()[0], *named([each.citation])) for each in answer.quotes] == [
        ("15", "ho-2023"),
        ("12", "ho-2019"),
    ]
    assert answer.citation == answer.quotes[0].citation


def test_articles_with_the_same_figure(index: Path) -> None:
    answer = ask(index, "Năm 2021 chợ phiên Lũng Vài có bao nhiêu lượt khách?")
    assert len(answer.quotes) == 1
    everyone = named([answer.quotes[0].citation, *answer.quotes[0].also])
    assert sorted(everyone) == ["cho-1", "cho-2", "cho-3"]
    others = [found.article.date for found in answer.quotes[0].also]
    assert others == sorted(others, reverse=True)  # type: ignore[type-var]  # all are dated


def test_a_list_of_people(index: Path) -> None:
    answer = ask(index, "Tổ chống hạn huyện Phiêng Sa gồm những ai?")
    assert texts(answer) == ["ông Lò Văn Pâng", "bà Hà Thị Mơ", "anh Giàng A Sử"]
    assert answer.text == "ông Lò Văn Pâng, bà Hà Thị Mơ và anh Giàng A Sử"


def test_a_list_on_lines(index: Path) -> None:
    answer = ask(index, "Đội dân phòng bản Sua có các nhiệm vụ gì?")
    assert texts(answer) == ["Canh lửa rừng mùa khô", "Dọn kênh mương trước mùa mưa", "Báo tin khi có người lạ"]


def test_a_list_whose_lines_are_passages_of_their_own_is_given_whole(tmp_path: Path) -> None:
    """Long lines, and more of them than the passages that are read for an ordinary question."""
    things = "lửa rừng,kênh mương,người lạ,đường dây điện,người ốm,chợ phiên,chuyện xích mích,lối vào bản".split(",")
    items = [
        f"Lo việc {thing}, mỗi tuần hai người thay nhau, ghi vào sổ và báo cho trưởng bản biết" for thing in things
    ]
    text = "Đội dân phòng bản Sua có các nhiệm vụ sau:\n\n" + "".join(f"- {item};\n" for item in items)
    (tmp_path / "a.md").write_text(f"# Đội dân phòng\n\n{text}\nĐội họp mồng một hằng tháng.\n", encoding="utf-8")
    with Index.create(tmp_path / "index") as index:
        index.sync([tmp_path / "a.md"])
        assert index.status().passages > MIN_HITS
        answer = index.ask("Đội dân phòng bản Sua có các nhiệm vụ gì?", 1)
    verbatim(answer)
    assert texts(answer) == items
    assert len({each.citation.passage.id for each in answer.quotes}) > MIN_HITS


def test_the_newest_article_leads(index: Path) -> None:
    answer = ask(index, "Chủ tịch xã Tả Ngải hiện nay là ai?")
    assert answer.text == "Sùng Thị Dở" and named([answer.quotes[0].citation]) == ["chu-tich-2"]
    assert ask(index, "Hồ Nậm Cắt hiện nay chứa được bao nhiêu nước?").text.startswith("15 triệu")


def test_several_answers_as_shown(index: Path) -> None:
    shown = run("ask", LAKE, "-k", "1", index=index)
    assert shown.exit_code == 0
    lines = shown.stdout.splitlines()
    assert lines[0] == "Các bài nêu 2 câu trả lời khác nhau, mới nhất trước."
    assert [line[:5] for line in lines if line[:3] in ("1. ", "2. ")][:2] == ["1. 15", "2. 12"]
    assert shown.stdout.index("10/9/2023") < shown.stdout.index("1/6/2019")


def test_other_sources_as_shown(index: Path) -> None:
    shown = run("ask", "Năm 2021 chợ phiên Lũng Vài có bao nhiêu lượt khách?", "-k", "1", index=index).stdout
    assert shown.count("cũng có trong: ") == 2


def test_a_list_as_shown(index: Path) -> None:
    shown = run("ask", "Tổ chống hạn huyện Phiêng Sa gồm những ai?", "-k", "1", index=index).stdout
    assert shown.startswith("- ông Lò Văn Pâng\n- bà Hà Thị Mơ\n- anh Giàng A Sử\n\n“")
    shown = run("ask", "Đội dân phòng bản Sua có các nhiệm vụ gì?", "-k", "1", index=index).stdout
    assert shown.startswith(
        "- Canh lửa rừng mùa khô\n- Dọn kênh mương trước mùa mưa\n- Báo tin khi có người lạ\n\nNguồn"
    )


def test_a_source_of_one_item_is_shown_below_it() -> None:
    team = "Tổ chống hạn Phiêng Sa gồm ông Lò Văn Pâng, bà Hà Thị Mơ và anh Giàng A Sử."
    one, copy = hit(1, team, title="Tổ chống hạn"), hit(3, f"Tin vắn. {team}", title="Chép lại")
    other_hit = hit(2, "Tổ chống hạn Phiêng Sa gồm bà Hà Thị Mơ và chị Vừ Thị Dở.", title="Về bà Mơ")
    hits = [one, other_hit, copy]
    answer = compose("Tổ chống hạn Phiêng Sa gồm những ai?", [quote(one, "bà Hà Thị Mơ", 0.8)], hits, 0.0)
    paper = io.StringIO()
    human.answer(Console(paper, None, False, Locale("vi")), replace(answer, hits=()), None)
    lines = [" ".join(line.split()) for line in paper.getvalue().splitlines()]
    at = lines.index("- bà Hà Thị Mơ")
    assert lines[at + 1].startswith("cũng có trong: Về bà Mơ · a2:1") and lines[at + 2] == "- anh Giàng A Sử"
    # What applies to the whole list is shown once, with its source.
    assert [line.startswith("cũng có trong: Chép lại · a3:1") for line in lines].count(True) == 1
    assert lines.index("- anh Giàng A Sử") < next(i for i, line in enumerate(lines) if "Chép lại" in line)


def test_several_answers_as_json(index: Path) -> None:
    answer = run_json("ask", LAKE, index=index)["answer"]
    assert [each["text"].split()[0] for each in answer["quotes"]] == ["15", "12"]
    assert [each["article"]["date"] for each in answer["quotes"]] == ["2023-09-10", "2019-06-01"]
    assert answer["text"] == answer["quotes"][0]["text"]
    answer = run_json("ask", "Năm 2021 chợ phiên Lũng Vài có bao nhiêu lượt khách?", index=index)["answer"]
    assert len(answer["quotes"]) == 1 and len(answer["quotes"][0]["also"]) == 2
    assert {"passage_id", "article"} == set(answer["quotes"][0]["also"][0])
