"""Third-party retrievers, rerankers and readers work with ``answer`` and with the output."""

from __future__ import annotations

import datetime as dt
import io
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from factories import HashEncoder, article, passages

from semsearch import Filter, Index, Query, Reader, Reranker, Retriever, UsageError, answer, load_reader
from semsearch.cli import render
from semsearch.cli.language import Locale
from semsearch.cli.terminal import Console
from semsearch.encoders import StaticEncoder, load_encoder
from semsearch.filters import NO_FILTER
from semsearch.text import as_query, terms
from semsearch.types import Answer, Article, Hit, Mode, Passage, Scores

BRIDGE = "Cầu Bản Lầy dài 186 mét, nối hai bờ sông Nậm Na."
NEWS = {
    "cau-2019.txt": ("Khánh thành cầu", f"{BRIDGE} Cầu được khánh thành sáng qua.", dt.date(2019, 5, 2)),
    "cau-2023.txt": ("Sửa cầu", f"{BRIDGE} Mặt cầu vừa được sửa xong.", dt.date(2023, 8, 1)),
    "cho.txt": ("Chợ phiên", "Chợ phiên Bản Lầy họp vào chủ nhật hằng tuần.", dt.date(2021, 1, 1)),
}
QUESTION = "Cầu Bản Lầy dài bao nhiêu mét?"


class TermRetriever:
    """BM25 over articles in memory, written without knowledge of semsearch's own index."""

    def __init__(self, articles: Sequence[Article]) -> None:
        self._passages: list[tuple[Passage, Article]] = []
        for stored in articles:
            self._passages += [(passage, stored) for passage in passages(stored, 10 * stored.id)]
        self._counts = [Counter(terms(passage.text)) for passage, _ in self._passages]
        self._frequencies = Counter(term for counts in self._counts for term in counts)
        self.modes: list[Mode] = []

    def search(
        self, query: str | Query, k: int = 10, *, mode: Mode = "hybrid", filters: Filter = NO_FILTER
    ) -> list[Hit]:
        self.modes.append(mode)
        scored = []
        for (passage, stored), counts in zip(self._passages, self._counts, strict=True):
            score = sum(self._score(term, counts) for term in set(terms(str(query))))
            passes = filters.since is None or (stored.date is not None and stored.date >= filters.since)
            if score and passes:
                scored.append((score, passage, stored))
        scored.sort(key=lambda item: (-item[0], item[1].id))
        hits = []
        for rank, (score, passage, stored) in enumerate(scored[:k], 1):
            scores = Scores(fused=score / scored[0][0], lexical=score)
            hits.append(Hit(passage, stored, scores.fused, scores, passage.sentences[0], rank))
        return hits

    def _score(self, term: str, counts: Counter[str]) -> float:
        frequency = self._frequencies[term]
        idf = math.log(1 + (len(self._passages) - frequency + 0.5) / (frequency + 0.5))
        length = counts.total() / (sum(map(Counter.total, self._counts)) / len(self._counts))
        return idf * counts[term] * 2.2 / (counts[term] + 1.2 * (0.25 + 0.75 * length))


class NewestFirst:
    """Prefers newer articles."""

    def __init__(self) -> None:
        self.given: list[int] = []

    def rerank(self, query: str | Query, hits: Sequence[Hit]) -> list[Hit]:
        self.given.append(len(hits))
        return sorted(hits, key=lambda hit: hit.article.date or dt.date.min, reverse=True)


class SharedTerms:
    """Scores passages by their number of query terms, and sets ``scores.rerank``."""

    def rerank(self, query: str | Query, hits: Sequence[Hit]) -> list[Hit]:
        expected = set(terms(str(query)))
        scored = []
        for hit in hits:
            score = float(len(expected & set(terms(hit.passage.text))))
            scored.append(replace(hit, scores=replace(hit.scores, rerank=score)))
        return sorted(scored, key=lambda hit: -(hit.scores.rerank or 0.0))


class FirstSentence:
    """Quotes the first sentence of the best hit."""

    def depth(self, query: Query) -> int:
        return 2

    def read(self, query: Query, hits: Sequence[Hit]) -> Answer:
        if not hits:
            return Answer(query.text, found=False)
        best = hits[0]
        sentence = best.passage.sentences[0]
        text = sentence.of(best.article.text)
        return Answer(query.text, True, text, best, sentence, sentence, 0.5, hits=tuple(hits))


def stored_articles() -> list[Article]:
    found = []
    for number, (source, (title, body, date)) in enumerate(NEWS.items(), 1):
        found.append(replace(article(number, source, body), title=title, date=date, id=number))
    return found


@pytest.fixture
def retriever() -> TermRetriever:
    return TermRetriever(stored_articles())


def printed(found: Answer) -> str:
    stream = io.StringIO()
    render.answer(Console(stream, 100, False, Locale("vi")), found, None)
    return stream.getvalue()


