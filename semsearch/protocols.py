"""The protocols through which the parts of semsearch meet."""

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
    """Texts to unit vectors. Queries and passages have verbs of their own (prompts differ)."""

    @property
    def name(self) -> str: ...
    @property
    def dim(self) -> int: ...
    @property
    def fingerprint(self) -> str:
        """Changes whenever the vectors would: weights, prompts, segmentation, maximum length."""
        ...

    def encode_queries(self, texts: Sequence[str]) -> Vectors: ...
    def encode_passages(self, texts: Sequence[str]) -> Vectors: ...


@runtime_checkable
class LateInteraction(Protocol):
    """Optional for an encoder: comparing a query with texts token by token, from stored token ids.

    Token ids are bytes in a form of the encoder's own. Equal texts give equal bytes; joined, they stand for the texts
    in a row.
    """

    def token_ids(self, texts: Sequence[str]) -> list[bytes]: ...
    def encode_tokens(self, token_ids: Sequence[bytes]) -> Vectors:
        """Return the vectors of the texts that have these token ids, ``(len(token_ids), dim)``."""
        ...

    def maxsim(self, query: str, token_ids: Sequence[bytes]) -> NDArray[np.float32]:
        """Return ``(len(token_ids),)`` in -1..1: the mean over the query's tokens of the best cosine in each text."""
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

    def token_ids(self, texts: Sequence[str]) -> list[bytes]: ...
    def encode_tokens(self, token_ids: Sequence[bytes]) -> Vectors:
        """Return the vectors of the texts that have these token ids, ``(len(token_ids), dim)``."""
        ...


@runtime_checkable
class HasCard(Protocol):
    """Optional for an encoder: settings that were tuned for it."""

    @property
    def card(self) -> EncoderCard: ...


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
