"""Records of files of many articles, prepared in other processes while this one encodes and writes.

A process is started with the paths of this one and imports nothing of the program that uses semsearch (as
``multiprocessing`` would, so that every script needed a guard). It reads tasks on its standard input and answers on its
standard output, in order; when the input ends, so does it: nothing stays behind when this process is killed. Should one
of them die, or answer what cannot be understood, what it had to do is done here, as is all if none can be started.
"""

from __future__ import annotations

import datetime as dt
import marshal
import os
import queue
import struct
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import astuple, dataclass, field, replace
from itertools import chain, islice
from typing import IO, TYPE_CHECKING, Any

from .. import ingest
from ..encoders import TokenizerSpec, load_tokenizer
from ..ingest import Made, Raw
from ..protocols import Pretokenized
from ..storage import pack, unpack
from ..storage.lexical import Terms
from ..types import Article
from .prepare import PreparedArticle, prepare

if TYPE_CHECKING:
    from ..encoders import Tokenizer

__all__ = ["Workers", "processors", "serve"]

FEW = 128
"""So many new records are prepared here before a process is started, which takes half a second."""

PATIENCE = 0.0
"""Seconds for which is waited until a process has started, instead of going on here."""

TASK = 256 << 10
"""Bytes of records that are given to a process at once, or one record if it is larger."""

AHEAD = 4 << 20
"""Bytes of records that are under way at most for each process, or one task if it is larger: enough while a batch is
written. Once so many more may be prepared here."""

MOST = 3
"""More processes than this one encoder does not keep busy."""

LONGEST = 1 << 30
"""Bytes of one message; a larger number is none."""

BEFORE = 1 << 20
"""Bytes that may be printed in a process before it answers, by what Python loads of itself."""

_MARK = b"\0semsearch\0\n"  # before the first answer
_SIZE = struct.Struct("<q")
_START = (
    "import sys; sys.path[:] = sys.argv[1:]; from semsearch.indexing.pool import serve; serve()"  # no __main__ of ours
)


def processors() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def made_here(file: str, raws: Iterable[Raw], tokenizer: Tokenizer | None = None) -> Iterator[Made]:
    """Every record interpreted and its article prepared; ``more`` is a Prepared."""
    for raw in raws:
        made = ingest.interpret(file, raw)
        more = prepare(made.article, tokenizer) if made.article else None
        yield replace(made, more=more)


