"""How long the first answer of a new process takes, and how much memory, for indexes of different sizes.

    python scripts/benchmarks/cold_start.py SMALL LARGE ... [--command ask] [--question "..."] [--rounds 5]

``semsearch COMMAND QUESTION`` is run for each index in turn, ``--rounds`` times after one that does not count (so that
files lie in the system's memory). Told are medians: seconds of the clock, of the processor, the largest resident
memory, and how many times the first index's the seconds are.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path


def once(index: Path, command: str, question: str) -> tuple[float, float, float]:
    """Seconds of the clock and of the processor, MB of memory."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "semsearch", command, question, "--index", str(index)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr
    said = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):  # 1: nothing was found, which took as long
        raise SystemExit(f"{index}: {said}")
    kilobytes = 1 if sys.platform != "darwin" else 1024
    seconds = time.perf_counter() - began
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / kilobytes / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path, nargs="+")
    parser.add_argument("--command", choices=("ask", "search"), default="ask")
    parser.add_argument("--question", default="Thành phố nào có nhiều nhà cao tầng nhất?")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    found: dict[Path, list[tuple[float, float, float]]] = {index: [] for index in args.index}
    for number in range(args.rounds + 1):
        for index in args.index:
            took = once(index, args.command, args.question)
            if number:
                found[index].append(took)
    medians = {
        index: [statistics.median(column) for column in zip(*took, strict=True)] for index, took in found.items()
    }
    first = medians[args.index[0]]
    print("| index | seconds | of the processor | MB | seconds / first | processor / first |")
    print("|---|---:|---:|---:|---:|---:|")
    for index, (clock, work, memory) in medians.items():
        ratios = f"{clock / first[0]:.2f} | {work / first[1]:.2f}"
        print(f"| {index.name} | {clock:.2f} | {work:.2f} | {memory:.0f} | {ratios} |")


if __name__ == "__main__":
    main()
