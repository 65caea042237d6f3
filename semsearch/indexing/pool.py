"""Records prepared in other processes while this one encodes and writes.

The processes are loky's: they start without importing the program's ``__main__``, so a script that uses semsearch needs
no guard, and they may be started from any thread. Whatever happens to them, every record is prepared: what they do not
return is prepared here.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ..encoders import TokenizerSpec, load_tokenizer
from ..errors import EncoderUnavailable, IngestError
from ..ingest import RawRecord
from ..protocols import Pretokenized
from .prepare import PreparedRecord, prepare_record

if TYPE_CHECKING:
    from ..encoders import Tokenizer

__all__ = ["PreparationPool", "processors"]

MIN_BYTES = 400_000
"""Bytes of records prepared here before a process is started, which takes over half a second."""

TASK_BYTES = 256 << 10
"""Bytes of records in one task; a larger record is a task of its own."""

MAX_AHEAD_BYTES = 4 << 20
"""Bytes of records that may be under way for each process, so that all are busy while a batch is written."""

MAX_WORKERS = 3
"""One encoder does not keep more processes busy."""

OTHER_ITEM_BYTES = 1000
"""Size that an item other than a record is counted with."""

PARENT_CHECK_S = 0.5
"""How often a process looks whether its parent is still there."""

Other = TypeVar("Other")
Result = PreparedRecord | IngestError


def processors() -> int:
    """Number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(slots=True)
class _Task(Generic[Other]):
    """Consecutive items of the input, and the results of the records among them."""

    items: list[RawRecord | Other] = field(default_factory=list)
    size: int = 0  # in bytes
    results: Future[list[Result]] | None = None

    def records(self) -> list[RawRecord]:
        return [item for item in self.items if isinstance(item, RawRecord)]

    def is_done(self) -> bool:
        return self.results is None or self.results.done()


class PreparationPool:
    """Prepares records in other processes, started when there is enough to do.

    Args:
        workers: Number of processes; None means one for each other processor. 0 prepares everything here.
        encoder: Returns the encoder whose tokenizer the processes use, or None. Called when they are started.
    """

    def __init__(self, workers: int | None = None, encoder: Callable[[], Pretokenized | None] = lambda: None) -> None:
        workers = processors() - 1 if workers is None else workers
        # A frozen application is its own interpreter, and would start itself.
        self._workers = 0 if getattr(sys, "frozen", False) else min(workers, MAX_WORKERS)
        self._load_encoder = encoder
        self._encoder: Pretokenized | None = None
        self._executor: Any = None
        self._bytes_prepared_here = 0

    def prepare(self, items: Iterable[RawRecord | Other]) -> Iterator[tuple[RawRecord | Other, Result | None]]:
        """Yield every item in its place, a record with its prepared article or the reason why there is none.

        Other items pass through with None. Input is read ahead by a bounded number of bytes. What it raises is raised
        after everything before it was yielded.
        """
        items = iter(items)
        for item in items:
            if not isinstance(item, RawRecord):
                yield item, None
                continue
            yield item, prepare_record(item)
            self._bytes_prepared_here += len(item.content)
            if self._workers > 0 and self._bytes_prepared_here >= MIN_BYTES:
                break
        yield from self._prepare_elsewhere(items)

    def close(self) -> None:
        """End the processes at once."""
        if self._executor is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # without "pgrep" loky kills the same processes, but says so
                self._executor.shutdown(wait=True, kill_workers=True)
            self._executor = None

    def _prepare_elsewhere(
        self, items: Iterator[RawRecord | Other]
    ) -> Iterator[tuple[RawRecord | Other, Result | None]]:
        tasks = _TaskReader(items)
        window: deque[_Task[Other]] = deque()
        max_bytes = MAX_AHEAD_BYTES * max(self._workers, 1)
        while True:
            # Keep the processes busy.
            while sum(task.size for task in window) < max_bytes:
                task = tasks.next()
                if task is None:
                    break
                task.results = self._submit(task.records())
                window.append(task)
            if not window:
                break
            # Help them while the first answer is not there yet.
            while not window[0].is_done() and sum(task.size for task in window) < 2 * max_bytes:
                task = tasks.next()
                if task is None:
                    break
                task.results = Future()
                task.results.set_result(self._prepare_here(task.records()))
                window.append(task)
            yield from self._results(window.popleft())
        if tasks.error is not None:
            raise tasks.error

    def _results(self, task: _Task[Other]) -> Iterator[tuple[RawRecord | Other, Result | None]]:
        prepared: list[Result] | None = None
        if task.results is not None:
            try:
                prepared = task.results.result()
            except Exception:  # the process died, or its answer could not be sent; a bug will show again here
                self._workers = 0
                self.close()
        if prepared is None:
            prepared = self._prepare_here(task.records())
        results = iter(prepared)
        for item in task.items:
            yield item, next(results) if isinstance(item, RawRecord) else None

    def _prepare_here(self, records: list[RawRecord]) -> list[Result]:
        tokenizer = self._encoder.tokenizer() if self._encoder is not None else None
        return [prepare_record(record, tokenizer) for record in records]

    def _submit(self, records: list[RawRecord]) -> Future[list[Result]] | None:
        """Send records to a process; None if there are no records or no processes."""
        if not records or self._workers == 0:
            return None
        spec: TokenizerSpec | None = None
        try:
            if self._executor is None:
                self._start()
            if self._encoder is not None:
                spec = self._encoder.tokenizer_spec()
            future: Future[list[Result]] = self._executor.submit(_prepare_task, records, spec)
        except Exception:  # no process can be started, or all have died
            self._workers = 0
            self.close()
            return None
        return future

    def _start(self) -> None:
        from loky import ProcessPoolExecutor

        with _interrupts_blocked():
            self._executor = ProcessPoolExecutor(self._workers, initializer=_start_worker, initargs=(os.getpid(),))
            self._executor.submit(processors)  # starts them
        self._encoder = self._load_encoder()  # which takes some time, as their start does


class _TaskReader(Generic[Other]):
    """Groups items into tasks. An error of the input ends it, and is kept until everything before was yielded."""

    def __init__(self, items: Iterator[RawRecord | Other]) -> None:
        self._items = items
        self._ended = False
        self.error: Exception | None = None

    def next(self) -> _Task[Other] | None:
        """Return the next task; None at the end."""
        task: _Task[Other] = _Task()
        while not self._ended and task.size < TASK_BYTES:
            try:
                item = next(self._items)
            except StopIteration:
                self._ended = True
                break
            except Exception as error:
                self._ended = True
                self.error = error
                break
            task.items.append(item)
            task.size += len(item.content) if isinstance(item, RawRecord) else OTHER_ITEM_BYTES
        return task if task.items else None


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Block Ctrl-C for processes started inside: it is for this process, which then ends them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# In the other process --------------------------------------------------------------------------


def _start_worker(parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with, args=(parent,), daemon=True).start()


def _exit_with(parent: int) -> None:
    """End this process soon after its parent ended, however that happened."""
    while os.getppid() == parent or sys.platform == "win32":
        time.sleep(PARENT_CHECK_S)
    os._exit(1)


def _prepare_task(records: list[RawRecord], spec: TokenizerSpec | None) -> list[Result]:
    tokenizer = _tokenizer(spec) if spec is not None else None
    return [prepare_record(record, tokenizer) for record in records]


@lru_cache(maxsize=1)
def _tokenizer(spec: TokenizerSpec) -> Tokenizer | None:
    try:
        return load_tokenizer(spec)
    except EncoderUnavailable:  # its file was changed; the encoder tokenizes the texts
        return None
