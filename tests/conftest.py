"""Order of the tests."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The crash trials first: they fork, which is safe only while no test has started a pool of threads.

    (A child of a process with such a pool, of OpenMP or of the tokenizers, waits for threads it does not have.)
    """
    items.sort(key=lambda item: item.path.name != "test_crash.py")
