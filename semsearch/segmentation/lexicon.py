"""Words that help to tell the end of a Vietnamese sentence from another full stop or line break."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Abbreviations that never end a sentence: "TP. Vinh", "GS. Hoa".
ABBREVIATIONS = _words(
    "tp tx tt ths ts gs pgs bs bscki bsckii ks kts ls đd ys ncs nsnd nsưt đ/c nxb st mr mrs ms dr prof "
    "vs cf vd sđd đt sđt tel fax kp tm kt tl tuq"
)
# Abbreviations that may also end a sentence, if a usual first word or a Vietnamese word follows.
AMBIGUOUS_ABBREVIATIONS = _words("cn ct cty sv gv ds no vol fig pp tr")
COMPANY_SUFFIXES = _words("co ltd inc corp jr sr etc bros")
UNITS = _words("m cm mm km kg g mg ml l ha mmhg km/h m2 m3 km2 °c vnđ vnd usd đ")
# Usual first words of a sentence, which hardly ever continue a name.
FIRST_WORDS = _words(
    "sau trong ngoài đến tại từ theo khi nếu tuy vì do bởi để với về trên dưới trước qua bên đây đó điều việc vụ hiện "
    "ngay lúc hôm ngày sáng chiều tối trưa đêm năm tháng các những một hai ba nhiều mỗi mọi cả cũng cùng còn nhưng và "
    "song thế vậy nên ông bà anh chị em cô chú cháu bé họ chúng tôi nó người ai được bị có không chưa đã đang sẽ đối "
    "nạn bước thấy biết nghe nói thực kết riêng đặc đồng tiếp tổng khoảng hơn gần vào ở như là mà thì quá rồi bằng dù "
    "mặc giờ phía nhờ làm đầu cuối giữa liên phát trả hậu cơ lực"
)
FORMS_OF_ADDRESS = _words("anh chị ông bà em cô chú bác cháu bé tên cậu thầy dì thím mợ và")
SURNAMES = _words(
    "Nguyễn Trần Lê Phạm Hoàng Huỳnh Phan Vũ Võ Đặng Bùi Đỗ Hồ Ngô Dương Lý Đinh Trịnh Đoàn Trương Lương Đào Vương Lưu"
)
# Nouns with a letter for a name ("vitamin C", "nhóm A"); after other words a single letter is an initial.
LETTERED_NOUNS = _words(
    "vitamin nhóm khối bảng loại hạng lớp tổ khu nhà gan cúm điểm khóa khoá kỳ kỷ quý thứ cấp bậc tập hình câu tòa "
    "toà dãy độ tia trục phim phần mục chương gói dạng mức án chữ"
)
# Words that end no phrase, so that a line that ends with one continues on the next line.
NEVER_LAST = _words(
    "của và là tại với bởi các những mỗi mọi hoặc nhưng nhằm thuộc gồm được bị như thì mà vì cho để rằng"
)
NEVER_LAST_BEFORE_NUMBER = _words("hơn gần khoảng số ngày tháng năm quý lúc từ đến trên dưới điều khoản còn đạt sẵn có")
NEVER_LAST_BEFORE_NAME = _words("ông bà tỉnh huyện xã phường quận đường ở tướng tá úy thôn theo")
