"""Loads models that others trained, from a folder, from earlier downloads or from the model hub.

Encoders and readers share this. Failing to reach the hub takes its libraries over a minute (five patient retries for
each of several files), so it is asked one short question first. Nothing heavy is imported before it is needed.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from .errors import SemsearchError

__all__ = ["ModelLoader", "ModelLocation", "first_line", "max_tokens", "progress_bars", "quiet"]

TIMEOUT_S = 5.0
"""For the hub to say whether it has a model."""

_INSTALL = 'pip install "semsearch[models]"'
_HUB_NAME = re.compile(r"\w[\w.-]*(/[\w.-]+)?")
_MAX_MESSAGE = 160  # characters of a message of another library

Model = TypeVar("Model")


@dataclass(frozen=True, slots=True)
class ModelLocation:
    """Where a model is: the absolute path of a local folder, or a name on the hub."""

    name: str
    is_local: bool


@dataclass(frozen=True, slots=True)
class ModelLoader:
    """Loads models of one role; every refusal is one sentence that says what was tried and what to do.

    Attributes:
        role: "encoder" or "reader".
        error: What a refusal raises.
        files: A model has at least one of these files.
        alternative: What else the user may do, as the end of a sentence.
        trust: What to do about a model that runs Python code of its own, as a clause.
    """

    role: str
    error: type[SemsearchError]
    files: tuple[str, ...]
    alternative: str
    trust: str

    def locate(self, name: str) -> ModelLocation:
        """Return where the model called ``name`` is, judging by its name and the local files.

        Raises:
            SemsearchError: It is a file, a folder without a model, or neither a folder nor a possible name on the hub.
        """
        folder = Path(name).expanduser()
        if folder.is_dir():
            if not any((folder / file).exists() for file in self.files):
                files = " nor ".join(self.files)
                problem = f"it has neither {files}" if len(self.files) > 1 else f"it has no {files}"
                raise self._refusal(f"{folder} is not a model ({problem}); give the folder of a model")
            return ModelLocation(folder.resolve().as_posix(), is_local=True)
        if folder.exists():
            raise self._refusal(f'"{name}" is a file; give the folder of a model, or its name on the hub')
        if not _HUB_NAME.fullmatch(name):
            raise self._refusal(f'There is no folder "{name}"; give the folder of a model')
        return ModelLocation(name, is_local=False)

    def require(self, name: str, packages: Sequence[str]) -> None:
        """Raise an error if packages that the model needs are not installed."""
        missing = [package for package in packages if find_spec(package) is None]
        if missing:
            verb = "are" if len(missing) > 1 else "is"
            raise self._refusal(
                f'The {self.role} "{name}" needs {" and ".join(missing)}, which {verb} not installed: {_INSTALL}'
            )

    def load(
        self, model: ModelLocation, load: Callable[[bool], Model], *, repositories: Sequence[str] | None = None
    ) -> Model:
        """Load a model from this machine, or else from the hub.

        Args:
            model: Where it is.
            load: Loads it. Its argument says whether only local files may be used. An OSError means that files
                are missing.
            repositories: Where on the hub the model may be, or for a local model the code that it runs; by default its
                name, and nothing for a local model.

        Raises:
            SemsearchError: It cannot be loaded.
        """
        if repositories is None:
            repositories = () if model.is_local else (model.name,)
        if model.is_local or _is_cached(repositories, self.files):
            try:
                return self._attempt(model, load, only_local=True)
            except OSError as error:  # the files on this machine may be incomplete
                if not repositories:
                    raise self.unloadable(model.name, error) from error

        refusal = _hub_refusal(repositories)
        if refusal is not None:
            reason, cause = refusal
            if model.is_local:
                tried = f"its code, from {repositories[0]}, is not in the cache"
            else:
                tried = "not a local folder, not in the cache"
            raise self._refusal(
                f'The {self.role} "{model.name}" cannot be loaded: {tried}, and {reason}; give the folder of a model'
            ) from cause
        try:
            return self._attempt(model, load, only_local=False)
        except OSError as error:
            raise self.unloadable(model.name, error) from error

    def segmenter(self, name: str) -> Callable[[str], str]:
        """Return pyvi's word segmentation: syllables of one word joined with ``_``, NFC, punctuation set apart.

        Raises:
            SemsearchError: pyvi is not installed.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                from pyvi import ViTokenizer
        except ImportError as error:
            raise self._refusal(
                f'The {self.role} "{name}" reads segmented words and needs pyvi for it: {_INSTALL}'
            ) from error
        return lambda text: str(ViTokenizer.tokenize(text))

    def unloadable(self, name: str, error: Exception) -> SemsearchError:
        """Return the error to raise for whatever torch, transformers or a model's own code raised."""
        if "trust_remote_code" in str(error):
            return self.untrusted(name)
        # transformers falls back to tiktoken for a tokenizer that needs sentencepiece.
        if "tiktoken" in str(error) and find_spec("sentencepiece") is None:
            return self._refusal(f'The {self.role} "{name}" needs sentencepiece, which is not installed: {_INSTALL}')
        return self._refusal(
            f'The {self.role} "{name}" cannot be loaded ({first_line(error)}); check its files or download it again'
        )

    def untrusted(self, name: str) -> SemsearchError:
        """Return the error to raise for a model that would run Python code of its own."""
        return self._refusal(f'The {self.role} "{name}" runs Python code of its own; {self.trust}')

    def _attempt(self, model: ModelLocation, load: Callable[[bool], Model], *, only_local: bool) -> Model:
        try:
            # A download may show its progress on a terminal.
            with quiet(), progress_bars(shown=not only_local and sys.stderr.isatty()):
                return load(only_local)
        except (OSError, SemsearchError):
            raise
        except Exception as error:  # whatever torch, transformers and the model's own code raise
            raise self.unloadable(model.name, error) from error

    def _refusal(self, message: str) -> SemsearchError:
        return self.error(f"{message}, {self.alternative}.")


