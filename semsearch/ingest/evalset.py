"""Evaluation sets in the BEIR layout: corpus.jsonl, queries.jsonl, qrels.tsv, and answers.jsonl beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import IngestError, UsageError
from ..text import clean
from ..types import Span
from .discover import source_of, unreadable
from .files import read_file
from .lines import decompressed, numbered_lines, too_long
from .records import ParsedRecord

__all__ = ["Gold", "read_answers", "read_corpus", "read_qrels", "read_queries"]


@dataclass(frozen=True, slots=True)
class Gold:
    """One correct answer.

    Args:
        start: Where it begins in the text of the corpus entry; -1 if it is not a quote.
    """

    text: str
    start: int

    def span(self, text: str) -> Span | None:
        """Return its place in the article's text; if the words are not at ``start``, the nearest place with them."""
        if self.start < 0 or not self.text:
            return None
        # Cleaning may have moved the offsets that the set was made with.
        before = text.rfind(self.text, 0, self.start + len(self.text))
        after = text.find(self.text, self.start)
        places = [place for place in (before, after) if place >= 0]
        if not places:
            return None
        start = min(places, key=lambda place: abs(place - self.start))
        return Span(start, start + len(self.text))


def read_corpus(folder: str | Path) -> Iterator[ParsedRecord]:
    """Yield the articles of ``corpus.jsonl``; the source of each is the file, ``#`` and its ``_id``.

    Raises:
        UsageError: There is no such file.
        IngestError: A line is not an article: measures over a part of a set would mean nothing.
    """
    yield from read_file(_require(folder, "corpus.jsonl"))


def read_queries(folder: str | Path) -> dict[str, str]:
    """Return the cleaned queries by id.

    Raises:
        UsageError: There is no ``queries.jsonl``.
        IngestError: A line is not a query.
    """
    queries: dict[str, str] = {}
    path = _require(folder, "queries.jsonl")
    file = source_of(path)
    for number, row in _json_rows(path):
        query_id, text = row.get("_id"), row.get("text")
        if not isinstance(query_id, str | int) or not isinstance(text, str) or not text.strip():
            raise IngestError(file, f'line {number} is not a query of the form {{"_id": ..., "text": ...}}')
        if str(query_id) in queries:
            raise IngestError(file, f"line {number} uses the _id {query_id} again")
        queries[str(query_id)] = clean(text).strip()
    if not queries:
        raise IngestError(file, "is empty: it holds no query")
    return queries


def read_answers(folder: str | Path) -> dict[str, tuple[Gold, ...]] | None:
    """Return the correct answers by query id; an empty tuple marks a question without an answer.

    Returns:
        None if there is no ``answers.jsonl``.

    Raises:
        IngestError: A line is not a list of answers.
    """
    path = _find(folder, "answers.jsonl")
    if path is None:
        return None
    answers: dict[str, tuple[Gold, ...]] = {}
    for number, row in _json_rows(path):
        query_id, entries = row.get("_id"), row.get("answers")
        golds = [_gold(answer) for answer in entries] if isinstance(entries, list) else [None]
        if not isinstance(query_id, str | int) or None in golds:
            form = '{"_id": ..., "answers": [{"text": ..., "start": ...}]}'
            raise IngestError(source_of(path), f"line {number} is not a list of answers of the form {form}")
        answers[str(query_id)] = tuple(gold for gold in golds if gold is not None)
    return answers


def _gold(answer: object) -> Gold | None:
    """Return the answer of a JSON object; None if it is not one."""
    if not isinstance(answer, dict):
        return None
    text, start = answer.get("text"), answer.get("start", -1)
    if not isinstance(text, str) or not isinstance(start, int):
        return None
    return Gold(clean(text).strip(), start)


def read_qrels(folder: str | Path) -> dict[str, dict[str, int]]:
    """Return grades by query id and corpus id, from ``qrels.tsv`` or ``qrels/test.tsv``.

    Rows are "query-id corpus-id score" with or without that header (BEIR), or the four columns of TREC.

    Raises:
        UsageError: There is no such file.
        IngestError: A line is not a relevance judgement.
    """
    path = _require(folder, "qrels.tsv", "qrels/test.tsv")
    file = source_of(path)
    qrels: dict[str, dict[str, int]] = {}
    for number, line in _text_lines(path):
        columns = [column.strip() for column in (line.split("\t") if "\t" in line else line.split())]
        if number == 1 and columns and not columns[-1].lstrip("-").isdigit():
            continue  # the header
        if len(columns) != 3:
            del columns[1:2]  # TREC's second column is not used
        try:
            query_id, corpus_id, grade = columns[:3]
            qrels.setdefault(query_id, {})[corpus_id] = int(grade)
        except ValueError:
            form = "a query id, a corpus id and a grade"
            raise IngestError(file, f"line {number} is not a relevance judgement: it needs {form}") from None
    if not qrels:
        raise IngestError(file, "is empty: it holds no judgement")
    return qrels


def _require(folder: str | Path, *names: str) -> Path:
    path = _find(folder, *names)
    if path is not None:
        return path
    if not Path(folder).is_dir():
        raise UsageError(f"There is no folder {folder}; name one that holds an evaluation set.")
    raise UsageError(f"There is no {names[0]} (nor {names[0]}.zst) in {folder}; an evaluation set needs it.")


def _find(folder: str | Path, *names: str) -> Path | None:
    for name in names:
        for end in ("", ".zst"):
            path = Path(folder, name + end)
            if path.is_file():
                return path
    return None


def _text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, with their numbers.

    Raises:
        IngestError: The file cannot be read.
    """
    file = source_of(path)
    try:
        with path.open("rb") as stream:
            for number, line in numbered_lines(decompressed(stream), file):
                if line is None:
                    raise IngestError(file, too_long(number))
                if line.strip():
                    yield number, line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise IngestError(file, f"is not in UTF-8 ({error.reason} at byte {error.start} of a line)") from error
    except OSError as error:
        raise unreadable(path, error) from error


def _json_rows(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    for number, line in _text_lines(path):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise IngestError(source_of(path), f"line {number} is not valid JSON ({str(error)[:80]})") from error
        if not isinstance(row, dict):
            raise IngestError(source_of(path), f"line {number} is not a JSON object")
        yield number, row
