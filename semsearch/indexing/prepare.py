"""What can be made of an article by itself: most of the work of indexing beside the encoder's.

Nothing here knows of other articles or of the database, so it may be done in another process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import ingest
from .. import segmentation as sentences
from ..search.ranking import passage_text
from ..storage import body_hash, content_hash
from ..storage.lexical import Terms, terms_of
from ..types import Article, Span

if TYPE_CHECKING:
    from ..encoders.cutter import Cutter

__all__ = ["Prepared", "Windows", "encoded", "prepare", "windows"]

Windows = tuple[tuple[Span, ...], ...]
"""Passages, each as the spans of its sentences."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """An article and all that can be made of it alone."""

    article: Article
    content: bytes  # store.content_hash
    body: bytes  # store.body_hash
    lines: tuple[tuple[int, str], ...]  # that may be its site's, as (key in the database, hash in the article)
    left_out: set[str]  # hashes of lines that are thought to be its site's; neither are they in what follows
    windows: Windows
    terms: tuple[Terms, ...]  # of each passage
    # Of each passage and then of its sentences; None where they are not certain.
    token_ids: tuple[bytes | None, ...] = ()  # nothing where nobody cut them


def prepare(article: Article, cutter: Cutter | None = None, repeated: Set[int] = frozenset()) -> Prepared:
    """``repeated``: keys of lines that are known to be their site's."""
    lines = _lines(article)
    left_out = {hash_ for line, hash_ in lines if line in repeated}
    made, terms = windows(ingest.without(article, left_out) if left_out else article)
    texts = [encoded(article, window) for window in made] if cutter else []
    token_ids = tuple(one for text in texts for one in cutter.token_ids_of_all(*text)) if cutter else ()
    return Prepared(article, content_hash(article), body_hash(article), lines, left_out, made, terms, token_ids)


def encoded(article: Article, spans: tuple[Span, ...]) -> tuple[str, list[str]]:
    """What the encoder is given for a passage of ``spans``, and for each of them."""
    whole = article.text[spans[0].start : spans[-1].end]
    return passage_text(article.title, whole), [span.of(article.text) for span in spans]


def windows(article: Article) -> tuple[Windows, tuple[Terms, ...]]:
    """The passages of an article, and the terms of each."""
    text = article.text
    spans = [span for block in article.blocks for span in sentences.split(text, block.start, block.end)]
    made = tuple(sentences.windows(text, spans, article.blocks))
    return made, tuple(terms_of(text[window[0].start : window[-1].end]) for window in made)


def _lines(article: Article) -> tuple[tuple[int, str], ...]:
    site = ingest.site(article)
    found = []
    for hash_, _ in ingest.repeatable_lines(article):
        digest = hashlib.blake2b(f"{site}\0{hash_}".encode(), digest_size=8).digest()
        found.append((int.from_bytes(digest, signed=True), hash_))
    return tuple(found)
