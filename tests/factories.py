"""Test data: an encoder without a model, articles, passages, hits and files."""

from __future__ import annotations

import datetime as dt
import hashlib
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from semsearch.segmentation import split_sentences
from semsearch.text import fold
from semsearch.types import Article, Hit, Passage, Scores, Span

ROOT = Path(__file__).resolve().parents[1]
SAMPLE_ARTICLES = ROOT.parent / "shared" / "seeds"
DEV_SETS = ROOT.parent / "shared" / "data" / "dev"

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
    """An encoder that hashes trigrams of the folded text into ``dim`` places.

    It needs no model, and texts that share trigrams get similar vectors. ``passages`` lists every text that was
    encoded as a passage, so that a test can count them.
    """

    def __init__(self, dim: int = 256, salt: str = "") -> None:
        self.name = f"hash{salt}"
        self.dim = dim
        self.fingerprint = f"hash-{dim}-{salt}"
        self.passages: list[str] = []
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
            for start in range(len(folded) - 2):
                trigram = folded[start : start + 3]
                digest = hashlib.blake2b((self._salt + trigram).encode(), digest_size=4).digest()
                number = int.from_bytes(digest)
                vectors[row, number % self.dim] += 1.0 if number & 0x10000 else -1.0
            if not vectors[row].any():
                vectors[row, 0] = 1.0
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


# Articles --------------------------------------------------------------------------------------


def story(number: int, *, sentences: int = 3) -> str:
    """Return a short news text; no two of its sentences, and no two stories, are equal."""
    town = TOWNS[number % len(TOWNS)]
    lines = [f"Tin số {number} từ huyện {town}"]
    for i in range(sentences):
        gifts = 100 * number + i
        lines.append(f"Đoàn công tác thứ {number}.{i} đã đến {town} trao {gifts} phần quà cho học sinh nghèo.")
    return "\n\n".join(lines) + "\n"


def article(number: int, source: str | None = None, text: str | None = None) -> Article:
    """Return an article with one block for each line, titled by its first line."""
    body = story(number) if text is None else text
    blocks = []
    start = 0
    for line in body.split("\n"):
        if line.strip():
            blocks.append(Span(start, start + len(line)))
        start += len(line) + 1
    return Article(body, (source or f"test:{number}",), tuple(blocks), title=body.split("\n")[0])


def write(folder: Path, numbers: Sequence[int]) -> None:
    """Write one text file for each number."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        (folder / f"{number}.txt").write_text(story(number), "utf-8")


# Databases -------------------------------------------------------------------------------------


def execute(database: Path, statement: str) -> list[tuple[Any, ...]]:
    """Run one SQL statement directly on a database that is not open elsewhere."""
    with closing(sqlite3.connect(database)) as connection, connection:
        return connection.execute(statement).fetchall()


# Passages and hits -----------------------------------------------------------------------------


def passages(article: Article, first_id: int) -> list[Passage]:
    """Return one passage of one sentence for each block of ``article``, with ids from ``first_id`` on."""
    built = []
    for position, block in enumerate(article.blocks):
        text = block.of(article.text)
        passage = Passage(first_id + position, article.id, position, block.start, block.end, text, (block,))
        built.append(passage)
    return built


def hit(
    number: int,
    text: str,
    *,
    title: str = "",
    date: str | dt.date | None = None,
    source: str = "",
    before: str = "",
    sentences: Sequence[Span] | None = None,
    score: float | None = None,
) -> Hit:
    """Return a hit whose passage is ``text``.

    Args:
        number: Id of its article and its passage, and its rank.
        before: Text before the passage in its article.
        sentences: Spans in ``before + text``; those that ``split`` finds, by default.
        score: 1 / ``number`` by default.
    """
    text_of_article = before + text
    if sentences is None:
        sentences = split_sentences(text_of_article, len(before))
    if isinstance(date, str):
        date = dt.date.fromisoformat(date) if date else None
    if score is None:
        score = 1.0 / number
    article = Article(
        text_of_article, (source or f"a{number}",), (Span(0, len(text_of_article)),), title, date, id=number
    )
    passage = Passage(number, number, 0, len(before), len(text_of_article), text, tuple(sentences))
    best = sentences[0] if sentences else Span(0, 0)
    return Hit(passage, article, score, Scores(score), best, number)
