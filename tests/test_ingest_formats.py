"""HTML, PDF, Word and Markdown: their text, their metadata, and one clear sentence for files that cannot be read."""

from __future__ import annotations

import datetime as dt
import io
import zipfile

import pytest
from ingest_files import PAGE, TABLE_PAGE, docx, pdf

from semsearch.errors import IngestError
from semsearch.ingest import ParsedRecord, read_bytes
from semsearch.ingest.pdf import join_pages

TEXT = "Hội đua thuyền Nậm Cắt mở sáng nay, đông vui hơn mọi năm. Đội Nà Lạn về nhất."


def read(data: bytes, name: str) -> ParsedRecord:
    (record,) = read_bytes(data, name)
    return record


def shown(record: ParsedRecord) -> list[str]:
    return [block.of(record.article.text) for block in record.article.blocks]


def refused(data: bytes, name: str) -> str:
    with pytest.raises(IngestError) as caught:
        list(read_bytes(data, name))
    assert "\n" not in str(caught.value)
    return caught.value.reason


# ---- HTML


def test_a_page() -> None:
    record = read(PAGE.encode(), "a.html")
    article = record.article
    assert article.title == "Hội đua thuyền Nậm Cắt"
    assert (article.date, article.author) == (dt.date(2018, 8, 27), "Lường Sơn")
    assert article.url == "https://bao.example/hoi-dua-thuyen.html"
    assert shown(record) == [
        "Hội đua thuyền Nậm Cắt",
        "Sáng 27/8, xã Nậm Cắt mở hội đua thuyền độc mộc. Mười chín đội của bảy bản dọc sông cùng về tranh giải.",
        "Nà Lạn về nhất",
        "Đội Nà Lạn chèo hết sáu trăm mét trong bốn phút mười hai giây.",
        "Giải thưởng là một con bò và hai mươi triệu đồng.",
        "Chiều dài thuyền: 11 mét",
        "Số tay chèo: 24 người",
        "Bản | Phút",
        "Nà Lạn | 4,2",
        "Khuổi Lầu | 4,5",
    ]
    assert record.encoding == "utf-8" and record.notes == ()


def test_an_old_page_in_a_table() -> None:
    record = read(TABLE_PAGE.encode(), "a.htm")
    assert record.article.date == dt.date(2016, 8, 5) and record.article.title == "Họp bản"
    assert shown(record) == [
        "Họp bản bàn chuyện nước sạch",
        "Tối 4/8, hơn sáu mươi hộ bản Khuổi Lầu họp tại nhà văn hóa, bàn góp công đào mương dẫn nước về bản.",
        "Mỗi hộ góp hai ngày công, huyện hỗ trợ 320 triệu đồng để mua ống dẫn và xi măng, cát sỏi lấy ở suối.",
    ]


def test_a_page_in_another_encoding_than_it_declares() -> None:
    vni = "Hoäi ñua thuyeàn ñoäc moäc ôû baûn Naø Laïn, ñoâng vui hôn moïi naêm, möôøi chín ñoäi veà döï."
    page = f'<html><head><meta charset="iso-8859-1"><title>Hoäi ñua</title></head><body><p>{vni}</p></body></html>'
    record = read(page.encode("cp1252"), "a.html")
    assert record.encoding == "VNI" and record.article.title == "Hội đua"
    assert shown(record) == ["Hội đua thuyền độc mộc ở bản Nà Lạn, đông vui hơn mọi năm, mười chín đội về dự."]
    utf16 = read(PAGE.encode("utf-16"), "a.html")
    assert utf16.encoding == "utf-16" and utf16.article.title == "Hội đua thuyền Nậm Cắt"


def test_a_scrap_of_html_and_an_xhtml_declaration() -> None:
    assert shown(read(f"<p>{TEXT}</p>".encode(), "a.html")) == [TEXT]
    xhtml = f'<?xml version="1.0" encoding="utf-8"?>\n<html xmlns="http://www.w3.org/1999/xhtml"><body><p>{TEXT}</p></body></html>'
    assert shown(read(xhtml.encode(), "a.xhtml")) == [TEXT]


