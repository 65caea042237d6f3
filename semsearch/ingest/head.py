"""What stands above an article: front matter, "Tiêu đề:" lines, and a title among the first lines."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..text import fold
from ..types import Span

__all__ = ["FIELDS", "Head", "as_url", "field_name", "first_field", "lines_of", "read_head", "title_of"]

FIELDS: dict[str, tuple[str, ...]] = {
    "title": ("title", "tieu_de", "tieude", "headline", "tua_de", "ten_bai"),
    "text": ("text", "content", "body", "noi_dung", "noidung", "full_text"),
    "abstract": ("abstract", "summary", "tom_tat", "sapo", "description", "mo_ta"),
    "date": ("date", "published", "published_at", "date_published", "publish_date", "pubdate", "ngay", "ngay_dang"),
    "author": ("author", "authors", "tac_gia", "byline"),
    "url": ("url", "source_url", "link", "source", "nguon"),
    "id": ("_id", "id", "doc_id", "docid", "ma"),
}
"""The names a field may have in CSV headers, JSON records and front matter, the strongest first."""


def field_name(name: str) -> str:
    """A column's name as FIELDS spells it: "Tiêu đề" is ``tieu_de``, "_id" stays."""
    return re.sub(r"[^a-z0-9_]+", "_", fold(name.strip())).rstrip("_")


def first_field(values: Mapping[str, object], kind: str) -> object:
    """The value of the first name of ``kind`` that has one; None if none has."""
    for name in FIELDS[kind]:
        value = values.get(name)
        if value is not None and value != "":
            return value
    return None


_URL = re.compile(
    r"(?:https?://|www\.)\S+|[\w-]+(?:\.[\w-]+)*\.(?:vn|com|net|org|edu|gov|info)(?:/\S*)?", re.IGNORECASE
)


def as_url(value: object) -> str:
    """``value`` if it is a web address, else empty: a "source" may also be the name of a newspaper."""
    text = str(value or "").strip().strip("<>")
    return text if _URL.fullmatch(text) else ""


def lines_of(text: str) -> list[Span]:
    """The lines of a text as spans without their outer spaces; blank ones are empty spans."""
    spans, start = [], 0
    for line in text.split("\n"):
        stripped = line.strip()
        at = start + (len(line) - len(line.lstrip()) if stripped else 0)
        spans.append(Span(at, at + len(stripped)))
        start += len(line) + 1
    return spans


@dataclass(frozen=True, slots=True)
class Head:
    """Fields found above an article, and the spans of ``text`` that hold nothing else."""

    fields: dict[str, str] = field(default_factory=dict)
    spans: tuple[Span, ...] = ()


_KEYS = {
    "tieu de": "title",
    "tua de": "title",
    "title": "title",
    "ngay": "date",
    "ngay dang": "date",
    "dang ngay": "date",
    "thoi gian": "date",
    "date": "date",
    "cap nhat": "date",
    "tac gia": "author",
    "author": "author",
    "nguon": "url",
    "link": "url",
    "url": "url",
    "source": "url",
    "chuyen muc": "",
    "tu khoa": "",
}
_KEY_LINE = re.compile(r"([^\W\d][\w -]{1,20}?)\s*:\s*(\S.*)")
_STAMP = re.compile(r"\s*(?:date|ngày|published)\s*:?\s*(\d{4}-\d{2}(?:-\d{2})?)(?!\d)(?:T[\d:]+Z?)?\s*", re.IGNORECASE)


