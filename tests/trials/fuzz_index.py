"""Damages each file of an index: there must be no traceback, no hang, and no wrong result without an error.

    python tests/trials/fuzz_index.py [--places 1000] [--seed 1] [--state NAME] [--first NUMBER]

Each trial changes one file of a fresh copy in one place (a bit, bytes, a stretch or all of it; the kinds of files take
turns), then opens the index, searches, asks, shows, counts and runs ``doctor``; then ``doctor`` repairs it, and
everything is asked again. States of the index: as a writer leaves it ("complete"); as a kill leaves it, with a
write-ahead log ("killed"); with vectors found by codes, for which limits are lowered ("coded"). The same seed damages
the same places.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from semsearch import failpoints
from semsearch.encoders import load_encoder
from semsearch.errors import IndexMissing, SemsearchError
from semsearch.filters import Filter
from semsearch.index import Index
from semsearch.indexing import merge
from semsearch.indexing.check import doctor
from semsearch.protocols import Encoder, Reader
from semsearch.reader.loading import load_reader
from semsearch.storage.vectors import mapped
from semsearch.types import Article, Hit, Span

SEEDS = Path(__file__).parents[2] / "seeds"
STATES = ("complete", "killed", "coded")
MAX_TRIAL_S = 60.0
"""A trial that takes longer counts as hanging."""
HANG_S = 120
"""The process prints its stack and ends after so long."""

QUERIES = ("số ca sốt xuất huyết", "cầu mới thông xe", "lễ hội lồng tồng", "bong chuyen nu", "giấy phép xây dựng")
MODES = ("hybrid", "dense", "lexical")


# The index and its answers ---------------------------------------------------------------------


def stories(first: int, last: int) -> Iterator[Article]:
    """Yield short articles that all differ."""
    for number in range(first, last):
        title = f"Tin vắn số {number} của huyện Yên Khê"
        text = f"{title}\n\nĐoàn thứ {number} đã trao {number * 7} phần quà cho bà con. Cầu số {number} đã thông xe."
        yield Article(text, (f"fuzz:{number}",), (Span(0, len(title)), Span(len(title) + 2, len(text))), title)


@contextlib.contextmanager
def conditions(state: str) -> Iterator[None]:
    """Set the limits that give a small index this state."""
    with contextlib.ExitStack() as stack:
        if state == "coded":
            limits = ((merge, "MIN_VECTORS_FOR_PQ"), (merge, "CODEBOOK_SAMPLE"), (mapped, "MIN_SCANNED_VECTORS"))
            for module, name in limits:
                stack.enter_context(mock.patch.object(module, name, 20))
        yield


def make(path: Path, state: str, encoder: Encoder) -> None:
    """Create an index of several segments and some removed articles in this state."""
    at_work = path.with_name(path.name + ".work")
    with Index.create(at_work, encoder) as index:
        index.sync([SEEDS / "articles"])
        index.add(stories(1, 8))
        index.remove("fuzz:3")

        shutil.copytree(at_work, path.with_name(path.name + ".older"), ignore=shutil.ignore_patterns("*-shm"))

        def hook(step: str) -> None:
            if step == "committed" and state == "killed":
                shutil.copytree(at_work, path, ignore=shutil.ignore_patterns("*-shm"))

        with mock.patch.object(failpoints, "failpoint_hook", hook):
            index.add(stories(8, 12))
    if state != "killed":
        at_work.rename(path)


@dataclass(frozen=True)
class Verbs:
    """Every way to query an index, with results as plain values."""

    encoder: Encoder
    reader: Reader
    passages: tuple[int, ...] = ()

    def __call__(self, path: Path) -> dict[str, object]:
        """Return the result of each verb, or the SemsearchError that it raised."""
        try:
            index = Index.open(path, encoder=self.encoder)
        except SemsearchError as error:
            return dict.fromkeys(self._all(), error)
        with index:
            return {name: self._one(verb, index) for name, verb in self._all().items()}

    def _one(self, verb: Callable[[Index], object], index: Index) -> object:
        try:
            return verb(index)
        except SemsearchError as error:
            return error

    def _all(self) -> dict[str, Callable[[Index], object]]:
        verbs: dict[str, Callable[[Index], object]] = {
            "status": _status,
            "articles": lambda index: [(a.id, a.source, a.text, str(a.date)) for a in index.articles()],
            "ask": lambda index: self._ask(index, f"{QUERIES[0]} là bao nhiêu?"),
            "by source": lambda index: [_hit(h) for h in index.search(QUERIES[1], 5, filters=Filter(source="fuzz:*"))],
        }
        for number, query in enumerate(QUERIES):
            mode = MODES[number % 3]
            verbs[f"search {mode} {number}"] = lambda index, query=query, mode=mode: [  # type: ignore[misc]
                _hit(hit) for hit in index.search(query, 10, mode=mode)
            ]
        for id_ in self.passages:
            verbs[f"show {id_}"] = lambda index, id_=id_: _hit(index.show(id_))  # type: ignore[misc]
        if self.passages:
            verbs["similar"] = lambda index: [_hit(hit) for hit in index.similar(passage=self.passages[0])]
        return verbs

    def _ask(self, index: Index, question: str) -> object:
        answer = index.ask(question, reader=self.reader)
        return answer.found, answer.text, answer.confidence, [_hit(hit) for hit in answer.hits]


def _hit(hit: Hit) -> tuple[int, str, str, str, float]:
    return hit.passage.id, hit.passage.text, hit.article.source, hit.sentence.of(hit.article.text), hit.score


def _status(index: Index) -> object:
    status = index.status()
    # Not the path and the size, and not the counters that every run advances.
    names = "encoder fingerprint dim articles passages sentences sources files roots notes".split()
    return {name: getattr(status, name) for name in names}


def texts_of(value: object) -> set[tuple[int, str]]:
    """Passages and their texts in what a verb gave."""
    if isinstance(value, list | tuple):
        if len(value) == 5 and isinstance(value[0], int) and isinstance(value[1], str):
            return {(value[0], value[1])}
        return {one for part in value for one in texts_of(part)}
    return set()


# Damage ------------------------------------------------------------------------------------------


def place(path: Path, number: int, only: str) -> Path:
    """Return the next file: the kinds of files take turns."""
    kinds: dict[str, list[Path]] = {}
    for file in sorted(p for p in path.rglob(only) if p.is_file()):
        one_of_many = len(file.stem) > 30 or file.stem.isdigit()
        kinds.setdefault(file.suffix if one_of_many else file.name, []).append(file)
    if "store.db" in kinds:
        kinds["again"] = kinds["store.db"]  # twice as often, since it holds the articles
    files = list(kinds.values())[number % len(kinds)]
    return files[number // len(kinds) % len(files)]


def damaged(path: Path, chance: random.Random, number: int, only: str = "*") -> str:
    """Change one place of one file; return a description."""
    files = sorted(p for p in path.rglob("*") if p.is_file())
    file = place(path, number, only)
    data = bytearray(file.read_bytes())
    name = file.relative_to(path).as_posix()
    if not data:
        put(file, chance.randbytes(30))
        return f"{name}: 30 bytes instead of none"
    at, length = chance.randrange(len(data)), min(len(data), chance.choice((1, 4, 16, 100, 4096)))
    what = chance.choice(
        ("flip", "flip", "byte", "zeros", "noise", "cut", "swap", "swap", "gap", "more", "other", "empty")
    )
    before = bytes(data)
    if what == "flip":
        data[at] ^= 1 << chance.randrange(8)
    elif what == "byte":
        data[at] = chance.randrange(256)
    elif what == "zeros":
        data[at : at + length] = bytes(len(data[at : at + length]))
    elif what == "noise":
        data[at : at + length] = chance.randbytes(len(data[at : at + length]))
    elif what == "cut":
        del data[at:]
    elif what == "swap":
        other = chance.randrange(len(data))
        low, high = sorted((at, other))
        length = min(length, high - low, len(data) - high)
        data[low : low + length], data[high : high + length] = data[high : high + length], data[low : low + length]
    elif what == "gap":
        del data[at : at + length]
    elif what == "more":
        data += chance.randbytes(length)
    elif what == "other":
        data = bytearray(chance.choice(files).read_bytes())
    elif what == "empty":
        data.clear()
    put(file, bytes(data))
    return f"{name}: {what} at {at}, {length} bytes" + (" (the same bytes)" if before == data else "")


def put(file: Path, data: bytes) -> None:
    """Replace the file rather than overwrite it: a thread that still maps the old one keeps its pages."""
    new = file.with_name(file.name + ".fuzz")
    new.write_bytes(data)
    new.replace(file)


# Trials ------------------------------------------------------------------------------------------


class Failure(AssertionError):
    """Something that must not happen."""


def check_error(error: SemsearchError) -> None:
    """Check that the message is one line of bounded length."""
    message = str(error)
    if not message.strip() or "\n" in message or len(message) > 600:
        raise Failure(f"not a clear sentence: {message[:300]!r}")


@dataclass(frozen=True)
class Sound:
    """What the verbs returned of the sound index, and after everything but the database was rebuilt."""

    values: dict[str, object]
    rebuilt: dict[str, object]
    older: dict[str, object]  # before the last change
    texts: frozenset[tuple[int, str]]


def known(path: Path, verbs: Verbs) -> Sound:
    values, older = verbs(path), verbs(path.with_name(path.name + ".older"))
    again = path.with_name(path.name + ".again")
    shutil.copytree(path, again)
    with Index.open(again, encoder=verbs.encoder) as index:
        index.rebuild()
        texts = frozenset((p.id, p.text) for article in index.articles() for p in index.passages(article.id))
    rebuilt = verbs(again)
    assert not [name for name, value in (values | rebuilt).items() if isinstance(value, Exception)]
    return Sound(values, rebuilt, older, texts)


def trial(path: Path, sound: Sound, verbs: Verbs) -> str:
    """Return how the damage showed before and after the repair.

    Raises:
        Failure: Something that must not happen.
    """
    seen, findings = inspect(path, sound, verbs)
    try:
        repairs = doctor(path, repair=True, encoder=verbs.encoder)
    except IndexMissing as error:
        check_error(error)
        return f"{seen}; reported as no index"
    left = [finding for finding in repairs if not finding.repaired and finding.level == "error"]
    if left:
        if _older(verbs(path), sound):
            return f"{seen}; the state before the last change, reported"
        inspect(path, sound, verbs)
        return f"{seen}; reported as beyond repair"
    after = [finding for finding in doctor(path) if finding.level == "error"]
    if after:
        raise Failure(f"reported as repaired, but: {after}")
    values = verbs(path)
    wrong = [n for n, value in values.items() if value != sound.values[n] and value != sound.rebuilt[n]]
    if not wrong:
        return f"{seen}; {'repaired' if findings else 'nothing to repair'}"
    if findings and _older(values, sound):
        return f"{seen}; the state before the last change, reported by doctor"
    if any(finding.code == "article-damaged" for finding in repairs):
        if not texts_of(list(values.values())) <= sound.texts:
            raise Failure("a text that was never in the index, after repair")
        return f"{seen}; repaired without an article, reported"
    raise Failure(f"after repair {wrong} differ: {[str(values[name])[:300] for name in wrong[:2]]}; repairs {repairs}")


def _older(values: dict[str, object], sound: Sound) -> bool:
    return all(_at_last(value) == _at_last(sound.older[name]) for name, value in values.items())


def _at_last(value: object) -> object:
    """Leave the scores out: those of terms differ a little after a rebuild."""
    return sorted(texts_of(value)) or value


def inspect(path: Path, sound: Sound, verbs: Verbs) -> tuple[str, bool]:
    """Return how the damage shows, and whether doctor reports anything."""
    values = verbs(path)
    for value in values.values():
        if isinstance(value, SemsearchError):
            check_error(value)
        elif not texts_of(value) <= sound.texts:
            raise Failure(f"a text that was never in the index: {texts_of(value) - sound.texts}")
    try:
        findings = doctor(path)
    except IndexMissing as error:
        check_error(error)
        return "refused", True
    for finding in findings:
        if not finding.problem or not finding.remedy or "\n" in finding.problem + finding.remedy:
            raise Failure(f"not a clear finding: {finding}")
    errors = [value for value in values.values() if isinstance(value, SemsearchError)]
    differing = [name for name, value in values.items() if value != sound.values[name]]
    if errors and not [finding for finding in findings if finding.level == "error"]:
        raise Failure(f"a verb raises {errors[0]!r}, but doctor finds {findings}")
    if len(differing) > len(errors) and not findings:
        raise Failure(f"silently wrong: {differing}: {[str(values[name])[:300] for name in differing[:2]]}")
    if len(errors) == len(values):
        return "refused", True
    if errors:
        return "refused where it matters" if len(differing) == len(
            errors
        ) else "partly refused, reported by doctor", True
    if differing:
        return "other results, reported by doctor", True
    return "same results" + (", reported by doctor" if findings else ", no trace"), bool(findings)


@contextlib.contextmanager
def quiet(into: Path) -> Iterator[None]:
    """Write standard error to a file, including that of native code."""
    sys.stderr.flush()
    kept = os.dup(2)
    with into.open("wb") as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def run(
    state: str, numbers: range, begin: int, folder: Path, verbs: Verbs, only: str = "*"
) -> tuple[Counter[str], list[str], float]:
    """Return the outcomes, the failures, and the seconds of the slowest trial."""
    outcomes, failures, slowest = Counter[str](), [], 0.0
    made = folder / state
    make(made, state, verbs.encoder)
    ids = [int(hit[0]) for hit in verbs(made)["search hybrid 0"]]  # type: ignore[attr-defined]
    verbs = Verbs(verbs.encoder, verbs.reader, tuple(ids[:4]))
    sound = known(made, verbs)
    for number in numbers:
        path = folder / "trial"
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(made, path)
        what = damaged(path, random.Random(f"{begin} {state} {number}"), number, only)
        noise, began = folder / "noise", time.perf_counter()
        faulthandler.dump_traceback_later(HANG_S, exit=True, file=sys.__stdout__)
        try:
            with quiet(noise):
                outcome = trial(path, sound, verbs)
            if b"panicked at" in noise.read_bytes() and "refused" in outcome:
                outcome += " (and tantivy on stderr)"  # before it is the error of a verb
            elif noise.stat().st_size:
                raise Failure(f"on stderr: {noise.read_text('utf-8', 'replace')[:300]}")
        except Exception as error:
            outcome = "FAILED"
            details = str(error) if isinstance(error, Failure) else traceback.format_exc()
            failures.append(f"{state} {number}: {what}: {details}")
            print(failures[-1], flush=True)
        finally:
            faulthandler.cancel_dump_traceback_later()
        outcomes[outcome] += 1
        took = time.perf_counter() - began
        slowest = max(slowest, took)
        if took > MAX_TRIAL_S:
            failures.append(f"{state} {number}: {what}: {took:.0f} s")
            print(failures[-1], flush=True)
    return outcomes, failures, slowest


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--places", type=int, default=1000, help="number of damaged places, in all states together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--state", choices=STATES, help="only this state")
    parser.add_argument("--only", default="*", help="only files whose names match this pattern")
    parser.add_argument("--first", type=int, default=0, help="number of the first place in each state")
    given = parser.parse_args()
    failed = 0
    encoder = load_encoder()
    verbs = Verbs(encoder, load_reader(encoder=encoder))
    states = [given.state] if given.state else list(STATES)
    print("| state | outcome | places |\n|---|---|---|")
    for state in states:
        numbers = range(given.first, given.first + given.places // len(states))
        with tempfile.TemporaryDirectory() as name, mock.patch.object(os, "fsync", lambda _: None), conditions(state):
            outcomes, failures, slowest = run(state, numbers, given.seed, Path(name), verbs, given.only)
        for outcome, count in outcomes.most_common():
            print(f"| {state} | {outcome} | {count} |")
        print(f"| {state} | slowest: {slowest:.1f} s | |", flush=True)
        failed += len(failures)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
