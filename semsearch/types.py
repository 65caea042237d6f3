"""The words of semsearch as frozen dataclasses, and the protocols its parts meet through.

Nothing here does I/O, and numpy is needed only by type checkers.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]  # shape (n, dim), rows of unit length
    Ids = NDArray[np.int64]  # shape (n,)

__all__ = [
    "Aligner",
    "Answer",
    "Article",
    "Duplicate",
    "Duplicates",
    "Encoder",
    "Hit",
    "Kind",
    "Mode",
    "Passage",
    "Precut",
    "Quote",
    "Ranking",
    "Reader",
    "Reranker",
    "Scores",
    "Searcher",
    "Span",
    "Statement",
    "VectorIndex",
]

Mode = Literal["hybrid", "dense", "lexical"]
Kind = Literal["auto", "exact", "approximate"]  # of comparing vectors
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
class Scores:
    """What each side said of a passage, before and after they were put together.

    ``None`` where a side was not asked. ``dense`` is the cosine of the passage, ``sentence`` the best
    cosine among its sentences, ``topic`` the cosine of the mean of all its article's passages, ``lexical`` is BM25,
    ``article`` BM25 of the whole article, ``alignment`` how well each word of the query is met by a word of
    the passage (asked for the best only), each raw; ``fused`` lies in 0..1.
    """

    fused: float
    dense: float | None = None
    sentence: float | None = None
    topic: float | None = None
    lexical: float | None = None
    article: float | None = None
    alignment: float | None = None
    rerank: float | None = None


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


@runtime_checkable
class Encoder(Protocol):
    """Texts to unit vectors. Queries and passages have verbs of their own (prompts differ)."""

    @property
    def name(self) -> str: ...
    @property
    def dim(self) -> int: ...
    @property
    def fingerprint(self) -> str:
        """Changes whenever the vectors would: weights, prompts, segmentation, maximum length."""
        ...

    def encode_queries(self, texts: Sequence[str]) -> Vectors: ...
    def encode_passages(self, texts: Sequence[str]) -> Vectors: ...


@runtime_checkable
class Aligner(Protocol):
    """What an encoder may offer besides: a query against texts, word by word.

    ``pieces`` is what it keeps of each text for that, in a form of its own; equal texts give equal bytes.
    """

    def pieces(self, texts: Sequence[str]) -> list[bytes]: ...
    def encode_with_pieces(self, texts: Sequence[str]) -> tuple[Vectors, list[bytes]]:
        """``encode_passages`` and ``pieces`` of the same texts, for less than both."""
        ...

    def align(self, query: str, pieces: Sequence[bytes]) -> NDArray[np.float32]:
        """``(len(pieces),)``, each in -1..1: the mean over the query's words of the best cosine in the text."""
        ...


@runtime_checkable
class Precut(Protocol):
    """What an encoder may offer besides: texts are cut into pieces in one place and encoded in another."""

    def cutting(self) -> tuple[str, str, int] | None:
        """What ``encoders.cutter_from`` needs to make in another process what cuts them; None if nothing can.

        If it is not None, ``encode_pieces(pieces(texts))`` is ``encode_passages(texts)``.
        """
        ...

    def cutter(self) -> Any:
        """The same for this process: an ``encoders.cutter.Cutter``, always the same one."""
        ...

    def pieces(self, texts: Sequence[str]) -> list[bytes]: ...
    def encode_pieces(self, pieces: Sequence[bytes]) -> Vectors: ...


class VectorIndex(Protocol):
    """Unit vectors by id; the inner product is the only metric."""

    def __len__(self) -> int: ...
    def add(self, ids: Ids, vectors: Vectors) -> None: ...
    def remove(self, ids: Ids) -> int: ...
    def search(self, queries: Vectors, k: int, allowed: Ids | None = None) -> list[Ranking]: ...
    def get(self, ids: Ids) -> Vectors: ...


class Searcher(Protocol):
    def search(self, query: str, k: int = 10) -> Sequence[Hit]: ...


class Reranker(Protocol):
    def rerank(self, query: str, hits: Sequence[Hit]) -> list[Hit]: ...


class Reader(Protocol):
    """A question and the hits found for it -> an answer quoted from one of them, or not found."""

    def read(self, question: str, hits: Sequence[Hit]) -> Answer: ...
