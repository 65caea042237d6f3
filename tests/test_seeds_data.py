"""The seeds are as documented: formats, questions of all types, right offsets, files that match the corpus."""

from __future__ import annotations

import importlib.util
import io
import json
import re
import unicodedata
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import docx
import pypdf
import pytest
from factories import SAMPLE_ARTICLES

from semsearch import text as vietnamese

ROOT = Path(__file__).resolve().parents[1]
ARTICLES = ROOT / "seeds" / "articles"
EVAL = ROOT / "seeds"


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (EVAL / name).read_text(encoding="utf-8").splitlines()]


CORPUS = {row["_id"]: row for row in rows("corpus.jsonl")}
QUERIES = {row["_id"]: row for row in rows("queries.jsonl")}
ANSWERS = {row["_id"]: row["answers"] for row in rows("answers.jsonl")}
QRELS = [line.split("\t") for line in (EVAL / "qrels.tsv").read_text(encoding="utf-8").splitlines()]
ARTICLE_OF = {query: article for query, article, _ in QRELS[1:]}
RETOLD = {"cao-bang-phong-thu", "cao-bang-bien-phong", "lai-chau-nghi-dinh-21", "nghe-an-ba-nghi-quyet"}
RETOLD |= {"bao-lam-quoc-phong"}
OLD_ENCODINGS = ["thong-bao-giay-phep-xay-dung", "thong-bao-ho-kinh-doanh", "bong-chuyen-nu-nong-dan"]
OLD_ENCODINGS += ["cong-van-chay-rung", "xam-nhap-man", "sat-lo-duong-215"]


def file_of(article: str) -> Path:
    return ARTICLES / CORPUS[article]["metadata"]["file"].split("#")[0]


