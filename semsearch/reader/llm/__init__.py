"""Answers in the words of a language model; every sentence is supported by a passage that it cites."""

from .reader import LLMReader

__all__ = ["LLMReader"]
