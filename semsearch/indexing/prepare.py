"""The part of indexing that needs nothing but the article itself, so that other processes can do it.

``RawRecord -> ParsedRecord -> PreparedArticle`` happens here and in ``semsearch.ingest``, without the database, the
encoder's vectors or other articles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import segmentation as sentences
from ..encoders.passages import PassageText
from ..storage import body_hash, content_hash
from ..storage.lexical import Terms, terms_of
from ..types import Article, Span

if TYPE_CHECKING:
    from ..encoders import Tokenizer

__all__ = ["PassageSpans", "PreparedArticle", "prepare", "split_passages"]

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
    terms: tuple[Terms, ...]  # of each passage
    token_ids: tuple[bytes, ...] = ()


def prepare(article: Article, tokenizer: Tokenizer | None = None) -> PreparedArticle:
    """Split an article into passages, and compute its hashes, terms and, with a tokenizer, token ids."""
    passages = split_passages(article)
    terms = []
    token_ids: list[bytes] = []
    for spans in passages:
        terms.append(terms_of(article.text[spans[0].start : spans[-1].end]))
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
