"""Files, folders and streams to articles: formats, encodings, metadata, boilerplate; evaluation sets.

    for parsed in read_paths(["tin-tuc/", "van-ban/*.docx"], on_error=print):
        print(parsed.article.title, parsed.encoding)

In steps: ``discover`` finds the files, ``file_hash`` shows whether one has changed, ``read_records`` finds the records
in it (``RawRecord``), and ``parse`` makes an article of each (``ParsedRecord``). A file that cannot be read is one
IngestError, and never stops the others. Parsers of HTML, PDF and docx are imported with the first such file.

``formats`` is the table of formats.
"""

from .article import MAX_TEXT
from .discover import Discovery, discover, file_hash, source_of
from .evalset import Gold, read_answers, read_corpus, read_qrels, read_queries
from .files import parse, read_bytes, read_file, read_paths, read_records
from .formats import FORMATS, FormatSpec
from .records import ErrorBuffer, ParsedRecord, RawRecord, RecordKeys

__all__ = [
    "FORMATS",
    "MAX_TEXT",
    "Discovery",
    "ErrorBuffer",
    "FormatSpec",
    "Gold",
    "ParsedRecord",
    "RawRecord",
    "RecordKeys",
    "discover",
    "file_hash",
    "parse",
    "read_answers",
    "read_bytes",
    "read_corpus",
    "read_file",
    "read_paths",
    "read_qrels",
    "read_queries",
    "read_records",
    "source_of",
]
