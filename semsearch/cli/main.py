"""The verbs. Nothing but typer is imported here: each verb imports what it needs when it runs."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import __version__
from .parsing import Group, Verb
from .runtime import date_option, dumps, emit, index_path, only_one, read_stdin, say, set_debug, tell_filters, verb

if TYPE_CHECKING:
    from ..index import Index
    from ..protocols import Reader

__all__ = ["app", "console", "main"]

ASK, KEEP, KNOW = "Ask and find", "Keep the index up to date", "Look inside"

EXAMPLES = """\b
Examples:
  semsearch index seeds/articles
  semsearch ask "Cầu Bản Lầy dài bao nhiêu mét?"
  semsearch search "xâm nhập mặn" -k 5 --since 2020-01-01
  semsearch similar --passage 12
  semsearch duplicates --share 0.8
  cat letter.txt | semsearch similar -
  semsearch ask "..." --json | jq .answer.text

\b
Exit codes: 0 found or done; 1 nothing found, or a file could not be read;
2 usage; 3 index missing, stale or damaged; 4 storage full, not writable or
in use; 5 model not available; 70 a fault of semsearch; 130 stopped."""

app = typer.Typer(
    cls=Group,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXAMPLES,
)


class Mode(StrEnum):
    hybrid = "hybrid"
    dense = "dense"
    lexical = "lexical"


class Vectors(StrEnum):
    auto = "auto"
    exact = "exact"
    approximate = "approximate"


Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout (docs/json.md).")]
At = Annotated[
    Path | None,
    typer.Option("--index", envvar="SEMSEARCH_INDEX", metavar="PATH", help="The index.  [default: indexes/default]"),
]
EncoderName = Annotated[
    str | None, typer.Option("--encoder", metavar="NAME", help="Encoder; see `semsearch encoders`.")
]
Threads = Annotated[int | None, typer.Option("--threads", min=1, metavar="N", help="Threads for encoding.")]
ReaderName = Annotated[
    str | None,
    typer.Option("--reader", metavar="NAME", help="A question-answering model reads, not the bundled reader."),
]
MinConfidence = Annotated[
    float | None,
    typer.Option("--min-confidence", metavar="P", help="Withhold an answer less probable than this (0 to 1)."),
]
Llm = Annotated[
    str | None,
    typer.Option(
        "--llm", metavar="URL", help="A language model's server words the answer; the passages are sent there."
    ),
]
LlmModel = Annotated[
    str | None, typer.Option("--llm-model", metavar="NAME", help="Its model.  [default: the first it names]")
]
LlmTimeout = Annotated[
    float | None, typer.Option("--llm-timeout", metavar="SECONDS", help="How long to wait for it.  [default: 120]")
]
Compared = Annotated[Vectors, typer.Option("--vectors", help="Compare all vectors, near ones, or as many as pays.")]
By = Annotated[Mode, typer.Option("--mode", help="Meaning and words, meaning alone, words alone.")]
Source = Annotated[
    str | None, typer.Option("--source", metavar="SOURCE", help="Only articles from this file, folder or URL.")
]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="DATE", help="Only articles since this day: 2020-01-31 or 31/1/2020."),
]
Until = Annotated[
    str | None, typer.Option("--until", metavar="DATE", help="Only articles until this day, itself included.")
]
Explain = Annotated[bool, typer.Option("--explain", help="Say why: score parts, matching terms, weights, language.")]
HowMany = Annotated[int, typer.Option("-k", "--limit", min=1, metavar="N", help="How many passages.")]


def main() -> None:
    """Run the verb that ``sys.argv`` names. Raises SystemExit with its exit code."""
    gc.set_threshold(100_000, 50, 50)  # a question is over before looking for garbage pays: a tenth of its time
    app(prog_name="semsearch")


def console() -> None:
    """The console script ``semsearch``: ``main`` for one verb, and the process is over.

    Typer makes the options of all verbs that it knows (10 ms), so it gets to know the one. And Python would take the
    libraries apart piece by piece (50 ms, a sixth of a cold question): a verb that only answers has closed the index
    when it ends, and nothing else is left to do.
    """
    for name, way in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by whoever started us: a file opened later would take its place
            setattr(sys, name, Path(os.devnull).open(way, encoding="utf-8"))  # noqa: SIM115
    verb = next(iter(sys.argv[1:]), "")
    named = [one for one in app.registered_commands if (one.name or getattr(one.callback, "__name__", "")) == verb]
    app.registered_commands = named or app.registered_commands
    try:
        main()
    except SystemExit as end:
        if verb in _ANSWERS and isinstance(end.code, int) and _written():
            os._exit(end.code)
        raise


_ANSWERS = ("ask", "search", "similar")


def _written() -> bool:
    """Whether all that was said has gone out; if not, Python tells why as it ends."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return False
    return True


