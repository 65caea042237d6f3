"""The protocols through which the parts of semsearch meet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from .types import Answer, Hit, Ranking

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .types import Ids, Vectors

__all__ = ["Encoder", "LateInteraction", "Pretokenized", "Reader", "Reranker", "Searcher", "VectorIndex"]


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


class VectorIndex(Protocol):
    """Unit vectors by id; the inner product is the only metric."""

    def __len__(self) -> int: ...
    def add(self, ids: Ids, vectors: Vectors) -> None: ...
    def remove(self, ids: Ids) -> int: ...
    def search(self, queries: Vectors, k: int, allowed: Ids | None = None) -> list[Ranking]: ...
    def get(self, ids: Ids) -> Vectors: ...


class Searcher(Protocol):
    def search(self, query: str, k: int = 10) -> Sequence[Hit]: ...


class Reranker(Protocol):
    def rerank(self, query: str, hits: Sequence[Hit]) -> list[Hit]: ...


class Reader(Protocol):
    """A question and the hits found for it -> an answer quoted from one of them, or not found."""

    def read(self, question: str, hits: Sequence[Hit]) -> Answer: ...
