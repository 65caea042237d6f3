"""Regular expressions that are compiled when they are first used: most questions need few of them."""

from __future__ import annotations

import re
from typing import Any, cast

__all__ = ["late"]


class _Late:
    def __init__(self, pattern: str, flags: int) -> None:
        self._what = pattern, flags

    def __getattr__(self, name: str) -> Any:
        if name == "pattern":
            return self._what[0]
        compiled = re.compile(*self._what)
        # From now on the methods are found here, and this is not called again.
        for method in ("search", "match", "fullmatch", "finditer", "findall", "sub", "split"):
            self.__dict__[method] = getattr(compiled, method)
        return getattr(compiled, name)


def late(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """As ``re.compile``, whose errors come at the first use."""
    return cast("re.Pattern[str]", _Late(pattern, flags))
