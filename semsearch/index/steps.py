"""Named points of writing, where a kill may fall; the tests of crash safety look at each of them."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["hook", "step"]


def _nothing(name: str) -> None:
    return


hook: Callable[[str], None] = _nothing
"""What ``step`` calls; tests put something else here."""


def step(name: str) -> None:
    """``name`` is about to happen."""
    hook(name)
