"""Reads the training and development sets.

``DATA`` is a folder with ``train/*.jsonl.zst`` and ``dev/<set>/``. The model card says what the sets are and where they
come from.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zstandard

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

Row = dict[str, Any]


def rows(data: Path, name: str) -> Iterator[Row]:
    """Yield the rows of ``train/<name>.jsonl.zst``."""
    with (data / "train" / f"{name}.jsonl.zst").open("rb") as raw:
        for line in io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(raw), encoding="utf-8"):
            yield json.loads(line)


def dev_set(data: Path, name: str) -> tuple[list[Row], list[Row], dict[str, set[str]]]:
    """Return the corpus, the queries, and the ids of relevant entries of each query of ``dev/<name>``."""
    folder = data / "dev" / name
    corpus = [json.loads(line) for line in (folder / "corpus.jsonl").open(encoding="utf-8")]
    queries = [json.loads(line) for line in (folder / "queries.jsonl").open(encoding="utf-8")]
    relevant: dict[str, set[str]] = {}
    for line in list((folder / "qrels.tsv").open(encoding="utf-8"))[1:]:
        query, entry, score = line.split("\t")
        if int(score) > 0:
            relevant.setdefault(query, set()).add(entry)
    return corpus, queries, relevant
