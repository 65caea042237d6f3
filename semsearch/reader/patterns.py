"""Patterns of Vietnamese numbers, dates, names and offices, and the words around answers.

All but NAME, TITLE and TITLED are for lower-case text in the new tone placement.
"""

from __future__ import annotations

import re

from ..lazy_regex import lazy_compile
from .question import Kind

__all__ = [
    "BREAK",
    "CLASS",
    "CLASSIFIERS",
    "CONNECTIVES",
    "CUES",
    "DATE",
    "LABELLED",
    "NAME",
    "NEVER_LAST",
    "NOT_ALONE",
    "NOT_NAMES",
    "NUMBER",
    "ONE_WORD_PLACES",
    "ROLE",
    "ROLE_END",
    "SMALL_WORDS",
    "TITLE",
    "TITLED",
    "TWO_WORDS",
    "UNIT",
]


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _any(words: str) -> str:
    """An alternative of phrases, written with _ for a space; the longest first, so that none hides another."""
    return "(?:" + "|".join(w.replace("_", r"\s") for w in sorted(words.split(), key=len, reverse=True)) + ")"


_UP = "A-ZÀÁÂÃÈÉÊÌÍÒÓÔÕÙÚÝĂĐĨŨƠƯẠ-Ỹ"

# Numbers ---------------------------------------------------------------------------------------

_COUNTING = _any(
    "một hai ba bốn tư năm lăm sáu bảy bẩy tám chín mười mươi trăm nghìn ngàn triệu tỷ tỉ vạn chục nửa rưỡi đôi tá"
)
_DIGITS = r"(?<![\w.,/])\d+(?:[.,]\d+)*(?:\s?[-–]\s?\d+(?:[.,]\d+)*)?(?![\w/])"
NUMBER = lazy_compile(
    # A counting word right before digits is another word ("năm 2017", "ba 30"): it does not count.
    rf"(?:{_DIGITS}|(?<!\w){_COUNTING}(?!\w)(?!\s\d))(?:\s(?:{_COUNTING}|lẻ)(?!\w)(?!\s\d))*(?:\s?%|\s?‰)?"
)
NOT_ALONE = _set("một tư năm lăm mươi tá vạn đôi rưỡi chục tỷ tỉ triệu nghìn ngàn trăm")
"""Words that count beside others and mostly mean something else when they stand alone."""
LABELLED = lazy_compile(
    r"(?<!\w)" + _any("điều khoản chương mục số khu quyết quận phường lớp tầng trụ tập nhóm hạng cấp") + r"\s$"
)
"""Before a number that names something and counts nothing (Quân khu 4, Điều 28)."""
UNIT = lazy_compile(
    r"\s?"
    + _any(
        "đồng đô_la_mỹ đô_la đô-la đô usd euro vnd bảng_anh bảng yên phần_trăm người km² km2 m² m2 km cm mm mét_vuông "
        "mét héc_ta hecta ha kg gram gam g tấn tạ lít ml năm tháng tuần ngày giờ phút giây tuổi lần độ_c độ °c °f "
        "kilômét dặm hải_lý"
    )
    + r"(?!\w)"
)
TWO_WORDS = lazy_compile(r"(\s[^\W\d]+)(\s[^\W\d]+)?")
CLASSIFIERS = _set(
    "loại kiểu con chiếc cái ngôi người ca vụ lần năm tháng ngày giờ phút tuần cây quả bức bài cuốn xã huyện tỉnh quận "
    "phường làng bản nước đảo hộ nhà đội lượt tấn triệu tỷ nghìn tiền dân tuổi mét km ha điểm trận bàn suất"
)
"""Words that count alone; after any other, two words make the unit (chi bộ, học sinh)."""

# Dates -----------------------------------------------------------------------------------------

