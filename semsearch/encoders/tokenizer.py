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
import json
import math
import os
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import numpy as np

from ..errors import EncoderUnavailable

if TYPE_CHECKING:
    import tokenizers
    from numpy.typing import NDArray

__all__ = [
    "AdaptiveTokenizer",
    "CachingTokenizer",
    "LibraryTokenizer",
    "Tokenizer",
    "TokenizerSpec",
    "UnigramModel",
    "UnigramTokenizer",
    "load_tokenizer",
    "pack_ids",
    "unpack_ids",
]

_FEW_TEXTS = 4  # up to this many are tokenized in Python rather than loading the library
_MANY_TEXTS = 2048  # the caching tokenizer takes as long to set up as the library needs for this many
_MAX_THREADS = 6  # with more threads than this the library is faster than the caching tokenizer
_MAX_CHARACTERS = 4096  # beyond this length the library is faster than Python
_MAX_CACHED = 100_000  # entries of each cache
_MAX_CACHED_CHARACTERS = 200  # longer runs without white space are not words and are not cached
_COMMON_TOKEN_LENGTH = 12  # characters; 8 % of the tokens are longer
_TIE = 1e-7  # paths are sums of up to thousands of float64; closer scores may differ by rounding only
_UNKNOWN_PENALTY = 10.0  # an unknown character scores this much less than the least probable token

_SPACE = "▁"
_VOCABULARY_START = b'"vocab":[["'
_NUMBERS = dict.fromkeys(map(ord, "0123456789+-.eE,[]"))
_NOT_BEFORE_LETTER = r"(?!\p{L})"
_NO_WORD_CHARACTERS = r"[^\p{L}\p{N}\p{M}]+"

