"""What the readers of all formats share: decoding, and a fence around other people's parsers."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator

from ..errors import IngestError
from ..text import fold
from .article import Draft
from .encoding import Undecodable, decode

__all__ = ["decoded", "guarded", "person", "read_markdown", "read_text"]


def decoded(data: bytes, source: str, declared: str = "") -> tuple[str, str]:
    """Bytes -> (text, encoding). Raises IngestError where ``decode`` cannot tell."""
    try:
        return decode(data, declared)
    except Undecodable as error:
        raise IngestError(source, str(error)) from None


@contextlib.contextmanager
def guarded(kind: str, source: str, logger: str) -> Iterator[None]:
    """Turn whatever a parser raises into an IngestError, and keep its warnings off the terminal."""
    log = logging.getLogger(logger)
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    except IngestError:
        raise
    except Exception as error:
        # Parsers raise anything on broken input: KeyError, RecursionError, families of their own.
        said = " ".join(str(error).split())[:120] or type(error).__name__
        raise IngestError(source, f"is cut short or damaged: not readable as {kind} ({said})") from error
    finally:
        log.setLevel(level)


_NOBODY = re.compile(
    r"(?:admin\w*|user\w*|windows|microsoft|python-docx|smart|hp|dell|asus|acer|lenovo|pc|may ?tinh|unknown|home)"
    r"\b.*"
)


def person(name: str) -> str:
    """The author in a file's properties, unless it is the name of the machine's account."""
    return "" if _NOBODY.fullmatch(fold(name.strip())) else name.strip()


def read_text(data: bytes, source: str) -> Draft:
    """A plain text. Raises IngestError."""
    text, encoding = decoded(data, source)
    return Draft(text, encoding, plain=True)


_MD_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(\S.*)$", re.MULTILINE)
_MD_MARKS = (  # what is replaced by what, in this order; bounded, so that no file takes quadratic time
    (re.compile(r"^ {0,3}(?:```|~~~).*$|^ {0,3}(?:[=-]{3,}|(?:\* ?){3,})[ \t]*$", re.MULTILINE), r""),
    (_MD_HEADING, r"\1"),
    (re.compile(r"^ {0,3}(?:> ?)+", re.MULTILINE), r""),
    (re.compile(r"!?\[([^\]\[\n]*)\](?:\([^)\n]{0,1000}\)|\[[^\]\n]{0,100}\])"), r"\1"),
    # One pass, so that `__init__` in backticks is not taken for bold.
    (re.compile(r"(?<![\w`*])(`+|\*\*|__|\*|_)(?=\S)([^\n]{1,300}?)(?<=\S)\1(?![\w`*])"), r"\2"),
    (re.compile(r"^ {0,3}\|[ \t]?(.*?)[ \t]?\|[ \t]*$", re.MULTILINE), r"\1"),
)
_MD_FRONT = re.compile(r"\s*---\n(?:.*\n){0,60}?(?:---|\.\.\.)[ \t]*(?:\n|\Z)")
_MD_TITLED = re.compile(r"^(?:title|tiêu đề|tieu_de)\s*:", re.MULTILINE | re.IGNORECASE)


def read_markdown(data: bytes, source: str) -> Draft:
    """Markdown without its marks; every line stays in its place, so that line numbers are the file's.

    Raises IngestError.
    """
    text, encoding = decoded(data, source)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    match = _MD_FRONT.match(text)
    front, body = (match[0], text[match.end() :]) if match else ("", text)
    body = _without_comments(body)
    heading = _MD_HEADING.search(body)
    titled = heading is not None and not body[: heading.start()].strip() and not _MD_TITLED.search(front)
    for pattern, kept in _MD_MARKS:
        body = pattern.sub(kept, body)
    title = body.lstrip().split("\n", 1)[0] if titled else None
    return Draft(front + body, encoding, title=title, plain=True)


def _without_comments(text: str) -> str:
    """Without <!-- ... -->, but with the line breaks in it."""
    parts, at = [], 0
    while (start := text.find("<!--", at)) >= 0 and (end := text.find("-->", start)) >= 0:
        parts += [text[at:start], "\n" * text.count("\n", start, end)]
        at = end + 3
    return "".join(parts) + text[at:]
