"""Comparison of answers: whether two are equivalent or contradict each other, and whether a sentence gives an answer.

Numbers are compared by value (37.000, 37000, 37 nghìn), dates by day, month and year (27/8, ngày 27 tháng 8), names
without the titles before them. In doubt, answers are neither equivalent nor contradictory.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from ..lazy_regex import lazy_compile
from ..text import canonical, clean, is_syllable, tokenize
from .patterns import CLASS, DATE, NOT_ALONE, NUMBER, TITLE, UNIT

__all__ = ["Day", "Said", "contradict", "said", "same", "says", "value"]

# Numbers ---------------------------------------------------------------------------------------

_WORDS = "một hai ba bốn năm sáu bảy tám chín mười"
_COUNTED: dict[str, Fraction] = {word: Fraction(i) for i, word in enumerate(_WORDS.split(), 1)} | {
    "mốt": Fraction(1),
    "đôi": Fraction(2),
    "tư": Fraction(4),
    "lăm": Fraction(5),
    "bẩy": Fraction(7),
    "tá": Fraction(12),
    "nửa": Fraction(1, 2),
}
_GROUPS = {"nghìn": 10**3, "ngàn": 10**3, "vạn": 10**4, "triệu": 10**6, "tỷ": 10**9, "tỉ": 10**9}
_WRITTEN = lazy_compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+")
_THOUSANDS = lazy_compile(r"[1-9]\d{0,2}([.,])\d{3}(?:\1\d{3})*")


def _digits(text: str) -> Fraction:
    """Parse digits: 37.000 and 37,000 are thousands, 11,5 and 11.5 decimals, 1.234,5 is both, 0,125 is an eighth."""
    if _THOUSANDS.fullmatch(text):
        return Fraction(re.sub("[.,]", "", text))
    *thousands, part = re.split("[.,]", text)
    return Fraction("".join(thousands) + "." + part) if thousands else Fraction(part)


def value(text: str) -> Fraction:
    """Return the value of a number in digits, words or both, in lower case; 0 if there is no number.

    >>> value("37 nghìn") == value("37.000") == value("ba mươi bảy ngàn") == 37000
    True
    >>> int(value("hai triệu rưỡi")), int(value("3,2 nghìn tỷ"))
    (2500000, 3200000000000)
    """
    total = hundreds = current = Fraction(0)
    last = 1
    for word in _WRITTEN.findall(text):
        if word[0].isdigit():
            current += _digits(word)
        elif word in _COUNTED:
            current += _COUNTED[word]
        elif word in ("mươi", "chục"):
            current = (current or Fraction(1)) * 10
        elif word == "trăm":
            hundreds, current, last = hundreds + (current or 1) * 100, Fraction(0), 100
        elif word == "rưỡi":
            total += Fraction(last, 2)
        elif word in _GROUPS:
            last = _GROUPS[word]
            group = hundreds + current
            # "3 tỷ 200 triệu" is a sum; in "3,2 nghìn tỷ" the value so far is multiplied.
            total = total + group * last if group else (total or Fraction(1)) * last
            hundreds = current = Fraction(0)
    return total + hundreds + current


_JOINED = lazy_compile(rf"{NUMBER.pattern}(?:(?:(?<=nghìn)|(?<=ngàn)|(?<=triệu)|(?<=tỷ)|(?<=tỉ))\s{NUMBER.pattern})*")
"""A number with parts in smaller units: 3 tỷ 200 triệu."""


def _values(text: str) -> list[Fraction]:
    """Return the values of a match of NUMBER: one, or the two ends of a range ("10-12 triệu")."""
    low, dash, high = text.replace("–", "-").partition("-")
    if not dash:
        return [value(text)]
    end, bare = value(high), _WRITTEN.search(high)
    times = end / _digits(bare[0]) if bare and _digits(bare[0]) else Fraction(1)
    return [value(low) * times, end]


# Dates -----------------------------------------------------------------------------------------

_MONTH_WORDS = ["một", "hai", "ba", "tư", "năm", "sáu", "bảy", "tám", "chín", "mười", "mười một", "mười hai"]
_MONTH = {"bốn": "4", **{word: str(i) for i, word in enumerate(_MONTH_WORDS, 1)}}
_FORMS = (
    lazy_compile(r"(?P<day>\d{1,2})\s?[/-]\s?(?P<month>\d{1,2})(?:\s?[/-]\s?(?P<year>\d{4}|\d\d))?$"),
    lazy_compile(
        r"(?P<day>\d{1,2}) tháng (?P<month>\d{1,2}|[^\W\d]+(?: một| hai)?)(?:,? (?:năm )?(?P<year>\d{3,4}))?$"
    ),
    lazy_compile(r"tháng (?P<month>\d{1,2}|[^\W\d]+(?: một| hai)?)(?:(?:\s?/\s?|,? (?:năm )?)(?P<year>\d{3,4}))?$"),
    lazy_compile(r"(?:năm )?(?P<year>\d{4})$"),
    lazy_compile(r"(?:ngày|mùng|mồng) (?P<day>\d{1,2})$"),
)
_PART_OF = lazy_compile(r"^(?:đầu|cuối|giữa)\b")


@dataclass(frozen=True, slots=True)
class Day:
    """A possibly partial date; ``other`` is a time that is not a day, month or year (thế kỷ 19, cuối tháng 9)."""

    day: str = ""
    month: str = ""
    year: str = ""
    other: str = ""

    @classmethod
    def of(cls, text: str) -> Day:
        """Read a match of patterns.DATE."""
        text = " ".join(text.split())
        for form in () if _PART_OF.match(text) else _FORMS:
            match = form.search(text)
            if match:
                found = match.groupdict()
                day, month, year = (found.get(key) or "" for key in ("day", "month", "year"))
                if len(year) == 2:
                    year = ("20" if year < "50" else "19") + year
                return cls(day.lstrip("0"), _MONTH.get(month, month).lstrip("0"), year)
        return cls(other=text)

    def same(self, second: Day) -> bool:
        """Whether both are the same date, equally precise; with a month, one may lack the year."""
        fine = (self.day, self.month, self.other) == (second.day, second.month, second.other)
        years = self.year == second.year or (self.month != "" and "" in (self.year, second.year))
        return fine and years

    def may_be(self, other: Day) -> bool:
        """Whether both may be the same time, one more precise than the other."""
        if self.other or other.other or self.month.isalpha() or other.month.isalpha():  # Giêng, Chạp: lunar months
            return True
        pairs = ((self.day, other.day), (self.month, other.month), (self.year, other.year))
        return all(a == b or not a or not b for a, b in pairs)


# Answers ---------------------------------------------------------------------------------------

# Words next to a number or a date that do not change its meaning.
_SOFT = frozenset(
    "khoảng hơn gần trên dưới chừng tầm độ cỡ đến tới tổng cộng ước đạt là có được vào từ lúc hồi trong ngày năm "
    "tháng sáng chiều tối trưa cả số và".split()
)
_WORD = lazy_compile(r"\s([^\W\d]+)")
_AFTER_YEAR = _SOFT | frozenset("nay trở thì đã sẽ tại ở với cho do khi của hoặc hay nhưng bị theo".split())
_NOT = frozenset("không chưa chẳng khỏi hết ngừng".split())
_MIN_EQUIVALENT_F1 = 0.8  # of the words of two clauses that are equivalent
_MAX_UNIT_DISTANCE = 40  # characters from a number to the end of its unit
_MIN_CLAUSE_WORDS = 5  # of a clause that is compared by F1


@dataclass(frozen=True, slots=True)
class Said:
    """An answer in the normalized form in which answers are compared."""

    days: tuple[Day, ...]
    numbers: tuple[Fraction, ...]
    words: tuple[str, ...]  # those around days and numbers that change their meaning
    title: str = ""  # what distinguishes names: tỉnh, and before a single word ông


def _counts(match: re.Match[str], text: str) -> bool:
    """Whether a match that looks like a date is a quantity: 2000 hộ, 10-12 triệu."""
    if match[0].isdigit():
        word = _WORD.match(text, match.end())
        return word is not None and word[1] not in _AFTER_YEAR
    low, _, high = match[0].partition("-")
    if not (low.strip().isdigit() and high.strip().isdigit() and int(low) < int(high)):
        return False
    if UNIT.match(text, match.end()):
        return True
    word = _WORD.match(text, match.end())
    return word is not None and word[1] in _GROUPS


def _parts(text: str) -> tuple[list[Day], list[tuple[Fraction, int]], str]:
    """Return the dates, the numbers with their ends, and the canonical text with both replaced by spaces."""
    text = canonical(clean(text)).replace("phần trăm", "%")
    days: list[Day] = []
    numbers: list[tuple[Fraction, int]] = []

    def day(match: re.Match[str]) -> str:
        if _counts(match, text):
            return match[0]
        days.append(Day.of(match[0]))
        return " " * len(match[0])

    def number(match: re.Match[str]) -> str:
        if match[0] in NOT_ALONE:
            return match[0]
        numbers.extend((found, match.end()) for found in _values(match[0]))
        sign = match[0][-1] if match[0][-1] in "%‰" else ""
        return " " * (len(match[0]) - len(sign)) + sign

    text = _JOINED.sub(number, DATE.sub(day, text))
    return days, numbers, text


def _bare(text: str) -> list[str]:
    return [span.of(text) for span in tokenize(text)] + [c for c in text if c in "%‰$"]


@lru_cache(maxsize=256)
def said(text: str) -> Said:
    """Return the normalized form of an answer."""
    days, numbers, remaining = _parts(text)
    if days or numbers:
        words = [word for word in _bare(remaining) if word not in _SOFT]
        return Said(tuple(days), tuple(found for found, _ in numbers), tuple(words))
    remaining = " ".join(_bare(remaining))
    name, title = remaining, ""
    match = TITLE.match(remaining)
    if match:
        name = remaining[match.end() :]
        title = match[0].strip() if " " not in name else ""  # ông Hà is not bà Hà
    for count in (3, 2, 1):
        head = " ".join(name.split()[:count]) + " "
        if CLASS.fullmatch(head) and len(name) > len(head):
            name, title = name[len(head) :], head.strip()
            break
    return Said((), (), tuple(name.split()), title)


def same(first: Said, second: Said) -> bool:
    """Whether two answers are equivalent. Symmetric."""
    if first.days or first.numbers or second.days or second.numbers:
        if len(first.days) != len(second.days) or sorted(first.numbers) != sorted(second.numbers):
            return False
        if not all(a.same(b) for a, b in zip(sorted(first.days, key=_key), sorted(second.days, key=_key), strict=True)):
            return False
        few, many = sorted((set(first.words), set(second.words)), key=len)
        return few <= many if len(few) < _MIN_CLAUSE_WORDS else _alike(first, second)
    if not first.words:
        return False
    if first.words == second.words:
        return first.title == second.title or "" in (first.title, second.title)
    return _alike(first, second)


def _key(day: Day) -> tuple[str, str, str, str]:
    return day.month, day.day, day.other, day.year


def _alike(first: Said, second: Said) -> bool:
    if min(len(first.words), len(second.words)) < _MIN_CLAUSE_WORDS or _NOT & set(first.words) ^ _NOT & set(
        second.words
    ):
        return False
    common = (Counter(first.words) & Counter(second.words)).total()
    return 2 * common / (len(first.words) + len(second.words)) >= _MIN_EQUIVALENT_F1


def contradict(first: Said, second: Said, *, names: bool = False) -> bool:
    """Whether two answers are dates, or figures of the same thing, that cannot both be right. Symmetric.

    With ``names`` both are names, which contradict each other if they have no word in common.
    """
    if first.days and second.days and not (first.numbers or second.numbers):
        return not any(a.may_be(b) for a in first.days for b in second.days)
    if first.numbers and second.numbers and not (first.days or second.days):
        counted = bool(set(first.words) & set(second.words)) or not (first.words or second.words)
        return counted and not set(first.numbers) & set(second.numbers)
    if first.days or second.days or first.numbers or second.numbers:
        return False
    return names and bool(first.words and second.words) and not set(first.words) & set(second.words)


def says(sentence: str, answer: Said) -> bool:
    """Whether ``sentence`` contains the answer: its dates, its figures with their unit, or its words in sequence."""
    days, numbers, remaining = _parts(sentence)
    for answer_day in answer.days:
        if not any(answer_day.same(day) for day in days):
            return False
    unit = set(answer.words[:1])
    for number in answer.numbers:
        ends = [end for found, end in numbers if found == number]
        if not any(unit <= set(_bare(remaining[end : end + _MAX_UNIT_DISTANCE])[:3]) for end in ends):
            return False
    if answer.days or answer.numbers:
        return True
    telling = len(answer.words) > 1 or any(not is_syllable(word) for word in answer.words)
    return telling and f" {' '.join(answer.words)} " in f" {' '.join(_bare(remaining))} "
