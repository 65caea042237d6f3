"""Checks whether what a language model wrote rests on the passages that it cites.

Only strings are compared. The checks cannot see a negation that was added or left out, right words put together
wrongly, or numbers in words (hai mươi).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from ...segmentation import split_sentences
from ...text import clean, detect_language, fold, has_accents, terms, tokenize
from ...types import Hit

__all__ = ["MIN_SHARE", "MIN_SHARE_CITED", "Claim", "split_claims", "verify"]

MIN_SHARE = 0.5
"""Minimum share of a sentence's words, without function words, that the cited passages contain.

Nine in ten news headlines reach it in a passage of their own article, two in a thousand in one of another article.
"""

MIN_SHARE_CITED = 0.2
"""A citation of a passage that contains less than this share of the words does not count."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of a reply.

    Attributes:
        text: The sentence without its citations.
        cited: The numbers that it cites.
        line: The line of the reply in which it is.
    """

    text: str
    cited: tuple[int, ...]
    line: int


_THOUGHT = re.compile(r"\A\s*<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL)
_MARKDOWN = re.compile(r"^(?:[-*•+–>]|\d{1,2}[.)]|#{1,6})\s+|\*\*|__|`")
_NUMBER = r"(?:(?:đoạn|passage|source)\s*)?\d{1,3}"
_CITATION = re.compile(rf"\s*[\[【]\s*({_NUMBER}(?:\s*(?:[,;–-]|và|and)\s*{_NUMBER})*)\s*[\]】]", re.IGNORECASE)


def split_claims(reply: str) -> list[Claim]:
    """Split a reply into sentences with their citations: ``[1]``, ``[1][2]``, ``[1, 2]``, ``[1-3]``.

    A citation after a full stop belongs to the sentence before it, one at the start of a line to the sentence after it.
    Thoughts at the beginning (``<think>``) and Markdown are left out.
    """
    claims: list[Claim] = []
    for number, line in enumerate(_THOUGHT.sub("", clean(reply)).splitlines()):
        text, citations = _without_citations(_MARKDOWN.sub("", line.strip()))
        spans = split_sentences(text)
        if not spans:
            continue
        cited: list[list[int]] = [[] for _ in spans]
        for place, numbers in citations:
            owner = max((index for index, span in enumerate(spans) if span.start < place), default=0)
            cited[owner] += numbers
        for span, numbers in zip(spans, cited, strict=True):
            sentence = " ".join(span.of(text).split())
            claims.append(Claim(sentence, tuple(dict.fromkeys(numbers)), number))
    return claims


def _without_citations(line: str) -> tuple[str, list[tuple[int, list[int]]]]:
    """Return the line without citations, and the place and the numbers of each."""
    parts: list[str] = []
    citations: list[tuple[int, list[int]]] = []
    end = length = 0
    for match in _CITATION.finditer(line):
        part = line[end : match.start()]
        parts.append(part)
        length += len(part)
        citations.append((length, _cited_numbers(match[1])))
        end = match.end()
    parts.append(line[end:])
    return "".join(parts), citations


def _cited_numbers(citation: str) -> list[int]:
    numbers: list[int] = []
    for first, last in re.findall(r"(\d+)(?:\s*[–-]\s*\D*(\d+))?", citation):
        numbers += range(int(first), int(last or first) + 1)
    return numbers


def verify(claim: Claim, hits: Sequence[Hit]) -> tuple[tuple[Hit, ...], str]:
    """Check a claim against the passages that it cites.

    Every web address, number and date of it must be in one of them (or in the title or date of its article), and
    MIN_SHARE of its words. Numbers are compared by value (37.000 is 37,000; 8,5 triệu is not 8,5 tỷ), dates as wholes,
    words without accents if one side has none. A sentence in English about Vietnamese passages is judged by its names
    and numbers, and rejected if it has none.

    Args:
        claim: The claim.
        hits: The passages; ``[n]`` cites ``hits[n - 1]``.

    Returns:
        The supporting hits and an empty string; or none, and the reason why the claim is rejected, as a clause.
    """
    cited = [hits[number - 1] for number in claim.cited if 1 <= number <= len(hits)]
    if not cited:
        unknown = ", ".join(f"[{number}]" for number in claim.cited)
        return (), f"it cites {unknown}, which does not exist" if unknown else "it cites no passage"
    texts = [_source_text(hit) for hit in cited]
    problem = _unsupported_fact(claim.text, texts)
    if problem:
        return (), problem

    only_names = detect_language(claim.text) == "en" and all(detect_language(h.passage.text) != "en" for h in cited)
    folded = only_names or not has_accents(claim.text) or not all(has_accents(text) for text in texts)
    words = _names(claim.text) if only_names else _content_words(claim.text, folded)
    if len(words) < 2 and not _values(claim.text):
        return (), "it has too few words to be found in a passage"
    if not words:
        return tuple(cited), ""

    supporting: list[Hit] = []
    supported: set[str] = set()
    for hit, text in zip(cited, texts, strict=True):
        common = words & _vocabulary(text, folded)
        if len(common) >= MIN_SHARE_CITED * len(words):
            supporting.append(hit)
            supported |= common
    if len(supported) < MIN_SHARE * len(words):
        return (), "too few of its words are in the passages that it cites"
    return tuple(supporting), ""


def _unsupported_fact(claim: str, texts: Sequence[str]) -> str:
    """Return what is wrong with a claim's addresses, numbers and dates; an empty string if each is in a text."""
    known_addresses: set[str] = set().union(*map(_addresses, texts))
    for address in sorted(_addresses(claim) - known_addresses):
        return f"the address {address} is not in a passage that it cites"

    known_values = [_values(text) for text in texts]
    for value, written in _values(claim).items():
        if not any(value in values for values in known_values):
            return f"the number {written} is not in a passage that it cites"

    known_dates = [_dates(_plain_dates(text), with_dashes=True) for text in texts]
    for date in _dates(_plain_dates(claim), with_dashes=False):
        if not any(_has_date(date, dates, values) for dates, values in zip(known_dates, known_values, strict=True)):
            return f"the date {'/'.join(map(str, date))} is not in a passage that it cites"
    return ""


