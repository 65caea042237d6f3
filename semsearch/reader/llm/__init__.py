"""Answers in the words of a language model, of which every sentence rests on a passage that it cites."""

from .reader import LLMReader

__all__ = ["LLMReader"]