class Workers:
    """Up to ``count`` processes, started when there is enough to do. ``close`` ends them at once.

    They cut texts as ``encoder`` does, if it is given. While their answers are not there yet, what comes next is done
    here.
    """

    def __init__(self, count: int | None = None, encoder: Callable[[], Pretokenized | None] = lambda: None) -> None:
        count = min(processors() - 1, MOST) if count is None else min(count, MOST)
        # A frozen application is its own interpreter, and would start itself.
        self._count = 0 if getattr(sys, "frozen", False) or not sys.executable else count
        self._encoder = encoder
        self._precut: Pretokenized | None = None
        self._few = FEW
        self._alive: deque[_Worker] = deque()
        self._started = False

    def make(self, file: str, raws: Iterable[Raw]) -> Iterator[Made]:
        """As ``made_here``, in the same order."""
        raws = iter(raws)
        for raw in raws:
            if self._count > 0 and not raw.known and self._ready():
                yield from self._elsewhere(file, _tasks(chain([raw], raws)))
                return
            yield from made_here(file, [raw])

    def _ready(self) -> bool:
        """Whether processes are there to do what is new; they are started when it is more than a few."""
        if self._few:
            self._few -= 1
            return False
        if not self._started:
            self._started = True
            with suppress(OSError, RuntimeError):  # no more processes or threads than there are
                for _ in range(self._count):
                    self._alive.append(_Worker())
            if not self._alive:
                return False
            self._precut = self._encoder()  # which may have to be loaded, while they start
            spec = self._precut.tokenizer_spec() if self._precut else None
            for worker in self._alive:
                worker.give(astuple(spec) if spec else ())
        return bool(self._alive) and all(worker.started() for worker in self._alive)

    def _elsewhere(self, file: str, tasks: Iterator[tuple[int, list[Raw]]]) -> Iterator[Made]:
        waiting: deque[_Task] = deque()
        failure: Exception | None = None
        ahead = AHEAD * len(self._alive)

        def following(bound: int) -> _Task | None:
            """The next task, if fewer than so many bytes are under way."""
            nonlocal failure
            if failure or (waiting and sum(task.size for task in waiting) >= bound):
                return None
            try:
                size, raws = next(tasks, (0, []))
            except Exception as error:  # the file ends here; told after what came before
                failure = error
                return None
            if not raws:
                return None
            waiting.append(_Task(size, raws))
            return waiting[-1]

        try:
            while True:
                while task := following(ahead):
                    task.worker = self._give(file, task.raws)
                if not waiting:
                    break
                first = waiting[0].worker
                while first and not first.answered() and (task := following(2 * ahead)):
                    tokenizer = self._precut.tokenizer() if self._precut else None
                    task.made = list(made_here(file, task.raws, tokenizer))
                task = waiting.popleft()
                yield from self._made(file, task)
        finally:
            for task in waiting:  # of no interest any more
                if task.worker:
                    task.worker.take()
        if failure:
            raise failure

    def _made(self, file: str, task: _Task) -> Iterator[Made]:
        answer = task.worker.take() if task.worker else None
        if task.worker and answer is None and task.worker in self._alive:
            self._alive.remove(task.worker)
            task.worker.close()
        if task.made:
            yield from task.made
        elif answer is None:
            yield from made_here(file, task.raws)
        else:
            rows = iter(answer)
            for raw in task.raws:
                yield ingest.interpret(file, raw) if raw.known else _unpacked(raw, next(rows))

    def _give(self, file: str, raws: list[Raw]) -> _Worker | None:
        """What is new, to the one whose turn it is; None if there is nothing to do, or nobody left."""
        new = [(raw.number, raw.content, raw.encoding) for raw in raws if not raw.known]
        if not self._alive or not new:
            return None
        self._alive.rotate(-1)
        worker = self._alive[-1]
        worker.give((file, new))
        return worker

    def close(self) -> None:
        while self._alive:
            self._alive.pop().close()


def _tasks(raws: Iterable[Raw]) -> Iterator[tuple[int, list[Raw]]]:
    """(bytes, records), about ``TASK`` bytes each."""
    size, task = 0, []
    for raw in raws:
        content = raw.content.values() if isinstance(raw.content, dict) else [raw.content]
        size += sum(map(len, content))
        task.append(raw)
        if size >= TASK:
            yield size, task
            size, task = 0, []
    if task:
        yield size, task


@dataclass(slots=True)
class _Task:
    size: int  # in bytes
    raws: list[Raw]
    worker: _Worker | None = None  # to whom it was given
    made: list[Made] = field(default_factory=list)  # if it was done here


