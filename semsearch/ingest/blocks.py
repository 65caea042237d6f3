"""Which stretches of a text are worth finding: its paragraphs and headings, without what surrounds them.

Nothing is cut out of the text. Menus, share buttons, photo credits and lines said before lie between
the blocks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..text import fold
from ..types import Span

__all__ = ["find_blocks"]

# Whole lines, compared without accents. Links follow below a head; the others stand alone.
_HEADS = re.compile(
    r"(?:(?:cac |nhung )?(?:tin(?: tuc| bai)?|bai(?: viet| bao)?|video) (?:khac|lien quan|cung chuyen muc|da dua|"
    r"cu hon|moi hon|noi bat|nong|moi(?: nhat| nhan| cap nhat| dang)?|doc nhieu|xem nhieu)(?: nhat)?|"
    r"(?:cac )?(?:bai|tin) (?:cung )?(?:chuyen muc|chu de|su kien)(?: khac)?|cung (?:chuyen muc|chu de|tac gia)|"
    r"(?:xem|doc|quan tam|binh luan|chia se) nhieu(?: nhat)?|duoc quan tam(?: nhat)?|moi nhat|moi nhan|"
    r"(?:xem|doc|tim hieu) them|(?:co the ban|ban co the) quan tam|danh cho ban|goi y cho ban|su kien lien quan|"
    r"lien ket web(?:site)?|tu khoa|tags?|phan hoi|"
    r"related(?: news| articles| posts)?|most (?:read|viewed)|latest(?: news)?|see also)"
    r"\s*(?:\(\d+\))?\s*[:»>…]*"
)
_SHARE = (
    "chia se|share|like|thich|luu bai|in bai|in trang|in tin|gui|copy|sao chep|nghe|bao loi|"
    "facebook|twitter|zalo|youtube|tiktok|telegram|linkedin|email|mail|print|tweet"
)
_ALONE = re.compile(
    r"(?:(?:gui )?(?:phan hoi|binh luan|y kien)(?: cua ban| ban doc| bai viet)?|y kien ban doc|viet binh luan|"
    rf"(?=.*\b(?:{_SHARE})\b)(?:{_SHARE}|bai|viet|link|lien ket|len|qua|tren|cho ban be|nay|[\d,.|/+·•:\s-])+|"
    r"(?:ve |quay lai |tro (?:ve|lai) )?(?:trang chu|dau trang|trang truoc|trang sau)|"
    r"len dau trang|quay lai|tro (?:ve|lai)|"
    r"tim kiem(?: theo)?\s*:?.{0,100}|(?:tu khoa|tags?|chuyen muc)\s*:.{0,200}|ban in|"
    r"(?:so )?luot (?:xem|doc|truy cap)\s*:?\s*[\d.,]*|[\d.,]+ (?:luot xem|luot doc|binh luan|phan hoi)|"
    r"co chu\s*:?[\sa+-]*|theo doi .{0,60}(?:google news|zalo|facebook|youtube)(?: de .{0,60})?|"
    r"(?:dang nhap|dang ky|dang xuat|lien he|so do (?:site|trang)|rss)(?: (?:thanh vien|tai khoan|toa soan))?|"
    r"quang cao|advertisements?|(?:bam|nhan|click) (?:vao )?(?:de|day) .{0,60}|xem anh (?:lon|goc)|"
    r"(?:ban quyen|copyright|©).{0,150}|all rights reserved.{0,40}|"
    r"(?:>{1,3}|»|=>)\s.{0,200}|(?:xem|doc|tim hieu|moi ban doc) them\s*:\s?.{1,200}|"
    r"cong hoa xa hoi chu nghia viet nam|doc lap\s*[-–—]\s*tu do\s*[-–—]\s*hanh phuc)"
    r"\s*(?:\(\d+\))?[:.]?"
)
_SECTION = (
    r"(?:trang chu|thoi su|the gioi|quoc te|trong nuoc|kinh te|kinh doanh|xa hoi|van hoa|giai tri|the thao|phap luat|"
    r"giao duc|suc khoe|y te|doi song|du lich|khoa hoc|cong nghe|chinh tri|quoc phong|an ninh|bat dong san|tai chinh|"
    r"ban doc|moi truong|xe|oto|o to|video|podcast|anh|"
    r"multimedia|media|infographics?|goc nhin|y kien|tam su|lien he|gioi thieu|tin tuc|"
    r"van ban|lich cong tac|dich vu|tuyen dung|thu vien(?: anh)?|hoi dap)"
)
_SECTION_LINE = re.compile(rf"{_SECTION}(?:\s*[-–,&]\s*{_SECTION})*")
_MENU_BAR = re.compile(rf"(?:{_SECTION}(?![^\W_])\W*){{4,}}")
# Not folded: "ảnh" is a photo, "anh" is a man.
_CREDIT = re.compile(
    r"\W*(?:(?:nguồn )?(?:ảnh|hình|video|clip|đồ họa|đồ hoạ|infographic|photo|tranh)"
    r"(?:,? (?:ảnh|video|clip|đồ họa|bài))?"
    r"(?: minh họa| minh hoạ| tư liệu| cắt từ clip)?(?:\s*[:-]\s*[\w.&/+-]+(?: [\w.&/+-]+){0,4})?|"
    r"ảnh (?:minh họa|minh hoạ|tư liệu|internet).{0,30})\W*",
    re.IGNORECASE,
)
_CAPTION = re.compile(
    r"\((?:nguồn )?ảnh\b[^()]{0,60}\)[.\s]*$|(?:^|[\s.(])(?:nguồn )?ảnh\s*:\s*[^:.]{1,40}$", re.IGNORECASE
)
_TRAIL = re.compile(r"[^>»›]{1,40}(?:[>»›][^>»›]{1,60}){2,}")

_BULLET = re.compile(r"[-–—•*+·▪►●○■✓](?:\s+|(?=[^\W\d]))")
_ITEM = re.compile(
    rf"{_BULLET.pattern}|(?:\d{{1,3}}|[a-zđA-ZĐ]|[IVX]{{1,5}})\)\s|(?:\d{{1,3}}|[A-ZĐ]|[IVX]{{1,5}})\.\s+(?=[A-ZÀ-Ỹ“\"])|"
    r"\d{1,2}(?:\.\d{1,2}){1,3}\.?\s|(?:Điều|Chương|Mục|Phần|Bước|Câu)\s+[\dIVX]+\b"
)
_STOP = re.compile(r"(?:[.!?…:;][\"”’')\]»]*|[\"”»])$")
_ABBREVIATED = re.compile(r"(?:^|[\s(.])(?:TP|TX|TT|Tp|tp|Th?S|GS|BS|KS|LS|CN|NXB|ĐT|St|Mrs?|Dr|Đ/c|đ/c|[A-ZĐ])\.$")


def _boilerplate(text: str, lines: Sequence[Span]) -> tuple[set[int], set[int]]:
    """Numbers of the lines that head menus, and of those that are menu, button, credit by themselves."""
    heads: set[int] = set()
    alone: set[int] = set()
    sections: list[int] = []  # the run of section names ("Thời sự", "Kinh tế") up to here
    first = next((i for i, line in enumerate(lines) if line.end > line.start), 0)
    for i, line in enumerate(lines):
        if line.end == line.start:
            continue
        written = line.of(text)
        folded = fold(written) if len(written) <= 250 else ""
        if folded and _HEADS.fullmatch(folded):
            heads.add(i)
        elif folded and _is_furniture(written, folded):
            alone.add(i)
        if folded and _SECTION_LINE.fullmatch(folded):
            sections.append(i)
            if i == first:  # above the title stands where in the paper the article stood
                alone.add(i)
        else:
            alone.update(sections if len(sections) >= 3 else ())
            sections = []
    alone.update(sections if len(sections) >= 3 else ())
    return heads, alone


def _is_furniture(line: str, folded: str) -> bool:
    return any(p.fullmatch(folded) for p in (_ALONE, _MENU_BAR)) or any(p.fullmatch(line) for p in (_CREDIT, _TRAIL))


def _is_link(block: str) -> bool:
    """Short and without a full stop: the look of headlines in a list of links."""
    return all(len(line) <= 200 and not line.rstrip().endswith((".", "…", ";")) for line in block.split("\n"))


def _links_below(text: str, blocks: Sequence[Span], heads: Sequence[int]) -> set[Span]:
    """Blocks between a menu head (given by its offset) and the next running text.

    The last one above running text may be that text's heading, and stays.
    """
    links: set[Span] = set()
    run: list[Span] | None = None  # the links below the head last met; None outside of menus
    coming = 0
    for block in blocks:
        while coming < len(heads) and heads[coming] < block.start:
            links.update(run or ())
            run = []
            coming += 1
        if run is not None and _is_link(block.of(text)):
            run.append(block)
        else:
            links.update(run[:-1] if run else ())
            run = None
    links.update(run or ())
    # What stands below such a line is an article nevertheless if there is no running text besides.
    runs_on = any(len(b) >= 80 and _STOP.search(b) for b in (b.of(text) for b in blocks if b not in links))
    return links if runs_on else set()


def _width(lengths: Sequence[int]) -> int:
    """How long full lines are: the 90th percentile; 0 if the lines are not wrapped to a width."""
    if len(lengths) < 2:
        return 0
    width = sorted(lengths)[int(0.9 * (len(lengths) - 1))]
    return width if 40 <= width <= 130 else 0


def _is_capitals(line: str) -> bool:
    return line.isupper() and " " in line


def _continues(line: str, following: str, width: int) -> bool:
    """True if ``following`` goes on with the paragraph of ``line``: the line was broken in the middle."""
    if _ITEM.match(following) or line.endswith((";", ":", "./.")) or " | " in line or " | " in following:
        return False
    if _CAPTION.search(line) or _is_capitals(line) != _is_capitals(following):
        return False
    if following[0].islower() or line.endswith((",", "-", "–", "(", "/")):
        return True
    full = width > 0 and len(line) >= 0.75 * width
    return full and (not _STOP.search(line) or _ABBREVIATED.search(line) is not None)


def find_blocks(text: str, lines: Sequence[Span], metadata: Sequence[Span] = ()) -> tuple[Span, ...]:
    """Paragraphs and headings of a cleaned text, in order, stripped, without overlap.

    ``lines`` are the text's lines, ``metadata`` spans to leave out. A blank line ends a block; so does
    a line that ends a sentence, and a short line that the next does not continue (a heading). Lines
    broken in the middle of a sentence stay together. A caption or a paragraph said before in the
    same text is left out. A text that is nothing but boilerplate keeps all of its lines.
    """
    heads, alone = _boilerplate(text, lines)
    blocks = _assemble(text, lines, heads | alone, metadata)
    links = _links_below(text, blocks, [lines[i].start for i in sorted(heads)]) if heads else set()
    blocks = [b for b in blocks if b not in links] or _assemble(text, lines, set(), metadata)
    seen: set[str] = set()
    last = ""
    kept = []
    for block in blocks:
        said = " ".join(block.of(text).lower().split())
        # A short line may well be said twice ("Có.", the same prize for two winners); a caption or a paragraph not.
        if said not in seen or (said != last and len(said) < 40 and not _CAPTION.search(said)):
            kept.append(block)
        seen.add(said)
        last = said
    return tuple(kept)


def _assemble(text: str, lines: Sequence[Span], dropped: set[int], metadata: Sequence[Span]) -> list[Span]:
    width = _width([n for i, line in enumerate(lines) if i not in dropped and (n := line.end - line.start)])
    blocks: list[Span] = []
    last = -2  # number of the line the last block ended with
    for i, line in enumerate(lines):
        if i in dropped or line.end == line.start:
            continue
        line = _outside(text, line, metadata)
        written = line.of(text)
        if not any(map(str.isalnum, written)):
            continue
        if last == i - 1 and _continues(lines[last].of(text), written, width):
            blocks[-1] = Span(blocks[-1].start, line.end)
        else:
            bullet = _BULLET.match(written)
            blocks.append(Span(line.start + (bullet.end() if bullet else 0), line.end))
        last = i
    return blocks


def _outside(text: str, line: Span, metadata: Sequence[Span]) -> Span:
    """What of a line lies behind the metadata it begins with."""
    for span in metadata:
        if span.start <= line.start < span.end:
            start = min(span.end, line.end)
            rest = text[start : line.end]
            return Span(start + len(rest) - len(rest.lstrip()), line.end) if rest.strip() else Span(line.end, line.end)
    return line
