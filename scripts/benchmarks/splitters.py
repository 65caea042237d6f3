"""Sentence splitters on the hand-marked texts in tests/gold_sentences.

    pip install -e '.[models,compare]'
    python scripts/benchmarks/splitters.py [FILE ...]

FILEs are names in tests/gold_sentences; all of them by default.

Three splitters are compared: ``semsearch.segmentation``, underthesea's ``sent_tokenize``, and pyvi's tokens split at
the marks that end a sentence, with the quotes and brackets that close after them. The last two do not know line ends,
so they are also given each line by itself. An end is right if its offset is a marked one; the end of the whole text is
not counted. Sentences per second are marked sentences by processor time in one thread, loading not counted.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable

from checkouts import ROOT, table

sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "tests"))

import gold

Splitter = Callable[[str], set[int]]
"""A function from a text to the offsets at which its sentences end."""
FINAL_MARKS = frozenset([".", "!", "?", "...", "…"])
CLOSING = "\"'”’»)]"
MIN_SECONDS = 1.0


def ends_of(text: str, parts: Iterable[str]) -> set[int]:
    """Return the offsets in ``text`` where the parts end; spaces do not have to agree."""
    found = set()
    position = 0
    for part in parts:
        for char in "".join(part.split()):
            position = text.index(char, position) + 1
        found.add(position)
    return found


def semsearch(text: str) -> set[int]:
    from semsearch.segmentation import split_sentences

    return {span.end for span in split_sentences(text)}


def underthesea(text: str) -> set[int]:
    from underthesea import sent_tokenize  # type: ignore[import-untyped]

    return ends_of(text, sent_tokenize(text))


def pyvi(text: str) -> set[int]:
    """End a sentence at each final mark that is a token of its own and that a space follows."""
    from pyvi import ViTokenizer

    found = {len(text.rstrip())}
    position = 0
    for token in ViTokenizer.tokenize(text).split():
        for char in token.replace("_", ""):
            position = text.find(char, position) + 1 or position
        if token in FINAL_MARKS:
            end = position
            while text[end : end + 1] and text[end] in CLOSING:
                end += 1
            if end == len(text) or text[end].isspace():
                found.add(end)
    return found


def by_lines(splitter: Splitter) -> Splitter:
    def split(text: str) -> set[int]:
        found = set()
        start = 0
        for line in text.split("\n"):
            if line.strip():
                found |= {start + end for end in splitter(line)}
            start += len(line) + 1
        return found

    return split


SPLITTERS: dict[str, Splitter] = {
    "semsearch.segmentation": semsearch,
    "underthesea": underthesea,
    "underthesea, line by line": by_lines(underthesea),
    "pyvi": pyvi,
    "pyvi, line by line": by_lines(pyvi),
}


def main() -> None:
    marked = gold.read(*sys.argv[1:])
    count = sum(len(text.ends) for text in marked)
    inner = sum(len(text.ends - {len(text.text)}) for text in marked)
    print(f"{len(marked)} texts, {count} sentences, {inner} ends that count\n")

    rows = []
    for name, splitter in SPLITTERS.items():
        try:
            splitter(marked[0].text)  # loads the model
        except ModuleNotFoundError as error:
            print(f"{name} is left out: {error.name} is not installed", file=sys.stderr)
            continue
        rounds = 0
        started = time.process_time()
        while not rounds or time.process_time() - started < MIN_SECONDS:
            scores = [gold.score(text, splitter(text.text)) for text in marked]
            rounds += 1
        seconds = (time.process_time() - started) / rounds
        total = gold.Score(0, 0, 0)
        for score in scores:
            total += score
        measures = [f"{total.precision:.4f}", f"{total.recall:.4f}", f"{total.f1:.4f}"]
        counts = [str(total.right), str(total.wrong), str(total.missed)]
        rows.append([name, *measures, *counts, f"{count / seconds:,.0f}"])
    print(table(["splitter", "precision", "recall", "F1", "right", "wrong", "missed", "sentences/s"], rows))


if __name__ == "__main__":
    main()
