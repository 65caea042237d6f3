"""Selection of the answer span in a sentence, and highlighting.

Rules propose the candidates: expressions of the type asked for, and spans between punctuation, words of the question
and connectives. The candidate with the greatest weighted sum of features is chosen.
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
"""Types whose answers look alike share their weights."""

_MAX_CLAUSE_WORDS = 60
_MAX_SENTENCE_WORDS = 400  # in longer sentences clauses are not candidates


def _lowered(text: str) -> str:
    """Return ``text`` in canonical form if that has the same length, or else in lower case letter by letter."""
    lowered = canonical(text)
    if len(lowered) == len(text):
        return lowered
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def typed(question: Question, text: str) -> list[Span]:
    """Return the expressions of the type asked for, found by patterns, unless the question contains them itself."""
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
    """Return numbers that are not dates: alone, with their unit, and with the unit that the question asks for.

    If any number has the unit that the question asks for, the others are left out.
    """
    dates = [match.span() for match in DATE.finditer(lowered)]
    found: list[Span] = []
    for match in NUMBER.finditer(lowered):
        start, end = match.span()
        worded = not any(c.isdigit() for c in match[0])
        if worded and (match[0] in NOT_ALONE or text[start].isupper()):
            continue
        with_unit: list[Span] = []
        unit = UNIT.match(lowered, end)
        if unit:
            with_unit.append(Span(start, unit.end()))
        counted = TWO_WORDS.match(lowered, end)
        if counted and question.units & set(question.form(counted[1])):
            two_words = counted[1].strip() not in CLASSIFIERS and question.units & set(question.form(counted[2] or ""))
            with_unit.append(Span(start, counted.end() if two_words else counted.end(1)))
        label = LABELLED.search(lowered[max(0, start - 8) : start]) or (start == 0 and text[end : end + 1] in ".)")
        if with_unit or not (label or any(a <= start < b for a, b in dates)):
            found.extend((Span(start, end), *with_unit))
    fitting = [span for span in found if counts_in(question, span.of(text))]
    return fitting or found


def _roles(question: Question, text: str, lowered: str) -> list[Span]:
    """Return names of offices, up to a verb or to the name that the question asks about."""
    found: list[Span] = []
    for match in ROLE.finditer(lowered):
        start, end = match.span()
        stop = ROLE_END.search(lowered, start, end)
        if stop:
            end = stop.start()
        for name in NAME.finditer(text, start + 1, end):
            name_terms = set(question.form(name[0]))
            if len(name_terms) > 1 and name_terms <= question.named:
                end = name.start()
                break
        end = start + len(text[start:end].rstrip(" -"))
        if end > start:
            found.append(Span(start, end))
    return found


def _named(question: Question, text: str, lowered: str) -> list[Span]:
    """Return proper names without a title; those of places and organisations also with their class (tỉnh, công ty)."""
    found: list[Span] = []
    for match in NAME.finditer(text):
        start, end = match.start(), match.start() + len(match[0].rstrip(".-’'"))
        title = TITLE.match(text[start:end])
        if title:
            start += title.end()
        if start >= end or lowered[start:end] in NOT_NAMES:
            continue
        before = lowered[max(0, start - 14) : start]
        belongs = CLASS.search(before)
        if " " not in text[start:end] and is_syllable(text[start:end]):
            # A single capitalised Vietnamese word may be any first word of a sentence.
            place = question.kind == "place" and text[start:end] in ONE_WORD_PLACES
            if not (belongs or place or (title and title.end() == start - match.start()) or TITLED.search(before)):
                continue
        found.append(Span(start, end))
        if question.kind == "person":
            continue
        if belongs:
            start -= len(belongs[0])
            found.append(Span(start, end))
        # The names of organisations continue in small letters: Phòng Quản lý đô thị.
        more = SMALL_WORDS.match(text, end)
        if more and more.end() > end:
            found.append(Span(start, more.end()))
    return found


def counts_in(question: Question, text: str) -> bool:
    """Whether ``text`` contains a unit that the question asks for."""
    if not question.units:
        return False
    signs = (unit for unit in question.units if not unit.isalnum())
    return any(sign in text for sign in signs) or bool(question.units & set(question.form(text)))


class _Words:
    """The words of a sentence, and how each is related to the question."""

    def __init__(self, question: Question, text: str) -> None:
        self.text = text
        self.spans = tokenize(text)
        self.starts = [span.start for span in self.spans]
        self.ends = [span.end for span in self.spans]
        lowered = _lowered(text)
        self.lowered = [span.of(lowered) for span in self.spans]
        forms = [question.form(span.of(text)) for span in self.spans]
        self.idf = []
        for form in forms:
            self.idf.append(max((question.weights.get(term, 0.0) for term in form), default=0.0))
        self.repeats = [r > 0 and not question.units & set(form) for r, form in zip(self.idf, forms, strict=True)]
        self.total = sum(question.weights.values()) or 1.0
        # The IDF of the question's terms before each word; each term counts at its first occurrence.
        self.idf_before: list[float] = []
        seen: set[str] = set()
        mass = 0.0
        for form in forms:
            self.idf_before.append(mass)
            new = question.weights.keys() & set(form) - seen
            seen |= new
            mass += sum(question.weights[t] for t in new)

    def breaks_before(self, i: int) -> bool:
        """Whether a clause begins at word ``i``; for the number of words, whether one ends there."""
        if i == 0 or i == len(self.spans):
            return True
        return bool(BREAK.search(self.text, self.spans[i - 1].end, self.spans[i].start))

    def range(self, span: Span) -> tuple[int, int]:
        """Return the half-open range of the words that overlap ``span``."""
        return bisect_right(self.ends, span.start), bisect_left(self.starts, span.end)


def candidates(question: Question, text: str) -> list[Span]:
    """Return the spans of ``text`` that may be the answer: typed expressions, clauses and the whole, each once."""
    words = _Words(question, text)
    count = len(words.spans)
    edges = [words.breaks_before(i) for i in range(count)] + [True]
    announced = [word in CONNECTIVES for word in words.lowered]
    matched = [idf > 0 for idf in words.idf]
    starts = [i for i in range(count) if edges[i] or matched[i - 1] or announced[i - 1] or announced[i]]
    dangling = [word in NEVER_LAST for word in words.lowered]
    ends = [i for i in range(1, count + 1) if (edges[i] or matched[i] or announced[i]) and not dangling[i - 1]]
    clauses: list[Span] = []
    if count <= _MAX_SENTENCE_WORDS:
        for a in starts:
            within = ends[bisect_right(ends, a) : bisect_right(ends, a + _MAX_CLAUSE_WORDS)]
            clauses.extend(Span(words.spans[a].start, words.spans[b - 1].end) for b in within)
    return list(dict.fromkeys([*typed(question, text), *clauses, Span(0, len(text))]))


SPAN_FEATURES = (
    "typed",  # 1 for an expression of the type asked for
    "unit",  # 1 if it contains the unit that the question asks for
    "cue",  # 1 if the word before it announces this type
    "left",  # IDF of the question's terms among the six words before, divided by their distance
    "right",  # ... after
    "density",  # share of its words that are in the question, without units
    "length",  # log of the number of its words
    "length2",  # ... squared
    "ends clause",
    "opens",  # 1 if the sentence starts with it
    "after",  # share of the question's IDF that is in the sentence before it
    "asked last",  # the same if the question ends with its question word, else 0
    "starts connective",
    "titled",  # 1 for a name right after a title
)
"""The features by which a span is chosen."""

_ASKED_LAST = lazy_compile(r"(?:gì|nào|ai|đâu|sao|bao nhiêu|thế nào|mấy)(?:\s\S+)?$")
_ASKED_LAST_PLAIN = lazy_compile(fold(_ASKED_LAST.pattern.replace(r"\S", "\0")).replace("\0", r"\S"))


def span_features(question: Question, text: str, spans: Sequence[Span]) -> list[list[float]]:
    """Return one row of SPAN_FEATURES for each span of a sentence."""
    words = _Words(question, text)
    things = set(typed(question, text))
    cues = CUES[question.kind]
    asked_last = (_ASKED_LAST_PLAIN if question.plain else _ASKED_LAST).search(question.text.lower().strip(" ?!."))
    rows: list[list[float]] = []
    for span in spans:
        a, b = words.range(span)
        if a >= b:
            rows.append([0.0] * len(SPAN_FEATURES))
            continue
        left = sum(words.idf[i] / (a - i) for i in range(max(0, a - 6), a)) / words.total
        right = sum(words.idf[i] / (i - b + 1) for i in range(b, min(len(words.spans), b + 6))) / words.total
        length = math.log(b - a)
        covered = words.idf_before[a] / words.total
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
                covered,
                covered if asked_last else 0.0,
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
    """Return the span of a sentence that most likely answers the question.

    Args:
        question: The question.
        text: The sentence.
        weights: By the names in GROUPS, one weight for each of SPAN_FEATURES.
        more: Candidates besides those found by rules.
        judged: A further score of a span, to be added.
    """
    spans = list(dict.fromkeys([*candidates(question, text), *more]))
    group_weights = weights[GROUPS[question.kind]]
    rows = span_features(question, text, spans)
    scores = []
    for span, row in zip(spans, rows, strict=True):
        score = sum(w * x for w, x in zip(group_weights, row, strict=True))
        scores.append(score + judged(span))
    return spans[max(range(len(spans)), key=lambda i: (scores[i], -i))]


def counted(question: Question, text: str, span: Span) -> Span:
    """Return ``span`` without the unit if the question names it after "how many" ("bao nhiêu điểm": 308)."""
    lowered = _lowered(text)
    number = NUMBER.match(lowered, span.start, span.end) if question.kind == "number" else None
    if number is None:
        return span
    after_number = lowered[number.end() : span.end].split()
    if not after_number:
        return span
    unit_asked = COUNTED.search(canonical(question.text))
    is_named = unit_asked is not None and question.form(unit_asked[1]) == question.form(after_number[0])
    return Span(span.start, number.end()) if is_named else span


_BELOW_ZERO = lazy_compile(r"(?:^|[\s(])(?<!\d\s)([-−–]|âm\s)$")
_UP_TO = lazy_compile(rf"(?<!\w)(?:từ\s)?{NUMBER.pattern}(?:\s[^\W\d]+)?\s(?:đến|tới)\s$")


def whole_number(question: Question, text: str, span: Span) -> Span:
    """Return ``span`` extended to the sign of its number (-25 độ, âm 25 độ) or to the beginning of a range (7.000 đến
    20.000).
    """
    lowered = _lowered(text)
    if question.kind != "number" or not lowered[span.start : span.end][:1].isdigit():
        return span
    before = lowered[max(0, span.start - 40) : span.start]
    sign = _BELOW_ZERO.search(before)
    if sign and (sign[1] != "âm " or "độ" in lowered[span.start : span.end + 4]):
        return Span(span.start - len(sign[1]), span.end)
    range_start = _UP_TO.search(before)
    if range_start:
        return Span(span.start - len(range_start[0]), span.end)
    return span


_REASON_FOLLOWS = lazy_compile(r"(?:do|vì|bởi|nguyên nhân|lý do|lí do|sở dĩ|điều này là do|đó là do)(?!\w)")


def completed(question: Question, hit: Hit, sentence: Span) -> Span:
    """Return ``sentence``, together with the next one if only both give the answer.

    That is so if the first announces the second (with a colon, or as a question), or if the question asks for a reason
    and only the second gives one.
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
    """Return what to mark: words of the question, expressions of the type asked for, and the answer if it is short.

    Marks are in order and do not overlap; marks with only a space between them are joined.
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
