"""What a question asks for, and the terms by which a sentence can be seen to answer it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ..text import fold, has_accents, is_syllable, language, terms, tokens

__all__ = ["SHORT", "Kind", "Question", "Rarity", "understand"]

Kind = Literal["number", "date", "person", "role", "place", "organisation", "reason", "definition", "other"]
SHORT: frozenset[Kind] = frozenset({"number", "date", "person", "role", "place", "organisation"})
"""Kinds whose answers are a few words that patterns can find."""

# The first pattern that is found decides. Each is tried as it stands on a question typed with accents, and folded on
# one typed without; what would be ambiguous without accents ("mấy" as "may") is kept to contexts that are not.
_VIETNAMESE: tuple[tuple[Kind, str], ...] = (
    (
        "date",
        r"khi nào|bao giờ|lúc nào|hồi nào|(?:năm|tháng|ngày|thứ|thời gian|thời điểm|thời kỳ|thời kì|thế kỷ|thế kỉ|"
        r"giai đoạn|mùa|hôm|thập niên|thập kỷ|giờ) (?:nào|mấy|bao nhiêu)|mấy giờ|ngày tháng năm|năm sinh|ngày sinh",
    ),
    ("number", r"bao nhiêu|bao lâu|bao xa|mấy (?!đời)|thứ mấy|mấy$|số lượng|tỷ lệ|tỉ lệ|diện tích|dân số|kinh phí là"),
    ("role", r"chức vụ|giữ chức|chức danh|nghề gì|làm nghề|nghề nghiệp|vai trò gì|cương vị"),
    (
        "person",
        r"\bai\b|(?:người|vị|ông|bà|anh|chị|tướng|vua|nhân vật|cầu thủ|ca sĩ|ca sỹ|diễn viên|nhạc sĩ|tác giả|bác sĩ|"
        r"nhà văn|nhà thơ|hoàng đế|tổng thống|thủ tướng|chủ tịch|giám đốc|bí thư) nào|^(?:vợ|chồng|cha|mẹ|con trai|"
        r"con gái|chủ tịch|tổng giám đốc|tổng thống|thủ tướng) (?:của )?",
    ),
    (
        "organisation",
        r"(?:cơ quan|đơn vị|tổ chức|công ty|tập đoàn|doanh nghiệp|trường|bệnh viện|đảng|bộ|ban|hãng|đội|câu lạc bộ|"
        r"ngân hàng|viện|hội) nào",
    ),
    (
        "place",
        r"\bở đâu|tại đâu|từ đâu|đến đâu|nơi đâu|là đâu|đâu$|vào đâu|về đâu|(?:nơi|tỉnh|thành phố|huyện|xã|nước|"
        r"quốc gia|vùng|khu vực|địa phương|địa điểm|châu lục|bang|đảo|sông|hồ|biển|quận|làng|miền|chỗ) nào",
    ),
    ("reason", r"vì sao|tại sao|do đâu|vì đâu|nhờ đâu|lý do|lí do|nguyên nhân|vì lẽ gì|để làm gì|nhằm mục đích gì|mục đích"),
    ("definition", r"(?:nghĩa )?là gì$|là cái gì$|là như thế nào$|nghĩa là|định nghĩa|khái niệm"),
)
_ENGLISH: tuple[tuple[Kind, str], ...] = (
    ("date", r"\bwhen\b|(?:what|which) (?:year|month|day|date|century|decade|time)"),
    ("number", r"how (?:many|much|long|far|old|often|tall|high|large|big)|what (?:percentage|percent|number|amount)"),
    ("role", r"(?:what|which) (?:position|office|post|rank|role|job|occupation)"),
    ("person", r"\bwho(?:m|se)?\b|(?:what|which) (?:man|woman|person|general|president|leader|player|author)"),
    ("organisation", r"(?:what|which) (?:company|organi[sz]ation|agency|unit|school|university|team|party)"),
    ("place", r"\bwhere\b|(?:what|which) (?:country|city|province|district|place|region|state|island|river)"),
    ("reason", r"\bwhy\b|for what reason|what (?:caused|is the reason|was the reason)"),
)


def _compiled(patterns: tuple[tuple[Kind, str], ...], plain: bool = False) -> list[tuple[Kind, re.Pattern[str]]]:
    if plain:
        patterns = tuple((kind, fold(pattern).replace("|may (?!doi)", "").replace("|may$", "")) for kind, pattern in patterns)
    return [(kind, re.compile(pattern)) for kind, pattern in patterns]


_KINDS = {
    "vi": _compiled(_VIETNAMESE),
    "vi-plain": _compiled(_VIETNAMESE, plain=True),
    "en": _compiled(_ENGLISH),
}

# Words of asking and of grammar: they say what is asked, not what the answer is about.
_FUNCTION = frozenset(
    "là gì nào ai đâu bao nhiêu mấy khi sao thế vì tại ở có của và được bị những các một cho trong với về từ để do "
    "theo đã đang sẽ không này đó ra như thì mà cái điều việc người vào lúc hãy kể tên liệt hỏi".split()
)

# What a number is counted in when the question names the measure and not the unit.
_UNITS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        r"tiền|kinh phí|ngân sách|chi phí|giá|trị giá|vốn|thu nhập|lương|doanh thu|how much",
        ("đồng", "tỷ", "tỉ", "triệu", "nghìn", "usd", "đô", "euro", "vnd", "$", "bảng", "đ"),
    ),
    (r"phần trăm|tỷ lệ|tỉ lệ|percent", ("%", "phần")),
    (r"bao lâu|thời gian|how long", ("năm", "tháng", "ngày", "giờ", "phút", "tuần", "giây", "thế")),
    (r"tuổi|how old", ("tuổi",)),
    (r"bao xa|dài|rộng|cao|sâu|khoảng cách|how far|how tall|how high", ("m", "km", "mét", "cm", "kilômét", "dặm", "hải")),
    (r"diện tích", ("km²", "km2", "ha", "m²", "m2", "héc", "km", "hecta", "mét")),
    (r"dân số|bao nhiêu dân|bao nhiêu người|how many people|population", ("người", "dân", "nhân", "triệu", "nghìn")),
    (r"nặng|khối lượng|trọng lượng", ("kg", "g", "tấn", "tạ", "gram", "gam")),
    (r"thứ mấy|thứ bao nhiêu", ("thứ",)),
)
_UNIT_PATTERNS = tuple((re.compile(p), re.compile(fold(p)), units) for p, units in _UNITS)
_COUNTED = re.compile(r"(?:bao nhiêu|bao nhieu|mấy|how many|how much)\s+(\w+)(?:\s+(\w+))?")


class Rarity:
    """How rare a term is in Vietnamese writing: log(passages / passages that hold it), natural.

    From a fixed table, so that a question weighs the same over five articles as over a million; what the table
    lacks is as rare as its rarest. A term without accents stands for all that fold to it.
    """

    def __init__(self, table: dict[str, float], rarest: float) -> None:
        self._table = table
        self._rarest = rarest
        self._folded: dict[str, float] = {}

    def __call__(self, term: str, plain: bool = False) -> float:
        if not plain:
            return self._table.get(term, self._rarest)
        if not self._folded:  # made when the first question without accents comes
            for word, rarity in self._table.items():
                # The commonest of the words that fold together decides: it is what most occurrences are.
                key = fold(word)
                self._folded[key] = min(rarity, self._folded.get(key, rarity))
        return self._folded.get(term, self._rarest)


@dataclass(frozen=True, slots=True)
class Question:
    """A question, understood.

    ``weights`` are the terms of its content with their rarity, in the form in which sentences are compared
    (folded where ``plain``); ``pairs`` neighbouring terms likewise; ``names`` those of its terms that belong to proper
    names or are numbers; ``units`` what an asked number may be counted in (canonical); ``order`` all its terms.
    """

    text: str
    kind: Kind
    plain: bool
    english: bool
    weights: dict[str, float]
    pairs: dict[tuple[str, str], float]
    names: frozenset[str]
    units: tuple[str, ...]
    order: tuple[str, ...]

    def form(self, text: str) -> list[str]:
        """The terms of ``text`` in the form in which this question compares them."""
        return terms(fold(text) if self.plain else text)


def understand(text: str, rarity: Rarity) -> Question:
    """Read a question; any text will do."""
    spoken = language(text)
    english = spoken == "en"
    plain = english or not has_accents(text)
    lowered = " ".join(text.lower().split()).strip(" ?!.…")
    kind: Kind = next((kind for kind, pattern in _KINDS[spoken] if pattern.search(lowered)), "other")
    order = tuple(terms(fold(text) if plain else text))
    names = _names(text, plain)
    if english:
        # The words of another language can be met only as names and numbers; the rest is the encoder's to judge.
        content = [t for t in order if t in names]
    else:
        function = _PLAIN_FUNCTION if plain else _FUNCTION
        content = [t for t in order if t not in function] or list(order)
    weights = {term: rarity(term, plain) for term in content}
    pairs = {
        (a, b): min(rarity(a, plain), rarity(b, plain))
        for a, b in zip(order, order[1:], strict=False)
        if not english or (a in names and b in names)
    }
    return Question(text, kind, plain, english, weights, pairs, names, _units(lowered, plain), order)


_PLAIN_FUNCTION = frozenset(fold(word) for word in _FUNCTION)
_ENGLISH_STARTS = frozenset(
    "a an are as at by can did do does for from had has how if in is name of on the to under was were what when where "
    "which who whom whose why with".split()
)


def _names(text: str, plain: bool) -> frozenset[str]:
    """Terms of capitalised words (not the first alone, unless it cannot be Vietnamese) and of numbers."""
    words = [text[s.start : s.end] for s in tokens(text)]
    big = [word[0].isupper() for word in words]
    names: set[str] = set()
    shouting = sum(big) > 0.7 * len(words) and len(words) > 3
    for i, word in enumerate(words):
        named = big[i] and not shouting
        if i == 0 and named:
            foreign = not is_syllable(word) or any(big[1:2])
            named = foreign and word.lower() not in _ENGLISH_STARTS
        if named or any(c.isdigit() for c in word):
            names.update(terms(fold(word) if plain else word))
    return frozenset(names)


def _units(lowered: str, plain: bool) -> tuple[str, ...]:
    found: list[str] = []
    for exact, folded, units in _UNIT_PATTERNS:
        if (folded if plain else exact).search(lowered):
            found.extend(units)
    if match := _COUNTED.search(lowered):
        found.extend(word for word in match.groups() if word and word not in ("là", "la"))
    return tuple(dict.fromkeys(found))
