"""Fills a small disk while something is written, at many sizes, with the commands that people run.

    python tests/trials/try_full_disk.py [--seed 1] [--only VERB] [--growth 1.1]

On a tmpfs of its own (root may mount one; else nothing is tried) a file leaves some room: none at first, then more and
more until the command comes through three times. ``semsearch index`` makes an index or brings one up to date (small
segments are merged on the way), ``remove`` takes a file out, ``rebuild`` makes vectors and terms anew. Without room the
command must end with exit code 4 and one sentence, what was committed must be there and open while the disk still is
full, and with room the same command must come to its end.
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
from try_kills import Run, Watch, changed, held, made, small, strangers, wanted, why

from semsearch import load_encoder
from semsearch.cli import main as semsearch_command
from semsearch.indexing.check import doctor

DISK = 64 << 20
STEP = 4096


def command(arguments: list[str], said: str) -> int:
    """In a child: the command line; its exit code. What it says on standard error goes into the file ``said``."""
    small()
    for number, path in ((1, os.devnull), (2, said)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.argv = ["semsearch", *arguments]
    try:
        code = semsearch_command()
    except SystemExit as end:
        code = end.code
    return int(code or 0)


@contextlib.contextmanager
def mounted(disk: Path) -> Iterator[None]:
    """A small disk of its own; ends the program if there cannot be one."""
    disk.mkdir()
    try:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", str(disk)], capture_output=True)
        refused = done.returncode != 0
    except FileNotFoundError:
        refused = True
    if refused:
        print("skipped: only root may mount a small disk")
        sys.exit(0)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def sizes(growth: float) -> Iterator[int]:
    """Bytes left: by pages at first, then each so many times the one before."""
    room = 0
    while True:
        yield room
        room = max(room + STEP, int(room * growth) // STEP * STEP)


def tried(children: Children, disk: Path, base: Path, run: Run, growth: float, counts: Counter[str]) -> list[str]:
    """One verb at all sizes; what was wrong."""
    path, filler, said = disk / "index", disk / "filler", disk.parent / "said"
    arguments = {
        "index": ["index", run.news, "--index", str(path)],
        "remove": ["remove", run.source, "--index", str(path)],
        "rebuild": ["rebuild", "--index", str(path)],
    }[run.verb]
    before = held(base) if base.exists() else {}
    wrong, through = [], 0
    for room in sizes(growth):
        for left in (filler, path):
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
        if base.exists():
            shutil.copytree(base, path)
        _fill(filler, room)
        watch = Watch(path, encoder=load_encoder)
        try:
            code = children.run("command", arguments=arguments, said=str(said))
            text = said.read_text("utf-8")
            through += code == 0
            if code:
                counts[f"{run.verb}: refused for lack of room"] += 1
                assert code == 4, f"exit code {code}: {text}"
                assert len(text.strip().splitlines()) == 1, f"not one sentence: {text}"
                assert str(disk) in text, f"does not name the place: {text}"
                if made(path):
                    counts["opened while the disk was full"] += 1
                    now = watch.look()
                    for source in before.keys() | now.keys():
                        assert now.get(source) in (before.get(source), wanted(run, before).get(source)), source
            filler.unlink()
            code = children.run("command", arguments=arguments, said=str(said))
            if run.verb != "remove" or code:  # what was removed already is not there to be removed
                assert code == 0 or (run.verb == "remove" and code in (1, 2)), said.read_text("utf-8")
            counts["ended with room"] += 1
            assert watch.look() == wanted(run, before)
            assert doctor(path) == [], doctor(path)
            assert strangers(path) == [], strangers(path)
        except Exception as error:
            wrong.append(f"{run.verb} with {room} bytes of room: {why(error)}")
            print("WRONG", wrong[-1], flush=True)
        if through == 3 or len(wrong) > 5:
            return wrong
    raise AssertionError


def _fill(filler: Path, room: int) -> None:
    disk = filler.parent
    with filler.open("wb") as file:
        there = os.statvfs(disk)
        os.posix_fallocate(file.fileno(), 0, max(1, there.f_bavail * there.f_frsize - room))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="one of: new, index, remove, rebuild")
    parser.add_argument("--growth", type=float, default=1.1, help="how much larger each room is than the one before")
    asked = parser.parse_args()
    chance, numbers, began = random.Random(asked.seed), iter(range(10_000)), time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="disk-"))
    disk, base, news, counts, wrong = folder / "disk", folder / "base", folder / "news", Counter[str](), list[str]()
    news.mkdir()
    changed(news, chance, numbers)
    with mounted(disk), Children(Path(__file__)) as children:
        run = Run("index", str(disk / "index"), str(news))
        for verb in ("new", "index", "remove", "rebuild"):
            if verb == "index":
                children.run("command", arguments=["index", str(news), "--index", str(base)], said=os.devnull)
                changed(news, chance, numbers)
            if asked.only in ("", verb):
                since = Counter(counts)
                source = sorted(held(base))[1] if verb == "remove" else ""
                given = Run("index" if verb == "new" else verb, run.path, run.news, source)
                wrong += tried(children, disk, base, given, asked.growth, counts)
                print(f"{verb:8}", dict(counts - since), flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    print(f"{counts['ended with room']} sizes, {time.monotonic() - began:.0f} s")
    print(f"{len(wrong)} wrong")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
