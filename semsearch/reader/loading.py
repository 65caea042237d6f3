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
    """Load the bundled reader, or a question-answering model.

    Args:
        name: "bundled", the path of a model's folder, or its name on the hub.
        min_confidence: An answer with a probability below this (0..1) is withheld; None takes the reader's own
            threshold.
        threads: How many threads a model may use; None leaves it to the libraries.
        encoder: The encoder of the index. The bundled reader uses it if it is the bundled encoder, and loads that
            otherwise.

    Raises:
        ReaderUnavailable: It cannot be loaded; the message says what was tried and what to do.
        UsageError: The name is empty, ``min_confidence`` is outside 0..1, or ``threads`` is below 1.
    """
    if name == "bundled":
        from ..encoders import StaticEncoder, load_encoder
        from . import bundled

        if not isinstance(encoder, StaticEncoder) or encoder.name != "bundled":
            encoder = load_encoder(threads=threads)
        assert isinstance(encoder, StaticEncoder)
        if min_confidence is None:
            min_confidence = bundled.MIN_CONFIDENCE
        return bundled.BundledReader(encoder, min_confidence=min_confidence)

    from . import transformer

    if min_confidence is None:
        min_confidence = transformer.MIN_CONFIDENCE
    return transformer.TransformerReader(name, min_confidence=min_confidence, threads=threads)
