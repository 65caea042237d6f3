"""Make seeds/articles from seeds/corpus.jsonl.

The clean text of every seed article is kept once, in ``seeds/corpus.jsonl``. Here it is dressed as
files as people have them: news pages with menus and repeated captions, office documents, PDFs,
lines broken in the middle, CSV and JSONL exports, and older encodings. Run it after
editing the corpus; ``--check`` only says which files differ.

    python scripts/make_seed_files.py            # everything but the PDFs
    python scripts/make_seed_files.py --pdf      # the PDFs too; needs `pip install reportlab` and --font
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import html
import io
import json
import sys
import textwrap
import unicodedata
import zipfile
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Any

SEEDS = Path(__file__).resolve().parents[1] / "seeds"
FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf")
Record = dict[str, Any]

# What stands around the articles. A caption is put after paragraph n (0-based), twice.
CAPTIONS: dict[str, list[tuple[int, str]]] = {
    "cao-bang-phong-thu": [(0, "Một góc thành phố Cao Bằng nhìn từ trên cao. (Ảnh: Minh Thư)")],
    "cao-bang-bien-phong": [(1, "Các đại biểu dự buổi sơ kết. Ảnh: CTV")],
    "lai-chau-nghi-dinh-21": [
        (1, "Thiếu tướng Nguyễn Đăng Khải trao đổi với các đại biểu. (Ảnh: CTV)"),
        (6, "Các tập thể nhận giấy khen. (Ảnh: CTV)"),
    ],
    "nghe-an-ba-nghi-quyet": [(1, "Quang cảnh buổi sơ kết")],
    "bao-lam-quoc-phong": [(6, "Dân quân xã Vĩnh Quang giúp dân nạo vét mương.")],
    "sot-xuat-huyet-yen-khe": [(2, "Cán bộ y tế kiểm tra bể nước tại thị trấn Yên Khê. Ảnh: Thảo Nguyên")],
    "tuyen-sinh-lop-10": [(0, "Thí sinh làm thủ tục dự thi năm trước. Ảnh: Hà Phương")],
    "che-shan-nam-sang": [(3, "Chị Tẩn Thị Mẩy hái chè vụ xuân. Ảnh: Bảo Yến")],
    "cau-ban-lay": [
        (1, "Những chuyến xe đầu tiên qua cầu Bản Lầy. Ảnh: Đức Toàn"),
        (5, "Bà con bản Lầy ra xem thông xe. Ảnh: Đức Toàn"),
    ],
    "cau-cua-lach": [(1, "Công nhân lắp ván khuôn trụ cầu. Ảnh: Thế Anh")],
    "le-hoi-long-tong": [(3, "Thi ném còn tại hội Lồng Tồng. Ảnh: Nông Hiền")],
    "yen-khe-so": [(2, "Đoàn viên hướng dẫn người dân cài ứng dụng. Ảnh: Tuấn Kiệt")],
    "mua-lu-nam-ngan": [(1, "Dân quân gùi hàng vào bản Huổi Luông. Ảnh: Đức Toàn")],
    "bien-phong-pa-lieng": [(3, "Tổ tuần tra lau cột mốc 104. Ảnh: Đức Toàn")],
    "buoi-do-huong-cau": [(2, "Vườn bưởi đỏ ở xã Bãi Thượng. Ảnh: Thu Hằng")],
    "muoi-bau-sen": [(1, "Diêm dân Long Phước gánh muối lên bờ. Ảnh: Thế Anh")],
    "du-lich-yen-khe": [(1, "Khách chụp ảnh ở ruộng bậc thang Nậm Sang. Ảnh: Bảo Yến")],
    "dua-thuyen-tra-loc": [(2, "Các đội thuyền nam trước giờ xuất phát. Ảnh: Hữu Phước")],
    "kcn-kim-thach": [(1, "Công nhân tan ca ở Khu công nghiệp Kim Thạch. Ảnh: Thu Hằng")],
    "hdnd-khoa-xii": [(2, "Đại biểu biểu quyết bằng thẻ. Ảnh: Minh Thư")],
    "dai-hoi-nong-dan": [(0, "Đại biểu xem gian hàng nông sản bên lề đại hội. Ảnh: Hoàng Oanh")],
    "sap-xep-xa-2025": [(2, "Đoàn viên hướng dẫn người dân lấy số. Ảnh: Hoàng Oanh")],
    "nghe-nhan-khen": [(1, "Ông Giàng Chá Pó thử khèn. Ảnh: Nông Hiền")],
}
MENU = ["Trang chủ", "Thời sự", "Kinh tế", "Văn hóa - Xã hội", "Giáo dục", "Y tế", "Thể thao", "Liên hệ tòa soạn"]
OTHER = [
    "Các tin khác",
    "Khai mạc hội chợ nông sản vụ đông (12/3)",
    "Phát động trồng cây đầu xuân tại 9 xã (05/3)",
    "Đoàn viên thanh niên ra quân ngày Chủ nhật xanh (03/3)",
]
MOST_READ = [
    "Xem nhiều nhất",
    "Lịch cắt điện tuần này",
    "Giá vàng trong nước sáng nay",
    "Thời tiết ngày mai: vùng núi có mưa rào",
]
# Text above and below a decision or a notice: the office and the number, place and day; at the end the recipients on
# the left and the signature on the right.
OFFICIAL: dict[str, tuple[str, str, str, str]] = {
    "quy-dinh-cho-nam-sang": (
        "ỦY BAN NHÂN DÂN\nHUYỆN YÊN KHÊ\nSố: 1284/QĐ-UBND",
        "Yên Khê, ngày 12 tháng 3 năm 2024",
        "Nơi nhận:\n- Như Điều 7;\n- UBND tỉnh (b/c);\n- Lưu: VT, KTHT.",
        "KT. CHỦ TỊCH\nPHÓ CHỦ TỊCH\n(Đã ký)\nLò Văn Tiến",
    ),
    "phi-tham-quan-63-2025": (
        "ỦY BAN NHÂN DÂN\nTỈNH THẠCH XUYÊN\nSố: 63/2025/QĐ-UBND",
        "Thạch Xuyên, ngày 18 tháng 8 năm 2025",
        "Nơi nhận:\n- Như Điều 8;\n- Thường trực HĐND tỉnh;\n- Lưu: VT, VX.",
        "TM. ỦY BAN NHÂN DÂN\nKT. CHỦ TỊCH\nPHÓ CHỦ TỊCH\n(Đã ký)\nLưu Bích Đào",
    ),
    "hoa-tang-36-2025": (
        "ỦY BAN NHÂN DÂN\nTỈNH THẠCH XUYÊN\nSố: 36/2025/QĐ-UBND",
        "Thạch Xuyên, ngày 28 tháng 7 năm 2025",
        "Nơi nhận:\n- Như Điều 6;\n- Sở Tư pháp;\n- Lưu: VT, VX.",
        "TM. ỦY BAN NHÂN DÂN\nKT. CHỦ TỊCH\nPHÓ CHỦ TỊCH\n(Đã ký)\nLưu Bích Đào",
    ),
    "khen-thuong-1876": (
        "ỦY BAN NHÂN DÂN\nTỈNH VÂN SƠN\nSố: 1876/QĐ-UBND",
        "Vân Sơn, ngày 07 tháng 10 năm 2024",
        "Nơi nhận:\n- Như Điều 3;\n- Ban Thi đua - Khen thưởng tỉnh;\n- Lưu: VT, NC.",
        "CHỦ TỊCH\n(Đã ký)\nHoàng Đình Sửu",
    ),
    "cho-meo-17-2024": (
        "ỦY BAN NHÂN DÂN\nTỈNH LÂM HẢI\nSố: 17/2024/QĐ-UBND",
        "Lâm Hải, ngày 27 tháng 5 năm 2024",
        "Nơi nhận:\n- Như Điều 7;\n- Cục Thú y;\n- Lưu: VT, NN.",
        "TM. ỦY BAN NHÂN DÂN\nKT. CHỦ TỊCH\nPHÓ CHỦ TỊCH\n(Đã ký)\nĐỗ Phước Toàn",
    ),
    "tuyen-dung-giao-vien": (
        "UBND TỈNH VÂN SƠN\nSỞ GIÁO DỤC VÀ ĐÀO TẠO\nSố: 2046/TB-SGDĐT",
        "Vân Sơn, ngày 14 tháng 7 năm 2025",
        "Nơi nhận:\n- Các trường trực thuộc;\n- Sở Nội vụ (b/c);\n- Lưu: VT, TCCB.",
        "GIÁM ĐỐC\n(Đã ký)\nLăng Thị Huệ",
    ),
}
TWO_COLUMNS = {"cau-cua-lach", "du-lich-yen-khe"}
SITES = {"tin-lam-hai.jsonl": "Lâm Hải Online", "tin-van-son.jsonl": "Vân Sơn Online"}
WEEKDAYS = ["Thứ Hai", "Thứ Ba", "Thứ Tư", "Thứ Năm", "Thứ Sáu", "Thứ Bảy", "Chủ nhật"]


def corpus() -> dict[str, Record]:
    lines = (SEEDS / "corpus.jsonl").read_text(encoding="utf-8").splitlines()
    return {record["_id"]: record for record in map(json.loads, lines)}


def is_heading(line: str) -> bool:
    return len(line) < 75 and not line.startswith("- ") and not line.endswith((".", ";", ",", '"'))


def is_row(line: str) -> bool:
    """A row of a table; the first of several is its heading."""
    return " | " in line


def paragraphs(record: Record) -> Iterator[tuple[str, str]]:
    """("head" | "item" | "row" | "text" | "caption", line) in order, captions twice."""
    captions = dict(CAPTIONS.get(record["_id"], []))
    for i, line in enumerate(record["text"].split("\n")):
        if is_row(line):
            yield "row", line
        else:
            yield "head" if is_heading(line) else "item" if line.startswith("- ") else "text", line
        if i in captions:
            yield "caption", captions[i]
            yield "caption", captions[i]


def when(record: Record) -> str:
    """``Thứ Ba, 17/09/2024`` or nothing."""
    value = record["metadata"].get("date")
    if not value:
        return ""
    date = dt.date.fromisoformat(value)
    return f"{WEEKDAYS[date.weekday()]}, {date:%d/%m/%Y}"


# --- plain text -------------------------------------------------------------------------------------


def plain(record: Record, *, width: int = 0) -> str:
    """Title, date, paragraphs with blank lines between; ``width`` breaks the lines where they happen to end."""
    blocks = [record["title"], *filter(None, [when(record)])]
    for _, line in paragraphs(record):
        blocks.append(textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False) if width else line)
    return "\n\n".join(blocks) + "\n"


def office(record: Record, issuer: str) -> str:
    """A notice as offices send it: the state's name above, the signature below."""
    head = f"{issuer:<36}Cộng hoà xã hội chủ nghĩa Việt Nam\n{'Văn phòng':<36}Độc lập - Tự do - Hạnh phúc\n"
    foot = "\nNơi nhận:\n- Các phòng, ban;\n- Các xã, thị trấn;\n- Lưu: VT.\n"
    return head + "\n" + plain(record) + foot


