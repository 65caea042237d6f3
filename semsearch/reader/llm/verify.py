"""Whether what a language model wrote rests on the passages that it cites: pure checks of strings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from ...segmentation import split_sentences
from ...text import clean, detect_language, fold, has_accents, terms, tokenize
from ...types import Hit

__all__ = ["MIN_CITED", "MIN_SHARE", "Claim", "claims", "support"]

MIN_SHARE = 0.5
"""So much of the words of a sentence, grammar left aside, must stand in the passages that it cites.

Of news headlines nine in ten reach it in a passage of their own article, two in a thousand in one of another article.
"""

MIN_CITED = 0.2
"""A citation of a passage that holds less than this share of them does not count."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of a reply: its text without citations, the numbers it cites, the line of the reply it stands in."""

    text: str
    cited: tuple[int, ...]
    line: int


_THOUGHT = re.compile(r"\A\s*<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL)
_MARKDOWN = re.compile(r"^(?:[-*•+–>]|\d{1,2}[.)]|#{1,6})\s+|\*\*|__|`")
_NUMBER = r"(?:(?:đoạn|passage|source)\s*)?\d{1,3}"
_CITATION = re.compile(rf"\s*[\[【]\s*({_NUMBER}(?:\s*(?:[,;–-]|và|and)\s*{_NUMBER})*)\s*[\]】]", re.IGNORECASE)


def claims(reply: str) -> list[Claim]:
    """The sentences of a reply, in order, with what each cites: ``[1]``, ``[1][2]``, ``[1, 2]``, ``[1-3]``.

    A citation after a full stop belongs to the sentence before it, one at the start of a line to the one after it.
    What a model thinks aloud first (``<think>``) and marks of Markdown are left out.
    """
    found: list[Claim] = []
    for number, line in enumerate(_THOUGHT.sub("", clean(reply)).splitlines()):
        bare, places = _without_citations(_MARKDOWN.sub("", line.strip()))
        spans = split_sentences(bare)
        cited: list[list[int]] = [[] for _ in spans]
        for at, numbers in places if spans else ():
            owner = max((i for i, span in enumerate(spans) if span.start < at), default=0)
            cited[owner] += numbers
        for span, own in zip(spans, cited, strict=True):
            found.append(Claim(" ".join(span.of(bare).split()), tuple(dict.fromkeys(own)), number))
    return found


def _without_citations(line: str) -> tuple[str, list[tuple[int, list[int]]]]:
    """The line without them, and where in it each stood, with its numbers."""
    pieces: list[str] = []
    places: list[tuple[int, list[int]]] = []
    at = length = 0
    for match in _CITATION.finditer(line):
        pieces.append(line[at : match.start()])
        length += len(pieces[-1])
        places.append((length, _numbers_cited(match[1])))
        at = match.end()
    return "".join([*pieces, line[at:]]), places


def _numbers_cited(written: str) -> list[int]:
    numbers: list[int] = []
    for first, last in re.findall(r"(\d+)(?:\s*[–-]\s*\D*(\d+))?", written):
        numbers += range(int(first), int(last or first) + 1)
    return numbers


def support(claim: Claim, hits: Sequence[Hit]) -> tuple[tuple[Hit, ...], str]:
    """The hits that carry the claim and ``""``, or none and the reason why it is struck, one clause.

    ``hits[n - 1]`` is what ``[n]`` cites. Every web address, number and date of it must stand in a passage
    that it cites (or in its title or date), and MIN_SHARE of its words. Numbers are compared by value (37.000 is
    37,000; 8,5 triệu is not 8,5 tỷ), dates as wholes, words without accents where either side has none. A sentence in
    English on Vietnamese passages is judged by its names and numbers, and struck if it has none. Numbers in words
    (hai mươi) are words like others.
    """
    cited = [hits[n - 1] for n in claim.cited if 1 <= n <= len(hits)]
    if not cited:
        unknown = ", ".join(f"[{n}]" for n in claim.cited)
        return (), f"it cites {unknown}, which is no passage" if unknown else "it cites no passage"
    texts = [_text(hit) for hit in cited]
    for url in sorted(_addresses(claim.text).difference(*map(_addresses, texts))):
        return (), f"the address {url} stands in no passage that it cites"
    own, dates = _values(claim.text), _dates(_plain_dates(claim.text), loose=False)
    there = [(_values(text), _dates(_plain_dates(text), loose=True)) for text in texts]
    for value, written in own.items():
        if not any(value in values for values, _ in there):
            return (), f"the number {written} stands in no passage that it cites"
    for date in dates:
        if not any(_dated(date, known, values) for values, known in there):
            return (), f"the date {'/'.join(map(str, date))} stands in no passage that it cites"
    foreign = detect_language(claim.text) == "en" and all(detect_language(hit.passage.text) != "en" for hit in cited)
    plain = foreign or not has_accents(claim.text) or not all(map(has_accents, texts))
    words = _names(claim.text) if foreign else _content(claim.text, plain)
    if len(words) < 2 and not own:
        return (), "it says too little to be found in a passage"
    if not words:
        return tuple(cited), ""
    held = [words & _vocabulary(text, plain) for text in texts]
    kept = [i for i, some in enumerate(held) if len(some) >= MIN_CITED * len(words)]
    if len(set().union(*(held[i] for i in kept))) < MIN_SHARE * len(words):
        return (), "too few of its words stand in the passages that it cites"
    return tuple(cited[i] for i in kept), ""


def _addresses(text: str) -> set[str]:
    return {url.rstrip(".,;:!?…”\"'") for url in re.findall(r"(?:https?://|www\.)[^\s<>()]+", text)}


def _text(hit: Hit) -> str:
    """All that a reply may take from a hit, as the prompt shows it."""
    day = hit.article.date
    return "\n".join([hit.article.title, f"{day.day}/{day.month}/{day.year}" if day else "", hit.passage.text])


# Words ---------------------------------------------------------------------------------------

# Words of grammar, without accents: they stand in every passage and say nothing.
_GRAMMAR = frozenset(
    "la va cua cac nhung mot co duoc bi trong cho voi ve tu den de theo da dang se khong nay do ra nhu thi ma vao "
    "tai o khi vi nen cung con rang boi tren duoi sau truoc hon rat the gi nao "
    "the a an of in on at to for by with and or is are was were be been it its as from that this which who has have "
    "had not".split()
)


def _content(text: str, plain: bool) -> set[str]:
    words = terms(fold(text) if plain else text)
    return {word for word in words if not word[0].isdigit() and fold(word) not in _GRAMMAR}


def _names(text: str) -> set[str]:
    """Words with a capital letter; the first one of the sentence only where another follows it."""
    words = [span.of(text) for span in tokenize(_plain_dates(text))]
    big = [word[0].isupper() for word in words]
    if big and not any(big[1:2]):
        big[0] = False
    return {term for word, capital in zip(words, big, strict=True) if capital for term in terms(fold(word))} - _GRAMMAR


def _vocabulary(text: str, plain: bool) -> set[str]:
    """Its words, and each two neighbours written together: Hà Nội is Hanoi in English."""
    words = terms(fold(text) if plain else text)
    return {*words, *(a + b for a, b in pairwise(words))}


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
    """The value of each number, with its scale, and how it is written; 5 đến 8 triệu is 5 triệu đến 8 triệu."""
    found: dict[Decimal, str] = {}
    for match in _VALUE.finditer(_RANGE.sub(r"\1\4\2\3\4", _plain_dates(text))):
        scale = sum(_SCALES[word] for word in re.findall(r"[^\W\d_]+", (match[2] or "").lower()))
        for value in _parts(match[1]):
            found.setdefault(value.scaleb(scale).normalize(), match[0].strip())
    return found


def _parts(written: str) -> Iterator[Decimal]:
    """37.000 is one number, so is 11,5 and 1.234,5 and 0,125; 1.2.3 is three."""
    whole, mark, rest = written.rpartition("," if written.rfind(",") > written.rfind(".") else ".")
    if _GROUPS.fullmatch(written):
        yield Decimal(re.sub("[.,]", "", written))
    elif whole.isdigit() or (_GROUPS.fullmatch(whole) and mark not in whole):
        yield Decimal(f"{re.sub('[.,]', '', whole)}.{rest}")
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
    """Dates in words, with dots or dashes, and in English, all as 27/8/2018, 27/8 or 8/2018."""
    text = re.sub(r"\b(\d{4})-(\d{1,2})-(\d{1,2})\b", r"\3/\2/\1", text)
    text = re.sub(r"\b(\d{1,2})[.-](\d{1,2})[.-](\d{4})\b", r"\1/\2/\3", text)
    text = re.sub(r"\b(\d{1,2})\s*tháng\s*(\d{1,2})\b", r"\1/\2", text, flags=re.IGNORECASE)
    text = re.sub(r"(tháng\s*\d{1,2}|\b\d{1,2}/\d{1,2})[\s,]+năm\s*(\d{4})\b", r"\1/\2", text, flags=re.IGNORECASE)
    return _ENGLISH_DATE.sub(_as_figures, text)


def _as_figures(match: re.Match[str]) -> str:
    day, year = match[1] or match[3], match[4]
    if not day and not year:
        return match[0]  # "may" is a word, too
    return "/".join(filter(None, [day, str(_MONTHS.index(match[2].lower()) + 1), year]))


def _dates(plain: str, *, loose: bool) -> set[tuple[int, ...]]:
    """Runs of numbers with slashes; ``loose``: also with a dash, as newspapers write 27-8."""
    found = {tuple(map(int, run.split("/"))) for run in re.findall(r"\d{1,4}(?:/\d{1,4})+", plain)}
    if loose:
        found |= {(int(a), int(b)) for a, b in re.findall(r"\b(\d{1,2})-(\d{1,2})\b", plain)}
    return found


def _dated(date: tuple[int, ...], known: set[tuple[int, ...]], values: dict[Decimal, str]) -> bool:
    """Whether one of ``known`` is the date or holds it, or is part of it and the rest stands nearby as a number."""
    rest = all(Decimal(part).normalize() in values for part in date)
    return any(_holds(other, date) or (rest and _holds(date, other)) for other in known)


def _holds(long: tuple[int, ...], short: tuple[int, ...]) -> bool:
    return any(long[i : i + len(short)] == short for i in range(len(long) - len(short) + 1))
