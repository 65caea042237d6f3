"""Cut word by word: piece by piece what the library says, or nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from semsearch import ingest
from semsearch.encoders import load_encoder, static
from semsearch.encoders.cutter import Cutter
from semsearch.encoders.static import StaticEncoder
from semsearch.encoders.unigram import Unigram
from semsearch.index.prepare import prepare
from semsearch.index.writer import encoded

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "semsearch" / "model" / "tokenizer.json"


def passages() -> list[str]:
    """What the encoder is given for the passages of the articles that come with the project."""
    found = []
    for record in ingest.read_paths([ROOT / "seeds" / "articles"], on_error=lambda error: None):
        found += [encoded(record.article, window)[0] for window in prepare(record.article).windows]
    return found


def pair(vocabulary: list[tuple[str, float]]) -> tuple[Cutter, Tokenizer]:
    """Both with the bundled normalizer and a vocabulary of our own; its first piece is the unknown one."""
    settings = json.loads(MODEL.read_text(encoding="utf-8"))
    settings["model"]["vocab"] = [["<unk>", 0.0], *map(list, vocabulary)]
    content = json.dumps(settings, ensure_ascii=False)
    unigram = Unigram.parse(content.encode())
    assert unigram
    return Cutter(unigram), Tokenizer.from_str(content)


def test_articles_are_cut_as_by_the_library() -> None:
    unigram = Unigram.parse(MODEL.read_bytes())
    assert unigram
    cutter, library = Cutter(unigram), Tokenizer.from_file(str(MODEL))
    texts = passages()
    assert len(texts) > 50
    made = [cutter.ids(text) for text in texts]
    assert sum(ids is None for ids in made) <= len(texts) // 50
    for text, ids in zip(texts, made, strict=True):
        assert ids is None or ids == library.encode(text, add_special_tokens=False).ids


def test_vectors_and_pieces_do_not_depend_on_who_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static, "_MANY", 1)
    texts = [*passages(), "", "…", "Ⅻ ²½", "công an\u0301h", "Σίσυφος", "漢字 và chữ"]
    encoder = load_encoder(threads=2)
    assert isinstance(encoder, StaticEncoder)
    vectors, kept = encoder.encode_with_pieces(texts)
    assert encoder._cutter
    assert np.array_equal(vectors, encoder.encode_passages(texts))
    assert kept == encoder.pieces(texts)


LETTERS = "abcđ"
WORDS = st.text(LETTERS, min_size=1, max_size=4)
PIECES = st.lists(
    st.tuples(
        st.one_of(
            st.lists(WORDS, min_size=1, max_size=4).map(lambda words: "▁" + "▁".join(words)),  # words together
            WORDS,  # a part of a word
        ),
        st.integers(1, 60).map(lambda number: -number / 4 - 1e-3 * (number % 7)),
    ),
    max_size=25,
    unique_by=lambda piece: piece[0],
)


@settings(max_examples=400, deadline=None)
@given(pieces=PIECES, words=st.lists(WORDS, max_size=12))
def test_any_vocabulary_of_words_and_parts(pieces: list[tuple[str, float]], words: list[str]) -> None:
    singles = [(letter, -12.0 - number / 8) for number, letter in enumerate(f"▁{LETTERS}")]
    known = {piece for piece, _ in pieces}
    cutter, library = pair([*pieces, *(single for single in singles if single[0] not in known)])
    text = " ".join(words)
    ids = cutter.ids(text)
    assert ids is None or ids == library.encode(text, add_special_tokens=False).ids


def test_pieces_of_several_words_may_end_inside_of_a_word() -> None:
    scores = {"▁": -20.0, "▁a": -5.0, "▁b": -6.0, "a": -9.0, "b": -9.0, "c": -1.0, "▁a▁b": -6.0}
    cutter, library = pair(list(scores.items()))
    for text, ids in {"a b": [7], "a bc": [7, 6], "bc a": [3, 6, 2], "a bcc a b": [7, 6, 6, 7]}.items():
        assert library.encode(text).ids == ids
        assert cutter.ids(text) == ids


def test_nothing_is_said_where_rounding_or_the_library_decides() -> None:
    cutter, _ = pair([("▁", -9.0), ("▁a", -2.0), ("a", -2.0), ("▁aa", -4.0), ("▁b", -3.0), ("b", -9.0)])
    assert cutter.ids("b a b") == [5, 2, 5]
    assert cutter.ids("aa") is None  # ▁aa, or ▁a and a: both -4
    assert cutter.ids("a z") is None  # z is no piece
    assert cutter.ids("a\u0301b") is None  # not composed
    assert cutter.ids(" . ") == []


def test_with_pieces_from_inside_of_one_word_into_the_next_nothing_is_said() -> None:
    cutter, _ = pair([("▁", -9.0), ("▁a", -2.0), ("a", -2.0), ("b", -2.0), ("a▁b", -1.0)])
    assert cutter.ids("a b") is None