def version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"semsearch {__version__}")
        raise typer.Exit


@app.callback()
def semsearch(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", envvar="SEMSEARCH_DEBUG", help="Show tracebacks of errors.")
    ] = False,
) -> None:
    """Search Vietnamese articles by meaning, and ask them questions."""
    set_debug(debug)
    if context.invoked_subcommand not in ("index", "rebuild", "eval"):
        # The products of one question are small: numpy's threads would cost more than they do, starting and waiting.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _open(path: Path | None, encoder: str | None, threads: int | None, vectors: Vectors = Vectors.auto) -> Index:
    from ..index import Index

    return Index.open(index_path(path), encoder=encoder, threads=threads, vectors=vectors.value)


def _reader(name: str | None, min_confidence: float | None, threads: int | None) -> Reader | None:
    """None is the index's own, the bundled one."""
    if name is None and min_confidence is None:
        return None
    from ..reader.loading import load_reader

    return load_reader("bundled" if name is None else name, min_confidence=min_confidence, threads=threads)


def _asked(
    llm: str | None,
    model: str | None,
    timeout: float | None,
    reader: str | None,
    min_confidence: float | None,
    threads: int | None,
    explain: bool,
) -> AbstractContextManager[Reader | None]:
    """Who answers: a language model's server, or a reader. Raises UsageError for options of both, or of none."""
    from ..errors import UsageError

    if llm is None:
        if model is not None or timeout is not None:
            raise UsageError("--llm-model and --llm-timeout go with --llm URL.")
        return nullcontext(_reader(reader, min_confidence, threads))
    if reader is not None or min_confidence is not None:
        raise UsageError(
            "Give --llm, or --reader and --min-confidence, not both: a language model tells no probability."
        )
    from .llm import language_model

    return language_model(llm, model, timeout, explain)


def _filters(mode: Mode, source: str | None, since: str | None, until: str | None) -> dict[str, Any]:
    """The filters as the library takes them; an upside-down pair of dates is an error, not an empty result."""
    from ..errors import UsageError

    first, last = date_option("--since", since), date_option("--until", until)
    if first and last and first > last:
        raise UsageError(f"--since {since} is later than --until {until}: no article can match; swap them.")
    return {"mode": mode.value, "source": source, "since": first, "until": last}


# Ask and find --------------------------------------------------------------------------------


@app.command(cls=Verb, rich_help_panel=ASK)
@verb
def ask(
    question: Annotated[list[str], typer.Argument(metavar="QUESTION", help="The question; - reads it from stdin.")],
    k: HowMany = 5,
    mode: By = Mode.hybrid,
    source: Source = None,
    since: Since = None,
    until: Until = None,
    explain: Explain = False,
    as_json: Json = False,
    index: At = None,
    encoder: EncoderName = None,
    reader: ReaderName = None,
    min_confidence: MinConfidence = None,
    llm: Llm = None,
    llm_model: LlmModel = None,
    llm_timeout: LlmTimeout = None,
    threads: Threads = None,
    vectors: Compared = Vectors.auto,
) -> int:
    """Answer a question, quoted from the articles, with its source."""
    from .. import serialize
    from . import render
    from .explain import explained
    from .terminal import Paper

    words = _words(question, "question")
    filters = _filters(mode, source, since, until)
    with _open(index, encoder, threads, vectors) as opened:
        with _asked(llm, llm_model, llm_timeout, reader, min_confidence, threads, explain) as chosen:
            answer = opened.ask(words, k, **filters, reader=chosen)
        told = explained(opened, words, answer.hits, mode.value) if explain else None
    if as_json:
        emit("ask", {**serialize.answer(answer), **({"explain": told} if told else {})})
    else:
        paper = Paper.for_stdout()
        if told:
            render.explanation(paper, told)
        render.answer(paper, answer, told)
        if not answer.found and not told and answer.hits:
            say("add --explain to see the nearest passages.")
        if not answer.hits:
            tell_filters(filters)
    return 0 if answer.found else 1