def test_they_are_what_the_protocols_ask_for(retriever: TermRetriever) -> None:
    """For type checkers: an assignment is an error if a method does not match."""
    searching: Retriever = retriever
    ordering: Reranker = NewestFirst()
    reading: Reader = FirstSentence()
    assert searching.search("cầu")
    assert ordering.rerank("cầu", []) == []
    assert reading.depth(as_query("cầu")) == 2


def test_another_retriever_is_asked(retriever: TermRetriever) -> None:
    found = answer(QUESTION, retriever, load_reader(), mode="lexical")
    assert found.found
    assert found.text.startswith("186")
    assert found.citation is not None
    assert found.citation.article.source == "cau-2019.txt"
    assert retriever.modes == ["lexical"]
    text = printed(found)
    assert found.text in text
    assert "cau-2019.txt" in text


def test_another_reranker_decides_the_order(retriever: TermRetriever) -> None:
    reranker = NewestFirst()
    found = answer(QUESTION, retriever, FirstSentence(), reranker, k=2)
    assert found.citation is not None
    assert found.citation.article.source == "cau-2023.txt"
    assert [hit.article.source for hit in found.hits] == ["cau-2023.txt", "cho.txt"]
    assert [hit.rank for hit in found.hits] == [1, 2]
    assert [hit.scores.rerank for hit in found.hits] == [1.0, 0.5]  # it gives no scores: those of the ranks
    assert all(0.0 <= hit.score <= 1.0 for hit in found.hits)
    assert reranker.given == [3]  # more than the two that are kept
    assert "cau-2023.txt" in printed(found)


def test_scores_of_a_reranker_are_kept(retriever: TermRetriever) -> None:
    found = answer(QUESTION, retriever, FirstSentence(), SharedTerms())
    assert [hit.scores.rerank for hit in found.hits] == [5.0, 5.0, 2.0]
    stream = io.StringIO()
    render.hits(Console(stream, 100, False, Locale("en")), list(found.hits), None)
    assert "cau-2019.txt" in stream.getvalue()


def test_filters_reach_the_retriever(retriever: TermRetriever) -> None:
    found = answer(QUESTION, retriever, FirstSentence(), filters=Filter(since=dt.date(2020, 1, 1)))
    assert {hit.article.source for hit in found.hits} == {"cau-2023.txt", "cho.txt"}


def test_what_cannot_be_answered(retriever: TermRetriever) -> None:
    assert not answer("xyz", retriever, FirstSentence()).found
    with pytest.raises(UsageError, match="at least 1"):
        answer(QUESTION, retriever, FirstSentence(), k=0)


def test_an_index_takes_a_reranker_and_a_reader(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Index.create(tmp_path_factory.mktemp("seams") / "index", HashEncoder()) as index:
        index.add(stored_articles())
        plain = index.search("cầu Bản Lầy", 3)
        assert all(hit.scores.rerank is None for hit in plain)
        hits = index.search("cầu Bản Lầy", 2, reranker=NewestFirst())
        assert [hit.article.source for hit in hits] == ["cau-2023.txt", "cho.txt"]
        assert [hit.rank for hit in hits] == [1, 2]
        assert [hit.scores.rerank for hit in hits] == [1.0, 0.5]
        found = index.ask(QUESTION, reader=FirstSentence(), reranker=NewestFirst())
        assert found == answer(as_query(QUESTION), index, FirstSentence(), NewestFirst())
        assert found.citation is not None
        assert found.citation.article.source == "cau-2023.txt"


@pytest.mark.parametrize("reranker", [None, NewestFirst()])
def test_an_index_refuses_a_limit_below_one_and_an_unknown_mode(index: Index, reranker: Reranker | None) -> None:
    index.add([article(1)])
    for k in (0, -1):
        with pytest.raises(UsageError, match="`k` must be at least 1"):
            index.search("tin", k, reranker=reranker)
        with pytest.raises(UsageError, match="`k` must be at least 1"):
            index.ask("tin", k, reranker=reranker)
    with pytest.raises(UsageError, match="`mode`"):
        index.search("tin", mode="fuzzy", reranker=reranker)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="`mode`"):
        index.explain("tin", [], "fuzzy")  # type: ignore[arg-type]


def test_the_bundled_encoder_is_loaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading it takes longer than a search; the bundled reader uses the one of the index."""
    loaded = []

    def load(name: str = "bundled", *, threads: int | None = None) -> StaticEncoder:
        loaded.append(name)
        return load_encoder(name, threads=threads)

    monkeypatch.setattr("semsearch.encoders.load_encoder", load)
    with Index.create(tmp_path / "index") as index:
        index.add([article(1)])
    assert loaded == ["bundled"]

    loaded.clear()
    with Index.open(tmp_path / "index") as index:
        index.ask("Tin số 1 từ huyện nào?")
    assert loaded == ["bundled"]
