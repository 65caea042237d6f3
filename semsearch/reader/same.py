"""Whether two answers say the same, whether they contradict each other, and whether a sentence says an answer.

Numbers are compared by value (37.000, 37000, 37 nghìn), dates by day, month and year (27/8, ngày 27 tháng 8), names
without the titles before them. What cannot be told counts as neither the same nor contradicting.
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
    """37.000 and 37,000 are thousands, 11,5 and 11.5 are eleven and a half, 1.234,5 holds both, 0,125 is an eighth."""
    if _THOUSANDS.fullmatch(text):
        return Fraction(re.sub("[.,]", "", text))
    *whole, part = re.split("[.,]", text)
    return Fraction("".join(whole) + "." + part) if whole else Fraction(part)


def value(text: str) -> Fraction:
    """The value of one number in digits, words or both, in lower case; 0 where there is none.

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
            # "3 tỷ 200 triệu" goes on counting; of "3,2 nghìn tỷ" what stands before is multiplied.
            total = total + group * last if group else (total or Fraction(1)) * last
            hundreds = current = Fraction(0)
    return total + hundreds + current


_JOINED = lazy_compile(rf"{NUMBER.pattern}(?:(?:(?<=nghìn)|(?<=ngàn)|(?<=triệu)|(?<=tỷ)|(?<=tỉ))\s{NUMBER.pattern})*")
"""A number that goes on in smaller units: 3 tỷ 200 triệu."""


def _values(text: str) -> list[Fraction]:
    """The values of a match of NUMBER: one, or the two ends of a range ("10-12 triệu")."""
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
    """A date as far as it is told; ``other`` holds what is no day, month or year (thế kỷ 19, cuối tháng 9)."""

    day: str = ""
    month: str = ""
    year: str = ""
    other: str = ""

    @classmethod
    def of(cls, text: str) -> Day:
        """Read a match of patterns.DATE."""
        text = " ".join(text.split())
        for form in () if _PART_OF.match(text) else _FORMS:
            if match := form.search(text):
                found = match.groupdict()
                day, month, year = (found.get(key) or "" for key in ("day", "month", "year"))
                if len(year) == 2:
                    year = ("20" if year < "50" else "19") + year
                return cls(day.lstrip("0"), _MONTH.get(month, month).lstrip("0"), year)
        return cls(other=text)

    def same(self, other: Day) -> bool:
        """The same day or month, told as finely; a year may be left out where there is a month."""
        fine = (self.day, self.month, self.other) == (other.day, other.month, other.other)
        years = self.year == other.year or (self.month != "" and "" in (self.year, other.year))
        return fine and years

    def may_be(self, other: Day) -> bool:
        """Whether both may be the same time, one told more finely than the other."""
        if self.other or other.other or self.month.isalpha() or other.month.isalpha():  # Giêng, Chạp: of the moon
            return True
        pairs = ((self.day, other.day), (self.month, other.month), (self.year, other.year))
        return all(a == b or not a or not b for a, b in pairs)


# Answers ---------------------------------------------------------------------------------------

# Beside a number or a date these change nothing that is compared.
_SOFT = frozenset(
    "khoảng hơn gần trên dưới chừng tầm độ cỡ đến tới tổng cộng ước đạt là có được vào từ lúc hồi trong ngày năm "
    "tháng sáng chiều tối trưa cả số và".split()
)
_WORD = lazy_compile(r"\s([^\W\d]+)")
_AFTER_YEAR = _SOFT | frozenset("nay trở thì đã sẽ tại ở với cho do khi của hoặc hay nhưng bị theo".split())
_NOT = frozenset("không chưa chẳng khỏi hết ngừng".split())
_ALIKE = 0.8  # token F1 from which two clauses of some length say the same
_NEAR = 40  # characters after a number in which its unit stands
_CLAUSE = 5  # words from which that is asked


@dataclass(frozen=True, slots=True)
class Said:
    """What an answer says, in the form in which answers are compared."""

    days: tuple[Day, ...]
    numbers: tuple[Fraction, ...]
    words: tuple[str, ...]  # those around days and numbers, without what changes nothing
    title: str = ""  # what tells one name from another: tỉnh, and before a single word ông