def page_dump(record: Record) -> str:
    """A page copied from the browser, with what was around the article."""
    after = ["Phản hồi", *OTHER, "Mới nhất", *MOST_READ]
    return "\n".join(MENU) + "\n\n" + plain(record) + "\n" + "\n\n".join(after) + "\n"


def broken(record: Record) -> str:
    """Lines broken after 68 characters, also inside words, and the search box of the page at the end."""
    body = plain(record, width=68).replace("Dân quân tự vệ không", "Dân \nquân tự vệ không")
    return body + "\nCác tin khác:\n\nTìm kiếm theo:Chuyên mục nàyTất cả các chuyên mục\n"


# --- older encodings ----------------------------------------------------------------------------------

_TONES = "\u0300\u0309\u0303\u0301\u0323"  # grave, hook, tilde, acute, dot below


def _rows(table: str) -> dict[str, str]:
    """``"a: µ ¶ · ¸ ¹"`` -> {"à": "µ", ...}: a letter, then its five toned forms in the order of ``_TONES``."""
    found = {}
    for row in table.strip().splitlines():
        letter, codes = row.strip().split(": ")
        for tone, code in zip(_TONES, codes.split(" "), strict=True):
            found[unicodedata.normalize("NFC", letter + tone)] = code
    return found


_TCVN3 = dict(zip("ăâêôơưđĂÂÊÔƠƯĐ", "¨©ª«¬\u00ad®¡¢£¤¥¦§", strict=True)) | _rows(
    """
    a: µ ¶ · ¸ ¹
    ă: » ¼ ½ ¾ Æ
    â: Ç È É Ê Ë
    e: Ì Î Ï Ð Ñ
    ê: Ò Ó Ô Õ Ö
    i: × Ø Ü Ý Þ
    o: ß á â ã ä
    ô: å æ ç è é
    ơ: ê ë ì í î
    u: ï ñ ò ó ô
    ư: õ ö ÷ ø ù
    y: ú û ü ý þ
    """
)
_VNI = dict(zip("ăâêôơưđ", ["aê", "aâ", "eâ", "oâ", "ô", "ö", "ñ"], strict=True)) | _rows(
    """
    a: aø aû aõ aù aï
    ă: aè aú aü aé aë
    â: aà aå aã aá aä
    e: eø eû eõ eù eï
    ê: eà eå eã eá eä
    i: ì æ ó í ò
    o: oø oû oõ où oï
    ô: oà oå oã oá oä
    ơ: ôø ôû ôõ ôù ôï
    u: uø uû uõ uù uï
    ư: öø öû öõ öù öï
    y: yø yû yõ yù î
    """
)
_VNI |= {key.upper(): code.upper() for key, code in _VNI.items()}


