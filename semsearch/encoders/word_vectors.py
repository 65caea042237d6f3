"""Vectors of the words of a text, for the reader's network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..float16 import to_float32
from .tokenizer import AdaptiveTokenizer, unpack_ids

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..types import Vectors

__all__ = ["WordVectors"]

_MAX_WORDS_PER_TOKEN = 4
_MAX_CACHED_WORDS = 100_000


class WordVectors:
    """Finds the token around each word of a text.

    The network needs exactly one vector for each word. A tokenizer does not say which words a token covers, and a word
    may be split among several tokens. So tokens of whole words are looked up from the left, the longest first, and only
    a word that is in no such token is tokenized. The network was trained with these vectors.

    Args:
        matrix: ``(tokens, dim)``, the vectors of the vocabulary.
        tokenizer: The tokenizer of that vocabulary.
    """

    def __init__(self, matrix: NDArray[np.float16 | np.float32], tokenizer: AdaptiveTokenizer) -> None:
        self._matrix = matrix
        self._tokenizer = tokenizer
        self._ids_of_word: dict[str, tuple[int, ...]] = {}

    def of(self, words: Sequence[str]) -> tuple[Vectors, NDArray[np.float32]]:
        """Return the unit vector of each word, and the length that the vector had.

        Args:
            words: The consecutive words of a text, in lower case and without spaces.

        Returns:
            ``(n, dim)`` and ``(n,)`` float32. Words within one token share its vector; a word that is in no token of
            whole words has the mean of its own tokens, zeros if it has none (a full stop).
        """
        rows: dict[tuple[int, ...], int] = {}
        places = [rows.setdefault(ids, len(rows)) for ids in self.token_ids(words)]
        vectors = np.zeros((len(rows), self._matrix.shape[1]), np.float32)
        for ids, row in rows.items():
            if ids:
                vectors[row] = to_float32(self._matrix.take(ids, axis=0)).mean(axis=0)
        lengths = np.linalg.norm(vectors, axis=1).astype(np.float32)
        vectors /= np.maximum(lengths, 1e-9)[:, None]
        return vectors[places], lengths[places]

    def token_ids(self, words: Sequence[str]) -> list[tuple[int, ...]]:
        """Return for each word the tokens whose mean is its vector."""
        ids_of_words: list[tuple[int, ...]] = []
        for word, ids in zip(words, self._whole_word_tokens(words), strict=True):
            ids_of_words.append(ids or self._tokens_of(word))
        return ids_of_words

    def _whole_word_tokens(self, words: Sequence[str]) -> list[tuple[int, ...]]:
        """Return for each word the token of whole words around it, as a tuple of one; an empty one if there is none."""
        ids: list[tuple[int, ...]] = []
        while len(ids) < len(words):
            start = len(ids)
            for size in range(min(_MAX_WORDS_PER_TOKEN, len(words) - start), 0, -1):
                id_ = self._tokenizer.token_id("▁" + "▁".join(words[start : start + size]))
                if id_ is not None:
                    ids += [(id_,)] * size
                    break
            else:
                ids.append(())
        return ids

    def _tokens_of(self, word: str) -> tuple[int, ...]:
        if word not in self._ids_of_word:
            if len(self._ids_of_word) >= _MAX_CACHED_WORDS:
                self._ids_of_word.clear()
            [packed] = self._tokenizer.token_ids([word])
            self._ids_of_word[word] = tuple(unpack_ids(packed, self._tokenizer.spec.token_bytes).tolist())
        return self._ids_of_word[word]
