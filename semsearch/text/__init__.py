"""Vietnamese text: normalisation, tokens, numbers and language identification.

Pure functions on strings, without other dependencies than the standard library.
"""

from __future__ import annotations

from .language import detect_language
from .normalize import canonical, clean, fold, has_accents
from .numbers import normalize_number
from .query import as_query
from .tokens import is_syllable, terms, tokenize

__all__ = [
    "VERSION",
    "as_query",
    "canonical",
    "clean",
    "detect_language",
    "fold",
    "has_accents",
    "is_syllable",
    "normalize_number",
    "terms",
    "tokenize",
]

VERSION = 1
"""Increased when a change alters stored text or index terms, which makes existing indexes stale."""