def tcvn3(text: str) -> bytes:
    return "".join(_TCVN3.get(c, c) for c in text).encode("latin-1")


def vni(text: str) -> bytes:
    return "".join(_VNI.get(c, c) for c in text).encode("cp1252")


def windows_1258(text: str) -> bytes:
    """Letters as they are where the code page has them, else the letter and its tone as a second character."""
    out = bytearray()
    for char in text:
        try:
            out += char.encode("cp1258")
        except UnicodeEncodeError:
            marks = unicodedata.normalize("NFD", char)
            tone = next(m for m in marks if m in _TONES)
            letter = unicodedata.normalize("NFC", marks.replace(tone, ""))
            out += (letter + tone).encode("cp1258")
    return bytes(out)


# --- Markdown, HTML ---------------------------------------------------------------------------------


def markdown(record: Record) -> str:
    meta = record["metadata"]
    lines = ["---", f'title: "{record["title"]}"', f"date: {meta['date']}", f"author: {meta['author']}"]
    lines += [f"url: {meta['url']}", "---", "", f"# {record['title']}", ""]
    for kind, line in paragraphs(record):
        if kind == "caption":
            lines += [f"*{line}*" if lines[-2].startswith("![") else f"![{line}](anh/{record['_id']}.jpg)", ""]
        elif kind == "item":
            lines += [line, ""] if line.endswith(".") else [line]
        elif kind == "row" and lines[-2].startswith("|"):
            lines[-1:] = [f"| {line} |", ""]
        elif kind == "row":
            lines += [f"| {line} |", "|" + "---|" * len(line.split(" | ")), ""]
        else:
            lines += ["## " + line if kind == "head" else line, ""]
    return "\n".join([*lines, "**" + OTHER[0] + "**", "", *(f"- [{t}](#)" for t in OTHER[1:]), ""])


