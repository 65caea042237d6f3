"""The words of semsearch as frozen dataclasses.

Nothing here does I/O, and numpy is needed only by type checkers.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]  # shape (n, dim), rows of unit length
    Ids = NDArray[np.int64]  # shape (n,)

__all__ = [
    "Answer",
    "Article",
    "Duplicate",
    "Duplicates",
    "EncoderCard",
    "FusionWeights",
    "Hit",
    "Language",
    "Mode",
    "Passage",
    "Query",
    "Quote",
    "Ranking",
    "Scores",
    "Span",
    "Statement",
    "VectorSearch",
]

Mode = Literal["hybrid", "dense", "lexical"]
Language = Literal["vi", "vi-plain", "en"]  # vi-plain: Vietnamese typed without accents
VectorSearch = Literal["auto", "exact", "approximate"]
Ranking = list[tuple[int, float]]  # (id, score), best first, ties by id


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range ``[start, end)`` of characters in an article's text."""

    start: int
    end: int

    def of(self, text: str) -> str:
        return text[self.start : self.end]

    def overlaps(self, other: Span) -> bool:
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class Article:
    """One article: its text as decoded and NFC-normalised once, and where it came from.

    ``blocks`` are the stretches of ``text`` worth finding, in order and without overlap: paragraphs,
    headings, list items; menus, repeated captions and the like lie outside of them. ``sources`` holds
    every place where the same text was met, the first one first; a record inside a file of many
    is ``path#key``.
    """

    text: str
    sources: tuple[str, ...]
    blocks: tuple[Span, ...]
    title: str = ""
    date: dt.date | None = None
    author: str = ""
    url: str = ""
    id: int = 0  # given by the store, 0 before

    @property
    def source(self) -> str:
        return self.sources[0]

    def line(self, offset: int) -> int:
        """The 1-based line of ``text`` that holds the character at ``offset``."""
        return self.text.count("\n", 0, offset) + 1


@dataclass(frozen=True, slots=True)
class Passage:
    """Consecutive whole sentences of one article: what is found and shown.

    ``article.text[start:end] == text``; ``sentences`` are spans of the article's text too.
    """

    id: int
    article_id: int
    position: int  # 0-based place among the article's passages
    start: int
    end: int
    text: str
    sentences: tuple[Span, ...]

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)


@dataclass(frozen=True, slots=True)
class Query:
    """A query or question, analysed once; ``text.as_query`` makes it. ``str(query)`` is its text."""

    text: str  # cleaned, without surrounding spaces
    language: Language
    terms: tuple[str, ...]  # canonical terms, in order

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Scores:
    """What each side said of a passage, before and after they were put together.

    ``None`` where a side was not asked. ``dense`` is the cosine of the passage, ``sentence`` the best
    cosine among its sentences, ``article_dense`` that of the mean of its article's passages, ``lexical`` is BM25,
    ``article`` BM25 of the whole article, ``maxsim`` how well each word of the query is met by a word of
    the passage (asked for the best only), each raw; ``fused`` lies in 0..1.
    """

    fused: float
    dense: float | None = None
    sentence: float | None = None
    article_dense: float | None = None
    lexical: float | None = None
    article: float | None = None
    maxsim: float | None = None
    rerank: float | None = None


@dataclass(frozen=True, slots=True)
class FusionWeights:
    """How much each signal counts in the fused score of hybrid or dense search; divided by their sum."""

    dense: float = 0.0
    sentence: float = 0.0
    article_dense: float = 0.0
    lexical: float = 0.0
    article: float = 0.0
    maxsim: float = 0.0


@dataclass(frozen=True, slots=True)
class EncoderCard:
    """What was measured for an encoder, published with its files.

    Attributes:
        fusion: Fusion weights by the language of a query, and by "dense" for dense mode; empty if nobody tuned any.
        sha256: Checksums by file name.
    """

    fusion: Mapping[str, FusionWeights]
    sha256: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found, its article, its scores, and the sentence that matched best."""

    passage: Passage
    article: Article
    score: float
    scores: Scores
    sentence: Span  # span of the article's text, inside the passage
    rank: int = 1  # 1-based


@dataclass(frozen=True, slots=True)
class Quote:
    """One answer as one article gives it: ``citation.article.text[span.start:span.end] == text``.

    ``sentence`` is the span of the whole sentence(s) around it, ``marks`` spans inside that, ``confidence`` the
    calibrated probability, 0..1, that it answers. ``also`` are hits of other articles that say the same.
    """

    text: str
    citation: Hit
    span: Span
    sentence: Span
    confidence: float
    marks: tuple[Span, ...] = ()
    also: tuple[Hit, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence in words of its own (a language model's), and the hits that it rests on, at least one."""

    text: str
    citations: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the articles say to a question, quoted.

    ``found`` is False when nothing supports an answer; then ``text`` is empty and ``citation`` None.
    Otherwise ``article.text[span.start:span.end] == text`` for the article of ``citation``, and
    ``sentence`` is the span of the whole sentence(s) quoted around it. ``marks`` are spans inside
    ``sentence``: words of the question and likely answers (numbers, dates, names).
    ``confidence`` is the calibrated probability, 0..1, that the quoted sentence answers.

    ``quotes`` holds all that the articles say to the question, the one above first: one entry as a rule,
    several where articles differ, newest first. Of a list they are its items, and the one above is the stretch that
    holds them all.

    ``composed`` is the answer in a language model's words, where one was asked, with ``[n]`` for the n-th of the
    hits that it was given; ``statements`` are its sentences without these numbers. What stands above stays a quote.
    """

    question: str
    found: bool
    text: str = ""
    citation: Hit | None = None
    span: Span | None = None
    sentence: Span | None = None
    confidence: float = 0.0
    marks: tuple[Span, ...] = ()
    hits: tuple[Hit, ...] = field(default=())
    quotes: tuple[Quote, ...] = field(default=())
    composed: str = ""
    statements: tuple[Statement, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Duplicate:
    """An article of a group that says the same, beside the longest of the group; shares are of words, 0..1."""

    article: Article
    share: float  # of its own, in sentences that the longest has too, the same or nearly
    same: float  # of its own, in sentences that the longest has word for word
    covers: float  # of the longest's, in sentences that it has


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Articles that say the same, the earliest first, those without a date last.

    One article alone is a group if the same text stands in several places (its ``sources``).
    """

    members: tuple[Duplicate, ...]
    longest: int  # id of the article that the others are compared with

    @property
    def original(self) -> Article:
        """The earliest."""
        return self.members[0].article

    @property
    def places(self) -> int:
        """In how many places one of them stands."""
        return sum(len(member.article.sources) for member in self.members)
