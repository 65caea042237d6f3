"""The dictionary that texts are deflated with: the words, and pairs of words, that save most in Vietnamese texts.

    python scripts/training/make_dictionary.py news.jsonl.zst wiki.jsonl.zst --articles 20000

Of each file so many articles are read (``title``, ``abstract``, ``text``). What is chosen stands in
semsearch/store/phrases.txt, the most useful last, where deflate reaches it with the shortest codes. Once indexes are
written with it the file must never change: their texts could not be read any more.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

from semsearch.ingest.lines import decompressed
from semsearch.storage.rows import PHRASES
from semsearch.text import clean

WINDOW = 32_768
"""Bytes that deflate can look back."""

LEAST = 20
"""Occurrences; what is rarer says more about these articles than about the language."""


def lines(file: Path, articles: int) -> Iterator[str]:
    with file.open("rb") as packed:
        for row in islice(decompressed(packed), articles):
            article = json.loads(row)
            for field in ("title", "abstract", "text"):
                yield from clean(article.get(field) or "").split("\n")


def chosen(files: list[Path], articles: int) -> list[str]:
    """Words and pairs by the bytes that they save, the best first, as many as fit."""
    counts: Counter[str] = Counter()
    for file in files:
        for line in lines(file, articles):
            words = line.split(" ")
            counts.update(words)
            counts.update(map(" ".join, pairwise(words)))
    # A reference to what stands in the dictionary takes about three bytes.
    saved = {some: count * (len(some.encode()) - 3) for some, count in counts.items() if count >= LEAST}
    found: list[str] = []
    size, held = 0, ""
    for some in sorted((some for some, bytes_ in saved.items() if bytes_ > 0), key=lambda some: (-saved[some], some)):
        if some not in held:
            size += len(some.encode()) + 1
            if size > WINDOW:
                break
            found.append(some)
            held += f"\n{some}"
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="+")
    parser.add_argument("--articles", type=int, default=20_000)
    args = parser.parse_args()
    found = chosen(args.file, args.articles)
    PHRASES.write_text("\n".join(reversed(found)) + "\n", encoding="utf-8")
    print(f"{len(found)} words and pairs, {PHRASES.stat().st_size} bytes: {PHRASES}")


if __name__ == "__main__":
    main()