NEWS_PAGE = Template("""<!DOCTYPE html>
<html lang="vi"><head><meta charset="utf-8">
<title>$title - $site</title>
<meta property="og:title" content="$title">
<meta name="author" content="$author">
<link rel="canonical" href="$url">
$published</head><body>
<header><nav><ul class="menu">
$menu
</ul></nav><form>Tìm kiếm theo: <input name="q"></form></header>
<main><article><h1>$title</h1><div class="meta">$when | $author</div>
$body
<p class="source"><strong>$author</strong></p></article></main>
<aside><div class="related"><h3>$other_title</h3><ul>
$other
</ul></div><div class="most-read"><h3>$read_title</h3><ul>
$read
</ul></div></aside>
<section class="comments"><h3>Phản hồi</h3><p>Chưa có bình luận nào.</p></section>
<footer><p>Theo dõi chúng tôi trên mạng xã hội để nhận tin nhanh nhất.</p>
<p>© $site. Ghi rõ nguồn khi phát hành lại.</p></footer>
</body></html>
""")
OLD_PAGE = Template("""<html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8">
<title>$title</title><meta name="author" content="$author">
<meta name="date" content="$date"><link rel="canonical" href="$url"></head><body>
<table width=980><tr><td colspan=2>
$menu
</td></tr><tr><td><div id="content"><h1 class="Title">$title</h1><div class="date">$when</div>
$body
<p class="Author" align="right"><b>$author</b></p></div></td><td class=right>$read_title<br>
$read
</td></tr><tr><td colspan=2><div class="other">$other_title</div>
$other
</td></tr><tr><td colspan=2>&copy; $site</td></tr></table></body></html>
""")
CAPTION_TABLE = """<table class="ImageCenter" align="center"><tr><td><img src="a.jpg"></td></tr>
<tr><td class="Image">$text</td></tr></table>"""


