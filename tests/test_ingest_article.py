"""From extracted text to an article: title, date, author and URL, each only if the text gives it."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsearch.errors import IngestError
from semsearch.ingest.article import MAX_TEXT, ExtractedText, build_article
from semsearch.ingest.head import as_url, field_name, first_field
from semsearch.types import Article

LEAD = "Sáng 27/8, xã Nậm Cắt mở hội đua thuyền độc mộc trên khúc sông trước nhà văn hóa, đông vui hơn mọi năm."
MORE = "Mười chín đội thuyền của bảy bản dọc sông cùng về tranh giải, mỗi đội có từ mười sáu tay chèo trở lên."


def made(text: str, **fields: object) -> Article:
    return build_article(ExtractedText(text, may_have_head=True, **fields), "/bao/a.txt")  # type: ignore[arg-type]


def shown(article: Article) -> list[str]:
    return [block.of(article.text) for block in article.blocks]


def test_a_title_is_a_short_first_line_above_running_text() -> None:
    article = made(f"Hội đua thuyền Nậm Cắt\n\n{LEAD}\n\n{MORE}\n")
    assert article.title == "Hội đua thuyền Nậm Cắt"
    assert shown(article) == ["Hội đua thuyền Nậm Cắt", LEAD, MORE]
    assert article.sources == ("/bao/a.txt",) and article.source == "/bao/a.txt"
    assert made(f"Vì sao hội đua thuyền đông khách?\n{LEAD}").title == "Vì sao hội đua thuyền đông khách?"


@pytest.mark.parametrize(
    "first",
    [
        "Một góc bến Nậm Cắt.",  # a caption: it ends like a sentence
        "Các đội vào vạch xuất phát. (Ảnh: Văn Sơn)",
        "Ảnh: Lường Sơn",
        "Lễ hội gồm:",
        "đua thuyền",
        "Hội",
        "Thứ Hai, 27/8/2018 | 09:30 GMT+7",
        MORE,
    ],
)
def test_other_first_lines_are_no_titles(first: str) -> None:
    assert made(f"{first}\n\n{LEAD}\n\n{MORE.replace('Mười', 'Hai mươi')}").title == ""


def test_no_title_without_running_text() -> None:
    assert made("Hội đua thuyền Nậm Cắt\nHội kéo co Khuổi Lầu").title == ""


def test_a_caption_between_title_and_text() -> None:
    caption = "Cụ Ẹt gõ trống cổ vũ. (Ảnh: TTXVN phát)"
    article = made(f"Hội đua thuyền Nậm Cắt\n{caption}\n\n{caption}\n\n{LEAD}\n\n{MORE}")
    assert article.title == "Hội đua thuyền Nậm Cắt"
    assert shown(article) == ["Hội đua thuyền Nậm Cắt", caption, LEAD, MORE]


def test_front_matter() -> None:
    article = made(
        "---\ntitle: 'Hội đua thuyền: năm thứ chín'\nNgày đăng: 27/8/2018\nauthor: Văn Sơn\n"
        f"source: https://www.bao.example/hoi\ntags: [a, b]\n---\n\n{LEAD}\n"
    )
    assert article.title == "Hội đua thuyền: năm thứ chín"
    assert article.date == dt.date(2018, 8, 27)
    assert (article.author, article.url) == ("Văn Sơn", "https://www.bao.example/hoi")
    assert shown(article) == [LEAD]
    assert article.line(article.blocks[0].start) == 9  # the file's own line


def test_a_rule_is_no_front_matter() -> None:
    assert shown(made(f"---\n\n{LEAD}\n\n{MORE}")) == [LEAD, MORE]


def test_lines_with_a_key() -> None:
    article = made(f"Tiêu đề: Hội đua thuyền\nNgày: 27/8/2018\nTác giả: Văn Sơn\nNguồn: bao.example.vn/hoi\n\n{LEAD}")
    assert article.title == "Hội đua thuyền" and article.date == dt.date(2018, 8, 27)
    assert article.author == "Văn Sơn" and article.url == "bao.example.vn/hoi"
    assert shown(article) == [LEAD]


def test_a_source_that_is_no_address() -> None:
    assert made(f"Nguồn: Báo Miền Núi\n\n{LEAD}").url == ""


def test_an_address_alone_on_the_first_line() -> None:
    article = made(f"https://bao.example/2018/08/27/hoi\n\n{LEAD}")
    assert article.url == "https://bao.example/2018/08/27/hoi" and article.date == dt.date(2018, 8, 27)
    assert shown(article) == [LEAD]


def test_a_stamp_before_the_first_word() -> None:
    article = made(f" date 2018-08 Vì vậy, hội được mở sớm hơn.\n\n{MORE}")
    assert article.date == dt.date(2018, 8, 1) and article.title == ""
    assert shown(article)[0] == "Vì vậy, hội được mở sớm hơn."
    # ... and its day, if the article gives it
    assert made(f" date 2018-08 Vì vậy, hội được mở sớm hơn.\n\n{LEAD}").date == dt.date(2018, 8, 27)


def test_a_line_of_date_alone() -> None:
    article = made(f"Hội đua thuyền Nậm Cắt\nThứ Hai, 27/8/2018 | 09:30 GMT+7\n\n{LEAD}")
    assert article.date == dt.date(2018, 8, 27) and article.title == "Hội đua thuyền Nậm Cắt"
    assert shown(article) == ["Hội đua thuyền Nậm Cắt", LEAD]


def test_what_is_given_outweighs_what_is_read() -> None:
    article = made(f"Hội đua thuyền\n27/8/2018\n{LEAD}", title="", date=dt.date(2017, 1, 2), author="Sơn")
    assert (article.title, article.date, article.author) == ("", dt.date(2017, 1, 2), "Sơn")
    assert made(LEAD, created=dt.date(2018, 9, 1)).date == dt.date(2018, 9, 1)
    assert made(f"27/8/2018\n{LEAD}", created=dt.date(2018, 9, 1)).date == dt.date(2018, 8, 27)


@pytest.mark.parametrize(
    ("last", "author"),
    [
        ("Lường Văn Sơn", "Lường Văn Sơn"),
        ("Theo TTXVN", "TTXVN"),
        ("(Theo Báo Miền Núi)", "Báo Miền Núi"),
        ("Bài, ảnh: Văn Sơn", "Văn Sơn"),
        ("Tin và ảnh: Sùng A Vừ", "Sùng A Vừ"),
    ],
)
def test_who_signed(last: str, author: str) -> None:
    article = made(f"{LEAD}\n\n{MORE}\n\n{last}")
    assert article.author == author
    assert shown(article) == [LEAD, MORE]


@pytest.mark.parametrize(
    "last", ["Nậm Cắt", "Kết quả chung cuộc", "Đội Nà Lạn về nhất.", "Hà Nội", "Theo đó, hội mở lại"]
)
def test_last_lines_that_are_no_signature(last: str) -> None:
    assert made(f"{LEAD}\n\n{MORE}\n\n{last}").author == ""


def test_an_official_document_is_named_by_kind_and_subject() -> None:
    article = made(
        "ỦY BAN NHÂN DÂN\nXÃ NẬM CẮT\n-------\nCỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM\nĐộc lập - Tự do - Hạnh phúc\n"
        "---------------\nSố: 15/QĐ-UBND\nNậm Cắt, ngày 27 tháng 8 năm 2018\n\nQUYẾT ĐỊNH\n"
        f"Về việc mở hội đua thuyền độc mộc\n\nCăn cứ Luật Di sản văn hóa;\n\n{LEAD}"
    )
    assert article.title == "QUYẾT ĐỊNH Về việc mở hội đua thuyền độc mộc"
    assert article.date == dt.date(2018, 8, 27)
    assert not any("Độc lập" in block or "CỘNG HÒA" in block for block in shown(article))
    notice = made(
        "UBND xã Nậm Cắt      Cộng hoà xã hội chủ nghĩa Việt Nam\nVăn phòng      Độc lập - Tự do - Hạnh phúc\n\n"
        f"Thông báo về việc mở hội đua thuyền\n\n{LEAD}"
    )
    assert notice.title == "Thông báo về việc mở hội đua thuyền"
    assert "Số: 15/QĐ-UBND" in shown(article) and "Nậm Cắt, ngày 27 tháng 8 năm 2018" in shown(article)


def test_text_is_cleaned_once_and_offsets_count_in_it() -> None:
    article = made("\ufeffHô\u0323i\u00a0đua thuyê\u0300n\r\n\r\nVu\u0301i\u200b lă\u0301m.\r\n")
    assert article.text == "Hội đua thuyền\n\nVúi lắm."
    assert shown(article) == ["Hội đua thuyền", "Vúi lắm."]


@pytest.mark.parametrize("text", ["", " \n\t\n", "\ufeff", "\u200b\n"])
def test_an_empty_text(text: str) -> None:
    with pytest.raises(IngestError, match="is empty"):
        made(text)


def test_a_text_that_is_too_long() -> None:
    with pytest.raises(IngestError, match="more than 20 million characters"):
        made("a" * (MAX_TEXT + 1))


def test_names_of_fields() -> None:
    assert [field_name(n) for n in ("Tiêu đề", " Nội dung ", "_id", "URL", "Ngày đăng:")] == [
        "tieu_de",
        "noi_dung",
        "_id",
        "url",
        "ngay_dang",
    ]
    assert first_field({"id": 7, "_id": "x"}, "id") == "x" and first_field({"title": ""}, "title") is None
    assert as_url("https://bao.example/a?b=1") and as_url("www.bao.vn") and as_url("<bao.vn/tin>") == "bao.vn/tin"
    assert as_url("Báo Miền Núi") == as_url(None) == as_url("3.5") == ""


@given(st.text(max_size=400), st.booleans())
def test_any_text_is_an_article_or_refused(text: str, plain: bool) -> None:
    try:
        article = build_article(ExtractedText(text, may_have_head=plain), "x")
    except IngestError:
        return
    assert all(0 <= b.start < b.end <= len(article.text) for b in article.blocks)
    assert article.title in " ".join(article.text.split()) or not plain or "\n" in text
    article.text.encode()


HEADS = st.sampled_from(
    ["---", "title: a", "Tiêu đề: b", "date 2018-08 x", "https://a.vn", "27/8/2018", LEAD, "", "Ngày: x"]
)


@given(st.lists(HEADS, max_size=8).map("\n".join))
def test_any_head_is_read(text: str) -> None:
    try:
        article = build_article(ExtractedText(text, may_have_head=True), "x")
    except IngestError:
        return
    end = 0
    for block in article.blocks:
        assert end <= block.start < block.end and block.of(article.text).strip() == block.of(article.text)
        end = block.end


def test_an_address_is_cleaned_like_every_text() -> None:
    assert as_url(" <https://bao\ufeffso.example/1> ") == "https://baoso.example/1"
    assert as_url("Báo Số") == ""
