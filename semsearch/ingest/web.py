"""HTML pages: the main text and the metadata of the page."""

from __future__ import annotations

import contextlib
import re
from typing import Any

from ..errors import IngestError
from .article import SENTENCE_ENDS, ExtractedText
from .dates import parse_date
from .encoding import repair
from .reading import decode_text, parser_errors

__all__ = ["read_html"]

_CHARSET_BYTES = 4096  # at the beginning of a page, in which it declares its charset
_MIN_PARAGRAPH_CHARACTERS = 100  # of a paragraph of running text
_MIN_MAIN_SHARE = 0.25  # of the running text of a page, in the main text that trafilatura finds
_MIN_HEADLINE_CHARACTERS = 10

# '<meta charset="utf-8">', '<?xml encoding="tcvn"?>'.
_CHARSET = re.compile(rb"(?:charset|encoding)\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
# '<?xml version="1.0" encoding="utf-8"?>' at the beginning. lxml refuses text, as opposed to bytes, that has one.
_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_BLANK_LINES = re.compile(r"\n{3,}")

_SKIPPED_TAGS = frozenset(
    "script style noscript template nav header footer aside form button select svg iframe head".split()
)
_INLINE_TAGS = frozenset(
    "a abbr acronym b bdi bdo big cite code data del dfn em font i img ins kbd label mark q s samp small span strike "
    "strong sub sup time tt u var wbr".split()
)
# In trafilatura's tree, whose tags are those of TEI.
_PARAGRAPH_TAGS = frozenset(["p", "head", "item", "quote", "code", "cell"])


def read_html(data: bytes, source: str) -> ExtractedText:
    """Read the main text of a page as trafilatura finds it, or all its text if that is too little, and its metadata.

    The charset that the page declares is used only if no better one is detected.

    Raises:
        IngestError: The page has no text, is in an unknown encoding, or cannot be parsed.
    """
    declared = _CHARSET.search(data[:_CHARSET_BYTES])
    text, encoding = decode_text(data, source, declared[1].decode("ascii", "replace") if declared else "")
    text = _XML_DECLARATION.sub("", text.replace("\0", ""), count=1)
    page: Any = None
    main = ""
    with contextlib.suppress(IngestError), parser_errors("HTML", source, "trafilatura"):
        page = _extract(text)
        if page is not None and page.body is not None:
            main = _text_of_tree(page.body)
    with parser_errors("HTML", source, "trafilatura"):
        paragraphs, title = _all_paragraphs(text)

    notes = []
    if not _is_main_text(main, paragraphs):
        main = "\n\n".join(paragraphs)
        notes.append("no main text was found, so all text of the page was taken")
    if not main.strip():
        raise IngestError(source, "contains no text: the page is empty or filled by scripts")

    main, legacy = repair(main)
    extracted = ExtractedText(main, legacy or encoding, notes=notes)
    if page is not None:
        title = page.title or title
        extracted.author = repair(page.author or "")[0]
        extracted.url = page.url or ""
        extracted.date = parse_date(page.date or "")
    extracted.title = _headline(repair(" ".join(title.split()))[0], main) or None
    return extracted


def _is_main_text(main: str, paragraphs: list[str]) -> bool:
    """Whether trafilatura found the main text, judged by all paragraphs of the page."""
    if not main:
        return False
    # If no part of the page stands out, it returns everything in one paragraph.
    if "\n" not in main and len(paragraphs) > 3:
        return False
    running_text = 0
    for paragraph in paragraphs:
        if len(paragraph) > _MIN_PARAGRAPH_CHARACTERS and paragraph.endswith(SENTENCE_ENDS):
            running_text += len(paragraph)
    # It leaves out paragraphs of pages that are made of <br> and <div>.
    return len(main) >= _MIN_MAIN_SHARE * running_text


def _headline(title: str, text: str) -> str:
    """The title without the name of the site: the first line, if the title begins with it."""
    first_line = text.split("\n", 1)[0].strip()
    if len(first_line) >= _MIN_HEADLINE_CHARACTERS and title.startswith(first_line):
        return first_line
    return title


def _extract(text: str) -> Any:
    import trafilatura

    return trafilatura.bare_extraction(
        text,
        with_metadata=True,
        favor_recall=True,
        include_comments=False,
        include_tables=True,
        # Only a date that the page states: not one guessed from years in its text, and none limited by today's date.
        date_extraction_params={"extensive_search": False, "original_date": True, "max_date": "2100-01-01"},
    )


def _text_of_tree(body: Any) -> str:
    """The text of trafilatura's tree: a blank line between paragraphs, a table row as "a | b"."""
    parts: list[str] = []

    def append(text: str | None) -> None:
        parts.append((text or "").replace("\n", " "))  # in HTML a line break is a space

    def walk(element: Any) -> None:
        tag = element.tag if isinstance(element.tag, str) else ""
        if tag == "row" and _is_table_row(element):
            cells = [" ".join("".join(cell.itertext()).split()) for cell in element.iter("cell")]
            parts.append(f"\n\n{' | '.join(filter(None, cells))}\n\n")
        else:
            separator = "\n\n" if tag in _PARAGRAPH_TAGS else ""
            parts.append("\n" if tag == "lb" else separator)
            append(element.text)
            for child in element:
                walk(child)
            parts.append(separator)
        append(element.tail)

    walk(body)
    return _BLANK_LINES.sub("\n\n", "\n".join(_lines(parts))).strip()


def _is_table_row(row: Any) -> bool:
    """Whether no cell has several paragraphs, as it has where a table only lays out an old page."""
    for cell in row.iter("cell"):
        paragraphs = list(cell.iter("p", "item", "head"))
        if len(paragraphs) > 1:
            return False
    return True


def _all_paragraphs(text: str) -> tuple[list[str], str]:
    """Every paragraph outside of scripts, navigation and forms, and the title of the page."""
    from lxml import etree, html

    parser = html.HTMLParser(encoding="utf-8", huge_tree=True)
    root = html.document_fromstring(text.encode("utf-8", "replace") or b"<p>", parser=parser)
    title = next((element.text or "" for element in root.iter("title")), "")
    parts: list[str] = []
    skipped_depth = 0
    # Without recursion: hostile pages nest ten thousand deep.
    for event, element in etree.iterwalk(root, events=("start", "end", "comment", "pi")):
        if event in ("comment", "pi"):
            if not skipped_depth:
                parts.append((element.tail or "").replace("\n", " "))
            continue
        if element.tag in _SKIPPED_TAGS:
            skipped_depth += 1 if event == "start" else -1
        if not skipped_depth:
            content = element.text if event == "start" else element.tail
            parts.append("" if element.tag in _INLINE_TAGS else "\n")
            parts.append((content or "").replace("\n", " "))
    return [line for line in _lines(parts) if line], title


def _lines(parts: list[str]) -> list[str]:
    """The lines of the joined parts, with single spaces between words."""
    return [" ".join(line.split()) for line in "".join(parts).split("\n")]
