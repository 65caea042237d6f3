"""``eval``: an index of the set's corpus, every question put to it, and the figures."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

from ..errors import IndexMissing, UsageError
from ..evaluate import Gold, Quoted, best_per_entry, evaluate_answers, quoted, retrieval
from ..index import Index
from ..ingest import Gold as GoldAnswer
from ..ingest import read_answers, read_corpus, read_qrels, read_queries
from ..protocols import Reader
from ..types import Answer, Article, Mode
from .language import Locale
from .progress import ProgressBar

__all__ = ["measure"]

DEPTH = 10  # the deepest rank that a measure looks at


def measure(
    folder: Path, mode: Mode, encoder: str | None, threads: int | None, kept: Path | None, reader: Reader | None = None
) -> dict[str, float | int]:
    """The figures by name, in the order they are told; ``kept`` is where the index stays, None for nowhere.

    ``reader`` answers; None is the bundled one.

    Raises UsageError and IngestError for a set that is not whole, and what Index raises.
    """
    began = time.perf_counter()
    queries, qrels, golds = read_queries(folder), read_qrels(folder), read_answers(folder)
    records = list(read_corpus(folder))
    if unknown := sorted(qrels.keys() - queries.keys()):
        raise UsageError(f"qrels.tsv of {folder} judges {unknown[0]}, which queries.jsonl does not hold.")
    corpus = records[0].file
    entries = {r.article.source.removeprefix(f"{corpus}#"): r.article.text for r in records}

    def names(article: Article) -> list[str]:
        return [source.removeprefix(f"{corpus}#") for source in article.sources]

    with ExitStack() as stack:
        bar = ProgressBar(Locale("vi"))
        stack.callback(bar.clear)
        path = kept or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="semsearch-eval-"))) / "index"
        index = stack.enter_context(Index.open_or_create(path, encoder=encoder, threads=threads))
        _only(index, corpus)
        index.sync([corpus], progress=bar)
        run: dict[str, list[tuple[str, float]]] = {}
        for done, query in enumerate(qrels):
            bar("questions", done, len(qrels))
            run[query] = _ranking(index, queries[query], mode, names)
        said: dict[str, Quoted] = {}
        right = {q: _gold(of, qrels.get(q, {}), entries) for q, of in (golds or {}).items() if q in queries}
        for done, (query, gold) in enumerate(right.items()):
            bar("answers", done, len(right))
            said[query] = _quoted(index.ask(queries[query], mode=mode, reader=reader), gold, names)
        passages = index.status().passages
    figures: dict[str, float | int] = {}
    unanswerable = {query for query, gold in right.items() if not gold.answers}
    if qrels.keys() - unanswerable:
        figures |= retrieval(run, qrels, leave_out=unanswerable)
    if right:
        figures |= evaluate_answers(said, right)
    return figures | {
        "queries": len(queries),
        "passages": passages,
        "seconds": round(time.perf_counter() - began, 3),
    }


def _only(index: Index, corpus: str) -> None:
    """An index that holds anything else would answer from that."""
    try:
        status = index.status()
    except IndexMissing:
        return
    if status.articles and status.roots != (corpus,):
        raise UsageError(f"The index at {status.path} holds other articles; name another folder with --index.")


def _ranking(index: Index, query: str, mode: Mode, names: Callable[[Article], list[str]]) -> list[tuple[str, float]]:
    """Corpus entries by their best passage; as many passages are asked for as that takes."""
    wanted = 2 * DEPTH
    while True:
        hits = index.search(query, wanted, mode=mode)
        ranking = best_per_entry((name, hit.score) for hit in hits for name in names(hit.article))
        if len(ranking) >= DEPTH or len(hits) < wanted:
            return ranking[:DEPTH]
        wanted *= 4


def _gold(answers: Iterable[GoldAnswer], judged: Mapping[str, int], entries: Mapping[str, str]) -> Gold:
    """Right answers at their places in the articles' texts."""
    relevant = [entry for entry, grade in judged.items() if grade > 0 and entry in entries]
    text = entries[relevant[0]] if relevant else ""
    places = ((answer, answer.span(text)) for answer in answers)
    return Gold(frozenset(relevant), tuple((answer.text, place.start if place else -1) for answer, place in places))


def _quoted(answer: Answer, gold: Gold, names: Callable[[Article], list[str]]) -> Quoted:
    if answer.citation is None:
        return quoted(answer, "")
    held = names(answer.citation.article)
    return quoted(answer, next((name for name in held if name in gold.entries), held[0]))