def squeezed(text: str) -> str:
    """Collapse white space, including line breaks, to single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def words(text: str) -> list[str]:
    return re.findall(r"\w+", unicodedata.normalize("NFC", text).lower())


def runs(tokens: list[str], n: int) -> set[tuple[str, ...]]:
    return {tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)}


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- articles ---------------------------------------------------------------------------------------


def test_every_format_and_enough_articles() -> None:
    suffixes = Counter(path.suffix for path in ARTICLES.rglob("*") if path.is_file())
    assert set(suffixes) == {".txt", ".md", ".html", ".pdf", ".docx", ".jsonl", ".csv"}
    assert len(CORPUS) == 60
    assert set(CORPUS) > RETOLD
    # The copy of the festival article is the only file that the corpus does not name.
    unnamed = {path for path in ARTICLES.rglob("*") if path.is_file()} - {file_of(a) for a in CORPUS}
    assert unnamed == {ARTICLES / "luu-tru" / "hoi-xuan-2024.txt"}


@pytest.mark.parametrize("article", CORPUS)
def test_articles_have_the_length_of_news_and_are_clean(article: str) -> None:
    row = CORPUS[article]
    assert 120 <= len(row["text"].split()) <= 900
    assert vietnamese.clean(row["text"]) == row["text"]
    assert vietnamese.clean(row["title"]) == row["title"]
    assert all(line == line.strip() and line for line in row["text"].split("\n"))


def test_text_files_are_what_the_corpus_makes() -> None:
    for name, data in script("make_seed_files").text_files().items():
        assert (ARTICLES / name).read_bytes() == data, f"run scripts/make_seed_files.py: {name} differs"


@pytest.mark.parametrize("article", [a for a in CORPUS if file_of(a).suffix in {".docx", ".pdf"}])
def test_office_files_hold_every_paragraph(article: str) -> None:
    path = file_of(article)
    if path.suffix == ".docx":
        document = docx.Document(str(path))
        found = "\n".join(p.text for p in document.paragraphs)
        rows_ = (row for table in document.tables for row in table.rows)
        found += "\n" + "\n".join(" | ".join(cell.text for cell in row.cells) for row in rows_)
    else:
        found = "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(path.read_bytes())).pages)
    for line in [CORPUS[article]["title"], *CORPUS[article]["text"].split("\n")]:
        assert squeezed(line.removeprefix("- ")) in squeezed(found)


@pytest.mark.parametrize("article", OLD_ENCODINGS)
def test_old_encodings_are_not_unicode(article: str) -> None:
    with pytest.raises(UnicodeDecodeError):
        file_of(article).read_bytes().decode("utf-8")


def test_old_encodings_by_hand() -> None:
    script_ = script("make_seed_files")
    assert script_.tcvn3("Cộng hoà xã hội, Đường ngỗng") == "Céng hoµ x· héi, §\u00adêng ngçng".encode("latin-1")
    assert script_.vni("Cộng hòa xã hội, Đường ỉ ị ĩ kỵ") == "Coäng hoøa xaõ hoäi, Ñöôøng æ ò ó kî".encode("cp1252")
    assert script_.windows_1258("Tiếng Việt, Ủy ban").decode("cp1258") == "Tiê\u0301ng Viê\u0323t, U\u0309y ban"


def test_one_article_stands_in_two_files() -> None:
    first = (ARTICLES / "van-hoa" / "le-hoi-long-tong-phieng-muong.txt").read_text(encoding="utf-8")
    second = (ARTICLES / "luu-tru" / "hoi-xuan-2024.txt").read_bytes()
    assert second.startswith(b"\xff\xfe")
    assert vietnamese.clean(second.decode("utf-16")) == vietnamese.clean(first)


def test_nothing_is_copied_from_the_shared_articles() -> None:
    if not SAMPLE_ARTICLES.is_dir():
        pytest.skip("../shared/seeds is not here")
    shared = set().union(*(runs(words(path.read_text(encoding="utf-8")), 9) for path in SAMPLE_ARTICLES.glob("*.txt")))
    for row in CORPUS.values():
        assert not runs(words(row["title"] + "\n" + row["text"]), 9) & shared
    for name in ("queries.jsonl", "answers.jsonl"):
        assert not runs(words((EVAL / name).read_text(encoding="utf-8")), 9) & shared


# --- questions ---------------------------------------------------------------------------------------


def test_enough_questions_of_every_kind() -> None:
    assert list(QUERIES) == list(ANSWERS)
    assert len({row["text"] for row in QUERIES.values()}) == len(QUERIES) == 300
    kinds = Counter(row["metadata"]["kind"] for row in QUERIES.values())
    assert kinds == {"vi": 200, "plain": 55, "en": 45}
    unanswerable = {query for query, answers in ANSWERS.items() if not answers}
    assert len(unanswerable) == 60
    assert len(unanswerable & set(ARTICLE_OF)) == 45  # deceptive: about an article that does not say
    assert len(unanswerable - set(ARTICLE_OF)) == 15  # about nothing here
    assert set(ARTICLE_OF.values()) == set(CORPUS)
    asked = " ".join(row["text"].lower() for row in QUERIES.values())
    for word in ("ai ", "bao nhiêu", "khi nào", "bao giờ", "ở đâu", "vì sao", "là gì", "thế nào", "những ai", "những"):
        assert word in asked


def test_kinds_are_what_the_language_rule_says() -> None:
    expected = {"vi": "vi", "plain": "vi-plain", "en": "en"}
    for row in QUERIES.values():
        assert vietnamese.detect_language(row["text"]) == expected[row["metadata"]["kind"]], row["text"]
        assert (row["metadata"]["kind"] == "vi") == vietnamese.has_accents(row["text"])


def test_questions_are_not_copied_from_the_sentences() -> None:
    for query, article in ARTICLE_OF.items():
        common = runs(words(QUERIES[query]["text"]), 8) & runs(words(CORPUS[article]["text"]), 8)
        assert not common, (query, common)


def test_qrels() -> None:
    assert QRELS[0] == ["query-id", "corpus-id", "score"]
    assert all(query in QUERIES and article in CORPUS and score == "1" for query, article, score in QRELS[1:])
    assert len(ARTICLE_OF) == len(QRELS) - 1
    assert all(query in ARTICLE_OF for query, answers in ANSWERS.items() if answers)


def test_answers_stand_where_they_say() -> None:
    for query, answers in ANSWERS.items():
        for answer in answers:
            text, start = CORPUS[ARTICLE_OF[query]]["text"], answer["start"]
            end = start + len(answer["text"])
            assert text[start:end] == answer["text"]
            assert not (text[start - 1 : start].isalnum() or text[end : end + 1].isalnum()), "cuts a word"
            assert "\n" not in answer["text"]
            assert len(answer["text"].split()) <= 30


def test_moved_answers_are_found_again() -> None:
    find = script("make_seed_eval").find
    text = "Cầu dài 186 m. Cầu rộng 9 m, dài 186 m."
    assert find(text, "186 m", 8) == 8
    assert find(text, "186 m", 30) == 33
    assert find(text, "86 m", 30) is None


# --- as ingested -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ingested() -> dict[str, Any]:
    """Corpus id -> the article that ingest makes of its file (or record)."""
    ingest = pytest.importorskip("semsearch.ingest")
    found = {}
    for record in (record for path in {file_of(a) for a in CORPUS} for record in ingest.read_file(path)):
        found[record.article.source.split("/articles/")[1]] = record.article
    return {article: found[row["metadata"]["file"]] for article, row in CORPUS.items()}


DATE_BELOW_A_MENU = {"sap-xep-xa-2025"}


@pytest.mark.parametrize("article", [a for a in CORPUS if "date" in CORPUS[a]["metadata"]])
def test_ingest_finds_the_date(ingested: dict[str, Any], article: str) -> None:
    if article in DATE_BELOW_A_MENU and ingested[article].date is None:
        pytest.xfail("a page copied whole: the date stands below a menu of eight lines")
    assert str(ingested[article].date) == CORPUS[article]["metadata"]["date"]


@pytest.mark.parametrize("article", CORPUS)
def test_ingest_finds_what_the_corpus_holds(ingested: dict[str, Any], article: str) -> None:
    got, row = ingested[article], CORPUS[article]
    blocks = squeezed("\n".join(block.of(got.text) for block in got.blocks))
    for line in row["text"].split("\n"):
        assert squeezed(line.removeprefix("- ")) in blocks


TITLE_BELOW_OTHER_LINES = {"lai-chau-nghi-dinh-21", "thong-bao-giay-phep-xay-dung", "thong-bao-ho-kinh-doanh"}


@pytest.mark.parametrize("article", CORPUS)
def test_ingest_finds_the_title(ingested: dict[str, Any], article: str) -> None:
    title = ingested[article].title
    if article in TITLE_BELOW_OTHER_LINES and title != CORPUS[article]["title"]:
        pytest.xfail("a plain text whose title stands below a menu or the name of an office")
    assert title == CORPUS[article]["title"]


@pytest.mark.parametrize("article", CORPUS)
def test_ingest_leaves_out_what_the_corpus_does_not_hold(ingested: dict[str, Any], article: str) -> None:
    made = script("make_seed_files")
    blocks = [squeezed(block.of(ingested[article].text)) for block in ingested[article].blocks]
    for line in ["Các tin khác", "Xem nhiều nhất", "Phản hồi", *made.OTHER, *made.MOST_READ]:
        assert not any(line in block for block in blocks)
    for _, caption in made.CAPTIONS.get(article, []):
        assert sum(caption in block for block in blocks) <= 1
