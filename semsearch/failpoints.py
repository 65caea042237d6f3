"""Named points of writing, where a kill may fall; the tests of crash safety look at each of them."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["failpoint", "failpoint_hook"]


def _nothing(name: str) -> None:
    return


failpoint_hook: Callable[[str], None] = _nothing
"""What ``failpoint`` calls; tests put something else here."""


def failpoint(name: str) -> None:
    """``name`` is about to happen."""
    failpoint_hook(name)