def _addresses(text: str) -> set[str]:
    return {url.rstrip(".,;:!?…”\"'") for url in re.findall(r"(?:https?://|www\.)[^\s<>()]+", text)}


def _source_text(hit: Hit) -> str:
    """Return all that a reply may take from a hit, as the prompt shows it."""
    date = hit.article.date
    written_date = f"{date.day}/{date.month}/{date.year}" if date else ""
    return "\n".join([hit.article.title, written_date, hit.passage.text])


# Words ---------------------------------------------------------------------------------------

# Function words, without accents.
_FUNCTION_WORDS = frozenset(
    "la va cua cac nhung mot co duoc bi trong cho voi ve tu den de theo da dang se khong nay do ra nhu thi ma vao "
    "tai o khi vi nen cung con rang boi tren duoi sau truoc hon rat the gi nao "
    "the a an of in on at to for by with and or is are was were be been it its as from that this which who has have "
    "had not".split()
)


def _content_words(text: str, folded: bool) -> set[str]:
    words = terms(fold(text) if folded else text)
    return {word for word in words if not word[0].isdigit() and fold(word) not in _FUNCTION_WORDS}


def _names(text: str) -> set[str]:
    """Return the capitalised words; the first word of the sentence only if another capitalised one follows it."""
    words = [span.of(text) for span in tokenize(_plain_dates(text))]
    is_name = [word[0].isupper() for word in words]
    if is_name and not any(is_name[1:2]):
        is_name[0] = False
    names: set[str] = set()
    for word, capitalised in zip(words, is_name, strict=True):
        if capitalised:
            names.update(terms(fold(word)))
    return names - _FUNCTION_WORDS


def _vocabulary(text: str, folded: bool) -> set[str]:
    """Return the words of a text, and each two neighbours joined: Hà Nội is Hanoi in English."""
    words = terms(fold(text) if folded else text)
    return {*words, *(first + second for first, second in pairwise(words))}


# Numbers -------------------------------------------------------------------------------------

_SCALES = {
    **dict.fromkeys(("nghìn", "ngàn", "thousand"), 3),
    **dict.fromkeys(("triệu", "million"), 6),
    **dict.fromkeys(("tỷ", "tỉ", "billion"), 9),
    "trillion": 12,
}
_SCALE = rf"(?:\s*(?:{'|'.join(_SCALES)})(?!\w))+"
# Not the 2 of km2, which is also written km².
_VALUE = re.compile(rf"(?<![kcd]m)(?<!\bm)(?<![\d.,])(\d+(?:[.,]\d+)*)({_SCALE})?", re.IGNORECASE)
_RANGE = re.compile(rf"(\d)(\s*(?:-|–|đến|tới|to)\s*)(\d+(?:[.,]\d+)*)({_SCALE})", re.IGNORECASE)
_GROUPS = re.compile(r"[1-9]\d{0,2}(?:([.,])\d{3})(?:\1\d{3})*")


