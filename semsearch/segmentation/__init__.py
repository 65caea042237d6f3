"""Segmentation: a text into sentences, and sentences into passages. Rules, without a model.

Both return spans of the text and never change it.
"""

from __future__ import annotations

from .chunking import MAX_PASSAGE_SENTENCES, PASSAGE_SYLLABLES, chunk
from .sentences import MAX_SENTENCE, split_sentences

__all__ = ["MAX_PASSAGE_SENTENCES", "MAX_SENTENCE", "PASSAGE_SYLLABLES", "VERSION", "chunk", "split_sentences"]

VERSION = 1
"""Increased when a change moves sentences or passages, which makes existing indexes stale."""