def test_a_page_without_main_text_gives_all_its_text() -> None:
    rows = "".join(f"<div><span>Đội bản {n} về thứ {n}</span></div>" for n in range(3, 9))
    record = read(f"<html><body><nav>Trang chủ</nav>{rows}</body></html>".encode(), "a.html")
    assert shown(record) == [f"Đội bản {n} về thứ {n}" for n in range(3, 9)]


def test_a_page_filled_by_scripts() -> None:
    page = b'<html><body><div id="app"></div><script>start("text")</script></body></html>'
    assert refused(page, "a.html") == "contains no text: the page is empty or filled by scripts"


# ---- PDF

HEAD = "UBND xã Nậm Cắt – Bản tin"


def test_a_pdf() -> None:
    pages = [
        [
            HEAD,
            "Hội đua thuyền Nậm Cắt",
            "Sáng nay, tại khúc sông trước nhà văn hóa xã, Ủy ban nhân dân xã Nậm",
            "Cắt mở hội đua thuyền độc mộc. Đoàn của tỉnh do ông Lường Văn Ẹt dẫn",
            "Trang 1/2",
        ],
        [HEAD, "đầu đã đến dự và trao giải cho đội về nhất.", "Đội Nà Lạn về nhất.", "Trang 2/2"],
    ]
    record = read(
        pdf(
            pages,
            info={"/Title": "Bản tin tháng 8", "/Author": "Lường Sơn", "/CreationDate": "D:20180827093000+07'00'"},
        ),
        "a.pdf",
    )
    assert record.article.title == "Bản tin tháng 8"
    assert (record.article.author, record.article.date) == ("Lường Sơn", dt.date(2018, 8, 27))
    assert shown(record) == [
        "Hội đua thuyền Nậm Cắt",
        "Sáng nay, tại khúc sông trước nhà văn hóa xã, Ủy ban nhân dân xã Nậm\n"
        "Cắt mở hội đua thuyền độc mộc. Đoàn của tỉnh do ông Lường Văn Ẹt dẫn\n"
        "đầu đã đến dự và trao giải cho đội về nhất.",
        "Đội Nà Lạn về nhất.",
    ]
    assert record.encoding == ""


def test_meaningless_pdf_properties() -> None:
    record = read(pdf([[TEXT]], info={"/Title": "Microsoft Word - ban tin.doc", "/Author": "Admin"}), "a.pdf")
    assert record.article.title == "" and record.article.author == ""


def test_pages_without_running_heads_lose_nothing() -> None:
    assert join_pages(["một\nhai", "ba\nbốn"]) == "một\nhai\nba\nbốn"
    assert join_pages(["Báo\nmột\n1", "Báo\nhai\n2", "Báo\nba\n3", "", "bốn\n- 4 -"]) == "một\nhai\nba\nbốn"
    assert join_pages(["Bảng 1\nmột", "Bảng 2\nhai"]) == "Bảng 1\nmột\nBảng 2\nhai"
    assert join_pages(["Hết", "Hết"]) == "Hết\nHết"


def test_a_pdf_in_a_font_encoding() -> None:
    record = read(pdf([["C«ng hoµ x· héi chñ nghÜa ViÖt Nam. §éc lËp, tù do, h¹nh phóc."]]), "a.pdf")
    assert record.encoding == "TCVN3"
    assert shown(record) == ["Công hoà xã hội chủ nghĩa Việt Nam. Độc lập, tự do, hạnh phúc."]


def test_encrypted_pdfs() -> None:
    assert "needs a password" in refused(pdf([[TEXT]], password="bí mật"), "a.pdf")
    # Protected against changes only: the empty password opens it.
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf([[TEXT]]))))
    writer.encrypt("", owner_password="chủ", algorithm="AES-128")
    out = io.BytesIO()
    writer.write(out)
    assert shown(read(out.getvalue(), "a.pdf")) == [TEXT]


