"""The weights of the bundled reader that are not its network's: ``weights.json``.

``scripts/training/calibrate_reader.py`` writes the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["PATH", "load_weights"]

PATH = Path(__file__).with_name("weights.json")


@cache
def load_weights() -> Mapping[str, Any]:
    """Return the content of ``weights.json``, which is parsed once in a process."""
    content: dict[str, Any] = json.loads(PATH.read_text("utf-8"))
    return content
