"""Token ids of texts, by three tokenizers that give the same ids.

- ``LibraryTokenizer``: the ``tokenizers`` library. It knows every kind of tokenizer and is fast on many texts, but
  takes 0.15 s to read the bundled vocabulary, more than everything else that a cold question needs.
- ``UnigramTokenizer``: the library's algorithm in Python, ready in 0.04 s, for the few short texts of a question.
- ``CachingTokenizer``: segments each distinct word once. Nearly all tokens of the bundled vocabulary are one to four
  whole words, and nearly all words of a text were seen before, so it takes a third of the library's processor time.

``AdaptiveTokenizer`` picks one of them for each call. The two in Python pass on to the library every text for which
they are not certain to agree with it; the tests compare all three.
"""

from __future__ import annotations

import hashlib
import math
import os
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import numpy as np

from ..errors import EncoderUnavailable
from .unigram import SAFE_CATEGORIES, SPACE, TIE, UnigramModel

if TYPE_CHECKING:
    import tokenizers
    from numpy.typing import NDArray

__all__ = [
    "AdaptiveTokenizer",
    "CachingTokenizer",
    "LibraryTokenizer",
    "Tokenizer",
    "TokenizerSpec",
    "UnigramTokenizer",
    "load_tokenizer",
    "pack_ids",
    "unpack_ids",
]

_MAX_TEXTS_IN_PYTHON = 4  # that are tokenized in Python rather than loading the library
_MIN_TEXTS_FOR_CACHE = 2048  # setting up the caching tokenizer takes as long as the library needs for this many
_MAX_THREADS = 6  # with more threads than this the library is faster than the caching tokenizer
_MAX_CACHED = 100_000  # entries of each cache
_MAX_CACHED_CHARACTERS = 200  # longer runs without white space are not words and are not cached


class Tokenizer(Protocol):
    """Token ids of texts."""

    def token_ids(self, texts: Sequence[str]) -> list[bytes]:
        """Return the token ids of each text, packed by :func:`pack_ids`; a text without tokens gives ``b""``."""
        ...


@dataclass(frozen=True, slots=True)
class TokenizerSpec:
    """What :func:`load_tokenizer` needs to make the same tokenizer in another process."""

    path: str
    sha256: str
    token_bytes: int


def load_tokenizer(spec: TokenizerSpec) -> Tokenizer:
    """Load a tokenizer for many texts, in a process that does not have the encoder.

    Raises:
        EncoderUnavailable: The file is missing, is of another kind, or changed since the encoder read it.
    """
    path = Path(spec.path)
    content = read_tokenizer_file(path)
    model = UnigramModel.parse(content) if hashlib.sha256(content).hexdigest() == spec.sha256 else None
    if model is None:
        raise EncoderUnavailable(f"{path} changed while it was in use; run the command again.")
    return CachingTokenizer(model, spec.token_bytes, LibraryTokenizer(content, path, spec.token_bytes, threads=1))


def pack_ids(ids: Sequence[int], token_bytes: int) -> bytes:
    """Pack token ids as little-endian unsigned integers of ``token_bytes`` bytes each."""
    return np.array(ids, f"<u{token_bytes}").tobytes()


def unpack_ids(packed: bytes, token_bytes: int) -> NDArray[Any]:
    """Return the token ids that :func:`pack_ids` packed, ``(n,)``."""
    return np.frombuffer(packed, f"<u{token_bytes}")


