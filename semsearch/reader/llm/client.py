"""A client for servers that speak OpenAI's chat protocol: llama.cpp, Ollama, vLLM and others."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ...errors import ReaderUnavailable, UsageError

if TYPE_CHECKING:
    import openai

__all__ = ["MAX_REPLY", "ChatClient", "Reply", "base_url", "is_local"]

MAX_REPLY = 20_000
"""Maximum characters of a reply; a longer one has gone astray."""

_CONNECT_TIMEOUT_S = 10.0  # a running server accepts a connection at once, however long it then takes
_MAX_TIMEOUT_S = 86_400
_MAX_DETAIL = 160  # characters of a message of the server
_NO_KEY = "no-key-needed"  # the library requires a key, local servers do not
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+", re.IGNORECASE | re.ASCII)


def base_url(address: str) -> str:
    """Return the base URL of a server's API: ``localhost:8080`` is ``http://localhost:8080/v1``; a path is kept.

    Raises:
        UsageError: It is not the address of a server.
    """
    url = address.strip() if "://" in address else f"http://{address.strip()}"
    invalid = UsageError(
        f"Invalid address of a language model: {address} (expected a form like http://localhost:8080)."
    )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise invalid from None
    if parts.username or parts.password:
        raise UsageError(
            "The address of a language model must not contain a user name or password; put the key into the "
            "environment variable SEMSEARCH_LLM_KEY."
        )
    has_host = _HOST.fullmatch(parts.hostname or "") is not None
    if parts.scheme not in ("http", "https") or not has_host or port == 0 or parts.query or parts.fragment:
        raise invalid
    path = parts.path.rstrip("/").removesuffix("/chat/completions") or "/v1"
    return f"{parts.scheme}://{parts.netloc}{path}"


def is_local(url: str) -> bool:
    """Whether a URL is that of this machine."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or re.fullmatch(r"127(?:\.\d{1,3}){3}", host) is not None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model wrote. ``is_complete``: it was not cut off at the server's length limit."""

    text: str
    is_complete: bool