class _Worker:
    """One process, and a thread that takes its answers as they come: neither side waits for a full pipe."""

    def __init__(self) -> None:
        # Ctrl-C is for this process, which then ends the others.
        apart: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            **apart,
        )
        assert self._process.stdin
        assert self._process.stdout
        self._tasks, self._answers = self._process.stdin, queue.SimpleQueue[list[Any] | None]()
        self._ended = self._started = False
        self._thread = threading.Thread(target=self._listen, args=(self._process.stdout,), daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # too many threads
            self.close()
            raise

    def give(self, task: tuple[Any, ...]) -> None:
        with suppress(OSError):  # it is dead, as ``take`` will say
            _send(self._tasks, task)

    def started(self) -> bool:
        """Whether it takes tasks, or has ended already."""
        if not self._started:
            with suppress(queue.Empty):
                self._ended = self._answers.get(block=PATIENCE > 0, timeout=PATIENCE) is None
                self._started = True
        return self._started

    def answered(self) -> bool:
        """Whether ``take`` has to wait for nothing."""
        return self._ended or not self._answers.empty()

    def take(self) -> list[Any] | None:
        """The answer to the earliest task that has none yet; None if the process has ended."""
        if not self._ended:
            answer = self._answers.get()
            if answer is not None:
                return answer
            self._ended = True
            self.close()
        return None

    def close(self) -> None:
        self._ended = True
        self._process.kill()
        if self._thread.is_alive():
            self._thread.join()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # the rest of a task that nobody will read
                if stream:
                    stream.close()

    def _listen(self, answers: IO[bytes]) -> None:
        _pump(answers, self._answers, _MARK)
        self._process.kill()  # if it goes on, nobody reads what it writes


def _pump(stream: IO[bytes], into: queue.SimpleQueue[Any], mark: bytes = b"") -> None:
    """Every message of a stream after ``mark``, then None, also where one cannot be read or understood."""
    try:
        with suppress(Exception):
            while _begins(stream, mark) and (message := _receive(stream)) is not None:
                into.put(message)
                mark = b""
    finally:
        into.put(None)


def _begins(stream: IO[bytes], mark: bytes) -> bool:
    """Passes over all up to ``mark``, which ends a line; whether it comes."""
    left = BEFORE if mark else 0
    while left > 0 and (line := stream.readline(left)):
        if line.endswith(mark):
            return True
        left -= len(line)
    return not mark


def _send(stream: IO[bytes], message: Any) -> None:
    data = marshal.dumps(message)
    stream.write(_SIZE.pack(len(data)) + data)
    stream.flush()


def _receive(stream: IO[bytes]) -> Any:
    """The next message; None where the stream ends, wherever that is, or something else comes."""
    head = stream.read(_SIZE.size)
    if len(head) < _SIZE.size:
        return None
    (size,) = _SIZE.unpack(head)
    if not 0 <= size <= LONGEST:
        return None
    data = stream.read(size)
    return marshal.loads(data) if len(data) == size else None


def serve() -> None:
    """The other process, to its end."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library may print is no answer
    tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def listen() -> None:
        _pump(sys.stdin.buffer, tasks)
        os._exit(0)  # whoever asked is gone; what is being done is for nobody

    threading.Thread(target=listen, daemon=True).start()
    spec = tasks.get()
    tokenizer = load_tokenizer(TokenizerSpec(*spec)) if spec else None
    answers.write(_MARK)  # whatever was printed before is none either
    _send(answers, "ready")
    while True:
        file, raws = tasks.get()
        _send(answers, [_packed(made) for made in made_here(file, (Raw(*raw) for raw in raws), tokenizer)])


# As plain values: a span is two numbers among others, in bytes.


def _packed(made: Made) -> tuple[Any, ...]:
    if made.article is None:
        return made.number, made.reason
    article, more = made.article, made.more
    day = article.date.toordinal() if article.date else 0
    return (
        *(made.number, made.key, made.encoding),
        (article.text, article.sources, pack(article.blocks), article.title, day, article.author, article.url),
        *(more.content_hash, more.body_hash),
        ([len(spans) for spans in more.passages], pack([span for spans in more.passages for span in spans])),
        [(terms.exact, terms.plain, terms.pairs) for terms in more.terms],
        more.token_ids,
    )


def _unpacked(raw: Raw, row: tuple[Any, ...]) -> Made:
    if len(row) == 2:
        return Made(row[0], reason=row[1])
    number, key, encoding, (text, sources, blocks, title, day, author, url), *more = row
    content, body, made, terms, token_ids = more
    date = dt.date.fromordinal(day) if day else None
    article = Article(text, sources, unpack(blocks), title, date, author, url)
    spans = iter(unpack(made[1]))
    windows = tuple(tuple(islice(spans, length)) for length in made[0])
    prepared = PreparedArticle(article, content, body, windows, tuple(Terms(*some) for some in terms), token_ids)
    return Made(number, key, article, encoding, more=prepared, raw=raw)
