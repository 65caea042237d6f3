"""The tables of an index: articles, passages, sources and vector segments."""

from __future__ import annotations

import datetime as dt
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple

from ..errors import UsageError
from ..types import Article, Passage
from .database import Database
from .rows import (
    Metadata,
    Segment,
    Source,
    article_checksum,
    compress_text,
    decompress_text,
    pack_spans,
    pack_with_checksum,
    token_checksum,
    unpack_spans,
)

__all__ = ["Store"]

_MAX_ID = (1 << 63) - 1
"""The largest number that SQLite can compare."""

_SOURCE = "source, article, file, content_hash, record_hash, metadata"


class Store(Database):
    """One connection to the database of an index, and its tables."""

    # Articles and passages -----------------------------------------------------------------

    def put_article(self, article: Article, passages: Iterable[Passage], body: bytes) -> None:
        """Insert an article under ``article.id``, with its passages. Its sources are put separately.

        Args:
            article: The article; its id is new.
            passages: Its passages, with new ids.
            body: The ``body_hash`` of the article.
        """
        self.execute(
            "INSERT INTO articles VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            article.id,
            body,
            article_checksum(article),
            article.title,
            article.date.isoformat() if article.date else None,
            article.author,
            article.url,
            pack_spans(article.blocks),
            compress_text(article.text),
        )
        rows = []
        for passage in passages:
            sentences = pack_with_checksum(passage.id, article.id, passage.position, passage.sentences)
            rows.append((passage.id, article.id, passage.position, sentences))
        self._many("INSERT INTO passages VALUES (?, ?, ?, ?)", rows)

    def drop_article(self, article: int) -> None:
        """Delete an article with its passages.

        Their vectors get tombstones, and their terms are noted for deletion from the lexical index.
        """
        ids = self.passage_ids([article])
        self._many("INSERT INTO tombstones VALUES (?)", [(id_,) for id_ in ids])
        if ids:  # the passages of an article have consecutive ids
            self._delete_terms_later(min(ids), max(ids))
        for table in ("token_ids", "term_vectors"):
            self.execute(f"DELETE FROM {table} WHERE passage IN (SELECT id FROM passages WHERE article = ?)", article)
        self.execute("DELETE FROM passages WHERE article = ?", article)
        self.execute("DELETE FROM articles WHERE id = ?", article)

    def put_term_vectors(self, term_vectors: Mapping[int, bytes]) -> None:
        """Store the term vectors of passages by passage id; one that is there already is replaced."""
        self._many("INSERT OR REPLACE INTO term_vectors VALUES (?, ?)", term_vectors.items())

    def term_vectors(self, passages: Sequence[int]) -> list[bytes | None]:
        """Return the term vector of each passage as it is stored; ``None`` if there is none."""
        rows = self._in("SELECT passage, terms FROM term_vectors WHERE passage IN (%s)", passages)
        found: dict[int, bytes] = dict(rows)
        return [found.get(id_) for id_ in passages]

    def lacking_term_vectors(self) -> list[int]:
        """Return the passages whose term vector is missing or does not have the shape of one, ascending."""
        sql = (
            "SELECT id FROM passages LEFT JOIN term_vectors ON passage = id WHERE terms IS NULL "
            "OR typeof(terms) != 'blob' OR length(terms) % 4 != 0 OR substr(terms, -4) IS NOT x'00000000' ORDER BY id"
        )
        return [id_ for (id_,) in self.execute(sql)]

    def put_token_ids(self, fingerprint: str, token_ids: Mapping[int, bytes]) -> None:
        """Store the token ids of passages, instead of those of another encoder.

        Args:
            fingerprint: The fingerprint of the encoder.
            token_ids: Packed token ids by passage id.
        """
        encoder = token_checksum(fingerprint)
        rows = []
        for id_, packed in token_ids.items():
            rows.append((id_, encoder, packed + token_checksum(fingerprint, id_, packed)))
        self._many("INSERT OR REPLACE INTO token_ids VALUES (?, ?, ?)", rows)

    def token_ids(self, fingerprint: str, passages: Sequence[int]) -> dict[int, bytes]:
        """Return the packed token ids of an encoder by passage id; missing and damaged ones are left out."""
        expected = token_checksum(fingerprint)
        found = {}
        for id_, encoder, blob in self._in(
            "SELECT passage, encoder, ids FROM token_ids WHERE passage IN (%s)", passages
        ):
            if encoder != expected or not isinstance(blob, bytes):
                continue
            packed, checksum = blob[:-4], blob[-4:]
            if token_checksum(fingerprint, id_, packed) == checksum:
                found[id_] = packed
        return found

    def drop_other_token_ids(self, fingerprint: str) -> None:
        """Delete the token ids of all other encoders."""
        self.execute("DELETE FROM token_ids WHERE encoder != ?", token_checksum(fingerprint))

    def drop_damaged_article(self, article: int) -> None:
        """Delete a damaged article with its sources, and have their files read again by the next run."""
        files = self.execute("SELECT DISTINCT file FROM sources WHERE article = ?", article)
        for (file,) in files:
            self.execute("UPDATE files SET hash = '' WHERE path = ?", file)
        self.execute("DELETE FROM sources WHERE article = ?", article)
        self.drop_article(article)

    def article(self, id_: int) -> Article:
        """Return a stored article.

        Raises:
            IndexDamaged: It does not match its checksum, or has no source.
            UsageError: There is no such article.
        """
        sql = "SELECT title, date, author, url, blocks, text, checksum FROM articles WHERE id = ?"
        rows = self.execute(sql, id_) if abs(id_) <= _MAX_ID else []
        if not rows:
            raise UsageError(f"There is no article {id_} in the index.")
        title, date, author, url, blocks, text, stored_checksum = rows[0]
        try:
            day = dt.date.fromisoformat(date) if date else None
            sources = self.source_names(id_)
            article = Article(decompress_text(text), sources, unpack_spans(blocks), title, day, author, url, id_)
            intact = article_checksum(article) == stored_checksum
        except (ValueError, TypeError, AttributeError, struct.error, zlib.error) as error:
            raise self._damaged(f"article {id_}") from error
        if not intact or not sources:
            raise self._damaged(f"article {id_}")
        return article

    def next_article(self, after: int) -> Article | None:
        """Return the article with the lowest id above ``after``, or None. Raises IndexDamaged."""
        rows = self.execute("SELECT id FROM articles WHERE id > ? ORDER BY id LIMIT 1", after)
        return self.article(rows[0][0]) if rows else None

    def article_with(self, body: bytes) -> int | None:
        """Return the id of the article with this ``body_hash``, or None."""
        rows = self.execute("SELECT id FROM articles WHERE body = ?", body)
        return rows[0][0] if rows else None

    def body_of(self, article: int) -> bytes:
        """Return the ``body_hash`` that a stored article was put with. Raises IndexDamaged if there is none."""
        body: bytes = self._one("SELECT body FROM articles WHERE id = ?", article)
        return body

    def load(self, ids: Iterable[int]) -> dict[int, tuple[Passage, Article]]:
        """Return passages by id, each with its article; ids that do not exist are left out.

        Raises:
            IndexDamaged: A passage or an article does not match its checksum.
        """
        found: dict[int, tuple[Passage, Article]] = {}
        articles: dict[int, Article] = {}
        for id_ in ids:
            if abs(id_) > _MAX_ID:
                continue
            rows = self.execute("SELECT id, article, position, sentences FROM passages WHERE id = ?", id_)
            if not rows:
                continue
            article_id = rows[0][1]
            if article_id not in articles:
                articles[article_id] = self.article(article_id)
            article = articles[article_id]
            found[id_] = (self._passage(rows[0], article.text), article)
        return found

    def passages(self, article: Article) -> list[Passage]:
        """Return all passages of a stored article, in order. Raises IndexDamaged."""
        sql = "SELECT id, article, position, sentences FROM passages WHERE article = ? ORDER BY position"
        return [self._passage(row, article.text) for row in self.execute(sql, article.id)]

    def _passage(self, row: tuple[int, int, int, bytes], text: str) -> Passage:
        id_, article, position, blob = row
        try:
            spans = unpack_spans(blob[:-4])
            start, end = spans[0].start, spans[-1].end
            intact = pack_with_checksum(id_, article, position, spans) == blob
        except (IndexError, TypeError, struct.error) as error:
            raise self._damaged(f"passage {id_}") from error
        if not intact:
            raise self._damaged(f"passage {id_}")
        return Passage(id_, article, position, start, end, text[start:end], spans)

    def articles_of_passages(self, passages: Sequence[int]) -> dict[int, int]:
        """Return ``{passage id: article id}`` of the ``passages`` that exist."""
        sql = "SELECT id, article FROM passages WHERE id IN (%s)"
        return dict(self._in(sql, passages))

    def titles(self, articles: Sequence[int]) -> dict[int, str]:
        """Return ``{article id: title}`` of the ``articles`` that exist."""
        return dict(self._in("SELECT id, title FROM articles WHERE id IN (%s)", articles))

    def passages_of_articles(self, articles: Sequence[int]) -> dict[int, int]:
        """Return ``{passage id: article id}`` of all passages of ``articles``."""
        return dict(self._in("SELECT id, article FROM passages WHERE article IN (%s)", articles))

    def passage_ids(self, articles: Sequence[int]) -> list[int]:
        """Return the ids of all passages of ``articles``, ascending."""
        return sorted(self.passages_of_articles(articles))

    def all_ids(self, kind: str) -> list[int]:
        """Return every id of ``kind``, which is "articles" or "passages", ascending."""
        return [id_ for (id_,) in self.execute(f"SELECT id FROM {kind} ORDER BY id")]

    def select(self, sources: Sequence[str], since: dt.date | None, until: dt.date | None) -> list[int]:
        """Return the ids of the articles that pass a filter, ascending.

        Args:
            sources: GLOBs of SQLite, one of which must match a source or the URL; empty for any.
            since: The earliest date. An article without a date does not pass a bound.
            until: The latest date.
        """
        sql, values = _where(sources, since, until)
        return [id_ for (id_,) in self.execute(f"SELECT id FROM articles WHERE {sql} ORDER BY id", *values)]

    def select_passages(
        self, sources: Sequence[str], since: dt.date | None, until: dt.date | None
    ) -> list[tuple[int, int]]:
        """Return first and last passage of each article that passes a filter, ascending; arguments as for ``select``.

        All passages between them are of the same article.
        """
        sql, values = _where(sources, since, until)
        chosen = f"article IN (SELECT id FROM articles WHERE {sql})" if values else "1"
        return self.execute(
            f"SELECT min(id), max(id) FROM passages WHERE {chosen} GROUP BY article ORDER BY 1", *values
        )

    def article_count(self) -> int:
        """Return the number of articles."""
        return int(self._one("SELECT count(*) FROM articles"))

    def counts(self) -> dict[str, int]:
        """Return the numbers of articles, passages, sentences, sources and files."""
        tables = ("articles", "passages", "sources", "files")
        counts = {table: int(self._one(f"SELECT count(*) FROM {table}")) for table in tables}
        counts["sentences"] = int(self._one("SELECT coalesce(sum((length(sentences) - 4) / 8), 0) FROM passages"))
        return counts

    # Provenance ----------------------------------------------------------------------------

    def put_source(self, source: Source) -> None:
        """Insert a source, or replace it."""
        self.execute(
            f"INSERT INTO sources ({_SOURCE}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (source) DO UPDATE SET "
            "article = excluded.article, file = excluded.file, content_hash = excluded.content_hash, "
            "record_hash = excluded.record_hash, metadata = excluded.metadata",
            *(source.source, source.article, source.file, source.content_hash, source.record_hash),
            source.metadata.dump() if source.metadata is not None else None,
        )

    def drop_source(self, source: str) -> None:
        """Delete a source."""
        self.execute("DELETE FROM sources WHERE source = ?", source)

    def source(self, source: str) -> Source | None:
        """Return a source by name, or None."""
        rows = self.execute(f"SELECT {_SOURCE} FROM sources WHERE source = ?", source)
        return self._source(rows[0]) if rows else None

    def sources(self, article: int) -> list[Source]:
        """Return the sources of an article, in the order in which they were found."""
        sql = f"SELECT {_SOURCE} FROM sources WHERE article = ? ORDER BY number"
        return [self._source(row) for row in self.execute(sql, article)]

    def source_names(self, article: int) -> tuple[str, ...]:
        """Return the names of an article's sources in order."""
        rows = self.execute("SELECT source FROM sources WHERE article = ? ORDER BY number", article)
        return tuple(name for (name,) in rows)

    def metadata(self, article: int) -> Metadata:
        """Return title, date, author and URL of a stored article.

        Raises:
            IndexDamaged: There is no such article, or its date is not one.
        """
        rows = self.execute("SELECT title, date, author, url FROM articles WHERE id = ?", article)
        try:
            title, date, author, url = rows[0]
            return Metadata(title, dt.date.fromisoformat(date) if date else None, author, url)
        except (IndexError, ValueError, TypeError) as error:
            raise self._damaged(f"article {article}") from error

    def _source(self, row: tuple[str, int, str, bytes, bytes, str | None]) -> Source:
        name, article, file, content_hash, record_hash, metadata = row
        try:
            own = None if metadata is None else Metadata.parse(metadata)
        except (ValueError, TypeError) as error:
            raise self._damaged(f"source {name}") from error
        return Source(name, article, file, content_hash, record_hash, own)

    def sources_in(self, file: str) -> list[str]:
        """Return the names of the sources that were read from ``file``."""
        rows = self.execute("SELECT source FROM sources WHERE file = ? ORDER BY number", file)
        return [source for (source,) in rows]

    def record_hashes(self, file: str) -> dict[bytes, str]:
        """Return the source of each record of ``file`` by the record's hash; records without one are left out."""
        sql = "SELECT record_hash, source FROM sources WHERE file = ? AND record_hash != x''"
        return dict(self.execute(sql, file))

    def sources_like(self, globs: Sequence[str], limit: int = -1) -> list[str]:
        """Return the names that one of ``globs`` (SQLite's GLOB) matches, at most ``limit`` (negative: all)."""
        where = " OR ".join(["source GLOB ?"] * len(globs))
        sql = f"SELECT source FROM sources WHERE {where} ORDER BY number LIMIT ?"
        return [source for (source,) in self.execute(sql, *globs, limit)]

    def files(self) -> dict[str, str]:
        """Return the content hash of every file that was read to its end, by path."""
        return dict(self.execute("SELECT path, hash FROM files ORDER BY path"))

    def put_file(self, path: str, content: str) -> None:
        """Store the content hash of a file."""
        self.execute("INSERT OR REPLACE INTO files VALUES (?, ?)", path, content)

    def drop_file(self, path: str) -> None:
        """Forget a file."""
        self.execute("DELETE FROM files WHERE path = ?", path)

    def roots(self) -> list[str]:
        """Return the paths that are kept up to date."""
        return [path for (path,) in self.execute("SELECT path FROM roots ORDER BY path")]

    def put_root(self, path: str) -> None:
        """Add a path to those that are kept up to date."""
        self.execute("INSERT OR IGNORE INTO roots VALUES (?)", path)

    def drop_root(self, path: str) -> None:
        """Remove a path from those that are kept up to date."""
        self.execute("DELETE FROM roots WHERE path = ?", path)

    # Vector segments -----------------------------------------------------------------------

    def segments(self, fingerprint: str | None = None) -> list[Segment]:
        """Return the segments of one encoder, or of all, in the order of their passages."""
        rows = self.execute("SELECT * FROM segments ORDER BY first, number")
        segments = [Segment(*row) for row in rows]
        return [segment for segment in segments if fingerprint in (None, segment.fingerprint)]

    def put_segment(self, segment: Segment) -> None:
        """Make a segment, whose files are written, part of the index."""
        self.execute("INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?)", *astuple(segment))

    def drop_segment(self, number: int) -> None:
        """Delete the row of a segment; its files can be deleted afterwards."""
        self.execute("DELETE FROM segments WHERE number = ?", number)

    def tombstones(self) -> list[int]:
        """Return the ids of deleted passages whose vectors are still in a segment, ascending."""
        return [id_ for (id_,) in self.execute("SELECT passage FROM tombstones ORDER BY passage")]

    def set_tombstones(self, passages: Iterable[int]) -> None:
        """Replace all tombstones."""
        self.execute("DELETE FROM tombstones")
        self._many("INSERT INTO tombstones VALUES (?)", [(id_,) for id_ in passages])

    def purge_tombstones(self, first: int, last: int) -> None:
        """Delete the tombstones of passages ``first`` to ``last``: their vectors are in no segment any more."""
        self.execute("DELETE FROM tombstones WHERE passage BETWEEN ? AND ?", first, last)


def _where(sources: Sequence[str], since: dt.date | None, until: dt.date | None) -> tuple[str, list[str]]:
    """Return the condition of ``select`` in SQL, and the values for its placeholders."""
    sql, values = "1", []
    for bound, sign in ((since, ">="), (until, "<=")):
        if bound is not None:
            sql += f" AND date {sign} ?"
            values.append(bound.isoformat())
    if sources:
        either = [" OR ".join([f"{column} GLOB ?"] * len(sources)) for column in ("source", "url")]
        sql += f" AND id IN (SELECT article FROM sources WHERE {either[0]}"
        sql += f" UNION SELECT id FROM articles WHERE {either[1]})"
        values += [*sources, *sources]
    return sql, values