_MONTH = r"(?:\d{1,2}|" + _any("giêng hai ba tư năm sáu bảy tám chín mười_một mười_hai mười chạp") + ")"
_PART = r"(?:(?:đầu|cuối|giữa)\s)?"
_YEAR = r"(?:1\d{3}|20\d\d)"
DATE = lazy_compile(
    "|".join(
        (
            # 27/8, ngày 5-9-2024
            r"(?<![\w/])(?:(?:ngày|mùng|mồng|sáng|chiều|tối|trưa)\s)*"
            r"\d{1,2}\s?[/-]\s?\d{1,2}(?:\s?[/-]\s?\d{2,4})?(?![\w/])",
            # ngày 2 tháng 9 năm 1945, 2 tháng 9, 1945
            rf"(?<!\w)(?:ngày|mùng|mồng)\s\d{{1,2}}(?:\stháng\s{_MONTH})?(?:,?\s(?:năm\s)?\d{{3,4}})?(?!\w)",
            rf"(?<!\w)\d{{1,2}}\stháng\s{_MONTH}(?:,?\s(?:năm\s)?\d{{3,4}})?(?!\w)",
            # cuối tháng 9/2024, tháng Giêng
            rf"(?<!\w){_PART}tháng\s{_MONTH}(?:\s?/\s?\d{{4}}|,?\s(?:năm\s)?\d{{3,4}})?(?!\w)",
            rf"(?<!\w){_PART}(?:những\s)?(?:năm|thập\sniên|thập\skỷ)\s\d{{2,4}}(?!\w)",
            r"(?<!\w)(?:(?:đầu|cuối|giữa|nửa\sđầu|nửa\scuối)\s)?thế\sk[ỷỉ]\s(?:thứ\s)?(?:\d+|[ivxl]+)(?!\w)"
            r"(?:\s(?:trước|sau)\scông\snguyên|\stcn)?",
            rf"(?<![\w.,/]){_YEAR}(?:\s?[-–]\s?{_YEAR})?(?![\w.,/%])",
            r"(?<!\w)\d{1,2}(?:h\d{0,2}|\sgiờ)(?!\w)",
            r"(?<!\w)(?:mùa|đầu|cuối|giữa)\s(?:xuân|hè|hạ|thu|đông|năm)(?!\w)",
        )
    )
)

# Names -----------------------------------------------------------------------------------------

