"""A lexical index of passages: tantivy in a folder of its own, with ids in place of documents.

The fields, their boosts and how these were found: ``docs/decisions/lexical.md``.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import tantivy
from tantivy import Occur, Query

from ..errors import IndexDamaged, IndexLocked, IndexMissing, SemsearchError, StorageError, UsageError
from ..text import has_accents
from ..types import Ranking
from .analysis import FIELDS, Field, analyze
from .bm25 import SCORE_DECIMALS, AnalyzedQuery, FieldStatistics, QueryTerm
from .term_vectors import PassageTerms

if TYPE_CHECKING:
    from ..types import Ids

__all__ = ["DEFAULT_BOOSTS", "FORMAT", "FieldBoosts", "LexicalIndex"]

FORMAT = 2
"""Raised when fields, terms or term vectors change: an index with others has to be rebuilt."""

WRITER_MEMORY_BYTES = 50_000_000  # tantivy wants at least 15 MB
MAX_PREFILTERED_IDS = 2_000  # up to this many allowed ids become part of the query; more filter its results
MAX_IDS_AS_TERMS = 500  # up to this many ids, one term query for each is faster than a set of terms
MIN_SEARCHED_TERMS = 8  # a search for rare terms takes at least this many, however common they are


@dataclass(frozen=True, slots=True)
class FieldBoosts:
    """Factors on the BM25 score of each field. That of "exact" is 1.

    ``plain`` stays below 1 / 2.2: with k1 = 1.2, BM25 never gives a repeated term more than 2.2 times what it gives
    one occurrence, so a syllable with the right accents wins over its look-alikes.

    Attributes:
        plain: A syllable of a query with accents, whatever its accents in the text.
        pairs: Two adjacent syllables, whatever their accents.
        title: A syllable of the title, whatever its accents.
        max_terms: Of a longer query at most this many syllables and this many pairs are searched.
    """

    plain: float = 0.4
    pairs: float = 0.7
    title: float = 0.2
    max_terms: int = 64


DEFAULT_BOOSTS = FieldBoosts()


class LexicalIndex:
    """Terms of passages by passage id. One writer at a time, in all processes; readers see the commit they loaded.

    A score is the sum over fields of boosted BM25 (``bm25``), rounded to four decimals; ties are broken by id. Removed
    passages count in document frequencies until tantivy merges their segment, so scores may change slightly then; the
    same state gives the same bytes. Nothing in a query is syntax.
    """

    def __init__(self, path: Path, index: tantivy.Index) -> None:
        self._path = path
        self._index = index
        self._schema = index.schema
        self._writer: tantivy.IndexWriter | None = None
        self._highest_id = -1  # of those in the index or waiting for a commit
        self._uncommitted = False
        self._last_query: tuple[str, FieldBoosts, AnalyzedQuery] | None = None  # a search needs it several times
        self._statistics: dict[Field, FieldStatistics] = {}
        with self._reading():
            index.config_reader("manual")
            self._searcher = index.searcher()

    @classmethod
    def create(cls, path: Path) -> Self:
        """Create an empty index in the folder ``path``, which is created too if it is missing.

        Raises:
            UsageError: There is an index already.
            StorageError: The folder cannot be written.
        """
        if (path / "meta.json").exists():
            raise UsageError(f"{path} already holds a lexical index; open it, or remove the folder first.")
        with _storing(path):
            path.mkdir(parents=True, exist_ok=True)
            return cls(path, tantivy.Index(_schema(), str(path)))

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the last commit of the index in the folder ``path``.

        Raises:
            IndexMissing: There is no index.
            IndexDamaged: It cannot be read, or another process took files away in the meantime.
            StorageError: Its files may not be read.
        """
        if not (path / "meta.json").is_file():
            raise IndexMissing(f"There is no lexical index at {path}; run: semsearch rebuild")
        try:
            index = tantivy.Index.open(str(path))
        except BaseException as error:
            if _from_tantivy(error):
                raise _damaged(path, error) from error
            raise
        if index.schema != _schema():
            raise _damaged(path, "its fields are not the ones this version writes")
        return cls(path, index)

    # Reading -------------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """The number of passages in the commit that was loaded."""
        return int(self._searcher.num_docs)

    def ids(self) -> list[int]:
        """Return all ids in the commit that was loaded, ascending.

        Raises:
            IndexDamaged: An id is missing or occurs twice.
        """
        if not self.count:
            return []
        with self._reading():
            hits = self._searcher.search(Query.all_query(), limit=self.count, count=False).hits
            ids = sorted(set(self._ids_of(hits)))
        if len(ids) != self.count:
            raise _damaged(self._path, f"it counts {self.count} passages and has {len(ids)}")
        return ids

    def search(
        self,
        query: str,
        k: int,
        allowed: Collection[int] | None = None,
        *,
        boosts: FieldBoosts = DEFAULT_BOOSTS,
        max_postings: int | None = None,
    ) -> Ranking:
        """Return the best ``k`` passages with a term of ``query``.

        Args:
            query: Any text.
            k: The number of results.
            allowed: The ids to choose from; all if ``None``.
            boosts: Factors on the scores of the fields.
            max_postings: Search only the rarest terms, which together occur in at most this many passages (but at least
                eight terms). Common terms then neither find passages nor count in scores, unless fewer than ``k``
                results are found without them.

        Raises:
            IndexDamaged: The index cannot be read.
        """
        ids = None if allowed is None else _array(allowed)
        if k < 1 or not self.count or (ids is not None and not len(ids)):
            return []
        terms = self.analyze(query, boosts=boosts).terms
        searched = terms if max_postings is None else _rarest_terms(terms, max_postings)
        with self._reading():
            ranking = self._search_terms(searched, k, ids)
            left_out = len(searched) < sum(term.document_frequency > 0 for term in terms)
            if len(ranking) < k and left_out:
                ranking = self._search_terms(terms, k, ids)
            return ranking

    def analyze(self, query: str, *, boosts: FieldBoosts = DEFAULT_BOOSTS) -> AnalyzedQuery:
        """Return the terms of a query with their document frequencies, and the statistics of their fields.

        Raises:
            IndexDamaged: The index cannot be read.
        """
        last = self._last_query  # other threads may ask other queries meanwhile
        if last is not None and last[:2] == (query, boosts):
            return last[2]
        with self._reading():
            terms = tuple(self._query_terms(query, boosts))
            statistics = self._field_statistics(terms)
        analyzed = AnalyzedQuery(terms, statistics)
        self._last_query = (query, boosts, analyzed)
        return analyzed

    def reload(self) -> None:
        """Load the last commit, which may be another process's.

        Raises:
            IndexDamaged: It cannot be read.
        """
        with self._reading():
            self._index.reload()
            self._searcher = self._index.searcher()
            self._last_query = None
            self._statistics = {}

    def reopened(self) -> Self:
        """Return a reader of the last commit; this one keeps reading the commit that it loaded.

        Raises:
            IndexDamaged: It cannot be read.
        """
        reader = copy(self)
        reader.reload()
        return reader

    def _query_terms(self, query: str, boosts: FieldBoosts) -> Iterator[QueryTerm]:
        """Yield the query's terms in each field that counts for it."""
        analyzed = analyze(query)
        exact, plain, pairs = Counter(analyzed.exact), Counter(analyzed.plain), Counter(analyzed.pairs)
        accented = has_accents(query)
        fields: list[tuple[Field, Counter[str], float]] = [
            ("plain", plain, boosts.plain if accented else 1.0),
            ("pairs", pairs, boosts.pairs),
            ("title", plain, boosts.title),
            ("exact", exact, 1.0 if accented else 0.0),
        ]
        for field, counts, boost in fields:
            if boost <= 0.0:
                continue
            for term in self._top_terms_by_tfidf(field, counts, boosts.max_terms):
                yield QueryTerm(field, term, boost, self._document_frequency(field, term))

    def _document_frequency(self, field: Field, term: str) -> int:
        return int(self._searcher.doc_freq(field, term))

    def _top_terms_by_tfidf(self, field: Field, counts: Counter[str], limit: int) -> list[str]:
        """Return the ``limit`` terms of highest tf·idf; those of one passage only come last.

        A long text that is searched for is often itself in the index, and what it alone contains finds nothing else.
        """
        if len(counts) <= limit:
            return list(counts)
        passages = self.count

        def rank(term: str) -> tuple[bool, float, str]:
            frequency = self._document_frequency(field, term)
            idf = math.log(1.0 + passages / (frequency + 0.5)) if frequency else 0.0
            return frequency < 2, -counts[term] * idf, term

        return sorted(counts, key=rank)[:limit]

    def _field_statistics(self, terms: Sequence[QueryTerm]) -> dict[Field, FieldStatistics]:
        """Return the statistics of the fields in which any passage has one of the terms.

        They are read from tantivy's explanation of a hit. Passages that were removed count until they are merged away.
        """
        for term in terms:
            if term.field in self._statistics or not term.document_frequency:
                continue
            query = Query.term_query(self._schema, term.field, term.term, "freq")
            hits = self._searcher.search(query, limit=1, count=False).hits
            if not hits:  # only passages that were removed have it
                continue
            explanation = json.loads(query.explain(self._searcher, hits[0][1]).to_json())
            values: dict[str, float] = {}
            for factor in explanation["details"]:
                for part in factor.get("details", ()):
                    values[part["description"].split(",")[0]] = part["value"]
            self._statistics[term.field] = FieldStatistics(values["N"], values["avgdl"])
        return dict(self._statistics)

    def _search_terms(self, terms: Sequence[QueryTerm], k: int, ids: Ids | None) -> Ranking:
        """Return the best ``k`` passages with one of the terms, of ``ids`` only if these are given."""
        if not terms:
            return []
        query = self._any_of(terms)
        if ids is not None and len(ids) <= MAX_PREFILTERED_IDS:
            query, ids = self._filtered(query, ids), None
        share = 1.0 if ids is None else min(1.0, len(ids) / (1.2 * self.count))  # of the results that will remain
        limit = min(int((k + 16) / share), self.count + 16)
        while True:
            hits = self._searcher.search(query, limit=limit, count=False).hits
            found = np.array(self._ids_of(hits), np.int64)
            scores = np.array([score for score, _ in hits])
            if ids is not None:
                kept = np.isin(found, ids)
                found, scores = found[kept], scores[kept]
            scores = scores.round(SCORE_DECIMALS)
            best = np.lexsort((found, -scores))[:k]
            # Of equal scores tantivy keeps any, so ids with the last score seen may be missing:
            # the k-th result must lie above it.
            lowest = hits[-1][0] + 10**-SCORE_DECIMALS if hits else 0.0
            if len(hits) < limit or (len(best) >= k and scores[best[-1]] > lowest):
                return list(zip(found[best].tolist(), scores[best].tolist(), strict=True))
            limit *= 4

    def _any_of(self, terms: Iterable[QueryTerm]) -> Query:
        clauses = []
        for term in terms:
            query = Query.term_query(self._schema, term.field, term.term, "freq")
            clauses.append((Occur.Should, Query.boost_query(query, term.boost)))
        return Query.boolean_query(clauses)

    def _filtered(self, query: Query, ids: Ids) -> Query:
        """Return ``query`` for these ids only, with the same scores."""
        wanted = ids[ids >= 0].tolist()
        if len(wanted) <= MAX_IDS_AS_TERMS:
            clauses = [(Occur.Should, Query.term_query(self._schema, "id", id_)) for id_ in wanted]
            id_query = Query.boolean_query(clauses)
        else:
            id_query = Query.term_set_query(self._schema, "id", wanted)
        return Query.boolean_query([(Occur.Must, Query.const_score_query(id_query, 0.0)), (Occur.Must, query)])

    def _ids_of(self, hits: Sequence[tuple[float, tantivy.DocAddress]]) -> list[int]:
        ids = self._searcher.fast_field_values("id", [address for _, address in hits])
        return [int(id_) for id_ in ids if id_ is not None]

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Turn tantivy's errors, and its panics over a damaged file, into one sentence."""
        try:
            yield
        except SemsearchError:
            raise
        except BaseException as error:
            if _from_tantivy(error):
                raise _damaged(self._path, error) from error
            raise

    # Writing -------------------------------------------------------------------------------

    def add(self, ids: Sequence[int], passages: Iterable[PassageTerms]) -> None:
        """Add passages under ``ids``; one that is there already is replaced. Readers see them after ``commit``.

        Raises:
            IndexLocked: Another process is writing.
            StorageError: The disk is full; only what was not committed is lost.
            OverflowError: An id is negative.
        """
        documents = [(int(id_), _document(id_, terms)) for id_, terms in zip(ids, passages, strict=True)]
        with self._writing() as writer:
            for id_, document in documents:
                if id_ > self._highest_id:  # a new id; a deletion would be costly
                    self._highest_id = id_
                else:  # by query, because delete_documents_by_term makes a signed term, which matches nothing
                    writer.delete_documents_by_query(Query.term_query(self._schema, "id", id_))
                writer.add_document(document)

    def remove(self, ids: Iterable[int]) -> None:
        """Remove passages; ids that are not in the index are ignored. Readers see it after ``commit``.

        Raises:
            IndexLocked: Another process is writing.
            StorageError: The disk is full.
        """
        with self._writing() as writer:
            if isinstance(ids, range):  # which may be huge
                ids = range(max(0, ids.start), min(ids.stop, self._highest_id + 1))
            known = [int(id_) for id_ in ids if 0 <= id_ <= self._highest_id]
            writer.delete_documents_by_query(Query.term_set_query(self._schema, "id", known))

    def commit(self) -> None:
        """Make what was added and removed durable, and load it.

        Raises:
            IndexLocked: Another process is writing.
            StorageError: The disk is full; the last commit still holds.
        """
        with self._writing() as writer:
            writer.commit()
        self._uncommitted = False
        self.reload()

    def rollback(self) -> None:
        """Forget what was added and removed since the last commit."""
        if self._writer is not None and self._uncommitted:
            with self._writing() as writer:
                writer.rollback()
            self._uncommitted = False
            self._highest_id = self._find_highest_id()

    def close(self) -> None:
        """Forget what was not committed, wait for merges to end, and release the lock. May be called twice."""
        self.rollback()
        if self._writer is not None:
            with self._writing() as writer:
                writer.wait_merging_threads()
            self._writer = None
            self._uncommitted = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @contextmanager
    def _writing(self) -> Iterator[tantivy.IndexWriter]:
        """Give the writer, which is opened on first use. After an error of the disk it is dropped with its lock."""
        if self._writer is None:
            with _storing(self._path):
                self._writer = self._index.writer(WRITER_MEMORY_BYTES, 1)
                # A run that was killed in a commit left files whose names this writer would use again.
                self._writer.garbage_collect_files()
            self.reload()
            self._highest_id = self._find_highest_id()
        self._uncommitted = True
        try:
            with _storing(self._path):
                yield self._writer
        except StorageError:
            self._writer = None
            self._uncommitted = False
            raise

    def _find_highest_id(self) -> int:
        with self._reading():
            hits = self._searcher.search(Query.all_query(), limit=1, count=False, order_by_field="id").hits
            return int(hits[0][0]) if hits else -1