def _is_cached(repositories: Sequence[str], files: Sequence[str]) -> bool:
    """Whether an earlier download left a model from one of these repositories, or most of it, on this machine."""
    from huggingface_hub import try_to_load_from_cache

    for repository in repositories:
        for file in files:
            if isinstance(try_to_load_from_cache(repository, file), str):
                return True
    return False


def _hub_refusal(repositories: Sequence[str]) -> tuple[str, Exception] | None:
    """Ask the hub whether it gives one of these models.

    Returns:
        The reason why not, as a clause, and the error; None if it does.
    """
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    error: Exception | None = None
    with quiet():
        for repository in repositories:
            error = _ask_hub(repository)
            is_missing = isinstance(error, RepositoryNotFoundError) and not isinstance(error, GatedRepoError)
            if not is_missing:
                break
    if error is None:
        return None
    if isinstance(error, GatedRepoError):
        return "the hub gives it only to accounts that were granted access (log in with: hf auth login)", error
    if isinstance(error, RepositoryNotFoundError):
        return "the hub has no public model of this name", error
    return f"the hub is unreachable ({first_line(error)})", error


def _ask_hub(repository: str) -> Exception | None:
    """Return the error that the hub gives for a repository, or None."""
    from huggingface_hub import HfApi

    outcome: list[Exception | None] = []

    def ask() -> None:
        try:
            HfApi().model_info(repository, timeout=TIMEOUT_S)
            outcome.append(None)
        except Exception as error:
            outcome.append(error)

    # In a thread, because no timeout covers the lookup of the hub's address.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(2 * TIMEOUT_S)
    return outcome[0] if outcome else TimeoutError(f"no answer in {2 * TIMEOUT_S:.0f} s")


def max_tokens(config: Any) -> int | None:
    """Return the number of tokens for which a transformer has position embeddings; None if its config has no limit."""
    count = getattr(config, "max_position_embeddings", None)
    if count is None:
        return None
    # RoBERTa and its relatives count positions from the padding id, so they have fewer than it seems: PhoBERT's 258 are
    # 256 tokens. Models of that kind without a declared limit crash on long texts.
    if getattr(config, "model_type", "") in ("roberta", "xlm-roberta", "camembert"):
        return int(count - config.pad_token_id - 1)
    return int(count)


def first_line(error: Exception) -> str:
    """Return the first line of a message, shortened, or the type of the error if it has none."""
    line = next(iter(str(error).strip().splitlines()), "").rstrip(". ") or type(error).__name__
    line = re.sub(r"^\[Errno -?\d+\] ", "", line)
    return line if len(line) <= _MAX_MESSAGE else line[:_MAX_MESSAGE].rsplit(" ", 1)[0] + " …"


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress the warnings and log lines of the libraries; what matters is raised."""
    names = ("transformers", "sentence_transformers", "huggingface_hub", "torch")
    loggers = [logging.getLogger(name) for name in names]
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
def progress_bars(*, shown: bool) -> Iterator[None]:
    """Show or hide the progress bars that transformers draws on stderr."""
    from transformers.utils import logging as transformers_logging

    settings: Any = transformers_logging
    before = settings.is_progress_bar_enabled()
    if not shown:
        settings.disable_progress_bar()
    try:
        yield
    finally:
        if before:
            settings.enable_progress_bar()
