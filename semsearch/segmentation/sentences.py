"""Sentence splitting by rules for Vietnamese.

One pattern finds the places that may end a sentence (``. ! ? …`` and line breaks), and the few words around each
place decide. Every look back or ahead is bounded, so the time is linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from ..text import is_syllable
from ..types import Span
from .lexicon import (
    ABBREVIATIONS,
    AMBIGUOUS_ABBREVIATIONS,
    COMPANY_SUFFIXES,
    FIRST_WORDS,
    FORMS_OF_ADDRESS,
    LETTERED_NOUNS,
    NEVER_LAST,
    NEVER_LAST_BEFORE_NAME,
    NEVER_LAST_BEFORE_NUMBER,
    SURNAMES,
    UNITS,
)

__all__ = ["MAX_SENTENCE", "split_sentences"]

MAX_SENTENCE = 2000
"""Maximum length of a sentence in characters. A longer run without a stop is cut at a clause mark or a space."""

_LONG_SENTENCE_WORDS = 100  # a sentence with more words is also cut after its semicolons
_BRACKET_REACH = 200  # characters within which a bracket is looked for
_TOKEN_REACH = 24  # characters of the words before a stop that are looked at
_DASHES = ("-", "–", "—")
_UPPER_CASE = "".join(char for char in map(chr, range(0x1F00)) if char.isupper())

# A place that may end a sentence: a line break with the space after it, full-width stops ("。"), or stops with the
# closing quotes and brackets after them ('."', "?!", "./."), if a space or a capital follows. Not the stop of "3.5".
# A literal character comes first, so that the scan for it is fast. Only the first of a run of stops may begin a match
# (the look-behind), or a million dots would take a million squared steps; possessive quantifiers (++, *+) avoid
# trying the rest twice.
_CANDIDATE = re.compile(
    rf"""[\n.!?…。！？](?:
      (?P<line>(?<=\n)\s*+)
    | (?P<fullwidth>(?<=[。！？])[。！？]*+["'”’»)\]」』）]*+)
    | (?<=[.!?…])(?<![.!?…]{{2}})(?P<more>[.!?…]*+(?:/\.)?+)
      (?P<closing>(?: [^\S\n]?[”’»] | ["')\]}}] | [^\S\n]"(?=[,.;:!?)]|[^\S\n]*+(?:\n|\Z)) )*+)
      (?:\[\w{{1,4}}\])*+
      (?=\s|[{_UPPER_CASE}])
    )""",
    re.VERBOSE,
)
# What follows a place: space, up to eight opening marks ("- “"), and the next word. Each part may be empty.
_FOLLOWING = re.compile(r"(?P<gap>\s*+)(?P<opening>(?:[^\w\s.!?…,;:%]\s?){0,8}+)(?P<word>\w{0,24})")

_ROMAN = "[IVXLC]{1,6}"
_COUNT = r"\d{1,3}(?:\.\d{1,3})*"
_PART = "Phần|Chương|Mục|Tiểu mục|Điều|Khoản|Điểm|Bài|Bước|Câu|Hình|Bảng|Biểu|Phụ lục|Chủ đề"
_LETTER = "[a-zđ]"
_LABEL = rf"(?:{_PART})\s(?:{_COUNT}|{_ROMAN}|{_LETTER})"
# A number or label before its stop: "1", "- 2.1", "IV", "Điều 5". Not "Năm 2017".
_NUMBER = re.compile(rf"[-–•+*(]?\s*(?:{_COUNT}|{_ROMAN}|{_LETTER}|{_LABEL})", re.IGNORECASE)
# A number or label that fills a line: "1.", "a)", "Điều 5:", "-". Not "15", which may be a cell of a table.
_NUMBER_LINE = re.compile(rf"{_COUNT}[.)/]|(?:{_ROMAN}|{_LETTER})[.)]|{_LABEL}[.:]?|[-–•+*]", re.IGNORECASE)
# The start of a list item: "• ", "- ", "1. Đơn", "(2) Giấy", "IV. Kết", "b) Bản". Not "2.500 hộ".
_ITEM = re.compile(
    rf"(?P<bullet>[•●▪◦▫►‣·*+=])|(?P<dash>[-–—])"
    rf"|\(?(?:\d{{1,2}}(?:\.\d{{1,2}})*[.)/]|{_ROMAN}[.)]|[a-zđ]\.|[a-zđA-ZĐ]\))\s+\S"
)
# Initials: "H", "N.T", "Th", "P.T.M". Not "TP".
_INITIALS = re.compile(r"(?:(?:Th|Tr|Ph|Kh|Nh|Ngh|Ng|Ch|Gi|Qu|[A-ZĐĂÂÊÔƠƯ])(?:\.(?!\Z)|\Z))+")
# A semicolon before space. Not that of "&nbsp;x".
_SEMICOLON = re.compile(r";(?=\s)")


def split_sentences(text: str, start: int = 0, end: int | None = None) -> list[Span]:
    """Split ``text[start:end]`` into sentences.

    Every character that is not space lies in exactly one sentence. A heading, a list item and a photo credit is a
    sentence even without a stop. An empty line ends a sentence; a single line break between running words does not.

    >>> text = "Ông Phan Kim Đ. ở TP. Vinh. Năm 2017, ông chi 11,5 tỷ đồng..."
    >>> [span.of(text) for span in split_sentences(text)]
    ['Ông Phan Kim Đ. ở TP. Vinh.', 'Năm 2017, ông chi 11,5 tỷ đồng...']

    Args:
        text: A cleaned text.
        start: First character to split.
        end: End of the range to split; None means the end of the text.

    Returns:
        Spans of ``text``, in order, without surrounding space, each at most ``MAX_SENTENCE`` characters long.
    """
    start, end, _ = slice(start, end).indices(len(text))
    part = text if (start, end) == (0, len(text)) else text[start:end]
    sentences: list[Span] = []
    sentence_start = 0
    rejected_end = -1  # end of the last stop that does not end a sentence
    wrapping = _Wrapping(part)
    for place in _CANDIDATE.finditer(part):
        if place["line"] is not None:
            cut = place.start()
            is_end = _line_break_ends(part, sentence_start, place, rejected_end, wrapping)
        else:
            cut = place.end()
            is_end = place["fullwidth"] is not None or _stop_ends(part, sentence_start, place)
            if not is_end:
                rejected_end = cut
        if is_end:
            _append(sentences, part, sentence_start, cut, start)
            sentence_start = cut
    _append(sentences, part, sentence_start, len(part), start)
    return sentences


def _append(sentences: list[Span], text: str, start: int, end: int, offset: int) -> None:
    """Append the sentence ``text[start:end]`` without surrounding space, in parts if it is too long."""
    untrimmed = text[start:end]
    sentence = untrimmed.strip()
    if not sentence:
        return
    start += offset + len(untrimmed) - len(untrimmed.lstrip())
    if len(sentence) <= 2 * _LONG_SENTENCE_WORDS:  # too short for so many words
        sentences.append(Span(start, start + len(sentence)))
        return
    for part_start, part_end in _parts_of_long_sentence(sentence):
        sentences.append(Span(start + part_start, start + part_end))


def _parts_of_long_sentence(sentence: str) -> Iterator[tuple[int, int]]:
    """Yield the clauses between semicolons if there are many words, each cut at ``MAX_SENTENCE`` characters."""
    clause_ends = []
    if ";" in sentence and len(sentence.split(None, _LONG_SENTENCE_WORDS)) > _LONG_SENTENCE_WORDS:
        for semicolon in _SEMICOLON.finditer(sentence):
            if not _in_brackets(sentence, 0, semicolon.start(), semicolon.end()):
                clause_ends.append(semicolon.end())
    clause_ends.append(len(sentence))

    start = 0
    for clause_end in clause_ends:
        while start < clause_end:
            end = clause_end if clause_end - start <= MAX_SENTENCE else _cut_of_long_clause(sentence, start)
            untrimmed = sentence[start:end]
            part = untrimmed.strip()
            if part:
                part_start = start + len(untrimmed) - len(untrimmed.lstrip())
                yield part_start, part_start + len(part)
            start = end


def _cut_of_long_clause(text: str, start: int) -> int:
    """The offset of a clause mark, or of a space, in the second half of the ``MAX_SENTENCE`` characters allowed."""
    middle, limit = start + MAX_SENTENCE // 2, start + MAX_SENTENCE
    for marks in (("; ", ". ", ": "), (", ", ") "), (" ", "\n")):
        cut = max(text.rfind(mark, middle, limit) for mark in marks)
        if cut >= 0:
            return cut + 1
    return limit


# ---- stops


class _Stop(NamedTuple):
    """A stop that may end a sentence, and what stands around it."""

    text: str
    sentence_start: int
    at: int
    closing: str  # quotes and brackets directly after the stop
    gap: str  # space after these
    opening: str  # dashes, quotes and brackets before the next word
    word: str  # the next word
    word_end: int
    token: str  # the word before the stop, with the stops and slashes in it: "GS.TS", "27/8"
    last_part: str  # what follows the last stop in ``token``: "TS"
    usual_start: bool  # ``word`` is a usual first word
    lower_case: bool  # ``word`` is written in lower case


def _stop_ends(text: str, sentence_start: int, place: re.Match[str]) -> bool:
    """Whether the stop at ``place`` ends the sentence."""
    at, end = place.span()
    mark = text[at] + place["more"]
    closing = place["closing"]
    if mark.endswith("/."):  # ends an official document: "Nơi nhận: ..., Lưu VT./."
        return True
    following = _FOLLOWING.match(text, end)
    assert following is not None  # every part of it may be empty
    gap, opening, word = following.groups()
    if not word:
        return False

    if "\n" not in gap and at and text[at - 1] in "([" and closing[:1] in (")", "]"):  # (…) or (?) inside a sentence
        return False
    if opening[:1] in _DASHES and any(char in "\"'”’»" for char in closing):  # "…!" - ông Nam nói
        return False
    if opening.startswith("(") and word.isdigit() and len(word) == 4:  # (2006)
        return False
    if ")" not in closing and _in_brackets(text, sentence_start, at, end):
        return False

    token = _token_before(text, sentence_start, at)
    stop = _Stop(
        text=text,
        sentence_start=sentence_start,
        at=at,
        closing=closing,
        gap=gap,
        opening=opening,
        word=word,
        word_end=following.end(),
        token=token,
        last_part=token.rpartition(".")[2],
        usual_start=word.lower() in FIRST_WORDS,
        lower_case=_is_lower_case(word),
    )
    if not gap and not closing and not _lacks_space(stop):
        return False
    if mark == ".":
        return _full_stop_ends(stop)
    if "!" in mark or "?" in mark:
        return _exclamation_ends(stop)
    return not stop.lower_case and (stop.usual_start or stop.last_part.lower() not in NEVER_LAST)  # "..." or "…"


def _is_lower_case(word: str) -> bool:
    """Whether a word is in lower case. "iPhone" and "eSIM" are not: they may begin a sentence."""
    return word[0].islower() and not any(char.isupper() for char in word[1:3])


def _token_before(text: str, sentence_start: int, at: int) -> str:
    """The word that ends at ``at``, with the stops and slashes in it: GS.TS, Đ/c, 27/8."""
    before = text[max(sentence_start, at - _TOKEN_REACH) : at]
    if not before or before[-1].isspace():
        return ""
    return _strip_opening_marks(before.split()[-1])


def _strip_opening_marks(word: str) -> str:
    return word.lstrip("\"'“‘«([-–—")


def _lacks_space(stop: _Stop) -> bool:
    """Whether a space was forgotten after the stop: "xong.Sau", but not "TP.Vinh" or "abc.Net"."""
    token, word, last_part = stop.token, stop.word, stop.last_part
    if len(last_part) == 1 or "@" in token or ("/" in token and "." in token):
        return False
    if stop.text[stop.word_end : stop.word_end + 1] in ("/", "@", ".") or not word[1:].islower():
        return False
    if last_part.lower() in ABBREVIATIONS:
        return False
    if stop.usual_start:
        return True
    return last_part[1:].islower() and is_syllable(last_part.rpartition("/")[2]) and is_syllable(word)


def _exclamation_ends(stop: _Stop) -> bool:
    """Whether ``!`` or ``?`` ends the sentence."""
    if stop.last_part == "Yahoo":
        return False
    # Before lower case it does in a text without capitals, but not in "Đi!" anh nói.
    return not stop.lower_case or (not stop.closing and not stop.opening and stop.last_part.islower())


def _full_stop_ends(stop: _Stop) -> bool:
    """Whether a single full stop ends the sentence."""
    text, sentence_start, at = stop.text, stop.sentence_start, stop.at
    if at - sentence_start < 30 and _NUMBER.fullmatch(text[sentence_start:at].strip()):  # 1. Mở đầu
        return False
    token = stop.token
    name = token.lower()
    if stop.last_part.lower() in ABBREVIATIONS or name in ABBREVIATIONS:
        return False
    if name.endswith("v.v") or name == "vv":
        return not stop.lower_case
    if token != "Tr" and name in AMBIGUOUS_ABBREVIATIONS:
        return stop.usual_start or (not stop.lower_case and not stop.word[0].isdigit() and name != "cn")
    if name in COMPANY_SUFFIXES:
        return not stop.lower_case and (stop.usual_start or is_syllable(stop.word))
    if _INITIALS.fullmatch(token):
        return not stop.lower_case and "(" not in stop.opening and _initials_end(stop)
    if token.isdigit() and _number_continues(stop):
        return False
    return not stop.lower_case or _ends_before_lower_case(stop)


def _number_continues(stop: _Stop) -> bool:
    """Whether the stop after a number numbers an item of a list or separates groups of digits."""
    token_start = stop.at - len(stop.token)
    before = stop.text[max(stop.sentence_start, token_start - 2) : token_start].rstrip()
    if len(stop.token) < 3 and before.endswith((":", ";")):  # gồm: 1. Đơn; 2. Giấy
        return True
    return stop.word == "000" or (stop.word.isdigit() and stop.token[0] == "0")  # 37. 000, 024. 3825


def _ends_before_lower_case(stop: _Stop) -> bool:
    """Whether a stop before lower case ends a sentence of a text that was typed without capitals.

    The word before the stop must not look like an abbreviation: those have no vowel, or one letter.
    """
    token = stop.token
    if stop.closing or stop.opening or len(token) < 2:
        return False
    if any(char.isdigit() for char in token):
        return not token.isdigit() or len(token) > 2
    return is_syllable(token) or token.lower() in UNITS


def _initials_end(stop: _Stop) -> bool:
    """Whether a sentence may end with the initials before the stop: "bà Lê Hoàng H." but not "N.T. Hoa"."""
    text, token, word = stop.text, stop.token, stop.word
    if stop.usual_start:
        return True
    token_start = stop.at - len(token)
    before = text[max(stop.sentence_start, token_start - _TOKEN_REACH) : token_start].rstrip()
    if not before or not (before[-1].isalnum() or before[-1] == "."):  # after a comma: P. Tân An, Q. 1
        return False
    if len(word) == 1 and text[stop.word_end : stop.word_end + 1] == ".":  # N. V. A.
        return False
    if before[-1] == "." or token.count(".") == 1:  # N. T. Hoa, bà N.T. Hoa
        return False

    not_foreign_name = word[0].isdigit() or word.isupper() or is_syllable(word)
    if token.count(".") > 1:  # P.T.M. is a whole name
        return not_foreign_name
    words = before.split()
    last_word = _strip_opening_marks(words[-1])
    if last_word in SURNAMES and not (len(words) > 1 and words[-2][:1].isupper()):  # Trịnh H. Hoa, but Lê Hoàng H.
        return False
    if last_word.lower() in LETTERED_NOUNS or (token == "I" and last_word.islower()):
        return True
    if word.lower() in ABBREVIATIONS:  # ông Q. ĐT: 0912
        return False
    if last_word in FORMS_OF_ADDRESS or (last_word[:1].isupper() and is_syllable(last_word)):
        return not_foreign_name
    return False


def _in_brackets(text: str, sentence_start: int, at: int, end: int) -> bool:
    """Whether a bracket opens shortly before ``at`` and closes shortly after ``end``."""
    opening = text.rfind("(", max(sentence_start, at - _BRACKET_REACH), at)
    if opening < 0 or text.find(")", opening, at) >= 0:
        return False
    closing = text.find(")", end, end + _BRACKET_REACH)
    return closing >= 0 and text.find("(", end, closing) < 0


# ---- line breaks


class _Wrapping:
    """Tells lines wrapped at a fixed width from headings, paragraph by paragraph."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._measured_end = -1  # end of the paragraph last measured
        self._width = 0  # of its lines in characters; 0 if they are not wrapped

    def is_wrapped(self, start: int, end: int) -> bool:
        """Whether the line ``text[start:end]`` is wrapped: the next word would not have fitted in."""
        if end >= self._measured_end:
            self._measure(start, end)
        if not self._width:
            return False
        return self._is_full(self._text[start:end].rstrip(), self._text[end + 1 : end + 32])

    def _is_full(self, line: str, following: str) -> bool:
        """Whether the first word of ``following`` would not fit; a tenth is allowed for letters of unequal width."""
        return len(line) + 1 + len(_first_word(following)) > 0.9 * self._width

    def _measure(self, start: int, end: int) -> None:
        """Measure the width of the lines around ``text[start:end]``."""
        lines, self._measured_end = self._lines_around(start, end)
        self._width = max(map(len, lines), default=0)
        if not 40 <= self._width <= 140:
            self._width = 0
            return

        wrapped_count = heading_count = 0
        for line, following in pairwise(lines):
            if line[-1] in ".!?…:;":
                continue
            last_word = line.split()[-1]
            if following[0].islower() or last_word in NEVER_LAST or last_word in NEVER_LAST_BEFORE_NUMBER:
                wrapped_count += self._is_full(line, following)
            else:
                heading_count += not self._is_full(line, following)
        if wrapped_count <= heading_count:
            self._width = 0

    def _lines_around(self, start: int, end: int) -> tuple[list[str], int]:
        """The paragraph's lines from shortly before ``start`` to at most 40 lines after ``end``, and their end."""
        near = max(0, start - 600)
        line_start = self._text.find("\n", near) + 1 if near else 0
        empty_line = self._text.rfind("\n\n", near, start)
        if empty_line >= 0:
            line_start = empty_line + 2

        lines: list[str] = []
        lines_after = 0
        while lines_after < 40 and line_start <= len(self._text):
            line_end = self._text.find("\n", line_start)
            if line_end < 0:
                line_end = len(self._text)
            line = self._text[line_start:line_end].strip()
            line_start = line_end + 1
            if line_start > end:
                lines_after += 1
            if line:
                lines.append(line)
            elif lines_after:
                break
        return lines, line_start


def _first_word(line: str) -> str:
    return line.split(None, 1)[0] if line.strip() else ""


def _line_break_ends(
    text: str, sentence_start: int, place: re.Match[str], rejected_end: int, wrapping: _Wrapping
) -> bool:
    """Whether the line break at ``place`` ends the sentence.

    ``rejected_end`` is the end of the last stop that does not end a sentence.
    """
    at, next_line = place.span()
    if next_line == len(text) or text.find("\n", at + 1, next_line) >= 0:  # an empty line
        return True
    tail_start = max(sentence_start, at - _BRACKET_REACH)
    tail = text[tail_start:at].rstrip()
    if not tail:
        return False

    item = _ITEM.match(text, next_line)
    if item is not None:
        return item["dash"] is None or _dash_begins_item(text, sentence_start, tail, item.end())
    if at - sentence_start < 40 and _NUMBER_LINE.fullmatch(text[sentence_start:at].strip()):
        return False
    if rejected_end == tail_start + len(tail):  # TP. <- line break -> Vinh
        return False

    following = _FOLLOWING.match(text, next_line)
    assert following is not None  # every part of it may be empty
    word = following["word"]
    if not word:
        return text[next_line] not in ",.;:!?…)”»%"
    if _is_lower_case(word):
        return False
    if tail[-1] in ":;":
        return True
    if tail[-1] == ",":  # a slip for a full stop, if a usual first word has a capital
        return word.lower() in FIRST_WORDS
    if tail[-1] in "([{“‘«-–—&" or _in_brackets(text, sentence_start, at, next_line):
        return False
    if _phrase_continues(tail.split()[-1], word):
        return False
    return not wrapping.is_wrapped(text.rfind("\n", 0, at) + 1, at)


def _phrase_continues(last_word: str, next_word: str) -> bool:
    """Whether ``last_word`` cannot end a phrase before ``next_word``: "của", "khoảng" | "200", "tỉnh" | "Lào Cai"."""
    usual_start = next_word.lower() in FIRST_WORDS
    if last_word in NEVER_LAST and not usual_start:
        return True
    if next_word[0].isdigit():
        return last_word in NEVER_LAST_BEFORE_NUMBER
    return last_word in NEVER_LAST_BEFORE_NAME and not usual_start


def _dash_begins_item(text: str, sentence_start: int, tail: str, after_dash: int) -> bool:
    """Whether a dash at the start of a line begins an item or a turn of speech, not the rest of "a - b"."""
    sentence_begins_with_dash = text[sentence_start : sentence_start + 8].lstrip()[:1] in _DASHES
    if tail[-1] in '.!?…:;,"”' or sentence_begins_with_dash:
        return True
    line_end = text.find("\n", after_dash, after_dash + 2 * _BRACKET_REACH)
    if line_end >= 0 and text[line_end + 1 : line_end + 8].lstrip()[:1] in _DASHES:  # the next line begins with one too
        return True
    rest = text[after_dash : after_dash + 8].lstrip()
    return not (rest[:1].islower() or (rest[:1].isdigit() and tail[-1].isdigit()))
