"""From the quotes that may answer a question to the Answer that is given.

The best quote leads. What says the same in other articles is put beside it as one answer with several sources; a
date or a figure of another article that contradicts it is shown as such; what a question for several things is
answered with is taken apart into its items. See docs/decisions/reader.md for why so little else is shown.
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
"""A quote of less than this share of the best one's confidence is not looked at."""
# Shares of the best one's confidence likewise, which a quote must have ...
_OTHER = 0.35  # to be shown as another answer, or to be preferred for being newer if it is of the kind asked for
_CLAUSE = 0.7  # to be preferred for being newer where nothing tells its kind
_SHARED = 0.85  # share of what one sentence and its title hold of the question that another answer's must hold
_IN_COMMON = 0.4  # share of its terms that a sentence has in common with one that gives another figure of the same
_MOST = 5  # answers that are shown beside each other

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
    """Where the question asks for the newest state: hiện nay, mới nhất, latest."""
    return _NOW[detect_language(question)].search(" ".join(canonical(clean(question)).split()))


def compose(question: str, quotes: Sequence[Quote], hits: Sequence[Hit], min_confidence: float) -> Answer:
    """The Answer that ``quotes``, in any order, make to ``question``; ``hits`` are what they were read from.

    A quote whose confidence lies below ``min_confidence`` is left out. Where none is left, the Answer is not
    ``found``; it keeps the confidence of the best then, so that one can see how near it was. Several answers stand
    newest first, those of articles without a date last. Several sources of one answer do not raise its confidence:
    articles copy from each other, so that each is no evidence of its own; it is that of the best among them.
    """
    ranked = sorted(quotes, key=_order)
    kept = [quote for quote in ranked if quote.confidence >= min_confidence]
    if not kept:
        confidence = ranked[0].confidence if ranked else 0.0
        return Answer(question, found=False, confidence=confidence, hits=tuple(hits))
    best = kept[0]
    asked = understand(question, load_idf())
    if asks_for_newest(question):
        best = _newest(asked, kept)
    if asks_for_several(question) and (listed := items(asked, best, hits)):
        return _list(asked, best, listed, kept, hits)
    groups = _grouped(asked, best, kept, hits)
    return answered(question, [group.quote() for group in sorted(groups, key=_Group.order)], hits)


def _order(quote: Quote) -> tuple[float, int, int, int]:
    return -quote.confidence, quote.citation.passage.id, quote.span.start, quote.span.end


def answered(question: str, quotes: Sequence[Quote], hits: Sequence[Hit]) -> Answer:
    """The Answer that says ``quotes``, of which the first is its own."""
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


# The same, and other answers --------------------------------------------------------------------


@dataclass(slots=True)
class _Group:
    """An answer and all that say it."""

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


def _grouped(asked: Question, best: Quote, ranked: Sequence[Quote], hits: Sequence[Hit]) -> list[_Group]:
    """The answer of ``best`` with all its sources, and other answers to the same question with theirs."""
    groups = [_Group(best)]
    top = ranked[0].confidence
    for quote in ranked:
        if quote.confidence < NEAR * top or quote is best:
            continue
        joined = next((group for group in groups if agree(asked, group.lead, quote)), None)
        if joined:
            joined.add(quote.citation)
        elif (
            len(groups) < _MOST
            and quote.confidence >= _OTHER * top
            and not any(quote.citation.article.source in group.articles() for group in groups)
            and all(_differs(asked, group.lead, quote) for group in groups)
        ):
            groups.append(_Group(quote))
    for group in groups:
        for hit in _elsewhere(asked, group.lead, hits):
            if not any(hit.article.source in other.articles() for other in groups):
                group.add(hit)
    return groups


def _newest(asked: Question, ranked: Sequence[Quote]) -> Quote:
    """The quote of the newest article among those that answer nearly as well as the best."""
    best = ranked[0]
    # "hiện nay" itself is no evidence, and where it stands in one sentence, it sets that far above the others.
    least = best.confidence * (_OTHER if _fits(asked, best) else _CLAUSE)
    near = [
        quote
        for quote in ranked
        if quote.confidence >= least and _fits(asked, quote) >= _fits(asked, best) and _shares(asked, best, quote)
    ]
    return min(near, key=lambda quote: (_newest_first(quote.citation)[0], *_order(quote)))


def _list(
    asked: Question, best: Quote, listed: Sequence[Quote], ranked: Sequence[Quote], hits: Sequence[Hit]
) -> Answer:
    """A list is given whole, from its first item to its last in the same passage, and taken apart in ``quotes``."""
    least = NEAR * ranked[0].confidence
    others = [quote for quote in ranked if quote.confidence >= least and _shares(asked, best, quote)]
    elsewhere = list(_elsewhere(asked, best, hits))
    quotes: list[Quote] = []
    for item in listed:
        group = _Group(item)
        answer, line = said(item.text), _plain(_sentence(item))
        for quote in others:
            if says(_sentence(quote), answer):
                group.add(quote.citation)
        for hit in elsewhere:  # it says one of them: not therefore all
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
    whole = Quote(
        span.of(text), first.citation, span, sentence, best.confidence, _merged(text, best, together, sentence)
    )
    return replace(answered(asked.text, [whole], hits), quotes=tuple(quotes))


def _merged(text: str, best: Quote, listed: Sequence[Quote], sentence: Span) -> tuple[Span, ...]:
    """What is marked of a list: its items, and what is marked around them."""
    own = [mark for mark in best.marks if sentence.start <= mark.start and mark.end <= sentence.end]
    merged: list[Span] = []
    for span in sorted([*own, *(item.span for item in listed)]):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return tuple(merged)


