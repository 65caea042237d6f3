"""Passages to vectors and token ids, each text once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ..encoders.passages import PassageText, TokenIds, tokenize
from ..protocols import Encoder, LateInteraction, Pretokenized

if TYPE_CHECKING:
    from ..storage.vectors import Float16Array

__all__ = ["Encoded", "PretokenizedPassage", "encode_passages"]

TEXTS_PER_CALL = 8192
"""Texts passed to the encoder at once: their vectors are float32 before they are rounded to float16."""


@dataclass(frozen=True, slots=True)
class PretokenizedPassage:
    """The token ids of the text that is encoded, and those of its parts, which are kept."""

    encoded: bytes
    parts: TokenIds


@dataclass(slots=True)
class Encoded:
    """Vectors, of shape ``(dim,)``, and token ids of passages."""

    vectors: dict[PassageText, Float16Array] = field(default_factory=dict)
    token_ids: dict[PassageText, TokenIds] = field(default_factory=dict)  # empty if the encoder has none


def encode_passages(
    encoder: Encoder,
    texts: Iterable[PassageText],
    into: Encoded,
    pretokenized: Mapping[PassageText, PretokenizedPassage] | None = None,
) -> int:
    """Add the vectors and token ids of ``texts`` to ``into``, as far as they are missing there.

    Args:
        encoder: The encoder of the index.
        texts: Passages, in any order, repeated or not.
        into: What is known already.
        pretokenized: Token ids that were made elsewhere, of all passages or of some.

    Returns:
        How many texts were encoded.
    """
    distinct = list(dict.fromkeys(texts))
    without_vector = [text for text in distinct if text not in into.vectors]
    for batch in _batches(without_vector):
        _encode_batch(encoder, batch, into, pretokenized or {})
    if isinstance(encoder, LateInteraction):
        without_token_ids = [text for text in distinct if text not in into.token_ids]
        for batch in _batches(without_token_ids):
            into.token_ids.update(zip(batch, tokenize(encoder, batch), strict=True))
    return len(without_vector)


def _encode_batch(
    encoder: Encoder,
    batch: Sequence[PassageText],
    into: Encoded,
    pretokenized: Mapping[PassageText, PretokenizedPassage],
) -> None:
    if isinstance(encoder, Pretokenized) and encoder.tokenizer_spec() is not None:
        tokenized = {text: pretokenized[text] for text in batch if text in pretokenized}
        tokenized |= _tokenize(encoder, [text for text in batch if text not in tokenized])
        vectors = encoder.encode_tokens([tokenized[text].encoded for text in batch])
        if isinstance(encoder, LateInteraction):
            into.token_ids.update((text, tokenized[text].parts) for text in batch)
    else:
        vectors = encoder.encode_passages([text.encoded for text in batch])
    into.vectors.update(zip(batch, vectors.astype(np.float16), strict=True))


def _tokenize(encoder: Pretokenized, texts: Sequence[PassageText]) -> dict[PassageText, PretokenizedPassage]:
    encoded = encoder.token_ids([text.encoded for text in texts])
    parts = tokenize(encoder, texts)
    return dict(zip(texts, map(PretokenizedPassage, encoded, parts), strict=True))


def _batches(texts: Sequence[PassageText]) -> Iterator[Sequence[PassageText]]:
    for start in range(0, len(texts), TEXTS_PER_CALL):
        yield texts[start : start + TEXTS_PER_CALL]
