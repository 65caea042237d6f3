"""The head of an article: front matter, "Tiêu đề:" lines, and a title among the first lines."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..text import clean, fold
from ..types import Span

__all__ = ["FIELDS", "Head", "as_url", "field_name", "first_field", "lines_of", "read_head", "title_of"]

_MAX_FRONT_MATTER_LINES = 60
_MAX_KEY_LINE_CHARACTERS = 300
_HEAD_LINES = 12  # non-empty lines among which "Tiêu đề:" lines are looked for
_MAX_TITLE_CHARACTERS = 200

# ---- names of fields

FIELDS: dict[str, tuple[str, ...]] = {
    "title": ("title", "tieu_de", "tieude", "headline", "tua_de", "ten_bai"),
    "text": ("text", "content", "body", "noi_dung", "noidung", "full_text"),
    "abstract": ("abstract", "summary", "tom_tat", "sapo", "description", "mo_ta"),
    "date": ("date", "published", "published_at", "date_published", "publish_date", "pubdate", "ngay", "ngay_dang"),
    "author": ("author", "authors", "tac_gia", "byline"),
    "url": ("url", "source_url", "link", "source", "nguon"),
    "id": ("_id", "id", "doc_id", "docid", "ma"),
}
"""The names of each field in CSV headers, JSON records and front matter, the preferred name first."""

# What ``field_name`` replaces by "_": "noi dung", "ngay-dang:".
_NOT_IN_FIELD_NAME = re.compile(r"[^a-z0-9_]+")
# A web address: "https://bao.example/a?b=1", "www.bao.vn", "bao.vn/tin". Not "Báo Miền Núi" or "3.5".
_URL = re.compile(
    r"(?:https?://|www\.)\S+|[\w-]+(?:\.[\w-]+)*\.(?:vn|com|net|org|edu|gov|info)(?:/\S*)?", re.IGNORECASE
)


def field_name(name: str) -> str:
    """Write the name of a column or key as ``FIELDS`` does: "Tiêu đề" becomes ``tieu_de``, "_id" stays."""
    return _NOT_IN_FIELD_NAME.sub("_", fold(name.strip())).rstrip("_")


def first_field(values: Mapping[str, object], kind: str) -> object:
    """Return the value of the first name of the field that has one.

    Args:
        values: Values by name, as written by ``field_name``.
        kind: A key of ``FIELDS``.

    Returns:
        The value; None if there is none.
    """
    for name in FIELDS[kind]:
        value = values.get(name)
        if value is not None and value != "":
            return value
    return None


def as_url(value: object) -> str:
    """Return ``value`` if it is a web address, else ``""``: a "source" may also be the name of a newspaper."""
    text = clean(str(value or "")).strip().strip("<>")
    return text if _URL.fullmatch(text) else ""


# ---- fields above the text


def lines_of(text: str) -> list[Span]:
    """Return the lines of a text without surrounding space; a blank line is an empty span."""
    lines: list[Span] = []
    line_start = 0
    for line in text.split("\n"):
        stripped = line.strip()
        start = line_start
        if stripped:
            start += len(line) - len(line.lstrip())
        lines.append(Span(start, start + len(stripped)))
        line_start += len(line) + 1
    return lines


@dataclass(frozen=True, slots=True)
class Head:
    """The metadata above an article's text.

    Attributes:
        fields: Values by field: "title", "date", "author" or "url".
        spans: The parts of the text that hold only metadata, in order.
    """

    fields: dict[str, str] = field(default_factory=dict)
    spans: tuple[Span, ...] = ()


# Folded keys of lines like "Tiêu đề: ..." and their fields; "" for a line that is only left out.
_LINE_KEYS = {
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
# "Tiêu đề: Cầu mới"; also "Lúc 7:30", which is not among the keys. Not "Tiêu đề:" without a value.
_KEY_LINE = re.compile(r"([^\W\d][\w -]{1,20}?)\s*:\s*(\S.*)")
# A date before the first word of a text: " date 2023-07 Vì vậy, ...", "Ngày: 2023-07-15T10:00Z". Not "2023-07 ...".
_DATE_STAMP = re.compile(
    r"\s*(?:date|ngày|published)\s*:?\s*(\d{4}-\d{2}(?:-\d{2})?)(?!\d)(?:T[\d:]+Z?)?\s*", re.IGNORECASE
)


def read_head(text: str, lines: Sequence[Span]) -> Head:
    """Read front matter between two ``---`` lines, or leading "Tiêu đề: ..." lines.

    Without either, a stamp before the first word (" date 2023-07 Vì vậy, ...") gives the date.

    Args:
        text: A cleaned text.
        lines: Its lines, from ``lines_of``.
    """
    filled = [number for number, line in enumerate(lines) if line.end > line.start]
    if not filled:
        return Head()
    first = filled[0]
    if lines[first].of(text) == "---":
        for end in range(first + 1, min(len(lines), first + _MAX_FRONT_MATTER_LINES)):
            if lines[end].of(text) in ("---", "..."):
                return _read_front_matter(text, lines[first : end + 1])

    head = _read_key_lines(text, [lines[number] for number in filled[:_HEAD_LINES]])
    stamp = None if head.spans else _DATE_STAMP.match(text)
    if stamp:
        return Head({"date": stamp[1]}, (Span(stamp.start(), stamp.end()),))
    return head


def _read_key_lines(text: str, lines: Sequence[Span]) -> Head:
    """Read "Tiêu đề: ..." lines and addresses, which may follow one line of another kind (the title)."""
    fields: dict[str, str] = {}
    spans: list[Span] = []
    for number, line in enumerate(lines):
        written = line.of(text)
        match = _KEY_LINE.fullmatch(written) if len(written) <= _MAX_KEY_LINE_CHARACTERS else None
        key = fold(match[1]) if match else ""
        if match and key in _LINE_KEYS:
            name = _LINE_KEYS[key]
            if name:
                fields.setdefault(name, match[2].strip())
            spans.append(line)
        elif _URL.fullmatch(written):
            fields.setdefault("url", written)
            spans.append(line)
        elif spans or number > 0:
            break
    return Head(fields, tuple(spans))


def _read_front_matter(text: str, lines: Sequence[Span]) -> Head:
    """Read ``key: value`` lines between the first line and the last, which are the ``---`` marks."""
    values: dict[str, object] = {}
    for line in lines[1:-1]:
        key, colon, written = line.of(text).partition(":")
        value = written.strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        if colon and value:
            values.setdefault(field_name(key), value.strip())

    fields: dict[str, str] = {}
    for kind in ("title", "date", "author", "url"):
        value_of_kind = first_field(values, kind)
        if value_of_kind:
            fields[kind] = str(value_of_kind)
    return Head(fields, tuple(lines))


# ---- titles

# A first line that is not a title: "Ảnh: Hoàng Nam", "(Ảnh TTXVN)", "09:30", "GMT+7". Not "Ảnh đẹp Sa Pa".
_NOT_A_TITLE = re.compile(
    r"\b(?:ảnh|photo|video|clip|đồ họa)\s*(?::|-\s|minh họa|\))|\(ảnh\b|\b\d{1,2}:\d\d\b|\bgmt\b", re.IGNORECASE
)
_KINDS_OF_DOCUMENTS = (
    "quyet dinh|nghi quyet|nghi dinh|thong tu|thong bao|thong cao|ke hoach|bao cao|chi thi|to trinh|cong van|huong dan|"
    "quy che|quy dinh|quy chuan|luat|phap lenh|lenh|bien ban|giay moi|chuong trinh|de an|hop dong|ket luan|cong dien"
)
# How the name of an official document begins, folded: "QUYẾT ĐỊNH", "Kế hoạch số 5".
_KIND_OF_DOCUMENT = re.compile(rf"(?:{_KINDS_OF_DOCUMENTS})\b")
# The motto above an official document, folded: "Độc lập - Tự do - Hạnh phúc".
_MOTTO = re.compile(r"doc lap\s*[-–—]\s*tu do\s*[-–—]\s*hanh phuc")


def title_of(text: str, blocks: Sequence[Span]) -> str:
    """Return the first line if it looks like a title: short, no full stop, running text below.

    An official document, which has the motto at its top, is named by its kind and subject ("QUYẾT ĐỊNH Về việc ...").

    Args:
        text: A cleaned text.
        blocks: Its paragraphs and headings, from ``find_blocks``.

    Returns:
        Words of the text; ``""`` if there is no title.
    """
    first_blocks = [block.of(text) for block in blocks[:14]]
    if any(_MOTTO.search(fold(line)) for line in _top_lines(text)):
        return _title_of_document(first_blocks)
    if not first_blocks:
        return ""
    line = first_blocks[0]
    if not _looks_like_title(line):
        return ""
    for block in first_blocks[1:7]:
        is_running_text = block.rstrip("\"'”’)»").endswith((".", "!", "?", "…"))
        if is_running_text and len(block) > max(100, len(line)):
            return line
    return ""


def _looks_like_title(line: str) -> bool:
    return (
        2 <= len(line.split()) <= 40
        and len(line) <= _MAX_TITLE_CHARACTERS
        and "\n" not in line
        and not line.endswith((".", ":", ";", ",", "…"))
        and not line[0].islower()
        and any(map(str.isalpha, line))
        and not _NOT_A_TITLE.search(line)
    )


def _top_lines(text: str) -> list[str]:
    return [line for line in text[:3000].split("\n") if line.strip()][:12]


def _title_of_document(blocks: Sequence[str]) -> str:
    """The kind of an official document, with the subject from the next block if it stands there."""
    for number, block in enumerate(blocks):
        if len(block) > _MAX_TITLE_CHARACTERS or block.endswith((".", ";", ",")):
            continue
        if not _KIND_OF_DOCUMENT.match(fold(block)):
            continue
        below = blocks[number + 1] if number + 1 < len(blocks) else ""
        is_kind_only = block.isupper() or len(block.split()) <= 4  # "QUYẾT ĐỊNH", with its subject below
        is_subject = len(below) <= 300 and not below.endswith(":") and not fold(below).startswith("can cu")
        title = f"{block} {below}" if is_kind_only and is_subject else block
        return " ".join(title.split())
    return ""