def _rarest_terms(terms: Sequence[QueryTerm], max_postings: int) -> list[QueryTerm]:
    """Return the rarest terms that occur at all: at least eight, and more up to ``max_postings`` postings together."""
    rarest: list[QueryTerm] = []
    postings = 0
    for term in sorted(terms, key=lambda term: (term.document_frequency, term.field, term.term)):
        if not term.document_frequency:
            continue
        postings += term.document_frequency
        if len(rarest) >= MIN_SEARCHED_TERMS and postings > max_postings:
            break
        rarest.append(term)
    return rarest


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("id", indexed=True, fast=True)
    for field in FIELDS:
        builder.add_text_field(field, tokenizer_name="whitespace", index_option="freq")
    return builder.build()


def _document(id_: int, terms: PassageTerms) -> tantivy.Document:
    document = tantivy.Document()
    document.add_unsigned("id", id_)
    for field in FIELDS:
        document.add_text(field, getattr(terms, field))
    return document


def _array(ids: Collection[int]) -> Ids:
    return np.asarray(ids if isinstance(ids, np.ndarray) else list(ids), np.int64)


@contextmanager
def _storing(path: Path) -> Iterator[None]:
    """Turn errors of writing into one sentence: the index is locked, or what the disk said."""
    try:
        yield
    except SemsearchError:
        raise
    except BaseException as error:
        if "LockBusy" in str(error):
            raise IndexLocked(f"Another process is writing to {path}; wait for it to end, then run again.") from error
        if _from_tantivy(error):
            raise StorageError(
                f"Cannot write to {path} ({_one_line(error)}); free some space or check permissions, then run again."
            ) from error
        raise


def _from_tantivy(error: BaseException) -> bool:
    """Return whether tantivy raised this. A panic inside it, over a changed file, is not an ``Exception``."""
    return isinstance(error, ValueError | RuntimeError | OSError) or type(error).__name__ == "PanicException"


def _damaged(path: Path, reason: object) -> SemsearchError:
    if "ermission denied" in str(reason) or "Read-only" in str(reason):
        return StorageError(f"Cannot read {path} ({_one_line(reason)}); check permissions.")
    return IndexDamaged(f"The lexical index at {path} is damaged ({_one_line(reason)}); run: semsearch rebuild")


def _one_line(reason: object) -> str:
    return " ".join(str(reason).split())[:200].rstrip(".")
