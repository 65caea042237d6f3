"""Files, folders and streams to Articles: formats, encodings, metadata, boilerplate; evaluation sets.

    for record in read_paths(["tin-tuc/", "van-ban/*.docx"], on_error=print):
        print(record.article.title, record.encoding)

``expand`` says which files there are, ``file_hash`` whether one has changed, ``read_path`` what is in it.
A file that cannot be read is one IngestError, and never stops the others. Parsers of HTML, PDF and
docx are imported when the first such file is met.
"""

from .article import MAX_TEXT, Record, content_key
from .evalset import Gold, read_answers, read_corpus, read_qrels, read_queries
from .files import SUFFIXES, expand, file_hash, read_bytes, read_path, read_paths, source_of
from .records import Made, Raw, interpret

__all__ = [
    "MAX_TEXT",
    "SUFFIXES",
    "Gold",
    "Made",
    "Raw",
    "Record",
    "content_key",
    "expand",
    "file_hash",
    "interpret",
    "read_answers",
    "read_bytes",
    "read_corpus",
    "read_path",
    "read_paths",
    "read_qrels",
    "read_queries",
    "source_of",
]
