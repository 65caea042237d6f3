"""Word documents (.docx): paragraphs and tables in their order, and the document's properties."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

from ..errors import IngestError
from .article import ExtractedText
from .encoding import repair
from .reading import clean_author, parser_errors

__all__ = ["read_docx"]

MAX_UNPACKED = 200_000_000
"""The largest part of a .docx when unpacked, in bytes; an archive of a few KB may hold gigabytes."""

# What the template of python-docx and its kin says of itself.
_TEMPLATE_TITLE = "Word Document"
_TEMPLATE_MADE = dt.datetime(2013, 12, 23, 23, 15)


def read_docx(data: bytes, source: str) -> ExtractedText:
    """Its text with a blank line between paragraphs. Raises IngestError."""
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise IngestError(source, "is an old .doc or has a password; save it as .docx without one")
    if not data.startswith(b"PK"):
        raise IngestError(source, "is no Word document, though it is named like one")
    with parser_errors("docx", source, "docx"):
        import zipfile

        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if "word/document.xml" not in archive.namelist():
                raise IngestError(source, "is an archive, but no Word document")
            if max(part.file_size for part in archive.infolist()) > MAX_UNPACKED:
                raise IngestError(source, f"unpacks to more than {MAX_UNPACKED // 10**6} MB; split it")
        import docx

        document = docx.Document(io.BytesIO(data))
        title, paragraphs = _paragraphs(document)
        properties = document.core_properties
        named, author, made = properties.title or "", properties.author or "", properties.created
    text, legacy = repair("\n\n".join(paragraphs))
    if not text.strip():
        raise IngestError(source, "is empty: it holds no text")
    title = repair(title or named.removeprefix(_TEMPLATE_TITLE))[0].strip()
    extracted = ExtractedText(text, legacy or "", title=title or None, author=clean_author(repair(author)[0]))
    if made and made.replace(tzinfo=None, second=0, microsecond=0) != _TEMPLATE_MADE:
        extracted.created = made.date()
    return extracted


def _paragraphs(document: Any) -> tuple[str, list[str]]:
    """The text of the paragraph in style Title, and all paragraphs; a table row is "a | b"."""
    title, found = "", []
    for item in document.iter_inner_content():
        if hasattr(item, "rows"):
            for row in item.rows:
                cells: list[str] = []
                for cell in row.cells:  # a merged cell is met once for each of its columns
                    written = " ".join(cell.text.split())
                    if written and (not cells or cells[-1] != written):
                        cells.append(written)
                found.append(" | ".join(cells))
        else:
            written = item.text.strip()
            found.append(written)
            if not title and item.style is not None and item.style.name == "Title":
                title = written
    return title, [written for written in found if written]
