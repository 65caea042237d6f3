"""The options and arguments that commands share, each defined once.

A command takes a group of options as one dataclass; ``runtime.as_callback`` makes an option of each field.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from ..errors import IndexMissing, UsageError
from ..filters import Filter
from ..text import clean
from ..types import Mode, VectorSearch
from . import messages
from .language import Locale, OutputLanguage, language_of
from .runtime import read_stdin, say

if TYPE_CHECKING:
    from ..index import Index
    from ..protocols import Reader

__all__ = [
    "EncoderOptions",
    "ExplainOption",
    "FilterOptions",
    "IndexOption",
    "LimitOption",
    "LlmOptions",
    "ModeOption",
    "OutputOptions",
    "ReaderOptions",
    "TextCommand",
    "VectorsOption",
    "index_path",
    "join_words",
    "open_index",
    "parse_date",
]

DEFAULT_INDEX = Path("indexes") / "default"

IndexOption = Annotated[
    Path | None,
    typer.Option("--index", envvar="SEMSEARCH_INDEX", metavar="PATH", help="Index folder.  [default: indexes/default]"),
]
ModeOption = Annotated[
    Mode, typer.Option("--mode", help="Hybrid, dense (semantic) or lexical (BM25) search.", metavar="MODE")
]
VectorsOption = Annotated[
    VectorSearch,
    typer.Option("--vectors", metavar="KIND", help="Vector search: exact, approximate, or auto (by index size)."),
]
LimitOption = Annotated[int, typer.Option("-k", "--limit", min=1, metavar="N", help="Number of passages.")]
ExplainOption = Annotated[
    bool, typer.Option("--explain", help="Show score components, shared terms, weights and query language.")
]


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """How results are printed."""

    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object (see docs/json.md).")] = False
    lang: Annotated[
        OutputLanguage | None,
        typer.Option("--lang", metavar="vi|en", help="Language of the output.  [default: that of the locale, or vi]"),
    ] = None

    @property
    def locale(self) -> Locale:
        """The language of ``--lang``, or else of the environment."""
        return Locale(self.lang or language_of(os.environ))


@dataclass(frozen=True, slots=True)
class EncoderOptions:
    """What encodes texts."""

    encoder: Annotated[
        str | None, typer.Option("--encoder", metavar="NAME", help="Encoder; `semsearch encoders` lists them.")
    ] = None
    threads: Annotated[int | None, typer.Option("--threads", min=1, metavar="N", help="Threads for encoding.")] = None


@dataclass(frozen=True, slots=True)
class FilterOptions:
    """Which articles are searched."""

    source: Annotated[
        str | None, typer.Option("--source", metavar="SOURCE", help="Only articles from this file, folder or URL.")
    ] = None
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="DATE", help="Only articles from this day on: 2020-01-31 or 31/1/2020."),
    ] = None
    until: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="Only articles up to and including this day.")
    ] = None

    def to_filter(self) -> Filter:
        """Return the filters as the library takes them.

        Raises:
            UsageError: A date is invalid, or ``--since`` is after ``--until``.
        """
        since = parse_date("--since", self.since)
        until = parse_date("--until", self.until)
        if since and until and since > until:
            raise UsageError(f"--since {self.since} is after --until {self.until}.")
        return Filter(self.source, since, until)

    def suggest_removing(self, locale: Locale) -> None:
        """After a search without results, name the filters on stderr: a misspelt one looks just like that."""
        options = {"--source": self.source, "--since": self.since, "--until": self.until}
        active = [f"{name} {value}" for name, value in options.items() if value]
        if active:
            say(locale.text(messages.TRY_WITHOUT_FILTERS, filters=" ".join(active)))


@dataclass(frozen=True, slots=True)
class ReaderOptions:
    """What finds answers in passages."""

    reader: Annotated[
        str | None,
        typer.Option("--reader", metavar="NAME", help="Question-answering model to use instead of the bundled one."),
    ] = None
    min_confidence: Annotated[
        float | None,
        typer.Option("--min-confidence", metavar="P", help="Withhold answers with a lower confidence (0-1)."),
    ] = None

    @property
    def given(self) -> bool:
        """True if any of the options was used."""
        return self.reader is not None or self.min_confidence is not None

    def load(self, threads: int | None) -> Reader | None:
        """Load the reader; None stands for the index's own, the bundled one."""
        if not self.given:
            return None
        from ..reader import load_reader

        return load_reader(self.reader or "bundled", min_confidence=self.min_confidence, threads=threads)


