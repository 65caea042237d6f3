"""The extension points of semsearch: protocols for encoders, retrievers, rerankers and readers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from .filters import NO_FILTER, Filter
from .types import Answer, Hit, Mode, Query

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .types import EncoderCard, Vectors

__all__ = ["Encoder", "HasCard", "LateInteraction", "Pretokenized", "Reader", "Reranker", "Retriever"]


@runtime_checkable
class Encoder(Protocol):
    """Turns texts into unit vectors. Queries and passages have separate methods, because their prompts may differ."""

    @property
    def name(self) -> str:
        """The name that an index stores, by which ``load_encoder`` finds the encoder again."""
        ...

    @property
    def dim(self) -> int:
        """The dimension of the vectors."""
        ...

    @property
    def fingerprint(self) -> str:
        """A text that changes whenever the vectors would: with weights, prompts, segmentation or maximum length."""
        ...

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Return the unit vectors of queries, shape (len(texts), dim), float32."""
        ...

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """Return the unit vectors of passages, shape (len(texts), dim), float32."""
        ...


@runtime_checkable
class LateInteraction(Protocol):
    """Optional for an encoder: comparing a query with texts token by token, from stored token ids.

    Token ids are bytes in a format of the encoder's choice. Equal texts give equal bytes, and concatenated token ids
    are those of the concatenated texts.
    """

    def token_ids(self, texts: Sequence[str]) -> list[bytes]:
        """Return the token ids of each text."""
        ...

    def encode_tokens(self, token_ids: Sequence[bytes]) -> Vectors:
        """Return the vectors of the texts that have these token ids, shape (len(token_ids), dim)."""
        ...

    def maxsim(self, query: str, token_ids: Sequence[bytes]) -> NDArray[np.float32]:
        """Return the mean over the query's tokens of the best cosine in each text, shape (len(token_ids),), -1 to 1."""
        ...


@runtime_checkable
class Pretokenized(Protocol):
    """Optional for an encoder: texts can be tokenized in one process and encoded in another."""

    def tokenizer_spec(self) -> Any:
        """Return what ``encoders.load_tokenizer`` needs to make the tokenizer in another process, or None.

        If it is not None, ``encode_tokens(token_ids(texts))`` equals ``encode_passages(texts)``.
        """
        ...

    def tokenizer(self) -> Any:
        """Return the tokenizer for many texts in this process (``encoders.Tokenizer``), always the same one."""
        ...

    def token_ids(self, texts: Sequence[str]) -> list[bytes]:
        """Return the token ids of each text."""
        ...

    def encode_tokens(self, token_ids: Sequence[bytes]) -> Vectors:
        """Return the vectors of the texts that have these token ids, shape (len(token_ids), dim)."""
        ...


@runtime_checkable
class HasCard(Protocol):
    """Optional for an encoder: settings that were tuned for it."""

    @property
    def card(self) -> EncoderCard:
        """Fusion weights that were tuned for the encoder, and checksums of its files."""
        ...


class Retriever(Protocol):
    """Finds passages for a query: an ``Index``, or anything else that returns hits."""

    def search(
        self, query: str | Query, k: int = 10, *, mode: Mode = "hybrid", filters: Filter = NO_FILTER
    ) -> list[Hit]:
        """Return the best ``k`` hits that pass ``filters``, best first, ranked from 1."""
        ...


class Reranker(Protocol):
    """Puts hits into a better order."""

    def rerank(self, query: str | Query, hits: Sequence[Hit]) -> list[Hit]:
        """Return ``hits`` best first.

        A reranker may leave hits out, and may set ``scores.rerank``; ranks need not be set.
        """
        ...


class Reader(Protocol):
    """Answers a question from hits, by quoting one or more of them."""

    def depth(self, query: Query) -> int:
        """Return how many hits the reader wants for this question."""
        ...

    def read(self, query: Query, hits: Sequence[Hit]) -> Answer:
        """Return the answer that ``hits`` (best first) support, or one that is not ``found``."""
        ...
