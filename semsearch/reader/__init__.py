"""A question and the hits found for it -> an answer quoted from one of them, or "not found".

``SentenceReader`` ranks the sentences of the hits by what they share with the question, tells by a calibrated
probability whether the best one answers at all, and picks the words in it that do. It needs no model: its weights
are a small table, made by ``scripts/calibrate_reader.py``.
"""

from .sentence_reader import MIN_CONFIDENCE, SentenceReader

__all__ = ["MIN_CONFIDENCE", "SentenceReader"]
