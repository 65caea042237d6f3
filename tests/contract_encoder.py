"""Tests that every ``Encoder`` must pass: subclass ``EncoderContract`` for each implementation.

``exact`` is False if the last digits of a vector may depend on its batch, as padding does for transformers.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

from semsearch.protocols import Encoder

TEXTS = [
    "Khu vực phòng thủ tỉnh được đầu tư 11,5 tỷ đồng.",
    "",
    "Ngày 27/8, 38 mô hình tự quản được khen.",
    "How many people live in the district?",
    "khu vuc phong thu",
    "…",
    "Ghế đá, ghế gỗ. " * 12,
    "ô",
    "\n \n",
    "日本 🙂 ﷽ Ω",
]


class EncoderContract:
    exact = False

    @pytest.fixture
    def encoder(self) -> Encoder:
        raise NotImplementedError

    def close(self, found: np.ndarray, expected: np.ndarray) -> None:
        if self.exact:
            assert np.array_equal(found, expected)
        else:
            np.testing.assert_allclose(found, expected, atol=1e-5)

    @pytest.mark.parametrize("verb", ["encode_queries", "encode_passages"])
    def test_rows_are_float32_and_of_unit_length(self, encoder: Encoder, verb: str) -> None:
        vectors = getattr(encoder, verb)(TEXTS)
        assert vectors.shape == (len(TEXTS), encoder.dim)
        assert vectors.dtype == np.float32
        assert np.isfinite(vectors).all()
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)

    @pytest.mark.parametrize("verb", ["encode_queries", "encode_passages"])
    def test_no_texts_no_rows(self, encoder: Encoder, verb: str) -> None:
        vectors = getattr(encoder, verb)([])
        assert vectors.shape == (0, encoder.dim)
        assert vectors.dtype == np.float32

    def test_a_text_has_its_vector_whatever_stands_beside_it_and_in_this_order(self, encoder: Encoder) -> None:
        together = encoder.encode_passages(TEXTS)
        self.close(together, np.concatenate([encoder.encode_passages([text]) for text in TEXTS]))
        self.close(together[::-1], encoder.encode_passages(TEXTS[::-1]))

    def test_the_same_again(self, encoder: Encoder) -> None:
        assert np.array_equal(encoder.encode_queries(TEXTS), encoder.encode_queries(tuple(TEXTS)))

    def test_different_texts_differ(self, encoder: Encoder) -> None:
        one, two = encoder.encode_passages([TEXTS[0], TEXTS[3]])
        assert float(one @ two) < 0.9999

    def test_a_very_long_text_is_no_error(self, encoder: Encoder) -> None:
        (vector,) = encoder.encode_passages(["Bộ đội biên phòng giúp dân. " * 2000])
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)

    def test_an_empty_text_has_the_first_basis_vector(self, encoder: Encoder) -> None:
        first = np.eye(1, encoder.dim, dtype=np.float32)
        assert np.array_equal(encoder.encode_passages([""]), first)

    def test_it_says_what_it_is(self, encoder: Encoder) -> None:
        assert isinstance(encoder, Encoder)
        assert encoder.name and encoder.fingerprint
        description = encoder.describe()  # type: ignore[attr-defined]
        assert json.loads(json.dumps(description)) == description
        assert description["dim"] == encoder.dim and description["fingerprint"] == encoder.fingerprint
        assert {"name", "family", "query_prompt", "passage_prompt", "segmentation", "max_length"} <= set(description)
