"""The data classes of semsearch. NumPy is imported by type checkers only."""

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
        """Return the characters of ``text`` in this range."""
        return text[self.start : self.end]

    def overlaps(self, other: Span) -> bool:
        """Return whether the ranges have a character in common."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class Article:
    """An article: its text, decoded and normalised to NFC once, and where it came from.

    Attributes:
        text: The whole text; all offsets count its characters.
        sources: All sources of this text, in order of discovery. A record inside a file is ``path#key``.
        blocks: Spans of ``text`` worth finding, in order and without overlap: paragraphs, headings, list items. Menus,
            repeated captions and the like are outside of them.
        title: Empty if it is unknown.
        date: Day of publication, if it is known.
        author: Empty if it is unknown.
        url: Empty if it is unknown.
        id: Given by the index; 0 before.
    """

    text: str
    sources: tuple[str, ...]
    blocks: tuple[Span, ...]
    title: str = ""
    date: dt.date | None = None
    author: str = ""
    url: str = ""
    id: int = 0

    @property
    def source(self) -> str:
        """The first source."""
        return self.sources[0]

    def line(self, offset: int) -> int:
        """Return the line of ``text`` (from 1) that contains the character at ``offset``."""
        return self.text.count("\n", 0, offset) + 1


@dataclass(frozen=True, slots=True)
class Passage:
    """Consecutive sentences of one article: what is found and shown.

    Attributes:
        id: Unique in an index, and never reused.
        article_id: The article's id.
        position: Place among the article's passages, from 0.
        start: Offset of the first character in the article's text.
        end: Offset behind the last one.
        text: ``article.text[start:end]``.
        sentences: Spans of the article's text.
    """

    id: int
    article_id: int
    position: int
    start: int
    end: int
    text: str
    sentences: tuple[Span, ...]

    @property
    def span(self) -> Span:
        """The range of the passage in the article's text."""
        return Span(self.start, self.end)


@dataclass(frozen=True, slots=True)
class Query:
    """A query or question, analysed once by ``text.as_query``. ``str(query)`` is its text.

    Attributes:
        text: Cleaned, without surrounding spaces.
        language: The language it is written in.
        terms: Its canonical terms, in order.
    """

    text: str
    language: Language
    terms: tuple[str, ...]

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of a passage by each signal, as measured, and the fused score; ``None`` if a signal was not used.

    Attributes:
        fused: Weighted mean of the min-max scores of all signals, 0..1.
        dense: Cosine of the passage with the query.
        sentence: Best cosine of its sentences with the query; for the best candidates only.
        article_dense: Cosine of the mean vector of its article's passages.
        lexical: BM25 score of the passage.
        article: BM25 score of the whole article.
        maxsim: Mean over the query's tokens of the best cosine with a token of the passage; for the best candidates
            only.
        rerank: Score by the reranker.
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
    """A passage that was found.

    Attributes:
        passage: The passage.
        article: Its article.
        score: The fused score, 0..1.
        scores: The scores by each signal.
        sentence: The sentence that fits the query best, as a span of the article's text.
        rank: From 1.
    """

    passage: Passage
    article: Article
    score: float
    scores: Scores
    sentence: Span
    rank: int = 1


@dataclass(frozen=True, slots=True)
class Quote:
    """One answer as one article gives it.

    Attributes:
        text: The answer: ``span.of(citation.article.text)``.
        citation: The hit that it is quoted from.
        span: The answer's place in the article's text.
        sentence: The sentence or sentences around it.
        confidence: Calibrated probability, 0..1, that it answers the question.
        marks: Spans inside ``sentence`` to highlight.
        also: Hits of other articles that say the same.
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
    """A sentence composed by a language model, and the hits that support it, at least one."""

    text: str
    citations: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a question, quoted from an article. Without ``found``, ``text`` is empty and ``citation`` None.

    Attributes:
        question: The question.
        found: Whether the hits support an answer.
        text: The answer: ``span.of(citation.article.text)``.
        citation: The hit that it is quoted from.
        span: The answer's place in the article's text.
        sentence: The sentence or sentences around it.
        confidence: Calibrated probability, 0..1, that the quote answers the question.
        marks: Spans inside ``sentence`` to highlight: words of the question, numbers, dates and names.
        hits: The hits that the answer was read from.
        quotes: All answers, the one above first. Usually one; several if articles differ, newest first. For a list its
            items; the answer above is the stretch that contains them.
        composed: The answer in a language model's words, if one was asked; ``[n]`` cites the n-th of its hits.
        statements: The sentences of ``composed``, without these numbers.
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
    """An article of a group of duplicates, compared with the representative of the group.

    Attributes:
        article: The article.
        share: Share of its words, 0..1, in sentences that the representative has too, word for word or nearly.
        same: Share of its words in sentences that the representative has word for word.
        coverage: Share of the representative's words in sentences that this article has, word for word or nearly.
    """

    article: Article
    share: float
    same: float
    coverage: float


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Articles that share most of their text, or one article with several sources.

    Attributes:
        members: The earliest article first; those without a date last.
        representative_id: The id of the longest article, with which the others were compared.
    """

    members: tuple[Duplicate, ...]
    representative_id: int

    @property
    def original(self) -> Article:
        """The earliest article."""
        return self.members[0].article

    @property
    def places(self) -> int:
        """The number of sources of all members."""
        return sum(len(member.article.sources) for member in self.members)
