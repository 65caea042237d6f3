"""Chunking: consecutive sentences grouped into passages."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from ..errors import UsageError
from ..types import Span

__all__ = ["MAX_PASSAGE_SENTENCES", "PASSAGE_SYLLABLES", "chunk"]

PASSAGE_SYLLABLES = 100
"""Target length of a passage."""

MAX_PASSAGE_SENTENCES = 60

_COST_INSIDE_BLOCK = 0.15
"""Cost of ending a passage inside a block: the same as missing the target length by 39 %."""

_MAX_HEADING_CHARACTERS = 160
_MAX_HEADING_LINES = 3


def chunk(
    text: str, sentences: Sequence[Span], blocks: Sequence[Span] = (), size: int = PASSAGE_SYLLABLES
) -> list[tuple[Span, ...]]:
    """Group consecutive sentences into passages of about ``size`` syllables.

    Every sentence lies in exactly one passage. A passage ends at the end of a block where that costs little in
    length, never after a heading, and always where text that is in no sentence follows, so that boilerplate is not
    inside a passage. The grouping has the least total cost of all, found by dynamic programming as lines of a
    paragraph are in Knuth and Plass, "Breaking Paragraphs into Lines" (1981).

    >>> from semsearch.segmentation import split_sentences
    >>> text = "Tin vắn\\nMột câu. Hai câu."
    >>> [[span.of(text) for span in passage] for passage in chunk(text, split_sentences(text), size=4)]
    [['Tin vắn', 'Một câu.', 'Hai câu.']]

    Args:
        text: The text of an article.
        sentences: Its sentences, in order.
        blocks: Its paragraphs and headings, in order.
        size: Target length of a passage, in syllables.

    Returns:
        The sentences of each passage, at most ``MAX_PASSAGE_SENTENCES``.

    Raises:
        UsageError: ``size`` is less than 1.
    """
    if size < 1:
        raise UsageError(f"A passage has a size of at least one syllable (got {size}).")
    block_starts = [block.start for block in blocks]
    passages: list[tuple[Span, ...]] = []
    adjacent: list[Span] = []  # sentences with nothing but space between them
    for sentence in sentences:
        if adjacent and text[adjacent[-1].end : sentence.start].strip():
            passages += _group(text, adjacent, block_starts, size)
            adjacent = []
        adjacent.append(sentence)
    if adjacent:
        passages += _group(text, adjacent, block_starts, size)
    return passages


def _group(text: str, sentences: list[Span], block_starts: list[int], size: int) -> list[tuple[Span, ...]]:
    """Group adjacent sentences into passages at the least total cost."""
    # A unit is a sentence with the headings before it. Unit i is sentences[bounds[i]:bounds[i + 1]].
    bounds = [i for i in range(len(sentences)) if i == 0 or not _is_heading(text, sentences, i - 1)]
    unit_count = len(bounds)
    bounds.append(len(sentences))
    sentence_lengths = [len(sentence.of(text).split()) for sentence in sentences]
    unit_lengths = [sum(sentence_lengths[first:end]) for first, end in pairwise(bounds)]

    least_costs = [0.0]  # least_costs[n]: of grouping the first n units
    last_starts = [0]  # last_starts[n]: the first unit of the last passage in that grouping
    for end in range(1, unit_count + 1):
        least_cost, best_start = float("inf"), end - 1
        length = 0
        for start in range(end - 1, -1, -1):
            length += unit_lengths[start]
            too_long = length > 2 * size or bounds[end] - bounds[start] > MAX_PASSAGE_SENTENCES
            if too_long and start < end - 1:
                break
            cost = least_costs[start] + ((length - size) / size) ** 2
            if cost < least_cost:
                least_cost, best_start = cost, start

        if end < unit_count:
            block_before = bisect_right(block_starts, sentences[bounds[end] - 1].start)
            block_after = bisect_right(block_starts, sentences[bounds[end]].start)
            if block_before == block_after:
                least_cost += _COST_INSIDE_BLOCK
        least_costs.append(least_cost)
        last_starts.append(best_start)

    cuts = [unit_count]
    while cuts[-1]:
        cuts.append(last_starts[cuts[-1]])
    cuts.reverse()
    return [tuple(sentences[bounds[start] : bounds[end]]) for start, end in pairwise(cuts)]


def _is_heading(text: str, sentences: list[Span], i: int) -> bool:
    """Whether sentence ``i`` is a heading that belongs to what follows.

    A short line without a stop is a heading, but in a long run of such lines, which is a list, only the last ones.
    """
    if not _is_bare_line(text, sentences, i):
        return False
    following = range(i + 1, min(i + 1 + _MAX_HEADING_LINES, len(sentences)))
    return not all(_is_bare_line(text, sentences, j) for j in following)


def _is_bare_line(text: str, sentences: list[Span], i: int) -> bool:
    """Whether sentence ``i`` is a short line without a stop, neither a list item nor the last sentence."""
    if i + 1 >= len(sentences):
        return False
    sentence = sentences[i]
    return (
        sentence.end - sentence.start <= _MAX_HEADING_CHARACTERS
        and text[sentence.end - 1] not in '.!?…;,"”)'
        and text[sentence.start] not in "-–•+*"
        and "\n" in text[sentence.end : sentences[i + 1].start]
    )
