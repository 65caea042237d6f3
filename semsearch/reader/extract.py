"""Which words of a sentence answer the question, and which words of it to mark.

Candidates are made by rule: things of the kind asked for, and stretches between punctuation, words of the question
and words that announce something. Each is described by a few numbers, and trained weights choose.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence

from ..lazy_regex import lazy_compile
from ..text import canonical, fold, is_syllable, tokenize
from ..types import Hit, Span
from .patterns import (
    BREAK,
    CLASS,
    CLASSIFIERS,
    CONNECTIVES,
    CUES,
    DATE,
    LABELLED,
    NAME,
    NEVER_LAST,
    NOT_ALONE,
    NOT_NAMES,
    NUMBER,
    ONE_WORD_PLACES,
    ROLE,
    ROLE_END,
    SMALL_WORDS,
    TITLE,
    TITLED,
    TWO_WORDS,
    UNIT,
)
from .question import COUNTED, SHORT, Kind, Question

__all__ = [
    "GROUPS",
    "SPAN_FEATURES",
    "best_span",
    "candidates",
    "completed",
    "counted",
    "counts_in",
    "marks",
    "span_features",
    "typed",
    "whole_number",
]

GROUPS: dict[Kind, str] = {
    "number": "number",
    "date": "number",
    "person": "name",
    "role": "name",
    "place": "name",
    "organisation": "name",
    "reason": "clause",
    "definition": "clause",
    "other": "clause",
}
"""Kinds whose answers look alike share their weights."""

_LONGEST = 60  # words of a clause
_READABLE = 400  # words of a sentence; beyond that only things of the kind asked for, or the whole, are candidates


def _lowered(text: str) -> str:
    """Canonical, and as long as ``text`` in every case."""
    lowered = canonical(text)
    if len(lowered) == len(text):
        return lowered
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def typed(question: Question, text: str) -> list[Span]:
    """Things of the kind asked for, by pattern, that the question does not hold itself; offsets into ``text``."""
    if question.kind not in SHORT:
        return []
    lowered = _lowered(text)
    if question.kind == "number":
        found = _numbers(question, text, lowered)
    elif question.kind == "date":
        found = [Span(m.start(), m.end()) for m in DATE.finditer(lowered)]
    elif question.kind == "role":
        found = _roles(question, text, lowered)
    else:
        found = _named(question, text, lowered)
    known = question.weights.keys() | question.named
    return [span for span in dict.fromkeys(found) if not set(question.form(span.of(text))) <= known]


def _numbers(question: Question, text: str, lowered: str) -> list[Span]:
    """Numbers that are no dates: alone, with the unit after them, and with the words that the question counts in.

    Where the question names what it counts in, and a number is counted so, the others are left out.
    """
    dates = [match.span() for match in DATE.finditer(lowered)]
    found: list[Span] = []
    for match in NUMBER.finditer(lowered):
        start, end = match.span()
        worded = not any(c.isdigit() for c in match[0])
        if worded and (match[0] in NOT_ALONE or text[start].isupper()):
            continue
        here: list[Span] = []
        if unit := UNIT.match(lowered, end):
            here.append(Span(start, unit.end()))
        if (counted := TWO_WORDS.match(lowered, end)) and question.units & set(question.form(counted[1])):
            both = counted[1].strip() not in CLASSIFIERS and question.units & set(question.form(counted[2] or ""))
            here.append(Span(start, counted.end() if both else counted.end(1)))
        label = LABELLED.search(lowered[max(0, start - 8) : start]) or (start == 0 and text[end : end + 1] in ".)")
        if here or not (label or any(a <= start < b for a, b in dates)):
            found.extend((Span(start, end), *here))
    fitting = [span for span in found if counts_in(question, span.of(text))]
    return fitting or found


def _roles(question: Question, text: str, lowered: str) -> list[Span]:
    """Offices, up to a word of saying or doing, or the name that is asked about."""
    found: list[Span] = []
    for match in ROLE.finditer(lowered):
        start, end = match.span()
        if stop := ROLE_END.search(lowered, start, end):
            end = stop.start()
        for name in NAME.finditer(text, start + 1, end):
            own = set(question.form(name[0]))
            if len(own) > 1 and own <= question.named:
                end = name.start()
                break
        end = start + len(text[start:end].rstrip(" -"))
        if end > start:
            found.append(Span(start, end))
    return found


def _named(question: Question, text: str, lowered: str) -> list[Span]:
    """Proper names without the title before them; of places and bodies also with their class (tỉnh, công ty)."""
    found: list[Span] = []
    for match in NAME.finditer(text):
        start, end = match.start(), match.start() + len(match[0].rstrip(".-’'"))
        if title := TITLE.match(text[start:end]):
            start += title.end()
        if start >= end or lowered[start:end] in NOT_NAMES:
            continue
        before = lowered[max(0, start - 14) : start]
        belongs = CLASS.search(before)
        if " " not in text[start:end] and is_syllable(text[start:end]):
            # A single Vietnamese word with a capital may be anything that opens a sentence.
            place = question.kind == "place" and text[start:end] in ONE_WORD_PLACES
            if not (belongs or place or (title and title.end() == start - match.start()) or TITLED.search(before)):
                continue
        found.append(Span(start, end))
        if question.kind == "person":
            continue
        if belongs:
            start -= len(belongs[0])
            found.append(Span(start, end))
        # The names of bodies go on in small letters: Phòng Quản lý đô thị.
        if (more := SMALL_WORDS.match(text, end)) and more.end() > end:
            found.append(Span(start, more.end()))
    return found


def counts_in(question: Question, text: str) -> bool:
    """Whether ``text`` holds a unit that the question counts in."""
    if not question.units:
        return False
    signs = (unit for unit in question.units if not unit.isalnum())
    return any(sign in text for sign in signs) or bool(question.units & set(question.form(text)))


class _Words:
    """The tokens of a sentence, and what each has to do with the question."""

    def __init__(self, question: Question, text: str) -> None:
        self.text = text
        self.spans = tokenize(text)
        self.starts = [span.start for span in self.spans]
        self.ends = [span.end for span in self.spans]
        lowered = _lowered(text)
        self.lowered = [span.of(lowered) for span in self.spans]
        forms = [question.form(span.of(text)) for span in self.spans]
        self.idf = [max((question.weights.get(t, 0.0) for t in form), default=0.0) for form in forms]
        self.repeats = [r > 0 and not question.units & set(form) for r, form in zip(self.idf, forms, strict=True)]
        self.total = sum(question.weights.values()) or 1.0
        # What of the question has been said before each word; each term counts where it first stands.
        self.said: list[float] = []
        seen: set[str] = set()
        mass = 0.0
        for form in forms:
            self.said.append(mass)
            new = question.weights.keys() & set(form) - seen
            seen |= new
            mass += sum(question.weights[t] for t in new)

    def breaks_before(self, i: int) -> bool:
        """Whether a clause begins at word ``i`` (one past the last word: whether one ends there)."""
        if i == 0 or i == len(self.spans):
            return True
        return bool(BREAK.search(self.text, self.spans[i - 1].end, self.spans[i].start))

    def range(self, span: Span) -> tuple[int, int]:
        """First word and one past the last of those that ``span`` touches."""
        return bisect_right(self.ends, span.start), bisect_left(self.starts, span.end)


def candidates(question: Question, text: str) -> list[Span]:
    """All spans of ``text`` that might be the answer: typed ones, clauses and the whole, each once."""
    words = _Words(question, text)
    count = len(words.spans)
    edges = [words.breaks_before(i) for i in range(count)] + [True]
    announced = [word in CONNECTIVES for word in words.lowered]
    matched = [idf > 0 for idf in words.idf]
    starts = [i for i in range(count) if edges[i] or matched[i - 1] or announced[i - 1] or announced[i]]
    dangling = [word in NEVER_LAST for word in words.lowered]
    ends = [i for i in range(1, count + 1) if (edges[i] or matched[i] or announced[i]) and not dangling[i - 1]]
    clauses: list[Span] = []
    if count <= _READABLE:
        for a in starts:
            within = ends[bisect_right(ends, a) : bisect_right(ends, a + _LONGEST)]
            clauses.extend(Span(words.spans[a].start, words.spans[b - 1].end) for b in within)
    return list(dict.fromkeys([*typed(question, text), *clauses, Span(0, len(text))]))


SPAN_FEATURES = (
    "typed",  # 1 for a thing of the kind asked for
    "unit",  # 1 if it holds the unit that the question counts in
    "cue",  # 1 if the word before it announces this kind
    "left",  # IDF of the question's terms among the six words before, divided by their distance
    "right",  # ... after
    "density",  # share of its words that are the question's, apart from units
    "length",  # log of its words
    "length2",  # ... squared
    "ends clause",
    "opens",  # 1 if the sentence starts with it
    "after",  # share of the question's IDF that the sentence holds before it
    "asked last",  # the same where the question ends in its question word
    "starts connective",
    "titled",  # 1 for a name right after a title
)
"""What a span is chosen by."""

_ASKED_LAST = lazy_compile(r"(?:gì|nào|ai|đâu|sao|bao nhiêu|thế nào|mấy)(?:\s\S+)?$")
_ASKED_LAST_PLAIN = lazy_compile(fold(_ASKED_LAST.pattern.replace(r"\S", "\0")).replace("\0", r"\S"))


def span_features(question: Question, text: str, spans: Sequence[Span]) -> list[list[float]]:
    """One row of SPAN_FEATURES per span of ``text``, a sentence."""
    words = _Words(question, text)
    things = set(typed(question, text))
    cues = CUES[question.kind]
    asked = (_ASKED_LAST_PLAIN if question.plain else _ASKED_LAST).search(question.text.lower().strip(" ?!."))
    rows: list[list[float]] = []
    for span in spans:
        a, b = words.range(span)
        if a >= b:
            rows.append([0.0] * len(SPAN_FEATURES))
            continue
        left = sum(words.idf[i] / (a - i) for i in range(max(0, a - 6), a)) / words.total
        right = sum(words.idf[i] / (i - b + 1) for i in range(b, min(len(words.spans), b + 6))) / words.total
        length = math.log(b - a)
        said = words.said[a] / words.total
        content = span.of(text)
        rows.append(
            [
                float(span in things),
                float(counts_in(question, content)),
                float(a > 0 and words.lowered[a - 1] in cues),
                left,
                right,
                sum(words.repeats[a:b]) / (b - a),
                length,
                length * length,
                float(words.breaks_before(b)),
                float(a == 0),
                said,
                said if asked else 0.0,
                float(words.lowered[a] in CONNECTIVES),
                float(question.kind == "person" and bool(TITLED.search(text[: span.start][-20:]))),
            ]
        )
    return rows


def best_span(
    question: Question,
    text: str,
    weights: Mapping[str, Sequence[float]],
    more: Sequence[Span] = (),
    judged: Callable[[Span], float] = lambda span: 0.0,
) -> Span:
    """The span of ``text``, a sentence, that answers most likely; ``weights`` by GROUPS, one per SPAN_FEATURES.

    ``more`` are candidates beside those found by rule; ``judged`` is what else speaks for one, to be added.
    """
    spans = list(dict.fromkeys([*candidates(question, text), *more]))
    own = weights[GROUPS[question.kind]]
    rows = span_features(question, text, spans)
    scores = [sum(w * x for w, x in zip(own, row, strict=True)) for row in rows]
    scores = [score + judged(span) for score, span in zip(scores, spans, strict=True)]
    return spans[max(range(len(spans)), key=lambda i: (scores[i], -i))]


def counted(question: Question, text: str, span: Span) -> Span:
    """``span`` without the unit where the question names it after its "how many" ("bao nhiêu điểm": 308)."""
    lowered = _lowered(text)
    number = NUMBER.match(lowered, span.start, span.end) if question.kind == "number" else None
    if number is None or not (rest := lowered[number.end() : span.end].split()):
        return span
    asked = COUNTED.search(canonical(question.text))
    named = asked is not None and question.form(asked[1]) == question.form(rest[0])
    return Span(span.start, number.end()) if named else span


_BELOW_ZERO = lazy_compile(r"(?:^|[\s(])(?<!\d\s)([-−–]|âm\s)$")
_UP_TO = lazy_compile(rf"(?<!\w)(?:từ\s)?{NUMBER.pattern}(?:\s[^\W\d]+)?\s(?:đến|tới)\s$")


def whole_number(question: Question, text: str, span: Span) -> Span:
    """``span`` with the sign before its number (-25 độ, âm 25 độ), and with where a range begins (7.000 đến 20.000)."""
    lowered = _lowered(text)
    if question.kind != "number" or not lowered[span.start : span.end][:1].isdigit():
        return span
    before = lowered[max(0, span.start - 40) : span.start]
    if (sign := _BELOW_ZERO.search(before)) and (sign[1] != "âm " or "độ" in lowered[span.start : span.end + 4]):
        return Span(span.start - len(sign[1]), span.end)
    if range_ := _UP_TO.search(before):
        return Span(span.start - len(range_[0]), span.end)
    return span


_REASON_FOLLOWS = lazy_compile(r"(?:do|vì|bởi|nguyên nhân|lý do|lí do|sở dĩ|điều này là do|đó là do)(?!\w)")


def completed(question: Question, hit: Hit, sentence: Span) -> Span:
    """``sentence``, or with the one after it where only the two together answer.

    So where the first announces what follows (a colon, a question), and where a reason is asked for and only
    the second gives one.
    """
    text = hit.article.text
    following = next((s for s in hit.passage.sentences if s.start >= sentence.end), None)
    if following is None:
        return sentence
    quote = sentence.of(text)
    announces = quote.endswith((":", "?")) and not quote.startswith(("–", "-"))
    explains = (
        question.kind == "reason"
        and _REASON_FOLLOWS.match(following.of(text).lower())
        and not {"do", "vì", "bởi", "nhờ", "nhằm"} & {word.lower() for word in quote.split()}
    )
    return Span(sentence.start, following.end) if announces or explains else sentence


def marks(question: Question, text: str, answer: Span) -> list[Span]:
    """What to mark in ``text``: words of the question, things of the kind asked for, and the answer if it is short.

    In order, without overlap; neighbours that only a space parts are one mark.
    """
    found = [word for word in tokenize(text) if question.weights.keys() & set(question.form(word.of(text)))]
    found += typed(question, text)
    if answer.end - answer.start < len(text) / 2:
        found.append(answer)
    merged: list[Span] = []
    for span in sorted(found):
        if merged and not text[merged[-1].end : span.start].strip(" "):
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged
