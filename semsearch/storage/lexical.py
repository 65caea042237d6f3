"""BM25 over exact and folded terms, kept by tantivy in a folder of its own.

Beside it lie the words of each text in their order (``wordfile``), from which any texts are scored. The fields, the
weights and how they were found: ``docs/decisions/lexical.md``.
"""

from __future__ import annotations

import json
import math
import mmap
import os
import re
import struct
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tantivy
from tantivy import Occur, Query

from ..errors import IndexDamaged, IndexLocked, IndexMissing, SemsearchError, StorageError, UsageError
from ..text import fold, has_accents, terms
from ..types import Ranking
from .wordfile import Counts, Words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..types import Ids

    Scores = NDArray[np.float64]  # shape (n,)

__all__ = ["DEFAULT", "FORMAT", "LexicalIndex", "Terms", "Weights", "terms_of"]

FORMAT = 2
"""Raised when fields or terms change here: indexes made before are stale."""

_HEAP = 50_000_000  # bytes of the writer's buffer; tantivy wants at least 15 MB
_LONGEST = 64  # characters of a term; more is not a word, and tantivy drops terms of 64 KiB
_FEW = 2_000  # up to so many allowed ids are put into the query, more are sifted from its results
_SINGLY = 500  # up to so many ids are looked up one by one, which is quicker then than through all ids
_DECIMALS = 4  # of scores: 32-bit sums differ in their last bits with the order of adding
_FIELDS = ("exact", "plain", "pairs", "title")  # all but the first hold folded terms
_LOOKS = 5  # at an index that changes all the while
_LEAST = 8  # so many terms are searched, however often they stand

Asked = list[tuple[str, str, float]]
"""A query's terms: field, term, weight."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What a match counts, as a factor on its field's BM25. A syllable as it was typed counts 1.

    ``plain`` stays below 1 / 2.2: BM25 with k1 1.2 never gives a repeated term more than 2.2
    times what it gives a term met once, so a syllable with the right accents wins over its look-alikes.
    """

    plain: float = 0.4  # a syllable of an accented query met in any accents, beside the exact one
    pairs: float = 0.7  # two adjacent syllables in any accents
    title: float = 0.2  # a syllable of the title in any accents
    terms: int = 64  # of a longer query at most so many syllables and so many pairs are asked for


DEFAULT = Weights()


@dataclass(frozen=True, slots=True)
class Terms:
    """What a text is to the index: its terms, separated by spaces."""

    exact: str
    plain: str
    pairs: str


def terms_of(text: str) -> Terms:
    """The terms of a text, to be added in its place: now, or in another process."""
    return Terms(*map(" ".join, _forms(text)))


