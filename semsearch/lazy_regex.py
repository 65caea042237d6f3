"""Regular expressions that are compiled on first use, because most questions need few of them."""

from __future__ import annotations

import re
from typing import Any, cast

__all__ = ["lazy_compile"]

_METHODS = ("search", "match", "fullmatch", "finditer", "findall", "sub", "split")


class _LazyPattern:
    def __init__(self, pattern: str, flags: int) -> None:
        self.pattern = pattern
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        compiled = re.compile(self.pattern, self._flags)
        # From now on the methods are found in the instance, and this method is not called again.
        for method in _METHODS:
            self.__dict__[method] = getattr(compiled, method)
        return getattr(compiled, name)


def lazy_compile(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Return a pattern like ``re.compile`` does, compiled when one of its methods is first used.

    An error in the pattern is raised only then.
    """
    return cast("re.Pattern[str]", _LazyPattern(pattern, flags))
