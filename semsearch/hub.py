"""What encoders and readers share of models that others trained: whether the hub has one, and word segmentation.

Asking the hub in vain takes the libraries over a minute (five patient retries for each of several files), so
whether it can be reached is found out first and cheaply. Nothing heavy is imported here before it is needed.
"""

from __future__ import annotations

import logging
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["INSTALL", "NAME", "SECONDS", "bars", "hub_refusal", "is_cached", "positions", "pyvi", "quiet", "short"]

INSTALL = 'pip install "semsearch[models]"'
NAME = re.compile(r"\w[\w.-]*(/[\w.-]+)?")
"""What a model on the hub can be called."""
SECONDS = 5.0  # for the hub to answer


def is_cached(names: list[str], files: tuple[str, ...]) -> bool:
    """Whether an earlier download left a model of one of these names, or the most of it, on this machine."""
    from huggingface_hub import try_to_load_from_cache

    return any(isinstance(try_to_load_from_cache(name, file), str) for name in names for file in files)


def hub_refusal(names: list[str]) -> tuple[str, Exception] | None:
    """Why the hub does not give any of these models, as one clause, and the error; None if it says that it has one.

    It has seconds to answer.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    outcome: list[Exception | None] = []

    def ask(name: str) -> None:
        try:
            HfApi().model_info(name, timeout=SECONDS)
            outcome.append(None)
        except Exception as error:
            outcome.append(error)

    def wait(name: str) -> Exception | None:
        # In a thread of its own, because looking up the hub's address is not covered by any timeout.
        thread = threading.Thread(target=ask, args=(name,), daemon=True)
        thread.start()
        thread.join(2 * SECONDS)
        return outcome.pop() if outcome else TimeoutError(f"no answer in {2 * SECONDS:.0f} s")

    error: Exception | None = None
    with quiet():
        for name in names:
            error = wait(name)
            if not isinstance(error, RepositoryNotFoundError) or isinstance(error, GatedRepoError):
                break
    if error is None:
        return None
    if isinstance(error, GatedRepoError):
        return "the hub gives it only to those who have asked for access (then: hf auth login)", error
    if isinstance(error, RepositoryNotFoundError):
        return "the hub has no model of this name, or not for everybody", error
    return f"the hub is out of reach ({short(error)})", error


def positions(config: Any) -> int | None:
    """How many tokens a transformer has position embeddings for; None if its configuration does not say."""
    count = getattr(config, "max_position_embeddings", None)
    if count is None:
        return None
    # RoBERTa and its kin count positions from the padding id on, and so have fewer than they seem to:
    # PhoBERT's 258 are 256 tokens. Models of that kind without a declared limit crash on long texts.
    if getattr(config, "model_type", "") in ("roberta", "xlm-roberta", "camembert"):
        return int(count - config.pad_token_id - 1)
    return int(count)


def pyvi() -> Callable[[str], str]:
    """pyvi's word segmentation: syllables of one word joined with ``_``, NFC, punctuation set apart.

    Raises ImportError if it is not installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyvi import ViTokenizer

    def segment(text: str) -> str:
        return str(ViTokenizer.tokenize(text))

    return segment


def short(error: Exception) -> str:
    """The first line of a message, which may be long, or the kind of the error where there is none."""
    line = next(iter(str(error).strip().splitlines()), "").rstrip(". ") or type(error).__name__
    line = re.sub(r"^\[Errno -?\d+\] ", "", line)
    return line if len(line) <= 160 else line[:160].rsplit(" ", 1)[0] + " …"


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings and no log lines of the libraries: what matters is raised, and said in one sentence."""
    loggers = [logging.getLogger(n) for n in ("transformers", "sentence_transformers", "huggingface_hub", "torch")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


@contextmanager
def bars(shown: bool) -> Iterator[None]:
    """With or without transformers' progress bars, which it draws on stderr."""
    from transformers.utils import logging as transformers_logging

    progress: Any = transformers_logging
    before = progress.is_progress_bar_enabled()
    if not shown:
        progress.disable_progress_bar()
    try:
        yield
    finally:
        if before:
            progress.enable_progress_bar()
