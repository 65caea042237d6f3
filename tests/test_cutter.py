"""Cut word by word: piece by piece what the library says, or nothing."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from semsearch import ingest
from semsearch.encoders import cutter_from, load_encoder, static
from semsearch.encoders.cutter import Cutter
from semsearch.encoders.static import StaticEncoder
from semsearch.encoders.unigram import Unigram
from semsearch.indexing.prepare import encoder_texts, prepare

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "semsearch" / "model" / "tokenizer.json"


def texts() -> list[tuple[str, list[str]]]:
    """What the encoder is given for the passages of the articles that come with the project, and their sentences."""
    found = []
    for record in ingest.read_paths([ROOT / "seeds" / "articles"], on_error=lambda error: None):
        found += [encoder_texts(record.article, spans) for spans in prepare(record.article).passages]
    return found


def pair(vocabulary: list[tuple[str, float]]) -> tuple[Cutter, Tokenizer]:
    """Both with the bundled normalizer and a vocabulary of our own; its first piece is the unknown one."""
    settings = json.loads(MODEL.read_text(encoding="utf-8"))
    settings["model"]["vocab"] = [["<unk>", 0.0], *map(list, vocabulary)]
    content = json.dumps(settings, ensure_ascii=False)
    unigram = Unigram.parse(content.encode())
    assert unigram
    return Cutter(unigram), Tokenizer.from_str(content)


def ids(pieces: bytes | None, width: int = 2) -> list[int] | None:
    return None if pieces is None else np.frombuffer(pieces, f"<u{width}").tolist()


def test_articles_are_cut_as_by_the_library() -> None:
    unigram = Unigram.parse(MODEL.read_bytes())
    assert unigram
    cutter, library = Cutter(unigram), Tokenizer.from_file(str(MODEL))
    found = texts()
    assert len(found) > 50
    unsure = 0
    for whole, parts in found:
        made = cutter.token_ids_of_all(whole, parts)
        for text, pieces in zip((whole, *parts), made, strict=True):
            unsure += pieces is None
            assert pieces is None or ids(pieces) == library.encode(text, add_special_tokens=False).ids
            assert pieces == cutter.token_ids(text)
    assert unsure <= len(found) // 50


def test_vectors_and_pieces_do_not_depend_on_who_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static, "_MANY", 1)
    given = [*(whole for whole, _ in texts()), "", "…", "Ⅻ ²½", "công an\u0301h", "Σίσυφος", "漢字 và chữ", "a" * 9000]
    given += ["mất\x0bmùa\u2028lũ\x85lụt\u3000bão", "a\u200db c", "ﬁ ﬂ", "İ ı ſ", "q oà hoà quà", "một_hai-ba"]
    encoder = load_encoder(threads=2)
    assert isinstance(encoder, StaticEncoder)
    vectors, kept = encoder.encode_with_tokens(given)
    assert encoder._cutter
    assert np.array_equal(vectors, encoder.encode_passages(given))
    assert np.array_equal(vectors, encoder.encode_tokens(kept))
    library = Tokenizer.from_file(str(MODEL))
    assert [ids(pieces) for pieces in kept] == [library.encode(text, add_special_tokens=False).ids for text in given]


def test_a_vector_does_not_depend_on_the_others() -> None:
    encoder = load_encoder(threads=1)
    assert isinstance(encoder, StaticEncoder)
    pieces = encoder.token_ids([text for whole, parts in texts()[:40] for text in (*parts, whole)])
    together = encoder.encode_tokens(pieces)
    for one, vector in zip(pieces, together, strict=True):
        assert np.array_equal(encoder.encode_tokens([one])[0], vector)
    assert encoder.encode_tokens([]).shape == (0, encoder.dim)


def test_a_cutter_made_elsewhere(tmp_path: Path) -> None:
    encoder = load_encoder(threads=1)
    assert isinstance(encoder, StaticEncoder)
    cutting = encoder.cutting()
    assert cutting
    cutter = cutter_from(cutting)
    assert cutter
    given = [whole for whole, _ in texts()[:20]]
    assert [cutter.token_ids(text) for text in given] == encoder.token_ids(given)
    other = tmp_path / "tokenizer.json"
    assert cutter_from((str(other), *cutting[1:])) is None
    other.write_bytes(MODEL.read_bytes() + b" ")  # another file than the encoder read
    assert cutter_from((str(other), *cutting[1:])) is None


WORDS_ONLY = {"type": "Replace", "pattern": {"Regex": r"[^\p{L}\p{N}\p{M}]+"}, "content": " "}
STRIP = {"type": "Strip", "strip_left": True, "strip_right": True}
SPACED = {"type": "Replace", "pattern": {"String": "a b"}, "content": "ab"}
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
@given(pieces=PIECES, words=st.lists(WORDS, max_size=12), ends=st.lists(st.integers(0, 12), max_size=3))
def test_any_vocabulary_of_words_and_parts(pieces: list[tuple[str, float]], words: list[str], ends: list[int]) -> None:
    singles = [(letter, -12.0 - number / 8) for number, letter in enumerate(f"▁{LETTERS}")]
    known = {piece for piece, _ in pieces}
    cutter, library = pair([*pieces, *(single for single in singles if single[0] not in known)])
    parts = [" ".join(words[left:right]) for left, right in pairwise([*sorted(ends), len(words)])]
    whole = " ".join(words)
    for text, told in zip((whole, *parts), map(ids, cutter.token_ids_of_all(whole, parts)), strict=True):
        assert told is None or told == library.encode(text, add_special_tokens=False).ids
        assert told == ids(cutter.token_ids(text))
    assert cutter.token_ids_of_all(whole, ["a", whole]) == [cutter.token_ids(text) for text in (whole, "a", whole)]


def test_pieces_of_several_words_may_end_inside_of_a_word() -> None:
    scores = {"▁": -20.0, "▁a": -5.0, "▁b": -6.0, "a": -9.0, "b": -9.0, "c": -1.0, "▁a▁b": -6.0}
    cutter, library = pair(list(scores.items()))
    for text, wanted in {"a b": [7], "a bc": [7, 6], "bc a": [3, 6, 2], "a bcc a b": [7, 6, 6, 7]}.items():
        assert library.encode(text).ids == wanted
        assert ids(cutter.token_ids(text)) == wanted
    assert [*map(ids, cutter.token_ids_of_all("bc a bc. a b", ["a", "bc.", "a b"]))] == [
        [3, 6, 7, 6, 7],
        [2],
        [3, 6],
        [7],
    ]


def test_nothing_is_said_where_the_library_decides() -> None:
    cutter, _ = pair([("▁", -9.0), ("▁a", -2.0), ("a", -2.0), ("▁aa", -4.0), ("▁b", -3.0), ("b", -9.0)])
    assert ids(cutter.token_ids("b a b")) == [5, 2, 5]
    assert cutter.token_ids("aa") is None  # ▁aa, or ▁a and a: both -4
    assert cutter.token_ids("a z") is None  # z is no piece
    assert cutter.token_ids("a\u0301b") is None  # not composed
    assert cutter.token_ids(" . ") == b""


def test_words_together_or_apart_for_the_same_are_cut_as_by_the_library() -> None:
    scores = {"▁a": -2.0, "▁b": -3.0, "▁c": -1.0, "▁a▁b": -5.0, "▁c▁c": -2.0}
    cutter, library = pair([*((letter, -9.0) for letter in "▁abc"), *scores.items()])
    for text in ("a b", "b a b", "c c", "c c c", "c a b c c"):
        assert ids(cutter.token_ids(text)) == library.encode(text).ids


def test_wide_ids() -> None:
    settings = json.loads(MODEL.read_text(encoding="utf-8"))
    settings["model"]["vocab"] = [["<unk>", 0.0], ["▁a", -1.0], ["▁b", -2.0], ["a", -9.0], ["b", -9.0], ["▁", -9.0]]
    unigram = Unigram.parse(json.dumps(settings).encode())
    assert unigram
    assert ids(Cutter(unigram, 4).token_ids("b, a A"), 4) == [2, 1, 1]


def test_with_pieces_from_inside_of_one_word_into_the_next_nothing_is_said() -> None:
    cutter, _ = pair([("▁", -9.0), ("▁a", -2.0), ("a", -2.0), ("b", -2.0), ("a▁b", -1.0)])
    assert cutter.token_ids("a b") is None


@pytest.mark.parametrize(
    ("normalizer", "apart"),
    [
        ({"type": "NFC"}, False),
        (None, False),
        ({"type": "Strip", "strip_left": True, "strip_right": True}, False),
        ({"type": "Sequence", "normalizers": [WORDS_ONLY, STRIP]}, True),
        ({"type": "Sequence", "normalizers": [{"type": "Lowercase"}, WORDS_ONLY, STRIP]}, True),
        ({"type": "Sequence", "normalizers": [STRIP, WORDS_ONLY]}, False),
        ({"type": "Sequence", "normalizers": [WORDS_ONLY | {"content": "-"}, STRIP]}, False),
        ({"type": "Sequence", "normalizers": [SPACED, WORDS_ONLY, STRIP]}, False),
    ],
)
def test_words_stand_apart_or_nothing_is_said(normalizer: dict[str, Any] | None, apart: bool) -> None:
    settings = json.loads(MODEL.read_text(encoding="utf-8"))
    settings["model"]["vocab"] = [["<unk>", 0.0], ["▁a", -1.0], ["a", -9.0], ["▁", -9.0]]
    unigram = Unigram.parse(json.dumps(settings | {"normalizer": normalizer}).encode())
    assert unigram
    assert unigram.apart is apart
    assert (Cutter(unigram).token_ids("a a") is not None) is apart