class LexicalIndex:
    """Terms by id. One writer at a time, in all processes; readers see the last commit they loaded.

    A score is the sum over fields of weighted BM25 (k1 1.2, b 0.75), rounded to four decimals. Things
    removed count in document frequencies until tantivy merges them away, so scores may move slightly
    then; the same state gives the same bytes. Ties by id. Nothing in a query is syntax.
    """

    def __init__(self, path: Path, index: tantivy.Index) -> None:
        self._path = path
        self._index = index
        self._schema = index.schema
        self._writer: tantivy.IndexWriter | None = None
        self._top = -1  # no id above it is in the index or waiting
        self._waiting = False  # changes not committed
        self._asked: tuple[str, Weights, Asked] = ("", DEFAULT, [])  # the last: asked more than once in a search
        self._averages: dict[str, tuple[float, float]] = {}  # by field: how many things, how long they are
        self._met: dict[tuple[str, str], int] = {}  # how many things the last query's terms stand in
        with self._reading():
            self._words = Words(path)
            index.config_reader("manual")
            self._searcher = index.searcher()

    @classmethod
    def create(cls, path: Path) -> LexicalIndex:
        """A new empty index in the folder ``path``, made if missing.

        Raises UsageError if there is one already, StorageError if it cannot be written.
        """
        if (path / "meta.json").exists():
            raise UsageError(f"{path} already holds a lexical index; open it, or remove the folder first.")
        with _storing(path):
            path.mkdir(parents=True, exist_ok=True)
            Words.create(path)
            return cls(path, tantivy.Index(_schema(), str(path)))

    @classmethod
    def open(cls, path: Path, *, verify: bool = False) -> LexicalIndex:
        """The index in the folder ``path``, as last committed.

        ``verify`` reads every file and compares checksums first (about a second per GB). Raises
        IndexMissing, IndexDamaged, StorageError.
        """
        if not (path / "meta.json").is_file():
            raise IndexMissing(f"There is no lexical index at {path}; run: semsearch rebuild")
        for _ in range(_LOOKS - 1):
            meta = _meta(path)
            try:
                return cls._opened(path, verify)
            except IndexDamaged:
                if _meta(path) == meta:  # else another process committed or merged, and took files away
                    raise
        return cls._opened(path, verify)

    @classmethod
    def _opened(cls, path: Path, verify: bool) -> LexicalIndex:
        try:
            if names := _unsound(path) if verify else _resized(path):
                raise _damaged(path, f"changed, cut or missing: {', '.join(names)}")
            index = tantivy.Index.open(str(path))
        except SemsearchError:
            raise
        except BaseException as error:
            if _from_tantivy(error):
                raise _damaged(path, error) from error
            raise
        if index.schema != _schema():
            raise _damaged(path, "its fields are not the ones this version writes")
        opened = cls(path, index)
        if verify:
            ids = opened.ids()
            if bad := opened._words.verify(ids):
                raise _damaged(path, f"changed or cut: {', '.join(bad)}")
        return opened

    # reading

    @property
    def count(self) -> int:
        """How many things are in the state being read."""
        return int(self._searcher.num_docs)

    def ids(self) -> list[int]:
        """All ids in the state being read, ascending."""
        if not self.count:
            return []
        with self._reading():
            hits = self._searcher.search(Query.all_query(), limit=self.count, count=False).hits
            ids = sorted(set(self._ids_of(hits)))
        if len(ids) != self.count:
            raise _damaged(self._path, f"it counts {self.count} things and has {len(ids)}")
        return ids

    def search(
        self,
        query: str,
        k: int,
        allowed: Collection[int] | None = None,
        *,
        weights: Weights = DEFAULT,
        postings: int | None = None,
    ) -> Ranking:
        """The best ``k`` ids with a term of ``query``, of ``allowed`` only if given; ties by id.

        ``postings``: of the terms only the rarest are searched, as many as stand in so many things together (but
        eight at least); what is more common then neither finds nor counts, unless too little is found without it.
        """
        ids = None if allowed is None else _array(allowed)
        if k < 1 or not self.count or (ids is not None and not len(ids)):
            return []
        with self._reading():
            asked = self._terms(query, weights)
            rare = asked if postings is None else self._rarest(asked, postings)
            found = self._best(rare, k, ids)
            if len(found) < k and len(rare) < sum(self._met[of[:2]] > 0 for of in asked):
                found = self._best(asked, k, ids)
            return found

    def _best(self, asked: Asked, k: int, ids: Ids | None) -> Ranking:
        """The best ``k`` with one of the terms, of ``ids`` (None: of all)."""
        wanted = self._any(asked)
        if wanted is None:
            return []
        if ids is not None and len(ids) <= _FEW:
            wanted, ids = self._among(wanted, ids), None
        # Of what a filter sifts away, more is fetched at once.
        share = 1.0 if ids is None else min(1.0, len(ids) / (1.2 * self.count))
        limit = min(int((k + 16) / share), self.count + 16)
        while True:
            hits = self._searcher.search(wanted, limit=limit, count=False).hits
            names, scores = np.array(self._ids_of(hits), np.int64), np.array([score for score, _ in hits])
            if ids is not None:
                kept = np.isin(names, ids)
                names, scores = names[kept], scores[kept]
            scores = scores.round(_DECIMALS)
            best = np.lexsort((names, -scores))[:k]
            # Among equal scores tantivy keeps whichever it met first, so the last score seen may
            # have more ids than were given: the k-th must lie above it.
            if len(hits) < limit or (len(best) >= k and scores[best[-1]] > hits[-1][0] + 10**-_DECIMALS):
                return list(zip(names[best].tolist(), scores[best].tolist(), strict=True))
            limit *= 4

    def scores(self, query: str, ids: Ids, *, weights: Weights = DEFAULT) -> Scores:
        """What ``search`` would give each of ``ids`` (n,), which are all here; 0.0 where nothing matches.

        They are told by the words that are kept, not by the postings. Raises IndexDamaged where one is not here.
        """
        with self._reading():
            asked = self._terms(query, weights)
            return self._bm25(self._counts(ids, asked), asked)

    def scores_of_groups(
        self, query: str, ids: Ids, owners: Ids, groups: int, *, weights: Weights = DEFAULT
    ) -> tuple[Scores, Scores]:
        """``scores``, and for each the score of its whole group, as if that were one text under one title.

        ``owners`` (n,) names the groups; all members of a group are among ``ids``, one after the other. ``groups`` is
        how many there are in all. In how many of them a term stands is not known: it is taken to stand in things of
        any group alike.
        """
        with self._reading():
            asked = self._terms(query, weights)
            counts = self._counts(ids, asked)
            firsts = np.flatnonzero(np.diff(owners, prepend=-1))
            whole = self._bm25(counts.together(firsts), asked, members=max(1.0, self.count / max(1, groups)))
            return self._bm25(counts, asked), np.repeat(whole, np.diff(firsts, append=len(owners)))

    def _counts(self, ids: Ids, asked: Asked) -> Counts:
        counts = self._words.counts(ids, [of[:2] for of in asked])
        if counts is None:
            raise _damaged(self._path, "there are things whose words are not here")
        return counts

    def reload(self) -> None:
        """Reads the last commit, also another process's, from now on."""
        with self._reading():
            self._index.reload()
            self._searcher = self._index.searcher()
            self._asked, self._averages, self._met = ("", DEFAULT, []), {}, {}

    def _terms(self, query: str, weights: Weights) -> Asked:
        """The query's terms, each in each field that counts."""
        if (query, weights) != self._asked[:2]:
            exact, plain, pairs = map(Counter, _forms(query))
            forms = [("plain", plain, 1.0), ("pairs", pairs, weights.pairs), ("title", plain, weights.title)]
            if has_accents(query):
                forms[0] = ("plain", plain, weights.plain)
                forms.append(("exact", exact, 1.0))
            asked = [
                (field, term, weight)
                for field, counts, weight in forms
                if weight > 0.0
                for term in self._useful(field, counts, weights.terms)
            ]
            self._asked = (query, weights, asked)
            self._met = {(field, term): self._searcher.doc_freq(field, term) for field, term, _ in asked}
        return self._asked[2]

    def _any(self, asked: Asked) -> Query | None:
        """Any of the terms; None if there is none."""
        parts = [
            (Occur.Should, Query.boost_query(Query.term_query(self._schema, field, term, "freq"), weight))
            for field, term, weight in asked
        ]
        return Query.boolean_query(parts) if parts else None

    def _rarest(self, asked: Asked, postings: int) -> Asked:
        found = sorted((count, of) for of in asked if (count := self._met[of[:2]]))
        upto = accumulate(count for count, _ in found)
        return [
            of for n, ((_, of), total) in enumerate(zip(found, upto, strict=True)) if n < _LEAST or total <= postings
        ]

    def _useful(self, field: str, counts: Counter[str], limit: int) -> list[str]:
        """Of many terms the ``limit`` that tell most: by tf x idf, those in one thing only last.

        (A long text to find the like of is often itself in the index; what it alone has finds only it.)
        """
        if len(counts) <= limit:
            return list(counts)
        total = self.count

        def use(term: str) -> tuple[bool, float, str]:
            found = self._searcher.doc_freq(field, term)
            return found < 2, -counts[term] * math.log(1.0 + total / (found + 0.5)) if found else 0.0, term

        return sorted(counts, key=use)[:limit]

    def _among(self, query: Query, ids: Ids) -> Query:
        here = ids[ids >= 0].tolist()
        if len(here) <= _SINGLY:
            one = Query.boolean_query([(Occur.Should, Query.term_query(self._schema, "id", id_)) for id_ in here])
        else:
            one = Query.term_set_query(self._schema, "id", here)
        only = Query.const_score_query(one, 0.0)
        return Query.boolean_query([(Occur.Must, only), (Occur.Must, query)])

    def _bm25(self, counts: Counts, asked: Asked, *, members: float = 1.0) -> Scores:
        """What ``search`` says of texts with ``counts`` of the terms of ``asked``; of groups of so many ``members``."""
        lengths = {"exact": counts.words, "plain": counts.words, "pairs": counts.pairs, "title": counts.titles}
        norms, idfs, columns, fields = {}, [], [], []
        for column, (field, term, weight) in enumerate(asked):
            found = self._met[field, term]
            known = self._average(field, term) if found else None
            if known is None:
                continue
            things, average = known
            columns.append(column)
            fields.append(field)
            groups, longer = things / members, 1.0 if field == "title" else members  # members have one title
            if field == "title":
                stands = found / members
            else:  # in a group that not all of its members lack it
                stands = groups * (1.0 - (1.0 - min(1.0, found / things)) ** members)
            if field not in norms:
                kept = _LENGTHS[np.searchsorted(_LENGTHS, lengths[field], "right") - 1]
                norms[field] = 0.3 + 0.9 * kept / (average * longer)
            idfs.append(weight * 2.2 * math.log(1.0 + (groups - stands + 0.5) / (stands + 0.5)))
        if not columns:
            return np.zeros(len(counts.words))
        times = counts.terms[:, columns]
        shares = times / (times + np.column_stack([norms[field] for field in fields]))
        total: Scores = (shares @ np.array(idfs)).round(_DECIMALS)
        return total

    def _average(self, field: str, term: str) -> tuple[float, float] | None:
        """How many things tantivy counts, and the mean length of a field.

        None if that is not known yet and nothing has ``term`` there: tantivy tells it with a hit. (Terms of what was
        removed are counted until it merges them away.)
        """
        if field not in self._averages:
            query = Query.term_query(self._schema, field, term, "freq")
            hits = self._searcher.search(query, limit=1, count=False).hits
            if not hits:
                return None
            ((_, address),) = hits
            parts = [
                part
                for of in json.loads(query.explain(self._searcher, address).to_json())["details"]
                for part in of.get("details", ())
            ]
            values = {part["description"].split(",")[0]: part["value"] for part in parts}
            self._averages[field] = values["N"], values["avgdl"]
        return self._averages[field]

    def _ids_of(self, hits: Sequence[tuple[float, tantivy.DocAddress]]) -> list[int]:
        ids = self._searcher.fast_field_values("id", [address for _, address in hits])
        return [int(id_) for id_ in ids if id_ is not None]

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """tantivy's own errors, and its panics on a damaged file, as one sentence."""
        try:
            yield
        except SemsearchError:
            raise
        except BaseException as error:
            if _from_tantivy(error):
                raise _damaged(self._path, error) from error
            raise

    # writing

    def add(self, ids: Sequence[int], texts: Iterable[str | Terms], titles: Iterable[str]) -> None:
        """Adds cleaned texts, or their terms, under ids; an id already there is replaced.

        Ids are 0 or more, and given from low ones on: up to the highest, each takes 28 bytes on the disk.

        Seen after ``commit``.

        Raises IndexLocked if another process is writing, StorageError if the disk is full (what was
        not committed is then lost, what was is not), OverflowError for a negative id.
        """
        made = [
            (int(id_), terms_of(text) if isinstance(text, str) else text, title)
            for id_, text, title in zip(ids, texts, titles, strict=True)
        ]
        documents = [(id_, _document(id_, terms, title)) for id_, terms, title in made]
        with self._writing() as writer:
            names, found, heads = zip(*made, strict=True) if made else ((), (), ())
            self._words.add(names, [*map(_blocks, found)], [_title(title).split() for title in heads])
            for id_, document in documents:
                if id_ > self._top:  # a new id; asking tantivy to delete it would cost
                    self._top = id_
                else:  # by query: delete_documents_by_term makes a signed term, which matches nothing
                    writer.delete_documents_by_query(Query.term_query(self._schema, "id", id_))
                writer.add_document(document)

    def remove(self, ids: Iterable[int]) -> None:
        """Removes ``ids``; those not there are passed over. Seen after ``commit``."""
        with self._writing() as writer:
            if isinstance(ids, range):  # of any length
                ids = range(max(0, ids.start), min(ids.stop, self._top + 1))
            here = [int(id_) for id_ in ids if 0 <= id_ <= self._top]
            writer.delete_documents_by_query(Query.term_set_query(self._schema, "id", here))

    def commit(self) -> int:
        """Makes what was added and removed durable, and visible here; returns tantivy's stamp of the commit."""
        with self._writing() as writer:
            self._words.sync()
            stamp = int(writer.commit())
            _note(self._path)
        self._waiting = False
        self.reload()
        return stamp

    def rollback(self) -> None:
        """Forgets what was added and removed since the last commit."""
        if self._writer is not None and self._waiting:
            with self._writing() as writer:
                writer.rollback()
            self._waiting = False
            self._top = self._highest()

    def close(self) -> None:
        """Forgets what was not committed, waits for merges to end, lets the lock go. May be called twice."""
        self.rollback()
        if self._writer is not None:
            with self._writing() as writer:
                writer.wait_merging_threads()
                _note(self._path)
            self._writer, self._waiting = None, False
        self._words.close()

    def __enter__(self) -> LexicalIndex:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @contextmanager
    def _writing(self) -> Iterator[tantivy.IndexWriter]:
        """The writer, opened at first need. After an error of the disk it is let go, with its lock."""
        if self._writer is None:
            with _storing(self._path):
                self._writer = self._index.writer(_HEAP, 1)
                # A run killed while it committed left files that this one would give the same names.
                self._writer.garbage_collect_files()
            self.reload()
            self._top = self._highest()
        self._waiting = True
        try:
            with _storing(self._path):
                yield self._writer
        except StorageError:
            self._writer = None
            self._waiting = False
            raise

    def _highest(self) -> int:
        with self._reading():
            hits = self._searcher.search(Query.all_query(), limit=1, count=False, order_by_field="id").hits
            return int(hits[0][0]) if hits else -1


