"""The error tree: codes, exit codes and the table in its documentation."""

from __future__ import annotations

import re

import pytest

from semsearch import errors
from semsearch.errors import IndexLocked, IndexUnusable, IngestError, SemsearchError

CLASSES = [getattr(errors, name) for name in errors.__all__]


def test_every_error_has_its_own_code() -> None:
    codes = [error.code for error in CLASSES]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_a_code_is_the_name_of_the_class_in_kebab_case(error: type[SemsearchError]) -> None:
    name = "Error" if error is SemsearchError else error.__name__
    assert error.code == re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_the_documented_table_agrees(error: type[SemsearchError]) -> None:
    row = re.search(rf"\b{error.__name__}\s+(\S+)\s+(\d)\b", errors.__doc__ or "")
    assert row is not None
    assert (row[1], int(row[2])) == (error.code, error.exit_code)


def test_kinds_of_errors() -> None:
    assert all(issubclass(error, SemsearchError) for error in CLASSES)
    assert issubclass(IndexLocked, IndexUnusable)


def test_an_ingest_error_names_the_file_and_the_reason() -> None:
    error = IngestError("a.pdf", "is not a PDF")
    assert (str(error), error.source, error.reason) == ("a.pdf: is not a PDF", "a.pdf", "is not a PDF")
