"""What is built into a wheel: everything that the code reads."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_every_data_file_is_named_in_package_data() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["semsearch"]
    named = {path for pattern in patterns for path in (ROOT / "semsearch").glob(pattern.replace("**", "**/*"))}
    files = {
        path
        for path in (ROOT / "semsearch").rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc") and "__pycache__" not in path.parts
    }
    assert ROOT / "semsearch" / "reader" / "weights.json" in files
    assert files <= named, sorted(path.name for path in files - named)
