"""A question and the hits found for it -> an answer quoted from one of them, or "not found".

``SentenceReader`` ranks the sentences of the hits by what they share with the question and by what a small network
makes of them, tells by a calibrated probability whether the best one answers at all, and picks the words in it
that do. Its weights come with semsearch: a table made by ``scripts/training/calibrate_reader.py``, a network trained by
``scripts/training/train_reader.py``.
``ExtractiveReader`` (a model of the hub) and ``LLMReader`` (a language model's server) take its place where asked to.
"""

from .loading import load_reader

__all__ = ["load_reader"]