# Only for these categories Python's regular expressions classify characters as the library does: \p{L} is [^\W\d_] and
# \p{N} is \d.
_SAFE_CATEGORIES = frozenset(
    ["Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Zs", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So"]
)

Normalizer = Callable[[str], str]


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
        return len(self._model) if self._model else self._library.vocabulary_size()

    def token_id(self, token: str) -> int | None:
        """Return the id of a token, or None if the vocabulary does not have it."""
        return self._model.token_id(token) if self._model else self._library.token_id(token)

    def token_ids(self, texts: Sequence[str]) -> list[bytes]:
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
        if texts >= _MANY_TEXTS and (self._threads or _processors()) <= _MAX_THREADS:
            self.caching()
        if self._caching is not None:
            return self._caching
        if self._unigram is not None and texts <= _FEW_TEXTS and not self._library.is_loaded:
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
        return self._tokenizer is not None

    def vocabulary_size(self) -> int:
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
        self._cached_ids = lru_cache(maxsize=_FEW_TEXTS)(self._ids)

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


@dataclass(frozen=True, slots=True)
class Segmentation:
    """The best path of tokens through a text. ``ambiguous``: another path is as good up to rounding."""

    ids: list[int]
    score: float
    ambiguous: bool


class UnigramModel:
    """The vocabulary and the normalizer of a Unigram tokenizer.

    The algorithm is the library's: the path of tokens with the greatest sum of log probabilities (T. Kudo, "Subword
    Regularization", ACL 2018, section 3.2), the first of ties; a character that no token covers scores 10 less than
    the least probable token; adjacent unknown characters are one unknown token.

    Args:
        tokens: The tokens in the order of their ids.
        scores: Their log probabilities as text: a question needs some hundreds of 60,000, so they are parsed on use.
        unknown_id: The id of the unknown token.
        normalizers: What is done to a text, in order.
        splits_on_space: Whether white space in a text only separates words, so that each chunk between white space
            can be normalized by itself.
    """

    def __init__(
        self,
        tokens: Sequence[str],
        scores: Sequence[str],
        unknown_id: int,
        normalizers: Sequence[Normalizer],
        *,
        splits_on_space: bool = False,
    ) -> None:
        self.vocabulary: dict[str, int] = dict(zip(tokens, count(), strict=False))
        self.scores = scores
        self.splits_on_space = splits_on_space
        self._normalizers = normalizers
        self.unknown_id = unknown_id
        self._longest = max(map(len, self.vocabulary))
        self._long_prefixes = {
            token[:_COMMON_TOKEN_LENGTH] for token in self.vocabulary if len(token) > _COMMON_TOKEN_LENGTH
        }
        self._unknown_score: float | None = None

    def __len__(self) -> int:
        return len(self.scores)

    def token_id(self, token: str) -> int | None:
        """Return the id of a token, or None if the vocabulary does not have it."""
        return self.vocabulary.get(token)

    @classmethod
    def parse(cls, content: bytes) -> UnigramModel | None:
        """Read a ``tokenizer.json``.

        Returns:
            The model, or None for a tokenizer of another kind, or with settings that are not supported here.

        Raises:
            ValueError: ``content`` is not JSON.
        """
        tokens, scores, rest = _split_vocabulary(content)
        settings = json.loads(rest)
        try:
            if not _is_supported(settings):
                return None
            normalizers = _normalizers(settings["normalizer"])
            if normalizers is None:
                return None
            entries = settings["model"]["vocab"]
            model = cls(
                tokens or [token for token, _ in entries],
                scores or [repr(score) for _, score in entries],
                settings["model"]["unk_id"],
                normalizers,
                splits_on_space=_splits_on_space(settings["normalizer"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            return None
        has_duplicates = len(model.vocabulary) != len(model)
        return None if has_duplicates else model

    def normalize(self, text: str) -> str:
        for normalizer in self._normalizers:
            text = normalizer(text)
        return text

    def ids(self, text: str) -> list[int] | None:
        """Return the token ids of a text; None if it is long or has characters that Python may classify differently."""
        if len(text) > _MAX_CHARACTERS:
            return None
        # Lower case may bring combining marks that were not there (İ), so it is checked too.
        characters = set(unicodedata.normalize("NFC", text).lower()) - {"\n"}
        if not all(unicodedata.category(character) in _SAFE_CATEGORIES for character in characters):
            return None
        text = self.normalize(text).replace(" ", _SPACE)
        if not text:
            return []
        if not text.startswith(_SPACE):
            text = _SPACE + text
        return self.segment(text).ids

    def segment(self, text: str) -> Segmentation:
        """Find the best path through a normalized text in which ``▁`` stands for spaces (Viterbi)."""
        size = len(text)
        token_id, scores = self.vocabulary.get, self.scores
        best_scores = [0.0] + [-math.inf] * size  # of the best path that ends at each place
        starts, ids = [0] * (size + 1), [0] * (size + 1)  # of the last token of that path
        ties: set[int] = set()

        for start in range(size):
            before = best_scores[start]
            is_long = text[start : start + _COMMON_TOKEN_LENGTH] in self._long_prefixes
            longest = self._longest if is_long else _COMMON_TOKEN_LENGTH
            for end in range(start + 1, min(start + longest, size) + 1):
                id_ = token_id(text[start:end])
                if id_ is not None:
                    score = before + float(scores[id_])
                    lead = score - best_scores[end]
                    if lead > 0.0:
                        best_scores[end], starts[end], ids[end] = score, start, id_
                    if lead > _TIE:
                        ties.discard(end)
                    elif lead > -_TIE:
                        ties.add(end)
            if text[start] not in self.vocabulary:
                score = before + self._score_of_unknown()
                if score > best_scores[start + 1]:
                    best_scores[start + 1], starts[start + 1], ids[start + 1] = score, start, self.unknown_id

        return self._best_path(text, best_scores[size], starts, ids, ties)

    def _best_path(self, text: str, score: float, starts: list[int], ids: list[int], ties: set[int]) -> Segmentation:
        path: list[int] = []
        ambiguous = False
        end = unknown_end = len(text)
        while end > 0:
            ambiguous = ambiguous or end in ties
            start = starts[end]
            if ids[end] != self.unknown_id:
                path.append(ids[end])
                unknown_end = start
            elif start == 0 or ids[start] != self.unknown_id:
                # The first of adjacent unknown characters: together they may be a token all the same.
                path.append(self.vocabulary.get(text[start:unknown_end], self.unknown_id))
                unknown_end = start
            end = start
        path.reverse()
        return Segmentation(path, score, ambiguous)

    def _score_of_unknown(self) -> float:
        if self._unknown_score is None:
            self._unknown_score = min(map(float, self.scores)) - _UNKNOWN_PENALTY
        return self._unknown_score


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
            if _SPACE in token[1:]:
                # A token that begins inside a word and goes on into the next is not foreseen here.
                self._is_usable &= token[0] == _SPACE
                self._add(token[1:].split(_SPACE), id_)

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
            if all(unicodedata.category(c) in _SAFE_CATEGORIES for c in character + character.lower()):
                self._safe_characters.add(character)
        if not new <= self._safe_characters or not unicodedata.is_normalized("NFC", chunk):
            return _UNCERTAIN_CHUNK
        normalized = self._model.normalize(chunk)
        words = tuple(self._words[word] for word in normalized.split(" ")) if normalized else ()
        return _UNCERTAIN_CHUNK if _UNCERTAIN in words else words

    def _read_word(self, text: str) -> _Word:
        vocabulary = self._model.vocabulary
        if _SPACE in text or not all(character in vocabulary for character in text):
            return _UNCERTAIN
        whole = self._segment(_SPACE + text)
        if whole is None:
            return _UNCERTAIN
        word = _Word(text, *whole)

        prefixes = [text[:length] for length in range(1, len(text)) if text[:length] in self._last_words]
        ends = [(text, 0.0, b"")]
        for prefix in prefixes:
            rest = self._segment(text[len(prefix) :])
            if rest is None:
                return _UNCERTAIN
            ends.append((prefix, *rest))
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
                if lead > _TIE:
                    scores[end], steps[end] = scores[start] + score, (start, ids)
                    ties.discard(end)
                elif lead > -_TIE:
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


# Reading tokenizer.json ----------------------------------------------------------------------


def _split_vocabulary(content: bytes) -> tuple[Sequence[str], Sequence[str], bytes]:
    """Cut the vocabulary out of a ``tokenizer.json``, in a third of the time of a JSON parser.

    Returns:
        The tokens, their scores as text, and the file without them; nothing and the whole file if it is not written
        without spaces and escapes.
    """
    start, end = content.find(_VOCABULARY_START), content.rfind(b"]]")
    entries = content[start + len(_VOCABULARY_START) : end]
    if not 0 <= start < end or b"\\" in entries:
        return (), (), content
    # token ",1.5],[" token ",2.5],[" ... token ",0.5
    parts = entries.decode("utf-8").split('"')
    tokens, between = parts[0::2], "".join(parts[1::2])
    scores = between.removeprefix(",").split("],[,")
    if len(parts) % 2 or len(scores) != len(tokens) or between.translate(_NUMBERS):
        return (), (), content
    return tokens, scores, content[:start] + b'"vocab":[]' + content[end + 2 :]


def _is_supported(settings: dict[str, Any]) -> bool:
    model, spaces = settings["model"], settings["pre_tokenizer"]
    return bool(
        model["type"] == "Unigram"
        and isinstance(model["unk_id"], int)
        and not model.get("byte_fallback")
        and not settings["added_tokens"]
        and settings["post_processor"] is None
        and (spaces["type"], spaces["replacement"]) == ("Metaspace", _SPACE)
        and (spaces["prepend_scheme"], spaces["split"]) == ("always", False)
    )


def _parts(normalizer: dict[str, Any] | None) -> list[dict[str, Any]]:
    if normalizer is None:
        return []
    return normalizer["normalizers"] if normalizer["type"] == "Sequence" else [normalizer]


def _splits_on_space(normalizer: dict[str, Any] | None) -> bool:
    """Whether a text ends up as words with single spaces, and no step before looks across white space.

    All steps but the replacement of a string look at one letter and those beside it.
    """
    parts = _parts(normalizer)
    strings = [part["pattern"]["String"] for part in parts if "String" in part.get("pattern", ())]
    return (
        [part["type"] for part in parts[-2:]] == ["Replace", "Strip"]
        and (parts[-2]["pattern"], parts[-2]["content"]) == ({"Regex": _NO_WORD_CHARACTERS}, " ")
        and all(map(str.isalpha, strings))
    )


def _normalizers(normalizer: dict[str, Any] | None) -> list[Normalizer] | None:
    """Return the steps of a normalizer as functions; None if one of them is not supported."""
    normalizers: list[Normalizer] = []
    for part in _parts(normalizer):
        function = _normalizer(part)
        if function is None:
            return None
        normalizers.append(function)
    return normalizers


def _normalizer(part: dict[str, Any]) -> Normalizer | None:
    kind = part["type"]
    if kind == "NFC":
        return lambda text: unicodedata.normalize("NFC", text)
    if kind == "Lowercase":
        # Letter by letter, as the library does it: a Σ at the end of a word becomes σ, not ς.
        return lambda text: text.lower() if "Σ" not in text else "".join(map(str.lower, text))
    if kind == "Strip" and part["strip_left"] and part["strip_right"]:
        return str.strip
    if kind == "Replace":
        return _replacement(part["pattern"], part["content"])
    return None


def _replacement(pattern: dict[str, str], content: str) -> Normalizer | None:
    if "String" in pattern:
        string = pattern["String"]
        return lambda text: text.replace(string, content)
    regex = pattern["Regex"]
    if regex == _NO_WORD_CHARACTERS:
        return lambda text: re.sub(r"[\W_]+", content, text)
    letters = regex.removeprefix("(?<!q)").removesuffix(_NOT_BEFORE_LETTER)
    if regex == f"(?<!q){letters}{_NOT_BEFORE_LETTER}" and letters.isalpha():
        expression = f"(?<!q){letters}" + r"(?![^\W\d_])"
        return lambda text: re.sub(expression, content, text) if letters in text else text
    return None


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
