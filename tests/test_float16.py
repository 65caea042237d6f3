"""Every half-precision number there is."""

from __future__ import annotations

import numpy as np

from semsearch.float16 import to_float32


def test_every_finite_half_is_the_float_that_numpy_makes_of_it() -> None:
    halves = np.arange(1 << 16, dtype="<u2").view("<f2")
    halves = halves[np.isfinite(halves)].reshape(2, -1)
    found = to_float32(halves)
    assert (found.dtype, found.shape) == (np.float32, halves.shape)
    assert (found.view(np.uint32) == halves.astype(np.float32).view(np.uint32)).all()  # -0.0 too
    assert to_float32(halves[:, :0]).shape == (2, 0)


def test_floats_are_copied() -> None:
    floats = np.array([[1.5, -2.0]], np.float32)
    found = to_float32(floats)
    found[0, 0] = 9
    assert floats.tolist() == [[1.5, -2.0]]
