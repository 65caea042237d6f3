"""``ask``, ``search``, ``similar`` and ``duplicates``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import serialize
from ..errors import UsageError
from ..text.query import as_query
from ..types import Hit
from . import messages, render
from .options import (
    EncoderOptions,
    ExplainOption,
    FilterOptions,
    IndexOption,
    LimitOption,
    LlmOptions,
    ModeOption,
    OutputOptions,
    ReaderOptions,
    VectorsOption,
    join_words,
    open_index,
)
from .progress import ProgressBar
from .runtime import emit, say
from .terminal import Console

if TYPE_CHECKING:
    from ..explain import Explanation
    from ..protocols import Reader

__all__ = ["ask", "duplicates", "search", "similar"]

DASH_HELP = "- reads it from stdin; put -- before one that begins with a dash."


def ask(
    words: Annotated[list[str], typer.Argument(metavar="QUESTION", help=f"The question; {DASH_HELP}")],
    *,
    k: LimitOption = 5,
    mode: ModeOption = "hybrid",
    filter_options: FilterOptions,
    explain: ExplainOption = False,
    output: OutputOptions,
    index: IndexOption = None,
    encoding: EncoderOptions,
    vectors: VectorsOption = "auto",
    reading: ReaderOptions,
    llm: LlmOptions,
) -> int:
    """Answer a question by quoting the articles, with the source."""
    locale = output.locale
    query = as_query(join_words(words, "question", locale))
    filters = filter_options.to_filter()
    llm.check(reading)
    with open_index(index, encoding, vectors) as opened:
        with _reader(reading, llm, encoding.threads, explain, output) as reader:
            answer = opened.ask(query, k, mode=mode, filters=filters, reader=reader)
        explanation = opened.explain(query, answer.hits, mode) if explain else None

    if output.as_json:
        emit("ask", _with_explanation(serialize.answer(answer), explanation))
        return 0 if answer.found else 1
    console = Console.for_stdout(locale)
    if explanation:
        render.explanation(console, explanation)
    render.answer(console, answer, explanation)
    if not answer.hits:
        filter_options.suggest_removing(locale)
    elif not answer.found and not explain:
        say(locale.text(messages.TRY_EXPLAIN))
    return 0 if answer.found else 1


def search(
    words: Annotated[list[str], typer.Argument(metavar="QUERY", help=f"What to search for; {DASH_HELP}")],
    *,
    k: LimitOption = 10,
    mode: ModeOption = "hybrid",
    filter_options: FilterOptions,
    explain: ExplainOption = False,
    output: OutputOptions,
    index: IndexOption = None,
    encoding: EncoderOptions,
    vectors: VectorsOption = "auto",
) -> int:
    """Find the passages that match best, with their sources."""
    query = as_query(join_words(words, "query", output.locale))
    filters = filter_options.to_filter()
    with open_index(index, encoding, vectors) as opened:
        hits = opened.search(query, k, mode=mode, filters=filters)
        explanation = opened.explain(query, hits, mode) if explain else None

    return _print_hits("search", {"query": str(query), "mode": mode}, hits, filter_options, output, explanation)


def similar(
    text: Annotated[list[str] | None, typer.Argument(metavar="[TEXT]", help=f"A text; {DASH_HELP}")] = None,
    *,
    passage: Annotated[int | None, typer.Option("--passage", metavar="ID", help="Like this passage.")] = None,
    article: Annotated[str | None, typer.Option("--article", metavar="SOURCE", help="Like this article.")] = None,
    same_article: Annotated[
        bool,
        typer.Option("--same-article", help="With --passage or --article: include passages of the same article."),
    ] = False,
    k: LimitOption = 10,
    mode: ModeOption = "hybrid",
    filter_options: FilterOptions,
    output: OutputOptions,
    index: IndexOption = None,
    encoding: EncoderOptions,
    vectors: VectorsOption = "auto",
) -> int:
    """Find passages similar to a text, a passage or an article.

    They come from other articles, unless --same-article is given.
    """
    choices = [text or None, passage, article]
    if choices.count(None) != 2:
        raise UsageError("Give exactly one of TEXT, --passage and --article.")
    joined = join_words(text, "text", output.locale) if text else None
    filters = filter_options.to_filter()
    with open_index(index, encoding, vectors) as opened:
        hits = opened.similar(
            joined, passage=passage, article=article, same_article=same_article, k=k, mode=mode, filters=filters
        )

    request = {"text": joined, "passage": passage, "article": article, "same_article": same_article, "mode": mode}
    return _print_hits("similar", request, hits, filter_options, output, None)


def duplicates(
    *,
    share: Annotated[
        float,
        typer.Option(
            "--share",
            metavar="SHARE",
            help="Minimum share of the shorter article's words found in the longer one (0-1).",
        ),
    ] = 0.5,
    k: Annotated[
        int | None, typer.Option("-k", "--limit", min=1, metavar="N", help="Number of groups.  [default: all]")
    ] = None,
    filter_options: FilterOptions,
    output: OutputOptions,
    index: IndexOption = None,
) -> int:
    """Find articles that repeat each other, in full or in part."""
    locale = output.locale
    progress = ProgressBar(locale)
    filters = filter_options.to_filter()
    with open_index(index) as opened:
        try:
            groups = opened.duplicates(share, filters=filters, progress=progress)
        finally:
            progress.clear()

    if output.as_json:
        emit("duplicates", {"share": share, **serialize.duplicates(groups, k)})
        return 0 if groups else 1
    console = Console.for_stdout(locale)
    if groups:
        render.duplicates(console, groups, k)
        return 0
    console.print(locale.text(messages.NO_DUPLICATES))
    filter_options.suggest_removing(locale)
    return 1


def _reader(
    reading: ReaderOptions, llm: LlmOptions, threads: int | None, explain: bool, output: OutputOptions
) -> AbstractContextManager[Reader | None]:
    """Return what answers: a language model's server or a reader; None stands for the bundled reader."""
    if llm.llm is None:
        return nullcontext(reading.load(threads))
    from .llm import language_model

    return language_model(llm.llm, llm.llm_model, llm.llm_timeout, explain, output.locale)


def _print_hits(
    command: str,
    request: Mapping[str, Any],
    hits: Sequence[Hit],
    filter_options: FilterOptions,
    output: OutputOptions,
    explanation: Explanation | None,
) -> int:
    """Print ranked passages, and return the exit code."""
    if output.as_json:
        result = {**request, "hits": [serialize.hit(hit) for hit in hits]}
        emit(command, _with_explanation(result, explanation))
        return 0 if hits else 1
    locale = output.locale
    console = Console.for_stdout(locale)
    if explanation:
        render.explanation(console, explanation)
    if hits:
        render.hits(console, hits, explanation)
        return 0
    console.print(locale.text(messages.NO_PASSAGES))
    filter_options.suggest_removing(locale)
    return 1


def _with_explanation(result: Mapping[str, Any], explanation: Explanation | None) -> Mapping[str, Any]:
    return {**result, "explain": serialize.plain(explanation)} if explanation else result
