"""A reader that lets a language model word the answer, and verifies every sentence of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from ...errors import UsageError
from ...protocols import Reader
from ...text import fold, tokenize
from ...types import Answer, Hit, Query, Quote, Statement
from ..compose import answered
from ..depth import hits_to_read
from .client import ChatClient
from .prompt import MAX_PASSAGES, NOT_FOUND, build_messages
from .verify import Claim, split_claims, verify

__all__ = ["TIMEOUT_S", "LLMReader"]

TIMEOUT_S = 120.0
"""For a whole reply; a model of 8 billion weights on a small machine without a GPU needs most of it."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A verified sentence, with the numbers of the passages that support it and its line in the reply."""

    statement: Statement
    numbers: tuple[int, ...]
    line: int


class LLMReader:
    """Asks the server of a language model, and keeps of its reply what the cited passages support.

    ``composed`` of the answer is what the model wrote. ``text``, ``span`` and ``sentence`` are a quote from the passage
    that it cites first, and ``confidence`` is that of the quote.

    Args:
        url: A server that speaks OpenAI's chat protocol, with or without ``/v1``.
        quoter: Finds the quotes; it should not withhold any.
        model: The model; None takes the first one that the server lists.
        api_key: None for servers that need none.
        timeout: Seconds for the whole reply.
        stream: Receive the reply in parts, so that a broken connection is noticed and an endless reply is stopped.
            Even then nothing is shown before it is verified.
        max_passages: How many hits are sent at most.
        progress: Called with the number of characters received so far, if ``stream``; in another thread.
        on_removed: Called with each sentence that was removed, and the reason.

    Raises:
        UsageError: The address, the key or the timeout is invalid, or ``max_passages`` is below 1.
    """

    def __init__(
        self,
        url: str,
        *,
        quoter: Reader,
        model: str | None = None,
        api_key: str | None = None,
        timeout: float = TIMEOUT_S,
        stream: bool = True,
        max_passages: int = MAX_PASSAGES,
        progress: Callable[[int], None] | None = None,
        on_removed: Callable[[str, str], None] | None = None,
    ) -> None:
        if max_passages < 1:
            raise UsageError(f"`max_passages` must be at least 1 (got {max_passages}).")
        self.max_passages = max_passages
        self._client = ChatClient(url, model, api_key, timeout, stream, progress)
        self._on_removed = on_removed or (lambda sentence, reason: None)
        self._quoter = quoter

    def depth(self, query: Query) -> int:
        """Return how many hits to read for ``query``."""
        return hits_to_read(query)

    def read(self, query: Query, hits: Sequence[Hit]) -> Answer:
        """Return the answer that the model composes from ``hits`` (best first).

        It is not ``found`` if the model says so, or if no sentence of its reply can be kept. Without hits the server is
        not asked.

        Raises:
            ReaderUnavailable: The server gives no usable reply.
        """
        known = hits[: self.max_passages]
        if not known:
            return Answer(query.text, found=False)
        reply = self._client.reply(build_messages(query, known))
        claims = split_claims(reply.text)
        if claims and not reply.is_complete:
            unfinished = claims.pop()
            self._on_removed(unfinished.text, "it was cut off at the model's length limit")
        if _is_refusal(claims):
            return Answer(query.text, found=False, hits=tuple(hits))

        kept = self._verified(claims, known)
        if not kept:
            return Answer(query.text, found=False, hits=tuple(hits))
        answer = self._quoted(query, [sentence.statement for sentence in kept], hits)
        return replace(answer, composed=_composed(kept))

    def _verified(self, claims: Sequence[Claim], hits: Sequence[Hit]) -> list[_Kept]:
        kept: list[_Kept] = []
        for claim in claims:
            supporting, problem = verify(claim, hits)
            if problem:
                self._on_removed(claim.text, problem)
                continue
            numbers = tuple(n for n in claim.cited if 1 <= n <= len(hits) and hits[n - 1] in supporting)
            kept.append(_Kept(Statement(claim.text, supporting), numbers, claim.line))
        return kept

    def _quoted(self, query: Query, statements: Sequence[Statement], hits: Sequence[Hit]) -> Answer:
        """Return an answer with one quote from each cited passage, in the order of citing."""
        cited = {hit.passage.id: hit for statement in statements for hit in statement.citations}
        quotes = [self._quote(query, hit) for hit in cited.values()]
        return replace(answered(query.text, quotes, hits), statements=tuple(statements))

    def _quote(self, query: Query, hit: Hit) -> Quote:
        answer = self._quoter.read(query, [hit])
        if answer.citation is None or answer.span is None or answer.sentence is None:  # the question has no words
            return Quote(hit.sentence.of(hit.article.text), hit, hit.sentence, hit.sentence, 0.0)
        return Quote(answer.text, hit, answer.span, answer.sentence, answer.confidence, answer.marks)


def _is_refusal(claims: Sequence[Claim]) -> bool:
    """Whether the reply says that nothing was found, and nothing else."""
    text = fold(" ".join(claim.text for claim in claims))
    words = " ".join(span.of(text) for span in tokenize(text))
    return words in (fold(NOT_FOUND), "not found")


def _composed(kept: Sequence[_Kept]) -> str:
    """Return the kept sentences with their citations, in the lines in which the model wrote them."""
    lines = []
    for _, sentences in groupby(kept, key=lambda sentence: sentence.line):
        lines.append(" ".join(_with_citations(sentence) for sentence in sentences))
    return "\n".join(lines)


def _with_citations(sentence: _Kept) -> str:
    """Put the citations before the full stop: ``Cầu dài 420 mét [1][2].``"""
    text = sentence.statement.text
    body = text.rstrip(".!?…")
    citations = "".join(f"[{number}]" for number in sentence.numbers)
    return f"{body} {citations}{text[len(body) :]}"