def _values(text: str) -> dict[Decimal, str]:
    """Return the value of each number, with its scale, and how it is written; 5 đến 8 triệu is 5 triệu đến 8 triệu."""
    values: dict[Decimal, str] = {}
    for match in _VALUE.finditer(_RANGE.sub(r"\1\4\2\3\4", _plain_dates(text))):
        scale_words = re.findall(r"[^\W\d_]+", (match[2] or "").lower())
        scale = sum(_SCALES[word] for word in scale_words)
        for value in _parse_numbers(match[1]):
            values.setdefault(value.scaleb(scale).normalize(), match[0].strip())
    return values


def _parse_numbers(written: str) -> Iterator[Decimal]:
    """Yield the numbers in a run of digits, points and commas: 37.000, 11,5, 1.234,5 and 0,125 are one, 1.2.3 three."""
    last_mark = "," if written.rfind(",") > written.rfind(".") else "."
    integer, mark, decimals = written.rpartition(last_mark)
    if _GROUPS.fullmatch(written):
        yield Decimal(re.sub("[.,]", "", written))
    elif integer.isdigit() or (_GROUPS.fullmatch(integer) and mark not in integer):
        yield Decimal(f"{re.sub('[.,]', '', integer)}.{decimals}")
    else:
        yield from map(Decimal, re.split("[.,]", written))


# Dates ---------------------------------------------------------------------------------------

_MONTHS = "january february march april may june july august september october november december".split()
_MONTH = "|".join(_MONTHS)
_ENGLISH_DATE = re.compile(
    rf"\b(?:(?:(\d{{1,2}})(?:st|nd|rd|th)?\s+)?({_MONTH})(?:\s+(\d{{1,2}})(?:st|nd|rd|th)?\b)?(?:,?\s+(\d{{4}}))?)\b",
    re.IGNORECASE,
)


def _plain_dates(text: str) -> str:
    """Write all dates (in words, in English, with dots or dashes) as 27/8/2018, 27/8 or 8/2018."""
    text = re.sub(r"\b(\d{4})-(\d{1,2})-(\d{1,2})\b", r"\3/\2/\1", text)
    text = re.sub(r"\b(\d{1,2})[.-](\d{1,2})[.-](\d{4})\b", r"\1/\2/\3", text)
    text = re.sub(r"\b(\d{1,2})\s*tháng\s*(\d{1,2})\b", r"\1/\2", text, flags=re.IGNORECASE)
    text = re.sub(r"(tháng\s*\d{1,2}|\b\d{1,2}/\d{1,2})[\s,]+năm\s*(\d{4})\b", r"\1/\2", text, flags=re.IGNORECASE)
    return _ENGLISH_DATE.sub(_as_figures, text)


def _as_figures(match: re.Match[str]) -> str:
    day, year = match[1] or match[3], match[4]
    if not day and not year:
        return match[0]  # "may" is a word too
    month = str(_MONTHS.index(match[2].lower()) + 1)
    return "/".join(filter(None, [day, month, year]))


def _dates(plain: str, *, with_dashes: bool) -> set[tuple[int, ...]]:
    """Return the runs of numbers with slashes; with dashes too, as newspapers write 27-8."""
    dates = {tuple(map(int, run.split("/"))) for run in re.findall(r"\d{1,4}(?:/\d{1,4})+", plain)}
    if with_dashes:
        dates |= {(int(day), int(month)) for day, month in re.findall(r"\b(\d{1,2})-(\d{1,2})\b", plain)}
    return dates


def _has_date(date: tuple[int, ...], known: set[tuple[int, ...]], values: dict[Decimal, str]) -> bool:
    """Whether a known date is or contains the date, or is a part of it whose other parts are numbers of the text."""
    all_parts_known = all(Decimal(part).normalize() in values for part in date)
    return any(_contains(other, date) or (all_parts_known and _contains(date, other)) for other in known)


def _contains(long: tuple[int, ...], short: tuple[int, ...]) -> bool:
    return any(long[start : start + len(short)] == short for start in range(len(long) - len(short) + 1))
