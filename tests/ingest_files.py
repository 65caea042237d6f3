"""Small files of every format, made in memory for the tests of ingest."""

from __future__ import annotations

import io
from collections.abc import Sequence


def pdf(pages: Sequence[Sequence[str]], *, info: dict[str, str] | None = None, password: str = "") -> bytes:
    """A PDF with one line of text for each string, in a font whose codes are UTF-16 and say so."""
    from pypdf import PdfWriter
    from pypdf.generic import ArrayObject, DecodedStreamObject, DictionaryObject, FloatObject, NameObject

    writer = PdfWriter()
    cmap = DecodedStreamObject()
    cmap.set_data(
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /A def /CMapType 2 def "
        b"1 begincodespacerange <0000> <FFFF> endcodespacerange "
        b"1 beginbfrange <0000> <FFFF> <0000> endbfrange endcmap end end"
    )
    name = NameObject
    descendant = DictionaryObject(
        {name("/Type"): name("/Font"), name("/Subtype"): name("/CIDFontType2"), name("/BaseFont"): name("/A")}
    )
    font = DictionaryObject(
        {
            name("/Type"): name("/Font"),
            name("/Subtype"): name("/Type0"),
            name("/BaseFont"): name("/A"),
            name("/Encoding"): name("/Identity-H"),
            name("/DescendantFonts"): ArrayObject([writer._add_object(descendant)]),
            name("/ToUnicode"): writer._add_object(cmap),
        }
    )
    font_reference = writer._add_object(font)
    for lines in pages:
        page = writer.add_blank_page(595, 842)
        page[name("/Resources")] = DictionaryObject({name("/Font"): DictionaryObject({name("/F"): font_reference})})
        shown = "".join(f"<{line.encode('utf-16-be').hex()}> Tj 0 -14 Td\n" for line in lines)
        content = DecodedStreamObject()
        content.set_data(f"BT /F 11 Tf 50 800 Td\n{shown}ET".encode())
        page[name("/Contents")] = writer._add_object(content)
        page[name("/MediaBox")] = ArrayObject([FloatObject(n) for n in (0, 0, 595, 842)])
    if info:
        writer.add_metadata(info)
    if password:
        writer.encrypt(password, algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def docx(
    paragraphs: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]] = (), *, title: str = "", author: str = ""
) -> bytes:
    """A Word document: (style, text) paragraphs, then a table."""
    import docx as python_docx

    document = python_docx.Document()
    for style, text in paragraphs:
        document.add_paragraph(text, style=style)
    if rows:
        table = document.add_table(rows=0, cols=len(rows[0]))
        for row in rows:
            for cell, text in zip(table.add_row().cells, row, strict=True):
                cell.text = text
    document.core_properties.title = title
    document.core_properties.author = author
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


PAGE = """<!DOCTYPE html><html lang="vi"><head><meta charset="utf-8">
<title>Hội đua thuyền Nậm Cắt - Báo Miền Núi</title>
<meta property="og:url" content="https://bao.example/hoi-dua-thuyen.html">
<meta property="article:published_time" content="2018-08-27T09:30:00+07:00"><meta name="author" content="Lường Sơn">
</head><body><div class="top"><ul class="menu"><li><a href="/">Trang chủ</a></li><li><a href="/t">Thời sự</a></li>
<li><a href="/k">Kinh tế</a></li><li><a href="/v">Văn hóa</a></li></ul></div>
<div id="content"><h1>Hội đua thuyền Nậm Cắt</h1><div class="date">Thứ Hai, 27/8/2018 | 09:30 GMT+7</div>
<p>Sáng 27/8, xã Nậm Cắt mở hội đua thuyền độc mộc. Mười chín đội của bảy bản dọc sông cùng về tranh giải.</p>
<h2>Nà Lạn về nhất</h2>
<p>Đội Nà Lạn chèo hết sáu trăm mét trong bốn phút mười hai giây.<br>Giải thưởng là một con bò và
hai mươi triệu đồng.</p>
<ul><li>Chiều dài thuyền: 11 mét</li><li>Số tay chèo: 24 người</li></ul>
<table><tr><th>Bản</th><th>Phút</th></tr><tr><td>Nà Lạn</td><td>4,2</td></tr>
<tr><td>Khuổi Lầu</td><td>4,5</td></tr></table>
<p><b>Lường Sơn</b></p></div>
<div class="share">Chia sẻ <a href="#">Facebook</a> <a href="#">Zalo</a></div>
<div class="other"><h3>Các tin khác</h3><ul><li><a href="/1">Giá ngô tăng trở lại (26/8)</a></li>
<li><a href="/2">Huyện Mường Xa trồng mới 200 ha rừng</a></li></ul></div>
<div class="footer">Bản quyền thuộc Báo Miền Núi</div><script>var mệt = "không phải chữ";</script></body></html>"""

TABLE_PAGE = """<html><head><title>Họp bản</title></head><body><table><tr>
<td><a href=#>Trang chủ</a><br><a href=#>Giới thiệu</a><br><a href=#>Tin tức</a></td>
<td><b>Họp bản bàn chuyện nước sạch</b><br><i>(Cập nhật ngày 05/8/2016)</i><br><br>
Tối 4/8, hơn sáu mươi hộ bản Khuổi Lầu họp tại nhà văn hóa, bàn góp công đào mương dẫn nước về bản.<br>
Mỗi hộ góp hai ngày công, huyện hỗ trợ 320 triệu đồng để mua ống dẫn và xi măng, cát sỏi lấy ở suối.<br><br>
<b>Các tin đã đưa:</b><br><a href=1>Khai giảng lớp xóa mù chữ (01/8/2016)</a><br>
<a href=2>Trao bò giống cho hộ nghèo (28/7/2016)</a><br></td></tr></table></body></html>"""
