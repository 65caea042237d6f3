"""Articles, passages, provenance and vector segments: reading and writing them."""

from __future__ import annotations

import datetime as dt
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence

from ..errors import UsageError
from ..types import Article, Passage
from .database import Database
from .rows import Metadata, Segment, Source, checksum, deflated, inflated, pack, sealed, stamp, unpack

__all__ = ["Store"]

_SOURCE = "source, article, file, content_hash, record_hash, metadata"


class Store(Database):
    """One connection to the database: for any number of readers, or for the one writer."""

    # Articles and passages -----------------------------------------------------------------

    def put_article(self, article: Article, passages: Iterable[Passage], body: bytes) -> None:
        """A new article under ``article.id``, with its passages. Sources are put apart."""
        date = article.date.isoformat() if article.date else None
        head = (article.id, body, checksum(article), article.title, date, article.author, article.url)
        rest = (pack(article.blocks), deflated(article.text))
        self._all("INSERT INTO articles VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", *head, *rest)
        self._many(
            "INSERT INTO passages VALUES (?, ?, ?, ?)",
            ((p.id, article.id, p.position, sealed(p.id, article.id, p.position, p.sentences)) for p in passages),
        )

    def drop_article(self, article: int) -> None:
        """Takes an article away with its passages; their terms become unwanted, their vectors dead."""
        ids = self.passage_ids([article])
        self._many("INSERT INTO dead VALUES (?)", ((id_,) for id_ in ids))
        if ids:
            self._unwant(min(ids), max(ids))  # passages of one article have consecutive ids
        for table in ("token_ids", "term_vectors"):
            self._all(f"DELETE FROM {table} WHERE passage IN (SELECT id FROM passages WHERE article = ?)", article)
        self._all("DELETE FROM passages WHERE article = ?", article)
        self._all("DELETE FROM articles WHERE id = ?", article)

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
        return [id_ for (id_,) in self._all(sql)]

    def put_token_ids(self, fingerprint: str, token_ids: Mapping[int, bytes]) -> None:
        """What the encoder of ``fingerprint`` keeps of passages, by id; what another kept of them goes."""
        mark = stamp(fingerprint)
        rows = ((id_, mark, some + stamp(fingerprint, id_, some)) for id_, some in token_ids.items())
        self._many("INSERT OR REPLACE INTO token_ids VALUES (?, ?, ?)", rows)

    def token_ids(self, fingerprint: str, passages: Sequence[int]) -> dict[int, bytes]:
        """What was kept of ``passages`` for this encoder; those that have nothing, or are damaged, are left out."""
        mark, found = stamp(fingerprint), {}
        for id_, encoder, blob in self._in(
            "SELECT passage, encoder, ids FROM token_ids WHERE passage IN (%s)", passages
        ):
            if encoder == mark and isinstance(blob, bytes) and stamp(fingerprint, id_, blob[:-4]) == blob[-4:]:
                found[id_] = blob[:-4]
        return found

    def drop_other_token_ids(self, fingerprint: str) -> None:
        self._all("DELETE FROM token_ids WHERE encoder != ?", stamp(fingerprint))

    def lose_article(self, article: int) -> None:
        """Takes a damaged article away with its sources; their files are read again when they are next met."""
        files = self._all("SELECT DISTINCT file FROM sources WHERE article = ?", article)
        for (file,) in files:
            self._all("UPDATE files SET hash = '' WHERE path = ?", file)
        self._all("DELETE FROM sources WHERE article = ?", article)
        self.drop_article(article)

    def article(self, id_: int) -> Article:
        """Raises IndexDamaged if it is not as it was written, UsageError if there is none."""
        rows = self._all("SELECT title, date, author, url, blocks, text, checksum FROM articles WHERE id = ?", id_)
        if not rows:
            raise UsageError(f"there is no article {id_} in the index")
        title, date, author, url, blocks, text, mark = rows[0]
        try:
            day = dt.date.fromisoformat(date) if date else None
            sources = self.source_names(id_)
            article = Article(inflated(text), sources, unpack(blocks), title, day, author, url, id_)
            intact = checksum(article) == mark
        except (ValueError, TypeError, AttributeError, struct.error, zlib.error) as error:
            raise self._damaged(f"article {id_}") from error
        if not intact or not sources:
            raise self._damaged(f"article {id_}")
        return article

    def next_article(self, after: int) -> Article | None:
        """The article with the least id above ``after``; None if there is none. Raises IndexDamaged."""
        rows = self._all("SELECT id FROM articles WHERE id > ? ORDER BY id LIMIT 1", after)
        return self.article(rows[0][0]) if rows else None

    def article_with(self, body: bytes) -> int | None:
        """The id of the article with this body."""
        rows = self._all("SELECT id FROM articles WHERE body = ?", body)
        return rows[0][0] if rows else None

    def load(self, ids: Iterable[int]) -> dict[int, tuple[Passage, Article]]:
        """Passages by id with their articles; ids that are not there are left out. Raises IndexDamaged."""
        found: dict[int, tuple[Passage, Article]] = {}
        articles: dict[int, Article] = {}
        for id_ in ids:
            for row in self._all("SELECT id, article, position, sentences FROM passages WHERE id = ?", id_):
                if row[1] not in articles:
                    articles[row[1]] = self.article(row[1])
                found[id_] = (self._passage(row, articles[row[1]].text), articles[row[1]])
        return found

    def passages(self, article: Article) -> list[Passage]:
        """All passages of a stored article, in order."""
        sql = "SELECT id, article, position, sentences FROM passages WHERE article = ? ORDER BY position"
        return [self._passage(row, article.text) for row in self._all(sql, article.id)]

    def _passage(self, row: tuple[int, int, int, bytes], text: str) -> Passage:
        id_, article, position, blob = row
        try:
            spans = unpack(blob[:-4])
            start, end = spans[0].start, spans[-1].end
            intact = sealed(id_, article, position, spans) == blob
        except (IndexError, TypeError, struct.error) as error:
            raise self._damaged(f"passage {id_}") from error
        if not intact:
            raise self._damaged(f"passage {id_}")
        return Passage(id_, article, position, start, end, text[start:end], spans)

    def owners(self, passages: Sequence[int]) -> dict[int, int]:
        """``{passage id: article id}`` of those that are there."""
        sql = "SELECT id, article FROM passages WHERE id IN (%s)"
        return dict(self._in(sql, passages))

    def titles(self, articles: Sequence[int]) -> dict[int, str]:
        """``{article id: title}`` of those that are there."""
        return dict(self._in("SELECT id, title FROM articles WHERE id IN (%s)", articles))

    def passages_of(self, articles: Sequence[int]) -> dict[int, int]:
        """``{passage id: article id}`` of all passages of ``articles``."""
        return dict(self._in("SELECT id, article FROM passages WHERE article IN (%s)", articles))

    def passage_ids(self, articles: Sequence[int]) -> list[int]:
        """The passages of ``articles``, ascending."""
        return sorted(self.passages_of(articles))

    def all_ids(self, kind: str) -> list[int]:
        """Every id of "articles" or "passages", ascending."""
        return [id_ for (id_,) in self._all(f"SELECT id FROM {kind} ORDER BY id")]

    def select(self, sources: Sequence[str], since: dt.date | None, until: dt.date | None) -> list[int]:
        """Ids of articles dated within the bounds and with a source or URL that one of the GLOBs ``sources`` matches.

        Ascending. No ``sources``: any. An article without a date lies within no bounds.
        """
        sql, values = _where(sources, since, until)
        return [id_ for (id_,) in self._all(f"SELECT id FROM articles WHERE {sql} ORDER BY id", *values)]

    def select_passages(
        self, sources: Sequence[str], since: dt.date | None, until: dt.date | None
    ) -> list[tuple[int, int]]:
        """First and last passage of each of those articles that has any, ascending; those between are its own, too."""
        sql, values = _where(sources, since, until)
        chosen = f"article IN (SELECT id FROM articles WHERE {sql})" if values else "1"
        return self._all(f"SELECT min(id), max(id) FROM passages WHERE {chosen} GROUP BY article ORDER BY 1", *values)

    def article_count(self) -> int:
        """How many articles there are."""
        return int(self._one("SELECT count(*) FROM articles"))

    def counts(self) -> dict[str, int]:
        """How many articles, passages, sentences, sources, files there are."""
        tables = ("articles", "passages", "sources", "files")
        counts = {table: int(self._one(f"SELECT count(*) FROM {table}")) for table in tables}
        counts["sentences"] = int(self._one("SELECT coalesce(sum((length(sentences) - 4) / 8), 0) FROM passages"))
        return counts

    # Provenance ----------------------------------------------------------------------------

    def put_source(self, source: Source) -> None:
        """A new source, or what a known one holds now."""
        self._all(
            f"INSERT INTO sources ({_SOURCE}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (source) DO UPDATE SET "
            "article = excluded.article, file = excluded.file, content_hash = excluded.content_hash, "
            "record_hash = excluded.record_hash, metadata = excluded.metadata",
            *(source.source, source.article, source.file, source.content_hash, source.record_hash),
            source.metadata.dump() if source.metadata is not None else None,
        )

    def drop_source(self, source: str) -> None:
        self._all("DELETE FROM sources WHERE source = ?", source)

    def source(self, source: str) -> Source | None:
        rows = self._all(f"SELECT {_SOURCE} FROM sources WHERE source = ?", source)
        return self._source(rows[0]) if rows else None

    def sources(self, article: int) -> list[Source]:
        """The sources of an article, the one met first first."""
        sql = f"SELECT {_SOURCE} FROM sources WHERE article = ? ORDER BY number"
        return [self._source(row) for row in self._all(sql, article)]

    def source_names(self, article: int) -> tuple[str, ...]:
        """Return the names of an article's sources in order."""
        rows = self._all("SELECT source FROM sources WHERE article = ? ORDER BY number", article)
        return tuple(name for (name,) in rows)

    def metadata(self, article: int) -> Metadata:
        """Return title, date, author and URL of a stored article.

        Raises:
            IndexDamaged: There is no such article, or its date is not one.
        """
        rows = self._all("SELECT title, date, author, url FROM articles WHERE id = ?", article)
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
        """The sources that were read from ``file``."""
        return [s for (s,) in self._all("SELECT source FROM sources WHERE file = ? ORDER BY number", file)]

    def record_hashes(self, file: str) -> dict[bytes, str]:
        """Return the source of each record of ``file`` by the record's hash; records without one are left out."""
        sql = "SELECT record_hash, source FROM sources WHERE file = ? AND record_hash != x''"
        return dict(self._all(sql, file))

    def sources_like(self, globs: Sequence[str], limit: int = -1) -> list[str]:
        """The sources that one of ``globs`` (SQLite's GLOB) matches."""
        where = " OR ".join(["source GLOB ?"] * len(globs))
        sql = f"SELECT source FROM sources WHERE {where} ORDER BY number LIMIT ?"
        return [source for (source,) in self._all(sql, *globs, limit)]

    def files(self) -> dict[str, str]:
        """Content hash by path of every file that was read to its end."""
        return dict(self._all("SELECT path, hash FROM files ORDER BY path"))

    def put_file(self, path: str, content: str) -> None:
        self._all("INSERT OR REPLACE INTO files VALUES (?, ?)", path, content)

    def drop_file(self, path: str) -> None:
        self._all("DELETE FROM files WHERE path = ?", path)

    def roots(self) -> list[str]:
        return [path for (path,) in self._all("SELECT path FROM roots ORDER BY path")]

    def put_root(self, path: str) -> None:
        self._all("INSERT OR IGNORE INTO roots VALUES (?)", path)

    def drop_root(self, path: str) -> None:
        self._all("DELETE FROM roots WHERE path = ?", path)

    # Vector segments -----------------------------------------------------------------------

    def segments(self, fingerprint: str | None = None) -> list[Segment]:
        """The segments of one encoder (None: of all), by the passages in them."""
        rows = self._all("SELECT * FROM segments ORDER BY first, number")
        return [s for s in (Segment(*row) for row in rows) if fingerprint in (None, s.fingerprint)]

    def put_segment(self, segment: Segment) -> None:
        fields = Segment.__dataclass_fields__
        self._all("INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?)", *(getattr(segment, name) for name in fields))

    def drop_segment(self, number: int) -> None:
        self._all("DELETE FROM segments WHERE number = ?", number)

    def dead(self) -> list[int]:
        """Passages whose vectors stand in a segment though they are gone themselves, ascending."""
        return [id_ for (id_,) in self._all("SELECT passage FROM dead ORDER BY passage")]

    def set_dead(self, passages: Iterable[int]) -> None:
        """Only these are dead, whatever was."""
        self._all("DELETE FROM dead")
        self._many("INSERT INTO dead VALUES (?)", ((id_,) for id_ in passages))

    def bury(self, first: int, last: int) -> None:
        """No segment holds the dead of ``first..last`` any longer."""
        self._all("DELETE FROM dead WHERE passage BETWEEN ? AND ?", first, last)


def _where(sources: Sequence[str], since: dt.date | None, until: dt.date | None) -> tuple[str, list[str]]:
    """What ``select`` asks of articles, in SQL, and the values for it."""
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
