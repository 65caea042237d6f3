"""Blocks: the paragraphs and headings of a text, without the boilerplate around them.

Nothing is removed from the text. Menus, share buttons, photo credits and repeated lines lie between the blocks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..text import fold
from ..types import Span

__all__ = ["find_blocks"]

_MAX_BOILERPLATE_CHARACTERS = 250
_MAX_LINK_CHARACTERS = 200
_MIN_PARAGRAPH_CHARACTERS = 80  # of a paragraph that shows that there is running text
_MIN_MENU_SECTIONS = 3  # consecutive lines of section names that make a menu

# Patterns for whole lines are matched against folded text unless a comment says otherwise.
# The heading of a list of links: "Tin liên quan", "Xem thêm:", "Đọc nhiều nhất (5)". Not "Xem thêm: Bão số 3 ...".
_MENU_HEADING = re.compile(
    r"(?:(?:cac |nhung )?(?:tin(?: tuc| bai)?|bai(?: viet| bao)?|video) (?:khac|lien quan|cung chuyen muc|da dua|"
    r"cu hon|moi hon|noi bat|nong|moi(?: nhat| nhan| cap nhat| dang)?|doc nhieu|xem nhieu)(?: nhat)?|"
    r"(?:cac )?(?:bai|tin) (?:cung )?(?:chuyen muc|chu de|su kien)(?: khac)?|cung (?:chuyen muc|chu de|tac gia)|"
    r"(?:xem|doc|quan tam|binh luan|chia se) nhieu(?: nhat)?|duoc quan tam(?: nhat)?|moi nhat|moi nhan|"
    r"(?:xem|doc|tim hieu) them|(?:co the ban|ban co the) quan tam|danh cho ban|goi y cho ban|su kien lien quan|"
    r"lien ket web(?:site)?|tu khoa|tags?|phan hoi|"
    r"related(?: news| articles| posts)?|most (?:read|viewed)|latest(?: news)?|see also)"
    r"\s*(?:\(\d+\))?\s*[:»>…]*"
)
# Words of share buttons.
_SHARE_WORDS = (
    "chia se|share|like|thich|luu bai|in bai|in trang|in tin|gui|copy|sao chep|nghe|bao loi|"
    "facebook|twitter|zalo|youtube|tiktok|telegram|linkedin|email|mail|print|tweet"
)
# A line that is boilerplate by itself: "Chia sẻ Facebook Zalo", "Về trang chủ", "Lượt xem: 1.234", "Từ khóa: bão",
# "© 2018 Báo X", ">> Xem lại trận đấu". Not "Bài viết": a share line contains at least one of its words.
_BOILERPLATE_LINE = re.compile(
    r"(?:(?:gui )?(?:phan hoi|binh luan|y kien)(?: cua ban| ban doc| bai viet)?|y kien ban doc|viet binh luan|"
    rf"(?=.*\b(?:{_SHARE_WORDS})\b)"
    rf"(?:{_SHARE_WORDS}|bai|viet|link|lien ket|len|qua|tren|cho ban be|nay|[\d,.|/+·•:\s-])+|"
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
# The name of a section of a newspaper or of an office's site.
_SECTION_NAME = (
    r"(?:trang chu|thoi su|the gioi|quoc te|trong nuoc|kinh te|kinh doanh|xa hoi|van hoa|giai tri|the thao|phap luat|"
    r"giao duc|suc khoe|y te|doi song|du lich|khoa hoc|cong nghe|chinh tri|quoc phong|an ninh|bat dong san|tai chinh|"
    r"ban doc|moi truong|xe|oto|o to|video|podcast|anh|"
    r"multimedia|media|infographics?|goc nhin|y kien|tam su|lien he|gioi thieu|tin tuc|"
    r"van ban|lich cong tac|dich vu|tuyen dung|thu vien(?: anh)?|hoi dap)"
)
# "Thời sự", "Văn hóa - Giải trí".
_SECTION_LINE = re.compile(rf"{_SECTION_NAME}(?:\s*[-–,&]\s*{_SECTION_NAME})*")
# At least four sections in one line: "Trang chủ | Thời sự | Kinh tế | Thể thao".
_MENU_BAR = re.compile(rf"(?:{_SECTION_NAME}(?![^\W_])\W*){{4,}}")
# The credit of a photo or video: "Ảnh: Hoàng Nam", "Ảnh minh họa". Not "Nguồn: TTXVN". Not folded: "ảnh" is a
# photo, "anh" is a man.
_CREDIT_LINE = re.compile(
    r"\W*(?:(?:nguồn )?(?:ảnh|hình|video|clip|đồ họa|đồ hoạ|infographic|photo|tranh)"
    r"(?:,? (?:ảnh|video|clip|đồ họa|bài))?"
    r"(?: minh họa| minh hoạ| tư liệu| cắt từ clip)?(?:\s*[:-]\s*[\w.&/+-]+(?: [\w.&/+-]+){0,4})?|"
    r"ảnh (?:minh họa|minh hoạ|tư liệu|internet).{0,30})\W*",
    re.IGNORECASE,
)
# The end of a caption: "... (Ảnh: TTXVN)", "... Ảnh: Hoàng Nam". Not folded. Not "Ảnh: Nam. Sau đó".
_CAPTION_END = re.compile(
    r"\((?:nguồn )?ảnh\b[^()]{0,60}\)[.\s]*$|(?:^|[\s.(])(?:nguồn )?ảnh\s*:\s*[^:.]{1,40}$", re.IGNORECASE
)
# Breadcrumbs: "Trang chủ > Thời sự > Xã hội". Not folded.
_BREADCRUMBS = re.compile(r"[^>»›]{1,40}(?:[>»›][^>»›]{1,60}){2,}")

# "- ", "• ", "-Một". Not the minus of "-5".
_BULLET = re.compile(r"[-–—•*+·▪►●○■✓](?:\s+|(?=[^\W\d]))")
# The start of a list item or numbered part: "- ", "a) ", "2. Giấy", "1.2. ", "Điều 5". Not "2.500 hộ".
_ITEM_START = re.compile(
    rf"{_BULLET.pattern}|(?:\d{{1,3}}|[a-zđA-ZĐ]|[IVX]{{1,5}})\)\s|(?:\d{{1,3}}|[A-ZĐ]|[IVX]{{1,5}})\.\s+(?=[A-ZÀ-Ỹ“\"])|"
    r"\d{1,2}(?:\.\d{1,2}){1,3}\.?\s|(?:Điều|Chương|Mục|Phần|Bước|Câu)\s+[\dIVX]+\b"
)
# The end of a sentence, or a closing quote: "...", "xong.”". Not "xong,".
_SENTENCE_END = re.compile(r"(?:[.!?…:;][\"”’')\]»]*|[\"”»])$")
# A stop that belongs to an abbreviation: "ở TP.", "bà H.".
_ABBREVIATION_END = re.compile(
    r"(?:^|[\s(.])(?:TP|TX|TT|Tp|tp|Th?S|GS|BS|KS|LS|CN|NXB|ĐT|St|Mrs?|Dr|Đ/c|đ/c|[A-ZĐ])\.$"
)


def find_blocks(text: str, lines: Sequence[Span], metadata: Sequence[Span] = ()) -> tuple[Span, ...]:
    """Find the paragraphs and headings of an article's text.

    A blank line ends a block, and so does a line that ends a sentence, and a short line that the next does not
    continue (a heading). Lines broken in the middle of a sentence stay together. A caption or paragraph that repeats
    an earlier one is left out. A text of nothing but boilerplate keeps all its lines.

    Args:
        text: A cleaned text.
        lines: Its lines without surrounding space, in order.
        metadata: Spans to leave out, such as front matter and date lines.

    Returns:
        Spans without surrounding space or bullet, in order and without overlap.
    """
    menu_headings, boilerplate = _boilerplate(text, lines)
    blocks = _assemble(text, lines, menu_headings | boilerplate, metadata)
    if menu_headings:
        links = _links_below(text, blocks, [lines[number].start for number in sorted(menu_headings)])
        blocks = [block for block in blocks if block not in links]
    if not blocks:
        blocks = _assemble(text, lines, set(), metadata)
    return tuple(_without_repetitions(text, blocks))


def _without_repetitions(text: str, blocks: Sequence[Span]) -> list[Span]:
    kept: list[Span] = []
    seen: set[str] = set()
    previous = ""
    for block in blocks:
        content = " ".join(block.of(text).lower().split())
        # A short line may well occur twice ("Có.", the same prize for two winners); a caption or a paragraph not.
        may_repeat = content != previous and len(content) < 40 and not _CAPTION_END.search(content)
        if content not in seen or may_repeat:
            kept.append(block)
        seen.add(content)
        previous = content
    return kept


# ---- boilerplate


def _boilerplate(text: str, lines: Sequence[Span]) -> tuple[set[int], set[int]]:
    """The numbers of the lines that head a list of links, and of those that are boilerplate by themselves."""
    menu_headings: set[int] = set()
    boilerplate: set[int] = set()
    sections: list[int] = []  # the lines directly above that are names of sections ("Thời sự", "Kinh tế")
    first_line = next((number for number, line in enumerate(lines) if line.end > line.start), 0)
    for number, line in enumerate(lines):
        if line.end == line.start:
            continue
        written = line.of(text)
        folded = fold(written) if len(written) <= _MAX_BOILERPLATE_CHARACTERS else ""
        if folded and _MENU_HEADING.fullmatch(folded):
            menu_headings.add(number)
        elif folded and _is_boilerplate(written, folded):
            boilerplate.add(number)

        if folded and _SECTION_LINE.fullmatch(folded):
            sections.append(number)
            if number == first_line:  # the section of the article, above its title
                boilerplate.add(number)
        else:
            if len(sections) >= _MIN_MENU_SECTIONS:
                boilerplate.update(sections)
            sections = []
    if len(sections) >= _MIN_MENU_SECTIONS:
        boilerplate.update(sections)
    return menu_headings, boilerplate


def _is_boilerplate(line: str, folded: str) -> bool:
    if _BOILERPLATE_LINE.fullmatch(folded) or _MENU_BAR.fullmatch(folded):
        return True
    return _CREDIT_LINE.fullmatch(line) is not None or _BREADCRUMBS.fullmatch(line) is not None


def _links_below(text: str, blocks: Sequence[Span], menu_headings: Sequence[int]) -> set[Span]:
    """The blocks between a menu heading, given by its offset, and the next running text.

    The last one above running text may be the heading of that text, and is not a link.
    """
    links: set[Span] = set()
    menu: list[Span] | None = None  # links below the last menu heading; None outside of a menu
    next_heading = 0
    for block in blocks:
        while next_heading < len(menu_headings) and menu_headings[next_heading] < block.start:
            links.update(menu or ())
            menu = []
            next_heading += 1
        if menu is None:
            continue
        if _is_link(block.of(text)):
            menu.append(block)
        else:
            links.update(menu[:-1])
            menu = None
    links.update(menu or ())

    # If nothing else is running text, what stands below such a heading is the article.
    for block in blocks:
        written = block.of(text)
        if block not in links and len(written) >= _MIN_PARAGRAPH_CHARACTERS and _SENTENCE_END.search(written):
            return links
    return set()


def _is_link(block: str) -> bool:
    """Whether a block looks like headlines in a list of links: short lines without a full stop."""
    for line in block.split("\n"):
        if len(line) > _MAX_LINK_CHARACTERS or line.rstrip().endswith((".", "…", ";")):
            return False
    return True


# ---- paragraphs


def _assemble(text: str, lines: Sequence[Span], excluded: set[int], metadata: Sequence[Span]) -> list[Span]:
    """Join lines into paragraphs, without the excluded lines and the metadata."""
    lengths = []
    for number, line in enumerate(lines):
        if number not in excluded and line.end > line.start:
            lengths.append(line.end - line.start)
    width = _wrapping_width(lengths)

    blocks: list[Span] = []
    last_number = -2  # number of the last line of the last block
    for number, line in enumerate(lines):
        if number in excluded or line.end == line.start:
            continue
        content = _after_metadata(text, line, metadata)
        written = content.of(text)
        if not any(map(str.isalnum, written)):
            continue
        if last_number == number - 1 and _continues(lines[last_number].of(text), written, width):
            blocks[-1] = Span(blocks[-1].start, content.end)
        else:
            bullet = _BULLET.match(written)
            start = content.start + (bullet.end() if bullet else 0)
            blocks.append(Span(start, content.end))
        last_number = number
    return blocks


def _after_metadata(text: str, line: Span, metadata: Sequence[Span]) -> Span:
    """The rest of a line after the metadata that it begins with."""
    for span in metadata:
        if span.start <= line.start < span.end:
            content = text[min(span.end, line.end) : line.end].lstrip()
            return Span(line.end - len(content), line.end)
    return line


def _wrapping_width(lengths: Sequence[int]) -> int:
    """The length of full lines (the 90th percentile); 0 if the lines are not wrapped at a width."""
    if len(lengths) < 2:
        return 0
    width = sorted(lengths)[int(0.9 * (len(lengths) - 1))]
    return width if 40 <= width <= 130 else 0


def _continues(line: str, following: str, width: int) -> bool:
    """Whether ``following`` continues the paragraph of ``line``, which was broken in the middle."""
    if _ITEM_START.match(following) or line.endswith((";", ":", "./.")) or " | " in line or " | " in following:
        return False
    if _CAPTION_END.search(line) or _is_capitals(line) != _is_capitals(following):
        return False
    if following[0].islower() or line.endswith((",", "-", "–", "(", "/")):
        return True
    is_full = width > 0 and len(line) >= 0.75 * width
    return is_full and (not _SENTENCE_END.search(line) or _ABBREVIATION_END.search(line) is not None)


def _is_capitals(line: str) -> bool:
    return line.isupper() and " " in line
