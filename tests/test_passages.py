"""What is encoded of a passage, and its token ids as one value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsearch.encoders.passages import PassageText, TokenIds, tokenize
from semsearch.types import Article, Span

TEXT = "Tin mới. Cầu thông xe.\n\nDân vui."
SENTENCES = (Span(0, 8), Span(9, 22))


def article(title: str) -> Article:
    return Article(TEXT, ("a",), (Span(0, 22), Span(24, 32)), title=title)


@pytest.mark.parametrize(
    ("title", "encoded", "kept"),
    [
        ("Bản tin", "Bản tin\nTin mới. Cầu thông xe.", "Bản tin"),
        ("Tin mới", "Tin mới. Cầu thông xe.", ""),  # the passage begins with it
        ("", "Tin mới. Cầu thông xe.", ""),
    ],
)
def test_the_title_is_encoded_with_each_passage(title: str, encoded: str, kept: str) -> None:
    text = PassageText.of(article(title), SENTENCES)
    assert text.encoded == encoded
    assert text.parts == (kept, "Tin mới.", "Cầu thông xe.")


@given(st.binary(), st.lists(st.binary()))
def test_token_ids_come_back_as_they_were_packed(title: bytes, sentences: list[bytes]) -> None:
    token_ids = TokenIds(title, tuple(sentences))
    assert TokenIds.unpack(token_ids.pack()) == token_ids
    assert token_ids.all == title + b"".join(sentences)


@given(st.binary(max_size=60))
def test_other_bytes_are_refused(data: bytes) -> None:
    try:
        token_ids = TokenIds.unpack(data)
    except ValueError:
        return
    assert token_ids.pack() == data


def test_token_ids_are_those_of_the_parts() -> None:
    class Letters:
        def token_ids(self, texts: list[str]) -> list[bytes]:
            return [text.encode() for text in texts]

    texts = [PassageText("A", "b. c.", ("b.", "c.")), PassageText("", "d.", ("d.",))]
    assert tokenize(Letters(), texts) == [TokenIds(b"A", (b"b.", b"c.")), TokenIds(b"", (b"d.",))]  # type: ignore[arg-type]
