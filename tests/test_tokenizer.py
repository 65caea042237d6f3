"""The tokenizers in Python must give the same ids as the ``tokenizers`` library."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from semsearch import ingest
from semsearch.encoders import BUNDLED, StaticEncoder, load_encoder, load_tokenizer, tokenizer
from semsearch.encoders.tokenizer import CachingTokenizer, TokenizerSpec, UnigramTokenizer, unpack_ids
from semsearch.encoders.unigram import UnigramModel
from semsearch.errors import EncoderUnavailable
from semsearch.segmentation import split_sentences

ROOT = Path(__file__).resolve().parent.parent
FILE = BUNDLED / "tokenizer.json"

ODD = [
    "",
    "   ",
    "!!!",
    "▁",
    "a▁b",
    "q_uý",
    "ΑΣ Σ",
    "½ kg",
    "m² nước",
    "hoà Hoà quý thuỷ khoẻ, toàn HOÀ",
    "\u0301abc",
    "İstanbul",
    "日本語 tiếng",
    "😀 vui",
    "x" * 50,
    "<unk>",
    "ab\ncd\tef",
    "ðồng",
    "zzzqqqxxx\u4e00\u4e8c",
    "Ⅻ ²½",
    "công an\u0301h",
    "Σίσυφος",
    "漢字 và chữ",
    "a" * 9000,
    "mất\x0bmùa\u2028lũ\x85lụt\u3000bão",
    "a\u200db c",
    "ﬁ ﬂ",
    "İ ı ſ",
    "q oà hoà quà",
    "một_hai-ba",
]
VIETNAMESE = "aàáảãạăâbcdđeèéêghiklmnoòóôơpqrstuùúưvxyý zwjf0123.,-/"


class Refusing:
    """A fallback that records the texts for which a tokenizer is not certain."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def token_ids(self, texts: Sequence[str]) -> list[bytes]:
        self.texts += texts
        return [b"fallback" for _ in texts]


def ids(packed: bytes, token_bytes: int = 2) -> list[int] | None:
    """The ids, or None if they are the fallback's."""
    return None if packed == b"fallback" else unpack_ids(packed, token_bytes).tolist()


def library_ids(library: Tokenizer, text: str) -> list[int]:
    found: list[int] = library.encode(text, add_special_tokens=False).ids
    return found


def articles() -> list[str]:
    """Passages and sentences of the articles that come with the project."""
    found = []
    for record in ingest.read_paths([ROOT / "seeds" / "articles"], on_error=lambda error: None):
        article = record.article
        for block in article.blocks:
            found.append(f"{article.title}\n{block.of(article.text)}")
            found += [span.of(article.text) for span in split_sentences(article.text, block.start, block.end)]
    return found


@pytest.fixture(scope="module")
def library() -> Tokenizer:
    return Tokenizer.from_file(str(FILE))


@pytest.fixture(scope="module")
def model() -> UnigramModel:
    parsed = UnigramModel.parse(FILE.read_bytes())
    assert parsed is not None, "the bundled tokenizer must be of the kind that is read in Python"
    return parsed


@pytest.fixture(scope="module")
def caching(model: UnigramModel) -> CachingTokenizer:
    return CachingTokenizer(model, 2, Refusing())


def agrees(kind: UnigramTokenizer | CachingTokenizer, library: Tokenizer, text: str) -> bool:
    """Whether a tokenizer is certain of a text; then it must give the library's ids."""
    [packed] = kind.token_ids([text])
    assert packed == b"fallback" or ids(packed) == library_ids(library, text), text
    return packed != b"fallback"


# Both tokenizers over the bundled vocabulary ---------------------------------------------------


@pytest.fixture(scope="module", params=["unigram", "caching"])
def kind(request: pytest.FixtureRequest, model: UnigramModel) -> UnigramTokenizer | CachingTokenizer:
    return (UnigramTokenizer if request.param == "unigram" else CachingTokenizer)(model, 2, Refusing())


def test_questions_and_passages(kind: UnigramTokenizer | CachingTokenizer, library: Tokenizer) -> None:
    rows = [json.loads(line) for line in (ROOT / "seeds" / "queries.jsonl").read_text("utf-8").splitlines()]
    rows += [json.loads(line) for line in (ROOT / "seeds" / "corpus.jsonl").read_text("utf-8").splitlines()]
    texts = [row["text"] for row in rows] + articles()
    assert len(texts) > 300
    certain = sum(agrees(kind, library, text) for text in texts)
    assert certain >= 0.98 * len(texts)


@pytest.mark.parametrize("text", ODD)
def test_odd_texts(kind: UnigramTokenizer | CachingTokenizer, library: Tokenizer, text: str) -> None:
    agrees(kind, library, text)


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=60))
def test_any_text(model: UnigramModel, caching: CachingTokenizer, library: Tokenizer, text: str) -> None:
    agrees(UnigramTokenizer(model, 2, Refusing()), library, text)
    agrees(caching, library, text)


