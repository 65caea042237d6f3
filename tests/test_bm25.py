"""BM25 from term vectors against tantivy's postings, and for articles against a calculation by hand."""

from __future__ import annotations

import math
import random
from pathlib import Path

import numpy as np
import pytest

from semsearch.storage.bm25 import score_passages, score_with_articles
from semsearch.storage.lexical import LexicalIndex
from semsearch.storage.term_vectors import TermVectors, passage_terms

WORDS = "là lá la lạ của cua cứ mưa bão hà nội 27/8 27 8 11,5 ai đi di thuở thưở".split()
QUERIES = ["mưa bão ở Hà Nội", "la la lạ", "27/8 ai đi", "nothing of it", "cua cứ thuở"]


def index_of(path: Path, texts: list[str], titles: list[str]) -> tuple[LexicalIndex, TermVectors]:
    """Index texts under the ids 1, 2, ..."""
    passages = [passage_terms(text, title) for text, title in zip(texts, titles, strict=True)]
    index = LexicalIndex.create(path)
    index.add(range(1, len(passages) + 1), passages)
    index.commit()
    return index, TermVectors([passage.vector for passage in passages])


def corpus(path: Path) -> tuple[LexicalIndex, TermVectors, np.ndarray]:
    """40 articles of one to four passages, some of two blocks, and the article of each passage."""
    draw = random.Random(7)
    articles: list[int] = []
    texts: list[str] = []
    titles: list[str] = []
    for article in range(1, 41):
        title = " ".join(draw.choices(WORDS, k=4))
        for _ in range(draw.randint(1, 4)):
            blocks = [" ".join(draw.choices(WORDS, k=draw.randint(1, 60))) for _ in range(draw.randint(1, 2))]
            texts.append("\n\n".join(blocks))
            titles.append(title)
            articles.append(article)
    index, vectors = index_of(path, texts, titles)
    return index, vectors, np.array(articles)


@pytest.mark.parametrize("text", QUERIES)
def test_scores_are_those_of_the_postings(tmp_path: Path, text: str) -> None:
    index, vectors, articles = corpus(tmp_path)
    with index:
        found = dict(index.search(text, 1000))
        expected = [found.get(id_, 0.0) for id_ in range(1, len(articles) + 1)]
        query = index.analyze(text)
        assert score_passages(vectors, query) == pytest.approx(expected, abs=2e-4)
        passage_scores, _ = score_with_articles(vectors, articles, query, len(articles) / 40)
        assert passage_scores == pytest.approx(expected, abs=2e-4)


@pytest.mark.parametrize("text", QUERIES)
def test_an_article_of_one_passage_scores_like_it(tmp_path: Path, text: str) -> None:
    index, vectors, articles = corpus(tmp_path)
    with index:
        passage_scores, of_articles = score_with_articles(vectors, np.arange(len(articles)), index.analyze(text), 1.0)
    assert of_articles.tolist() == passage_scores.tolist()


def test_an_article_scores_as_one_text_with_estimated_document_frequencies(tmp_path: Path) -> None:
    """ "cua cứ" by hand; lengths are below 40, where tantivy stores them exactly."""
    texts = ["cua bể", "cứ cua cua", "một hai ba bốn", "năm sáu", "bảy tám cứ", "chín mười"]
    index, vectors = index_of(tmp_path / "x", texts, ["Chợ cua"] * 2 + ["Đếm"] * 4)
    with index:
        _, of_articles = score_with_articles(vectors, np.array([1, 1, 2, 2, 3, 3]), index.analyze("cua cứ"), 2.0)

    def part(times: float, found: int, length: float, average: float, *, title: bool = False) -> float:
        articles = 6 / 2
        containing = found / 2 if title else articles * (1 - (1 - found / 6) ** 2)
        idf = math.log(1 + (articles - containing + 0.5) / (containing + 0.5))
        return idf * times * 2.2 / (times + 1.2 * (0.25 + 0.75 * length / average))

    average = 16 / 3  # terms of an article
    first = 1.4 * (part(3, 2, 5, average) + part(1, 2, 5, average))  # no pair "cua cứ" occurs anywhere
    first += 0.2 * part(1, 2, 2, 8 / 6, title=True)
    third = 1.4 * part(1, 2, 5, average)
    assert of_articles == pytest.approx([first, first, 0, 0, third, third], abs=2e-4)


def test_terms_of_removed_passages_only(tmp_path: Path) -> None:
    """tantivy counts them until it merges, and finds nothing that has them."""
    index, _ = index_of(tmp_path / "x", ["một hai", "hiếm", "hai ba"], ["", "lạ", ""])
    vectors = TermVectors([passage_terms(text, "").vector for text in ("một hai", "hai ba")])
    with index:
        index.remove([2])
        index.commit()
        frequencies = {(term.field, term.term): term.document_frequency for term in index.analyze("hiếm").terms}
        assert frequencies["plain", "hiem"] == 1
        assert score_passages(vectors, index.analyze("hiếm lạ")).tolist() == [0.0, 0.0]
        for text in ("hiếm một", "một hiếm", "ba lạ"):
            found = dict(index.search(text, 5))
            passage_scores, of_articles = score_with_articles(vectors, np.array([1, 3]), index.analyze(text), 1.0)
            assert passage_scores == pytest.approx([found.get(1, 0.0), found.get(3, 0.0)], abs=2e-4)
            assert of_articles.tolist() == passage_scores.tolist()


def test_a_missing_vector_scores_nothing(tmp_path: Path) -> None:
    index, _ = index_of(tmp_path / "x", ["cua bể", "cua"], ["", ""])
    vectors = TermVectors([None, passage_terms("cua", "").vector])
    with index:
        passage_scores, of_articles = score_with_articles(vectors, np.array([1, 2]), index.analyze("cua"), 1.0)
        assert passage_scores.tolist() == of_articles.tolist() == [0.0, dict(index.search("cua", 2))[2]]


def test_nothing_to_score(tmp_path: Path) -> None:
    index, vectors = index_of(tmp_path / "x", ["cua bể"], [""])
    with index:
        assert score_passages(vectors, index.analyze("…")).tolist() == [0.0]
        assert score_passages(TermVectors([]), index.analyze("cua")).tolist() == []
