"""Takes the same measurement in one or two checkouts of the project, in turn.

Whatever else the machine does falls on both alike, so ratios of one run can be compared.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Checkout:
    """A folder that holds the package ``semsearch``."""

    name: str
    path: Path

    def environment(self) -> dict[str, str]:
        """Return the environment of a process that imports ``semsearch`` from this checkout."""
        return {**os.environ, "PYTHONPATH": str(self.path), "OPENBLAS_NUM_THREADS": "1"}


def checkouts(baseline: Path | None) -> list[Checkout]:
    """Return this checkout and, if there is one, the baseline before it."""
    found = [Checkout("this checkout", ROOT)]
    if baseline is not None:
        if not (baseline / "semsearch").is_dir():
            sys.exit(f"{baseline} has no folder semsearch")
        found.insert(0, Checkout("baseline", baseline.resolve()))
    return found


class Worker:
    """A process that answers requests with the code of one checkout.

    It runs ``script`` with the one argument ``--worker``; there, ``serve`` answers.
    """

    def __init__(self, script: str, checkout: Checkout) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(script).resolve()), "--worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=checkout.environment(),
        )

    def ask(self, **request: Any) -> Any:
        """Send a request and wait for its answer; exit if the process has ended."""
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps(request), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            sys.exit("a measuring process ended early; its error stands above")
        return json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


def serve(answer: Callable[[dict[str, Any]], Any]) -> None:
    """Answer the requests of a ``Worker`` until it closes."""
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; all columns but the first are aligned to the right."""
    marks = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, marks, *rows))