@app.command(cls=Verb, rich_help_panel=ASK)
@verb
def search(
    query: Annotated[list[str], typer.Argument(metavar="QUERY", help="What to look for; - reads it from stdin.")],
    k: HowMany = 10,
    mode: By = Mode.hybrid,
    source: Source = None,
    since: Since = None,
    until: Until = None,
    explain: Explain = False,
    as_json: Json = False,
    index: At = None,
    encoder: EncoderName = None,
    threads: Threads = None,
    vectors: Compared = Vectors.auto,
) -> int:
    """Find the passages that fit best, with their sources."""
    from . import render
    from .explain import explained
    from .terminal import Paper

    words = _words(query, "query")
    filters = _filters(mode, source, since, until)
    with _open(index, encoder, threads, vectors) as opened:
        found = opened.search(words, k, **filters)
        told = explained(opened, words, found, mode.value) if explain else None
    if told and not as_json:
        render.explanation(Paper.for_stdout(), told)
    return _hits("search", {"query": words, "mode": mode.value}, filters, found, as_json, told)


@app.command(cls=Verb, rich_help_panel=ASK)
@verb
def similar(
    text: Annotated[list[str] | None, typer.Argument(metavar="[TEXT]", help="A text; - reads it from stdin.")] = None,
    passage: Annotated[int | None, typer.Option("--passage", metavar="ID", help="Like this passage.")] = None,
    article: Annotated[str | None, typer.Option("--article", metavar="SOURCE", help="Like this article.")] = None,
    same_article: Annotated[
        bool, typer.Option("--same-article", help="With --passage or --article: passages of the same article, too.")
    ] = False,
    k: HowMany = 10,
    mode: By = Mode.hybrid,
    source: Source = None,
    since: Since = None,
    until: Until = None,
    as_json: Json = False,
    index: At = None,
    encoder: EncoderName = None,
    threads: Threads = None,
    vectors: Compared = Vectors.auto,
) -> int:
    """Find passages of other articles like a text, a passage or an article."""
    only_one({"TEXT": text, "--passage": passage, "--article": article})
    words = _words(text, "text") if text else None
    filters = _filters(mode, source, since, until)
    with _open(index, encoder, threads, vectors) as opened:
        found = opened.similar(words, passage=passage, article=article, same_article=same_article, k=k, **filters)
    asked = {"text": words, "passage": passage, "article": article, "same_article": same_article, "mode": mode.value}
    return _hits("similar", asked, filters, found, as_json, None)


@app.command(cls=Verb, rich_help_panel=ASK)
@verb
def duplicates(
    share: Annotated[
        float,
        typer.Option("--share", metavar="SHARE", help="How much of the shorter one the longer one says, 0 to 1."),
    ] = 0.5,
    k: Annotated[
        int | None, typer.Option("-k", "--limit", min=1, metavar="N", help="How many groups.  [default: all]")
    ] = None,
    source: Source = None,
    since: Since = None,
    until: Until = None,
    as_json: Json = False,
    index: At = None,
) -> int:
    """Find articles that say the same, in full or in part, over the whole index."""
    from . import render
    from .index_commands import duplicates as find
    from .terminal import Paper

    filters = _filters(Mode.hybrid, source, since, until)
    del filters["mode"]
    found = find(index_path(index), share, filters)
    if as_json:
        from .. import serialize

        emit("duplicates", {"share": share, **serialize.duplicates(found, k)})
    elif found:
        render.duplicates(Paper.for_stdout(), found, k)
    else:
        typer.echo("Không có bài nào nói trùng nhau. (No duplicates found.)")
        tell_filters(filters)
    return 0 if found else 1


def _words(given: list[str], what: str) -> str:
    """The words of the command line as one text, or stdin where they are a lone ``-``."""
    from ..errors import UsageError
    from ..text import clean

    words = clean(read_stdin().decode("utf-8", "replace") if given == ["-"] else " ".join(given)).strip()
    if not words:
        raise UsageError(f"The {what} is empty.")
    return words


def _hits(
    command: str,
    asked: dict[str, Any],
    filters: dict[str, Any],
    found: list[Any],
    as_json: bool,
    told: dict[str, Any] | None,
) -> int:
    from .. import serialize
    from . import render
    from .terminal import Paper

    if as_json:
        emit(command, {**asked, "hits": [serialize.hit(h) for h in found], **({"explain": told} if told else {})})
    elif found:
        render.hits(Paper.for_stdout(), found, told)
    else:
        typer.echo("Không tìm thấy đoạn nào. (Nothing found.)")
        tell_filters(filters)
    return 0 if found else 1


# Keep the index up to date -------------------------------------------------------------------


