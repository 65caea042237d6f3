"""The tokenizer in plain Python against the library that it stands in for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from semsearch.encoders import BUNDLED, StaticEncoder
from semsearch.encoders.unigram import Unigram

FILE = BUNDLED / "tokenizer.json"
ROOT = Path(__file__).resolve().parent.parent

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
]


@pytest.fixture(scope="module")
def library() -> Tokenizer:
    return Tokenizer.from_file(str(FILE))


@pytest.fixture(scope="module")
def quick() -> Unigram:
    made = Unigram.parse(FILE.read_bytes())
    assert made is not None, "the bundled tokenizer must be of the kind that is read quickly"
    return made


def same(quick: Unigram, library: Tokenizer, text: str) -> bool:
    """True if it was answered; then as the library does."""
    ids = quick.ids(text)
    assert ids is None or ids == library.encode(text, add_special_tokens=False).ids, text
    return ids is not None


def test_real_questions_and_passages(quick: Unigram, library: Tokenizer) -> None:
    rows = [json.loads(line) for line in (ROOT / "seeds" / "queries.jsonl").read_text("utf-8").splitlines()]
    rows += [json.loads(line) for line in (ROOT / "seeds" / "corpus.jsonl").read_text("utf-8").splitlines()]
    texts = [row["text"] for row in rows]
    answered = sum(same(quick, library, text) for text in texts)
    assert answered >= 0.98 * len(texts)


@pytest.mark.parametrize("text", ODD)
def test_odd_texts(quick: Unigram, library: Tokenizer, text: str) -> None:
    same(quick, library, text)


@settings(max_examples=300)
@given(text=st.text(max_size=60))
def test_any_text(quick: Unigram, library: Tokenizer, text: str) -> None:
    same(quick, library, text)


@settings(max_examples=300)
@given(text=st.text(alphabet="aàáảãạăâbcdđeèéêghiklmnoòóôơpqrstuùúưvxyý zwjf0123.,-/", max_size=60))
def test_any_text_of_vietnamese_letters_is_answered(quick: Unigram, library: Tokenizer, text: str) -> None:
    assert same(quick, library, text)


def test_vectors_are_the_same_before_and_after_the_library_is_loaded() -> None:
    encoder = StaticEncoder(BUNDLED)
    alone = encoder.encode_queries(["Cầu dài bao nhiêu mét?"])
    encoder.encode_passages([f"Câu số {i}." for i in range(20)])
    assert (encoder.encode_queries(["Cầu dài bao nhiêu mét?"]) == alone).all()


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
    vocabulary = [["<unk>", 0.0], ["▁a", -1.0]]
    settings = {
        "added_tokens": [],
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": False},
        "post_processor": None,
        "model": {"type": "Unigram", "unk_id": 0, "vocab": vocabulary, "byte_fallback": False},
    }
    plain = Unigram.parse(json.dumps(settings).encode())
    assert plain is not None and plain.ids("a") == [1] and plain.ids("b") == [0]
    assert Unigram.parse(json.dumps(settings | change).encode()) is None
