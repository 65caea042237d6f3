"""Vectors found by their codes: what every index must do, how much is found, and how little is read for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contract_vectorindex import DIM, VectorIndexContract, brute, unit

from semsearch.types import Ranking, VectorIndex
from semsearch.vectors import FlatIndex, MappedIndex, SegmentFile, codes, mapped, open_segment, trained, write_segment


class Filed(MappedIndex):
    """Writes what is added into a file with codes, and goes on with that."""

    def __init__(self, dim: int, folder: Path) -> None:
        super().__init__(dim)
        self._folder = folder
        self._files: list[SegmentFile] = []

    def add(self, ids: np.ndarray, vectors: np.ndarray) -> None:
        flat = FlatIndex(self.dim)
        flat.add(ids, vectors)
        if not len(flat):
            return
        self.remove(ids)
        path = self._folder / f"{len(self._files)}.vec"
        kept = np.setdiff1d(self.ids, ids)
        both = np.union1d(kept, flat.ids)
        rows = np.empty((len(both), self.dim), np.float32)
        rows[np.isin(both, kept)], rows[np.isin(both, flat.ids)] = self.get(kept), flat.get(flat.ids)
        write_segment(path, both, rows, trained(rows.astype(np.float16)))
        self._files.append(open_segment(path))
        self.place(self._files[-1:])


class TestMappedIndex(VectorIndexContract):
    exact = False

    @pytest.fixture(autouse=True)
    def few(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """So few are compared that codes decide."""
        self.folder = tmp_path
        monkeypatch.setattr(mapped, "NEAR", 60)
        monkeypatch.setattr(mapped, "TIMES", 6)
        monkeypatch.setattr(mapped, "FEW", 5)

    def make(self, dim: int) -> VectorIndex:
        return Filed(dim, self.folder)

    def same(self, found: Ranking, wanted: Ranking) -> None:
        super().same(found, wanted)
        # What is found has its exact score.
        scores = dict(wanted)
        assert all(abs(score - scores[id_]) < 1e-6 for id_, score in found if id_ in scores)


class TestRecent(VectorIndexContract):
    """What lies in no file is compared exactly."""

    def make(self, dim: int) -> VectorIndex:
        return MappedIndex(dim)
