"""Composes an Answer from the quotes that may answer a question.

The best quote comes first. Other articles that give the same answer become further sources of it; a contradicting date
or figure in another article is shown as another answer; the answer to a question for several things is split into its
items. ``docs/decisions/reader.md`` explains why little else is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from ..lazy_regex import lazy_compile
from ..text import canonical, clean, detect_language, fold
from ..types import Answer, Hit, Quote, Span
from .extract import counts_in, typed
from .items import asks_for_several, items
from .patterns import NUMBER
from .question import Question, load_idf, understand
from .same import Said, contradict, said, same, says

__all__ = ["NEAR", "agree", "answered", "asks_for_newest", "compose"]

NEAR = 0.25
"""Minimum confidence of a quote that is considered, as a share of the best one's."""

# Minimum confidence, likewise a share of the best one's ...
_MIN_OTHER = 0.35  # of another answer that is shown, or of a newer one of the type asked for that is preferred
_MIN_NEWER_CLAUSE = 0.7  # of a newer answer that is preferred if its type cannot be recognised

_MIN_SHARED = 0.85  # share of the question's IDF in the best sentence and its title, in those of another answer
_MIN_COMMON = 0.4  # share of terms that two sentences with contradicting answers have in common
_MAX_ANSWERS = 5

_NEXT, _MORE = lazy_compile(r"(?: [^\W\d]+){0,2}"), lazy_compile(r"(?: [^\W\d]+){0,3}")

_NEWEST = (
    r"\b(?:hiện nay|hiện tại|hiện giờ|hiện đang|bây giờ|mới nhất|gần đây nhất|năm nay|đến nay|tới nay|mới đây|"
    r"đương nhiệm|cập nhật)\b"
)
_NEWEST_ENGLISH = r"\b(?:latest|current|currently|newest|most recent|now|nowadays|today|this year|so far|incumbent)\b"
_NOW = {
    "vi": lazy_compile(_NEWEST),
    "vi-plain": lazy_compile(fold(_NEWEST)),
    "en": lazy_compile(_NEWEST_ENGLISH),
}


def asks_for_newest(question: str) -> re.Match[str] | None:
    """Return the match of the words that ask for the newest state (hiện nay, mới nhất, latest), or None."""
    return _NOW[detect_language(question)].search(" ".join(canonical(clean(question)).split()))


def compose(question: str, quotes: Sequence[Quote], hits: Sequence[Hit], min_confidence: float) -> Answer:
    """Build the Answer to ``question``.

    Several answers are ordered newest first, those of articles without a date last. Several sources of one answer do
    not raise its confidence, because articles copy from each other: it is that of the best source.

    Args:
        question: The question.
        quotes: The possible answers, in any order.
        hits: The hits that they were read from.
        min_confidence: Quotes with a lower confidence are left out.

    Returns:
        The Answer. Without a quote it is not ``found``, and keeps the confidence of the best one that was left out.
    """
    ranked = sorted(quotes, key=_order)
    kept = [quote for quote in ranked if quote.confidence >= min_confidence]
    if not kept:
        confidence = ranked[0].confidence if ranked else 0.0
        return Answer(question, found=False, confidence=confidence, hits=tuple(hits))
    best = kept[0]
    analysed = understand(question, load_idf())
    if asks_for_newest(question):
        best = _newest(analysed, kept)
    listed = items(analysed, best, hits) if asks_for_several(question) else []
    if listed:
        return _list(analysed, best, listed, kept, hits)
    groups = _grouped(analysed, best, kept, hits)
    return answered(question, [group.quote() for group in sorted(groups, key=_Group.order)], hits)


def _order(quote: Quote) -> tuple[float, int, int, int]:
    return -quote.confidence, quote.citation.passage.id, quote.span.start, quote.span.end


def answered(question: str, quotes: Sequence[Quote], hits: Sequence[Hit]) -> Answer:
    """Return an Answer with these quotes; the first is the primary one."""
    first = quotes[0]
    return Answer(
        question=question,
        found=True,
        text=first.text,
        citation=first.citation,
        span=first.span,
        sentence=first.sentence,
        confidence=first.confidence,
        marks=first.marks,
        hits=tuple(hits),
        quotes=tuple(quotes),
    )


# Equal and other answers -----------------------------------------------------------------------


@dataclass(slots=True)
class _Group:
    """An answer and all its sources."""

    lead: Quote
    also: list[Hit] = field(default_factory=list)

    def articles(self) -> set[str]:
        return {hit.article.source for hit in (self.lead.citation, *self.also)}

    def add(self, hit: Hit) -> None:
        if hit.article.source not in self.articles():
            self.also.append(hit)

    def quote(self) -> Quote:
        return replace(self.lead, also=tuple(sorted(self.also, key=_newest_first)))

    def order(self) -> tuple[int, float, int, int, int]:
        newest = min(map(_newest_first, (self.lead.citation, *self.also)))
        return (newest[0], *_order(self.lead))