def _unsound(path: Path) -> list[str]:
    """Names of files of the last commit that are missing, cut, changed or not the ones that were noted, sorted."""
    looked: set[str] = set()
    bad: set[str] = set()
    for _ in range(_LOOKS):
        try:
            noted = _noted(path)
            names = set(_names(path))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            return [_NOTED if isinstance(error, _NoNote) else "meta.json"]
        bad &= names  # the others were merged away by another process while they were looked at
        bad.update(name for name in names - looked if not _sound(path / name, noted.get(name)))
        if not bad or names <= looked:
            break
        looked |= names
    return sorted(bad)


def _sound(path: Path, noted: tuple[int, int] | None) -> bool:
    """True if a file is as its footer says, and as it was noted."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            length, crc = _footer(data)
            with memoryview(data) as view, view[:length] as payload:
                return zlib.crc32(payload) == crc and noted in (None, (len(data), crc))
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return False


def _meta(path: Path) -> bytes:
    """What names the files of the last commit, as it is now; nothing where it cannot be read."""
    with suppress(OSError):
        return (path / "meta.json").read_bytes()
    return b""


def _names(path: Path) -> list[str]:
    """The files of the last commit, but for meta.json, which names its segments."""
    names = []
    for segment in json.loads((path / "meta.json").read_bytes())["segments"]:
        stem = segment["segment_id"].replace("-", "")
        names += [f"{stem}.{kind}" for kind in ("idx", "pos", "term", "store", "fast", "fieldnorm")]
        if segment["deletes"]:
            names.append(f"{stem}.{segment['deletes']['opstamp']}.del")
    return names


def _footer(data: mmap.mmap) -> tuple[int, int]:
    """How much of a file comes before its footer, and the CRC-32 of that as the footer says.

    tantivy ends each file but meta.json with a footer: JSON, the length of the JSON, a magic number.
    """
    length, magic = struct.unpack("<II", data[-8:])
    if magic != 1337:
        raise ValueError("no footer")
    return len(data) - 8 - length, int(json.loads(data[-8 - length : -8])["crc"])


# A file of another segment in the place of one is sound by itself. So what a commit left is noted, [size, CRC-32] by
# name; names are never used again. What tantivy merged since, or a killed run committed, is not: it has its footers.

_NOTED = "sums.json"


class _NoNote(ValueError):
    """What was noted cannot be read."""


def _note(path: Path) -> None:
    sums = {}
    for name in _names(path):
        with (
            suppress(FileNotFoundError),  # a merge ended meanwhile
            (path / name).open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            sums[name] = (len(data), _footer(data)[1])
    new = path / f"{_NOTED}.tmp"
    with new.open("wb") as written:
        written.write(json.dumps(sums).encode())
        written.flush()
        os.fsync(written.fileno())
    new.replace(path / _NOTED)


def _noted(path: Path) -> dict[str, tuple[int, int]]:
    """(size, CRC-32) by name; nothing where nothing was noted. Raises _NoNote."""
    try:
        return {name: (int(size), int(crc)) for name, (size, crc) in json.loads((path / _NOTED).read_bytes()).items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError) as error:
        raise _NoNote(str(error)) from error


def _resized(path: Path) -> list[str]:
    """Names of files that have not the size that was noted: seen without reading them. (tantivy panics over some.)"""
    try:
        noted = _noted(path)
    except _NoNote:
        return [_NOTED]
    bad = []
    for name, (size, _) in noted.items():
        with suppress(FileNotFoundError):  # merged away since, maybe just now; whether it is missed, tantivy tells
            if (path / name).stat().st_size != size:
                bad.append(name)
    return sorted(bad)


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("id", indexed=True, fast=True)
    for field in _FIELDS:
        builder.add_text_field(field, tokenizer_name="whitespace", index_option="freq")
    return builder.build()


def _document(id_: int, terms: Terms, title: str) -> tantivy.Document:
    document = tantivy.Document()
    document.add_unsigned("id", id_)
    for field, found in zip(_FIELDS, (terms.exact, terms.plain, terms.pairs, _title(title)), strict=True):
        document.add_text(field, found)
    return document


@lru_cache(maxsize=2048)  # of a batch: passages have the title of their article, and it comes again with that
def _title(title: str) -> str:
    return terms_of(title).plain


def _forms(text: str) -> tuple[list[str], list[str], list[str]]:
    """Terms, the same folded, and adjacent folded terms joined by ``_`` (not across an empty line)."""
    exact: list[str] = []
    plain: list[str] = []
    pairs: list[str] = []
    for block in _EMPTY_LINE.split(text):
        found = [term[:_LONGEST] for term in terms(block)]
        folded = [_fold(term) for term in found]
        exact += found
        plain += folded
        pairs += map("_".join, pairwise(folded))
    return exact, plain, pairs


def _blocks(terms: Terms) -> list[list[str]]:
    """The words of a text, cut wherever two that follow each other make no pair."""
    words, pairs = terms.exact.split(), terms.pairs.split()
    if len(pairs) >= len(words) - 1:
        return [words] if words else []
    blocks, made = [words[:1]], iter([*pairs, ""])
    pair = next(made)
    for word, ahead in zip(words[1:], pairwise(terms.plain.split()), strict=True):
        if "_".join(ahead) == pair:
            blocks[-1].append(word)
            pair = next(made)
        else:
            blocks.append([word])
    return blocks


_EMPTY_LINE = re.compile(r"\n\s*\n")
_fold = lru_cache(maxsize=100_000)(fold)  # syllables are few, and folding them is most of the work


def _lengths() -> Iterator[int]:
    start, step = 40, 2
    yield from range(start)
    while start < 1 << 32:
        yield from range(start, start + 8 * step, step)
        start, step = start + 8 * step, 2 * step


_LENGTHS = np.array([*_lengths()], np.int64)  # tantivy keeps a length in one byte: as the next of these below it


def _array(ids: Collection[int]) -> Ids:
    return np.asarray(ids if isinstance(ids, np.ndarray) else list(ids), np.int64)


@contextmanager
def _storing(path: Path) -> Iterator[None]:
    """Errors of writing as one sentence: locked, or what the disk said."""
    try:
        yield
    except SemsearchError:
        raise
    except BaseException as error:
        if "LockBusy" in str(error):
            raise IndexLocked(f"Another process is writing to {path}; wait for it to end, then run again.") from error
        if _from_tantivy(error):
            raise StorageError(
                f"Cannot write to {path} ({_clause(error)}); free some space or check permissions, then run again."
            ) from error
        raise


def _from_tantivy(error: BaseException) -> bool:
    """True for what tantivy raises; a panic inside it (a changed file) is no Exception."""
    return isinstance(error, ValueError | RuntimeError | OSError) or type(error).__name__ == "PanicException"


def _damaged(path: Path, why: object) -> SemsearchError:
    if "ermission denied" in str(why) or "Read-only" in str(why):
        return StorageError(f"Cannot read {path} ({_clause(why)}); check permissions.")
    return IndexDamaged(f"The lexical index at {path} is damaged ({_clause(why)}); run: semsearch rebuild")


def _clause(why: object) -> str:
    return " ".join(str(why).split())[:200].rstrip(".")
