"""Patterns that are compiled on first use behave like compiled patterns."""

from __future__ import annotations

import re

import pytest

from semsearch.lazy_regex import lazy_compile


def test_each_method_gives_what_re_gives() -> None:
    text = "Một 12 hai 345"
    lazy, compiled = lazy_compile(r"\d+"), re.compile(r"\d+")
    assert lazy.findall(text) == compiled.findall(text)
    assert [match.span() for match in lazy.finditer(text)] == [match.span() for match in compiled.finditer(text)]
    assert lazy.sub("#", text) == compiled.sub("#", text)
    assert lazy.split(text) == compiled.split(text)
    found = lazy.search(text)
    assert found is not None and found[0] == "12"
    assert lazy.match(text) is None
    assert lazy.fullmatch("12") is not None


def test_flags_and_the_pattern_are_kept() -> None:
    lazy = lazy_compile("abc", re.IGNORECASE)
    assert lazy.pattern == "abc"
    assert lazy.match("ABC") is not None
    assert lazy.flags & re.IGNORECASE


def test_nothing_is_compiled_before_the_first_use() -> None:
    lazy = lazy_compile("(")
    with pytest.raises(re.error):
        lazy.search("x")
