"""How sentences are grouped into passages."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from ..errors import UsageError
from ..types import Span

__all__ = ["MAX_PASSAGE_SENTENCES", "PASSAGE_SYLLABLES", "chunk"]

PASSAGE_SYLLABLES = 100
"""What ``chunk`` aims at."""

MAX_PASSAGE_SENTENCES = 60


def chunk(
    text: str, sentences: Sequence[Span], blocks: Sequence[Span] = (), size: int = PASSAGE_SYLLABLES
) -> list[tuple[Span, ...]]:
    """Consecutive sentences grouped into passages of about ``size`` syllables.

    Every sentence lies in exactly one passage, none holds more than ``MAX_PASSAGE_SENTENCES``. A
    passage ends at the end of a block where that costs little in size, never behind a heading, and always
    where words that are in no sentence lie between (what was left out as boilerplate is not inside a
    passage). Of all groupings the one with the least cost is taken (dynamic programming), so the result
    depends on nothing but the arguments.

    Raises ``UsageError`` if ``size`` is less than 1.

    >>> from semsearch.segmentation import split_sentences
    >>> text = "Tin vắn\\nMột câu. Hai câu."
    >>> [[span.of(text) for span in passage] for passage in chunk(text, split_sentences(text), size=4)]
    [['Tin vắn', 'Một câu.', 'Hai câu.']]
    """
    if size < 1:
        raise UsageError("A passage needs a size of at least one syllable.")
    passages: list[tuple[Span, ...]] = []
    starts = [block.start for block in blocks]
    run: list[Span] = []
    for span in sentences:
        if run and text[run[-1].end : span.start].strip():
            passages += _group(text, run, starts, size)
            run = []
        run.append(span)
    if run:
        passages += _group(text, run, starts, size)
    return passages


_INSIDE_BLOCK = 0.15  # what it costs to end a passage inside a block: as much as being 39 % off the size


def _group(text: str, sentences: list[Span], starts: list[int], size: int) -> list[tuple[Span, ...]]:
    """The cheapest grouping of sentences that stand together."""
    # Units are what may not be torn: a sentence with the headings before it.
    firsts = [i for i in range(len(sentences)) if i == 0 or not _heading(text, sentences, i - 1)]
    edges = [*firsts, len(sentences)]
    lengths = [len(text[s.start : s.end].split()) for s in sentences]
    syllables = [sum(lengths[a:b]) for a, b in pairwise(edges)]
    home = [bisect_right(starts, sentences[i].start) for i in firsts]
    best = [0.0]  # best[n]: the least cost of the first n units
    back = [0]
    for n in range(1, len(firsts) + 1):
        inside = n < len(firsts) and home[n] == bisect_right(starts, sentences[edges[n] - 1].start)
        cost, choice, total = float("inf"), n - 1, 0
        for m in range(n - 1, -1, -1):
            total += syllables[m]
            if m < n - 1 and (total > 2 * size or edges[n] - edges[m] > MAX_PASSAGE_SENTENCES):
                break
            here = best[m] + ((total - size) / size) ** 2
            if here < cost:
                cost, choice = here, m
        best.append(cost + (_INSIDE_BLOCK if inside else 0.0))
        back.append(choice)
    cuts = [len(firsts)]
    while cuts[-1]:
        cuts.append(back[cuts[-1]])
    cuts.reverse()
    return [tuple(sentences[edges[a] : edges[b]]) for a, b in pairwise(cuts)]


def _heading(text: str, sentences: list[Span], i: int) -> bool:
    """Whether sentence ``i`` is a heading that belongs to what follows.

    A short line without a stop is one, but not each of a whole list of such lines: of a run of them the
    last three.
    """
    reach = range(i, min(i + 4, len(sentences)))
    return _bare_line(text, sentences, i) and not all(_bare_line(text, sentences, j) for j in reach)


def _bare_line(text: str, sentences: list[Span], i: int) -> bool:
    """Whether sentence ``i`` is a short line of its own, without a stop and not an item, and not the last of all."""
    if i + 1 >= len(sentences):
        return False
    span = sentences[i]
    return (
        span.end - span.start <= 160
        and text[span.end - 1] not in '.!?…;,"”)'
        and text[span.start] not in "-–•+*"
        and "\n" in text[span.end : sentences[i + 1].start]
    )