@app.command("index", cls=Verb, rich_help_panel=KEEP)
@verb
def index_command(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATH]...", help="Files, folders, globs; - reads an article from stdin."),
    ] = None,
    as_json: Json = False,
    index: At = None,
    encoder: EncoderName = None,
    threads: Threads = None,
) -> int:
    """Make the index hold exactly what is in PATH (without PATH: in all paths it knows).

    New articles are added, changed ones replaced, those that vanished from PATH removed; articles from
    other paths stay. Doing it twice does nothing.
    """
    from .index_commands import sync

    return sync(index_path(index), paths or [], encoder, threads, as_json)


@app.command(cls=Verb, rich_help_panel=KEEP)
@verb
def remove(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A file, a folder, or a source as `show` names it.")],
    as_json: Json = False,
    index: At = None,
) -> int:
    """Forget an article, a file, or a folder with all below it.

    Files that are still there come back with the next `index` of their folder.
    """
    from . import render

    with _open(index, None, None) as opened:
        gone = opened.remove(source)
    if as_json:
        emit("remove", {"source": source, "removed": gone})
    else:
        typer.echo(f"{render.count(gone, 'source')} removed")
        if not gone:
            say(f'no article of the index is from "{source}"; `search` and `show` name the sources.')
        elif os.path.lexists(source):
            say(f"{source} is still there: the next `index` of its folder takes it in again.")
    return 0 if gone else 1


@app.command(cls=Verb, rich_help_panel=KEEP)
@verb
def rebuild(as_json: Json = False, index: At = None, encoder: EncoderName = None, threads: Threads = None) -> int:
    """Make all vectors and terms anew, with another encoder if one is named."""
    from .index_commands import rebuild as run

    return run(index_path(index), encoder, threads, as_json)


@app.command(cls=Verb, rich_help_panel=KEEP)
@verb
def doctor(
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be made again.")] = False,
    as_json: Json = False,
    index: At = None,
) -> int:
    """Check every file of the index."""
    from .index_commands import doctor as run

    return run(index_path(index), repair, as_json)


# Look inside ---------------------------------------------------------------------------------


@app.command(cls=Verb, rich_help_panel=KNOW)
@verb
def show(
    passage: Annotated[int, typer.Argument(metavar="ID", help="A passage's id, as `search` prints it.")],
    context: Annotated[
        int | None, typer.Option("--context", min=0, metavar="N", help="Only N lines before and after.")
    ] = None,
    as_json: Json = False,
    index: At = None,
) -> int:
    """Show a passage in its article."""
    from .. import serialize
    from . import render
    from .terminal import Paper

    with _open(index, None, None) as opened:
        hit = opened.show(passage)
    if as_json:
        told = serialize.hit(hit, text=True)
        emit("show", {key: told[key] for key in ("passage", "article")})
    else:
        render.show(Paper.for_stdout(), hit, context)
    return 0


@app.command(cls=Verb, rich_help_panel=KNOW)
@verb
def status(as_json: Json = False, index: At = None) -> int:
    """Tell what the index holds and what it was made with."""
    from .. import serialize
    from . import render
    from .terminal import Paper

    with _open(index, None, None) as opened:
        told = opened.status()
    if as_json:
        emit("status", serialize.plain(told))
    else:
        render.status(Paper.for_stdout(), told)
    return 0


@app.command(cls=Verb, rich_help_panel=KNOW)
@verb
def encoders(as_json: Json = False) -> int:
    """List what can encode: the bundled encoder and the known families."""
    from .. import serialize
    from ..encoders import known
    from . import render
    from .terminal import Paper

    if as_json:
        emit("encoders", {"encoders": serialize.plain(known())})
    else:
        render.encoders(Paper.for_stdout(), known())
    return 0


@app.command("eval", cls=Verb, rich_help_panel=KNOW)
@verb
def eval_command(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="corpus.jsonl, queries.jsonl, qrels.tsv and, if any, answers.jsonl.")
    ],
    mode: By = Mode.hybrid,
    encoder: EncoderName = None,
    reader: ReaderName = None,
    min_confidence: MinConfidence = None,
    threads: Threads = None,
    as_json: Json = False,
    index: Annotated[
        Path | None,
        typer.Option("--index", metavar="PATH", help="Build or reuse an index here, not a temporary one."),
    ] = None,
) -> int:
    """Measure quality on a set of questions (BEIR layout)."""
    from . import render
    from .evaluate import measure
    from .terminal import Paper

    measured = measure(directory, mode.value, encoder, threads, index, _reader(reader, min_confidence, threads))
    if as_json:
        typer.echo(dumps(measured))
    else:
        render.evaluation(Paper.for_stdout(), measured)
    return 0
