"""Simulates a power cut at every point of a run: what was not synced is lost, and the index is opened.

    python tests/trials/try_power.py [--states 400] [--seed 1]

strace records every system call of a run (index, change, index with a merge, rebuild with another encoder), including
those of SQLite and tantivy. A model of the disk then replays the record. After each call that creates, renames, removes
or syncs something, the model gives what a power cut may leave: only what was synced (synced content under names whose
folder was synced); all names, but only synced content; all content, but only names whose folder was synced; and a
random choice for each file and folder. Each such state is written out, opened and checked as in ``try_kills.py``, and
in some of them the run is continued to its end. Needs Linux and strace.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePosixPath

from children import ONE_THREAD
from try_kills import ENCODERS, Run, TrigramEncoder, Watch, change, do, expected, small, unknown_files, why, work

from semsearch import IndexMissing
from semsearch.indexing.check import doctor

CALLS = (
    "openat,write,pwrite64,writev,ftruncate,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,fsync,"
    "fdatasync,lseek"
)
LINE = re.compile(r"(\d+) +(?:(\w+)\(|<\.\.\. (\w+) resumed>)(.*)", re.DOTALL)
PLACE = re.compile(r"<((?:\\x[0-9a-f]{2})*)>")
NAMING = {"openat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat"}


@dataclass(eq=False, slots=True)
class Node:
    """A file or a folder: as processes see it, and what of it is certainly on disk."""

    folder: bool = False
    data: bytearray = field(default_factory=bytearray)
    synced: bytes = b""
    names: dict[str, Node] = field(default_factory=dict)
    kept: dict[str, Node] = field(default_factory=dict)


class Disk:
    """A model of the disk below ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.top = Node(folder=True)
        self._position: dict[int, int | None] = {}  # of each open file; None means it appends

    def node(self, path: str) -> Node | None:
        if not path.startswith(str(self.root)):
            return None
        node: Node | None = self.top
        for name in PurePosixPath(path).relative_to(self.root).parts:
            node = node.names.get(name) if node else None
        return node

    def above(self, path: str) -> Node | None:
        return self.node(str(PurePosixPath(path).parent))

    def apply(self, call: str, given: str, result: int) -> bool:
        """Replay a call; tell whether it changed names or synced something.

        Args:
            given: The arguments, as strace writes them.
            result: What the call returned.
        """
        paths, strings = places(given), [_bytes(found) for found in given.split('"')[1::2]]
        if call in NAMING:
            folders = paths or [""]
            names = [str(PurePosixPath(folders[min(i, len(folders) - 1)]) / s.decode()) for i, s in enumerate(strings)]
            return self._apply_naming(call, given, result, names)
        node, handle = self.node(paths[0]), int(re.match(r"\d+", given).group())  # type: ignore[union-attr]
        if call == "lseek":
            self._position[handle] = result
        elif node is None:
            return False
        elif call == "ftruncate":
            length = int(given.rsplit(",", 1)[1].split(")")[0])
            node.data[:] = node.data[:length].ljust(length, b"\0")
        elif call in ("write", "writev", "pwrite64"):
            place = self._position.get(handle, 0)
            start = len(node.data) if place is None else place
            if call == "pwrite64":
                start = int(given.rsplit(",", 1)[1].split(")")[0])
            elif place is not None:
                self._position[handle] = start + result
            node.data.extend(bytes(max(0, start - len(node.data))))
            node.data[start : start + result] = b"".join(strings)[:result]
        elif node.folder:
            node.kept = dict(node.names)
        else:
            node.synced = bytes(node.data)
        return call in ("fsync", "fdatasync")

    def _apply_naming(self, call: str, given: str, result: int, names: list[str]) -> bool:
        path = names[0]
        above, name = self.above(path), PurePosixPath(path).name
        if call == "openat":
            self._position[result] = None if "O_APPEND" in given else 0
        if above is None or not path.startswith(f"{self.root}/"):
            return False
        if call == "openat":
            if "O_TRUNC" in given and name in above.names:
                above.names[name].data.clear()
            fresh = "O_CREAT" in given and name not in above.names
            if fresh:
                above.names[name] = Node()
            return fresh
        if call in ("mkdir", "mkdirat"):
            above.names[name] = Node(folder=True)
        elif call.startswith("rename"):
            other = self.above(names[1])
            assert other
            other.names[PurePosixPath(names[1]).name] = above.names.pop(name)
        else:
            above.names.pop(name, None)
        return True

    def left(self, chance: random.Random) -> Iterator[tuple[str, dict[str, bytes | None]]]:
        """Yield what the disk may hold: the content of each file by its path, None for a folder."""
        yield "only what was synced", _tree(self.top, lambda n: n.kept, lambda n: n.synced)
        yield "names without data", _tree(self.top, lambda n: n.names, lambda n: n.synced)
        yield "data without names", _tree(self.top, lambda n: n.kept, lambda n: bytes(n.data))
        yield (
            "at random",
            _tree(
                self.top,
                lambda n: n.kept if chance.random() < 0.5 else n.names,
                lambda n: n.synced if chance.random() < 0.5 else bytes(n.data),
            ),
        )