def _counts(match: re.Match[str], text: str) -> bool:
    """Whether what looks like a date counts something: 2000 hộ, 10-12 triệu."""
    if match[0].isdigit():
        word = _WORD.match(text, match.end())
        return word is not None and word[1] not in _AFTER_YEAR
    low, _, high = match[0].partition("-")
    return (
        low.strip().isdigit()
        and high.strip().isdigit()
        and int(low) < int(high)
        and bool(UNIT.match(text, match.end()) or ((word := _WORD.match(text, match.end())) and word[1] in _GROUPS))
    )


def _parts(text: str) -> tuple[list[Day], list[tuple[Fraction, int]], str]:
    """Days, numbers with where they end, and the text (canonical) with both blanked out."""
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
    """Read an answer."""
    days, numbers, rest = _parts(text)
    if days or numbers:
        words = [word for word in _bare(rest) if word not in _SOFT]
        return Said(tuple(days), tuple(found for found, _ in numbers), tuple(words))
    rest = " ".join(_bare(rest))
    name, title = rest, ""
    if match := TITLE.match(rest):
        name = rest[match.end() :]
        title = match[0].strip() if " " not in name else ""  # ông Hà is not bà Hà
    for count in (3, 2, 1):
        head = " ".join(name.split()[:count]) + " "
        if CLASS.fullmatch(head) and len(name) > len(head):
            name, title = name[len(head) :], head.strip()
            break
    return Said((), (), tuple(name.split()), title)


def same(one: Said, other: Said) -> bool:
    """Whether two answers say the same. Symmetric."""
    if one.days or one.numbers or other.days or other.numbers:
        if len(one.days) != len(other.days) or sorted(one.numbers) != sorted(other.numbers):
            return False
        if not all(a.same(b) for a, b in zip(sorted(one.days, key=_key), sorted(other.days, key=_key), strict=True)):
            return False
        few, many = sorted((set(one.words), set(other.words)), key=len)
        return few <= many if len(few) < _CLAUSE else _alike(one, other)
    if not one.words:
        return False
    if one.words == other.words:
        return one.title == other.title or "" in (one.title, other.title)
    return _alike(one, other)


def _key(day: Day) -> tuple[str, str, str, str]:
    return day.month, day.day, day.other, day.year


def _alike(one: Said, other: Said) -> bool:
    if min(len(one.words), len(other.words)) < _CLAUSE or _NOT & set(one.words) ^ _NOT & set(other.words):
        return False
    common = (Counter(one.words) & Counter(other.words)).total()
    return 2 * common / (len(one.words) + len(other.words)) >= _ALIKE


def contradict(one: Said, other: Said, *, names: bool = False) -> bool:
    """Whether two answers are dates, or figures of the same thing, that cannot both be right. Symmetric.

    With ``names`` both are taken for names, which contradict if they have no word in common.
    """
    if one.days and other.days and not (one.numbers or other.numbers):
        return not any(a.may_be(b) for a in one.days for b in other.days)
    if one.numbers and other.numbers and not (one.days or other.days):
        counted = bool(set(one.words) & set(other.words)) or not (one.words or other.words)
        return counted and not set(one.numbers) & set(other.numbers)
    if one.days or other.days or one.numbers or other.numbers:
        return False
    return names and bool(one.words and other.words) and not set(one.words) & set(other.words)


def says(sentence: str, answer: Said) -> bool:
    """Whether ``sentence`` holds what ``answer`` says: its dates, its figures with their unit, its words in a row."""
    days, numbers, rest = _parts(sentence)
    if not all(any(day.same(there) for there in days) for day in answer.days):
        return False
    unit = set(answer.words[:1])
    for number in answer.numbers:
        ends = [end for found, end in numbers if found == number]
        if not any(unit <= set(_bare(rest[end : end + _NEAR])[:3]) for end in ends):
            return False
    if answer.days or answer.numbers:
        return True
    telling = len(answer.words) > 1 or any(not is_syllable(word) for word in answer.words)
    return telling and f" {' '.join(answer.words)} " in f" {' '.join(_bare(rest))} "