@settings(max_examples=300, deadline=None)
@given(text=st.text(alphabet=VIETNAMESE, max_size=60))
def test_any_text_of_vietnamese_letters(
    model: UnigramModel, caching: CachingTokenizer, library: Tokenizer, text: str
) -> None:
    assert agrees(UnigramTokenizer(model, 2, Refusing()), library, text)
    agrees(caching, library, text)


def test_only_uncertain_texts_go_to_the_fallback(model: UnigramModel) -> None:
    fallback = Refusing()
    texts = ["Cầu dài 120 mét.", "Ⅻ ²½", "Tỉnh có 38 mô hình.", "a\u0301"]
    for tokenizer_class in (UnigramTokenizer, CachingTokenizer):
        found = tokenizer_class(model, 2, fallback).token_ids(texts)
        assert [packed == b"fallback" for packed in found] == [text in fallback.texts for text in texts]
        assert "Ⅻ ²½" in fallback.texts
        fallback.texts.clear()


# The tokenizer of an encoder -------------------------------------------------------------------


def test_vectors_are_the_same_before_and_after_the_library_is_loaded() -> None:
    encoder = StaticEncoder(BUNDLED)
    alone = encoder.encode_queries(["Cầu dài bao nhiêu mét?"])
    encoder.encode_passages([f"Câu số {number}." for number in range(20)])
    assert np.array_equal(encoder.encode_queries(["Cầu dài bao nhiêu mét?"]), alone)


def test_vectors_and_ids_do_not_depend_on_the_tokenizer(monkeypatch: pytest.MonkeyPatch, library: Tokenizer) -> None:
    texts = [*articles(), *ODD]
    before = load_encoder(threads=2).encode_passages(texts)
    monkeypatch.setattr(tokenizer, "_MIN_TEXTS_FOR_CACHE", 1)
    encoder = load_encoder(threads=2)
    assert isinstance(encoder, StaticEncoder)
    packed = encoder.token_ids(texts)
    vectors = encoder.encode_tokens(packed)
    assert np.array_equal(vectors, before)
    assert np.array_equal(vectors, encoder.encode_passages(texts))
    assert [ids(token_ids) for token_ids in packed] == [library_ids(library, text) for text in texts]
    assert encoder.tokenizer().token_ids(texts) == packed


def test_a_vector_does_not_depend_on_the_others() -> None:
    encoder = load_encoder(threads=1)
    assert isinstance(encoder, StaticEncoder)
    token_ids = encoder.token_ids(articles()[:200])
    together = encoder.encode_tokens(token_ids)
    for text, vector in zip(token_ids, together, strict=True):
        assert np.array_equal(encoder.encode_tokens([text])[0], vector)
    assert encoder.encode_tokens([]).shape == (0, encoder.dim)


def test_a_tokenizer_made_elsewhere(tmp_path: Path) -> None:
    encoder = load_encoder(threads=1)
    assert isinstance(encoder, StaticEncoder)
    spec = encoder.tokenizer_spec()
    assert spec is not None
    texts = [*articles()[:50], *ODD]
    assert load_tokenizer(spec).token_ids(texts) == encoder.token_ids(texts)

    other = tmp_path / "tokenizer.json"
    with pytest.raises(EncoderUnavailable, match="is missing"):
        load_tokenizer(TokenizerSpec(str(other), spec.sha256, spec.token_bytes))
    other.write_bytes(FILE.read_bytes() + b" ")
    with pytest.raises(EncoderUnavailable, match="changed while it was in use"):
        load_tokenizer(TokenizerSpec(str(other), spec.sha256, spec.token_bytes))


# Other vocabularies ----------------------------------------------------------------------------

LETTERS = "abcđ"
WORDS = st.text(LETTERS, min_size=1, max_size=4)
TOKENS = st.lists(
    st.tuples(
        st.one_of(
            st.lists(WORDS, min_size=1, max_size=4).map(lambda words: "▁" + "▁".join(words)),  # several words
            WORDS,  # a part of a word
        ),
        st.integers(1, 60).map(lambda number: -number / 4 - 1e-3 * (number % 7)),
    ),
    max_size=25,
    unique_by=lambda token: token[0],
)


def with_vocabulary(vocabulary: Sequence[tuple[str, float]], **changes: Any) -> bytes:
    """The bundled tokenizer.json with another vocabulary; its first token is the unknown one."""
    content = json.loads(FILE.read_text(encoding="utf-8"))
    content["model"]["vocab"] = [["<unk>", 0.0], *map(list, vocabulary)]
    return json.dumps(content | changes, ensure_ascii=False).encode()


