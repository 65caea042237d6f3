"""Runs commands on a small disk that is nearly full, with more and more room.

    python tests/trials/try_full_disk.py [--seed 1] [--only VERB] [--growth 1.1]

On a tmpfs of its own (only root may mount one; otherwise nothing is tried) a file leaves some room: none at first, then
more until the command has succeeded three times. ``semsearch index`` creates an index or updates one (small segments
are merged on the way), ``remove`` removes a file, ``rebuild`` builds vectors and terms again. Without room the command
must end with exit code 4 and one sentence, and what was committed must open while the disk is still full. With room the
same command must succeed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from children import Children
from try_kills import Run, Watch, change, exists, expected, held, small, unknown_files, why

from semsearch import load_encoder
from semsearch.cli import main as semsearch_command
from semsearch.indexing.check import doctor

DISK = 64 << 20
STEP = 4096


def command(arguments: list[str], errors: str) -> int:
    """Run the command line in a child, with standard error in the file ``errors``; return its exit code."""
    small()
    for number, path in ((1, os.devnull), (2, errors)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.argv = ["semsearch", *arguments]
    try:
        code = semsearch_command()
    except SystemExit as end:
        code = end.code
    return int(code or 0)


@contextlib.contextmanager
def mounted(disk: Path) -> Iterator[None]:
    """Mount a small disk; exit if that is not possible."""
    disk.mkdir()
    try:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", str(disk)], capture_output=True)
        refused = done.returncode != 0
    except FileNotFoundError:
        refused = True
    if refused:
        print("skipped: only root can mount a small disk")
        sys.exit(0)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def sizes(growth: float) -> Iterator[int]:
    """Yield the bytes of room: page by page at first, then growing by the factor ``growth``."""
    room = 0
    while True:
        yield room
        room = max(room + STEP, int(room * growth) // STEP * STEP)


def try_sizes(children: Children, disk: Path, base: Path, run: Run, growth: float, counts: Counter[str]) -> list[str]:
    """Run one verb at all sizes; return what was wrong."""
    path, filler, errors = disk / "index", disk / "filler", disk.parent / "errors"
    arguments = {
        "index": ["index", run.news, "--index", str(path)],
        "remove": ["remove", run.source, "--index", str(path)],
        "rebuild": ["rebuild", "--index", str(path)],
    }[run.verb]
    before = held(base) if base.exists() else {}
    wrong, successes = [], 0
    for room in sizes(growth):
        shutil.rmtree(path, ignore_errors=True)
        filler.unlink(missing_ok=True)
        if base.exists():
            shutil.copytree(base, path)
        _fill(filler, room)
        watch = Watch(path, encoder=load_encoder)
        try:
            code = children.run("command", arguments=arguments, errors=str(errors))
            text = errors.read_text("utf-8")
            successes += code == 0
            if code:
                counts[f"{run.verb}: refused without room"] += 1
                assert code == 4, f"exit code {code}: {text}"
                assert len(text.strip().splitlines()) == 1, f"not a single sentence: {text}"
                assert str(disk) in text, f"does not name the folder: {text}"
                if exists(path):
                    counts["opened while the disk was full"] += 1
                    now = watch.look()
                    for source in before.keys() | now.keys():
                        assert now.get(source) in (before.get(source), expected(run, before).get(source)), source
            filler.unlink()
            code = children.run("command", arguments=arguments, errors=str(errors))
            if run.verb != "remove" or code:  # a second removal finds nothing to remove
                assert code == 0 or (run.verb == "remove" and code in (1, 2)), errors.read_text("utf-8")
            counts["ended with room"] += 1
            assert watch.look() == expected(run, before)
            assert doctor(path) == [], doctor(path)
            assert unknown_files(path) == [], unknown_files(path)
        except Exception as error:
            wrong.append(f"{run.verb} with {room} bytes left: {why(error)}")
            print("WRONG", wrong[-1], flush=True)
        if successes == 3 or len(wrong) > 5:
            return wrong
    raise AssertionError


def _fill(filler: Path, room: int) -> None:
    disk = filler.parent
    with filler.open("wb") as file:
        free = os.statvfs(disk)
        os.posix_fallocate(file.fileno(), 0, max(1, free.f_bavail * free.f_frsize - room))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="one of: new, index, remove, rebuild")
    parser.add_argument("--growth", type=float, default=1.1, help="factor from each room to the next")
    args = parser.parse_args()
    chance, numbers, began = random.Random(args.seed), iter(range(10_000)), time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="disk-"))
    disk, base, news, counts, wrong = folder / "disk", folder / "base", folder / "news", Counter[str](), list[str]()
    news.mkdir()
    change(news, chance, numbers)
    with mounted(disk), Children(Path(__file__)) as children:
        run = Run("index", str(disk / "index"), str(news))
        for verb in ("new", "index", "remove", "rebuild"):
            if verb == "index":
                children.run("command", arguments=["index", str(news), "--index", str(base)], errors=os.devnull)
                change(news, chance, numbers)
            if args.only in ("", verb):
                since = Counter(counts)
                source = sorted(held(base))[1] if verb == "remove" else ""
                given = Run("index" if verb == "new" else verb, run.path, run.news, source)
                wrong += try_sizes(children, disk, base, given, args.growth, counts)
                print(f"{verb:8}", dict(counts - since), flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    print(f"{counts['ended with room']} sizes, {time.monotonic() - began:.0f} s")
    print(f"{len(wrong)} wrong")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