def _newest_first(hit: Hit) -> tuple[int, int]:
    day = hit.article.date or date.min
    return -day.toordinal(), hit.passage.id


def _grouped(analysed: Question, best: Quote, ranked: Sequence[Quote], hits: Sequence[Hit]) -> list[_Group]:
    """Return the answer of ``best`` with all its sources, and other answers to the same question with theirs."""
    groups = [_Group(best)]
    top = ranked[0].confidence
    for quote in ranked:
        if quote.confidence < NEAR * top or quote is best:
            continue
        joined = next((group for group in groups if agree(analysed, group.lead, quote)), None)
        if joined:
            joined.add(quote.citation)
        elif (
            len(groups) < _MAX_ANSWERS
            and quote.confidence >= _MIN_OTHER * top
            and not any(quote.citation.article.source in group.articles() for group in groups)
            and all(_differs(analysed, group.lead, quote) for group in groups)
        ):
            groups.append(_Group(quote))
    for group in groups:
        for hit in _elsewhere(analysed, group.lead, hits):
            if not any(hit.article.source in other.articles() for other in groups):
                group.add(hit)
    return groups


def _newest(analysed: Question, ranked: Sequence[Quote]) -> Quote:
    """Return the quote of the newest article among those that answer nearly as well as the best."""
    best = ranked[0]
    # "hiện nay" is not evidence itself, but a sentence that contains it scores far above the others: hence the low bar.
    least = best.confidence * (_MIN_OTHER if _fits(analysed, best) else _MIN_NEWER_CLAUSE)
    near = [
        quote
        for quote in ranked
        if quote.confidence >= least
        and _fits(analysed, quote) >= _fits(analysed, best)
        and _shares(analysed, best, quote)
    ]
    return min(near, key=lambda quote: (_newest_first(quote.citation)[0], *_order(quote)))


def _list(
    analysed: Question, best: Quote, listed: Sequence[Quote], ranked: Sequence[Quote], hits: Sequence[Hit]
) -> Answer:
    """Return a list as an Answer: its text runs from the first item to the last one in the same passage, and ``quotes``
    are the items.
    """
    least = NEAR * ranked[0].confidence
    others = [quote for quote in ranked if quote.confidence >= least and _shares(analysed, best, quote)]
    elsewhere = list(_elsewhere(analysed, best, hits))
    quotes: list[Quote] = []
    for item in listed:
        group = _Group(item)
        answer, line = said(item.text), _plain(_sentence(item))
        for quote in others:
            if says(_sentence(quote), answer):
                group.add(quote.citation)
        for hit in elsewhere:  # a source of one item need not be a source of all
            if line in _plain(hit.passage.text) or says(hit.passage.text, answer):
                group.add(hit)
        quotes.append(group.quote())
    first = listed[0]
    together = [item for item in listed if item.citation.passage.id == first.citation.passage.id]
    span = Span(first.span.start, together[-1].span.end)
    around = [item.sentence for item in together]
    if best.citation.passage.id == first.citation.passage.id:
        around.append(best.sentence)
    sentence = Span(min(s.start for s in around), max(s.end for s in around))
    text = first.citation.article.text
    list_quote = Quote(
        span.of(text), first.citation, span, sentence, best.confidence, _merged(text, best, together, sentence)
    )
    return replace(answered(analysed.text, [list_quote], hits), quotes=tuple(quotes))


def _merged(text: str, best: Quote, listed: Sequence[Quote], sentence: Span) -> tuple[Span, ...]:
    """Return the marks of a list: its items, and the marks of the best quote around them."""
    quote_marks = [mark for mark in best.marks if sentence.start <= mark.start and mark.end <= sentence.end]
    merged: list[Span] = []
    for span in sorted([*quote_marks, *(item.span for item in listed)]):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return tuple(merged)


def agree(analysed: Question, lead: Quote, other: Quote) -> bool:
    """Whether ``other`` gives the same answer as ``lead``, to the same question."""
    answer = said(lead.text)
    if same(answer, said(other.text)):
        return _shares(analysed, lead, other)
    return _telling(analysed, answer) and says(_sentence(other), answer) and _shares(analysed, lead, other)


def _telling(analysed: Question, answer: Said) -> bool:
    """Whether a sentence that contains the answer also gives it: one or two words may occur anywhere, unless they are
    names or figures.
    """
    named = analysed.kind in ("person", "place", "organisation")
    figures = any(number >= 10 or answer.words for number in answer.numbers)
    return figures or bool(answer.days) or len(answer.words) > 2 or (named and not answer.numbers)


