"""Question analysis: the type of the answer, and the terms that a sentence with the answer should contain."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Literal

from ..lazy_regex import lazy_compile
from ..text import detect_language, fold, has_accents, is_syllable, terms, tokenize
from .weights import load_weights

__all__ = ["COUNTED", "SHORT", "Idf", "Kind", "Name", "Question", "idf_from", "load_idf", "understand"]

Kind = Literal["number", "date", "person", "role", "place", "organisation", "reason", "definition", "other"]
SHORT: frozenset[Kind] = frozenset({"number", "date", "person", "role", "place", "organisation"})
"""Types whose answers are a few words that patterns can find."""

Name = tuple[tuple[str, ...], ...]
"""A proper name or a number, as alternatives: sequences of consecutive terms, one of which must occur."""

# The first pattern that matches decides. Questions typed without accents are matched against folded patterns; patterns
# that would be ambiguous then ("mấy" as "may") are in _ACCENTED.
_VIETNAMESE: tuple[tuple[Kind, str], ...] = (
    ("other", r"\b(?:thế nào|ra sao)$"),
    (
        "date",
        r"khi nào|bao giờ|lúc nào|hồi nào|(?:năm|tháng|ngày|thứ|thời gian|thời điểm|thời kỳ|thời kì|thế kỷ|thế kỉ|"
        r"giai đoạn|mùa|hôm|thập niên|thập kỷ|giờ) (?:nào|mấy|bao nhiêu)|mấy giờ|ngày tháng năm|năm sinh|ngày sinh",
    ),
    (
        "number",
        r"bao nhiêu|bao lâu|bao xa|thứ mấy|^(?:tổng )?(?:số (?:lượng|người|hộ|vụ|ca|tiền|vốn)|tỷ lệ|tỉ lệ|diện tích|"
        r"dân số|kinh phí|ngân sách|chi phí|chiều dài|chiều cao|giá)\b(?! .*\b(?:gì|nào|sao|ai|đâu)\b)",
    ),
    ("role", r"chức vụ|giữ chức|chức danh|nghề gì|làm nghề|nghề nghiệp|vai trò gì|cương vị"),
    (
        "person",
        r"\bai\b|\b(?:người|(?<!đơn )vị|ông|bà|anh|chị|tướng|vua|nhân vật|cầu thủ|ca sĩ|ca sỹ|diễn viên|nhạc sĩ|"
        r"tác giả|bác sĩ|nhà văn|nhà thơ|hoàng đế|tổng thống|thủ tướng|chủ tịch|giám đốc|bí thư) nào|"
        r"^(?:vợ|chồng|cha|mẹ|con trai|con gái|chủ tịch|tổng giám đốc|tổng thống|thủ tướng) ",
    ),
    (
        "organisation",
        r"(?:cơ quan|đơn vị|tổ chức|công ty|tập đoàn|doanh nghiệp|trường|bệnh viện|đảng|bộ|ban|hãng|đội|câu lạc bộ|"
        r"ngân hàng|viện|hội) nào",
    ),
    (
        "place",
        r"\b(?:ở|tại|từ|đến|nơi|là|vào|về) đâu|đâu$|(?:nơi|tỉnh|thành phố|huyện|xã|nước|quốc gia|vùng|khu vực|"
        r"địa phương|địa điểm|châu lục|bang|đảo|sông|hồ|biển|quận|làng|miền|chỗ) nào",
    ),
    (
        "reason",
        r"vì sao|tại sao|(?:do|vì|nhờ) đâu|lý do|lí do|nguyên nhân|vì lẽ gì|để làm gì|nhằm mục đích gì|mục đích",
    ),
    ("definition", r"(?:nghĩa )?là (?:gì|cái gì|như thế nào)$|nghĩa là|định nghĩa|khái niệm"),
)
_ACCENTED: tuple[tuple[Kind, str], ...] = (("number", r"\bmấy\b(?! đời)"),)
_ENGLISH: tuple[tuple[Kind, str], ...] = (
    ("date", r"\bwhen\b|(?:what|which) (?:year|month|day|date|century|decade|time)"),
    ("number", r"how (?:many|much|long|far|old|often|tall|high|large|big)|what (?:percentage|percent|number|amount)"),
    ("role", r"(?:what|which) (?:position|office|post|rank|role|job|occupation)"),
    ("person", r"\bwho(?:m|se)?\b|(?:what|which) (?:man|woman|person|general|president|leader|player|author)"),
    ("organisation", r"(?:what|which) (?:company|organi[sz]ation|agency|unit|school|university|team|party)"),
    ("place", r"\bwhere\b|(?:what|which) (?:country|city|province|district|place|region|state|island|river)"),
    ("reason", r"\bwhy\b|for what reason|what (?:caused|is the reason|was the reason)"),
)
# "X là ai" asks for an office if X is a name, with or without a title.
_WHO_IS_NAMED = lazy_compile(
    r"^(?:(?:ông|bà|anh|chị|đồng chí|bác sĩ|tiến sĩ|giáo sư|đại tướng|thượng tướng|trung tướng|thiếu tướng|đại tá|"
    r"thượng tá|trung tá|thiếu tá|đại úy|thượng úy|trung úy|thiếu úy)\s)?((?:\w+\s){1,5})là ai\W*$",
    re.IGNORECASE,
)


def _compiled(patterns: tuple[tuple[Kind, str], ...], *, plain: bool = False) -> list[tuple[Kind, re.Pattern[str]]]:
    return [(kind, lazy_compile(fold(pattern) if plain else pattern)) for kind, pattern in patterns]


_KINDS = {
    "vi": _compiled((*_VIETNAMESE[:2], *_ACCENTED, *_VIETNAMESE[2:])),
    "vi-plain": _compiled(_VIETNAMESE, plain=True),
    "en": _compiled(_ENGLISH),
}


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Question words and function words: they do not say what the answer is about.
_FUNCTION = _set(
    "là gì nào ai đâu bao nhiêu mấy khi sao thế vì tại ở có của và được bị những các một cho trong với về từ để do "
    "theo đã đang sẽ không này đó ra như thì mà cái điều việc người vào lúc hãy kể tên liệt hỏi"
)
_PLAIN_FUNCTION = frozenset(fold(word) for word in _FUNCTION)
_ENGLISH_STARTS = _set(
    "a an are as at by can did do does for from had has how if in is name of on the to under was were what when where "
    "which who whom whose why with"
)
# The units of a number if the question names the quantity and not the unit; and words for quantities, which the answer
# need not contain.
_MONEY = "đồng tỷ tỉ triệu nghìn usd đô euro vnd $ bảng"
_PER_CENT = "% phần"
_TIME = "năm tháng ngày giờ phút tuần giây thế"
_YEARS = "tuổi"
_LENGTH = "m km mét cm mm kilômét dặm hải"
_AREA = "km² km2 ha m² m2 héc km hecta mét"
_PEOPLE = "người dân nhân triệu nghìn"
_UNITS: tuple[tuple[str, str], ...] = (
    (r"tiền|kinh phí|ngân sách|phí|\bgiá\b|vốn|thu nhập|lương|doanh thu|thưởng", _MONEY),
    (r"phần trăm|tỷ lệ|tỉ lệ|%", _PER_CENT),
    (r"bao lâu|thời gian", _TIME),
    (r"tuổi", _YEARS),
    (r"bao xa|dài|rộng|cao|sâu|khoảng cách", _LENGTH),
    (r"diện tích", _AREA),
    (r"dân số|bao nhiêu dân|bao nhiêu người", _PEOPLE),
    (r"nặng|khối lượng|trọng lượng", "kg g tấn tạ gram gam"),
)
_ENGLISH_UNITS: tuple[tuple[str, str], ...] = (
    (r"how much|cost|money|budget|price", _MONEY),
    (r"percent", _PER_CENT),
    (r"how long", _TIME),
    (r"how old", _YEARS),
    (r"how (?:far|tall|high|wide|deep)", _LENGTH),
    (r"how large|\barea\b", _AREA),
    (r"how many people|population", _PEOPLE),
)
_MEASURES = _set("tiền kinh phí mấy tuổi nhiêu chức vụ danh nghề nghiệp")
COUNTED = lazy_compile(r"(?:bao nhiêu|bao nhieu|mấy)\s+(\w+)(?:\s+(\w+))?")
"""The one or two words after "how many" in a question in lower case, which say what is counted."""


class Idf:
    """Inverse document frequency of terms in Vietnamese writing: log(texts / texts with the term), natural.

    The table is fixed, so that a question has the same weights over five articles as over a million.

    Args:
        table: The IDF of common terms.
        max_idf: The IDF of all others.
    """

    def __init__(self, table: dict[str, float], max_idf: float) -> None:
        self._table = table
        self._max_idf = max_idf
        self._folded: dict[str, float] = {}

    def __call__(self, term: str, plain: bool = False) -> float:
        """Return the IDF of a term; with ``plain``, of a term without accents that stands for all that fold to it."""
        if not plain:
            return self._table.get(term, self._max_idf)
        if not self._folded:  # computed for the first question without accents
            for word, idf in self._table.items():
                # The most common of the words that fold together decides: most occurrences are of that word.
                key = fold(word)
                self._folded[key] = min(idf, self._folded.get(key, idf))
        return self._folded.get(term, self._max_idf)


def idf_from(table: Mapping[str, Any]) -> Idf:
    """Make an Idf from ``max_idf`` and ``idf``, which lists the terms of each value."""
    words = {word: float(key) for key, group in table["idf"].items() for word in group.split()}
    return Idf(words, float(table["max_idf"]))


@cache
def load_idf() -> Idf:
    """Return the IDF table that comes with semsearch."""
    return idf_from(load_weights())


@dataclass(frozen=True, slots=True)
class Question:
    """An analysed question. All terms are in the form in which sentences are compared: folded if ``plain``."""

    text: str
    kind: Kind
    plain: bool  # typed without accents, or in English
    english: bool
    order: tuple[str, ...]  # all its terms
    weights: dict[str, float]  # IDF of its content terms
    pairs: dict[tuple[str, str], float]  # the same for pairs of neighbouring terms
    names: tuple[Name, ...]  # its proper names and numbers
    named: frozenset[str]  # the terms of ``names``
    units: frozenset[str]  # units that the number asked for may have
    measured: bool  # whether it must have one of them: the question names a quantity (tiền, tuổi, dài), not a thing

    def form(self, text: str) -> list[str]:
        """Return the terms of ``text`` in the form in which this question compares them."""
        return terms(fold(text) if self.plain else text)


def understand(text: str, idf: Idf) -> Question:
    """Analyse a question, which may be any text."""
    language = detect_language(text)
    english = language == "en"
    plain = english or not has_accents(text)
    lowered = " ".join(text.lower().split()).strip(" ?!.…")
    kind: Kind = next((kind for kind, pattern in _KINDS[language] if pattern.search(lowered)), "other")
    if kind == "person":
        named_person = _WHO_IS_NAMED.match(text)
        if named_person and named_person[1].istitle():
            kind = "role"
    order = tuple(terms(fold(text) if plain else text))
    names = _names(text, plain)
    named = frozenset(term for name in names for run in name for term in run)
    if english:
        # In another language only names and numbers can match; for the rest there is the encoder.
        content = [t for t in order if t in named]
    else:
        function = _PLAIN_FUNCTION if plain else _FUNCTION
        asking = {fold(word) if plain else word for word in _MEASURES} if kind in ("number", "role") else set()
        content = [t for t in order if t not in function and t not in asking] or list(order)
    pairs = {
        (a, b): min(idf(a, plain), idf(b, plain))
        for a, b in pairwise(order)
        if not english or (a in named and b in named)
    }
    measures = _measures(lowered, plain=plain, english=english) if kind == "number" else frozenset()
    return Question(
        text=text,
        kind=kind,
        plain=plain,
        english=english,
        order=order,
        weights={term: idf(term, plain) for term in content},
        pairs=pairs,
        names=names,
        named=named,
        units=measures | _counted(lowered, plain) if kind == "number" else frozenset(),
        measured=bool(measures),
    )


def _names(text: str, plain: bool) -> tuple[Name, ...]:
    """Return the sequences of capitalised words, and the numbers.

    The first word counts if the next is capitalised too, or if it cannot be Vietnamese. Any two neighbouring words
    stand for a Vietnamese name (Nguyễn Ngọc Hà, Ngọc Hà), any word for a foreign one (Donald Trump, Trump).
    """
    words = [text[s.start : s.end] for s in tokenize(text)]
    capitalised = [word[0].isupper() for word in words]
    if sum(capitalised) > 0.7 * len(words) > 2:
        capitalised = [False] * len(words)  # all capitals, or nothing but a name
    if (
        capitalised
        and capitalised[0]
        and (words[0].lower() in _ENGLISH_STARTS or (is_syllable(words[0]) and not any(capitalised[1:2])))
    ):
        capitalised[0] = False
    names: list[Name] = []
    run: list[str] = []
    for word, capital in zip([*words, ""], [*capitalised, False], strict=True):
        digits = any(c.isdigit() for c in word)
        if capital and not digits:
            run.extend(terms(fold(word) if plain else word))
            continue
        if run:
            names.append(_alternatives(run))
            run = []
        if digits:
            number, *parts = terms(fold(word) if plain else word)
            names.append(((number,), *_dates(parts, "thang" if plain else "tháng")))
    return tuple(names)


def _dates(parts: list[str], month: str) -> list[tuple[str, ...]]:
    """Return other ways to write a date: as part of a longer one (27/8 in 27/8/2018), or in words (27 tháng 8)."""
    return [tuple(parts), (parts[0], month, parts[1])] if len(parts) > 1 else []


def _alternatives(run: list[str]) -> Name:
    foreign = [(term,) for term in run if not is_syllable(term)]
    if len(run) == 1:
        return ((run[0],),)
    return tuple(foreign or pairwise(run))


def _measures(lowered: str, *, plain: bool, english: bool) -> frozenset[str]:
    """Return the units of the quantities that the question names."""
    found: set[str] = set()
    for pattern, units in _ENGLISH_UNITS if english else _UNITS:
        if re.search(fold(pattern) if plain else pattern, lowered):
            found.update(fold(units).split() if plain else units.split())
    return frozenset(found)


def _counted(lowered: str, plain: bool) -> frozenset[str]:
    """Return the words after "bao nhiêu"."""
    match = COUNTED.search(lowered)
    words = [word for word in match.groups() if word and word not in ("là", "la")] if match else []
    return frozenset(fold(word) for word in words) if plain else frozenset(words)
