"""Readers of plain text and Markdown, and what the readers of all formats share."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator

from ..errors import IngestError
from ..text import fold
from .article import ExtractedText
from .encoding import Undecodable, decode

__all__ = ["clean_author", "decode_text", "parser_errors", "read_markdown", "read_text"]


def decode_text(data: bytes, source: str, declared: str = "") -> tuple[str, str]:
    """Return a text and its encoding.

    Args:
        declared: Encoding that the file names, used unless another is proven.

    Raises:
        IngestError: The bytes are not text in a known encoding.
    """
    try:
        return decode(data, declared)
    except Undecodable as error:
        raise IngestError(source, str(error)) from None


@contextlib.contextmanager
def parser_errors(format_name: str, source: str, logger_name: str) -> Iterator[None]:
    """Turn whatever a parser raises into an IngestError, and keep its warnings off the terminal."""
    logger = logging.getLogger(logger_name)
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    except IngestError:
        raise
    except Exception as error:
        # Parsers raise anything on broken input: KeyError, RecursionError, families of their own.
        message = " ".join(str(error).split())[:120] or type(error).__name__
        raise IngestError(source, f"is cut short or damaged: not readable as {format_name} ({message})") from error
    finally:
        logger.setLevel(level)


_ACCOUNT_NAME = re.compile(
    r"(?:admin\w*|user\w*|windows|microsoft|python-docx|smart|hp|dell|asus|acer|lenovo|pc|may ?tinh|unknown|home)"
    r"\b.*"
)


def clean_author(name: str) -> str:
    """Return the author in a file's properties; empty if it is the name of a computer's account."""
    return "" if _ACCOUNT_NAME.fullmatch(fold(name.strip())) else name.strip()


def read_text(data: bytes, source: str) -> ExtractedText:
    """Read a plain text.

    Raises:
        IngestError: It is not text in a known encoding.
    """
    text, encoding = decode_text(data, source)
    return ExtractedText(text, encoding, may_have_head=True)


_MD_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(\S.*)$", re.MULTILINE)
# Replacements in this order; repetitions are bounded, so that no file takes quadratic time.
_MD_MARKS = (
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


def read_markdown(data: bytes, source: str) -> ExtractedText:
    """Read Markdown without its marks. Every line stays in its place, so that line numbers are those of the file.

    Raises:
        IngestError: It is not text in a known encoding.
    """
    text, encoding = decode_text(data, source)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    front_matter = _MD_FRONT.match(text)
    front = front_matter[0] if front_matter else ""
    body = _without_comments(text[len(front) :])

    heading = _MD_HEADING.search(body)
    begins_with_heading = heading is not None and not body[: heading.start()].strip()
    has_title = begins_with_heading and not _MD_TITLED.search(front)
    for pattern, replacement in _MD_MARKS:
        body = pattern.sub(replacement, body)
    title = body.lstrip().split("\n", 1)[0] if has_title else None
    return ExtractedText(front + body, encoding, title=title, may_have_head=True)


def _without_comments(text: str) -> str:
    """Return the text without <!-- ... -->, but with the line breaks in it."""
    parts: list[str] = []
    position = 0
    while True:
        start = text.find("<!--", position)
        end = text.find("-->", start) if start >= 0 else -1
        if end < 0:
            break
        parts += [text[position:start], "\n" * text.count("\n", start, end)]
        position = end + len("-->")
    return "".join(parts) + text[position:]
