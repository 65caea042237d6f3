"""Late interaction (MaxSim): against its definition, and as a signal of search."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny_models
from factories import execute

from semsearch.encoders import load_encoder
from semsearch.encoders.static import StaticEncoder
from semsearch.index import Index
from semsearch.protocols import LateInteraction
from semsearch.storage import Store

TEXTS = [
    "Tỉnh được đầu tư 12 tỷ đồng. Khu vực phòng thủ có 38 mô hình.",
    "Bộ đội giúp dân gỗ và đá.",
    "Ghế đá 5 ngày, dân quân tự quản được khen.",
]
QUERY = "mô hình tự quản khu vực phòng thủ"
CARD = {"fusion": {"vi": {"dense": 0.2, "lexical": 0.2, "maxsim": 0.6}}}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> StaticEncoder:
    folder = tiny_models.static(tmp_path_factory.mktemp("models") / "static", settings=CARD)
    loaded = load_encoder(str(folder))
    assert isinstance(loaded, StaticEncoder)
    return loaded


@pytest.fixture
def index(tmp_path: Path, encoder: StaticEncoder) -> Index:
    for place, text in enumerate(TEXTS):
        (tmp_path / f"{place}.txt").write_text(text, encoding="utf-8")
    opened = Index.create(tmp_path / "index", encoder)
    opened.sync(sorted(tmp_path.glob("*.txt")))
    return opened


def maxsim_by_definition(encoder: StaticEncoder, query: str, text: str) -> float:
    """MaxSim token by token, in double precision."""
    tokenizer = tiny_models.unigram()
    rows = tiny_models.matrix().astype(np.float16).astype(np.float64)
    rows[0] = 0.0
    query_ids = tokenizer.encode(query, add_special_tokens=False).ids
    text_ids = tokenizer.encode(text, add_special_tokens=False).ids
    total = weight = 0.0
    for query_id in query_ids:
        length = np.linalg.norm(rows[query_id])
        cosines = [
            rows[query_id] @ rows[text_id] / (length * np.linalg.norm(rows[text_id]))
            for text_id in text_ids
            if length and np.linalg.norm(rows[text_id])
        ]
        total += length * max(cosines, default=0.0)
        weight += length
    return total / weight


def test_maxsim_follows_its_definition(encoder: StaticEncoder) -> None:
    assert isinstance(encoder, LateInteraction)
    found = encoder.maxsim(QUERY, encoder.token_ids(TEXTS))
    assert found == pytest.approx([maxsim_by_definition(encoder, QUERY, text) for text in TEXTS], abs=1e-5)
    assert found.argmax() == 0


def test_a_text_matches_itself_fully(encoder: StaticEncoder) -> None:
    assert encoder.maxsim(QUERY, encoder.token_ids([QUERY])) == pytest.approx([1.0], abs=1e-5)


def test_a_very_long_query_is_compared_in_parts(encoder: StaticEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    token_ids = encoder.token_ids(TEXTS)
    in_one = encoder.maxsim(" ".join([QUERY, *TEXTS]), token_ids)
    monkeypatch.setattr("semsearch.encoders.late_interaction._BLOCK_QUERY_TOKENS", 3)
    assert encoder.maxsim(" ".join([QUERY, *TEXTS]), token_ids) == pytest.approx(in_one, abs=1e-6)


def test_no_tokens(encoder: StaticEncoder) -> None:
    assert encoder.maxsim("", encoder.token_ids(TEXTS)).tolist() == [0.0] * len(TEXTS)
    assert encoder.maxsim(QUERY, encoder.token_ids([""])).tolist() == [0.0]
    assert encoder.maxsim(QUERY, []).shape == (0,)


def test_hits_of_a_hybrid_search_have_a_maxsim_score(index: Index, encoder: StaticEncoder) -> None:
    hits = index.search(QUERY)
    for hit in hits:
        expected = maxsim_by_definition(encoder, QUERY, hit.passage.text)
        assert hit.scores.maxsim == pytest.approx(expected, abs=1e-5)
    assert all(hit.scores.maxsim is None for hit in index.search(QUERY, mode="dense"))
    assert all(hit.scores.maxsim is None for hit in index.search(QUERY, mode="lexical"))


@pytest.mark.parametrize("harm", ["DELETE FROM token_ids", "UPDATE token_ids SET ids = x'0102030405'"])
def test_lost_token_ids_are_computed_again(index: Index, harm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [(hit.passage.id, hit.scores) for hit in index.search(QUERY)]
    index.close()
    execute(index.path / "store.db", harm)
    with Index.open(index.path) as again:
        assert [(hit.passage.id, hit.scores) for hit in again.search(QUERY)] == kept


def test_stored_token_ids_are_used_and_removed_with_their_passages(
    index: Index, tmp_path: Path, encoder: StaticEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(StaticEncoder, "token_ids", lambda self, texts: asked.append(list(texts)) or [])
    index.search(QUERY)
    assert asked == []
    (tmp_path / "1.txt").unlink()
    index.sync([tmp_path / "1.txt"])
    store = Store.open(index.path / "store.db")
    assert len(store.token_ids(encoder.fingerprint, range(100))) == len(store.all_ids("passages")) == 2
    assert store.token_ids("another", range(100)) == {}
    store.close()