# Capitalised words, joined by small ones where a capital follows.
NAME = lazy_compile(
    rf"(?<!\w)[{_UP}][\w’'.&-]*"
    rf"(?:[ ](?:(?:de la|de|van|von|bin|al|of|the|der|da|du|la)[ ])?[{_UP}][\w’'&-]*|[ ]\d+(?![\w.,/%]))*"
)
_FIRST_WORDS = (
    "theo tuy_nhiên tuy khi năm tại trong sau và nhưng do vì đến với từ trước còn nếu để các những một ở đây đó sự "
    "người nhà nhiều hiện ngày tháng ngoài trên dưới cũng hôm mặc_dù đối_với"
)
_TITLES = (
    "ông bà anh chị em cô chú bác cụ thầy bé cậu nàng ngài đức vua chúa đồng_chí đ/c bác_sĩ tiến_sĩ thạc_sĩ giáo_sư "
    "phó gs pgs ts ths bs tướng đại_tướng thượng_tướng trung_tướng thiếu_tướng đại_tá thượng_tá trung_tá thiếu_tá "
    "đại_úy thượng_úy trung_úy thiếu_úy hoàng_đế hoàng_tử công_chúa nữ_hoàng chủ_tịch thủ_tướng tổng_thống bộ_trưởng "
    "thứ_trưởng tổng_giám_đốc giám_đốc bí_thư hiệu_trưởng"
)
TITLED = lazy_compile(r"(?<!\w)" + _any(_TITLES) + r"\.?\s$", re.IGNORECASE)
"""Ends where a person's name begins."""
TITLE = lazy_compile("(?:" + _any(_TITLES + " " + _FIRST_WORDS) + r"\.?\s)+", re.IGNORECASE)
"""Words before a name that are not a part of it: titles, and words that are capitalised at the start of a sentence."""
ONE_WORD_PLACES = _set("Anh Mỹ Pháp Đức Nga Ý Úc Áo Lào Huế Vinh Bỉ Ấn Nhật Hàn")
NOT_NAMES = _set(
    "ông bà anh chị em cô bác họ tôi bạn chúng nó đồng bên cùng cụ qua mỗi không có được bị là cả hai ba bốn việc cho "
    "này như rằng mặc " + _FIRST_WORDS
)
CLASS = lazy_compile(
    _any(
        "tỉnh thành_phố huyện xã quận phường thị_xã thị_trấn làng bản thôn nước đảo quần_đảo sông núi hồ biển vịnh "
        "vùng khu_vực đường phố bệnh_viện trường đại_học sân_bay cảng nhà_thờ chùa đền bang châu miền cửa_khẩu "
        "trung_tâm khu tp ga lâu_đài cung_điện bảo_tàng công_viên công_ty tập_đoàn ban bộ viện hội đảng đội ngân_hàng "
        "tổ_chức cơ_quan hãng quân_khu ủy_ban liên_đoàn hiệp_hội câu_lạc_bộ sở phòng cục vụ tổng_cục tòa_án quốc_hội "
        "chính_phủ"
    )
    + r"\s$"
)
"""Common nouns that open the name of a place or a body."""
ROLE = lazy_compile(
    r"(?<!\w)(?:(?:quyền|nguyên|cựu|phó|đồng|trợ\slý|thư\ský|[uủ][yỷ]\sviên)\s)*(?:tổng\s)?"
    + _any(
        r"chủ_tịch bí_thư tư_lệnh giám_đốc chính_ủy chính_uỷ thủ_tướng bộ_trưởng thứ_trưởng tổng_thống trưởng_[^\W\d]+ "
        r"chỉ_huy_trưởng chỉ_huy_phó tham_mưu_trưởng viện_trưởng hiệu_trưởng cục_trưởng vụ_trưởng chánh_[^\W\d]+ "
        r"ủy_viên uỷ_viên đại_biểu chủ_nhiệm tổng_bí_thư thống_đốc đại_sứ tổng_biên_tập huấn_luyện_viên đội_trưởng "
        r"phát_ngôn_viên đại_diện tổng_thư_ký chuyên_gia giảng_viên bác_sĩ kỹ_sư luật_sư nhà_[^\W\d]+_[^\W\d]+ "
        r"diễn_viên ca_sĩ cầu_thủ hoàng_đế vua thị_trưởng phó"
    )
    + r"(?!\w)[^,;.:()–—\n\"“”]*"
)
ROLE_END = lazy_compile(
    r"\s"
    + _any(
        "phát_biểu cho_biết cho_hay đề_nghị yêu_cầu biểu_dương nhấn_mạnh khẳng_định nói chủ_trì tham_dự dự trao "
        "trả_lời đã đang sẽ được bị cũng báo_cáo kết_luận chỉ_đạo thông_tin chia_sẻ nhận_định cùng và_các là đến vào "
        "từ khi ký đánh_giá"
    )
    + r"(?!\w)"
)

# Around answers --------------------------------------------------------------------------------

BREAK = lazy_compile(r"[,;:.!?…()\[\]“”\"–—\n]|\s-\s")
"""Where a clause ends."""
CONNECTIVES = _set(
    "là do vì bởi nhờ nhằm để gồm như bằng giúp tại ở với rằng và có được bị cho thành sẽ khiến nên mà vào từ đến của"
)
"""Words that something may begin with, or after."""
NEVER_LAST = CONNECTIVES - _set("được có thành đến bị cho")
"""Connectives that nothing ends in."""
SMALL_WORDS = lazy_compile(
    r"(?:\s(?!(?:"
    + "|".join(sorted(CONNECTIVES))
    + rf"|đã|đang|trong|sau|khi|những|các)\b)[^\W\d{_UP}][^\W\d]*){{0,5}}"
)
"""Up to five words without a capital, none of them a connective."""
CUES: dict[Kind, frozenset[str]] = {
    "number": _set("là có khoảng hơn với đến trong chiếm"),
    "date": _set("vào từ đến trong ngày lúc hồi khi năm"),
    "person": _set("do bởi là của ông bà với và cho"),
    "role": _set("là giữ chức làm vị"),
    "place": _set("ở tại đến từ về vào là qua trên"),
    "organisation": _set("do bởi là của tại cho với vào"),
    "reason": _set("do vì bởi nhờ là nhằm để nên khiến giúp từ"),
    "definition": _set("là gồm tên gọi có"),
    "other": _set("là gồm như bằng giúp có bị để do được cho về với rằng bởi sẽ nhằm trong thành"),
}
"""Words after which an answer of a kind often begins."""
