"""Where Vietnamese sentences end, and how they are grouped into passages: rules, no model.

``split`` finds the sentences (``ends``), ``windows`` groups them (``passages``). Both only count: the text is
never changed, and all offsets are offsets into it.
"""

from __future__ import annotations

from .chunking import MAX_PASSAGE_SENTENCES, PASSAGE_SYLLABLES, windows
from .sentences import MAX_SENTENCE, split

__all__ = ["MAX_PASSAGE_SENTENCES", "MAX_SENTENCE", "PASSAGE_SYLLABLES", "VERSION", "split", "windows"]

VERSION = 1
"""Raised when a change here moves spans: passages made before are stale."""
