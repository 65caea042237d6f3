"""Dates of publication: the forms that are read, and dates of other things that are not."""

from __future__ import annotations

import datetime as dt
import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsearch.ingest import dates
from semsearch.ingest.dates import date_line, infer_date, is_month, parse_date

DAY = dt.date(2018, 8, 27)


@pytest.mark.parametrize(
    "written",
    [
        "27/8/2018",
        "27-8-2018",
        "27.08.2018",
        "27 / 8 / 2018",
        "ngày 27 tháng 8 năm 2018",
        "Ngày 27 tháng 08, 2018",
        "Cao Bằng, ngày 27 tháng 8 năm 2018",
        "Thứ Hai, 27/8/2018 | 09:30 GMT+7",
        "Cập nhật lúc 09h30, ngày 27/08/2018",
        "2018-08-27",
        "2018-08-27T09:30:00+07:00",
        "2018/08/27 09:30",
        "20180827",
        "Mon, 27 Aug 2018 09:30:00 +0700",
        "August 27, 2018",
        "8/27/2018",
        dt.date(2018, 8, 27),
        dt.datetime(2018, 8, 27, 9, 30),
        1535362200,
        1535362200000,
    ],
)
def test_every_way_to_write_one_day(written: object) -> None:
    assert parse_date(written) == DAY


def test_a_month_stands_for_its_first_day() -> None:
    for written in ("2018-08", "08/2018", "tháng 8 năm 2018", "Tháng 8/2018"):
        assert parse_date(written) == dt.date(2018, 8, 1)
        assert is_month(written)
    assert not is_month("2018-08-27") and not is_month("20180827") and not is_month("gần đây")


@pytest.mark.parametrize(
    "written", ["", "2018", "27/8", "31/6/2018", "hôm qua", "45/2014/NĐ-CP", "1.200.2018", None, True, 7]
)
def test_not_a_date(written: object) -> None:
    assert parse_date(written) is None


def test_the_day_comes_first_in_ambiguous_dates() -> None:
    assert parse_date("05/08/2019") == dt.date(2019, 8, 5)


def test_lines_that_date_an_article() -> None:
    assert date_line("Thứ Hai, 27/8/2018 | 09:30 GMT+7") == (DAY, True)
    assert date_line("(Cập nhật ngày 27/8/2018)") == (DAY, True)
    assert date_line("Đăng lúc: 9 giờ 30 phút, 27-8-2018") == (DAY, True)
    assert date_line("Nậm Cắt, ngày 27 tháng 8 năm 2018") == (DAY, False)  # the place is worth keeping
    assert date_line("Nghị định số 21 ngày 27/8/2018 của Chính phủ về khu vực") == (None, False)
    assert date_line("== 2017 (27–28 tháng 8 năm 2018) ==") == (None, False)
    assert date_line("Giá ngô tăng trở lại (27/8/2018)") == (None, False)


def inferred(paragraph: str, text: str = "", **known: object) -> dt.date | None:
    return infer_date([paragraph], f"{paragraph}\n{text}", **known)  # type: ignore[arg-type]


def test_a_full_date_that_opens_the_article() -> None:
    assert inferred("Ngày 27/8/2018, xã Nậm Cắt mở hội đua thuyền.") == DAY
    assert inferred("(TTXVN) - Sáng 27/8/2018, xã Nậm Cắt mở hội đua thuyền.") == DAY
    assert inferred("Ngày 27 tháng 8 năm 2018, xã Nậm Cắt mở hội.") == DAY


def test_full_dates_that_date_other_things() -> None:
    assert inferred("Nghị quyết số 9 ngày 27/8/2018 của xã bàn về nước sạch.") is None
    assert inferred("Từ ngày 27/8/2018, đò ngang ngừng chạy.") is None
    assert inferred("Ông Vừ (sinh ngày 27/8/2018) là người bản Khuổi Lầu.") is None
    for past in ("Ngày 27/8/2018, con đò bị lũ cuốn.", "Ngày 27 tháng 8 năm 2018, con đò bị lũ cuốn."):
        assert infer_date(["Đội Nà Lạn về nhất.", past], past) is None


