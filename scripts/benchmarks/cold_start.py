"""How long a new process takes to answer, as a multiple of bare imports, and how much memory it needs.

    python scripts/benchmarks/cold_start.py [INDEX ...] [--rounds 9]
        [--baseline CHECKOUT [--baseline-index INDEX ...]]

In each round every run is started once, in turn: a Python that imports numpy, faiss, typer, tokenizers and tantivy and
nothing else; then, for each index, ``semsearch search`` and ``semsearch ask``. Medians are printed; the first round
does not count, since it brings the files into the system's memory. Without INDEX, each checkout indexes the articles of
seeds/ first. ``--baseline-index`` names indexes that the baseline's code has built, as many as INDEX.
"""

from __future__ import annotations

import argparse
import compileall
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from checkouts import ROOT, Checkout, checkouts, table

BARE_IMPORTS = "import numpy, faiss, typer, tokenizers, tantivy"
QUESTION = "Cầu Bản Lầy dài bao nhiêu mét?"
NOTHING_FOUND = 1  # exit code


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process took."""

    seconds: float
    processor_seconds: float
    megabytes: float


def run(arguments: list[str], checkout: Checkout) -> Cost:
    """Run Python with ``arguments`` in a new process."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-P", *arguments],
        env=checkout.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr
    errors = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, NOTHING_FOUND):
        sys.exit(f"{' '.join(arguments)}: {errors}")
    seconds = time.perf_counter() - started
    bytes_per_unit = 1 if sys.platform == "darwin" else 1024
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * bytes_per_unit / 1e6)


def median(costs: list[Cost]) -> Cost:
    return Cost(
        statistics.median(cost.seconds for cost in costs),
        statistics.median(cost.processor_seconds for cost in costs),
        statistics.median(cost.megabytes for cost in costs),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path, nargs="*")
    parser.add_argument("--baseline", type=Path, help="another checkout to compare with")
    parser.add_argument("--baseline-index", type=Path, nargs="*", default=[])
    parser.add_argument("--question", default=QUESTION)
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        runs: dict[str, tuple[list[str], Checkout]] = {}
        for checkout in checkouts(args.baseline):
            compileall.compile_dir(checkout.path / "semsearch", quiet=1)
            runs.setdefault("bare imports", (["-c", BARE_IMPORTS], checkout))
            indexes = args.baseline_index if checkout.name == "baseline" else args.index
            if not indexes:
                indexes = [Path(folder) / checkout.name / "seeds"]
                words = ["index", str(ROOT / "seeds" / "articles"), "--index", str(indexes[0])]
                run(["-m", "semsearch", *words], checkout)
            for index in indexes:
                for command in ("search", "ask"):
                    words = ["-m", "semsearch", command, args.question, "--index", str(index)]
                    runs[f"{checkout.name}: {command}, {index.name}"] = (words, checkout)

        costs: dict[str, list[Cost]] = {name: [] for name in runs}
        for round_number in range(args.rounds + 1):
            for name, (words, checkout) in runs.items():
                cost = run(words, checkout)
                if round_number > 0:
                    costs[name].append(cost)

    bare = median(costs["bare imports"])
    rows = []
    for name in runs:
        cost = median(costs[name])
        ratios = [f"{cost.seconds / bare.seconds:.2f}", f"{cost.processor_seconds / bare.processor_seconds:.2f}"]
        rows.append([name, f"{cost.seconds:.2f}", f"{cost.processor_seconds:.2f}", f"{cost.megabytes:.0f}", *ratios])
    header = ["run", "seconds", "processor seconds", "MB", "seconds / bare imports", "processor / bare imports"]
    print(table(header, rows))


if __name__ == "__main__":
    main()
