"""Dates of publication, as far as an article states them: never today's date, never a guess."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence

from ..text import fold

__all__ = ["date_line", "infer_date", "is_month", "parse_date"]

_MAX_FIELD_CHARACTERS = 300
_MIN_YEAR = 1990
"""Earliest year of publication that is inferred from running text."""

_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_NAME = rf"(?P<month_name>{'|'.join(_MONTH_NAMES)})[a-z]*"
_YEAR = r"(?P<year>(?:1[5-9]|20)\d\d)"
_MONTH = r"(?P<month>0?[1-9]|1[0-2])"
_DAY = r"(?P<day>0?[1-9]|[12]\d|3[01])"
_TWO_DIGIT_MONTH = r"(?P<month>0[1-9]|1[0-2])"
_TWO_DIGIT_DAY = r"(?P<day>0[1-9]|[12]\d|3[01])"

# Patterns are searched in folded text: "ngày 27 tháng 8 năm 2018" is "ngay 27 thang 8 nam 2018".
# "2018" in any of the forms below; a text without one has no full date.
_YEAR_NUMBER = re.compile(r"(?:1[5-9]|20)\d\d(?!\d)")
# "2018-08-27". Not "12018-08-27".
_ISO_DATE = re.compile(rf"(?<![\d.,/-]){_YEAR}[-/.]{_MONTH}[-/.]{_DAY}(?!\d)")
# "27/8/2018", "27 - 8 - 2018". Not "27/8/20185".
_NUMERIC_DATE = re.compile(rf"(?<![\d.,/-]){_DAY}\s?[-/.]\s?{_MONTH}\s?[-/.]\s?{_YEAR}(?!\d)")
# "27 tháng 8 năm 2018", "27 tháng 8, 2018".
_VIETNAMESE_DATE = re.compile(rf"(?<!\d){_DAY}\s+thang\s+{_MONTH}\s*(?:,|nam|/|-)?\s*{_YEAR}(?!\d)")
# "27 August 2018", "27 Aug. 2018".
_ENGLISH_DATE = re.compile(rf"(?<!\d){_DAY}\s+{_MONTH_NAME}\.?,?\s+{_YEAR}(?!\d)")
# "August 27th, 2018".
_ENGLISH_DATE_MONTH_FIRST = re.compile(rf"\b{_MONTH_NAME}\.?\s+{_DAY}(?:st|nd|rd|th)?,?\s+{_YEAR}(?!\d)")
# "8/27/2018", only where the second number cannot be a month. Not "8/7/2018".
_AMERICAN_DATE = re.compile(rf"(?<![\d.,/-]){_MONTH}/(?P<day>1[3-9]|2\d|3[01])/{_YEAR}(?!\d)")
_FULL_DATES = (
    _ISO_DATE,
    _NUMERIC_DATE,
    _VIETNAMESE_DATE,
    _ENGLISH_DATE,
    _ENGLISH_DATE_MONTH_FIRST,
    _AMERICAN_DATE,
)
# "20180827". Not "201808271".
_COMPACT_DATE = re.compile(rf"(?<!\d){_YEAR}{_TWO_DIGIT_MONTH}{_TWO_DIGIT_DAY}(?!\d)")
_MONTHS_OF_YEARS = (
    # "2018-08". Not the beginning of "2018-08-27".
    re.compile(rf"(?<![\d.,/-]){_YEAR}[-/]{_MONTH}(?![\d/-])"),
    # "8/2018". Not the end of "27/8/2018".
    re.compile(rf"(?<![\d.,/-]){_MONTH}[-/]{_YEAR}(?!\d)"),
    # "tháng 8 năm 2018", "tháng 8/2018".
    re.compile(rf"\bthang\s+{_MONTH}\s*(?:,|nam|/|-)?\s*{_YEAR}(?!\d)"),
)
# A day without a year: "27/8", "27 tháng 8". Not "27/8/2018", "27/8, năm 2018" or "1/2,5".
_DAY_AND_MONTH = re.compile(
    rf"(?<![\d.,/-]){_DAY}(?:[/-]|\s+thang\s+){_MONTH}(?![\d/-]|[.,]\d|,?\s*(?:nam\s*)?\d{{4}})"
)


def parse_date(value: object) -> dt.date | None:
    """Parse a metadata field: ISO, Vietnamese or English dates, or Unix time; a month becomes its first day.

    >>> parse_date("Thứ Hai, 27/8/2018 | 09:30 GMT+7"), parse_date("2023-07")
    (datetime.date(2018, 8, 27), datetime.date(2023, 7, 1))
    """
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and 1e8 <= value < 1e14:
        seconds = value / 1000 if value >= 1e11 else value  # Unix time in milliseconds or seconds
        if not _COMPACT_DATE.fullmatch(str(int(value))):
            return dt.datetime.fromtimestamp(seconds, dt.UTC).date()
    folded = fold(str(value))[:_MAX_FIELD_CHARACTERS]
    first = _first_full_date(folded)
    if first is not None:
        return first[1]
    for pattern in (_COMPACT_DATE, *_MONTHS_OF_YEARS):
        for match in pattern.finditer(folded):
            date = _date_of(match)
            if date is not None:
                return date
    return None


def is_month(value: str) -> bool:
    """Return whether a metadata field names a month without a day ("2023-07", "tháng 7 năm 2023")."""
    folded = fold(value)[:_MAX_FIELD_CHARACTERS]
    names_day = next(_full_dates(folded), None) is not None or _COMPACT_DATE.search(folded) is not None
    return not names_day and parse_date(value) is not None


def _date_of(match: re.Match[str]) -> dt.date | None:
    """The date of a match; the first of the month if it has no day."""
    parts = match.groupdict()
    month_name = parts.get("month_name")
    month = _MONTH_NAMES.index(month_name) + 1 if month_name else int(parts["month"])
    return _date_or_none(int(parts["year"]), month, int(parts.get("day") or 1))


def _date_or_none(year: int, month: int, day: int) -> dt.date | None:
    try:
        return dt.date(year, month, day)
    except ValueError:  # 31/6/2018
        return None


def _full_dates(
    folded: str, patterns: Sequence[re.Pattern[str]] = _FULL_DATES
) -> Iterator[tuple[re.Match[str], dt.date]]:
    """Yield every date with day, month and year, in the order of the patterns."""
    if _YEAR_NUMBER.search(folded) is None:
        return
    for pattern in patterns:
        for match in pattern.finditer(folded):
            date = _date_of(match)
            if date is not None:
                yield match, date


def _first_full_date(folded: str) -> tuple[re.Match[str], dt.date] | None:
    """The full date that starts first."""
    return min(_full_dates(folded), key=lambda found: found[0].start(), default=None)


# ---- lines that hold a date

# Words beside the date in a line that only dates the article: "Thứ Hai, ... cập nhật lúc ... giờ".
_WORDS_BESIDE_DATE = re.compile(
    r"\b(?:thu (?:hai|ba|tu|nam|sau|bay|[2-7])|chu nhat|ngay|dang|cap nhat|luc|gio|phut|gmt|utc|am|pm|sang|chieu|toi|"
    r"h|xuat ban|published|updated|posted|on|at|mon|tue|wed|thu|fri|sat|sun|[a-z]+day|date)\b"
)
_LATIN_WORD = re.compile(r"[a-z]+")
# A number of three digits or more beside the date, which is more than a time of day.
_LONG_NUMBER = re.compile(r"\d{3}")


def date_line(line: str) -> tuple[dt.date | None, bool]:
    """Return the date of a line that dates the article, and whether the line holds nothing else.

    "Thứ Hai, 27/8/2018 | 09:30 GMT+7" holds nothing else; "Cao Bằng, ngày 27 tháng 8 năm 2018" names a place too.
    A sentence with a date in it is not a date line: ``(None, False)``.
    """
    if len(line) > 120 or not any(map(str.isdigit, line)):
        return None, False
    folded = fold(line)
    first = _first_full_date(folded)
    if first is None:
        return None, False
    match, date = first
    before, after = folded[: match.start()], folded[match.end() :]
    beside = f"{before} {after}"
    words = _LATIN_WORD.findall(_WORDS_BESIDE_DATE.sub(" ", beside))
    if not words and not _LONG_NUMBER.search(beside):
        return date, True

    # "Cao Bằng, ngày 27 tháng 8 năm 2018", as official documents are dated
    place_first = not after.strip(" .") and len(words) <= 5 and "thang" in match[0] and "," in before
    return (date, False) if place_first else (None, False)


# ---- dates in running text and addresses

# How a report opens before its date: "(TTXVN) - Sáng nay (". Not "Từ ngày" or "Khoảng 21h ngày", which date other
# things.
_OPENING = re.compile(
    r"(?:[^\d.]{0,40}[-–:)]\s)?\W*"
    r"(?:(?:vao|trong|hom|dau|cuoi|giua|rang|sang|trua|chieu|toi|dem|nay|qua|som|ngay|"
    r"thu (?:hai|ba|tu|nam|sau|bay|[2-7])|chu nhat)\b[\s,(]*)*"
)
# "năm 2018".
_YEAR_AFTER_WORD = re.compile(r"\bnam\s+((?:19|20)\d\d)\b")
# "năm 2018", "/2018", "-2018".
_ANY_YEAR = re.compile(r"(?:\bnam\s+|[/-])((?:19|20)\d\d)(?!\d)")
# Words before the year of something else: "đến hết năm 2020", "sinh năm 1975".
_BEFORE_OTHER_YEAR = re.compile(
    r"\b(?:den|toi|tu|cuoi|ky|hoi|vao|trong|ke hoach|nhiem vu|phuong huong|tam nhin|nghi quyet|sinh|giai doan)"
    r"\s+(?:het\s+|\d{4}\s*)?$"
)
# Words before a planned year: "đến | năm 2030", "tầm nhìn | 2030", "nhiệm kỳ 2015 | -2020".
_BEFORE_PLANNED_YEAR = re.compile(
    r"\b(?:den|toi|tam nhin|giai doan|giai doan \d{4}|nhiem ky \d{4})\s*(?:cuoi\s+|het\s+)?$"
)
# Words before the date of a document or a birth: "sinh ngày", "Nghị định số 21/2018/NĐ-CP ngày".
_BEFORE_OTHER_DATE = re.compile(
    r"(?:\bsinh|\bso \S+|\d/\S+|[a-z]-[a-z]+|luat|nghi quyet|nghi dinh|thong tu)\W*(?:ngay\s*)?$"
)
# "2008-2018".
_RANGE_OF_YEARS = re.compile(r"\b((?:19|20)\d\d)\s*[-–]\s*((?:19|20)\d\d)\b")
# "tổng kết 10 năm".
_REVIEW_OF_YEARS = re.compile(r"\b(?:so|tong) ket\s+(\d{1,2})\s+nam\b")
_SENTENCE_BREAK = re.compile(r"[.!?]\s")
_URL_DATES = (
    # "/2018/08/27/", "/2018-8-27".
    re.compile(rf"/{_YEAR}[/-]{_MONTH}[/-]{_DAY}(?=\D|$)"),
    # "-20180827.html", "_201808270930123.htm": the date may begin a longer number.
    re.compile(rf"[/_-]{_YEAR}{_TWO_DIGIT_MONTH}{_TWO_DIGIT_DAY}(?=\d{{4,}}\D|\D|$)"),
    # "-27-8-2018.html".
    re.compile(rf"[/_-]{_DAY}-{_MONTH}-{_YEAR}(?=\D|$)"),
)
# "/2018/", "/2018/08/".
_URL_YEAR = re.compile(rf"/{_YEAR}(?:[/-](?:0?[1-9]|1[0-2]))?/")


def infer_date(
    lead: Sequence[str], text: str, *, title: str = "", url: str = "", month: dt.date | None = None
) -> dt.date | None:
    """Infer the date of publication from the address, or from how the article opens.

    A full date counts if it opens the first paragraph. A day without a year ("Ngày 27/8, ...") takes the year of
    ``month``; of the address; of "năm 2018" in the title or the same sentence if the text names no other year; of a
    review of N years that ended then ("tổng kết 10 năm ... (2008-2018)"); or of a full date at most two weeks
    earlier. If none of these gives a year, if two disagree, or if the text names a later year, there is no date.

    Args:
        lead: The first paragraphs of running text.
        text: The whole text.
        title: The title.
        url: The address.
        month: First day of the month in which the article is known to have appeared.

    Returns:
        The date; ``month`` if only that is known; None if nothing is.
    """
    for pattern in _URL_DATES:
        match = pattern.search(url.lower())
        date = _date_of(match) if match else None
        if date is not None:
            return date

    for number, paragraph in enumerate(lead):
        opening = fold(paragraph[:600])
        opening_match = _OPENING.match(opening)
        date_start = opening_match.end() if opening_match else 0
        if number == 0:
            for match, date in _full_dates(opening[:300]):
                if match.start() == date_start and date.year >= _MIN_YEAR:
                    return date
        found = _DAY_AND_MONTH.match(opening, date_start)
        if found is None:
            continue
        found_day, found_month = int(found["day"]), int(found["month"])
        if month is not None:
            return _date_or_none(month.year, month.month, found_day) if month.month == found_month else month
        year = _infer_year(found_day, found_month, opening, fold(title), fold(text[:10_000]), url)
        return _date_or_none(year, found_month, found_day) if year else None
    return month


def _infer_year(day: int, month: int, opening: str, title: str, text: str, url: str) -> int | None:
    """The year of a day that opens an article, from the best kind of evidence. All texts are folded."""
    url_year = _URL_YEAR.search(url)
    if url_year:
        return int(url_year["year"])

    mentioned = _mentioned_years(text)
    sentence = _SENTENCE_BREAK.split(opening, maxsplit=1)[0]
    years = _stated_years(month, title, sentence)
    if not mentioned <= years:  # it speaks of several years
        years = set()
    if not years:
        years = _reviewed_years(sentence)
    if not years:
        years = _years_of_recent_dates(day, month, text)
    if len(years) != 1:
        return None
    (year,) = years
    return year if year >= _MIN_YEAR and year >= max(mentioned, default=0) else None


def _mentioned_years(text: str) -> set[int]:
    """The years that a text names, without those of plans."""
    years = set()
    for match in _ANY_YEAR.finditer(text):
        if not _BEFORE_PLANNED_YEAR.search(text[: match.start()][-30:]):
            years.add(int(match[1]))
    return years


def _stated_years(month: int, title: str, sentence: str) -> set[int]:
    """The years named by "năm ..." in the title and the first sentence."""
    # At the turn of the year an article speaks of the year before or after its own.
    if not 3 <= month <= 10:
        return set()
    years = set()
    for part in (title, sentence):
        for match in _YEAR_AFTER_WORD.finditer(part):
            if not _BEFORE_OTHER_YEAR.search(part[: match.start()]):
                years.add(int(match[1]))
    return years


def _reviewed_years(sentence: str) -> set[int]:
    """The last years of ranges that are as long as the review is: "tổng kết 10 năm ... (2008-2018)"."""
    review = _REVIEW_OF_YEARS.search(sentence)
    if review is None:
        return set()
    years = set()
    for match in _RANGE_OF_YEARS.finditer(sentence):
        first_year, last_year = int(match[1]), int(match[2])
        if last_year - first_year == int(review[1]) and not _BEFORE_PLANNED_YEAR.search(sentence[: match.start()]):
            years.add(last_year)
    return years


def _years_of_recent_dates(day: int, month: int, text: str) -> set[int]:
    """The years of full dates in the two weeks before the day, as Vietnamese running text writes them."""
    years = set()
    for match, date in _full_dates(text, (_NUMERIC_DATE, _VIETNAMESE_DATE)):
        same_year = _date_or_none(date.year, month, day)
        if same_year is None or not dt.timedelta(0) <= same_year - date <= dt.timedelta(14):
            continue
        if not _BEFORE_OTHER_DATE.search(text[: match.start()][-40:]):
            years.add(date.year)
    return years
