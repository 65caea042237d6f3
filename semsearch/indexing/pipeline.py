"""From paths to changes: which files are new, changed or gone, and what that means for the articles."""

from __future__ import annotations

import os
import re
import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath

from .. import ingest
from ..errors import EncoderUnavailable, IngestError, UsageError
from ..filters import as_date
from ..paths import absolute, globs_below
from ..protocols import Encoder, Pretokenized
from ..reports import Progress, SyncReport
from ..storage import Store
from ..types import Article
from .changes import Outcome, Plan
from .pool import Workers
from .prepare import PreparedArticle, prepare
from .writer import Writer

__all__ = ["BATCH_ARTICLES", "Sync", "check_paths"]

BATCH_ARTICLES = 1024
BATCH_CHARACTERS = 1_500_000
"""A batch is committed at so many articles or characters: seconds of work are lost by a kill, not hours."""

FIRST_ARTICLES = 256
"""The first batch is smaller, and those after it twice as large each: other processes are soon not waited for."""

_MANY = 1000  # articles of one file, from which on it has a progress of its own, and all of them can be estimated

_PLAIN = frozenset(("utf-8", "utf-8-sig", "ascii", "pdf", "docx"))


def check_paths(store: Store | None, paths: Sequence[str | Path]) -> None:
    """Raises UsageError for a path that is neither there nor known; before anything is made or locked."""
    for path in paths:
        root = absolute(path)
        known = store is not None and bool(root in store.roots() or store.sources_like(globs_below(root)))
        if not known and not _leads_somewhere(root):
            ingest.expand([path])  # which says so


