"""What the tests of the index share: a small encoder that counts, and articles to put in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from semsearch.text import fold
from semsearch.types import Article, Span

TOWNS = [
    "Mường Tè",
    "Bảo Lâm",
    "Vị Xuyên",
    "Đầm Hà",
    "Cư Jút",
    "Sa Thầy",
    "Thới Bình",
    "Nậm Pồ",
    "Yên Minh",
    "Quế Phong",
]


class HashEncoder:
    """Trigrams of the folded text hashed into ``dim`` places: deterministic, no model, near for near texts."""

    def __init__(self, dim: int = 256, salt: str = "") -> None:
        self.name = f"hash{salt}"
        self.dim = dim
        self.fingerprint = f"hash-{dim}-{salt}"
        self.passages: list[str] = []  # every text that was encoded as a passage
        self._salt = salt

    def encode_queries(self, texts: Sequence[str]) -> np.ndarray:
        return self._encode(texts)

    def encode_passages(self, texts: Sequence[str]) -> np.ndarray:
        self.passages += texts
        return self._encode(texts)

    def _encode(self, texts: Sequence[str]) -> np.ndarray:
        vectors = np.zeros((len(texts), self.dim), np.float32)
        for row, text in enumerate(texts):
            folded = f" {fold(text)} "
            for i in range(len(folded) - 2):
                digest = hashlib.blake2b((self._salt + folded[i : i + 3]).encode(), digest_size=4).digest()
                number = int.from_bytes(digest)
                vectors[row, number % self.dim] += 1.0 if number & 0x10000 else -1.0
            if not vectors[row].any():
                vectors[row, 0] = 1.0
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def story(number: int, *, sentences: int = 3) -> str:
    """A short article of its own; every sentence differs from every other's."""
    town = TOWNS[number % len(TOWNS)]
    lines = [f"Tin số {number} từ huyện {town}"]
    lines += [
        f"Đoàn công tác thứ {number}.{i} đã đến {town} trao {100 * number + i} phần quà cho học sinh nghèo."
        for i in range(sentences)
    ]
    return "\n\n".join(lines) + "\n"


def article(number: int, source: str | None = None, text: str | None = None) -> Article:
    """The same as ``ingest`` would make of it, or nearly: one block for each line."""
    body = text if text is not None else story(number)
    blocks, at = [], 0
    for line in body.split("\n"):
        if line.strip():
            blocks.append(Span(at, at + len(line)))
        at += len(line) + 1
    return Article(body, (source or f"test:{number}",), tuple(blocks), title=body.split("\n")[0])


def write(folder: Path, numbers: Sequence[int]) -> None:
    """One text file for each number."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        (folder / f"{number}.txt").write_text(story(number), "utf-8")
