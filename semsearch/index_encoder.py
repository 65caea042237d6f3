"""The encoder of an index: loaded when it is first needed, and checked against what the index was made with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock

from .errors import IndexStale
from .protocols import Encoder
from .storage.layout import Manifest

__all__ = ["IndexEncoder"]


class IndexEncoder:
    """Loads the encoder of the index at ``path``, once. Threads may share it.

    Args:
        path: The index, for messages.
        requested: The encoder or its name; ``None`` means the one that the index was made with.
        threads: How many threads encode.
    """

    def __init__(self, path: Path, requested: str | Encoder | None, threads: int | None) -> None:
        self.requested = requested
        self._path = path
        self._threads = threads
        self._loaded: Encoder | None = None
        self._next: Encoder | None = None
        self._loading = RLock()

    @property
    def loaded(self) -> Encoder | None:
        """The encoder, if it was needed already."""
        return self._loaded

    def load(self, encoder: str | Encoder) -> Encoder:
        """Return an encoder by its name.

        Raises:
            EncoderUnavailable: It cannot be loaded.
        """
        if not isinstance(encoder, str):
            return encoder
        from .encoders import load_encoder

        return load_encoder(encoder, threads=self._threads)

    def matching(self, manifest: Manifest) -> Encoder:
        """Return the encoder that made the vectors of the state that ``manifest`` describes.

        Raises:
            EncoderUnavailable: It cannot be loaded.
            IndexStale: The vectors were made by another one.
        """
        with self._loading:
            for known in (self._loaded, self._next):
                if known is not None and known.fingerprint == manifest.fingerprint:
                    return known
            encoder = self.load(self.requested if self.requested is not None else manifest.encoder)
            if encoder.fingerprint != manifest.fingerprint:
                raise self._stale(encoder, manifest)
            self._loaded = encoder
            return encoder

    @contextmanager
    def replaced(self, requested: str | Encoder | None, encoder: Encoder) -> Iterator[None]:
        """Use ``encoder``, which ``requested`` names, after the block; inside, for the states that it made already."""
        with self._loading:
            self._next = encoder
        try:
            yield
            self.replace(requested, encoder)
        finally:
            self._next = None

    def replace(self, requested: str | Encoder | None, encoder: Encoder) -> None:
        """Use ``encoder`` from now on, which ``requested`` names."""
        with self._loading:
            self.requested, self._loaded = requested, encoder

    def _stale(self, encoder: Encoder, manifest: Manifest) -> IndexStale:
        remedy = f"run: semsearch rebuild --encoder {encoder.name}"
        if encoder.name == manifest.encoder:
            return IndexStale(
                f"The index at {self._path} was made with another version of the encoder {encoder.name}; {remedy}"
            )
        return IndexStale(
            f"The index at {self._path} was made with the encoder {manifest.encoder}, not {encoder.name}; {remedy} "
            f"(or use --encoder {manifest.encoder})"
        )
