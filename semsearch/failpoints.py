"""Named points in writing code at which tests of crash safety kill the process."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["failpoint", "failpoint_hook"]


def _do_nothing(name: str) -> None:
    return


failpoint_hook: Callable[[str], None] = _do_nothing
"""Called at every failpoint; tests replace it."""


def failpoint(name: str) -> None:
    """Mark the point before the step called ``name``."""
    failpoint_hook(name)