@dataclass(slots=True)
class Sync:
    """One run: puts and drops go through plans, a batch at a time, and are counted."""

    writer: Writer
    encoder: Callable[[], Encoder]
    progress: Progress | None = None
    on_error: Callable[[IngestError], None] | None = None
    threads: int | None = None  # None: as many as there are processors
    _plan: Plan = field(init=False)
    _workers: Workers = field(init=False)
    _counts: dict[Outcome, int] = field(default_factory=dict)
    _heirs: set[str] = field(default_factory=set)  # files to be read once more: see Plan.heirs
    _twins: set[str] = field(default_factory=set)  # sources found to hold what another holds
    _failed: list[IngestError] = field(default_factory=list)
    _notes: list[str] = field(default_factory=list)
    _at: tuple[str, int, int] = ("", 0, 0)  # what ``progress`` is told when all up to here is committed
    _most: int = FIRST_ARTICLES  # changes of the batch that is under way
    _since: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._plan = Plan(self.writer.store)
        self._workers = Workers(None if self.threads is None else self.threads - 1, self._precut)

    def _precut(self) -> Pretokenized | None:
        """The encoder, if others may cut texts for it."""
        try:
            encoder = self.encoder()
        except EncoderUnavailable:
            return None  # which is told when it has to encode something
        return encoder if isinstance(encoder, Pretokenized) and encoder.tokenizer_spec() else None

    # The three verbs -----------------------------------------------------------------------

    def sync(self, paths: Sequence[str | Path] | None) -> None:
        """Makes the index hold what is in ``paths``; None: in all that it knows."""
        store = self.writer.store
        roots = store.roots() if paths is None else list(dict.fromkeys(map(absolute, paths)))
        there = [root for root in roots if _leads_somewhere(root)]
        gone = []
        for root in roots:
            if root in there:
                continue
            file = (root in store.files() or _pattern(root)) and Path(root).parent.exists()
            if paths is not None or file or any(_covers(other, root) for other in there):
                gone.append(root)
            else:  # perhaps a disk that is not mounted: nothing is taken away for that
                told = f"is not there; its articles stay (to take them away: semsearch remove {shlex.quote(root)})"
                self._fail(IngestError(root, told))
        errors: list[IngestError] = []
        others: list[Path] = []
        files = [path.as_posix() for path in ingest.expand(there, errors.append, others.append)]
        readable = tuple(ingest.SUFFIXES)
        of_sets = [path for path in others if path.name.lower().endswith(readable)]
        if strange := [path for path in others if path not in of_sets]:
            self._notes.append(f"{_number(strange)} of kinds that are not read passed over: {_few(strange)}")
        if of_sets:
            end = "; name corpus.jsonl itself to index it" if any("corpus." in path.name for path in of_sets) else ""
            self._notes.append(f"{_number(of_sets)} of an evaluation set passed over: {_few(of_sets)}{end}")
        for error in errors:
            self._fail(error)
        self._set_roots(put=sorted(set(there) - set(store.roots())))
        try:
            self._read_all(files)
            unseen = [error.source for error in errors]
            self._drop_missing([*there, *gone], set(files), unseen)
            self._flush()
            self._read_heirs()
        finally:
            self._workers.close()
        self._set_roots(drop=sorted(set(gone) & set(store.roots())))

    def add(self, articles: Iterable[Article]) -> None:
        """Puts articles that a program hands over, under the sources they name."""
        for number, article in enumerate(articles):
            article = _storable(article)
            made = prepare(article)
            self._at = ("articles", number + 1, 0)
            for source in article.sources:
                self._put(source, "", made)
            self._show()
        self._flush()

    def forget(self, path: str | Path) -> int:
        """Drops a source, a file or a folder; how many sources went."""
        store = self.writer.store
        names = list(dict.fromkeys((str(path), absolute(path))))
        sources = store.sources_like([glob for name in names for glob in globs_below(name)])
        for source in sources:
            known = store.source(source)
            if known and known.file:  # whatever else it holds is looked at again when it is next met
                self._plan.files[known.file] = ""
            self._drop(source)
        for file in store.files():
            if any(_within(name, file) for name in names):
                self._plan.files[file] = None
        self._flush()
        self._set_roots(drop=[root for root in store.roots() if any(_within(name, root) for name in names)])
        return len(sources)

    def report(self) -> SyncReport:
        counts = self._counts
        return SyncReport(
            added=counts.get("added", 0),
            changed=counts.get("changed", 0),
            removed=counts.get("removed", 0),
            unchanged=counts.get("unchanged", 0),
            duplicates=counts.get("duplicate", 0),
            failed=tuple(self._failed),
            passages=self.writer.passages,
            encoded=self.writer.encoded,
            notes=tuple(self._notes),
            seconds=time.monotonic() - self._since,
        )

    # Files ---------------------------------------------------------------------------------

    def _read_all(self, files: Sequence[str]) -> None:
        store = self.writer.store
        known = store.files()
        for number, file in enumerate(files):
            self._at = ("files", number, len(files)) if len(files) > 1 else ("articles", 0, 0)
            self._show()
            try:
                content = ingest.file_hash(file)
                if known.get(file) == content:
                    self._count("unchanged", len(store.sources_in(file)))
                else:
                    self._read(file, content, alone=len(files) == 1)
            except IngestError as error:
                self._fail(error)
        if len(files) > 1:
            self._at = ("files", len(files), len(files))
            self._show()

    def _read(self, file: str, content: str, *, alone: bool) -> None:
        """Reads a file that is new or changed. What an unreadable part of it held before stays."""
        errors: list[IngestError] = []
        marks = self.writer.store.marks_in(file)

        def failed(error: IngestError) -> None:
            errors.append(error)
            self._fail(error)

        seen: set[str] = set()
        encodings: set[str] = set()

        def make(file: str, raws: Iterable[ingest.Raw]) -> Iterator[ingest.Made]:
            return self._workers.make(file, (_recognised(file, raw, marks) for raw in raws) if marks else raws)

        for record in ingest.read_path(file, failed, make):
            source, raw = _unique(record.article.source, seen), record.raw
            known = raw is not None and raw.known
            if raw is not None and (alone or len(seen) > _MANY):
                total = round(len(seen) / raw.at) if raw.at and len(seen) > _MANY else 0
                self._at = ("unchanged" if known else "articles", len(seen), total)
            if known:
                self._count("unchanged")
                self._show()
                continue
            # Begun, not done: should the run end here, the file is read again.
            self._plan.files.setdefault(file, "")
            self._put(source, file, record.more or prepare(record.article), _mark(file, source, raw))
            self._notes += [f"{source}: {note}" for note in record.notes]
            if record.encoding not in _PLAIN | encodings:
                encodings.add(record.encoding)
                self._notes.append(f"{file}: converted from {record.encoding}")
        if errors:
            return
        for source in self.writer.store.sources_in(file):
            if source not in seen:
                self._drop(source)
        self._plan.files[file] = content

    def _read_heirs(self) -> None:
        """Sources whose article was told of by one that is gone tell of it now; all was counted before."""
        for file in sorted(self._heirs & self.writer.store.files().keys()):
            errors: list[IngestError] = []
            seen: set[str] = set()
            try:
                content = ingest.file_hash(file)
                for record in ingest.read_path(file, errors.append):
                    source = _unique(record.article.source, seen)
                    self._plan.put(source, file, prepare(record.article), _mark(file, source, record.raw))
                    self._flush_if_full()
            except IngestError:
                continue  # the next run tries again
            if not errors:
                self._plan.files[file] = content
            self._flush()

    def _drop_missing(self, roots: Sequence[str], files: set[str], unseen: Sequence[str]) -> None:
        """Drops what was read from files below ``roots`` that are not there any longer."""
        store = self.writer.store
        for file in store.files():
            if file in files or not any(_covers(root, file) for root in roots):
                continue
            if any(_covers(folder, file) for folder in unseen):
                continue  # its folder cannot be opened now, so nobody knows
            for source in store.sources_in(file):
                self._drop(source)
            self._plan.files[file] = None

    def _set_roots(self, put: Iterable[str] = (), drop: Iterable[str] = ()) -> None:
        put, drop = list(put), list(drop)
        if put or drop:
            self.writer.touch()
            with self.writer.store.transaction(visible=False):
                for root in put:
                    self.writer.store.put_root(root)
                for root in drop:
                    self.writer.store.drop_root(root)

    # Changes -------------------------------------------------------------------------------

    def _put(self, source: str, file: str, made: PreparedArticle, mark: bytes = b"") -> None:
        outcome = self._plan.put(source, file, made, mark)
        if outcome == "duplicate":
            self._twins.add(source)
        self._count(outcome)
        self._flush_if_full()

    def _drop(self, source: str) -> None:
        outcome, others = self._plan.drop(source)
        moved = next((other for other in others if other in self._twins), None)
        if moved is not None:
            # The same text under a new name: not two places, and nothing gone.
            self._twins.remove(moved)
            self._count("duplicate", -1)
            outcome = "changed"
        self._count(outcome)
        self._flush_if_full()

    def _flush_if_full(self) -> None:
        if self._plan.size >= BATCH_CHARACTERS or self._plan.changes >= min(self._most, BATCH_ARTICLES):
            self._most *= 2
            self._flush()

    def _flush(self) -> None:
        if self._plan:
            self.writer.commit(self._plan, self.encoder)
            self._heirs |= self._plan.heirs
            self._plan = Plan(self.writer.store)
            self._show()

    def _count(self, outcome: Outcome, number: int = 1) -> None:
        self._counts[outcome] = self._counts.get(outcome, 0) + number

    def _fail(self, error: IngestError) -> None:
        self._failed.append(error)
        if self.on_error:
            self.on_error(error)

    def _show(self) -> None:
        """How far everything is committed, which moves on while nothing waits to be."""
        if self.progress and self._at[0] and not self._plan.changes:
            self.progress(*self._at)


