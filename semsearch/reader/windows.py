"""A question and a text as a pretrained model takes them: windows of tokens, each with its place in the text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..types import Span

__all__ = ["Window", "WindowBuilder", "aligned"]

_QUESTION = 64  # tokens of a question; what is longer is cut
_SHARED = 128  # tokens that one window has in common with the next: an answer is whole in one of them


@dataclass(frozen=True, slots=True)
class Window:
    """The question and a stretch of the text, one entry per token."""

    ids: tuple[int, ...]
    types: tuple[int, ...]  # 0 for the question, 1 for the text, where the model tells them apart
    places: tuple[Span | None, ...]  # in the text; None for the question and for what the tokenizer adds
    null: int  # the token that stands for "no answer here"


class WindowBuilder:
    """Cuts texts for one tokenizer of the transformers library into windows of at most ``size`` tokens.

    ``segment`` joins syllables to words with ``_`` for a model that reads words. It may set spaces anywhere;
    places are those in the text as it was given.
    """

    def __init__(self, tokenizer: Any, size: int, segment: Callable[[str], str] | None = None) -> None:
        self._tokenizer = tokenizer
        self._segment = segment
        self._size = size
        self._added = int(tokenizer.num_special_tokens_to_add(pair=True))
        self._longest = max(1, min(_QUESTION, (size - self._added) // 2))

    def windows(self, question: str, text: str) -> list[Window]:
        """The windows that cover ``text``, in order, each with the whole question; none where either has no token."""
        if not question.strip() or not text.strip():
            return []
        given, chars = self._segmented(text)
        asked, _ = self._segmented(question)
        cut = self._fast if self._tokenizer.is_fast else self._slow
        return [
            Window(ids, types, tuple(_back(place, text, chars) for place in places), self._null(ids))
            for ids, types, places in cut(asked, given)
        ]

    def _segmented(self, text: str) -> tuple[str, Sequence[int]]:
        """The text as the tokenizer takes it, and where each of its characters stands in ``text``, -1 for nowhere."""
        if self._segment:
            segmented = self._segment(text)
            if (chars := aligned(text, segmented)) is not None:
                return segmented, chars
        return text, range(len(text))

    def _null(self, ids: Sequence[int]) -> int:
        firsts = (self._tokenizer.cls_token_id, self._tokenizer.bos_token_id)
        return next((ids.index(id_) for id_ in firsts if id_ in ids), 0)

    def _shared(self, asked: int) -> int:
        return min(_SHARED, (self._size - self._added - asked) // 2)

    def _fast(self, question: str, text: str) -> list[_Cut]:
        offsets = self._tokenizer(question, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        if not offsets:
            return []
        offsets = offsets[: self._longest]
        found = self._tokenizer(
            question[: offsets[-1][1]],
            text,
            truncation="only_second",
            max_length=self._size,
            stride=self._shared(len(offsets)),
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            return_token_type_ids=True,
        )
        cuts: list[_Cut] = []
        for i, ids in enumerate(found["input_ids"]):
            sides = found.sequence_ids(i)
            places = [
                Span(*offset) if side == 1 else None
                for side, offset in zip(sides, found["offset_mapping"][i], strict=True)
            ]
            cuts.append((tuple(ids), tuple(found["token_type_ids"][i]), places))
        return cuts

    def _slow(self, question: str, text: str) -> list[_Cut]:
        """For a tokenizer that does not say where its tokens stand: word by word, so that it is known."""
        asked = [id_ for id_, _ in self._pieces(question)][: self._longest]
        pieces = self._pieces(text)
        if not asked or not pieces:
            return []
        shared = self._shared(len(asked))
        room = self._size - self._added - len(asked)
        cuts: list[_Cut] = []
        for start in range(0, max(len(pieces) - shared, 1), room - shared):
            part = pieces[start : start + room]
            # Built with numbers that no token has, so that it is seen where each of the text's tokens goes.
            built = self._tokenizer.build_inputs_with_special_tokens(asked, [-1 - i for i in range(len(part))])
            ids = tuple(id_ if id_ >= 0 else part[-1 - id_][0] for id_ in built)
            places = [part[-1 - id_][1] if id_ < 0 else None for id_ in built]
            types = self._tokenizer.create_token_type_ids_from_sequences(asked, [id_ for id_, _ in part])
            cuts.append((ids, tuple(types), places))
        return cuts

    def _pieces(self, text: str) -> list[tuple[int, Span]]:
        """Every token of ``text``, and its place."""
        found: list[tuple[int, Span]] = []
        for word in re.finditer(r"\S+", text):
            pieces = self._tokenizer.tokenize(word[0])
            spans = _spelled(pieces, word[0], word.start())
            found.extend(zip(self._tokenizer.convert_tokens_to_ids(pieces), spans, strict=True))
        return found


_Cut = tuple[tuple[int, ...], tuple[int, ...], list[Span | None]]


def _spelled(pieces: Sequence[str], word: str, start: int) -> list[Span]:
    """The place of each piece of a word that begins at ``start``: its letters, or where they do not add up the word."""
    letters = [piece.removeprefix("▁").removesuffix("@@") for piece in pieces[:-1]]
    letters += [piece.removeprefix("▁") for piece in pieces[-1:]]
    if "".join(letters) != word:
        return [Span(start, start + len(word))] * len(pieces)
    spans: list[Span] = []
    for piece in letters:
        spans.append(Span(start, start + len(piece)))
        start += len(piece)
    return spans


def aligned(text: str, segmented: str) -> list[int] | None:
    """For each character of ``segmented`` its place in ``text``; -1 for a space or ``_`` that was put in.

    None if the two differ by more than spaces and ``_``.

    >>> aligned("Hà Nội.", "Hà_Nội .")
    [0, 1, -1, 3, 4, 5, -1, 6]
    """
    places: list[int] = []
    at = 0
    for c in segmented:
        if text[at : at + 1] != c:
            if c in " _":
                places.append(-1)
                continue
            while text[at : at + 1].isspace() and text[at] != c:
                at += 1
            if text[at : at + 1] != c:
                return None
        places.append(at)
        at += 1
    return None if text[at:].strip() else places


def _back(place: Span | None, text: str, chars: Sequence[int]) -> Span | None:
    """A place in the segmented text as one in ``text``, without the spaces around it; None where nothing is left."""
    if place is None:
        return None
    known = [at for at in chars[place.start : place.end] if at >= 0]
    if not known:
        return None
    found = Span(known[0], known[-1] + 1)
    inside = found.of(text)
    start = found.start + len(inside) - len(inside.lstrip())
    return Span(start, start + len(inside.strip())) if inside.strip() else None
