"""HTML pages: the main text and what the page says of itself."""

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

_CHARSET = re.compile(rb"(?:charset|encoding)\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_WORD = re.compile(r"\w+")
_SKIPPED = frozenset(
    _WORD.findall("script style noscript template nav header footer aside form button select svg iframe head")
)
_INLINE = frozenset(
    _WORD.findall(
        "a abbr acronym b bdi bdo big cite code data del dfn em font i img ins kbd label mark q s samp small span "
        "strike strong sub sup time tt u var wbr"
    )
)
_PARAGRAPHS = frozenset(("p", "head", "item", "quote", "code", "cell"))  # of trafilatura's tree


def read_html(data: bytes, source: str) -> ExtractedText:
    """The main text of a page by trafilatura, or all of its text where that finds little; its metadata.

    The charset that the page declares is believed only if no better one is proven. Raises IngestError.
    """
    declared = _CHARSET.search(data[:4096])
    text, encoding = decode_text(data, source, declared[1].decode("ascii", "replace") if declared else "")
    text = _XML_DECLARATION.sub("", text.replace("\0", ""), count=1)
    extracted = ExtractedText("", encoding)
    page: Any = None
    main = ""
    with contextlib.suppress(IngestError), parser_errors("HTML", source, "trafilatura"):
        page = _trafilatura(text)
        main = _rendered(page.body) if page is not None and page.body is not None else ""
    with parser_errors("HTML", source, "trafilatura"):
        paragraphs, title = _all_text(text)
    # Paragraphs of running text that were left out (a page of <br> and <div>) weigh more than a judgement.
    running = sum(len(p) for p in paragraphs if len(p) > 100 and p.endswith(SENTENCE_ENDS))
    # Where it finds no part that stands out, it gives everything, run together in one paragraph.
    if not main or len(main) < 0.25 * running or ("\n" not in main and len(paragraphs) > 3):
        main = "\n\n".join(paragraphs)
        extracted.notes.append("no main part of the page was found, so all of its text was taken")
    if not main.strip():
        raise IngestError(source, "holds no text: the page is empty, or filled in by scripts")
    extracted.text, legacy = repair(main)
    extracted.encoding = legacy or encoding
    if page is not None:
        title = page.title or title
        extracted.author = repair(page.author or "")[0]
        extracted.url = page.url or ""
        extracted.date = parse_date(page.date or "")
    title = repair(" ".join(title.split()))[0]
    first = extracted.text.split("\n", 1)[0].strip()
    # "Xã Tân Lập khánh thành cầu - Báo Miền Núi": what the page shows as its headline is enough.
    extracted.title = first if len(first) >= 10 and title.startswith(first) else title or None
    return extracted


def _trafilatura(text: str) -> Any:
    import trafilatura

    return trafilatura.bare_extraction(
        text,
        with_metadata=True,
        favor_recall=True,
        include_comments=False,
        include_tables=True,
        # What the page says of its date: no guess from years in its text, nothing measured by today.
        date_extraction_params={"extensive_search": False, "original_date": True, "max_date": "2100-01-01"},
    )


def _rendered(body: Any) -> str:
    """trafilatura's tree as text: a blank line between paragraphs, a table row as "a | b"."""
    parts: list[str] = []

    def say(text: str | None) -> None:
        parts.append((text or "").replace("\n", " "))  # a line break of the source is a space of the page

    def walk(element: Any) -> None:
        tag = element.tag if isinstance(element.tag, str) else ""
        # Old pages put everything into a table: its cells hold paragraphs, and are no row to be read across.
        if tag == "row" and all(sum(1 for _ in cell.iter("p", "item", "head")) < 2 for cell in element.iter("cell")):
            cells = (" ".join("".join(cell.itertext()).split()) for cell in element.iter("cell"))
            parts.append(f"\n\n{' | '.join(filter(None, cells))}\n\n")
        else:
            edge = "\n\n" if tag in _PARAGRAPHS else ""
            parts.append(edge or ("\n" if tag == "lb" else ""))
            say(element.text)
            for child in element:
                walk(child)
            parts.append(edge)
        say(element.tail)

    walk(body)
    lines = (" ".join(line.split()) for line in "".join(parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _all_text(text: str) -> tuple[list[str], str]:
    """Every paragraph outside of scripts, navigation and forms; the page's title."""
    from lxml import etree, html

    parser = html.HTMLParser(encoding="utf-8", huge_tree=True)
    root = html.document_fromstring(text.encode("utf-8", "replace") or b"<p>", parser=parser)
    title = next((t.text or "" for t in root.iter("title")), "")
    parts: list[str] = []
    skipped = 0
    # Not recursive: hostile pages nest ten thousand deep.
    for event, element in etree.iterwalk(root, events=("start", "end", "comment", "pi")):
        if event in ("comment", "pi"):
            parts.append("" if skipped else (element.tail or "").replace("\n", " "))
            continue
        edge = "" if element.tag in _INLINE else "\n"
        if event == "end":
            skipped -= element.tag in _SKIPPED
        else:
            skipped += element.tag in _SKIPPED
        if not skipped:
            said = element.text if event == "start" else element.tail
            parts.extend((edge, (said or "").replace("\n", " ")))
    lines = (" ".join(line.split()) for line in "".join(parts).split("\n"))
    return [line for line in lines if line], title