def agree(asked: Question, lead: Quote, other: Quote) -> bool:
    """Whether ``other`` says what ``lead`` says, to the same question."""
    answer = said(lead.text)
    if same(answer, said(other.text)):
        return _shares(asked, lead, other)
    return _telling(asked, answer) and says(_sentence(other), answer) and _shares(asked, lead, other)


def _telling(asked: Question, answer: Said) -> bool:
    """Whether a sentence that holds the answer says it: a word or two may stand anywhere, but for names and figures."""
    named = asked.kind in ("person", "place", "organisation")
    figures = any(number >= 10 or answer.words for number in answer.numbers)
    return figures or bool(answer.days) or len(answer.words) > 2 or (named and not answer.numbers)


def _differs(asked: Question, lead: Quote, other: Quote) -> bool:
    """Whether ``other`` answers the same question with another date, figure or person."""
    return (
        asked.kind in (("date", "number") if asked.english else ("date", "number", "person"))
        and contradict(_counted(lead), _counted(other), names=asked.kind == "person")
        and _fits(asked, lead)
        and _fits(asked, other)
        and counts_in(asked, _with_more(lead)) == counts_in(asked, _with_more(other))
        and _shares(asked, lead, other)
        and _common(asked, lead, other) >= _IN_COMMON
        and not says(_sentence(other), said(lead.text))
        and not says(_sentence(lead), said(other.text))
    )


def _counted(quote: Quote) -> Said:
    """What it says, a figure with the two words after it: they tell what is counted."""
    answer = said(quote.text)
    if not answer.numbers:
        return answer
    # Of "12 triệu mét khối nước" no more than that, so that it can be held against "15 triệu" before "mét khối".
    numbers = list(NUMBER.finditer(canonical(quote.text)))
    end = quote.span.start + numbers[0].end() if len(numbers) == 1 else quote.span.end
    text = quote.citation.article.text
    return said(text[quote.span.start : end] + _NEXT.match(text, end, quote.sentence.end)[0])  # type: ignore[index]


def _with_more(quote: Quote) -> str:
    """Its text and the three words after it: what is counted may stand in one answer and behind the other."""
    text = quote.citation.article.text
    return quote.text + _MORE.match(text, quote.span.end, quote.sentence.end)[0]  # type: ignore[index]  # may be empty


def _fits(asked: Question, quote: Quote) -> bool:
    """Whether it is a thing of the kind asked for."""
    own = Span(quote.span.start - quote.sentence.start, quote.span.end - quote.sentence.start)
    return any(thing.overlaps(own) for thing in typed(asked, _sentence(quote)))


def _sentence(quote: Quote) -> str:
    return quote.sentence.of(quote.citation.article.text)


def _terms(asked: Question, quote: Quote) -> list[str]:
    return [*asked.form(quote.citation.article.title), "|", *asked.form(_sentence(quote))]


def _runs(asked: Question, quote: Quote, terms: Sequence[str]) -> str:
    """The terms of sentence, title and passage, between spaces."""
    return " ".join(["", *terms, "|", *asked.form(quote.citation.passage.text), ""])


def _shares(asked: Question, lead: Quote, other: Quote) -> bool:
    """Whether the sentence and the title of ``other`` hold nearly as much of the question as those of ``lead``.

    Every name and number of the question that stands in the passage or the title of ``lead`` must stand in those of
    ``other``.
    """
    if asked.english and _common(asked, lead, other) < _IN_COMMON:
        return False
    own, others = _terms(asked, lead), _terms(asked, other)
    beside, around = _runs(asked, lead, own), _runs(asked, other, others)
    for name in asked.names:
        runs = [f" {' '.join(run)} " for run in name]
        if any(run in beside for run in runs) and not any(run in around for run in runs):
            return False
    ignored = _time_words(asked)
    held = [sum(w for term, w in asked.weights.items() if term in set(terms) - ignored) for terms in (own, others)]
    return held[1] >= _SHARED * held[0]


def _common(asked: Question, lead: Quote, other: Quote) -> float:
    """The share of the shorter sentence's terms that the other one has too."""
    own, others = (set(asked.form(_sentence(quote))) for quote in (lead, other))
    return len(own & others) / (min(len(own), len(others)) or 1)


def _time_words(asked: Question) -> set[str]:
    """The words that ask for the newest state: an article says it without them."""
    match = asks_for_newest(asked.text)
    return set(asked.form(match[0])) if match else set()


def _elsewhere(asked: Question, lead: Quote, hits: Sequence[Hit]) -> Iterable[Hit]:
    """Hits of other articles in which a sentence says the same, whatever the reader made of it.

    It holds the answer and as much of the question, or it is the very sentence: that a reader passes over when it
    meets it again.
    """
    answer = said(lead.text)
    wanted = _plain(_sentence(lead))
    for hit in sorted(hits, key=lambda hit: hit.passage.id):
        if hit.article.source == lead.citation.article.source:
            continue
        if wanted in _plain(hit.passage.text):
            yield hit
        elif _telling(asked, answer) and says(hit.passage.text, answer):
            text = hit.article.text
            others = (Quote("", hit, sentence, sentence, 0.0) for sentence in hit.passage.sentences)
            if any(says(other.sentence.of(text), answer) and _shares(asked, lead, other) for other in others):
                yield hit


def _plain(text: str) -> str:
    return " ".join(canonical(text).split())
