"""Sentence splitters on the hand-marked texts in tests/gold_sentences, in one run.

    pip install -e '.[models,compare]'
    python scripts/benchmarks/splitters.py [FILE ...]

FILEs are names in tests/gold_sentences, all of them without any.

Beside ``semsearch.segmentation``: underthesea's ``sent_tokenize``, and pyvi's tokens split at the marks that end a
sentence (with the quotes and brackets that close behind). Both are also given each line by itself, since
neither knows line ends. An end counts as right if its offset is a marked one; the end of a whole text counts for
nobody. Sentences per second are of processor time in one thread, marked sentences as the count, without loading.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "tests"))

import gold  # noqa: E402

Splitter = Callable[[str], set[int]]  # text -> offsets of the ends of its sentences
FINAL = frozenset([".", "!", "?", "...", "…"])
CLOSING = "\"'”’»)]"


def ends_of(text: str, pieces: Iterable[str]) -> set[int]:
    """Offsets in ``text`` at which the pieces end that hold its characters in order, spaces apart."""
    found, at = set(), 0
    for piece in pieces:
        for char in "".join(piece.split()):
            at = text.index(char, at) + 1
        found.add(at)
    return found


def ours(text: str) -> set[int]:
    from semsearch.segmentation import split_sentences

    return {span.end for span in split_sentences(text)}


def underthesea(text: str) -> set[int]:
    from underthesea import sent_tokenize  # type: ignore[import-untyped]

    return ends_of(text, sent_tokenize(text))


def pyvi(text: str) -> set[int]:
    """A final mark that pyvi made a token of its own ends a sentence if a space follows in the text."""
    from pyvi import ViTokenizer

    found, at = {len(text.rstrip())}, 0
    for token in ViTokenizer.tokenize(text).split():
        for char in token.replace("_", ""):
            at = text.find(char, at) + 1 or at
        if token in FINAL:
            end = at
            while text[end : end + 1] and text[end] in CLOSING:
                end += 1
            if end == len(text) or text[end].isspace():
                found.add(end)
    return found


def by_lines(splitter: Splitter) -> Splitter:
    def split(text: str) -> set[int]:
        found, at = set(), 0
        for line in text.split("\n"):
            if line.strip():
                found |= {at + end for end in splitter(line)}
            at += len(line) + 1
        return found

    return split


SPLITTERS: dict[str, Splitter] = {
    "semsearch.segmentation": ours,
    "underthesea": underthesea,
    "underthesea, line by line": by_lines(underthesea),
    "pyvi": pyvi,
    "pyvi, line by line": by_lines(pyvi),
}


def main() -> None:
    marked = gold.read(*sys.argv[1:])
    count = sum(len(m.ends) for m in marked)
    inner = sum(len(m.ends - {len(m.text)}) for m in marked)
    print(f"{len(marked)} texts, {count} sentences, {inner} ends that count\n")
    print("| splitter | precision | recall | F1 | right | wrong | missed | sentences/s |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for name, splitter in SPLITTERS.items():
        splitter(marked[0].text)  # load
        total, rounds, started = gold.Score(0, 0, 0), 0, time.process_time()
        while not rounds or time.process_time() - started < 1:
            scores = [gold.score(m, splitter(m.text)) for m in marked]
            rounds += 1
        seconds = (time.process_time() - started) / rounds
        for score in scores:
            total += score
        print(
            f"| {name} | {total.precision:.4f} | {total.recall:.4f} | {total.f1:.4f} | {total.right} | {total.wrong} "
            f"| {total.missed} | {count / seconds:,.0f} |"
        )


if __name__ == "__main__":
    main()
