"""Input of a pretrained model: windows of tokens of a question and a text, with their places in the text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..types import Span

__all__ = ["Window", "WindowBuilder", "aligned"]

_MAX_QUESTION_TOKENS = 64  # longer questions are truncated
_OVERLAP_TOKENS = 128  # of neighbouring windows, so that every answer is complete in one of them


@dataclass(frozen=True, slots=True)
class Window:
    """The question and a part of the text, one entry per token."""

    ids: tuple[int, ...]
    types: tuple[int, ...]  # 0 for the question, 1 for the text, if the model distinguishes them
    places: tuple[Span | None, ...]  # in the text; None for the question and for what the tokenizer adds
    null: int  # the token that stands for "no answer here"


class WindowBuilder:
    """Splits texts into windows for a tokenizer of the transformers library.

    Args:
        tokenizer: The tokenizer.
        size: Maximum number of tokens of a window.
        segment: For a model that reads segmented words: joins the syllables of words with ``_``, and may insert spaces.
            Places refer to the text before it.
    """

    def __init__(self, tokenizer: Any, size: int, segment: Callable[[str], str] | None = None) -> None:
        self._tokenizer = tokenizer
        self._segment = segment
        self._size = size
        self._added = int(tokenizer.num_special_tokens_to_add(pair=True))
        self._longest = max(1, min(_MAX_QUESTION_TOKENS, (size - self._added) // 2))

    def windows(self, question: str, text: str) -> list[Window]:
        """Return the windows that cover ``text``, in order, each with the question; empty if either is empty."""
        if not question.strip() or not text.strip():
            return []
        segmented_text, char_offsets = self._segmented(text)
        segmented_question, _ = self._segmented(question)
        cut = self._fast if self._tokenizer.is_fast else self._slow
        windows = []
        for ids, types, places in cut(segmented_question, segmented_text):
            original_places = tuple(_back(place, text, char_offsets) for place in places)
            windows.append(Window(ids, types, original_places, self._null(ids)))
        return windows

    def _segmented(self, text: str) -> tuple[str, Sequence[int]]:
        """Return the tokenizer's input, and the offset in ``text`` of each of its characters, -1 for inserted ones."""
        if self._segment:
            segmented = self._segment(text)
            char_offsets = aligned(text, segmented)
            if char_offsets is not None:
                return segmented, char_offsets
        return text, range(len(text))

    def _null(self, ids: Sequence[int]) -> int:
        firsts = (self._tokenizer.cls_token_id, self._tokenizer.bos_token_id)
        return next((ids.index(id_) for id_ in firsts if id_ in ids), 0)

    def _shared(self, question_tokens: int) -> int:
        return min(_OVERLAP_TOKENS, (self._size - self._added - question_tokens) // 2)

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
            sequence_ids = found.sequence_ids(i)
            places = [
                Span(*offset) if sequence_id == 1 else None
                for sequence_id, offset in zip(sequence_ids, found["offset_mapping"][i], strict=True)
            ]
            cuts.append((tuple(ids), tuple(found["token_type_ids"][i]), places))
        return cuts

    def _slow(self, question: str, text: str) -> list[_Cut]:
        """Tokenize word by word, for a tokenizer without offsets."""
        question_ids = [id_ for id_, _ in self._pieces(question)][: self._longest]
        pieces = self._pieces(text)
        if not question_ids or not pieces:
            return []
        shared = self._shared(len(question_ids))
        room = self._size - self._added - len(question_ids)
        cuts: list[_Cut] = []
        for start in range(0, max(len(pieces) - shared, 1), room - shared):
            part = pieces[start : start + room]
            # Negative numbers, which no token has, show where each token of the text goes.
            built = self._tokenizer.build_inputs_with_special_tokens(question_ids, [-1 - i for i in range(len(part))])
            ids = tuple(id_ if id_ >= 0 else part[-1 - id_][0] for id_ in built)
            places = [part[-1 - id_][1] if id_ < 0 else None for id_ in built]
            types = self._tokenizer.create_token_type_ids_from_sequences(question_ids, [id_ for id_, _ in part])
            cuts.append((ids, tuple(types), places))
        return cuts

    def _pieces(self, text: str) -> list[tuple[int, Span]]:
        """Return every token of ``text`` with its place."""
        found: list[tuple[int, Span]] = []
        for word in re.finditer(r"\S+", text):
            pieces = self._tokenizer.tokenize(word[0])
            spans = _spelled(pieces, word[0], word.start())
            found.extend(zip(self._tokenizer.convert_tokens_to_ids(pieces), spans, strict=True))
        return found


_Cut = tuple[tuple[int, ...], tuple[int, ...], list[Span | None]]


def _spelled(pieces: Sequence[str], word: str, start: int) -> list[Span]:
    """Return the place of each token of a word at ``start``; the whole word if its tokens do not spell it."""
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
    """Return the offset in ``text`` of each character of ``segmented``; -1 for an inserted space or ``_``.

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
    """Convert a place in the segmented text to one in ``text`` without spaces around it; None if that is empty."""
    if place is None:
        return None
    known = [at for at in chars[place.start : place.end] if at >= 0]
    if not known:
        return None
    found = Span(known[0], known[-1] + 1)
    inside = found.of(text)
    start = found.start + len(inside) - len(inside.lstrip())
    return Span(start, start + len(inside.strip())) if inside.strip() else None