def read_tokenizer_file(path: Path) -> bytes:
    """Return the content of a ``tokenizer.json``. Raises EncoderUnavailable if it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise EncoderUnavailable(f"{path} is missing; install the model again.") from None
    except OSError as error:
        raise EncoderUnavailable(f"{path} cannot be read ({error.strerror}); install the model again.") from error


class AdaptiveTokenizer:
    """The tokenizer of an encoder: picks the fastest implementation for the number of texts.

    Args:
        path: The ``tokenizer.json``.
        token_bytes: Bytes of a packed token id, 2 or 4.
        threads: 1 tokenizes in the calling thread. Any other value lets the library use its own pool, which has as
            many threads as the machine has cores, or as the environment variable RAYON_NUM_THREADS says.

    Raises:
        EncoderUnavailable: The file is missing or damaged.
    """

    def __init__(self, path: Path, token_bytes: int, threads: int | None = None) -> None:
        content = read_tokenizer_file(path)
        try:
            self._model = UnigramModel.parse(content)
        except ValueError as error:
            raise EncoderUnavailable(f"{path} is not a readable tokenizer ({error}).") from error
        self.spec = TokenizerSpec(str(path), hashlib.sha256(content).hexdigest(), token_bytes)
        self._threads = threads
        self._library = LibraryTokenizer(content, path, token_bytes, threads)
        self._unigram = UnigramTokenizer(self._model, token_bytes, self._library) if self._model else None
        self._caching: CachingTokenizer | None = None

    @property
    def vocabulary_size(self) -> int:
        """Return the number of tokens in the vocabulary."""
        return len(self._model) if self._model else self._library.vocabulary_size()

    def token_id(self, token: str) -> int | None:
        """Return the id of a token, or None if the vocabulary does not have it."""
        return self._model.token_id(token) if self._model else self._library.token_id(token)

    def token_ids(self, texts: Sequence[str]) -> list[bytes]:
        """Return the token ids of each text, from the tokenizer that is fastest for this many."""
        return self._choose(len(texts)).token_ids(texts)

    @property
    def is_cacheable(self) -> bool:
        """Whether :meth:`caching` has a tokenizer."""
        return self._model is not None and self._model.splits_on_space

    def caching(self) -> CachingTokenizer | None:
        """Return the tokenizer for many texts, always the same one; None if the vocabulary is of another kind."""
        if self._caching is None and self._model is not None and self._model.splits_on_space:
            self._caching = CachingTokenizer(self._model, self.spec.token_bytes, self._library)
        return self._caching

    def _choose(self, texts: int) -> Tokenizer:
        if texts >= _MIN_TEXTS_FOR_CACHE and (self._threads or _processors()) <= _MAX_THREADS:
            self.caching()
        if self._caching is not None:
            return self._caching
        if self._unigram is not None and texts <= _MAX_TEXTS_IN_PYTHON and not self._library.is_loaded:
            return self._unigram
        return self._library


class LibraryTokenizer:
    """The ``tokenizers`` library, loaded at the first use.

    Args:
        content: The content of a ``tokenizer.json``.
        path: Its path, for error messages.
        token_bytes: Bytes of a packed token id.
        threads: 1 tokenizes in the calling thread, any other value in the library's own pool.
    """

    def __init__(self, content: bytes, path: Path, token_bytes: int, threads: int | None = None) -> None:
        self._content = content
        self._path = path
        self._token_bytes = token_bytes
        self._threads = threads
        self._tokenizer: tokenizers.Tokenizer | None = None

    @property
    def is_loaded(self) -> bool:
        """True if the library has read the tokenizer's file."""
        return self._tokenizer is not None

    def vocabulary_size(self) -> int:
        """Return the number of tokens in the vocabulary."""
        return self._load().get_vocab_size()

    def token_id(self, token: str) -> int | None:
        """Return the id of a token, or None if the vocabulary does not have it."""
        return self._load().token_to_id(token)

    def token_ids(self, texts: Sequence[str]) -> list[bytes]:
        """Tokenize texts. Raises EncoderUnavailable if the library cannot read the file."""
        tokenizer = self._load()
        if len(texts) == 1 or self._threads == 1:  # waking a pool of threads costs more than one question
            encodings = [tokenizer.encode(text, add_special_tokens=False) for text in texts]
        else:
            encodings = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [pack_ids(encoding.ids, self._token_bytes) for encoding in encodings]

    def _load(self) -> tokenizers.Tokenizer:
        if self._tokenizer is None:
            import tokenizers

            try:
                tokenizer = tokenizers.Tokenizer.from_buffer(self._content)
            except Exception as error:  # the library raises bare Exception for any defect of the file
                raise EncoderUnavailable(f"{self._path} is not a readable tokenizer ({error}).") from error
            tokenizer.no_padding()
            tokenizer.no_truncation()
            self._tokenizer, self._content = tokenizer, b""
        return self._tokenizer


class UnigramTokenizer:
    """The library's algorithm in Python, for a few short texts.

    Args:
        model: The vocabulary.
        token_bytes: Bytes of a packed token id.
        fallback: Tokenizes long texts, and texts with characters that Python may classify differently.
    """

    def __init__(self, model: UnigramModel, token_bytes: int, fallback: Tokenizer) -> None:
        self._model = model
        self._token_bytes = token_bytes
        self._fallback = fallback
        # A question is tokenized when it is encoded and again for late interaction.
        self._cached_ids = lru_cache(maxsize=_MAX_TEXTS_IN_PYTHON)(self._ids)

    def token_ids(self, texts: Sequence[str]) -> list[bytes]:
        return _with_fallback(texts, [self._cached_ids(text) for text in texts], self._fallback)

    def _ids(self, text: str) -> bytes | None:
        ids = self._model.ids(text)
        return None if ids is None else pack_ids(ids, self._token_bytes)


