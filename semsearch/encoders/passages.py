"""The text that an encoder gets for a passage, and the passage's stored token ids."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from ..protocols import LateInteraction, Pretokenized
from ..types import Article, Span

__all__ = ["PassageText", "TokenIds", "tokenize"]


@dataclass(frozen=True, slots=True)
class PassageText:
    """The texts of a passage. Passages with equal texts have equal vectors and token ids.

    Attributes:
        title: The article's title; empty if the passage begins with it.
        text: The text of the passage.
        sentences: The text of each sentence.
    """

    title: str
    text: str
    sentences: tuple[str, ...]

    @classmethod
    def of(cls, article: Article, sentences: Sequence[Span]) -> PassageText:
        """The passage of ``article`` that consists of ``sentences``."""
        text = article.text[sentences[0].start : sentences[-1].end]
        title = "" if text.startswith(article.title) else article.title
        return cls(title, text, tuple(span.of(article.text) for span in sentences))

    @property
    def encoded(self) -> str:
        """The text whose vector is that of the passage."""
        return f"{self.title}\n{self.text}" if self.title else self.text

    @property
    def parts(self) -> tuple[str, ...]:
        """The texts whose token ids are kept: the title, then each sentence."""
        return (self.title, *self.sentences)


@dataclass(frozen=True, slots=True)
class TokenIds:
    """Token ids of a passage: of the title, then of each sentence.

    Each is a byte string in the encoder's own form; joined, they are the token ids of the texts in a row.

    Attributes:
        title: Token ids of the title; empty if the passage is encoded without it.
        sentences: Token ids of each sentence, in order.
    """

    title: bytes
    sentences: tuple[bytes, ...]

    @property
    def all(self) -> bytes:
        """The token ids of the title and of all sentences."""
        return self.title + b"".join(self.sentences)

    def pack(self) -> bytes:
        """As one value: the number of parts, the length of each in bytes (uint32, little endian), then the parts."""
        parts = (self.title, *self.sentences)
        lengths = [len(part) for part in parts]
        return struct.pack(f"<{1 + len(parts)}I", len(parts), *lengths) + b"".join(parts)

    @classmethod
    def unpack(cls, data: bytes) -> TokenIds:
        """The inverse of ``pack``.

        Raises:
            ValueError: ``data`` was not made by ``pack``.
        """
        try:
            (count,) = struct.unpack_from("<I", data)
            lengths = struct.unpack_from(f"<{count}I", data, 4)
        except struct.error as error:
            raise ValueError("token ids are cut short") from error
        start = 4 + 4 * count
        if count < 1 or start + sum(lengths) != len(data):
            raise ValueError("token ids do not have the length that they name")
        parts = []
        for length in lengths:
            parts.append(data[start : start + length])
            start += length
        return cls(parts[0], tuple(parts[1:]))


def tokenize(encoder: LateInteraction | Pretokenized, texts: Sequence[PassageText]) -> list[TokenIds]:
    """The token ids of each passage, in the order of ``texts``."""
    token_ids = iter(encoder.token_ids([part for text in texts for part in text.parts]))
    found = []
    for text in texts:
        title, *sentences = [next(token_ids) for _ in text.parts]
        found.append(TokenIds(title, tuple(sentences)))
    return found
