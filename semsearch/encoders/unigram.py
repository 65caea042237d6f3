"""A tokenizer.json of one kind in plain Python, for the few short texts of a question.

The Rust library takes longer to read the file of the bundled encoder (0.15 s: it builds a trie of all pieces)
than everything else that a cold question needs; a dictionary of the pieces is there in 0.04 s. For many
texts the library is far ahead, and for whatever this module does not know (other kinds of tokenizers, rare
letters) it answers None, and the library is asked. Where it answers, it answers the same: a test compares them.

The algorithm is the library's: the path of pieces with the greatest sum of log probabilities (T. Kudo, "Subword
Regularization", ACL 2018, section 3.2), the earlier one of equals; a character that no piece covers counts 10 less
than the least probable piece; unknown characters in a row are one unknown piece.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

__all__ = ["PLAIN", "Unigram"]

Step = Callable[[str], str]
_UNKNOWN_PENALTY = 10.0
_USUAL = 12  # characters; of a hundred pieces eight are longer
_BEGIN = b'"vocab":[["'
_NUMBERS = dict.fromkeys(map(ord, "0123456789+-.eE,[]"))
_LONGEST = 4096  # characters; beyond that the library is quicker
_NOT_IN_SYLLABLE = r"(?!\p{L})"
_WORDS_ONLY = r"[^\p{L}\p{N}\p{M}]+"
# For these kinds of characters Python's classes are those of the library: \p{L} is [^\W\d_], \p{N} is \d.
PLAIN = frozenset(
    ["Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Zs", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So"]
)


class Unigram:
    """``ids(text)`` as ``Tokenizer.encode(text, add_special_tokens=False).ids``, or None.

    ``pieces`` gives the id of each piece, ``scores`` the log probability of each id as it is written in the file,
    ``steps`` what is done to a text before it is cut. ``apart``: whatever white space a text has only tells its words
    apart, so that the steps may be taken for each of them.
    """

    def __init__(
        self, pieces: Sequence[str], scores: Sequence[str], unknown: int, steps: list[Step], *, apart: bool = False
    ) -> None:
        self.scores = scores  # as text: a question needs some hundred of the 60,000
        self.pieces: dict[str, int] = dict(zip(pieces, count(), strict=False))
        self.steps = steps
        self.apart = apart
        self._longest = max(map(len, self.pieces))
        self._long = {piece[:_USUAL] for piece in self.pieces if len(piece) > _USUAL}
        self._unknown = unknown
        self._least: float | None = None

    def __len__(self) -> int:
        return len(self.scores)

    def id(self, piece: str) -> int | None:
        return self.pieces.get(piece)

    @classmethod
    def parse(cls, content: bytes) -> Unigram | None:
        """None for a tokenizer of another kind. Raises ValueError if ``content`` is not JSON."""
        pieces, scores, rest = _vocabulary(content)
        settings = json.loads(rest)
        try:
            model, space = settings["model"], settings["pre_tokenizer"]
            known = (
                model["type"] == "Unigram"
                and not model.get("byte_fallback")
                and not settings["added_tokens"]
                and settings["post_processor"] is None
                and (space["type"], space["replacement"]) == ("Metaspace", "▁")
                and (space["prepend_scheme"], space["split"]) == ("always", False)
            )
            steps = _steps(settings["normalizer"])
            if not known or steps is None or not isinstance(model["unk_id"], int):
                return None
            made = cls(
                pieces or [piece for piece, _ in model["vocab"]],
                scores or [repr(score) for _, score in model["vocab"]],
                model["unk_id"],
                steps,
                apart=_apart(settings["normalizer"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            return None
        return made if len(made.pieces) == len(made) else None

    def ids(self, text: str) -> list[int] | None:
        """The ids of the pieces of ``text``; None if it holds a character whose class is not the same everywhere."""
        if len(text) > _LONGEST:
            return None
        # Lower case may bring marks that were not there (İ), so that is looked at.
        if not all(unicodedata.category(c) in PLAIN for c in set(unicodedata.normalize("NFC", text).lower()) - {"\n"}):
            return None
        for step in self.steps:
            text = step(text)
        return self._best(text) if text else []

    def _best(self, text: str) -> list[int]:
        text = text.replace(" ", "▁")
        if not text.startswith("▁"):
            text = "▁" + text
        size, find, scores = len(text), self.pieces.get, self.scores
        # best[end]: (score, start, id) of the best path that ends there; every place is reached in its turn, by an
        # unknown character if need be.
        best = [(0.0, 0, 0)] + [(-math.inf, 0, 0)] * size
        for start in range(size):
            before = best[start][0]
            longest = self._longest if text[start : start + _USUAL] in self._long else _USUAL
            for end in range(start + 1, min(start + longest, size) + 1):
                id_ = find(text[start:end])
                if id_ is not None:
                    score = before + float(scores[id_])
                    if score > best[end][0]:
                        best[end] = (score, start, id_)
            if text[start] not in self.pieces:
                score = before + self._unknown_score()
                if score > best[start + 1][0]:
                    best[start + 1] = (score, start, self._unknown)
        return self._path(best, text)

    def _unknown_score(self) -> float:
        if self._least is None:
            self._least = min(map(float, self.scores)) - _UNKNOWN_PENALTY
        return self._least

    def _path(self, best: list[tuple[float, int, int]], text: str) -> list[int]:
        found: list[int] = []
        end = unknown_end = len(text)
        while end > 0:
            _, start, id_ = best[end]
            if id_ != self._unknown:
                found.append(id_)
                unknown_end = start
            elif start == 0 or best[start][2] != self._unknown:
                # The first of unknown characters in a row: together they may be a piece all the same.
                found.append(self.pieces.get(text[start:unknown_end], self._unknown))
                unknown_end = start
            end = start
        return found[::-1]


def _vocabulary(content: bytes) -> tuple[Sequence[str], Sequence[str], bytes]:
    """The pieces, their scores, and the file without them; nothing and the whole file if it is not written closely.

    A third of the time of a JSON parser, which would make a list of each pair.
    """
    begin, end = content.find(_BEGIN), content.rfind(b"]]")
    inner = content[begin + len(_BEGIN) : end]
    if not 0 <= begin < end or b"\\" in inner:
        return (), (), content
    # piece ",1.5],[" piece ",2.5],[" ... piece ",0.5
    parts = inner.decode("utf-8").split('"')
    pieces, between = parts[0::2], "".join(parts[1::2])
    scores = between.removeprefix(",").split("],[,")
    if len(parts) % 2 or len(scores) != len(pieces) or between.translate(_NUMBERS):
        return (), (), content
    return pieces, scores, content[:begin] + b'"vocab":[]' + content[end + 2 :]


def _parts(normalizer: dict[str, Any] | None) -> list[dict[str, Any]]:
    if normalizer is None:
        return []
    return normalizer["normalizers"] if normalizer["type"] == "Sequence" else [normalizer]


def _apart(normalizer: dict[str, Any] | None) -> bool:
    """Whether a text ends up as words with one space between them, and white space has no other meaning before.

    All steps but a replacement of a text look at a letter and those beside it.
    """
    parts = _parts(normalizer)
    strings = [part["pattern"]["String"] for part in parts if "String" in part.get("pattern", ())]
    return (
        [part["type"] for part in parts[-2:]] == ["Replace", "Strip"]
        and (parts[-2]["pattern"], parts[-2]["content"]) == ({"Regex": _WORDS_ONLY}, " ")
        and all(map(str.isalpha, strings))
    )


def _steps(normalizer: dict[str, Any] | None) -> list[Step] | None:
    """What is done to a text before it is cut, as functions; None if one of them is not known here."""
    steps: list[Step] = []
    for part in _parts(normalizer):
        step = _step(part)
        if step is None:
            return None
        steps.append(step)
    return steps


def _step(part: dict[str, Any]) -> Step | None:
    kind = part["type"]
    if kind == "NFC":
        return lambda text: unicodedata.normalize("NFC", text)
    if kind == "Lowercase":
        # Letter by letter, as the library does it: a Σ at the end of a word stays a σ.
        return lambda text: text.lower() if "Σ" not in text else "".join(map(str.lower, text))
    if kind == "Strip" and part["strip_left"] and part["strip_right"]:
        return str.strip
    if kind == "Replace":
        return _replacement(part["pattern"], part["content"])
    return None


def _replacement(pattern: dict[str, str], put: str) -> Step | None:
    if "String" in pattern:
        old = pattern["String"]
        return lambda text: text.replace(old, put)
    wanted = pattern["Regex"]
    if wanted == _WORDS_ONLY:
        return lambda text: re.sub(r"[\W_]+", put, text)
    letters = wanted.removeprefix("(?<!q)").removesuffix(_NOT_IN_SYLLABLE)
    if wanted == f"(?<!q){letters}{_NOT_IN_SYLLABLE}" and letters.isalpha():
        expression = f"(?<!q){letters}" + r"(?![^\W\d_])"
        return lambda text: re.sub(expression, put, text) if letters in text else text
    return None
