"""``ask --llm``: the server's key, the progress of its reply, and a note about removed sentences."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ..reader.llm.client import base_url, is_local
from ..reader.llm.reader import TIMEOUT_S, LLMReader
from ..reader.loading import load_reader
from . import messages
from .language import Locale
from .progress import ProgressBar
from .runtime import say
from .terminal import one_line

__all__ = ["language_model"]


@contextmanager
def language_model(
    url: str, model: str | None, timeout: float | None, explain: bool, locale: Locale
) -> Iterator[LLMReader]:
    """Yield the reader; afterwards report on stderr how many sentences were removed, or with ``explain`` which and why.

    Args:
        url: The address of the server.
        model: The model; None takes the first one that the server lists.
        timeout: Seconds for the whole reply; None takes the default.
        explain: Whether to list the removed sentences.
        locale: The language of messages.

    Raises:
        UsageError: The address, the key or the timeout is invalid.
    """
    bar = ProgressBar(locale)
    removed: list[tuple[str, str]] = []
    reader = LLMReader(
        url,
        quoter=load_reader(min_confidence=0.0),
        model=model,
        api_key=_key(url),
        timeout=TIMEOUT_S if timeout is None else timeout,
        progress=lambda characters: bar("reply", characters, 0),
        on_removed=lambda sentence, reason: removed.append((sentence, reason)),
    )
    try:
        yield reader
    finally:
        bar.clear()
    if explain:
        for sentence, reason in removed:
            say(locale.text(messages.REMOVED_SENTENCE, sentence=one_line(sentence)))
            say(one_line(reason))
    elif removed:
        say(locale.text(messages.REMOVED_SENTENCES, count=locale.integer(len(removed))))


def _key(url: str) -> str | None:
    """Return SEMSEARCH_LLM_KEY, else OPENAI_API_KEY, but the latter never for another machine without encryption."""
    key = os.environ.get("SEMSEARCH_LLM_KEY", "").strip()
    if key:
        return key
    base = base_url(url)
    if base.startswith("https://") or is_local(base):
        return os.environ.get("OPENAI_API_KEY", "").strip() or None
    return None
