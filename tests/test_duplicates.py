"""Near-duplicates: sentence matching against examples and brute force, star clusters in every order."""

from __future__ import annotations

import datetime as dt
import itertools
import random
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cli_case
import numpy as np
import pytest
from cli_case import run, run_json
from factories import HashEncoder, article, passages
from hypothesis import given, settings
from hypothesis import strategies as st

from semsearch import Duplicates, Index, UsageError
from semsearch.duplicates import groups, overlap
from semsearch.duplicates.clustering import FINGERPRINTS_PER_SENTENCE, fingerprints, star_clusters
from semsearch.duplicates.overlap import MIN_DICE, MIN_WORDS, Sentence, folded_sentences, sentence_hash
from semsearch.filters import NO_FILTER, Filter
from semsearch.reports import no_progress
from semsearch.storage import Source, Store, body_hash
from semsearch.types import Article, Span

SENTENCES = [
    "Xã Phú Lộc vừa khánh thành trạm cấp nước sạch cho ba thôn ven sông.",
    "Công trình do người dân góp công đào mương và lắp đường ống trong sáu tháng.",
    "Trước đây các hộ phải chở nước bằng thuyền từ bên kia bờ về dùng.",
    "Trưởng thôn nói từ nay mùa khô không còn ai phải đi xin nước nữa.",
    "Ngân sách huyện hỗ trợ 2.400 triệu đồng, phần còn lại do dân đóng góp.",
    "Năm tới xã dự tính kéo thêm đường ống lên khu tái định cư trên đồi.",
]
OTHERS = [
    "Đội bóng chuyền nữ của trường nghề thắng trận mở màn sau năm hiệp căng thẳng.",
    "Huấn luyện viên khen các cô gái trẻ biết giữ bình tĩnh ở những quả cuối.",
    "Trận kế tiếp họ gặp đội chủ nhà vào tối thứ bảy tại nhà thi đấu tỉnh.",
    "Vé vào cửa phát miễn phí cho học sinh và công nhân khu công nghiệp.",
]


def words(*sentences: str) -> list[Sentence]:
    return [one for sentence in sentences for one in folded_sentences(sentence, [Span(0, len(sentence))])]


def text(sentences: Sequence[str]) -> str:
    return "\n\n".join(sentences) + "\n"


def dated(number: int, sentences: Sequence[str], day: str | None = None) -> Article:
    date = dt.date.fromisoformat(day) if day else None
    return replace(article(number, text=text(sentences)), title="", date=date)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with Index.create(tmp_path / "index", HashEncoder(16)) as opened:
        yield opened


def sources(groups: Sequence[Duplicates]) -> list[list[str]]:
    return [[member.article.source for member in group.members] for group in groups]


# Sentences -----------------------------------------------------------------------------------


def test_a_sentence_is_its_words_without_case_accents_and_punctuation() -> None:
    one, other = words("Ông HOÀ (62 tuổi) trồng 1.500 gốc chè!", "ong hoa, 62 tuoi, trong 1,500 goc che")
    assert one == other == ("ong", "hoa", "62", "tuoi", "trong", "1", "500", "goc", "che")
    assert sentence_hash(one) == sentence_hash(other) != sentence_hash(one[1:])
    assert words("Ảnh: Đức Toàn.", "Một hai ba bốn.") == []
    assert words("Một hai ba bốn năm.") == [("mot", "hai", "ba", "bon", "nam")]


def test_a_letter_that_becomes_two_moves_nothing() -> None:
    sentence = "Phố ﬁ ﬃ ẞ İ nằm ở phía nam thị trấn cũ."
    text = f"İİİ {sentence}"
    assert folded_sentences(text, [Span(4, len(text))]) == words(sentence)


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        # 8 and 8 pairs of neighbours, 6 of both: 12 / 16.
        ("a1b c d e f g h i j", "x c d e f g h i y", True),
        ("nước sạch về tới ba thôn ven sông", "nước sạch về đến ba thôn ven sông", True),
        # 6 and 6 pairs, 2 of both.
        ("một hai ba bốn năm sáu bảy", "một hai ba không phải sáu đâu", False),
        ("giá vàng hôm nay là 55 triệu đồng một lượng", "giá vàng hôm nay là 56 triệu đồng một lượng", False),
        ("giá vàng hôm nay là 55 triệu đồng một lượng", "giá vàng sáng nay là 55 triệu đồng một lượng", True),
    ],
)
def test_nearly_the_same(one: str, other: str, near: bool) -> None:
    (a,), (b,) = words(one), words(other)
    found = overlap.overlap([a], [b])
    assert found.same == 0
    assert found.near == ((len(a), len(b)) if near else (0, 0))


