"""When an article was published, as far as it says so itself: never today's date, never a guess."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence

from ..text import fold

__all__ = ["date_line", "infer_date", "is_month", "parse_date"]

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_YEAR = r"(?P<y>(?:1[5-9]|20)\d\d)"
_MONTH = r"(?P<m>0?[1-9]|1[0-2])"
_DAY = r"(?P<d>0?[1-9]|[12]\d|3[01])"
_YEAR_AT = re.compile(r"(?:1[5-9]|20)\d\d(?!\d)")
# Patterns are searched in folded text: "ngày 27 tháng 8 năm 2018" is met as "ngay 27 thang 8 nam 2018".
_FULL = [
    re.compile(pattern)
    for pattern in (
        rf"(?<![\d.,/-]){_YEAR}[-/.]{_MONTH}[-/.]{_DAY}(?!\d)",
        rf"(?<![\d.,/-]){_DAY}\s?[-/.]\s?{_MONTH}\s?[-/.]\s?{_YEAR}(?!\d)",
        rf"(?<!\d){_DAY}\s+thang\s+{_MONTH}\s*(?:,|nam|/|-)?\s*{_YEAR}(?!\d)",
        rf"(?<!\d){_DAY}\s+(?P<mon>{'|'.join(_MONTHS)})[a-z]*\.?,?\s+{_YEAR}(?!\d)",
        rf"\b(?P<mon>{'|'.join(_MONTHS)})[a-z]*\.?\s+{_DAY}(?:st|nd|rd|th)?,?\s+{_YEAR}(?!\d)",
    )
]
# The American order, only where it can be nothing else.
_AMERICAN = re.compile(rf"(?<![\d.,/-]){_MONTH}/(?P<d>1[3-9]|2\d|3[01])/{_YEAR}(?!\d)")
_MONTH_ONLY = [
    re.compile(rf"(?<![\d.,/-]){_YEAR}[-/]{_MONTH}(?![\d/-])"),
    re.compile(rf"(?<![\d.,/-]){_MONTH}[-/]{_YEAR}(?!\d)"),
    re.compile(rf"\bthang\s+{_MONTH}\s*(?:,|nam|/|-)?\s*{_YEAR}(?!\d)"),
]
_COMPACT = re.compile(rf"(?<!\d){_YEAR}(?P<m>0[1-9]|1[0-2])(?P<d>0[1-9]|[12]\d|3[01])(?!\d)")
_DAY_MONTH = re.compile(rf"(?<![\d.,/-]){_DAY}(?:[/-]|\s+thang\s+){_MONTH}(?![\d/-]|[.,]\d|,?\s*(?:nam\s*)?\d{{4}})")


def _date(match: re.Match[str]) -> dt.date | None:
    parts = match.groupdict()
    month = _MONTHS.index(parts["mon"]) + 1 if parts.get("mon") else int(parts["m"])
    try:
        return dt.date(int(parts["y"]), month, int(parts.get("d") or 1))
    except ValueError:  # 31/6/2018
        return None


def _full_dates(
    folded: str, patterns: Sequence[re.Pattern[str]] = (*_FULL, _AMERICAN)
) -> Iterator[tuple[re.Match[str], dt.date]]:
    """Every complete date, in the order of the patterns."""
    if _YEAR_AT.search(folded) is None:
        return
    for pattern in patterns:
        for match in pattern.finditer(folded):
            if date := _date(match):
                yield match, date


def parse_date(value: object) -> dt.date | None:
    """The date a metadata field holds: ISO, Vietnamese, English; a month stands for its first day.

    >>> parse_date("Thứ Hai, 27/8/2018 | 09:30 GMT+7"), parse_date("2023-07")
    (datetime.date(2018, 8, 27), datetime.date(2023, 7, 1))
    """
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and 1e8 <= value < 1e14:
        seconds = value / 1000 if value >= 1e11 else value  # a Unix time, in milliseconds or seconds
        if not _COMPACT.fullmatch(str(int(value))):
            return dt.datetime.fromtimestamp(seconds, dt.UTC).date()
    folded = fold(str(value))[:300]
    found = min(_full_dates(folded), key=lambda f: f[0].start(), default=None)
    if found:
        return found[1]
    for pattern in (_COMPACT, *_MONTH_ONLY):
        for match in pattern.finditer(folded):
            if date := _date(match):
                return date
    return None


def is_month(value: str) -> bool:
    """True if the field names a month and no day ("2023-07", "tháng 7 năm 2023")."""
    folded = fold(value)[:300]
    return next(_full_dates(folded), None) is None and not _COMPACT.search(folded) and parse_date(value) is not None


# What may stand beside the date in a line that only dates the article.
_DATE_WORDS = re.compile(
    r"\b(?:thu (?:hai|ba|tu|nam|sau|bay|[2-7])|chu nhat|ngay|dang|cap nhat|luc|gio|phut|gmt|utc|am|pm|sang|chieu|toi|"
    r"h|xuat ban|published|updated|posted|on|at|mon|tue|wed|thu|fri|sat|sun|[a-z]+day|date)\b"
)


def date_line(line: str) -> tuple[dt.date | None, bool]:
    """The date of a line that dates the article, and whether the line holds nothing else.

    "Thứ Hai, 27/8/2018 | 09:30 GMT+7" is nothing but its date; "Cao Bằng, ngày 27 tháng 8 năm 2018"
    names a place too; a sentence with a date in it is no date line.
    """
    if len(line) > 120 or not any(map(str.isdigit, line)):
        return None, False
    folded = fold(line)
    match, date = min(_full_dates(folded), key=lambda f: f[0].start(), default=(None, None))
    if match is None:
        return None, False
    rest = folded[: match.start()] + " " + folded[match.end() :]
    words = re.findall(r"[a-z]+", _DATE_WORDS.sub(" ", rest))
    if not words and not re.search(r"\d{3}", rest):
        return date, True
    # "Cao Bằng, ngày 27 tháng 8 năm 2018", as official documents are dated
    place_first = match.end() >= len(folded.rstrip(" .")) and len(words) <= 5 and "thang" in match[0]
    place_first = place_first and "," in folded[: match.start()]
    return (date, False) if place_first else (None, False)


# How a report opens before its date: "(TTXVN) - Sáng nay (27/8), ...". "Từ ngày", "khoảng 21h ngày" date other things.
_OPENING = re.compile(
    r"(?:[^\d.]{0,40}[-–:)]\s)?\W*"
    r"(?:(?:vao|trong|hom|dau|cuoi|giua|rang|sang|trua|chieu|toi|dem|nay|qua|som|ngay|"
    r"thu (?:hai|ba|tu|nam|sau|bay|[2-7])|chu nhat)\b[\s,(]*)*"
)
_YEAR_WORD = re.compile(r"\bnam\s+((?:19|20)\d\d)\b")
_ANY_YEAR = re.compile(r"(?:\bnam\s+|[/-])((?:19|20)\d\d)(?!\d)")
_OTHER_YEAR = re.compile(
    r"\b(?:den|toi|tu|cuoi|ky|hoi|vao|trong|ke hoach|nhiem vu|phuong huong|tam nhin|nghi quyet|sinh|giai doan)"
    r"\s+(?:het\s+|\d{4}\s*)?$"
)
_PLANNED = re.compile(r"\b(?:den|toi|tam nhin|giai doan|giai doan \d{4}|nhiem ky \d{4})\s*(?:cuoi\s+|het\s+)?$")
# A full date after one of these is that of a document or a birth.
_OF_OTHERS = re.compile(r"(?:\bsinh|\bso \S+|\d/\S+|[a-z]-[a-z]+|luat|nghi quyet|nghi dinh|thong tu)\W*(?:ngay\s*)?$")
_SPAN_OF_YEARS = re.compile(r"\b((?:19|20)\d\d)\s*[-–]\s*((?:19|20)\d\d)\b")
_SUMMED_UP = re.compile(r"\b(?:so|tong) ket\s+(\d{1,2})\s+nam\b")
_URL_DATE = (
    re.compile(rf"/{_YEAR}[/-]{_MONTH}[/-]{_DAY}(?=\D|$)"),
    re.compile(rf"[/_-]{_YEAR}(?P<m>0[1-9]|1[0-2])(?P<d>0[1-9]|[12]\d|3[01])(?=\d{{4,}}\D|\D|$)"),
    re.compile(rf"[/_-]{_DAY}-{_MONTH}-{_YEAR}(?=\D|$)"),
)
_URL_YEAR = re.compile(rf"/{_YEAR}(?:[/-](?:0?[1-9]|1[0-2]))?/")


def infer_date(
    lead: Sequence[str], text: str, *, title: str = "", url: str = "", month: dt.date | None = None
) -> dt.date | None:
    """The date of publication from the address, or from how the article opens.

    ``lead``: its first paragraphs of running text; a full date must open the first of them. ``month``:
    the first day of the month that the article is known to be of. A day without a year ("Ngày 27/8,
    ...") takes the year of ``month``, or of the address, or of "năm 2018" in the title or the same
    sentence if the text names no other year, or of a summing-up of N years that ended then ("tổng kết
    10 năm ... (2008-2018)"), or of a full date of the two weeks before. None of these, two that
    disagree, or a later year elsewhere: no date.
    """
    for pattern in _URL_DATE:
        if (match := pattern.search(url.lower())) and (date := _date(match)):
            return date
    for number, paragraph in enumerate(lead):
        opening = fold(paragraph[:600])
        reach = start.end() if (start := _OPENING.match(opening)) else 0
        for match, date in _full_dates(opening[:300]):
            if number == 0 and match.start() == reach and date.year >= 1990:
                return date
        if found := _DAY_MONTH.match(opening, reach):
            if month is not None:
                return _day(month.year, month.month, int(found["d"])) if month.month == int(found["m"]) else month
            return _resolved(int(found["d"]), int(found["m"]), opening, fold(title), fold(text[:10_000]), url)
    return month


def _day(year: int, month: int, day: int) -> dt.date | None:
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None


def _resolved(day: int, month: int, opening: str, title: str, text: str, url: str) -> dt.date | None:
    """The day in the year that the best kind of evidence supports. All texts are folded."""
    if match := _URL_YEAR.search(url):
        return _day(int(match["y"]), month, day)
    mentioned = {int(m[1]) for m in _ANY_YEAR.finditer(text) if not _PLANNED.search(text[: m.start()][-30:])}
    sentence = re.split(r"[.!?]\s", opening, maxsplit=1)[0]
    years = {
        int(m[1])
        for part in (title, sentence)
        for m in _YEAR_WORD.finditer(part)
        # At the turn of the year an article speaks of the year before or after its own.
        if 3 <= month <= 10 and not _OTHER_YEAR.search(part[: m.start()])
    }
    if not mentioned <= years:  # it speaks of several years
        years = set()
    if not years and (summed := _SUMMED_UP.search(sentence)):
        for m in _SPAN_OF_YEARS.finditer(sentence):
            if int(m[2]) - int(m[1]) == int(summed[1]) and not _PLANNED.search(sentence[: m.start()]):
                years.add(int(m[2]))
    if not years:
        for m, date in _full_dates(text, _FULL[1:3]):  # as Vietnamese running text writes them
            ahead = this - date if (this := _day(date.year, month, day)) else dt.timedelta(-1)
            if dt.timedelta(0) <= ahead <= dt.timedelta(14) and not _OF_OTHERS.search(text[: m.start()][-40:]):
                years.add(date.year)
    if len(years) != 1 or max(mentioned, default=0) > max(years) or max(years) < 1990:
        return None
    return _day(years.pop(), month, day)
