"""Where a sentence ends.

One compiled pattern walks over the text and stops only at marks that may end a sentence (``. ! ? …`` and line
ends); each place is then judged by the few words around it. Every look back or ahead is bounded, so the time is
linear in the text whatever it holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from ..text import is_syllable
from ..types import Span
from .lexicon import (
    COMPANY,
    FIRST,
    HANGING,
    HANGING_BEFORE_NAME,
    HANGING_BEFORE_NUMBER,
    KIND,
    PERSON,
    SHORT,
    SHORT_OR_END,
    SURNAMES,
    UNITS,
)

__all__ = ["LONG_SENTENCE", "MAX_SENTENCE", "split_sentences"]

MAX_SENTENCE = 2000
"""Characters. What runs on longer without any stop is cut at a clause mark or a space."""

LONG_SENTENCE = 100
"""Words (between spaces). A sentence with more is also cut behind its semicolons."""

_REACH = 200  # characters: how far a bracket is looked for
_UPPER = "".join(c for c in map(chr, range(0x1F00)) if c.isupper())

# One character that may end a sentence comes first, so that the scan for it runs at the speed of C. Of a run of
# stops only the first character is a place to begin (the look-behind), else a million dots would cost a million
# squared; possessive quantifiers (++, *+) keep the rest from being tried twice.
_PLACE = re.compile(
    rf"""[\n.!?…。！？](?:
      (?P<line>(?<=\n)\s*+)
    | (?P<full>(?<=[。！？])[。！？]*+["'”’»)\]」』）]*+)
    | (?<=[.!?…])(?<![.!?…]{{2}})(?P<more>[.!?…]*+(?:/\.)?+)
      (?P<closed>(?: [^\S\n]?[”’»] | ["')\]}}] | [^\S\n]"(?=[,.;:!?)]|[^\S\n]*+(?:\n|\Z)) )*+)
      (?:\[\w{{1,4}}\])*+
      (?=\s|[{_UPPER}])
    )""",
    re.VERBOSE,
)
_AFTER = re.compile(r"(?P<gap>\s*+)(?P<open>(?:[^\w\s.!?…,;:%]\s?){0,8}+)(?P<word>\w{0,24})")

_ROMAN = "[IVXLC]{1,6}"
_COUNT = r"\d{1,3}(?:\.\d{1,3})*"
_PART = "Phần|Chương|Mục|Tiểu mục|Điều|Khoản|Điểm|Bài|Bước|Câu|Hình|Bảng|Biểu|Phụ lục|Chủ đề"
_LETTER = "[a-zđ]"
_LABEL = rf"(?:{_PART})\s(?:{_COUNT}|{_ROMAN}|{_LETTER})"
# No more than a number waiting for its words: before its stop, and as a whole line.
_NUMBER = re.compile(rf"[-–•+*(]?\s*(?:{_COUNT}|{_ROMAN}|{_LETTER}|{_LABEL})", re.IGNORECASE)
_NUMBER_LINE = re.compile(rf"{_COUNT}[.)/]|(?:{_ROMAN}|{_LETTER})[.)]|{_LABEL}[.:]?|[-–•+*]", re.IGNORECASE)
_ITEM = re.compile(
    rf"(?P<bullet>[•●▪◦▫►‣·*+=])|(?P<dash>[-–—])"
    rf"|\(?(?:\d{{1,2}}(?:\.\d{{1,2}})*[.)/]|{_ROMAN}[.)]|[a-zđ]\.|[a-zđA-ZĐ]\))\s+\S"
)
_INITIAL = re.compile(r"(?:(?:Th|Tr|Ph|Kh|Nh|Ngh|Ng|Ch|Gi|Qu|[A-ZĐĂÂÊÔƠƯ])(?:\.(?!\Z)|\Z))+")


def split_sentences(text: str, start: int = 0, end: int | None = None) -> list[Span]:
    """The sentences of ``text[start:end]``: spans of ``text``, in order, without surrounding space.

    Every character that is not space lies in exactly one span. A heading, an item of a list and a
    photo credit is a sentence even without a stop; a single line break inside running words is not an
    end, an empty line is one. No span is longer than ``MAX_SENTENCE`` characters.

    >>> text = "Ông Phan Kim Đ. ở TP. Vinh. Năm 2017, ông chi 11,5 tỷ đồng..."
    >>> [span.of(text) for span in split_sentences(text)]
    ['Ông Phan Kim Đ. ở TP. Vinh.', 'Năm 2017, ông chi 11,5 tỷ đồng...']
    """
    start, end, _ = slice(start, end).indices(len(text))
    part = text if (start, end) == (0, len(text)) else text[start:end]
    spans: list[Span] = []
    last = 0
    refused = -1  # where the latest stop that ends nothing is over
    wrap = _Wrapped(part)
    for place in _PLACE.finditer(part):
        if place["line"] is not None:
            cut = place.start()
            ends = _line_ends(part, last, place, refused, wrap)
        else:
            cut = place.end()
            ends = place["full"] is not None or _stop_ends(part, last, place)
            if not ends:
                refused = cut
        if ends:
            _add(spans, part, last, cut, start)
            last = cut
    _add(spans, part, last, len(part), start)
    return spans


def _add(spans: list[Span], text: str, start: int, end: int, offset: int) -> None:
    """Add the sentence ``text[start:end]``, cut where it is too long, without surrounding space."""
    piece = text[start:end]
    size = len(piece)
    stripped = piece.strip()
    if not stripped:
        return
    start += size - len(piece.lstrip())
    if len(stripped) <= 2 * LONG_SENTENCE:  # too short for so many words
        spans.append(Span(offset + start, offset + start + len(stripped)))
        return
    for a, b in _shorter(stripped):
        spans.append(Span(offset + start + a, offset + start + b))


def _shorter(sentence: str) -> Iterator[tuple[int, int]]:
    """The pieces of a long sentence: clauses between semicolons if it has many words, none over the limit."""
    ends = [len(sentence)]
    if ";" in sentence and len(sentence.split(None, LONG_SENTENCE)) > LONG_SENTENCE:
        ends = [m.end() for m in re.finditer(r";(?=\s)", sentence) if not _bracketed(sentence, 0, m.start(), m.end())]
        ends.append(len(sentence))
    at = 0
    for end in ends:
        while at < end:
            cut = end if end - at <= MAX_SENTENCE else _clause(sentence, at)
            piece = sentence[at:cut]
            inner = piece.strip()
            if inner:
                left = at + len(piece) - len(piece.lstrip())
                yield left, left + len(inner)
            at = cut


def _clause(text: str, start: int) -> int:
    """Where to cut a sentence that is over the limit: at a clause mark or a space in the second half of the reach."""
    middle, limit = start + MAX_SENTENCE // 2, start + MAX_SENTENCE
    for marks in (("; ", ". ", ": "), (", ", ") "), (" ", "\n")):
        cut = max(text.rfind(mark, middle, limit) for mark in marks)
        if cut >= 0:
            return cut + 1
    return limit


def _stop_ends(text: str, last: int, place: re.Match[str]) -> bool:
    """Whether the stop at ``place`` ends the sentence that began at ``last``."""
    at, end = place.span()
    mark, closed = text[at] + place["more"], place["closed"]
    if mark.endswith("/."):
        return True
    after = _AFTER.match(text, end)
    assert after is not None  # every part of it may be empty
    gap, opened, word = after.groups()
    if not word:
        return False
    if "\n" not in gap and at and text[at - 1] in "([" and closed[:1] in (")", "]"):  # (…) or (?) inside a sentence
        return False
    quoted = any(c in "\"'”’»" for c in closed)
    if quoted and opened[:1] in ("-", "–", "—"):  # "…!" - ông Nam nói
        return False
    if opened.startswith("(") and word.isdigit() and len(word) == 4:  # (2006)
        return False
    if ")" not in closed and _bracketed(text, last, at, end):
        return False
    lower = word[0].islower() and not any(c.isupper() for c in word[1:3])  # iPhone begins a sentence, and so does eSIM
    first = word.lower() in FIRST
    token = _token(text, last, at)
    before = token.rpartition(".")[2]
    if not gap and not closed and not _glued(before, token, word, first, text[after.end() : after.end() + 1]):
        return False
    if mark != ".":
        if "!" in mark or "?" in mark:
            return not lower or (not closed and not opened and before.islower()) if before != "Yahoo" else False
        return not lower and (first or before.lower() not in HANGING)
    if at - last < 30 and _NUMBER.fullmatch(text[last:at].strip()):
        return False
    name = token.lower()
    if before.lower() in SHORT or name in SHORT:
        return False
    if name.endswith("v.v") or name == "vv":
        return not lower
    if token != "Tr" and name in SHORT_OR_END:
        return first or (not lower and not word[0].isdigit() and name != "cn")
    if name in COMPANY:
        return not lower and (first or is_syllable(word))
    if _INITIAL.fullmatch(token):
        return not lower and "(" not in opened and _initial_ends(text, last, at - len(token), token, word, after.end())
    if token.isdigit():
        head = text[max(last, at - len(token) - 2) : at - len(token)].rstrip()
        if len(token) < 3 and head.endswith((":", ";")):  # gồm: 1. Đơn; 2. Giấy
            return False
        if word == "000" or (word.isdigit() and token[0] == "0"):  # 37. 000, 024. 3825
            return False
    if lower:
        # A text typed without capitals; an abbreviation nobody listed has no vowel, or is shorter.
        if closed or opened or len(token) < 2:
            return False
        if any(c.isdigit() for c in token):
            return not token.isdigit() or len(token) > 2
        return is_syllable(token) or name in UNITS
    return True


def _token(text: str, last: int, at: int) -> str:
    """The word that ends at ``at``, with the stops and strokes inside it: GS.TS, Đ/c, 27/8."""
    chunk = text[max(last, at - 24) : at]
    if not chunk or chunk[-1].isspace():
        return ""
    return chunk.split()[-1].lstrip("\"'“‘«([-–—")


def _glued(before: str, token: str, word: str, first: bool, following: str) -> bool:
    """Whether a stop without a space behind it was meant as one with: "xong.Sau" and not "TP.Vinh", "abc.Net"."""
    if (
        len(before) == 1
        or "@" in token
        or ("/" in token and "." in token)
        or following in ("/", "@", ".")
        or not word[1:].islower()
    ):
        return False
    if before.lower() in SHORT:
        return False
    return first or (before[1:].islower() and is_syllable(before.rpartition("/")[2]) and is_syllable(word))


def _initial_ends(text: str, last: int, at: int, token: str, word: str, word_end: int) -> bool:
    """Whether a sentence may end with the initial ``token`` that begins at ``at``, the next word being ``word``."""
    if word.lower() in FIRST:
        return True
    chunk = text[max(last, at - 24) : at].rstrip()
    if not chunk or not (chunk[-1].isalnum() or chunk[-1] == "."):  # after a comma: P. Tân An, Q. 1
        return False
    if len(word) == 1 and text[word_end : word_end + 1] == ".":  # N. V. A.
        return False
    if chunk[-1] == "." or token.count(".") == 1:  # N. T. Hoa, bà N.T. Hoa
        return False
    likely = word[0].isdigit() or word.isupper() or is_syllable(word)  # not the rest of a foreign name
    if token.count(".") > 1:  # P.T.M. is a whole name
        return likely
    words = chunk.split()
    before = words[-1].lstrip("\"'“‘«([-–—")
    if before in SURNAMES and not (len(words) > 1 and words[-2][:1].isupper()):  # Trịnh H. Hoa, but Lê Hoàng H.
        return False
    if before.lower() in KIND or (token == "I" and before.islower()):
        return True
    if word.lower() in SHORT:  # ông Q. ĐT: 0912
        return False
    if before in PERSON or (before[:1].isupper() and is_syllable(before)):
        return likely
    return False


def _bracketed(text: str, last: int, at: int, end: int) -> bool:
    """Whether ``at`` lies in a bracket that was opened shortly before and is closed shortly after ``end``."""
    left = text.rfind("(", max(last, at - _REACH), at)
    if left < 0 or text.find(")", left, at) >= 0:
        return False
    right = text.find(")", end, end + _REACH)
    return right >= 0 and text.find("(", end, right) < 0


class _Wrapped:
    """Tells lines that were broken at a fixed width from headings, paragraph by paragraph."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.end = -1  # of the paragraph last looked at
        self.width = 0  # of its lines, 0 if they were not broken at a width

    def full(self, start: int, end: int) -> bool:
        """Whether the line ``text[start:end]`` is wrapped, that is, the next word had no room in it."""
        if end >= self.end:
            self._measure(start, end)
        if not self.width:
            return False
        return self._filled(self.text[start:end].rstrip(), self.text[end + 1 : end + 32])

    def _filled(self, line: str, following: str) -> bool:
        """Whether the first word of ``following`` had no room; a tenth is allowed for letters of unequal width."""
        return len(line) + 1 + len(_first_word(following)) > 0.9 * self.width

    def _measure(self, start: int, end: int) -> None:
        """Look at the lines around ``text[start:end]``: some before it, and 40 after it if they have no empty one."""
        near = max(0, start - 600)
        blank = self.text.rfind("\n\n", near, start)
        at = blank + 2 if blank >= 0 else self.text.find("\n", near) + 1 if near else 0
        lines: list[str] = []
        ahead = 0
        while ahead < 40 and at <= len(self.text):
            stop = self.text.find("\n", at)
            stop = len(self.text) if stop < 0 else stop
            line = self.text[at:stop].strip()
            at = stop + 1
            ahead += at > end
            if line:
                lines.append(line)
            elif ahead:
                break
        self.end, self.width = at, max(map(len, lines), default=0)
        if not 40 <= self.width <= 140:
            self.width = 0
            return
        running = headings = 0
        for line, following in pairwise(lines):
            if line[-1] not in ".!?…:;":
                last = line.split()[-1]
                if following[0].islower() or last in HANGING or last in HANGING_BEFORE_NUMBER:
                    running += self._filled(line, following)
                else:
                    headings += not self._filled(line, following)
        if running <= headings:
            self.width = 0


def _first_word(line: str) -> str:
    return line.split(None, 1)[0] if line.strip() else ""


def _line_ends(text: str, last: int, place: re.Match[str], refused: int, wrap: _Wrapped) -> bool:
    """Whether the line break at ``place`` ends the sentence that began at ``last``."""
    at, following = place.span()
    if following == len(text) or text.find("\n", at + 1, following) >= 0:  # an empty line
        return True
    reach = max(last, at - _REACH)
    tail = text[reach:at].rstrip()
    if not tail:
        return False
    nearly = text[last:at].strip() if at - last < 40 else ""  # the whole sentence so far, if short
    item = _ITEM.match(text, following)
    if item is not None and (item["dash"] is None or _dash_begins(text, last, tail, item.end())):
        return True
    if item is not None or _NUMBER_LINE.fullmatch(nearly):
        return False
    after = _AFTER.match(text, following)
    assert after is not None  # every part of it may be empty
    word = after["word"]
    if refused == reach + len(tail):  # TP. <- line break -> Vinh
        return False
    if not word:
        return text[following] not in ",.;:!?…)”»%"
    if word[0].islower() and not any(c.isupper() for c in word[1:3]):
        return False
    if tail[-1] in ":;":
        return True
    first = word.lower() in FIRST
    if tail[-1] == ",":  # a slip for a full stop, if a usual first word has a capital
        return first
    if tail[-1] in "([{“‘«-–—&" or _bracketed(text, last, at, following):
        return False
    before = tail.split()[-1]
    if (before in HANGING and not first) or (word[0].isdigit() and before in HANGING_BEFORE_NUMBER):
        return False
    if before in HANGING_BEFORE_NAME and not word[0].isdigit() and not first:
        return False
    return not wrap.full(text.rfind("\n", 0, at) + 1, at)


def _dash_begins(text: str, last: int, tail: str, at: int) -> bool:
    """Whether a dash at the start of a line begins an item or a turn of speech, not the rest of "a - b"."""
    rest = text[at : at + 8].lstrip()
    if tail[-1] in '.!?…:;,"”' or text[last : last + 8].lstrip()[:1] in ("-", "–", "—"):
        return True
    line_end = text.find("\n", at, at + 2 * _REACH)
    if line_end >= 0 and text[line_end + 1 : line_end + 8].lstrip()[:1] in ("-", "–", "—"):  # the next line is one too
        return True
    return not (rest[:1].islower() or (rest[:1].isdigit() and tail[-1].isdigit()))