def _differs(analysed: Question, lead: Quote, other: Quote) -> bool:
    """Whether ``other`` answers the same question with another date, figure or person."""
    return (
        analysed.kind in (("date", "number") if analysed.english else ("date", "number", "person"))
        and contradict(_counted(lead), _counted(other), names=analysed.kind == "person")
        and _fits(analysed, lead)
        and _fits(analysed, other)
        and counts_in(analysed, _with_more(lead)) == counts_in(analysed, _with_more(other))
        and _shares(analysed, lead, other)
        and _common(analysed, lead, other) >= _MIN_COMMON
        and not says(_sentence(other), said(lead.text))
        and not says(_sentence(lead), said(other.text))
    )


def _counted(quote: Quote) -> Said:
    """Return the answer, for a figure with the two words after it, which say what is counted."""
    answer = said(quote.text)
    if not answer.numbers:
        return answer
    # "12 triệu mét khối" of "12 triệu mét khối nước", so that it can be compared with "15 triệu" before "mét khối".
    numbers = list(NUMBER.finditer(canonical(quote.text)))
    end = quote.span.start + numbers[0].end() if len(numbers) == 1 else quote.span.end
    text = quote.citation.article.text
    return said(text[quote.span.start : end] + _NEXT.match(text, end, quote.sentence.end)[0])  # type: ignore[index]


def _with_more(quote: Quote) -> str:
    """Return the quote and the three words after it: what is counted may be inside one answer and after the other."""
    text = quote.citation.article.text
    return quote.text + _MORE.match(text, quote.span.end, quote.sentence.end)[0]  # type: ignore[index]  # may be empty


def _fits(analysed: Question, quote: Quote) -> bool:
    """Whether the quote overlaps something of the type asked for."""
    span = Span(quote.span.start - quote.sentence.start, quote.span.end - quote.sentence.start)
    return any(thing.overlaps(span) for thing in typed(analysed, _sentence(quote)))


def _sentence(quote: Quote) -> str:
    return quote.sentence.of(quote.citation.article.text)


def _terms(analysed: Question, quote: Quote) -> list[str]:
    return [*analysed.form(quote.citation.article.title), "|", *analysed.form(_sentence(quote))]


def _runs(analysed: Question, quote: Quote, terms: Sequence[str]) -> str:
    """Return the terms of sentence, title and passage, with a space around each."""
    return " ".join(["", *terms, "|", *analysed.form(quote.citation.passage.text), ""])


def _shares(analysed: Question, lead: Quote, other: Quote) -> bool:
    """Whether the sentence and the title of ``other`` cover nearly as much of the question as those of ``lead``.

    Every name and number of the question that is in the passage or title of ``lead`` must be in those of ``other``.
    """
    if analysed.english and _common(analysed, lead, other) < _MIN_COMMON:
        return False
    lead_terms, other_terms = _terms(analysed, lead), _terms(analysed, other)
    beside, around = _runs(analysed, lead, lead_terms), _runs(analysed, other, other_terms)
    for name in analysed.names:
        runs = [f" {' '.join(run)} " for run in name]
        if any(run in beside for run in runs) and not any(run in around for run in runs):
            return False
    ignored = _time_words(analysed)
    lead_idf = _covered_idf(analysed, set(lead_terms) - ignored)
    other_idf = _covered_idf(analysed, set(other_terms) - ignored)
    return other_idf >= _MIN_SHARED * lead_idf


def _covered_idf(analysed: Question, terms: set[str]) -> float:
    return sum(idf for term, idf in analysed.weights.items() if term in terms)


def _common(analysed: Question, lead: Quote, other: Quote) -> float:
    """Return the share of the shorter sentence's terms that the other one has too."""
    lead_terms, other_terms = (set(analysed.form(_sentence(quote))) for quote in (lead, other))
    return len(lead_terms & other_terms) / (min(len(lead_terms), len(other_terms)) or 1)


def _time_words(analysed: Question) -> set[str]:
    """Return the words that ask for the newest state, which articles do not need."""
    match = asks_for_newest(analysed.text)
    return set(analysed.form(match[0])) if match else set()


def _elsewhere(analysed: Question, lead: Quote, hits: Sequence[Hit]) -> Iterable[Hit]:
    """Yield hits of other articles in which a sentence gives the same answer, even if the reader did not choose it.

    The sentence contains the answer and as much of the question, or it is the same sentence, which the reader reads
    only once.
    """
    answer = said(lead.text)
    lead_sentence = _plain(_sentence(lead))
    for hit in sorted(hits, key=lambda hit: hit.passage.id):
        if hit.article.source == lead.citation.article.source:
            continue
        if lead_sentence in _plain(hit.passage.text):
            yield hit
        elif _telling(analysed, answer) and says(hit.passage.text, answer):
            text = hit.article.text
            others = (Quote("", hit, sentence, sentence, 0.0) for sentence in hit.passage.sentences)
            if any(says(other.sentence.of(text), answer) and _shares(analysed, lead, other) for other in others):
                yield hit


def _plain(text: str) -> str:
    return " ".join(canonical(text).split())