def _page(template: Template, record: Record, site: str, body: list[str], link: str) -> str:
    meta = record["metadata"]
    published = f'<meta property="article:published_time" content="{meta.get("date")}T08:30:00+07:00">\n'
    return template.substitute(
        title=html.escape(record["title"]),
        site=site,
        author=meta["author"],
        url=meta["url"],
        date=meta.get("date", ""),
        published=published if "date" in meta else "",
        when=when(record),
        body="\n".join(body),
        menu="\n".join(link.format(item) for item in MENU),
        other_title=OTHER[0],
        other="\n".join(link.format(item) for item in OTHER[1:]),
        read_title=MOST_READ[0],
        read="\n".join(link.format(item) for item in MOST_READ[1:]),
    )


def news_page(record: Record, site: str) -> str:
    """A page of today: semantic tags, metadata, the caption both in the figure and below it."""
    body: list[str] = []
    for kind, line in paragraphs(record):
        text = html.escape(line.removeprefix("- "), quote=False)
        if kind == "caption" and body[-1].startswith("<figure>"):
            body.append(f'<p class="caption"><em>{text}</em></p>')
        elif kind == "caption":
            body.append(f'<figure><img src="/anh/1.jpg" alt="{text}"><figcaption>{text}</figcaption></figure>')
        elif kind == "item" and body[-1].endswith("</li></ul>"):
            body[-1] = body[-1].removesuffix("</ul>") + f"\n<li>{text}</li></ul>"
        elif kind == "row" and body[-1].endswith("</table>"):
            body[-1] = body[-1].removesuffix("</table>") + "\n" + _html_row(text, "td") + "</table>"
        elif kind == "row":
            body.append("<table>" + _html_row(text, "th") + "</table>")
        else:
            start, end = {"head": ("<h2>", "</h2>"), "item": ("<ul><li>", "</li></ul>"), "text": ("<p>", "</p>")}[kind]
            body.append(start + text + end)
    return _page(NEWS_PAGE, record, site, body, '<li><a href="#">{}</a></li>')