def read_head(text: str, lines: Sequence[Span]) -> Head:
    """Front matter between two ``---`` lines, or leading "Tiêu đề: ..." lines, or neither.

    A stamp before the first word (" date 2023-07 Vì vậy, ...") is taken as the date.
    """
    filled = [i for i, line in enumerate(lines) if line.end > line.start]
    if not filled:
        return Head()
    if lines[filled[0]].of(text) == "---":
        for end in range(filled[0] + 1, min(len(lines), filled[0] + 60)):
            if lines[end].of(text) in ("---", "..."):
                return _front_matter(text, lines[filled[0] : end + 1])
    fields: dict[str, str] = {}
    spans: list[Span] = []
    for i in filled[:12]:
        line = lines[i].of(text)
        match = _KEY_LINE.fullmatch(line) if len(line) <= 300 else None
        key = fold(match[1]) if match else ""
        if match and key in _KEYS:
            if _KEYS[key]:
                fields.setdefault(_KEYS[key], match[2].strip())
            spans.append(lines[i])
        elif _URL.fullmatch(line):
            fields.setdefault("url", line)
            spans.append(lines[i])
        elif spans or i > filled[0]:  # only the very first line may be a title above such lines
            break
    if not spans and (stamp := _STAMP.match(text)):
        return Head({"date": stamp[1]}, (Span(stamp.start(), stamp.end()),))
    return Head(fields, tuple(spans))


def _front_matter(text: str, lines: Sequence[Span]) -> Head:
    found: dict[str, object] = {}
    for line in lines[1:-1]:
        key, colon, rest = line.of(text).partition(":")
        value = rest.strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        if colon and value:
            found.setdefault(field_name(key), value.strip())
    fields = {kind: str(given) for kind in ("title", "date", "author", "url") if (given := first_field(found, kind))}
    return Head(fields, tuple(lines))


_NOT_A_TITLE = re.compile(
    r"\b(?:ảnh|photo|video|clip|đồ họa)\s*(?::|-\s|minh họa|\))|\(ảnh\b|\b\d{1,2}:\d\d\b|\bgmt\b", re.IGNORECASE
)
_KINDS_OF_ORDERS = (
    "quyet dinh|nghi quyet|nghi dinh|thong tu|thong bao|thong cao|ke hoach|bao cao|chi thi|to trinh|cong van|huong dan|"
    "quy che|quy dinh|quy chuan|luat|phap lenh|lenh|bien ban|giay moi|chuong trinh|de an|hop dong|ket luan|cong dien"
)
_ORDER = re.compile(rf"(?:{_KINDS_OF_ORDERS})\b")
_MOTTO = re.compile(r"doc lap\s*[-–—]\s*tu do\s*[-–—]\s*hanh phuc")


def title_of(text: str, blocks: Sequence[Span]) -> str:
    """The first line if it is a title: short, no full stop, running text below; else empty.

    An official document, known by the motto at its top, is named by its kind and subject
    ("QUYẾT ĐỊNH Về việc ..."). Nothing is made up: every word of a title stands in the text.
    """
    first = [b.of(text) for b in blocks[:14]]
    if any(_MOTTO.search(fold(line)) for line in _top_lines(text)):
        return _title_of_order(first)
    if not first:
        return ""
    line = first[0]
    words = line.split()
    headline = (
        2 <= len(words) <= 40
        and len(line) <= 200
        and "\n" not in line
        and not line.endswith((".", ":", ";", ",", "…"))
        and not line[0].islower()
        and any(map(str.isalpha, line))
        and not _NOT_A_TITLE.search(line)
    )
    runs_on = any(
        len(b) > max(100, len(line)) and b.rstrip("\"'”’)»").endswith((".", "!", "?", "…")) for b in first[1:7]
    )
    return line if headline and runs_on else ""


def _top_lines(text: str) -> list[str]:
    return [line for line in text[:3000].split("\n") if line.strip()][:12]


def _title_of_order(first: Sequence[str]) -> str:
    for line, below in zip(first, [*first[1:], ""], strict=True):
        if len(line) > 200 or line.endswith((".", ";", ",")) or not _ORDER.match(fold(line)):
            continue
        alone = line.isupper() or len(line.split()) <= 4  # "QUYẾT ĐỊNH"; its subject stands below
        subject = alone and len(below) <= 300 and not below.endswith(":") and not fold(below).startswith("can cu")
        return " ".join(f"{line} {below if subject else ''}".split())
    return ""