def pair(vocabulary: Sequence[tuple[str, float]]) -> tuple[CachingTokenizer, Tokenizer]:
    content = with_vocabulary(vocabulary)
    model = UnigramModel.parse(content)
    assert model is not None
    return CachingTokenizer(model, 2, Refusing()), Tokenizer.from_str(content.decode())


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(tokens=TOKENS, words=st.lists(WORDS, max_size=12))
def test_any_vocabulary_of_words_and_parts(tokens: list[tuple[str, float]], words: list[str]) -> None:
    letters = [(letter, -12.0 - number / 8) for number, letter in enumerate(f"▁{LETTERS}")]
    known = {token for token, _ in tokens}
    caching, library = pair([*tokens, *(letter for letter in letters if letter[0] not in known)])
    text = " ".join(words)
    first, again = caching.token_ids([text, text])
    assert first == again
    assert first == b"fallback" or ids(first) == library_ids(library, text)


def test_tokens_of_several_words_may_end_inside_a_word() -> None:
    scores = {"▁": -20.0, "▁a": -5.0, "▁b": -6.0, "a": -9.0, "b": -9.0, "c": -1.0, "▁a▁b": -6.0}
    caching, library = pair(list(scores.items()))
    for text, expected in {"a b": [7], "a bc": [7, 6], "bc a": [3, 6, 2], "a bcc a b": [7, 6, 6, 7]}.items():
        assert library_ids(library, text) == expected
        assert [ids(packed) for packed in caching.token_ids([text])] == [expected]


def test_the_library_decides_between_equal_paths_and_about_unknown_characters() -> None:
    caching, _ = pair([("▁", -9.0), ("▁a", -2.0), ("a", -2.0), ("▁aa", -4.0), ("▁b", -3.0), ("b", -9.0)])
    assert caching.token_ids([" . ", "b a b"]) == [b"", bytes([5, 0, 2, 0, 5, 0])]
    uncertain = [
        "aa",  # ▁aa, or ▁a and a: both -4
        "a z",  # z is not a token
        "a\u0301b",  # not composed
    ]
    assert caching.token_ids(uncertain) == [b"fallback"] * 3


def test_words_with_the_same_score_together_and_apart() -> None:
    scores = {"▁a": -2.0, "▁b": -3.0, "▁c": -1.0, "▁a▁b": -5.0, "▁c▁c": -2.0}
    caching, library = pair([*((letter, -9.0) for letter in "▁abc"), *scores.items()])
    for text in ("a b", "b a b", "c c", "c c c", "c a b c c"):
        assert agrees(caching, library, text) is False or ids(*caching.token_ids([text])) == library_ids(library, text)


def test_ids_of_four_bytes() -> None:
    vocabulary = [("▁a", -1.0), ("▁b", -2.0), ("a", -9.0), ("b", -9.0), ("▁", -9.0)]
    model = UnigramModel.parse(with_vocabulary(vocabulary))
    assert model is not None
    for tokenizer_class in (UnigramTokenizer, CachingTokenizer):
        assert ids(*tokenizer_class(model, 4, Refusing()).token_ids(["b, a A"]), 4) == [2, 1, 1]


def test_a_token_from_inside_one_word_into_the_next_is_left_to_the_library() -> None:
    caching, _ = pair([("▁", -9.0), ("▁a", -2.0), ("a", -2.0), ("b", -2.0), ("a▁b", -1.0)])
    assert caching.token_ids(["a b"]) == [b"fallback"]


WORDS_ONLY = {"type": "Replace", "pattern": {"Regex": r"[^\p{L}\p{N}\p{M}]+"}, "content": " "}
STRIP = {"type": "Strip", "strip_left": True, "strip_right": True}
SPACED = {"type": "Replace", "pattern": {"String": "a b"}, "content": "ab"}


@pytest.mark.parametrize(
    ("normalizer", "splits_on_space"),
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
def test_normalizers_after_which_white_space_only_separates_words(
    normalizer: dict[str, Any] | None, splits_on_space: bool
) -> None:
    vocabulary = [("▁a", -1.0), ("a", -9.0), ("▁", -9.0)]
    model = UnigramModel.parse(with_vocabulary(vocabulary, normalizer=normalizer))
    assert model is not None
    assert model.splits_on_space is splits_on_space
    assert (CachingTokenizer(model, 2, Refusing()).token_ids(["a a"]) != [b"fallback"]) is splits_on_space


@pytest.mark.parametrize(
    "change",
    [
        {"added_tokens": [{"id": 0, "content": "[MASK]"}]},
        {"pre_tokenizer": {"type": "Whitespace"}},
        {"post_processor": {"type": "TemplateProcessing"}},
        {"model": {"type": "BPE", "vocab": {}, "merges": []}},
        {"normalizer": {"type": "Replace", "pattern": {"Regex": r"\d+"}, "content": "0"}},
        {"normalizer": {"type": "NFKC"}},
        {"model": {}},
    ],
)
def test_other_tokenizers_are_left_to_the_library(change: dict[str, Any]) -> None:
    content = {
        "added_tokens": [],
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": False},
        "post_processor": None,
        "model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["▁a", -1.0]], "byte_fallback": False},
    }
    plain = UnigramModel.parse(json.dumps(content).encode())
    assert plain is not None
    assert (plain.ids("a"), plain.ids("b")) == ([1], [0])
    assert UnigramModel.parse(json.dumps(content | change).encode()) is None