def _html_row(text: str, tag: str) -> str:
    return "<tr>" + "".join(f"<{tag}>{cell}</{tag}>" for cell in text.split(" | ")) + "</tr>"


def old_page(record: Record, site: str) -> str:
    """A page of twenty years ago: tables, letters written as entities, captions in tables."""
    body = []
    for kind, line in paragraphs(record):
        text = html.escape(line, quote=False)
        bold = f"<b>{text}</b>" if kind == "head" else text
        body.append(CAPTION_TABLE.replace("$text", text) if kind == "caption" else f'<p class="Normal">{bold}</p>')
    page = _page(OLD_PAGE, record, site, body, '<a href="#">{}</a><br>')
    return page.encode("ascii", "xmlcharrefreplace").decode().replace("\n", "\r\n")


# --- files of many records ---------------------------------------------------------------------------


def _row(record: Record, foot: str) -> Record:
    meta = record["metadata"]
    row = {"id": meta["file"].split("#")[1], "title": record["title"]}
    row |= {key: meta[key] for key in ("date", "author", "url")}
    return row | {"text": record["text"] + (f"\nẢnh: {meta['author']}\n{foot}" if foot else "")}


def json_lines(records: list[Record], site: str) -> str:
    foot = f"Mời bạn đọc theo dõi {site} trên Zalo."
    return "".join(json.dumps(_row(r, foot), ensure_ascii=False) + "\n" for r in records)