def test_a_day_without_a_year() -> None:
    assert inferred("Ngày 27/8, xã mở hội.") is None
    assert inferred("Ngày 27/8, xã mở hội.", url="https://bao.example/2018/08/hoi-dua.html") == DAY
    assert inferred("Ngày 27/8, xã mở hội.", title="Hội đua thuyền năm 2018") == DAY
    assert inferred("Ngày 27/8, xã mở hội đua thuyền năm 2018.") == DAY
    assert inferred("Sáng nay (27/8), xã mở hội.", "Vòng loại đã diễn ra ngày 25/8/2018.") == DAY
    assert inferred("Sáng nay (27/8), xã mở hội.", month=dt.date(2018, 8, 1)) == DAY
    assert inferred("Sáng nay (27/8), xã mở hội.", month=dt.date(2018, 9, 1)) == dt.date(2018, 9, 1)


def test_a_year_that_is_reviewed() -> None:
    opening = "Ngày 27/8, huyện tổng kết 10 năm thực hiện đề án nước sạch (2008-2018)."
    assert inferred(opening, "Năm 2017, huyện chi 3 tỷ đồng.") == DAY
    # A period may end after the meeting that speaks of it.
    assert inferred("Ngày 27/8, huyện tổng kết 10 năm làm đường, giai đoạn 2008-2018.") is None
    assert inferred("Ngày 27/8, huyện tổng kết 5 năm làm đường (2008-2018).") is None


def test_years_of_other_things() -> None:
    assert inferred("Ngày 27/8, xã bàn kế hoạch đến năm 2025.") is None
    assert inferred("Ngày 27/8, ông Vừ (sinh năm 2000) về nhất.") is None
    assert inferred("Ngày 27/8, xã nhắc lại trận lũ năm 2008.", "Năm 2015 lại có lũ.") is None
    assert inferred("Ngày 15/1, xã họp về năm 2018.") is None  # of the year before, or of this one?
    assert inferred("Ngày 27/8, xã mở hội.", "Theo Nghị định 45/2018/NĐ-CP ngày 25/8/2018 của Chính phủ.") is None
    assert inferred("Ngày 27/8, xã mở hội.", "Vòng loại ngày 25/8/2018. Cầu xong năm 2019.") is None
    assert inferred("Ngày 31/6, xã mở hội năm 2018.") is None


@pytest.mark.parametrize(
    "url",
    [
        "https://bao.example/2018/08/27/hoi-dua",
        "https://bao.example/hoi-dua-20180827093012345.htm",
        "https://bao.example/tin/2018-8-27/hoi",
        "https://bao.example/hoi-dua-ngay-27-8-2018.html",
    ],
)
def test_dates_in_addresses(url: str) -> None:
    assert infer_date([], "", url=url) == DAY


def test_numbers_in_addresses_are_not_dates() -> None:
    assert infer_date([], "", url="https://bao.example/hoi-dua-1234567890.htm") is None


@given(st.text(max_size=200), st.text(max_size=50))
def test_any_text_has_a_date_or_none(text: str, url: str) -> None:
    for date in (parse_date(text), date_line(text)[0], infer_date([text], text, url=url)):
        assert date is None or isinstance(date, dt.date)


@given(st.dates(dt.date(1900, 1, 1), dt.date(2099, 12, 31)))
def test_every_day_is_read_back(day: dt.date) -> None:
    assert parse_date(day.isoformat()) == day
    assert parse_date(f"{day.day}/{day.month}/{day.year}") == day
    assert parse_date(f"ngày {day.day} tháng {day.month} năm {day.year}") == day


def test_the_examples_in_the_docstrings() -> None:
    result = doctest.testmod(dates)
    assert result.attempted and not result.failed
