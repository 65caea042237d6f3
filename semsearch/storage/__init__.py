"""SQLite: the truth of an index. Articles, their passages and sources, and the names of the other files.

A number is given out once and never again: an article or passage that changes gets a new id, so
whatever is kept elsewhere under an old id (a vector, a posting) can only be of no use, never wrong.
``docs/index-format.md`` describes the tables.
"""

from .database import FORMAT
from .rows import Metadata, Segment, Source, body_hash, content_hash, pack_spans, unpack_spans
from .tables import Store

__all__ = [
    "FORMAT",
    "Metadata",
    "Segment",
    "Source",
    "Store",
    "body_hash",
    "content_hash",
    "pack_spans",
    "unpack_spans",
]
