"""A question and the hits found for it -> an answer quoted from one of them, or "not found".

    load_reader()                                    the bundled one: no download, no torch
    load_reader("models/my-model")                   a folder with an extractive question-answering model
    load_reader("deepset/xlm-roberta-base-squad2")   a name on the model hub, downloaded once

``SentenceReader`` ranks the sentences of the hits by what they share with the question, tells by a calibrated
probability whether the best one answers at all, and picks the words in it that do. It needs no model: its weights
are a small table, made by ``scripts/calibrate_reader.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .sentence_reader import MIN_CONFIDENCE, SentenceReader

if TYPE_CHECKING:
    from ..types import Reader

__all__ = ["MIN_CONFIDENCE", "SentenceReader", "load_reader"]


def load_reader(name: str = "bundled", *, min_confidence: float | None = None, threads: int | None = None) -> Reader:
    """The reader called ``bundled``, or a question-answering model by its folder or by its name on the hub.

    An answer whose probability lies below ``min_confidence`` (0..1) is withheld; None is the reader's own threshold.
    ``threads``: how many a model may use; None leaves it to the libraries, and the bundled reader takes one.

    Raises ``ReaderUnavailable`` with what was tried and what to do, ``UsageError`` for an empty name, a confidence
    outside 0..1 or threads below 1.
    """
    if name == "bundled":
        return SentenceReader(min_confidence=MIN_CONFIDENCE if min_confidence is None else min_confidence)
    from . import extractive

    least = extractive.MIN_CONFIDENCE if min_confidence is None else min_confidence
    return extractive.ExtractiveReader(name, min_confidence=least, threads=threads)
