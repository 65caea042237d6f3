"""Readers by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..protocols import Encoder, Reader

__all__ = ["load_reader"]


def load_reader(
    name: str = "bundled",
    *,
    min_confidence: float | None = None,
    threads: int | None = None,
    encoder: Encoder | None = None,
) -> Reader:
    """The reader called ``bundled``, or a question-answering model by its folder or by its name on the hub.

    An answer whose probability lies below ``min_confidence`` (0..1) is withheld; None is the reader's own threshold.
    ``threads``: how many a model may use; None leaves it to the libraries. The bundled reader knows words by
    the bundled encoder, which is loaded unless ``encoder`` is it.

    Raises ``ReaderUnavailable`` with what was tried and what to do, ``UsageError`` for an empty name, a confidence
    outside 0..1 or threads below 1.
    """
    if name == "bundled":
        from ..encoders import load_encoder
        from ..encoders.static import StaticEncoder
        from .bundled import MIN_CONFIDENCE, SentenceReader

        words = encoder if isinstance(encoder, StaticEncoder) and encoder.name == "bundled" else None
        if words is None:
            loaded = load_encoder(threads=threads)
            assert isinstance(loaded, StaticEncoder)
            words = loaded
        return SentenceReader(words, min_confidence=MIN_CONFIDENCE if min_confidence is None else min_confidence)
    from . import transformer as extractive

    least = extractive.MIN_CONFIDENCE if min_confidence is None else min_confidence
    return extractive.ExtractiveReader(name, min_confidence=least, threads=threads)