def _tree(
    node: Node, names: Callable[[Node], dict[str, Node]], data: Callable[[Node], bytes], path: str = ""
) -> dict[str, bytes | None]:
    found: dict[str, bytes | None] = {}
    for name, child in names(node).items():
        below = f"{path}/{name}" if path else name
        if not name.endswith("-shm"):  # lies in memory
            found[below] = None if child.folder else data(child)
        if child.folder:
            found |= _tree(child, names, data, below)
    return found


def _bytes(escaped: str) -> bytes:
    return bytes.fromhex(escaped.replace("\\x", ""))


def places(given: str) -> list[str]:
    """Return the paths of the open files of a call; names and data are in quotes."""
    return [_bytes(found).decode() for found in PLACE.findall("".join(given.split('"')[::2]))]


def calls(record: Path) -> Iterator[tuple[str, str, int]]:
    """Yield the name, the arguments and the result of each call that succeeded, in the order in which they ended."""
    begun: dict[str, str] = {}
    with record.open(encoding="latin-1") as lines:
        for line in lines:
            found = LINE.match(line)
            if not found:
                continue
            process, call, resumed, rest = found.groups()
            if rest.rstrip().endswith("<unfinished ...>"):
                begun[process] = rest.rstrip().removesuffix("<unfinished ...>")
                continue
            given, _, result = (begun.pop(process, "") + rest if resumed else rest).rpartition(" = ")
            number = re.match(r"\d+", result)
            if number:
                yield call or resumed, given, int(number.group())


# The run ---------------------------------------------------------------------------------------


def recorded(folder: Path, seed: int) -> list[Run]:
    """Run under strace, which writes ``folder / record``; return the runs."""
    chance, numbers = random.Random(seed), iter(range(10_000))
    runs = []
    for part in range(3):
        news = folder / f"news-{min(part, 1)}"
        if part < 2:
            news.mkdir()
            if part:
                shutil.copytree(folder / "news-0", news, dirs_exist_ok=True)
            change(news, chance, numbers)
        verb, encoder = ("encoder", ENCODERS[1]) if part == 2 else ("index", ENCODERS[0])
        runs.append(Run(verb, str(folder / "disk" / "index"), str(news), encoder=encoder))
    (folder / "disk").mkdir()
    given = json.dumps([asdict(run) for run in runs])
    command = [
        "strace",
        "--seccomp-bpf",
        "-f",
        "-y",
        "-xx",
        "-s",
        "100000000",
        "-o",
        str(folder / "record"),
        "-e",
        f"trace={CALLS}",
    ]
    command += [sys.executable, __file__, "--part", given, str(folder / "log")]
    subprocess.run(command, check=True, env={**os.environ, **ONE_THREAD})
    return runs