def test_damaged_pdfs() -> None:
    whole = pdf([[TEXT], [TEXT]])
    for cut in (60, len(whole) // 2, len(whole) - 40):
        assert "cut short or damaged" in refused(whole[:cut], "a.pdf")
    assert "not a PDF" in refused(b"<html>404</html>", "a.pdf")


def test_pdfs_of_images() -> None:
    assert "run OCR" in refused(pdf([[], []]), "a.pdf")
    record = read(pdf([[TEXT], []]), "a.pdf")
    assert record.notes == ("1 of 2 pages contain no text",)


# ---- Word


def test_a_docx() -> None:
    data = docx(
        [
            ("Title", "Hội đua thuyền Nậm Cắt"),
            ("Heading 1", "Kết quả"),
            ("Normal", TEXT),
            ("List Bullet", "Giải nhất: một con bò"),
        ],
        [["Bản", "Phút"], ["Nà Lạn", "4,2"]],
        title="Bản tin",
        author="Lường Sơn",
    )
    record = read(data, "a.docx")
    assert (record.article.title, record.article.author, record.article.date) == (
        "Hội đua thuyền Nậm Cắt",
        "Lường Sơn",
        None,
    )
    assert shown(record) == [
        "Hội đua thuyền Nậm Cắt",
        "Kết quả",
        TEXT,
        "Giải nhất: một con bò",
        "Bản | Phút",
        "Nà Lạn | 4,2",
    ]
    assert record.encoding == ""


def test_meaningless_docx_properties() -> None:
    record = read(docx([("Normal", TEXT)], author="Windows User"), "a.docx")
    assert record.article.title == "" and record.article.author == "" and record.article.date is None


def test_a_docx_in_a_font_encoding() -> None:
    record = read(docx([("Normal", "Hoäi ñua thuyeàn ñoäc moäc ôû baûn Naø Laïn, ñoâng vui hôn moïi naêm.")]), "a.docx")
    assert record.encoding == "VNI"
    assert shown(record) == ["Hội đua thuyền độc mộc ở bản Nà Lạn, đông vui hơn mọi năm."]


def test_not_a_docx() -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.txt", TEXT)
    assert refused(archive.getvalue(), "a.docx") == "is an archive, but not a Word document"
    assert "cut short or damaged" in refused(docx([("Normal", TEXT)])[:3000], "a.docx")
    assert "old .doc" in refused(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "a.docx")
    assert "not a Word document" in refused(TEXT.encode(), "a.docx")
    assert "is empty" in refused(docx([("Normal", " ")]), "a.docx")


def test_a_docx_that_unpacks_to_gigabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("semsearch.ingest.word.MAX_UNPACKED", 1000)
    assert "unpacks to more than" in refused(docx([("Normal", TEXT)]), "a.docx")


# ---- Markdown

MARKDOWN = f"""---
date: 2018-08-27
---
# Hội **đua thuyền** Nậm Cắt

> {TEXT}

![Bến thuyền](ben.jpg) Xem [kết quả](https://bao.example/kq), _chung cuộc_ và `a_b`.

<!-- một
chú thích -->
| Bản | Phút |
|---|---|
| Nà Lạn | 4,2 |

```
mã
```
* Giải nhất: 1 * 2 con bò
"""


def test_markdown_without_its_marks() -> None:
    record = read(MARKDOWN.encode(), "a.md")
    article = record.article
    assert article.title == "Hội đua thuyền Nậm Cắt" and article.date == dt.date(2018, 8, 27)
    assert shown(record) == [
        "Hội đua thuyền Nậm Cắt",
        TEXT,
        "Bến thuyền Xem kết quả, chung cuộc và a_b.",
        "Bản | Phút",
        "Nà Lạn | 4,2",
        "mã",
        "Giải nhất: 1 * 2 con bò",
    ]
    assert [article.line(block.start) for block in article.blocks] == [4, 6, 8, 12, 14, 17, 19]


def test_markdown_titles() -> None:
    assert read(f"---\ntitle: Khác\n---\n# Hội\n\n{TEXT}".encode(), "a.md").article.title == "Khác"
    assert read(f"{TEXT}\n\n# Kết quả\n\n{TEXT}".encode(), "a.md").article.title == ""
