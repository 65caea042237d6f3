"""The protocols through which the parts of semsearch meet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from .filters import NO_FILTER, Filter
from .types import Answer, Hit, Mode, Query

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .types import Vectors

__all__ = ["Encoder", "LateInteraction", "Pretokenized", "Reader", "Reranker", "Retriever"]


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
    """What an encoder may offer besides: a query against texts, word by word.

    ``pieces`` is what it keeps of each text for that, in a form of its own; equal texts give equal bytes.
    """

    def token_ids(self, texts: Sequence[str]) -> list[bytes]: ...
    def encode_with_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[bytes]]:
        """``encode_passages`` and ``pieces`` of the same texts, for less than both."""
        ...

    def maxsim(self, query: str, pieces: Sequence[bytes]) -> NDArray[np.float32]:
        """``(len(pieces),)``, each in -1..1: the mean over the query's words of the best cosine in the text."""
        ...


@runtime_checkable
class Pretokenized(Protocol):
    """What an encoder may offer besides: texts are cut into pieces in one place and encoded in another."""

    def cutting(self) -> tuple[str, str, int] | None:
        """What ``encoders.cutter_from`` needs to make in another process what cuts them; None if nothing can.

        If it is not None, ``encode_tokens(pieces(texts))`` is ``encode_passages(texts)``.
        """
        ...

    def cutter(self) -> Any:
        """The same for this process: an ``encoders.cutter.Cutter``, always the same one."""
        ...

    def token_ids(self, texts: Sequence[str]) -> list[bytes]: ...
    def encode_tokens(self, pieces: Sequence[bytes]) -> Vectors: ...


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