@dataclass(frozen=True, slots=True)
class LlmOptions:
    """A language model that words the answer."""

    llm: Annotated[
        str | None,
        typer.Option(
            "--llm", metavar="URL", help="Language model server that words the answer; passages are sent there."
        ),
    ] = None
    llm_model: Annotated[
        str | None, typer.Option("--llm-model", metavar="NAME", help="Its model.  [default: the first it lists]")
    ] = None
    llm_timeout: Annotated[
        float | None, typer.Option("--llm-timeout", metavar="SECONDS", help="Time to wait for it.  [default: 120]")
    ] = None

    def check(self, reader: ReaderOptions) -> None:
        """Raise UsageError if the options contradict each other or those of ``reader``."""
        if self.llm is None and (self.llm_model is not None or self.llm_timeout is not None):
            raise UsageError("--llm-model and --llm-timeout require --llm URL.")
        if self.llm is not None and reader.given:
            raise UsageError("--llm cannot be combined with --reader or --min-confidence.")


class TextCommand(TyperCommand):
    """A command whose argument is a text; says what to do if the text begins with a dash."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        options = args[: args.index("--")] if "--" in args else args
        for word in options:
            if word.startswith("-") and not _OPTION.fullmatch(word):
                text = " ".join(word.split())
                ctx.fail(f'Put -- before a text that begins with a dash: {ctx.command_path} -- "{text}"')
        return super().parse_args(ctx, args)


_OPTION = re.compile(r"-|--?[a-zA-Z][\w-]*(=.*)?", re.DOTALL)


def index_path(path: Path | None) -> Path:
    """Return the folder of the index.

    Raises:
        IndexMissing: It is a file.
    """
    if path is None:
        return DEFAULT_INDEX
    if path.is_file():
        raise IndexMissing(f"--index {path} is a file, not a folder.")
    return path


def open_index(path: Path | None, encoding: EncoderOptions | None = None, vectors: VectorSearch = "auto") -> Index:
    """Open the index that ``--index`` names, or the default one."""
    from ..index import Index

    encoding = encoding or EncoderOptions()
    return Index.open(index_path(path), encoder=encoding.encoder, threads=encoding.threads, vectors=vectors)


def join_words(words: list[str], name: str, locale: Locale) -> str:
    """Return the words of the command line as one text; a lone ``-`` stands for stdin.

    Raises:
        UsageError: The text is empty.
    """
    joined = read_stdin(locale).decode("utf-8", "replace") if words == ["-"] else " ".join(words)
    text = clean(joined).strip()
    if not text:
        raise UsageError(f"The {name} is empty.")
    return text


_ISO_DATE = re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})")
_VIETNAMESE_DATE = re.compile(r"(?P<day>\d{1,2})[/.-](?P<month>\d{1,2})[/.-](?P<year>\d{4})")


def parse_date(option: str, text: str | None) -> dt.date | None:
    """Parse ``2018-08-27`` or ``27/8/2018``.

    Raises:
        UsageError: It is neither; ``option`` appears in the message.
    """
    if text is None:
        return None
    match = _ISO_DATE.fullmatch(text.strip()) or _VIETNAMESE_DATE.fullmatch(text.strip())
    if match:
        try:
            return dt.date(int(match["year"]), int(match["month"]), int(match["day"]))
        except ValueError:
            pass  # such as 30 February
    raise UsageError(f'{option} "{text}" is not a date. Write it as 2018-08-27 or 27/8/2018.')