def separated(records: list[Record], delimiter: str) -> str:
    out = io.StringIO()
    names = ["id", "title", "date", "author", "url", "text"]
    writer = csv.DictWriter(out, names, delimiter=delimiter, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(_row(r, "") for r in records)
    return out.getvalue()


# --- docx, pdf ---------------------------------------------------------------------------------------


def docx_bytes(record: Record) -> bytes:
    import docx

    meta = record["metadata"]
    document = docx.Document()
    properties = document.core_properties
    properties.title, properties.author = record["title"], meta.get("author", "")
    properties.created = properties.modified = dt.datetime.fromisoformat(meta.get("date", "2024-01-01"))
    official = OFFICIAL.get(record["_id"])
    document.sections[0].footer.paragraphs[0].text = "Trang 1"
    if official:
        table = document.add_table(1, 2)
        table.cell(0, 0).text = official[0]
        state = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM\nĐộc lập - Tự do - Hạnh phúc\n"
        table.cell(0, 1).text = state + official[1]
    document.add_heading(record["title"], 0)
    rows = None  # the table being filled
    for kind, line in paragraphs(record):
        if kind == "row":
            cells = line.split(" | ")
            if rows is None:
                rows = document.add_table(0, len(cells), style="Table Grid")
            for cell, text in zip(rows.add_row().cells, cells, strict=True):
                cell.text = text
            continue
        rows = None
        if kind == "head":
            document.add_heading(line, 2)
        elif kind == "item":
            document.add_paragraph(line.removeprefix("- "), style="List Bullet")
        elif kind == "caption":
            document.add_paragraph(line, style="Caption")
        else:
            document.add_paragraph(line)
    if official:
        table = document.add_table(1, 2)
        table.cell(0, 0).text, table.cell(0, 1).text = official[2:]
    raw = io.BytesIO()
    document.save(raw)
    out = io.BytesIO()  # once more with a fixed time, so that the same text gives the same bytes
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            if name != "docProps/thumbnail.jpeg":
                data = source.read(name)
                if name == "_rels/.rels":
                    data = b"".join(p for p in _split_tags(data) if b"thumbnail" not in p)
                target.writestr(zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _split_tags(xml: bytes) -> list[bytes]:
    return [part + b">" for part in xml.split(b">") if part.strip()]


def pdf_bytes(record: Record, font: Path, *, columns: int) -> bytes:
    """A bulletin: the paper's name above and the page number below every page."""
    from reportlab.lib.enums import TA_CENTER, TA_JUSTIFY
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.platypus import BaseDocTemplate, Frame, KeepTogether, PageTemplate, Paragraph

    pdfmetrics.registerFont(TTFont("Serif", str(font)))
    size = 12.5 if columns == 1 else 9.5
    font_of = {"fontName": "Serif", "fontSize": size, "leading": size * 1.5}
    text = ParagraphStyle("text", **font_of, spaceAfter=7, maxsim=TA_JUSTIFY)
    head = ParagraphStyle("head", text, fontSize=size + 1.5, spaceBefore=5, keepWithNext=1, maxsim=0)
    title = ParagraphStyle("title", head, fontSize=size + 5, leading=size * 2)
    caption = ParagraphStyle("caption", text, fontSize=size - 2, maxsim=TA_CENTER)
    styles = {"text": text, "item": text, "head": head, "caption": caption}
    story: list[Any] = [Paragraph(html.escape(record["title"], quote=False), title)]
    if when(record):
        story.append(Paragraph(when(record), caption))
    for kind, line in paragraphs(record):
        block = Paragraph(html.escape(line, quote=False), styles[kind])
        story.append(KeepTogether([block]) if kind == "text" else block)
    if "author" in record["metadata"]:
        story.append(Paragraph(record["metadata"]["author"].upper(), head))

    def furniture(canvas: Any, document: Any) -> None:
        canvas.setFont("Serif", 8)
        canvas.drawString(60, A4[1] - 40, "BẢN TIN NỘI BỘ - LƯU HÀNH TRONG TỈNH")
        canvas.drawCentredString(A4[0] / 2, 30, f"Trang {document.page}")

    out = io.BytesIO()
    about = {"title": record["title"], "author": record["metadata"].get("author", "")}
    template = BaseDocTemplate(out, pagesize=A4, invariant=1, **about)
    width = (A4[0] - 120 - 20 * (columns - 1)) / columns
    frames = [Frame(60 + i * (width + 20), 50, width, A4[1] - 110, id=str(i)) for i in range(columns)]
    template.addPageTemplates(PageTemplate(frames=frames, onPage=furniture))
    template.build(story)
    return out.getvalue()


# --- all of it ---------------------------------------------------------------------------------------


def text_files() -> dict[str, bytes]:
    """Everything that is plain text of some kind: path below seeds/articles -> bytes."""
    articles = corpus()
    files: dict[str, bytes] = {}

    def put(key: str, data: str | bytes) -> None:
        files[articles[key]["metadata"]["file"]] = data.encode() if isinstance(data, str) else data

    put("cao-bang-phong-thu", news_page(articles["cao-bang-phong-thu"], "Báo Vùng Cao"))
    put("tuyen-sinh-lop-10", news_page(articles["tuyen-sinh-lop-10"], "Giáo dục Vân Sơn"))
    put("yen-khe-so", news_page(articles["yen-khe-so"], "Cổng thông tin Yên Khê"))
    put("cau-ban-lay", old_page(articles["cau-ban-lay"], "Báo Vân Sơn"))
    put("sot-xuat-huyet-yen-khe", markdown(articles["sot-xuat-huyet-yen-khe"]))
    put("che-shan-nam-sang", markdown(articles["che-shan-nam-sang"]))
    for key in ("mua-lu-nam-ngan", "hdnd-khoa-xii"):
        put(key, news_page(articles[key], "Báo Vân Sơn"))
    for key in ("muoi-bau-sen", "dua-thuyen-tra-loc"):
        put(key, news_page(articles[key], "Báo Lâm Hải"))
    put("kcn-kim-thach", news_page(articles["kcn-kim-thach"], "Báo Thạch Xuyên"))
    put("bien-phong-pa-lieng", old_page(articles["bien-phong-pa-lieng"], "Báo Vân Sơn"))
    for key in ("lich-ngung-cap-nuoc", "hoi-dap-xe-buyt", "hoi-dap-dat-gian-dan"):
        put(key, markdown(articles[key]))
    for key in ("buoi-do-huong-cau", "nghe-nhan-khen"):
        put(key, markdown(articles[key]))
    put("sap-xep-xa-2025", page_dump(articles["sap-xep-xa-2025"]))
    put("cau-treo-khuoi-lech", broken(articles["cau-treo-khuoi-lech"]))
    put("cong-van-chay-rung", windows_1258(office(articles["cong-van-chay-rung"], "UBND tỉnh Vân Sơn")))
    put("sat-lo-duong-215", vni(plain(articles["sat-lo-duong-215"]).replace("\n", "\r\n")))
    put("xam-nhap-man", tcvn3(plain(articles["xam-nhap-man"])))
    put("dich-ta-lon", plain(articles["dich-ta-lon"]).replace("\n", "\r\n").encode("utf-8-sig"))
    put("le-hoi-cau-ngu", unicodedata.normalize("NFD", plain(articles["le-hoi-cau-ngu"])))
    put("bong-da-thieu-nien", b"\xff\xfe" + plain(articles["bong-da-thieu-nien"]).encode("utf-16-le"))
    put("lai-chau-nghi-dinh-21", page_dump(articles["lai-chau-nghi-dinh-21"]))
    put("bao-lam-quoc-phong", broken(articles["bao-lam-quoc-phong"]))
    permit, trade = articles["thong-bao-giay-phep-xay-dung"], articles["thong-bao-ho-kinh-doanh"]
    put(permit["_id"], windows_1258(office(permit, "UBND thị xã Hải Thanh")))
    put(trade["_id"], tcvn3(office(trade, "UBND huyện Yên Khê")))
    put("bong-chuyen-nu-nong-dan", vni(plain(articles["bong-chuyen-nu-nong-dan"]).replace("\n", "\r\n")))
    festival = plain(articles["le-hoi-long-tong"])
    put("le-hoi-long-tong", festival)
    # The same article again in another format.
    copy = unicodedata.normalize("NFD", festival).replace("\n", "\r\n")
    files["luu-tru/hoi-xuan-2024.txt"] = b"\xff\xfe" + copy.encode("utf-16-le")
    many: dict[str, list[Record]] = {}
    for record in articles.values():
        if "#" in record["metadata"]["file"]:
            many.setdefault(record["metadata"]["file"].split("#")[0], []).append(record)
    for name, records in many.items():
        if name == "tin-thach-xuyen.csv":  # as a spreadsheet saves it here: semicolons, a byte order mark
            files[name] = separated(records, ";").encode("utf-8-sig")
        elif name.endswith(".csv"):
            files[name] = separated(records, ",").encode()
        else:
            files[name] = json_lines(records, SITES[name]).encode()
    return files


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pdf", action="store_true", help="make the PDFs too")
    parser.add_argument("--font", type=Path, default=FONT, help="a TrueType font with Vietnamese letters")
    parser.add_argument("--check", action="store_true", help="write nothing, name the text files that differ")
    args = parser.parse_args()
    files = text_files()
    if not args.check:
        for record in corpus().values():
            name = record["metadata"]["file"]
            if name.endswith(".docx"):
                files[name] = docx_bytes(record)
            elif name.endswith(".pdf") and args.pdf:
                files[name] = pdf_bytes(record, args.font, columns=2 if record["_id"] in TWO_COLUMNS else 1)
    differing = 0
    for name, data in sorted(files.items()):
        path = SEEDS / "articles" / name
        if path.exists() and path.read_bytes() == data:
            continue
        differing += 1
        print(("differs: " if args.check else "written: ") + name)
        if not args.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return int(args.check and differing > 0)


if __name__ == "__main__":
    sys.exit(main())
