"""``ask --llm``: the key of the server, the progress of its reply, and what is told of sentences that were struck."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ..reader.llm.client import address, is_local
from ..reader.llm.reader import TIMEOUT, LLMReader
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
    """The reader; afterwards, on stderr, how many sentences of the reply were struck, or which and why."""
    bar = ProgressBar(locale)
    struck: list[tuple[str, str]] = []
    reader = LLMReader(
        url,
        quoter=load_reader(min_confidence=0.0),
        model=model,
        api_key=_key(url),
        timeout=TIMEOUT if timeout is None else timeout,
        progress=lambda characters: bar("reply", characters, 0),
        on_struck=lambda sentence, reason: struck.append((sentence, reason)),
    )
    try:
        yield reader
    finally:
        bar.clear()
    if explain:
        for sentence, reason in struck:
            say(locale.text(messages.REMOVED_SENTENCE, sentence=one_line(sentence)))
            say(one_line(reason))
    elif struck:
        say(locale.text(messages.REMOVED_SENTENCES, count=locale.integer(len(struck))))


def _key(url: str) -> str | None:
    """SEMSEARCH_LLM_KEY; else OPENAI_API_KEY, but never unencrypted to another machine."""
    if key := os.environ.get("SEMSEARCH_LLM_KEY", "").strip():
        return key
    secret = address(url).startswith("https://") or is_local(address(url))
    return (os.environ.get("OPENAI_API_KEY", "").strip() or None) if secret else None