def _with_fallback(texts: Sequence[str], attempts: Sequence[bytes | None], fallback: Tokenizer) -> list[bytes]:
    """Return ``attempts``, and for those that are None the ids that ``fallback`` gives for their texts."""
    uncertain = [text for text, ids in zip(texts, attempts, strict=True) if ids is None]
    replacements = iter(fallback.token_ids(uncertain) if uncertain else ())
    return [next(replacements) if ids is None else ids for ids in attempts]


Key = TypeVar("Key")
Value = TypeVar("Value")


class _Cache(dict[Key, Value], Generic[Key, Value]):
    """A dictionary that computes missing values."""

    def __init__(self, compute: Callable[[Key], Value]) -> None:
        self._compute = compute

    def __missing__(self, key: Key) -> Value:
        value = self[key] = self._compute(key)
        return value


class _Node:
    """A node in the trie of tokens that are several words: the path to it is a token (``id`` >= 0) or a prefix."""

    __slots__ = ("children", "id", "score")

    def __init__(self) -> None:
        self.id = -1
        self.score = 0.0
        self.children: dict[str, _Node] = {}


class _Word:
    """A normalized word: the best way to segment it by itself, and the tokens it may share with its neighbours."""

    __slots__ = ("ends", "ids", "links_left", "links_right", "score", "text", "trie")

    def __init__(self, text: str, score: float, ids: bytes) -> None:
        self.text = text
        self.score = score
        self.ids = ids
        # The words that may follow within a token of which this is the first word.
        self.trie: dict[str, _Node] = {}
        # (prefix of this word, score and ids of the rest) for each prefix that may end a token of several words.
        self.ends: Sequence[tuple[str, float, bytes]] = ()
        # A token may cover the end of a word and the beginning of the next if ``links_right`` of the first and
        # ``links_left`` of the second have anything in common.
        self.links_right: frozenset[str] = frozenset()
        self.links_left: frozenset[str] = frozenset()


_UNCERTAIN = _Word("", 0.0, b"")
_UNCERTAIN_CHUNK = (_UNCERTAIN,)