class ChatClient:
    """One model of one server.

    Args:
        address: The server, with or without ``/v1``.
        model: The model; None takes the first one that the server lists.
        api_key: None for servers that need none.
        timeout: Seconds for a whole reply, whatever the server does.
        stream: Receive the reply in parts, so that a broken connection is noticed and an endless reply is stopped.
        progress: Called with the number of characters received so far, if ``stream``.

    Raises:
        UsageError: The address, the key or the timeout is invalid.
    """

    def __init__(
        self,
        address: str,
        model: str | None,
        api_key: str | None,
        timeout: float,
        stream: bool,
        progress: Callable[[int], None] | None,
    ) -> None:
        if not 0 < timeout <= _MAX_TIMEOUT_S:
            raise UsageError(f"`timeout` must be above 0 and at most {_MAX_TIMEOUT_S} seconds (got {timeout:g}).")
        if re.search(r"[^!-~]", api_key or ""):
            raise UsageError("The API key contains invalid characters.")
        self.url = base_url(address)
        self.model = model
        self.timeout = timeout
        self._key = api_key or _NO_KEY
        self._stream = stream
        self._progress = progress

    def reply(self, messages: list[dict[str, str]]) -> Reply:
        """Send messages and return the model's reply.

        Args:
            messages: The conversation, as ``role`` and ``content``.

        Raises:
            ReaderUnavailable: The ``openai`` package is not installed, or the server is unreachable, refuses, does not
                finish in time, or does not speak the protocol.
        """
        try:
            import openai  # takes a second
        except ImportError:
            raise ReaderUnavailable(
                "A language model needs the package openai, which is not installed: pip install 'semsearch[llm]'."
            ) from None
        # A redirect would send the passages to another server than the named one. A proxy is not used for a server on
        # this machine.
        http = openai.DefaultHttpxClient(follow_redirects=False, trust_env=not is_local(self.url))
        client = openai.OpenAI(
            base_url=self.url,
            api_key=self._key,
            timeout=openai.Timeout(self.timeout, connect=min(_CONNECT_TIMEOUT_S, self.timeout)),
            max_retries=0,
            http_client=http,
        )
        client.organization = client.project = None  # the library takes them from the environment
        deadline = time.monotonic() + self.timeout
        # The library's timeout bounds each read, and the lookup of the server's name has none: a server that sends a
        # byte now and then would keep us for ever. So the whole reply is bounded here, from another thread; a thread
        # that is late is left behind, and ends at its next read because the client is closed.
        reply = _in_thread(lambda: self._ask(client, messages, deadline))
        try:
            return reply.result(self.timeout)
        except TimeoutError:
            raise self._failed(
                f"did not finish its reply within {self.timeout:g} seconds; allow more with --llm-timeout"
            ) from None
        finally:
            client.close()

    def _ask(self, client: openai.OpenAI, messages: list[dict[str, str]], deadline: float) -> Reply:
        import openai

        with self._errors_as_sentences():
            self.model = self.model or self._first_model(client)
            request: dict[str, Any] = {"model": self.model, "messages": messages, "stream": self._stream}
            try:
                # The most probable words, so that the same question has the same answer.
                response: Any = client.chat.completions.create(**request, temperature=0)
            except openai.BadRequestError as error:
                if "temperature" not in str(error):
                    raise
                response = client.chat.completions.create(**request)  # some models have a single temperature
            text, finish_reason = self._read_stream(response, deadline) if self._stream else _read_whole(response)

        if finish_reason == "content_filter":
            raise self._failed("stopped its reply because of a content filter")
        if finish_reason == "length" and not text.strip():
            raise self._failed("reached its length limit before it wrote a word; raise that limit")
        if not text.strip():
            raise self._failed("returned a reply without text; is it a chat model, and is the address right?")
        if len(text) > MAX_REPLY:
            raise self._failed(f"wrote more than {MAX_REPLY:,} characters; try another model")
        if self._stream and finish_reason is None:
            raise self._broken_off()
        return Reply(text, is_complete=finish_reason != "length")

    def _first_model(self, client: openai.OpenAI) -> str:
        for model in _list(client.models.list(), "data"):
            name = getattr(model, "id", None)
            if isinstance(name, str) and name:
                return name
        raise self._failed("lists no models (is the address right, with its /v1?); name one with --llm-model")

    def _read_stream(self, stream: Any, deadline: float) -> tuple[str, str | None]:
        """Return text and finish reason of a streamed reply, or the beginning of one that is too long."""
        import openai

        parts: list[str] = []
        finish_reason: str | None = None
        length = 0
        try:
            for chunk in stream:
                if time.monotonic() > deadline:
                    raise TimeoutError
                for choice in _list(chunk, "choices")[:1]:  # the last chunk may have none
                    part = getattr(getattr(choice, "delta", None), "content", None)
                    if isinstance(part, str):
                        parts.append(part)
                        length += len(part)
                        if self._progress is not None:
                            self._progress(length)
                    finish_reason = getattr(choice, "finish_reason", None) or finish_reason
                if length > MAX_REPLY:
                    break
        except openai.APIConnectionError:
            raise self._broken_off() from None
        except (openai.APIError, ValueError, TimeoutError):
            raise
        except Exception:  # of the HTTP library, which some versions of the client let through
            raise self._broken_off() from None
        return "".join(parts), finish_reason

    def _failed(self, what: str) -> ReaderUnavailable:
        return ReaderUnavailable(f"The language model at {self.url} {what}{'' if what.endswith('?') else '.'}")

    def _broken_off(self) -> ReaderUnavailable:
        return self._failed("broke off in the middle of its reply; check the server's log and try again")

    @contextmanager
    def _errors_as_sentences(self) -> Iterator[None]:
        """Raise whatever the library raises as a ReaderUnavailable of one sentence."""
        import openai

        try:
            yield
        except openai.APITimeoutError as error:
            if not _is_connect_timeout(error):
                raise TimeoutError from None
            raise self._failed(
                "does not accept connections; is the address right, and is the server running?"
            ) from None
        except openai.APIConnectionError as error:
            cause = self._one_line(str(error.__cause__ or error))
            raise self._failed(f"is unreachable ({cause}); is the address right, and is the server running?") from None
        except openai.APIStatusError as error:
            detail = self._detail(error.body)
            raise self._failed(f"answered {error.status_code}{detail}; {_advice(error.status_code)}") from None
        except openai.APIError as error:
            detail = self._detail(error.body) or self._detail(error.message)
            raise self._failed(f"failed{detail}; check the server's log") from None
        except (openai.OpenAIError, ValueError, TypeError, AttributeError):
            raise self._failed(
                "returned something that is not a chat completion; is the address right, with its /v1?"
            ) from None

    def _detail(self, body: object) -> str:
        """Return the server's message about an error in brackets, or an empty string."""
        message = body.get("message") or body.get("error") or body.get("detail") if isinstance(body, dict) else body
        is_text = isinstance(message, str) and message.strip() and "<" not in message  # not a page of HTML
        return f" ({self._one_line(str(message))})" if is_text else ""

    def _one_line(self, message: str) -> str:
        """Shorten a message to one line, without control characters and without the key."""
        without_key = message.replace(self._key, "***")
        line = " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", without_key).split()).rstrip(".")
        return line if len(line) <= _MAX_DETAIL else line[:_MAX_DETAIL] + "…"


def _is_connect_timeout(error: openai.APITimeoutError) -> bool:
    return type(error.__cause__).__name__ == "ConnectTimeout"


def _advice(status: int) -> str:
    if status in (401, 403):
        return "put its key into the environment variable SEMSEARCH_LLM_KEY"
    if status == 404:
        return "is the address right, with its /v1, and the name of the model?"
    if status == 429:
        return "it is overloaded or your quota is used up: try again later"
    if 300 <= status < 400:
        return "it redirects to another address: give that address itself"
    return "try again later, or check the server's log" if status >= 500 else "check the server's log"


def _read_whole(response: Any) -> tuple[str, str | None]:
    """Return text and finish reason of a reply that was not streamed."""
    for choice in _list(response, "choices")[:1]:
        text = getattr(getattr(choice, "message", None), "content", None)
        return text if isinstance(text, str) else "", getattr(choice, "finish_reason", None)
    return "", None


def _list(response: object, name: str) -> list[Any]:
    """Return an attribute if it is a list: the library does not validate what a server sends."""
    value = getattr(response, name, None)
    return value if isinstance(value, list) else []


def _in_thread(work: Callable[[], Reply]) -> Future[Reply]:
    """Run ``work`` in a thread that does not keep the process alive."""
    future: Future[Reply] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, name="semsearch-llm", daemon=True).start()
    return future