def write(place: Path, tree: dict[str, bytes | None]) -> None:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for name, data in tree.items():
        if data is None:
            (place / name).mkdir()
        else:
            (place / name).write_bytes(data)


@dataclass(slots=True)
class Judge:
    """Writes out states of the disk and checks them."""

    place: Path
    states: Counter[str] = field(default_factory=Counter)
    finished: int = 0
    wrong: list[str] = field(default_factory=list)
    seen: set[bytes] = field(default_factory=set)

    def judge(
        self, name: str, tree: dict[str, bytes | None], run: Run, before: dict[str, str] | None, to_end: bool
    ) -> None:
        """Check one state.

        Args:
            before: What was committed last; None if there was no index yet.
            to_end: Continue the run afterwards.
        """
        digest = hashlib.sha256(repr((sorted(tree.items(), key=lambda item: item[0]), before)).encode()).digest()
        if digest in self.seen:
            return
        self.seen.add(digest)
        self.states[name] += 1
        write(self.place, tree)
        path = self.place / "index"
        run = replace(run, path=str(path))
        try:
            self._judge(path, run, before, to_end)
        except Exception as error:
            self.wrong.append(f"{name}: {run.verb}: {why(error).replace(str(self.place), '')}")
            print("WRONG", self.wrong[-1], flush=True)

    def _judge(self, path: Path, run: Run, before: dict[str, str] | None, to_end: bool) -> None:
        watch, target, now = Watch(path), expected(run, before or {}), dict[str, str]()
        try:
            now = watch.look()
        except (IndexMissing, FileNotFoundError):
            if before is not None:
                raise
        for source in (before or {}).keys() | target.keys() | now.keys():
            assert now.get(source) in ((before or {}).get(source), target.get(source)), f"{source} is lost or changed"
        if to_end:
            self.finished += 1
            do(run, TrigramEncoder(run.encoder))
            assert watch.look() == target
            assert doctor(path) == [], doctor(path)
            assert unknown_files(path) == [], unknown_files(path)


def main() -> None:
    if sys.argv[1:2] == ["--part"]:
        for number, run in enumerate(json.loads(sys.argv[2])):
            work(run, f"{sys.argv[3]}-{number}")
        return
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--states", type=int, default=400, help="about how many states to check, besides those after a commit"
    )
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    chance, began = random.Random(args.seed), time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="power-"))
    runs = recorded(folder, args.seed)
    small()
    os.fsync = lambda handle: None  # type: ignore[assignment] # only the recorded calls count
    everything = list(calls(folder / "record"))
    memory = Path("/dev/shm")  # states need no disk of their own
    place = Path(tempfile.mkdtemp(prefix="power-", dir=memory if memory.is_dir() else None))
    disk, judge = Disk(folder / "disk"), Judge(place / "state")
    rehearsal = Disk(folder / "disk")
    points = sum(rehearsal.apply(*call) for call in everything)
    committed: dict[str, str] | None = None
    number = 0
    for call, given, result in everything:
        paths = places(given)
        if call == "write" and paths and paths[0].startswith(str(folder / "log-")):
            number = int(paths[0].rsplit("-", 1)[1])
            event, value = json.loads(_bytes(given.split('"')[1]))
            if event == "held":
                committed = value
                for name, tree in disk.left(chance):
                    judge.judge(name, tree, runs[number], committed, False)
        elif disk.apply(call, given, result) and chance.random() < args.states / (4 * points):
            for name, tree in disk.left(chance):
                judge.judge(name, tree, runs[number], committed, chance.random() < 0.15)
    shutil.rmtree(folder)
    shutil.rmtree(place)
    print(f"{len(everything)} calls, {points} of them change names or sync something")
    for name, count in judge.states.items():
        print(f"{name:24} {count:4} states")
    seconds = time.monotonic() - began
    print(f"{judge.states.total()} states opened, {judge.finished} runs continued to their end, {seconds:.0f} s")
    print(f"{len(judge.wrong)} wrong")
    sys.exit(bool(judge.wrong))


if __name__ == "__main__":
    main()
