"""``eval``: an index of an evaluation set's corpus, and the measures over it."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from ..errors import IndexMissing, UsageError
from ..evaluate import EvaluationSet, run
from ..index import Index
from ..protocols import Reader
from ..types import Mode
from .language import Locale
from .progress import ProgressBar

__all__ = ["measure"]


def measure(
    folder: Path,
    mode: Mode,
    encoder: str | None,
    threads: int | None,
    index_path: Path | None,
    reader: Reader | None = None,
    locale: Locale | None = None,
) -> dict[str, float | int]:
    """Index the corpus of an evaluation set and return the measures by name, in the order they are printed.

    Args:
        folder: The set, in the BEIR layout.
        mode: How to search.
        encoder: The name of the encoder; ``None`` means the bundled one, or that of an existing index.
        threads: How many threads encode.
        index_path: Where the index is kept; ``None`` means a temporary folder.
        reader: Answers the questions; ``None`` means the bundled reader.
        locale: The language of the progress bar.

    Raises:
        UsageError: The set is incomplete, or the index at ``index_path`` contains other articles.
        IngestError: A file of the set is not in the expected format.
    """
    began = time.perf_counter()
    dataset = EvaluationSet.load(folder)
    with ExitStack() as stack:
        bar = ProgressBar(locale or Locale("en"))
        stack.callback(bar.clear)
        if index_path is None:
            temporary = stack.enter_context(tempfile.TemporaryDirectory(prefix="semsearch-eval-"))
            index_path = Path(temporary) / "index"
        index = stack.enter_context(Index.open_or_create(index_path, encoder=encoder, threads=threads))
        _require_only(index, dataset.corpus)
        index.sync([dataset.corpus], progress=bar)
        measures = run(dataset, index, reader or index.reader, mode=mode, progress=bar)
        passages = index.status().passages
    return {
        **measures,
        "queries": len(dataset.queries),
        "passages": passages,
        "seconds": round(time.perf_counter() - began, 3),
    }


def _require_only(index: Index, corpus: str) -> None:
    """Raise UsageError if the index contains articles from elsewhere: it would answer from them."""
    try:
        status = index.status()
    except IndexMissing:
        return
    if status.articles and status.roots != (corpus,):
        raise UsageError(f"The index at {status.path} contains other articles; name another folder with --index.")
