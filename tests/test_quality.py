"""The gate: figures of the bundled encoder that rise with each gain and do not fall by themselves.

The figures themselves, and how they were got, are in docs/results/quality.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from semsearch.cli.evaluate import measure
from semsearch.evaluate import best_per_entry, retrieval
from semsearch.index import Index
from semsearch.ingest import read_qrels, read_queries
from semsearch.text import fold
from semsearch.types import Mode

ROOT = Path(__file__).resolve().parents[1]
DEV = ROOT.parent / "shared" / "data" / "dev"
MOST = 500  # of a large set's questions, so that the gate takes minutes; eval asks all
DEPTH = 30  # passages asked for: enough for ten corpus entries nearly always


class Set:
    """A set with its corpus indexed once; figures are made when asked for, and kept."""

    def __init__(self, name: str, work: Path) -> None:
        self.folder = DEV / name
        self.queries, self.qrels = read_queries(self.folder), read_qrels(self.folder)
        if len(self.qrels) > 1200:
            self.qrels = {query: self.qrels[query] for query in list(self.qrels)[:MOST]}
        self.index = Index.create(work / name)
        self.index.sync([self.folder / "corpus.jsonl"])
        self._figures: dict[tuple[Mode, bool], float] = {}

    def ndcg(self, mode: Mode, *, plain: bool = False) -> float:
        """nDCG@10; ``plain``: of the questions without their accents."""
        if (mode, plain) not in self._figures:
            run = {}
            for query in self.qrels:
                text = fold(self.queries[query]) if plain else self.queries[query]
                hits = self.index.search(text, DEPTH, mode=mode)
                named = ((s.rsplit("#", 1)[1], hit.score) for hit in hits for s in hit.article.sources)
                run[query] = best_per_entry(named)[:10]
            self._figures[mode, plain] = retrieval(run, self.qrels)["nDCG@10"]
        return self._figures[mode, plain]


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Set]]:
    made: dict[str, Set] = {}
    yield made
    for one in made.values():
        one.index.close()


@pytest.fixture
def get(sets: dict[str, Set], tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    def named(name: str) -> Set:
        if not (DEV / name).is_dir():
            pytest.skip("the development sets are not here (../shared/data/dev)")
        if name not in sets:
            sets[name] = Set(name, tmp_path_factory.mktemp("quality"))
        return sets[name]

    return named


FLOORS = [
    ("xquad-vi", "dense", 0.946),
    ("xquad-vi", "hybrid", 0.980),
    ("vinewsqa", "dense", 0.850),
    ("vinewsqa", "hybrid", 0.9045),
    ("xquad-en-vi", "dense", 0.745),
    ("xquad-en-vi", "hybrid", 0.83),
    ("news-title", "dense", 0.905),
    ("news-title", "hybrid", 0.948),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "mode", "floor"), FLOORS)
def test_floor(get, name: str, mode: Mode, floor: float) -> None:  # type: ignore[no-untyped-def]
    assert get(name).ndcg(mode) >= floor


@pytest.mark.slow
@pytest.mark.parametrize("name", ["xquad-vi", "vinewsqa", "xquad-en-vi", "news-title"])
def test_hybrid_is_above_words_and_above_meaning_alone(get, name: str) -> None:  # type: ignore[no-untyped-def]
    one = get(name)
    assert one.ndcg("hybrid") > max(one.ndcg("lexical"), one.ndcg("dense"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["xquad-vi", "vinewsqa"])
def test_questions_without_accents_lose_little(get, name: str) -> None:  # type: ignore[no-untyped-def]
    one = get(name)
    assert one.ndcg("hybrid", plain=True) >= one.ndcg("hybrid") - 0.01


def test_seeds() -> None:
    figures = measure(ROOT / "seeds", "hybrid", None, None, None)
    assert figures["nDCG@10"] >= 0.97
    assert figures["sentence@1"] >= 0.65
    assert figures["queries"] >= 80
