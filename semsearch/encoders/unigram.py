"""A Unigram tokenizer's vocabulary, normalizer and algorithm, read from ``tokenizer.json``.

Only what the bundled vocabulary needs is supported; ``UnigramModel.parse`` returns None for any other tokenizer.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

__all__ = ["SAFE_CATEGORIES", "SPACE", "TIE", "Segmentation", "UnigramModel"]

SPACE = "▁"
"""Stands for the space before a word."""

TIE = 1e-7
"""Paths are sums of up to thousands of float64; scores that are closer than this may differ by rounding only."""

# Only for these categories Python's regular expressions classify characters as the library does: \p{L} is [^\W\d_] and
# \p{N} is \d.
SAFE_CATEGORIES = frozenset(
    ["Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Zs", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So"]
)

_MAX_CHARACTERS = 4096  # beyond this length the library is faster than Python
_COMMON_TOKEN_LENGTH = 12  # characters; 8 % of the tokens are longer
_UNKNOWN_PENALTY = 10.0  # an unknown character scores this much less than the least probable token
_VOCABULARY_START = b'"vocab":[["'
_NUMBERS = dict.fromkeys(map(ord, "0123456789+-.eE,[]"))
_NOT_BEFORE_LETTER = r"(?!\p{L})"
_NO_WORD_CHARACTERS = r"[^\p{L}\p{N}\p{M}]+"

Normalizer = Callable[[str], str]


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
        tokens, scores, remainder = _split_vocabulary(content)
        settings = json.loads(remainder)
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
        """Apply the normalizers in order."""
        for normalizer in self._normalizers:
            text = normalizer(text)
        return text

    def ids(self, text: str) -> list[int] | None:
        """Return the token ids of a text; None if it is long or has characters that Python may classify differently."""
        if len(text) > _MAX_CHARACTERS:
            return None
        # Lower case may bring combining marks that were not there (İ), so it is checked too.
        characters = set(unicodedata.normalize("NFC", text).lower()) - {"\n"}
        if not all(unicodedata.category(character) in SAFE_CATEGORIES for character in characters):
            return None
        text = self.normalize(text).replace(" ", SPACE)
        if not text:
            return []
        if not text.startswith(SPACE):
            text = SPACE + text
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
                    if lead > TIE:
                        ties.discard(end)
                    elif lead > -TIE:
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
        and (spaces["type"], spaces["replacement"]) == ("Metaspace", SPACE)
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
