"""Word documents (.docx): paragraphs and tables in order, and the properties of the document."""

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
"""Maximum size of an unpacked part of a .docx, in bytes: an archive of a few KB may contain gigabytes."""

_OLE_MAGIC = b"\xd0\xcf\x11\xe0"  # of an old .doc, and of a .docx with a password
_ZIP_MAGIC = b"PK"
# The properties of the template of python-docx, which say nothing about a document made with it.
_TEMPLATE_TITLE = "Word Document"
_TEMPLATE_CREATED = dt.datetime(2013, 12, 23, 23, 15)


def read_docx(data: bytes, source: str) -> ExtractedText:
    """Read the text of a Word document, with a blank line between paragraphs, and its properties.

    Raises:
        IngestError: Not a .docx, damaged, too large or without text.
    """
    if data.startswith(_OLE_MAGIC):
        raise IngestError(source, "is an old .doc file or has a password; save it as .docx without one")
    if not data.startswith(_ZIP_MAGIC):
        raise IngestError(source, "is not a Word document, despite its name")
    with parser_errors("docx", source, "docx"):
        _check_archive(data, source)
        import docx

        document = docx.Document(io.BytesIO(data))
        title, paragraphs = _read_paragraphs(document)
        properties = document.core_properties
        property_title = (properties.title or "").removeprefix(_TEMPLATE_TITLE)
        author, created = properties.author or "", properties.created
    text, legacy = repair("\n\n".join(paragraphs))
    if not text.strip():
        raise IngestError(source, "is empty: it contains no text")
    title = repair(title or property_title)[0].strip()
    extracted = ExtractedText(text, legacy, title=title or None, author=clean_author(repair(author)[0]))
    if created and created.replace(tzinfo=None, second=0, microsecond=0) != _TEMPLATE_CREATED:
        extracted.created = created.date()
    return extracted


def _check_archive(data: bytes, source: str) -> None:
    """Raise IngestError if the archive is not a Word document or would unpack to too many bytes."""
    import zipfile

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if "word/document.xml" not in archive.namelist():
            raise IngestError(source, "is an archive, but not a Word document")
        if max(part.file_size for part in archive.infolist()) > MAX_UNPACKED:
            raise IngestError(source, f"unpacks to more than {MAX_UNPACKED // 10**6} MB; split it")


def _read_paragraphs(document: Any) -> tuple[str, list[str]]:
    """The first paragraph in the style Title, and all paragraphs with text; a table row is "a | b"."""
    title = ""
    paragraphs: list[str] = []
    for item in document.iter_inner_content():
        if hasattr(item, "rows"):
            paragraphs += [_row_text(row) for row in item.rows]
            continue
        text = item.text.strip()
        paragraphs.append(text)
        if not title and item.style is not None and item.style.name == "Title":
            title = text
    return title, [paragraph for paragraph in paragraphs if paragraph]


def _row_text(row: Any) -> str:
    cells: list[str] = []
    for cell in row.cells:  # a merged cell comes once for each of its columns
        text = " ".join(cell.text.split())
        if text and (not cells or cells[-1] != text):
            cells.append(text)
    return " | ".join(cells)