def test_each_sentence_is_met_once() -> None:
    one, two = words(SENTENCES[0], SENTENCES[1])
    assert overlap.overlap([one, one, two], [one, two, two]).same == len(one) + len(two)
    changed = (*one[:-1], "khac")
    assert overlap.overlap([one, one], [changed]).near == (len(one), len(changed))
    # An equal sentence is not matched with a similar one.
    assert overlap.overlap([one, changed], [changed]) == overlap.Overlap(len(changed), (0, 0))


def slowly(left: Sequence[Sentence], right: Sequence[Sentence]) -> tuple[int, tuple[int, int]]:
    """The same by definition: the most similar pair first, then of the remaining ones."""
    common = Counter(left) & Counter(right)
    a, b = list((Counter(left) - common).elements()), list((Counter(right) - common).elements())
    near = [0, 0]
    while True:
        ranked = []
        for x, y in itertools.product(a, b):
            p, q = set(itertools.pairwise(x)), set(itertools.pairwise(y))
            dice = 2 * len(p & q) / (len(p) + len(q))
            figures = [sorted(w for w in s if w[0].isdigit()) for s in (x, y)]
            if dice >= MIN_DICE and figures[0] == figures[1]:
                ranked.append((-dice, sorted((x, y)), x, y))
        if not ranked:
            return sum(len(w) * n for w, n in common.items()), (near[0], near[1])
        _, _, x, y = min(ranked)
        a.remove(x)
        b.remove(y)
        near[0] += len(x)
        near[1] += len(y)


few = st.lists(st.sampled_from(["mot", "hai", "ba", "4", "nam"]), min_size=MIN_WORDS, max_size=8).map(tuple)


@given(st.lists(few, max_size=6), st.lists(few, max_size=6))
def test_two_texts_are_compared_as_defined_and_from_both_sides_alike(
    left: list[Sentence], right: list[Sentence]
) -> None:
    found = overlap.overlap(left, right)
    assert (found.same, found.near) == slowly(left, right)
    assert overlap.overlap(right, left) == found.swapped()
    assert overlap.overlap(left[::-1], right) == found


@given(st.lists(few, min_size=1, max_size=20), st.randoms())
def test_fingerprints_belong_to_the_sentence_alone(sentences: list[Sentence], rng: random.Random) -> None:
    expected_rows = fingerprints(sentences)
    assert expected_rows.shape == (len(sentences), FINGERPRINTS_PER_SENTENCE)
    order = rng.sample(range(len(sentences)), len(sentences))
    assert np.array_equal(fingerprints([sentences[i] for i in order]), expected_rows[order])
    for sentence, marks in zip(sentences, expected_rows, strict=True):
        runs = len(sentence) - 2
        assert np.array_equal(np.sort(marks), marks)
        assert len(set(marks.tolist())) <= runs


def test_few_fingerprints_are_alike_by_chance() -> None:
    rng = random.Random(0)
    sentences = [tuple(str(rng.random()) for _ in range(12)) for _ in range(2000)]
    assert len(set(fingerprints(sentences).ravel().tolist())) > 0.999 * 2000 * FINGERPRINTS_PER_SENTENCE
    assert fingerprints([]).shape == (0, FINGERPRINTS_PER_SENTENCE)


# Stars ---------------------------------------------------------------------------------------


def test_a_chain_is_no_group() -> None:
    # 1 is like 0, 2 is like 1 but not like 0.
    alike = {(1, 0): 0.6, (2, 1): 0.9}
    marks = [(0, {1: 1.0}), (1, {1: 0.5, 2: 0.5}), (2, {1: 0.5, 2: 0.5})]
    assert star_clusters(marks, 0.5, lambda a, b: alike.get((a, b), 0.0)) == {0: 0, 1: 0, 2: 2}


