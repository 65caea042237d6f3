"""The part of indexing that needs nothing but the article itself, so that other processes can do it.

``RawRecord -> ParsedRecord -> PreparedArticle`` happens here and in ``semsearch.ingest``, without the database, the
encoder's vectors or other articles.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import astuple, dataclass
from itertools import islice
from typing import TYPE_CHECKING

from .. import segmentation as sentences
from ..encoders.passages import PassageText
from ..errors import IngestError
from ..ingest import RawRecord, parse
from ..storage import body_hash, content_hash, pack_spans, unpack_spans
from ..storage.term_vectors import PassageTerms, passage_terms
from ..types import Article, Span

if TYPE_CHECKING:
    from ..encoders import Tokenizer

__all__ = [
    "PassageSpans",
    "PreparedArticle",
    "PreparedRecord",
    "prepare",
    "prepare_record",
    "split_passages",
]

PassageSpans = tuple[tuple[Span, ...], ...]
"""Passages, each as the spans of its sentences."""


@dataclass(frozen=True, slots=True)
class PreparedArticle:
    """An article split into passages, with everything that is computed from its text alone.

    ``token_ids`` holds, for each passage as it is encoded and then for each of its parts (``PassageText``), the ids
    that the encoder's tokenizer gives its text. It is empty if the article was prepared without a tokenizer.
    """

    article: Article
    content_hash: bytes
    body_hash: bytes
    passages: PassageSpans
    terms: tuple[PassageTerms, ...]  # of each passage
    token_ids: tuple[bytes, ...] = ()

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle as plain values, with spans as bytes: several times faster than one object for each span."""
        article = self.article
        metadata = (article.sources, article.title, article.date, article.author, article.url)
        sizes = [len(spans) for spans in self.passages]
        sentences = pack_spans([span for spans in self.passages for span in spans])
        terms = [astuple(passage) for passage in self.terms]
        hashes = (self.content_hash, self.body_hash)
        return _restore, (
            article.text,
            pack_spans(article.blocks),
            metadata,
            hashes,
            sizes,
            sentences,
            terms,
            self.token_ids,
        )


def _restore(
    text: str,
    blocks: bytes,
    metadata: tuple[tuple[str, ...], str, dt.date | None, str, str],
    hashes: tuple[bytes, bytes],
    sizes: list[int],
    sentences: bytes,
    terms: list[tuple[str, str, str, str, bytes]],
    token_ids: tuple[bytes, ...],
) -> PreparedArticle:
    """Unpickle a prepared article."""
    sources, title, date, author, url = metadata
    article = Article(text, sources, unpack_spans(blocks), title, date, author, url)
    spans = iter(unpack_spans(sentences))
    passages = tuple(tuple(islice(spans, size)) for size in sizes)
    return PreparedArticle(article, *hashes, passages, tuple(PassageTerms(*fields) for fields in terms), token_ids)


@dataclass(frozen=True, slots=True)
class PreparedRecord:
    """The article of a record, prepared; the other fields are those of ``ParsedRecord``."""

    prepared: PreparedArticle
    key: str
    converted_from: str
    notes: tuple[str, ...]


def prepare_record(record: RawRecord, tokenizer: Tokenizer | None = None) -> PreparedRecord | IngestError:
    """Parse a record and prepare its article. An error is returned, so that it keeps its place among the records."""
    try:
        parsed = parse(record)
    except IngestError as error:
        return error
    return PreparedRecord(prepare(parsed.article, tokenizer), parsed.key, parsed.converted_from, parsed.notes)


def prepare(article: Article, tokenizer: Tokenizer | None = None) -> PreparedArticle:
    """Split an article into passages, and compute its hashes, terms and, with a tokenizer, token ids."""
    passages = split_passages(article)
    terms = []
    token_ids: list[bytes] = []
    for spans in passages:
        terms.append(passage_terms(article.text[spans[0].start : spans[-1].end], article.title))
        if tokenizer is not None:
            text = PassageText.of(article, spans)
            token_ids.extend(tokenizer.token_ids([text.encoded, *text.parts]))
    return PreparedArticle(
        article=article,
        content_hash=content_hash(article),
        body_hash=body_hash(article),
        passages=passages,
        terms=tuple(terms),
        token_ids=tuple(token_ids),
    )


def split_passages(article: Article) -> PassageSpans:
    """Split an article's blocks into sentences, and group these into passages."""
    spans: list[Span] = []
    for block in article.blocks:
        spans.extend(sentences.split_sentences(article.text, block.start, block.end))
    return tuple(sentences.chunk(article.text, spans, article.blocks))
