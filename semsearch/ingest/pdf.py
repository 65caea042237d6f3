"""PDF: the text layer of the pages, without running heads, running feet and page numbers."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..errors import IngestError
from ..text import fold
from .article import ExtractedText
from .dates import parse_date
from .encoding import repair
from .reading import clean_author, parser_errors

__all__ = ["join_pages", "read_pdf"]

_MIN_LETTERS = 10  # of a PDF that is more than images
_EDGE_LINES = 2  # at the top and at the bottom of a page, which may be running heads and feet
_MIN_RUNNING_PAGES = 2
_MIN_RUNNING_PAGES_NUMBERED = 3  # for lines that differ in their numbers

# A title that is a file name or the default of a program: "Microsoft Word - bao cao", "a.docx", "untitled", "-".
_FILE_NAME = re.compile(r"^microsoft word|\.(?:docx?|pdf|indd|rtf|odt|qxd|pptx?|xlsx?)$|^untitled|^\W*$", re.IGNORECASE)
# A page number, folded: "- 5 -", "Trang 3/10", "page 2 of 9", "xii". Not "Năm 2018".
_PAGE_NUMBER = re.compile(r"\W*(?:trang|page|p\.)?\s*\d{1,4}(?:\s*(?:/|of|tren)\s*\d{1,4})?\W*|[ivxl]{1,6}")
_DIGITS = re.compile(r"\d+")


def read_pdf(data: bytes, source: str) -> ExtractedText:
    """Read the text of all pages as one text, and the properties of the document.

    Raises:
        IngestError: Not a PDF, damaged, encrypted, or without text.
    """
    if b"%PDF-" not in data[:1024]:
        raise IngestError(source, "is not a PDF, despite its name")
    if b"%%EOF" not in data[-65536:]:
        raise IngestError(source, "is cut short or damaged: the end of the PDF is missing; download it again")
    with parser_errors("PDF", source, "pypdf"):
        import pypdf

        reader = pypdf.PdfReader(io.BytesIO(data), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise IngestError(source, "is encrypted and needs a password; save a copy without one")
        pages, unreadable = _read_pages(reader)
        if len(unreadable) == len(pages):
            raise IngestError(source, "is cut short or damaged: none of its pages can be read; download it again")
        properties: Any = reader.metadata or {}
        title = str(properties.get("/Title") or "")
        author = str(properties.get("/Author") or "")
        created = str(properties.get("/CreationDate") or "")
    text, legacy = repair(join_pages(pages))
    if sum(map(str.isalnum, text)) < _MIN_LETTERS:
        raise IngestError(source, "contains images only, no text; run OCR on it first")

    title = repair(title)[0].strip()
    extracted = ExtractedText(text, legacy, title=None if _FILE_NAME.search(title) else title)
    extracted.author = clean_author(repair(author)[0])
    extracted.created = parse_date(created.removeprefix("D:")[:8])
    if unreadable:
        extracted.notes.append(f"page {', '.join(map(str, unreadable))} cannot be read")
    empty_count = sum(not page.strip() for page in pages) - len(unreadable)
    if empty_count:
        extracted.notes.append(f"{empty_count} of {len(pages)} pages contain no text")
    return extracted


def _read_pages(reader: Any) -> tuple[list[str], list[int]]:
    """The text of each page, and the numbers of those that cannot be read, whose text is empty."""
    pages: list[str] = []
    unreadable: list[int] = []
    for number, page in enumerate(reader.pages, 1):
        try:
            pages.append(page.extract_text() or "")
        except Exception:  # pypdf raises anything on a damaged page; the others may be sound
            pages.append("")
            unreadable.append(number)
    return pages, unreadable


def join_pages(pages: Sequence[str]) -> str:
    """Join pages, without page numbers and without lines at the edges of at least half of the pages.

    Three running lines or more may differ in their numbers. If nothing would be left, everything is kept.
    """
    lines_of_pages: list[list[str]] = []
    for page in pages:
        lines = [line.strip() for line in page.split("\n") if line.strip()]
        if lines:
            lines_of_pages.append(lines)

    page_counts = _count_edge_lines(lines_of_pages)
    half = 0.5 * len(lines_of_pages)

    def is_left_out(line: str) -> bool:
        comparable = _comparable(line)
        if _PAGE_NUMBER.fullmatch(comparable):
            return True
        if page_counts[comparable] >= max(_MIN_RUNNING_PAGES, half):
            return True
        return page_counts[_without_numbers(comparable)] >= max(_MIN_RUNNING_PAGES_NUMBERED, half)

    kept: list[str] = []
    for lines in lines_of_pages:
        inner = range(_EDGE_LINES, len(lines) - _EDGE_LINES)
        kept += [line for number, line in enumerate(lines) if number in inner or not is_left_out(line)]
    if not kept:
        kept = [line for lines in lines_of_pages for line in lines]
    return "\n".join(kept)


def _count_edge_lines(lines_of_pages: Sequence[Sequence[str]]) -> Counter[str]:
    """The number of pages that have a line at an edge, by the line and by the line without its numbers."""
    page_counts: Counter[str] = Counter()
    for lines in lines_of_pages:
        edges = {_comparable(line) for line in [*lines[:_EDGE_LINES], *lines[-_EDGE_LINES:]]}
        page_counts.update(edges | {_without_numbers(edge) for edge in edges})
    return page_counts


def _comparable(line: str) -> str:
    return " ".join(fold(line).split())


def _without_numbers(line: str) -> str:
    return _DIGITS.sub("#", line)
