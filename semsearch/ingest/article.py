"""From the text that a format's reader extracted to an Article, in the same way for all formats."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..errors import IngestError
from ..text import clean, fold, is_syllable
from ..types import Article, Span
from .blocks import find_blocks
from .dates import date_line, infer_date, is_month, parse_date
from .head import Head, as_url, lines_of, read_head, title_of

__all__ = ["MAX_TEXT", "ExtractedText", "build_article"]

MAX_TEXT = 20_000_000
"""The longest text of one article: bytes of a text file, characters of an extracted text."""


@dataclass(slots=True)
class ExtractedText:
    """What the reader of a format found in one file or record: its text, not yet cleaned, and its metadata.

    Args:
        encoding: Encoding of the text; empty for formats that do not leave it open.
        title: None if the format does not give it; it is then looked for in the text. An empty title stays empty.
        date: Date of publication; None if it is to be looked for in the text.
        created: Date that a program wrote into the file, used only if there is no other.
        may_have_head: Whether the text may begin with front matter or "Tiêu đề:" lines.
        record_id: Id of the record in a file of many articles.
        notes: Remarks for the user, one clause each.
    """

    text: str
    encoding: str = "utf-8"
    title: str | None = None
    date: dt.date | None = None
    author: str = ""
    url: str = ""
    created: dt.date | None = None
    may_have_head: bool = False
    record_id: str | None = None
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


def build_article(extracted: ExtractedText, source: str) -> Article:
    """Clean a text, find its blocks, and complete its metadata from what the text says.

    Raises:
        IngestError: There is no text, or too much of it.
    """
    if len(extracted.text) > MAX_TEXT:
        raise IngestError(source, f"holds more than {MAX_TEXT // 10**6} million characters of text; split it")
    text = clean(extracted.text).rstrip()
    if not text.strip():
        raise IngestError(source, "is empty: it holds no text")
    lines = lines_of(text)
    head = read_head(text, lines) if extracted.may_have_head else Head()
    date_in_line, date_lines = _date_lines(text, lines)
    blocks = find_blocks(text, lines, sorted([*head.spans, *date_lines]))

    title = extracted.title if extracted.title is not None else head.fields.get("title")
    title = _one_line(title) if title is not None else title_of(text, blocks)

    signature = _signature(text, blocks)
    author = _one_line(extracted.author or head.fields.get("author")) or signature
    if signature or (len(blocks) > 1 and fold(blocks[-1].of(text)) == fold(author)):
        blocks = blocks[:-1]

    url = as_url(extracted.url) or as_url(head.fields.get("url"))
    date = _date(extracted, head, date_in_line, text, blocks, title=title, url=url)
    return Article(text, (source,), blocks, title=title, date=date, author=author, url=url)


def _one_line(value: object) -> str:
    return " ".join(clean(str(value or "")).split())


def _date(
    extracted: ExtractedText,
    head: Head,
    date_in_line: dt.date | None,
    text: str,
    blocks: Sequence[Span],
    *,
    title: str,
    url: str,
) -> dt.date | None:
    """Return the date of an article: of its metadata, of a line of its own, or as its text suggests."""
    stated = extracted.date or parse_date(head.fields.get("date", ""))
    date = stated or date_in_line
    month = None  # of a head that names no day
    if stated is not None and extracted.date is None and is_month(head.fields["date"]):
        month = date
    if date is None or month:
        lead: list[str] = []
        for block in blocks[:8]:
            paragraph = block.of(text)
            if len(paragraph) >= 60 and paragraph.endswith(SENTENCE_ENDS):
                lead.append(paragraph)
        date = infer_date(lead[:2], text, title=title, url=url, month=month)
    return date or extracted.created


def _date_lines(text: str, lines: Sequence[Span]) -> tuple[dt.date | None, list[Span]]:
    """Return the date of a line near the top or at the end, and the lines that hold nothing but dates."""
    filled = [line for line in lines if line.end > line.start]
    first_date: dt.date | None = None
    date_only: list[Span] = []
    for number, line in enumerate(filled[:12] + filled[12:][-3:]):
        date, nothing_else = date_line(line.of(text))
        # An old date below is more likely the last row of a table.
        is_last = number >= min(12, len(filled) - 3) and date is not None and date.year >= 1990
        at_the_edge = number < 6 or is_last
        if nothing_else and at_the_edge:
            date_only.append(line)
        counts = at_the_edge if nothing_else else number < 12
        if date and counts and first_date is None:
            first_date = date
    return first_date, date_only


def _signature(text: str, blocks: Sequence[Span]) -> str:
    """Return the name below the last sentence: of "Theo TTXVN", "Bài, ảnh: Lò Văn Sơn" or bare; empty if none."""
    if len(blocks) < 2 or not blocks[-2].of(text).endswith((*SENTENCE_ENDS, ")")):
        return ""
    last = blocks[-1].of(text)
    byline = _BYLINE.fullmatch(last)
    name = " ".join((byline["name"] if byline else last).split())
    words = re.findall(r"[^\W\d_]+", name)
    capitalised = bool(words) and all(word[0].isupper() for word in words)
    if byline:
        return name if capitalised or "." in name else ""
    is_name = 2 <= len(words) <= 4 and name == " ".join(words) and capitalised and all(map(is_syllable, words))
    return name if is_name and text.count(name) == 1 and not _PLACES.fullmatch(fold(name)) else ""
