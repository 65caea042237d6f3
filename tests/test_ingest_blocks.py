"""Blocks: complete paragraphs without menus and credits, with the right offsets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsearch.ingest.blocks import find_blocks
from semsearch.ingest.head import lines_of
from semsearch.text import clean
from semsearch.types import Article

P1 = "Sáng nay, xã Nậm Cắt mở hội đua thuyền độc mộc trên khúc sông trước nhà văn hóa, đông vui hơn mọi năm."
P2 = "Mười chín đội thuyền của bảy bản dọc sông cùng về tranh giải, mỗi đội từ mười sáu đến hai mươi tư tay chèo."


def blocks(text: str) -> list[str]:
    return [block.of(text) for block in find_blocks(text, lines_of(text))]


def article(text: str) -> Article:
    return Article(text, ("/bao/a.txt",), find_blocks(text, lines_of(text)))


def test_paragraphs_by_blank_lines_and_by_full_stops() -> None:
    assert blocks(f"{P1}\n\n{P2}") == [P1, P2]
    assert blocks(f"{P1}\n{P2}") == [P1, P2]
    assert blocks(f"  {P1}  \n \n\n\t{P2}\n") == [P1, P2]


def test_headings_are_blocks() -> None:
    assert blocks(f"Hội đua thuyền Nậm Cắt\n{P1}\nKết quả chung cuộc\n{P2}") == [
        "Hội đua thuyền Nậm Cắt",
        P1,
        "Kết quả chung cuộc",
        P2,
    ]


def test_lines_broken_in_the_middle_of_a_sentence_stay_together() -> None:
    assert blocks(f"Lực\nlượng dân quân kè bờ sông\n\n{P2}") == ["Lực\nlượng dân quân kè bờ sông", P2]
    wrapped = (
        "Sáng nay, tại khúc sông trước nhà văn hóa xã, Ủy ban nhân dân xã\n"
        "Nậm Cắt mở hội đua thuyền độc mộc. Đoàn của tỉnh do ông Lường Văn\n"
        "Ẹt dẫn đầu đã đến dự và trao giải cho đội về nhất.\n"
        "Đội Nà Lạn được thưởng một con bò và hai mươi triệu đồng tiền mặt,\n"
        "do hội phụ nữ xã quyên góp."
    )
    assert blocks(wrapped) == [wrapped[: wrapped.index("\nĐội")], wrapped[wrapped.index("Đội Nà") :]]


def test_lines_in_capitals_do_not_run_on_into_others() -> None:
    wrapped = "BẢN TIN NỘI BỘ CỦA XÃ NẬM CẮT – SỐ CHÍN\nHội đua thuyền độc mộc trên khúc sông trước\nnhà văn hóa xã."
    assert blocks(wrapped) == wrapped.split("\n", 1)


def test_an_abbreviation_at_the_end_of_a_full_line_does_not_end_a_paragraph() -> None:
    wrapped = (
        "Đoàn khách đi đường bộ từ Lào Cai qua Yên Bái rồi xuôi về TP.\n"
        "Hà Nội trong ngày, sáng hôm sau lại lên đường đi Nghệ An thăm\n"
        "họ hàng và dự hội làng."
    )
    assert blocks(wrapped) == [wrapped]


def test_items_of_lists_are_blocks_without_their_bullets() -> None:
    text = f"{P1}\nLễ hội gồm:\n- Đua thuyền nam\n- đua thuyền nữ\n1. Kéo co\n2. Đẩy gậy\na) ném còn\n+Bắn nỏ"
    assert blocks(text) == [
        P1,
        "Lễ hội gồm:",
        "Đua thuyền nam",
        "đua thuyền nữ",
        "1. Kéo co",
        "2. Đẩy gậy",
        "a) ném còn",
        "Bắn nỏ",
    ]


def test_articles_of_a_law() -> None:
    text = "Chương I\nQUY ĐỊNH CHUNG\nĐiều 1. Phạm vi\nQuy chế này áp dụng cho bảy bản.\nĐiều 2. Đối tượng"
    assert blocks(text)[-3:] == ["Điều 1. Phạm vi", "Quy chế này áp dụng cho bảy bản.", "Điều 2. Đối tượng"]


def test_table_rows_are_blocks() -> None:
    assert blocks(f"{P1}\n\nBản | Số hộ\nNà Lạn | 312\nKhuổi Sao | 275") == [
        P1,
        "Bản | Số hộ",
        "Nà Lạn | 312",
        "Khuổi Sao | 275",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "Phản hồi",
        "Bình luận (12)",
        "Ý kiến bạn đọc",
        "Chia sẻ",
        "Chia sẻ bài viết lên Facebook, Zalo",
        "Facebook | Twitter | Email",
        "In bài viết",
        "Gửi email cho bạn bè",
        "Về trang chủ",
        "Trở lại đầu trang",
        "Tìm kiếm theo:Chuyên mục nàyTất cả các chuyên mục",
        "Từ khóa: đua thuyền, Nậm Cắt, lễ hội",
        "Tags: lễ hội",
        "Lượt xem: 1.204",
        "3.512 lượt xem",
        "Cỡ chữ: A A+",
        "Theo dõi Báo Miền Núi trên Google News",
        "Quảng cáo",
        "Xem thêm: Giá ngô tăng trở lại sau tết",
        ">> Giá ngô tăng trở lại sau tết",
        "Trang chủ > Văn hóa > Lễ hội",
        "Trang chủ | Thời sự | Kinh tế | Văn hóa | Thể thao",
        "Ảnh: Lường Sơn",
        "(Ảnh minh họa)",
        "Ảnh: TTXVN",
        "Nguồn ảnh: Internet",
        "Ảnh, clip: Văn Sơn",
        "© 2019 Báo Miền Núi. Ghi rõ nguồn khi phát lại.",
        "-----",
        "* * *",
    ],
)
def test_boilerplate_lines(line: str) -> None:
    assert blocks(f"{P1}\n\n{line}\n\n{P2}") == [P1, P2]


@pytest.mark.parametrize(
    "line",
    [
        "Chia sẻ với phóng viên, cụ Ẹt rất vui",
        "Anh: con trai cụ Ẹt",
        "Ảnh hưởng của bão số 3",
        "Bình luận của huấn luyện viên trưởng",
        "Quang cảnh hội nghị",
        "Ông Lường Văn Ẹt trao giải cho đội Nà Lạn. (Ảnh: Văn Sơn)",
        "Ảnh: Ông Lường Văn Ẹt trao giải cho đội Nà Lạn về nhất",
        "Kinh tế",
        "Tin vui từ bản Khuổi Lầu",
        "2019",
        "Bài 1",
        "312",
    ],
)
def test_lines_that_only_look_like_boilerplate(line: str) -> None:
    assert blocks(f"{P1}\n\n{line}\n\n{P2}") == [P1, line, P2]


def test_links_below_a_menu_at_the_end() -> None:
    text = (
        f"{P1}\n\n{P2}\n\nCác tin khác:\n- Giá ngô tăng trở lại (26/8)\n- Huyện trồng mới 200 ha rừng\n\n"
        "Xem nhiều nhất\n\nTập huấn nuôi bò vỗ béo\n\nMới nhất\n\nPhản hồi"
    )
    assert blocks(text) == [P1, P2]


def test_links_below_a_menu_in_the_middle_end_with_the_running_text() -> None:
    text = f"{P1}\n\nTin liên quan\n\nGiá ngô tăng trở lại\n\nTập huấn nuôi bò\n\nKết quả chung cuộc\n\n{P2}"
    assert blocks(text) == [P1, "Kết quả chung cuộc", P2]  # the line above running text may be its heading


def test_text_below_a_menu_heading_is_kept_if_there_is_nothing_else() -> None:
    poem = "Xem thêm\n\nSông dài nước chảy lững lờ\n\nThuyền ai đậu bến bơ vơ một mình"
    assert blocks(poem) == ["Sông dài nước chảy lững lờ", "Thuyền ai đậu bến bơ vơ một mình"]


def test_a_text_of_boilerplate_only_is_kept() -> None:
    assert blocks("Ảnh: Văn Sơn\n\nPhản hồi") == ["Ảnh: Văn Sơn", "Phản hồi"]


def test_a_menu_of_sections_at_the_top() -> None:
    assert blocks(f"Văn hóa - Xã hội\nHội đua thuyền\n{P1}") == ["Hội đua thuyền", P1]
    assert blocks(f"Trang chủ\nThời sự\nKinh tế\nVăn hóa\nThể thao\n\n{P1}\n\n{P2}") == [P1, P2]


def test_a_repeated_caption_is_kept_once() -> None:
    caption = "Cụ Lường Thị Ẹt gõ trống cổ vũ bên bờ sông. (Ảnh: TTXVN phát)"
    text = f"Hội đua thuyền Nậm Cắt\n{caption}\n\n{caption}\n\n{P1}\n\n{P2}"
    assert blocks(text) == ["Hội đua thuyền Nậm Cắt", caption, P1, P2]
    assert find_blocks(text, lines_of(text))[1].start == text.index(caption)
    assert blocks(f"{P1}\n\nQuang cảnh hội\n\nQuang cảnh hội\n\n{P2}") == [P1, "Quang cảnh hội", P2]
    prizes = ["Giải nhì", "Một triệu đồng", "Giải ba", "Một triệu đồng"]  # no captions
    assert blocks("\n\n".join([P1, *prizes])) == [P1, *prizes]


# ---- properties

LINES = st.sampled_from(
    [
        "",
        " ",
        P1,
        P2,
        "Các tin khác",
        "Ảnh: Sơn",
        "- mục",
        "Trang chủ",
        "a | b",
        "đoạn bị",
        "ngắt,",
        "Hà Nội",
        "TP.",
        "…",
        "./.",
    ]
)
TEXTS = st.one_of(st.text(max_size=300), st.lists(st.one_of(LINES, st.text(max_size=40)), max_size=25).map("\n".join))


@given(TEXTS)
def test_blocks_are_stripped_ordered_disjoint_and_in_range(raw: str) -> None:
    text = clean(raw)
    found = find_blocks(text, lines_of(text))
    end = 0
    for block in found:
        assert end <= block.start < block.end <= len(text)
        assert block.of(text) == block.of(text).strip()
        assert any(map(str.isalnum, block.of(text)))
        end = block.end
    assert found or not any(map(str.isalnum, text))


@given(TEXTS)
def test_lines_of(text: str) -> None:
    lines = lines_of(text)
    assert [line.of(text) for line in lines] == [line.strip() for line in text.split("\n")]


@pytest.mark.parametrize(
    "text",
    [
        "chia sẻ " * 30_000,
        ("bài viết " * 25 + "!\n") * 2_000,
        ("1" * 240 + "x\n") * 2_000,
        ("> " * 120 + "\n") * 2_000,
        ("Mới nhất\nGiá ngô tăng\n\n") * 20_000,
        "\n" * 300_000,
        ("đoạn bị ngắt giữa\n") * 30_000,
        "a " * 500_000,
    ],
)
@pytest.mark.time_limit(60)
def test_hostile_texts_take_linear_time(text: str) -> None:
    """The time limit only detects quadratic work, which would take hours."""
    find_blocks(text, lines_of(text))
