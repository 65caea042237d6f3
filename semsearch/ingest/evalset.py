"""Evaluation sets in the BEIR layout: corpus.jsonl, queries.jsonl, qrels.tsv, and answers.jsonl beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import IngestError, UsageError
from ..text import clean
from ..types import Span
from .article import Record
from .files import read_path, source_of
from .records import numbered_lines, unpacked

__all__ = ["Gold", "read_answers", "read_corpus", "read_qrels", "read_queries"]


@dataclass(frozen=True, slots=True)
class Gold:
    """One right answer: its words, and where they start in the text of the corpus entry (-1: not a quote)."""

    text: str
    start: int

    def span(self, text: str) -> Span | None:
        """Its place in the article's text: where it should start, else the nearest place with these words."""
        if self.start < 0 or not self.text:
            return None
        # Cleaning may have moved the offsets that the set was made with.
        before = text.rfind(self.text, 0, self.start + len(self.text))
        after = text.find(self.text, self.start)
        places = [at for at in (before, after) if at >= 0]
        if not places:
            return None
        start = min(places, key=lambda at: abs(at - self.start))
        return Span(start, start + len(self.text))


def read_corpus(folder: str | Path) -> Iterator[Record]:
    """The articles of ``corpus.jsonl``; the source of each is the file, ``#`` and its ``_id``.

    Raises UsageError if there is none, IngestError at the first line that is no article: numbers of a
    set that was read in part would mean nothing.
    """
    yield from read_path(_find(folder, "corpus.jsonl"))


def read_queries(folder: str | Path) -> dict[str, str]:
    """Query ids and their cleaned texts. Raises UsageError, IngestError."""
    queries: dict[str, str] = {}
    path = _find(folder, "queries.jsonl")
    for number, row in _rows(path):
        key, text = row.get("_id"), row.get("text")
        if not isinstance(key, str | int) or not isinstance(text, str) or not text.strip():
            raise IngestError(source_of(path), f'line {number} is no query: {{"_id": ..., "text": ...}} is needed')
        if str(key) in queries:
            raise IngestError(source_of(path), f"line {number} uses the _id {key} again")
        queries[str(key)] = clean(text).strip()
    if not queries:
        raise IngestError(source_of(path), "is empty: it holds no query")
    return queries


def read_answers(folder: str | Path) -> dict[str, tuple[Gold, ...]] | None:
    """Right answers by query id; an empty tuple marks a question without one. None if there is no such file."""
    path = _found(folder, "answers.jsonl")
    if path is None:
        return None
    answers: dict[str, tuple[Gold, ...]] = {}
    for number, row in _rows(path):
        key, given = row.get("_id"), row.get("answers")
        shape = '{"_id": ..., "answers": [{"text": ..., "start": ...}]}'
        wrong = IngestError(source_of(path), f"line {number} is no answer: {shape} is needed")
        if not isinstance(key, str | int) or not isinstance(given, list):
            raise wrong
        golds = []
        for answer in given:
            text = answer.get("text") if isinstance(answer, dict) else None
            start = answer.get("start", -1) if isinstance(answer, dict) else None
            if not isinstance(text, str) or not isinstance(start, int):
                raise wrong
            golds.append(Gold(clean(text).strip(), start))
        answers[str(key)] = tuple(golds)
    return answers


def read_qrels(folder: str | Path) -> dict[str, dict[str, int]]:
    """Grades by query id and corpus id, from ``qrels.tsv`` (or BEIR's ``qrels/test.tsv``).

    Rows are "query-id corpus-id score" with or without that header, or TREC's four columns.
    """
    path = _find(folder, "qrels.tsv", "qrels/test.tsv")
    qrels: dict[str, dict[str, int]] = {}
    for number, line in _lines(path):
        columns = line.split("\t") if "\t" in line else line.split()
        columns = [c.strip() for c in columns]
        if number == 1 and columns and not columns[-1].lstrip("-").isdigit():
            continue  # the header
        try:
            query, entry, grade = columns if len(columns) == 3 else (columns[0], columns[2], columns[3])
            qrels.setdefault(query, {})[entry] = int(grade)
        except (ValueError, IndexError):
            needed = "a query id, a corpus id and a grade"
            raise IngestError(source_of(path), f"line {number} is no judgement: {needed} are needed") from None
    if not qrels:
        raise IngestError(source_of(path), "is empty: it holds no judgement")
    return qrels


def _find(folder: str | Path, *names: str) -> Path:
    if path := _found(folder, *names):
        return path
    if not Path(folder).is_dir():
        raise UsageError(f"There is no folder {folder}; name one that holds an evaluation set.")
    raise UsageError(f"There is no {names[0]} (nor {names[0]}.zst) in {folder}; an evaluation set needs it.")


def _found(folder: str | Path, *names: str) -> Path | None:
    candidates = (Path(folder, name + end) for name in names for end in ("", ".zst"))
    return next((path for path in candidates if path.is_file()), None)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines that are not blank. Raises IngestError, also for the first line that cannot be read."""

    def stop(error: IngestError) -> None:
        raise error

    source = source_of(path)
    try:
        with path.open("rb") as file:
            for number, line in numbered_lines(unpacked(file), source, stop):
                if line.strip():
                    yield number, line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise IngestError(source, f"is not in UTF-8 ({error.reason} at byte {error.start} of a line)") from error
    except OSError as error:
        raise IngestError(source, f"cannot be read: {error.strerror or error}") from error


def _rows(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    for number, line in _lines(path):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise IngestError(source_of(path), f"line {number} is no valid JSON ({str(error)[:80]})") from error
        if not isinstance(row, dict):
            raise IngestError(source_of(path), f"line {number} is no JSON object")
        yield number, row
