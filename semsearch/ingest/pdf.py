"""PDF: the text layer of its pages, without what is printed on every page."""

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

_FILE_NAME = re.compile(r"^microsoft word|\.(?:docx?|pdf|indd|rtf|odt|qxd|pptx?|xlsx?)$|^untitled|^\W*$", re.IGNORECASE)


def read_pdf(data: bytes, source: str) -> ExtractedText:
    """The text of all pages as one text. Raises IngestError: damaged, encrypted, or images only."""
    if b"%PDF-" not in data[:1024]:
        raise IngestError(source, "is not a PDF, though it is named like one")
    if b"%%EOF" not in data[-65536:]:
        raise IngestError(source, "is cut short or damaged: the PDF has no end; fetch it again")
    with parser_errors("PDF", source, "pypdf"):
        import pypdf

        reader = pypdf.PdfReader(io.BytesIO(data), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise IngestError(source, "is encrypted and needs a password; save a copy without one")
        pages: list[str] = []
        broken: list[int] = []
        for number, page in enumerate(reader.pages, 1):
            try:
                pages.append(page.extract_text() or "")
            except Exception:  # one broken page does not take the others with it
                pages.append("")
                broken.append(number)
        if len(broken) == len(pages):
            raise IngestError(source, "is cut short or damaged: none of its pages can be read; fetch it again")
        info: Any = reader.metadata or {}
        title, author, made = (str(info.get(key) or "") for key in ("/Title", "/Author", "/CreationDate"))
    text, legacy = repair(join_pages(pages))
    if sum(map(str.isalnum, text)) < 10:
        raise IngestError(source, "holds no text, only images of it; run OCR on it first")
    title = repair(title)[0].strip()
    extracted = ExtractedText(text, legacy or "", title=None if _FILE_NAME.search(title) else title)
    extracted.author = clean_author(repair(author)[0])
    extracted.created = parse_date(made.removeprefix("D:")[:8])
    if broken:
        extracted.notes.append(f"page {', '.join(map(str, broken))} cannot be read")
    if blank := sum(not page.strip() for page in pages) - len(broken):
        extracted.notes.append(f"{blank} of {len(pages)} pages hold no text")
    return extracted


_NUMBER = re.compile(r"\W*(?:trang|page|p\.)?\s*\d{1,4}(?:\s*(?:/|of|tren)\s*\d{1,4})?\W*|[ivxl]{1,6}")
_EDGE = 2  # lines at the top and at the bottom of a page that may be running heads and feet


def join_pages(pages: Sequence[str]) -> str:
    """Pages one below the other, less page numbers and lines that stand at the edge of half of the pages.

    Running lines may differ in their numbers if there are three of them; pages of nothing else are kept.
    """
    split = [[line.strip() for line in page.split("\n") if line.strip()] for page in pages]
    filled = [lines for lines in split if lines]
    counts: Counter[str] = Counter()
    for lines in filled:
        edges = {" ".join(fold(line).split()) for line in lines[:_EDGE] + lines[-_EDGE:]}
        counts.update(edges | {re.sub(r"\d+", "#", edge) for edge in edges})

    def is_edge(line: str) -> bool:
        exact = " ".join(fold(line).split())
        form = re.sub(r"\d+", "#", exact)
        enough = 0.5 * len(filled)
        running = counts[exact] >= max(2, enough) or counts[form] >= max(3, enough)
        return running or _NUMBER.fullmatch(exact) is not None

    kept: list[str] = []
    for lines in filled:
        inner = range(_EDGE, len(lines) - _EDGE)
        kept += [line for n, line in enumerate(lines) if n in inner or not is_edge(line)]
    return "\n".join(kept or (line for lines in filled for line in lines))
