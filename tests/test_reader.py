"""The bundled reader: sentences, answer spans, and questions without an answer."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from factories import SAMPLE_ARTICLES, HashEncoder, hit
from hypothesis import given, settings
from hypothesis import strategies as st

from semsearch.encoders import load_encoder
from semsearch.errors import UsageError
from semsearch.index import Index
from semsearch.protocols import Reader
from semsearch.reader import bundled as sr
from semsearch.reader import weights
from semsearch.reader.bundled import BundledReader
from semsearch.reader.evidence import FEATURES, SIGNS, features, lines, signs
from semsearch.reader.extract import GROUPS, SPAN_FEATURES, best_span, candidates, completed, marks, typed
from semsearch.reader.question import Idf, understand
from semsearch.text import as_query, clean
from semsearch.types import Answer, Article, Hit, Passage, Scores, Span

WORDS = load_encoder()

SENTENCE = re.compile(r"\S[^.?!]*(?:\.(?=\d)[^.?!]*)*[.?!]?")  # good enough here
FLAT = Idf({}, 1.0)  # all words have the same IDF, so that overlaps can be computed by hand
WEIGHTS = sr.ReaderModel.load()


def hits(*passages: str | tuple[str, str], fused: Sequence[float] = ()) -> list[Hit]:
    """Return one hit for each text, or pair of title and text."""
    found = []
    for rank, item in enumerate(passages, 1):
        title, text = item if isinstance(item, tuple) else ("", item)
        sentences = [Span(m.start(), m.end()) for m in SENTENCE.finditer(text)]
        found.append(hit(rank, text, title=title, sentences=sentences, score=fused[rank - 1] if fused else None))
    return found


def read(question: str, *passages: str | tuple[str, str], least: float = 0.0) -> Answer:
    return BundledReader(WORDS, min_confidence=least).read(as_query(question), hits(*passages))


def quote(answer: Answer) -> str:
    assert answer.citation and answer.sentence
    return answer.sentence.of(answer.citation.article.text)


# Understanding the question --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Cầu dài bao nhiêu mét?", "number"),
        ("Có mấy bản chưa có điện?", "number"),
        ("Dân số của xã", "number"),
        ("cau dai bao nhieu met", "number"),
        ("Cầu khánh thành khi nào?", "date"),
        ("Trường mở cửa vào năm nào?", "date"),
        ("truong mo cua nam nao", "date"),
        ("Ai xây cây cầu này?", "person"),
        ("Giám đốc hợp tác xã là ai?", "person"),
        ("Tổng thống Pháp là ai?", "person"),
        ("Bà Lò Thị Mai là ai?", "role"),
        ("Ông Tấn giữ chức vụ gì?", "role"),
        ("Hội tổ chức ở đâu?", "place"),
        ("Gạo được bán sang nước nào?", "place"),
        ("Đơn vị nào thi công?", "organisation"),
        ("Vì sao cầu sập?", "reason"),
        ("vi sao cau sap", "reason"),
        ("Khèn bè là gì?", "definition"),
        ("Tình hình ra sao?", "other"),
        ("máy bay hạ cánh", "other"),  # not "mấy"
        ("may bay ha canh the nao", "other"),
        ("How many people live there?", "number"),
        ("Who built the bridge?", "person"),
        ("When was it opened?", "date"),
        ("", "other"),
    ],
)
def test_kind(question: str, kind: str) -> None:
    assert understand(question, FLAT).kind == kind


def test_names_are_runs() -> None:
    found = understand("Theo ông Lù Văn Thinh, tỉnh Hà Giang mời Donald Trump ngày 27/8/2018 mấy lần?", FLAT)
    assert found.names == (
        (("lù", "văn"), ("văn", "thinh")),
        (("hà", "giang"),),
        (("donald",), ("trump",)),
        (("27/8/2018",), ("27", "8", "2018"), ("27", "tháng", "8")),
    )
    assert understand("Huế có gì?", FLAT).names == ()  # a first word is always capitalised
    assert understand("TỈNH HÀ GIANG CÓ GÌ?", FLAT).names == ()
    assert understand("What is Hanoi?", FLAT).names == ((("hanoi",),),)


def test_content_and_form() -> None:
    exact = understand("Cầu Bản Lầy dài bao nhiêu mét?", FLAT)
    assert set(exact.weights) == {"cầu", "bản", "lầy", "dài", "mét"}
    assert exact.form("Cầu 1.200 m") == ["cầu", "1200", "m"]
    plain = understand("cau Ban Lay dai bao nhieu met", FLAT)
    assert plain.plain and set(plain.weights) == {"cau", "ban", "lay", "dai", "met"}
    assert plain.form("Cầu Bản Lầy") == ["cau", "ban", "lay"]
    english = understand("How long is Ban Lay bridge?", FLAT)
    assert english.english and set(english.weights) == {"ban", "lay"}
    assert understand("là gì?", FLAT).weights  # only function words, which are better than nothing


def test_rarity() -> None:
    rare = Idf({"tá": 5.0, "ta": 2.0, "tả": 6.0}, 8.0)
    assert [rare(t) for t in ("tá", "ta", "khác")] == [5.0, 2.0, 8.0]
    assert rare("ta", plain=True) == 2.0  # the most common of the words that fold to it
    assert rare("khac", plain=True) == 8.0


# Evidence --------------------------------------------------------------------------------------


def test_features_by_hand() -> None:
    question = understand("Cầu Bản Lầy dài bao nhiêu mét?", FLAT)  # cầu bản lầy dài mét: weight 1 each
    found = lines(question, hits(("Thông xe cầu Bản Lầy", "Cầu mới rất đẹp. Nó dài 120 mét. Bản vui."), fused=[0.5]))
    assert [line.text for line in found] == ["Cầu mới rất đẹp.", "Nó dài 120 mét.", "Bản vui."]
    first, second, third = (
        dict(zip(FEATURES, row, strict=True)) for row in features(question, found, [0.25, 2.5, -1.0], [0.1, 0.7, 0.2])
    )
    assert [row["overlap"] for row in (first, second, third)] == pytest.approx([1 / 5, 2 / 5, 1 / 5])
    assert second["before"] == pytest.approx(1 / 5)  # cầu
    assert second["after"] == pytest.approx(1 / 5)  # bản
    assert second["title"] == pytest.approx(3 / 5)  # cầu bản lầy
    assert second["lead"] == pytest.approx(2 / 5)  # cầu bản
    # Six pairs of neighbours (cầu bản, bản lầy, lầy dài, dài bao, bao nhiêu, nhiêu mét): the sentence has none.
    assert second["pairs"] == 0
    assert (second["kind"], second["lacks"], second["unit"]) == (1, 0, 1)
    assert (first["kind"], first["lacks"], first["unit"]) == (0, 1, 0)
    assert (first["marked"], second["marked"]) == (1, 0)
    assert second["names"] == 0  # Bản Lầy is in the title
    assert second["fused"] == 0.5
    assert second["cosine"] == 0
    assert [row["read"] for row in (first, second, third)] == [0.25, 2.5, -1.0]
    assert [row["sense"] for row in (first, second, third)] == [0.1, 0.7, 0.2]
    local = {"cầu": math.log(4 / 1.5), "bản": math.log(4 / 1.5), "lầy": math.log(4 / 0.5)}
    local |= {"dài": math.log(4 / 1.5), "mét": math.log(4 / 1.5)}
    assert second["local"] == pytest.approx((local["dài"] + local["mét"]) / sum(local.values()))


def test_a_name_far_off_counts_as_missing_only_if_the_article_lacks_it() -> None:
    question = understand("Ông Lù Văn Thinh và bà Tẩn Mẩy bán 37.000 cân chè năm 2022?", FLAT)
    text = "Chè đắt. Mọi người vui.\nÔng Văn Thinh kể: đã bán 37.000 cân, năm kia 12 cân."
    article = Article(text, ("a",), (Span(0, len(text)),))
    passage = Passage(1, 1, 0, 0, 23, text[:23], (Span(0, 8), Span(9, 23)))
    found = lines(question, [Hit(passage, article, 1.0, Scores(1.0), Span(0, 8))])
    row = features(question, found, [1.5, 0.5], [0.0, 0.0])[0]
    assert dict(zip(FEATURES, row, strict=True))["names"] == 1  # none of the four is in the passage
    seen = dict(zip(SIGNS, signs(question, found[0], row, 5.0, 4.5, 1.5), strict=True))
    assert seen["names"] == pytest.approx(2 / 4)  # Tẩn Mẩy and 2022 nowhere, Văn Thinh and 37.000 further down
    assert seen["margin"] == 0.5 and seen["score"] == 5.0 and seen["dense"] == 0 and seen["read"] == 1.5


def test_a_sentence_said_twice_is_read_once() -> None:
    question = understand("Cầu dài bao nhiêu?", FLAT)
    assert len(lines(question, hits("Cầu dài 9 mét. Hết.", "Cầu dài 9 mét."))) == 2


# Answer spans ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "sentence", "things"),
    [
        ("Cầu dài bao nhiêu mét?", "Năm 2017, cầu dài hơn 1.250,5 mét bắc qua sông.", {"1.250,5 mét"}),
        ("Xã có mấy chi bộ?", "Ngày 27/8, xã lập 92 chi bộ.", {"92 chi bộ"}),
        ("Xã chi bao nhiêu tiền?", "Ba bản chi 11,5 tỷ đồng.", {"11,5 tỷ", "11,5 tỷ đồng"}),
        ("Có bao nhiêu người?", "Theo Điều 7, có mười hai người, không phải tư nhân.", {"mười hai người"}),
        ("Bao nhiêu phần trăm?", "Đạt 31,5% kế hoạch.", {"31,5%"}),
        (
            "Bao nhiêu hộ nghèo?",
            "Năm 1999 có hai hay 3 nhà nghèo.",
            {"hai", "3"},
        ),  # no unit matches: all numbers but dates
        ("Khi nào họp?", "Họp ngày 27/8/2018, lùi tới cuối tháng 9.", {"ngày 27/8/2018", "cuối tháng 9"}),
        ("Thành lập năm nào?", "Lập ngày 2 tháng 9 năm 1945.", {"ngày 2 tháng 9 năm 1945"}),
        ("Ai xây cầu?", "Tuy nhiên, ông Lường Văn Khoẻ xây cầu.", {"Lường Văn Khoẻ"}),
        ("Bản nằm ở tỉnh nào?", "Theo đó, bản thuộc tỉnh Điện Biên.", {"Điện Biên", "tỉnh Điện Biên"}),
        ("Ông Lù Tấn giữ chức vụ gì?", "Phó Chủ tịch UBND xã Lù Tấn phát biểu.", {"Phó Chủ tịch UBND xã"}),
        ("Ông Lù Tấn giữ chức vụ gì?", "Lù Tấn - Phó Tư lệnh Quân khu 9 phát biểu.", {"Phó Tư lệnh Quân khu 9"}),
        ("Vì sao cầu sập?", "Cầu dài 30 mét sập năm 1999.", set()),  # reasons have no pattern
    ],
)
def test_typed(question: str, sentence: str, things: set[str]) -> None:
    assert {span.of(sentence) for span in typed(understand(question, FLAT), sentence)} == things


def test_what_the_question_says_is_no_answer() -> None:
    analysed = understand("Năm 2018, ông Lù Tấn tới bản năm nào?", FLAT)
    assert {s.of(t) for t in ["Năm 2018 ông tới, năm 2020 ông về."] for s in typed(analysed, t)} == {"năm 2020"}
    analysed = understand("Ai gặp Lù Tấn?", FLAT)
    assert {s.of(t) for t in ["Anh Vàng Pao gặp Lù Tấn."] for s in typed(analysed, t)} == {"Vàng Pao"}


def test_candidates_are_spans_of_the_sentence() -> None:
    sentence = "Cầu Bản Lầy (xã Nà Hin) dài 120 mét, do tỉnh xây."
    found = candidates(understand("Cầu Bản Lầy dài bao nhiêu mét?", FLAT), sentence)
    assert len(found) == len(set(found))
    assert {"120 mét", "do tỉnh xây", sentence} <= {span.of(sentence) for span in found}
    assert not any(span.of(sentence) == "dài 120 mét, do" for span in found)  # no span ends with a connective


@pytest.mark.parametrize(
    ("question", "sentence", "answer"),
    [
        ("Có bao nhiêu loại mô hình?", "Toàn xã có 38 loại mô hình với 900 tổ.", "38 loại"),
        ("Vì sao bản Lầy mất điện hai ngày?", "Bản Lầy mất điện hai ngày vì lũ làm đổ cột.", "lũ làm đổ cột"),
        ("Khèn bè là gì?", "Khèn bè là nhạc cụ của người Thái.", "nhạc cụ của người Thái"),
        ("Bà Mẩy giữ chức vụ gì?", "Bà Mẩy, Giám đốc Hợp tác xã chè, cho biết trời rét.", "Giám đốc Hợp tác xã chè"),
        ("Giám đốc hợp tác xã là ai?", "Giám đốc hợp tác xã là bà Tẩn Thị Mẩy.", "Tẩn Thị Mẩy"),
        ("Cầu được khánh thành khi nào?", "Cầu được khánh thành ngày 30/4/2024 với 200 khách.", "ngày 30/4/2024"),
    ],
)
def test_best_span(question: str, sentence: str, answer: str) -> None:
    analysed = understand(question, WEIGHTS.idf)
    assert best_span(analysed, sentence, WEIGHTS.span).of(sentence) == answer


def test_every_kind_has_weights() -> None:
    assert set(GROUPS.values()) == set(WEIGHTS.span)
    assert all(len(row) == len(SPAN_FEATURES) for row in WEIGHTS.span.values())


def test_marks_are_in_order_and_apart() -> None:
    sentence = "Cầu Bản Lầy dài 120 mét và rộng 9 mét."
    analysed = understand("Cầu Bản Lầy dài bao nhiêu?", FLAT)
    found = marks(analysed, sentence, Span(16, 23))
    assert [span.of(sentence) for span in found] == ["Cầu Bản Lầy dài 120 mét", "9 mét"]


@pytest.mark.parametrize(
    ("question", "text", "expected"),
    [
        (
            "Vì sao bản cúp điện?",
            "Cúp điện ba ngày. Nguyên nhân là cột đổ. Hết.",
            "Cúp điện ba ngày. Nguyên nhân là cột đổ.",
        ),
        ("Vì sao bản cúp điện?", "Bản cúp điện vì cột đổ. Do đó tối. Hết.", "Bản cúp điện vì cột đổ."),
        ("Bản cúp điện khi nào?", "Bản cúp điện ba ngày. Do cột đổ. Hết.", "Bản cúp điện ba ngày."),
        ("Vì sao bản cúp điện?", "Vì sao bản cúp điện? Cột đổ. Hết.", "Vì sao bản cúp điện? Cột đổ."),
    ],
)
def test_completed(question: str, text: str, expected: str) -> None:
    hit = hits(text)[0]
    assert completed(understand(question, FLAT), hit, hit.passage.sentences[0]).of(text) == expected


# Reading ---------------------------------------------------------------------------------------

BRIDGE = (
    "Cầu Bản Lầy thông xe",
    "Sáng qua, xã Nà Hin làm lễ thông xe. Công trình có tổng vốn 48,6 tỷ đồng. Mặt cầu rộng 9 mét. "
    "Trước kia bà con đi bè.",
)
FAIR = ("Hội Gầu Tào", "Hội Gầu Tào mở ngày mồng 4 tháng Giêng ở bản Sín Chải. Người đi hội đông hơn năm trước.")


def test_reads_the_sentence_that_answers() -> None:
    answer = read("Cầu Bản Lầy hết bao nhiêu tiền?", BRIDGE, FAIR, least=0.1)
    assert answer.found
    assert quote(answer) == "Công trình có tổng vốn 48,6 tỷ đồng."
    assert answer.text == "48,6 tỷ đồng"
    assert answer.citation and answer.citation.rank == 1
    assert [hit.rank for hit in answer.hits] == [1, 2]


def test_reads_from_a_lower_hit() -> None:
    answer = read("Hội Gầu Tào mở ở bản nào?", BRIDGE, FAIR)
    assert answer.citation and answer.citation.rank == 2
    assert "Sín Chải" in quote(answer)


def test_accents_do_not_matter() -> None:
    assert quote(read("cau Ban Lay rong bao nhieu met", BRIDGE, FAIR)) == "Mặt cầu rộng 9 mét."


def test_strangers_are_refused() -> None:
    for question in ("Ai vô địch World Cup 2022?", "Thủ đô của Mông Cổ là gì?", "Who won the World Cup in 2022?"):
        answer = BundledReader(WORDS).read(as_query(question), hits(BRIDGE, FAIR))
        assert not answer.found
        assert (answer.text, answer.citation, answer.span, answer.sentence, answer.marks) == ("", None, None, None, ())
        assert answer.confidence < sr.MIN_CONFIDENCE
        assert len(answer.hits) == 2


def test_a_name_that_is_nowhere_costs_confidence() -> None:
    known = read("Cầu Bản Lầy rộng bao nhiêu mét?", BRIDGE)
    unknown = read("Cầu Mường Thín rộng bao nhiêu mét?", BRIDGE)
    assert unknown.confidence < known.confidence / 2


def test_nothing_to_read() -> None:
    reader = BundledReader(WORDS, min_confidence=0.0)
    assert not reader.read(as_query("Cầu dài bao nhiêu?"), []).found
    assert not reader.read(as_query(""), hits(BRIDGE)).found
    assert not reader.read(as_query("?!"), hits(BRIDGE)).found
    assert not reader.read(as_query("Cầu?"), hits("… …")).found


def test_the_threshold_decides() -> None:
    confidence = read("Cầu Bản Lầy rộng bao nhiêu mét?", BRIDGE).confidence
    assert 0 < confidence < 1
    found = hits(BRIDGE)
    question = as_query("Cầu Bản Lầy rộng bao nhiêu mét?")
    assert BundledReader(WORDS, min_confidence=confidence).read(question, found).found
    above = BundledReader(WORDS, min_confidence=min(1.0, confidence + 1e-9)).read(question, found)
    assert not above.found and above.confidence == confidence
    for wrong in (-0.1, 1.1):
        with pytest.raises(UsageError):
            BundledReader(WORDS, min_confidence=wrong)


def test_is_a_reader_and_deterministic() -> None:
    reader: Reader = BundledReader(WORDS)
    found = hits(BRIDGE, FAIR)
    question = as_query("Cầu rộng bao nhiêu?")
    assert reader.read(question, found) == BundledReader(WORDS).read(question, found)


TOKENS = st.sampled_from(
    "cầu Bản Lầy dài 120 mét, vì lũ. Ai ở đâu? İstanbul ngày 27/8 \n (tỷ đồng) “là” – 9% ông Tấn; Phó Chủ tịch: "
    "bao nhiêu khi nào ẩ\u0301 🙂".split(" ")
)


@settings(max_examples=150, deadline=None)
@given(st.lists(TOKENS, max_size=12), st.lists(st.lists(TOKENS, min_size=1, max_size=25), max_size=4))
def test_an_answer_is_always_verbatim(question: list[str], texts: list[list[str]]) -> None:
    found = hits(*(clean(" ".join(text)) for text in texts))
    answer = BundledReader(WORDS, min_confidence=0.0).read(as_query(clean(" ".join(question))), found)
    assert 0 <= answer.confidence <= 1
    if not answer.found:
        assert answer.text == ""
        return
    assert answer.citation in found and answer.span and answer.sentence
    text = answer.citation.article.text
    assert answer.text and answer.span.of(text) == answer.text
    passage = answer.citation.passage
    assert passage.start <= answer.sentence.start <= answer.span.start
    assert answer.span.end <= answer.sentence.end <= passage.end
    last = answer.sentence.start
    for mark in answer.marks:
        assert last <= mark.start < mark.end <= answer.sentence.end
        last = mark.end


def test_weights_that_do_not_fit_are_refused() -> None:
    table = json.loads(weights.PATH.read_text("utf-8"))
    table["sentence"]["loveliness"] = 1.0
    with pytest.raises(ValueError, match="loveliness"):
        sr.ReaderModel.from_table(table, FLAT)


@pytest.mark.time_limit(60)
def test_an_endless_sentence_is_read() -> None:
    text = "Cầu dài 120 mét và " * 4000
    assert read("Cầu dài bao nhiêu mét?", text).found


def test_import_is_light() -> None:
    code = (
        "import sys; import semsearch.reader; "
        "heavy = {'torch', 'faiss', 'tantivy', 'tokenizers', 'ir_measures'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


@pytest.mark.skipif(not SAMPLE_ARTICLES.is_dir(), reason="../shared/seeds is not here")
@pytest.mark.parametrize(
    ("question", "sentence", "answer"),
    [
        ("Cao Bằng có bao nhiêu loại mô hình tự quản về an ninh?", "38", "38"),
        ("Thiếu tướng Nguyễn Ngọc Hà giữ chức vụ gì?", "Phó Tư lệnh Quân khu 4", "Phó Tư lệnh Quân khu 4"),
        ("ngan sach nam 2017 danh cho cong trinh phong thu", "11,5 tỷ đồng", "11,5 tỷ"),
        ("Lai Châu chi bao nhiêu tiền cho công trình khu vực phòng thủ?", "212 tỷ", "212 tỷ"),
        ("huyện Bảo Lâm có bao nhiêu dân?", "66 nghìn", "66 nghìn"),
        ("Ai vô địch World Cup 2022?", "", ""),
    ],
)
def test_the_five_articles(question: str, sentence: str, answer: str, tmp_path: Path) -> None:
    with Index.create(tmp_path / "index", HashEncoder()) as index:
        index.sync([SAMPLE_ARTICLES])
        answered = BundledReader(WORDS).read(as_query(question), index.search(question, 10, mode="lexical"))
    assert answered.found == bool(answer)
    if answer:
        assert sentence in quote(answered)
        assert answer in answered.text