def test_the_centre_that_shares_most_is_joined_and_of_equals_the_longer() -> None:
    marks = [(n, {7: 1.0}) for n in range(4)]
    alike = {(2, 0): 0.6, (2, 1): 0.7, (3, 0): 0.8, (3, 1): 0.8}
    assert star_clusters(marks, 0.5, lambda a, b: alike.get((a, b), 0.0)) == {0: 0, 1: 1, 2: 1, 3: 0}


# The whole index -----------------------------------------------------------------------------


def test_a_copy_is_found_with_its_shares(index: Index) -> None:
    index.add(
        [
            dated(1, [*SENTENCES, OTHERS[0]], "2024-05-02"),
            dated(2, ["Tin từ cơ sở gửi về sáng nay:", *SENTENCES[:3]], "2024-05-01"),
            dated(3, OTHERS),
        ]
    )
    (group,) = index.duplicates()
    early, late = group.members
    assert (early.article.source, late.article.source) == ("test:2", "test:1")
    assert group.original == early.article and group.representative_id == late.article.id and group.places == 2
    first = sum(map(len, words(*SENTENCES[:3])))
    own_words, longest = (
        sum(map(len, words("Tin từ cơ sở gửi về sáng nay:"))),
        sum(map(len, words(*SENTENCES, OTHERS[0]))),
    )
    assert early.share == early.same == first / (first + own_words)
    assert early.coverage == first / longest
    assert (late.share, late.same, late.coverage) == (1.0, 1.0, 1.0)


