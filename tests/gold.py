"""The hand-marked sentence ends in ``gold_sentences``, and how a splitter is scored against them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "gold_sentences"
MARK = "‖"


@dataclass(frozen=True, slots=True)
class Marked:
    """A text and the offsets at which its sentences end."""

    name: str
    text: str
    ends: frozenset[int]


@dataclass(frozen=True, slots=True)
class Score:
    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong)

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missed)

    @property
    def f1(self) -> float:
        return 2 * self.right / (2 * self.right + self.wrong + self.missed)

    def __add__(self, other: Score) -> Score:
        return Score(self.right + other.right, self.wrong + other.wrong, self.missed + other.missed)


def read(*names: str) -> list[Marked]:
    """The texts of the named files, of all without names."""
    files = [FOLDER / name for name in names] or sorted(FOLDER.glob("*.txt"))
    found = []
    for file in files:
        for part in re.split(r"^=== ", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            name, _, body = part.partition("\n")
            pieces = body.strip("\n").split(MARK)
            lengths = [sum(map(len, pieces[:i])) for i in range(1, len(pieces))]
            found.append(Marked(name, "".join(pieces), frozenset(lengths)))
    return found


def score(marked: Marked, ends: set[int]) -> Score:
    """Score the ends that were found; the end of the whole text, which is always right, does not count."""
    last_end = {len(marked.text.rstrip())}
    found, gold = ends - last_end, marked.ends - last_end
    return Score(len(found & gold), len(found - gold), len(gold - found))
