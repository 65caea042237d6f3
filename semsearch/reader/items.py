"""Questions that ask for several things, and the items that a sentence lists."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from ..lazy_regex import lazy_compile
from ..text import canonical, clean, detect_language, fold, tokenize
from ..types import Hit, Quote, Span
from .extract import typed
from .question import Question

__all__ = ["asks_for_several", "items"]

_SEVERAL = (
    r"^(?:hãy )?(?:liệt kê|kể tên(?! một\b)|nêu (?:tên|các|những))|\bnhững ai\b|"
    r"\bgồm(?: có)? (?:những|các|ai|gì|cái gì|bao)|"
    r"\bnhững gì\b|\b(?:những|các) (?:\w+ ){1,4}?(?<!thế )(?<!khi )(?<!lúc )(?<!chừng )(?:nào|gì)\b|"
    r"\b(?:hai|ba|bốn|sáu|bảy|tám|chín|mười|\d+) (?:\w+ ){1,3}(?<!thế )(?<!khi )nào\b"
)
_ENGLISH = (
    r"^(?:please )?(?:list|name) (?:the|all|two|three|four)\b|\bwho (?:are|were)\b|"
    r"\b(?:which|what) (?:\w+ )?\w{3,}s (?:are|were|do|did|have|can|must|should)\b|\bwhat (?:are|were) the \w+"
)
_PATTERNS = {"vi": lazy_compile(_SEVERAL), "vi-plain": lazy_compile(fold(_SEVERAL)), "en": lazy_compile(_ENGLISH)}


def asks_for_several(question: str) -> bool:
    """Whether the answer is a list: "những ai", "gồm những gì", "liệt kê", "các nhiệm vụ nào".

    >>> asks_for_several("Ban chỉ đạo gồm những ai?"), asks_for_several("Các bài toán được viết thế nào?")
    (True, False)
    """
    text = " ".join(canonical(clean(question)).split())
    return _PATTERNS[detect_language(question)].search(text) is not None


# What comes before an item, on a line of its own or inside a sentence, and is not a part of it.
_BULLET = lazy_compile(
    r"(?:[-–—•*+]\s*|\(?(?:\d{1,2}|[a-zđ]|[ivx]{1,4})[.)]\s+|(?:một|hai|ba|bốn|năm) là,?\s+|"
    r"thứ (?:nhất|hai|ba|tư|năm|sáu)(?: là)?[,:]?\s+)(?=\w)",
    re.IGNORECASE,
)
_AND = r"(?:và|cùng với|hoặc|and|or|cùng(?= (?:các|những|nhiều|một|hai|ông|bà|anh|chị)\b))"
_OR = rf"(?:{_AND}|hay|lẫn)"  # these join inside a clause; at its beginning "hay" means "often"
_JOINS = lazy_compile(rf"{_AND}\s+", re.IGNORECASE)
_LAST = lazy_compile(rf"\s{_OR}\s")
# A list certainly begins after these; "như" introduces examples, which may be a list too.
_OPENS = lazy_compile(r"(?<!\w)(?:bao gồm|gồm có|gồm|như sau|sau đây|đó là)\s*:?\s+(?=\w)")
_COLON = lazy_compile(r":\s+(?=\w)")
_EXAMPLES = lazy_compile(
    r"(?<!\w)(?<!cũng )(?<!hầu )(?<!gần )(?<!giống )(?<!nghe )(?<!dường )(?:như là|như)\s*:?\s+(?=\w)"
)
# What continues the sentence after a list.
_GOES_ON = lazy_compile(
    r"(?:nhằm|để|trong đó|trong khi|với|do|vì|bởi|nên|qua đó|từ đó|góp phần|đồng thời|khi|sau khi|khiến|giúp|"
    r"đặc biệt|nhất là|song|nhưng|còn|tuy nhiên|theo|đây là|thì|đều|mà|rồi|gây|dễ|hiện|ngoài ra|nếu|dẫn đến|mỗi)(?!\w)"
)
_CUT = lazy_compile(r"\s(?:để|nhằm|khiến|nên|thì|đều|vì|bởi|do)(?!\w)")
_MAX_ITEM_WORDS = 40


def items(question: Question, quote: Quote, hits: Sequence[Hit] = ()) -> list[Quote]:
    """Return the items that the quoted sentence lists, each as a Quote; empty if the sentence lists nothing.

    These are tried in order: lines below one that ends with a colon, as far as the hits contain them; what follows
    "gồm", a colon or "như" and overlaps the quoted span; expressions of the type asked for, separated only by commas
    and "và"; what follows "gồm" elsewhere in the sentence, and what the span itself lists.

    Args:
        question: The question.
        quote: The answer.
        hits: Where lines below the quoted sentence are looked for.
    """
    line_items = _lines(quote, hits)
    if line_items:
        return line_items
    text = quote.sentence.of(quote.citation.article.text)
    quoted = Span(quote.span.start - quote.sentence.start, quote.span.end - quote.sentence.start)
    all_text = Span(0, len(text))
    listed = (
        _opened(text, quoted, _OPENS)
        or _sure(text, _opened(text, quoted, _COLON))
        or _opened(text, quoted, _EXAMPLES)
        or _side_by_side(question, text, quoted)
        or _opened(text, all_text, _OPENS)
        or _even(text, _split(text, quoted))
        or _sure(text, _opened(text, all_text, _COLON))
    )
    if question.kind == "person":
        listed = _by_name(question, text, listed)
    if len(listed) < 2:
        return []
    at = quote.sentence.start
    placed = [Span(span.start + at, span.end + at) for span in listed]
    article = quote.citation.article
    return [
        Quote(span.of(article.text), quote.citation, span, quote.sentence, quote.confidence, quote.marks)
        for span in placed
    ]


def _lines(quote: Quote, hits: Sequence[Hit]) -> list[Quote]:
    """Return the items that are lines below a line that ends with a colon, as far as the hits contain them.

    The lines of a list begin with a bullet or a number, or all but the last end with a semicolon or without a mark.
    """
    article = quote.citation.article
    text = article.text
    lines = [Span(m.start(), m.end()) for m in _LINE.finditer(text)]
    at = bisect_right([line.start for line in lines], quote.sentence.start) - 1
    while at > 0 and not _leads(text, lines[at]) and _continues(text, lines[at]):
        at -= 1
    if at < 0 or not _leads(text, lines[at]) or quote.sentence.end < lines[at].end:
        return []
    below = lines[at + 1 :]
    marked = bool(below) and _BULLET.match(below[0].of(text)) is not None
    article_sentences = [
        (hit, s)
        for hit in (quote.citation, *hits)
        if hit.article.source == article.source
        for s in hit.passage.sentences
    ]
    found: list[Quote] = []
    for i, line in enumerate(below):
        match = _BULLET.match(line.of(text))
        if (match is None) == marked or not (
            marked or _continues(text, line) or (i and text[below[i - 1].end - 1] == ";")
        ):
            break
        inside = [(hit, s) for hit, s in article_sentences if line.start <= s.start < line.end]
        inside = [(hit, s) for hit, s in inside if hit.passage.id == inside[0][0].passage.id]
        if inside:
            sentence = Span(inside[0][1].start, inside[-1][1].end)
            span = _trimmed(text, sentence)
            found.append(Quote(span.of(text), inside[0][0], span, sentence, quote.confidence, (span,)))
    touched = quote.sentence.start < lines[at].end or any(item.sentence.overlaps(quote.sentence) for item in found)
    return found if len(found) > 1 and touched and all(item.text for item in found) else []


_LINE = lazy_compile(r"[^\s\n](?:[^\n]*\S)?")


def _leads(text: str, line: Span) -> bool:
    return text[line.end - 1] == ":"


def _continues(text: str, line: Span) -> bool:
    """Whether a line may belong to a list, judged by its bullet or its end."""
    content = line.of(text)
    return _BULLET.match(content) is not None or (
        content[-1] not in '.!?…:”"' and len(content.split()) <= _MAX_ITEM_WORDS
    )


def _trimmed(text: str, span: Span) -> Span:
    """Return ``span`` without conjunctions and bullets at its beginning, and without punctuation around it."""
    start, end = span.start, span.end
    while True:
        before = start
        while start < end and text[start] in " \n,;.…":
            start += 1
        for opening in (_JOINS, _BULLET):
            match = opening.match(text, start, end)
            if match:
                start = match.end()
        if start == before:
            break
    while end > start and text[end - 1] in " \n,;.:…":
        end -= 1
    for left, right in ("()", "[]", "“”"):  # a pair of brackets that was split
        if end > start and text[end - 1] == right and left not in text[start:end]:
            end -= 1
        if left in text[start:end] and right not in text[start:end] and text[end : end + 1] == right:
            end += 1
    return Span(start, end)


def _breaks(text: str, within: Span, signs: str) -> list[int]:
    """Return the offsets of ``signs`` outside of brackets, quotes and numbers."""
    found: list[int] = []
    depth = 0
    for i in range(within.start, within.end):
        c = text[i]
        if c in "([“":
            depth += 1
        elif c in ")]”":
            depth = max(0, depth - 1)
        elif c in signs and not depth and not text[i + 1 : i + 2].isdigit():
            found.append(i)
    return found


def _pieces(text: str, within: Span, breaks: Sequence[int]) -> list[Span]:
    edges = [within.start, *breaks, within.end]
    return [Span(a + (a != within.start), b) for a, b in pairwise(edges)]


def _opened(text: str, quoted: Span, opening: re.Pattern[str]) -> list[Span]:
    """Return the list that begins after ``opening`` and overlaps ``quoted``."""
    for match in opening.finditer(text):
        listed = _split(text, Span(match.end(), len(text)), ends=True)
        if len(listed) > 1 and Span(listed[0].start, listed[-1].end).overlaps(quoted):
            return listed
    return []


def _split(text: str, within: Span, *, ends: bool = False) -> list[Span]:
    """Return the items of a list that fills ``within``; if ``ends``, it may end earlier."""
    commas = _breaks(text, within, ",")
    semicolons = _breaks(text, within, ";")
    if ends:
        stops = [i for i in _breaks(text, within, ".?!…") if text[i + 1 : i + 2] in ("", " ", "\n", ".")]
        stops += [i.start() for i in re.finditer(r"\s[–-]\s", text[: within.end]) if i.start() > within.start]
        if stops and not semicolons:
            within = Span(within.start, min(stops))
            commas = [i for i in commas if i < within.end]
    if semicolons:
        head = Span(within.start, semicolons[0])
        closed = _LAST.search(head.of(text)) and any(i < semicolons[0] for i in commas)
        if not closed:
            return _checked(text, _pieces(text, within, semicolons))
        within, commas = head, [i for i in commas if i < head.end]
    pieces = _pieces(text, within, commas)
    kept: list[Span] = []
    for i, piece in enumerate(pieces):
        stripped = piece.of(text).strip()
        if i and _GOES_ON.match(stripped):
            if not ends:
                return []
            break
        cut = _CUT.search(piece.of(text)) if ends else None
        if cut and _LAST.search(piece.of(text)[: cut.start()]):
            piece = Span(piece.start, piece.start + cut.start())
        # Only the last "và" separates items: "y tế và giáo dục, điện, đường và trường".
        joins = [m for m in _LAST.finditer(piece.of(text)) if piece.of(text)[: m.start()].strip()]
        last = i == len(pieces) - 1 or (ends and i > 0) or _GOES_ON.match(pieces[i + 1].of(text).strip())
        if joins and last and not _JOINS.match(stripped):
            kept += [Span(piece.start, piece.start + joins[-1].start()), Span(piece.start + joins[-1].end(), piece.end)]
            if ends:
                break
        else:
            kept.append(piece)
            if ends and _JOINS.match(stripped):
                break
    example = _EXAMPLES.search(kept[0].of(text)) if kept and ends else None
    if example:
        kept[0] = Span(kept[0].start + example.end(), kept[0].end)
    return _checked(text, kept)


def _checked(text: str, pieces: Sequence[Span]) -> list[Span]:
    """Return the pieces, trimmed; empty if there are fewer than two or one of them cannot be an item."""
    found = [_trimmed(text, piece) for piece in pieces]
    found = [piece for piece in found if piece.start < piece.end]
    sizes = [len(tokenize(piece.of(text))) for piece in found]
    return found if len(found) > 1 and all(0 < size <= _MAX_ITEM_WORDS for size in sizes) else []


def _sure(text: str, listed: list[Span]) -> list[Span]:
    """Return the items if they are certainly a list: three or more, or separated by more than a comma."""
    return listed if len(listed) > 2 or (listed and text[listed[0].end : listed[-1].start].strip() != ",") else []


def _even(text: str, listed: list[Span]) -> list[Span]:
    """Return the items if they look like a list without a word that announces one.

    They are separated by "và" or begin with the same word, have similar lengths, and are not the whole sentence.
    """
    if not listed or listed[0].start == 0:
        return []
    heads = {text[span.start : span.end].split()[0] for span in listed}
    joined = _LAST.search(text[listed[-2].end : listed[-1].start])
    sizes = [len(tokenize(span.of(text))) for span in listed]
    alike = len(heads) == 1 or (len(listed) > 2 and max(sizes) <= 8) or joined
    return listed if alike and max(sizes) <= 2 * min(sizes) + 2 + 2 * (len(listed) > 2) else []


_BETWEEN = lazy_compile(rf"\s*(?:[,;]|{_OR})(?:\s*(?:[,;]|{_OR}))*\s*", re.IGNORECASE)
_NO_PERSON = lazy_compile(
    r"(?:Trưởng|Phó|Viện|Bệnh|Khoa|Bộ|Phòng|Sở|Trung|Công|Giám|Chủ|TP|Thành|Tỉnh|Hội|Ban|Đại|Trường|Uỷ|Ủy|Quân|Chỉ)\s"
)


def _side_by_side(question: Question, text: str, quoted: Span) -> list[Span]:
    """Return expressions of the type asked for around ``quoted`` that only commas and "và" separate.

    Of overlapping expressions the longest counts.
    """
    things: list[Span] = []
    for thing in sorted(typed(question, text), key=lambda s: (s.start, -s.end)):
        if question.kind == "person" and _NO_PERSON.match(text, thing.start):
            continue
        if not things or thing.start >= things[-1].end:
            things.append(thing)
    at = next((i for i, thing in enumerate(things) if thing.overlaps(quoted)), None)
    if at is None:
        return []
    first = last = at
    while first > 0 and _BETWEEN.fullmatch(text, things[first - 1].end, things[first].start):
        first -= 1
    while last + 1 < len(things) and _BETWEEN.fullmatch(text, things[last].end, things[last + 1].start):
        last += 1
    if last == first or not _LAST.search(f" {text[things[last - 1].end : things[last].start]} "):
        return []
    return things[first : last + 1]


def _by_name(question: Question, text: str, listed: Sequence[Span]) -> list[Span]:
    """If some items contain a name, join each item without a name to the one before: ông A, Chủ tịch xã, và bà B."""
    named = [bool(typed(question, span.of(text))) for span in listed]
    if not any(named):
        return list(listed)
    found: list[Span] = []
    for span, has in zip(listed, named, strict=True):
        if has or not found:
            found.append(span)
        else:
            found[-1] = Span(found[-1].start, span.end)
    return found