def test_it_does_not_matter_how_many_are_hashed_at_once(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    index.add([dated(n, [*SENTENCES[: n + 2], OTHERS[n]], f"2024-01-0{n + 1}") for n in range(4)])
    found = index.duplicates(0.3)
    assert [len(group.members) for group in found] == [4]
    for many in (1, 5):
        monkeypatch.setattr(groups, "FINGERPRINT_BATCH", many)
        assert index.duplicates(0.3) == found


def test_reworded_sentences_count_but_not_as_the_same(index: Index) -> None:
    changed = [s.replace("vừa", "mới").replace("góp công", "chung").replace("từ nay", "kể từ") for s in SENTENCES]
    index.add([dated(1, SENTENCES, "2024-01-01"), dated(2, changed, "2024-01-02")])
    (group,) = index.duplicates(1.0)
    assert [m.article.source for m in group.members] == ["test:1", "test:2"]
    assert group.representative_id == group.original.id
    same, every = sum(len(w) for w in words(*changed) if w in words(*SENTENCES)), sum(map(len, words(*changed)))
    other = group.members[1]
    assert (other.share, other.same, other.coverage) == (1.0, same / every, 1.0)
    assert 0 < same < every


def test_the_share_is_a_bound(index: Index) -> None:
    index.add([dated(1, SENTENCES), dated(2, [*SENTENCES[:2], *OTHERS[:3]])])
    common = sum(map(len, words(*SENTENCES[:2])))
    word_counts = [sum(map(len, words(*SENTENCES))), sum(map(len, words(*SENTENCES[:2], *OTHERS[:3])))]
    share = common / min(word_counts)
    assert len(index.duplicates(share)) == 1
    assert index.duplicates(share + 1e-9) == []


def test_the_same_text_in_two_places_is_a_group(index: Index) -> None:
    index.add([dated(1, SENTENCES), replace(dated(1, SENTENCES), sources=("test:1b",)), dated(2, ["Một câu ngắn."])])
    (group,) = index.duplicates()
    assert [m.article.sources for m in group.members] == [("test:1", "test:1b")]
    assert group.places == 2
    # Even if it has no sentence that is long enough to compare.
    index.add([replace(dated(2, ["Một câu ngắn."]), sources=("test:2b",))])
    assert sources(index.duplicates()) == [["test:1"], ["test:2"]]


def test_nothing_to_find(index: Index) -> None:
    assert index.duplicates() == []
    index.add([dated(1, SENTENCES), dated(2, OTHERS), dated(3, ["Ngắn."]), dated(4, ["Ngắn thôi."])])
    assert index.duplicates() == []
    assert index.duplicates(0.0001) == []


@pytest.mark.parametrize("share", [0, -1, 1.01, float("nan"), float("inf")])
def test_a_share_that_cannot_be_meant(index: Index, share: float) -> None:
    with pytest.raises(UsageError, match="share"):
        index.duplicates(share)


def test_filters_choose_what_is_compared(index: Index) -> None:
    index.add([dated(n, [*SENTENCES, OTHERS[n]], f"2024-0{n + 1}-01") for n in range(3)])
    assert sources(index.duplicates()) == [["test:0", "test:1", "test:2"]]
    assert sources(index.duplicates(filters=Filter(since=dt.date(2024, 2, 1)))) == [["test:1", "test:2"]]
    assert index.duplicates(filters=Filter(source="test:2")) == []
    assert index.duplicates(filters=Filter(until=dt.date(2000, 1, 1))) == []
    with pytest.raises(UsageError):
        index.duplicates(filters=Filter(since=dt.date(2024, 2, 1), until=dt.date(2024, 1, 1)))


def test_boilerplate_is_left_out_but_not_of_what_is_copied_often(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    notice = [
        "Mọi ý kiến phản ánh xin gửi về hộp thư của tòa soạn trong giờ làm việc.",
        "Bạn đọc có thể gọi đường dây nóng để được tư vấn miễn phí mỗi ngày trong tuần, kể cả ngày lễ.",
    ]
    monkeypatch.setattr(groups, "MAX_ARTICLES_PER_SENTENCE", 4)
    names = ["Đồng Tâm", "Yên Bình", "Phú Thứ", "Lạc Sơn", "Kim Bôi", "Cao Lộc"]
    distinct = ["chợ", "sân", "hồ", "đê", "cầu", "kho"]
    news = [[f"Ở {n} người ta {d} {n} {d} một {d} mới {n}.", *notice] for n, d in zip(names, distinct, strict=True)]
    index.add([dated(n, sentences) for n, sentences in enumerate(news)])
    assert index.duplicates(0.5) == []
    assert [len(g.members) for g in index.duplicates(0.5, filters=Filter(source="test:[0-3]"))] == [
        4
    ]  # in too few articles
    copied = [[f"Bản tin của {name}:", *SENTENCES] for name in names]
    index.add([dated(100 + n, sentences) for n, sentences in enumerate(copied)])
    assert [len(g.members) for g in index.duplicates(0.5)] == [6]


def test_a_text_copied_more_often_than_there_are_centres(index: Index) -> None:
    index.add([dated(n, [f"Bản tin phát lại lần thứ {n} trong tháng:", *SENTENCES]) for n in range(130)])
    (group,) = index.duplicates(0.8)
    assert len(group.members) == 130


def brute_force(items: Sequence[Article], share: float) -> list[set[str]]:
    """Return star clusters by comparing each article with every centre."""
    said_by = {item.source: words(*item.text.split("\n\n")) for item in items}
    length = {source: sum(map(len, sentences)) for source, sentences in said_by.items()}
    dates = {item.source: item.date or dt.date.max for item in items}
    order = sorted((s for s in length if length[s]), key=lambda s: (-length[s], dates[s], s))
    groups: dict[str, set[str]] = {}
    for source in order:
        best, joined = share, None
        for centre in groups:
            common = overlap.overlap(said_by[source], said_by[centre])
            found = (common.same + common.near[0]) / length[source]
            if found > best or (found == best and joined is None):
                best, joined = found, centre
        groups.setdefault(source if joined is None else joined, set()).add(source)
    return [members for members in groups.values() if len(members) > 1]


def stored(path: Path, items: Sequence[Article]) -> Store:
    """Store articles as an index does, without vectors and terms."""
    store, next_id = Store.create(path, {}), 1
    with store.transaction():
        for number, item in enumerate(items, 1):
            numbered = replace(item, id=number)
            store.put_article(numbered, passages(numbered, next_id), body_hash(numbered))
            next_id += len(numbered.blocks)
            store.put_source(Source(numbered.source, number, "", b""))
    return store


pool = SENTENCES + OTHERS
small_texts = st.lists(st.lists(st.sampled_from(pool), min_size=1, max_size=5), min_size=1, max_size=8)


@settings(max_examples=30, deadline=None)
@given(small_texts, st.sampled_from([0.2, 0.5, 0.8, 1.0]), st.randoms(use_true_random=False))
def test_groups_are_those_of_brute_force_in_every_order(
    tmp_path_factory: pytest.TempPathFactory, texts: list[list[str]], share: float, rng: random.Random
) -> None:
    unique = {" ".join(sentences): sentences for sentences in texts}  # the same text is one article
    items = [
        dated(n, sentences, rng.choice([None, "2020-01-01", "2021-01-01"]))
        for n, sentences in enumerate(unique.values())
    ]
    expected = {frozenset(members) for members in brute_force(items, share)}
    for _ in range(2):
        with closing(stored(tmp_path_factory.mktemp("any") / "store.db", items)) as store:
            duplicates = groups.find_duplicates(store, NO_FILTER, share, no_progress)
        found = sources(duplicates)
        assert {frozenset(members) for members in found} == expected
        every = [source for members in found for source in members]
        assert len(every) == len(set(every))
        for group in duplicates:
            ages = [(m.article.date is None, m.article.date or dt.date.min) for m in group.members]
            assert ages == sorted(ages)
            assert all(m.share >= share and m.share >= m.same for m in group.members)
        rng.shuffle(items)


def test_searches_go_on_meanwhile(index: Index) -> None:
    index.add([dated(n, [*SENTENCES, OTHERS[n]]) for n in range(3)])
    seen: list[int] = []

    def progress(stage: str, done: int, total: int) -> None:
        if not seen:
            other = threading.Thread(target=lambda: seen.append(len(index.search("nước sạch"))))
            other.start()
            other.join(20)

    assert len(index.duplicates(progress=progress)[0].members) == 3
    assert seen[0] > 0


# Command line --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def news(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = cli_case.write_corpus(tmp_path_factory.mktemp("duplicates") / "bài")
    copied = "title: Thông cầu Rạch Dừa\ndate: 2021-03-06"
    kept = cli_case.BRIDGE.split("---\n")[2].replace("cho biết", "nói rằng")
    (folder / "cau-dang-lai.md").write_text(f"---\n{copied}\n---\n{kept}", encoding="utf-8")
    path = folder.parent / "index"
    assert run("index", folder, index=path).exit_code == 0
    return path


def test_the_verb_prints_groups(news: Path) -> None:
    result = run("duplicates", index=news)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0] == "1. 2 bài ở 2 nơi"
    assert "Cầu Rạch Dừa thông xe · 5/3/2021 [sớm nhất" in lines[1]
    assert any(line.strip().startswith("1,00  Thông cầu Rạch Dừa · 6/3/2021") for line in lines)
    assert any("bài dài nhất: 1,00, nguyên văn: 0,65; chiếm 1,00 bài" in line for line in lines)
    assert any(line.startswith("2. 1 bài ở 2 nơi") for line in lines)
    assert lines[-1] == "Có 2 nhóm."
    assert run("duplicates", "-k", "1", index=news).stdout.endswith("Đây là 1 nhóm đầu trong tổng số 2 nhóm.\n")


def test_the_verb_in_json(news: Path) -> None:
    value = run_json("duplicates", "--share", "0.9", "-k", "1", index=news)
    assert (value["command"], value["share"], value["total"], len(value["groups"])) == ("duplicates", 0.9, 2, 1)
    group = value["groups"][0]
    assert [item["article"]["date"] for item in group["articles"]] == ["2021-03-05", "2021-03-06"]
    assert group["representative_id"] in [item["article"]["id"] for item in group["articles"]]


def test_the_verb_finds_nothing(news: Path) -> None:
    result = run("duplicates", "--since", "2030-01-01", index=news)
    assert (result.exit_code, result.stdout) == (1, "Không có bài nào trùng nhau.\n")
    assert "--since 2030-01-01" in result.stderr
    assert run_json("duplicates", "--since", "2030-01-01", index=news)["groups"] == []


@pytest.mark.parametrize(
    "words", [["--share", "0"], ["--share", "1.5"], ["--share", "nan"], ["--share", "x"], ["-k", "0"]]
)
def test_options_of_the_verb_that_cannot_be_meant(news: Path, words: list[str]) -> None:
    result = run("duplicates", *words, index=news)
    assert (result.exit_code, result.stdout) == (2, "")


def test_stopped(news: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(groups, "folded_sentences", stop)
    result = run("duplicates", index=news)
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "semsearch: Stopped.\n")