def _storable(article: Article) -> Article:
    """What a program hands over, with a day as its date. Raises UsageError."""
    if not article.sources or not article.text.strip():
        raise UsageError("an article to be added needs a text and at least one source")
    texts = {"text": article.text, "title": article.title, "author": article.author, "url": article.url}
    for name, text in [*texts.items(), *(("source", source) for source in article.sources)]:
        if re.search("[\ud800-\udfff]", text):
            raise UsageError(f"the {name} of {article.source!r} holds half of a character (a lone surrogate)")
    return replace(article, date=as_date("article.date", article.date))


def _recognised(file: str, raw: ingest.Raw, marks: Mapping[bytes, str]) -> ingest.Raw:
    """A record of ``file`` that is what it was when it was last read, as one that is known."""
    source = marks.get(raw.mark(numbered=True)) or marks.get(raw.mark())
    return replace(raw, known=source.removeprefix(f"{file}#")) if source else raw


def _mark(file: str, source: str, raw: ingest.Raw | None) -> bytes:
    """By what a record is recognised; where its source is named by its line, only in that line."""
    if raw is None:
        return b""
    key = source.removeprefix(f"{file}#")
    return raw.mark(numbered=key == str(raw.number) or key.endswith(f":{raw.number}"))


def _number(paths: Sequence[Path]) -> str:
    return f"{len(paths)} files" if len(paths) > 1 else "a file"


def _few(paths: Sequence[Path]) -> str:
    return ", ".join(path.name for path in paths[:3]) + (", ..." if len(paths) > 3 else "")


def _unique(source: str, seen: set[str]) -> str:
    """A name of its own for each record, also where a file gives two the same key."""
    name, number = source, 1
    while name in seen:
        number += 1
        name = f"{source}~{number}"
    seen.add(name)
    return name


def _leads_somewhere(root: str) -> bool:
    try:
        return os.path.lexists(root) or bool(ingest.expand([root], lambda error: None))
    except UsageError:
        return False


def _within(folder: str, path: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _covers(root: str, file: str) -> bool:
    """Whether a path, a folder or a pattern stands for a file."""
    if _within(root, file):
        return True
    pattern = _pattern(root)
    return pattern is not None and any(pattern.fullmatch(str(part)) for part in (file, *PurePosixPath(file).parents))


@lru_cache(maxsize=256)
def _pattern(root: str) -> re.Pattern[str] | None:
    """A pattern of paths as a regular expression, as ``glob`` understands it; None if it is none."""
    if not re.search(r"[*?\[]", root):
        return None
    out = ""
    for token in re.findall(r"\*\*/|\*\*|\*|\?|\[!?[^\]]+\]|.", root, re.DOTALL):
        if token == "**/":
            out += r"(?:[^/]+/)*"
        elif token == "**":
            out += ".*"
        elif token in "*?":
            out += {"*": "[^/]*", "?": "[^/]"}[token]
        elif len(token) > 1:
            out += "[" + ("^" if token[1] == "!" else "") + re.escape(token[1:-1].lstrip("!")).replace(r"\-", "-") + "]"
        else:
            out += re.escape(token)
    return re.compile(out, re.DOTALL)
