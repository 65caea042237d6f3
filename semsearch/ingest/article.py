"""From what a format's reader found (a ``Draft``) to a finished Article: one way for all formats."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from ..errors import IngestError
from ..text import clean, fold, is_syllable
from ..types import Article, Span
from .blocks import find_blocks
from .dates import date_line, infer_date, is_month, parse_date
from .head import as_url, lines_of, read_head, title_of

__all__ = ["MAX_TEXT", "Draft", "Record", "content_key", "finish"]

MAX_TEXT = 20_000_000
"""The longest text of one article, in bytes of a text file or characters of an extracted text."""


@dataclass(frozen=True, slots=True)
class Record:
    """An article, the file it came from (absolute posix path, or a name for stdin), and what was done to read it."""

    article: Article
    file: str
    encoding: str
    notes: tuple[str, ...] = ()
    more: Any = None  # what a ``Make`` made of the article besides
    raw: Any = None  # the ``Raw`` it was made of, in a file of many; if that is known, the article is only its source


@dataclass(slots=True)
class Draft:
    """A text as decoded, not yet cleaned, and the fields its format gave.

    ``None`` means that the format said nothing, so the text is asked; an empty title stays empty.
    ``made`` is the date a program wrote into the file: used only where nothing better is known.
    """

    text: str
    encoding: str = "utf-8"
    title: str | None = None
    date: dt.date | None = None
    author: str = ""
    url: str = ""
    made: dt.date | None = None
    plain: bool = False  # may begin with front matter or "Tiêu đề:" lines
    notes: list[str] = field(default_factory=list)


SENTENCE_ENDS = (".", "!", "?", "…", '"', "”")

_BYLINE = re.compile(
    r"\W*(?:theo|tác giả|nguồn|tin(?:,| và)? ảnh|bài(?:,| và)? ảnh|thực hiện|pv|ctv)\s*[:.]?\s+"
    r"(?P<name>[^.:;()]{2,60})\W*",
    re.IGNORECASE,
)


# A bare name below an article is its author's, unless it is that of a province.
_PLACES = re.compile(
    r"an giang|ba ria|bac (?:giang|kan|lieu|ninh)|ben tre|binh (?:dinh|duong|phuoc|thuan)|ca mau|can tho|cao bang|"
    r"da nang|dak (?:lak|nong)|dien bien|dong (?:nai|thap)|gia lai|ha (?:giang|nam|noi|tinh)|hai (?:duong|phong)|"
    r"hau giang|ho chi minh|hoa binh|hung yen|khanh hoa|kien giang|kon tum|lai chau|lam dong|lang son|lao cai|long an|"
    r"nam dinh|nghe an|ninh (?:binh|thuan)|phu (?:tho|yen)|quang (?:binh|nam|ngai|ninh|tri)|sai gon|soc trang|son la|"
    r"tay ninh|thai (?:binh|nguyen)|thanh hoa|thua thien hue|tien giang|tra vinh|tuyen quang|viet nam|"
    r"vinh (?:long|phuc)|vung tau|yen bai"
)


def _one_line(value: object) -> str:
    return " ".join(clean(str(value or "")).split())


def finish(draft: Draft, source: str) -> Article:
    """The article of a draft. Raises IngestError if there is no text, or too much of it."""
    if len(draft.text) > MAX_TEXT:
        raise IngestError(source, f"holds more than {MAX_TEXT // 10**6} million characters of text; split it")
    text = clean(draft.text).rstrip()
    if not text.strip():
        raise IngestError(source, "is empty: it holds no text")
    lines = lines_of(text)
    head = read_head(text, lines) if draft.plain else None
    fields = dict(head.fields) if head else {}
    metadata = list(head.spans) if head else []

    stamped, dated = _date_lines(text, lines)
    metadata += dated
    blocks = find_blocks(text, lines, sorted(metadata))
    title = draft.title if draft.title is not None else fields.get("title")
    title = _one_line(title) if title is not None else title_of(text, blocks)

    author = _one_line(draft.author or fields.get("author"))
    signature = _signature(text, blocks)
    author = author or signature
    if signature or (len(blocks) > 1 and fold(blocks[-1].of(text)) == fold(author)):
        blocks = blocks[:-1]

    url = as_url(draft.url) or as_url(fields.get("url"))
    known = draft.date or parse_date(fields.get("date", ""))
    date = known or stamped
    month = date if known is not None and draft.date is None and is_month(fields["date"]) else None
    if date is None or month:
        lead = [p for b in blocks[:8] if len(p := b.of(text)) >= 60 and p.endswith(SENTENCE_ENDS)][:2]
        date = infer_date(lead, text, title=title, url=url, month=month)
    return Article(text, (source,), blocks, title=title, date=date or draft.made, author=author, url=url)


def _date_lines(text: str, lines: Sequence[Span]) -> tuple[dt.date | None, list[Span]]:
    """The date of a line of its own near the top or at the end, and the lines that hold only dates."""
    filled = [line for line in lines if line.end > line.start]
    first: dt.date | None = None
    alone: list[Span] = []
    for number, line in enumerate(filled[:12] + filled[12:][-3:]):
        date, nothing_else = date_line(line.of(text))
        # Below, an old date is rather the last row of a table.
        at_the_edge = number < 6 or (number >= min(12, len(filled) - 3) and date is not None and date.year >= 1990)
        if nothing_else and at_the_edge:
            alone.append(line)
        if date and (at_the_edge if nothing_else else number < 12):
            first = first or date
    return first, alone


def _signature(text: str, blocks: Sequence[Span]) -> str:
    """Who signed below the last sentence: "Theo TTXVN", "Bài, ảnh: Lò Văn Sơn" or a bare name; else empty."""
    if len(blocks) < 2 or not blocks[-2].of(text).endswith((*SENTENCE_ENDS, ")")):
        return ""
    last = blocks[-1].of(text)
    match = _BYLINE.fullmatch(last)
    name = " ".join((match["name"] if match else last).split())
    words = re.findall(r"[^\W\d_]+", name)
    capital = bool(words) and all(word[0].isupper() for word in words)
    if match:
        return name if capital or "." in name else ""
    bare = 2 <= len(words) <= 4 and name == " ".join(words) and capital and all(map(is_syllable, words))
    return name if bare and text.count(name) == 1 and not _PLACES.fullmatch(fold(name)) else ""


def content_key(article: Article) -> str:
    """A hash of what the blocks say: equal for the same article in another file, format or page frame."""
    said = "\n".join(" ".join(b.of(article.text).split()) for b in article.blocks)
    return sha256(said.encode()).hexdigest()