class CachingTokenizer:
    """Segments each distinct word once.

    A text is split at white space, and each chunk is remembered with its words, each word with its best segmentation.
    Only where neighbours may share a token the best path through all of them is searched for, and remembered too.

    Args:
        model: A vocabulary for which ``splits_on_space`` holds.
        token_bytes: Bytes of a packed token id.
        fallback: Tokenizes the texts for which the result is not certain to be the library's: with characters that
            Python may classify differently, with characters that are not tokens, or with two best paths.
    """

    def __init__(self, model: UnigramModel, token_bytes: int, fallback: Tokenizer) -> None:
        self._model = model
        self._token_bytes = token_bytes
        self._fallback = fallback
        self._safe_characters: set[str] = set()
        self._chunks = _Cache(self._read_chunk)
        self._words = _Cache(self._read_word)
        self._groups = _Cache(self._segment_group)
        self._trie: dict[str, _Node] = {}
        self._last_words: set[str] = set()  # of tokens of several words
        self._successors: dict[str, set[str]] = {}  # of each word but the last, within such tokens
        self._is_usable = model.splits_on_space
        for token, id_ in model.vocabulary.items():
            if SPACE in token[1:]:
                # A token that begins inside a word and goes on into the next is not foreseen here.
                self._is_usable &= token[0] == SPACE
                self._add(token[1:].split(SPACE), id_)

    def token_ids(self, texts: Sequence[str]) -> list[bytes]:
        return _with_fallback(texts, [self._ids(text) for text in texts], self._fallback)

    def _add(self, words: list[str], id_: int) -> None:
        children = self._trie
        for word, successor in pairwise(words):
            children = children.setdefault(word, _Node()).children
            self._successors.setdefault(word, set()).add(successor)
        last = children.setdefault(words[-1], _Node())
        last.id, last.score = id_, float(self._model.scores[id_])
        self._last_words.add(words[-1])

    def _ids(self, text: str) -> bytes | None:
        """Return the packed ids of a text, or None if they are not certain."""
        self._limit_caches()
        chunks = text.split()
        if not self._is_usable or max(map(len, chunks), default=0) > _MAX_CACHED_CHARACTERS:
            return None

        words: list[_Word] = []
        for chunk in map(self._chunks.__getitem__, chunks):
            words += chunk
        if _UNCERTAIN in words:
            return None

        ids: list[bytes | None] = [word.ids for word in words]
        linked = [
            place
            for place, (left, right) in enumerate(pairwise(words))
            if not left.links_right.isdisjoint(right.links_left)
        ]
        start = end = 0  # of the current group of linked words
        for place in [*linked, len(words)]:
            if place == end - 1:
                end += 1
                continue
            if end > start:
                ids[start] = self._groups[tuple(words[start:end])]
                ids[start + 1 : end] = [b""] * (end - start - 1)
            start, end = place, place + 2
        return None if None in ids else b"".join(ids)  # type: ignore[arg-type]

    def _limit_caches(self) -> None:
        if len(self._chunks) >= _MAX_CACHED:
            self._chunks.clear()
        if len(self._words) >= _MAX_CACHED:
            self._words.clear()
        if len(self._groups) >= _MAX_CACHED:
            self._groups.clear()

    def _pack(self, ids: Sequence[int]) -> bytes:
        return b"".join([id_.to_bytes(self._token_bytes, "little") for id_ in ids])

    def _read_chunk(self, chunk: str) -> tuple[_Word, ...]:
        """Split a chunk between white space into its words; ``_UNCERTAIN_CHUNK`` if it may be read differently."""
        new = set(chunk) - self._safe_characters
        for character in new:
            if all(unicodedata.category(c) in SAFE_CATEGORIES for c in character + character.lower()):
                self._safe_characters.add(character)
        if not new <= self._safe_characters or not unicodedata.is_normalized("NFC", chunk):
            return _UNCERTAIN_CHUNK
        normalized = self._model.normalize(chunk)
        words = tuple(self._words[word] for word in normalized.split(" ")) if normalized else ()
        return _UNCERTAIN_CHUNK if _UNCERTAIN in words else words

    def _read_word(self, text: str) -> _Word:
        vocabulary = self._model.vocabulary
        if SPACE in text or not all(character in vocabulary for character in text):
            return _UNCERTAIN
        segmented = self._segment(SPACE + text)
        if segmented is None:
            return _UNCERTAIN
        word = _Word(text, *segmented)

        prefixes = [text[:length] for length in range(1, len(text)) if text[:length] in self._last_words]
        ends = [(text, 0.0, b"")]
        for prefix in prefixes:
            ending = self._segment(text[len(prefix) :])
            if ending is None:
                return _UNCERTAIN
            ends.append((prefix, *ending))
        word.ends = ends

        if text in self._trie:
            word.trie = self._trie[text].children
        word.links_right = frozenset(self._successors.get(text, ()))
        word.links_left = frozenset((text, *prefixes))
        return word

    def _segment(self, text: str) -> tuple[float, bytes] | None:
        """Return score and packed ids of the best path through a part of a word; None if it is not the only one."""
        found = self._model.segment(text)
        if found.ambiguous or self._model.unknown_id in found.ids:
            return None
        return found.score, self._pack(found.ids)

    def _segment_group(self, words: tuple[_Word, ...]) -> bytes | None:
        """Return the packed ids of the best path through linked words; None if it is not the only best one."""
        size = len(words)
        scores = [0.0] + [-math.inf] * size  # of the best path to the end of each word
        steps: list[tuple[int, bytes]] = [(0, b"")] * (size + 1)  # (where its last step begins, ids of that step)
        ties: set[int] = set()
        for start in range(size):
            for end, score, ids in self._steps(words, start):
                lead = scores[start] + score - scores[end]
                if lead > TIE:
                    scores[end], steps[end] = scores[start] + score, (start, ids)
                    ties.discard(end)
                elif lead > -TIE:
                    ties.add(end)

        path: list[bytes] = []
        end = size
        while end:
            if end in ties:
                return None
            end, ids = steps[end]
            path.append(ids)
        return b"".join(reversed(path))

    def _steps(self, words: tuple[_Word, ...], start: int) -> list[tuple[int, float, bytes]]:
        """Return (end, score, ids) for the word at ``start``, alone or with its successors in one token."""
        steps = [(start + 1, words[start].score, words[start].ids)]
        children = words[start].trie
        place = start + 1
        while children and place < len(words):
            for prefix, rest_score, rest_ids in words[place].ends:
                node = children.get(prefix)
                if node is not None and node.id >= 0:
                    steps.append((place + 1, node.score + rest_score, self._pack([node.id]) + rest_ids))
            node = children.get(words[place].text)
            children = node.children if node is not None else {}
            place += 1
        return steps


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
