"""Talking to a server that speaks OpenAI's chat protocol: llama.cpp, Ollama, vLLM and others."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from ...errors import ReaderUnavailable, UsageError

__all__ = ["MAX_REPLY", "Chat", "address", "is_local"]

MAX_REPLY = 20_000
"""Characters; a reply that goes on for longer has lost its way."""

_CONNECT = 10.0  # seconds; a server that is there takes the call at once, however long it then thinks
_LONGEST = 86_400  # seconds of a timeout: a day
_NO_KEY = "no-key-needed"  # the client wants one, local servers do not
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+", re.IGNORECASE | re.ASCII)


def address(url: str) -> str:
    """The base of the server's API: ``localhost:8080`` is ``http://localhost:8080/v1``; a path given is kept.

    Raises UsageError for what is no address of a server.
    """
    written = url.strip() if "://" in url else f"http://{url.strip()}"
    try:
        parts = urlsplit(written)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.username or parts.password:
        raise UsageError("The address of a language model holds no name and password; put the key into a variable.")
    host = _HOST.fullmatch(parts.hostname or "")
    if parts.scheme not in ("http", "https") or not host or port == 0 or parts.query or parts.fragment:
        raise UsageError(f"{url} is no address of a language model; write it as http://localhost:8080/v1.")
    path = parts.path.rstrip("/").removesuffix("/chat/completions") or "/v1"
    return f"{parts.scheme}://{parts.netloc}{path}"


def is_local(url: str) -> bool:
    """Whether it is this machine."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or re.fullmatch(r"127(?:\.\d{1,3}){3}", host) is not None


class Chat:
    """One server and one of its models. ``timeout`` is for a whole reply, in seconds, whatever the server does.

    ``model`` None is the first one that the server names. With ``stream`` the reply comes in pieces: then a cut is
    seen as such, an endless reply can be stopped, and ``progress`` is told how many characters have come.

    Raises UsageError for an address that is none, a timeout that is no time, or a key that cannot be sent.
    """

    def __init__(
        self,
        url: str,
        model: str | None,
        api_key: str | None,
        timeout: float,
        stream: bool,
        progress: Callable[[int], None] | None,
    ) -> None:
        if not 0 < timeout <= _LONGEST:
            raise UsageError(f"The timeout of a language model is more than 0 and at most {_LONGEST} seconds.")
        if re.search(r"[^!-~]", api_key or ""):
            raise UsageError("The key of a language model is letters, digits and signs without a space; look at it.")
        self.url = address(url)
        self.model = model
        self.timeout = timeout
        self._key = api_key or _NO_KEY
        self._stream = stream
        self._progress = progress or (lambda characters: None)

    def reply(self, messages: list[dict[str, str]]) -> tuple[str, bool]:
        """What the model replies, and whether it came to its end (not cut at the server's limit of length).

        Raises ReaderUnavailable if the client library is missing, the server cannot be reached, refuses, is not done
        in time, or does not speak the protocol.
        """
        try:
            import openai  # noqa: F401  (a second or so: only where one is asked)
        except ImportError:
            raise ReaderUnavailable(
                "A language model is asked by the package openai; install it: pip install 'semsearch[llm]'."
            ) from None
        try:
            # The name lookup is all that cannot be stopped from inside; then the thread is left behind.
            return _in_thread(lambda: self._in_time(messages)).result(self.timeout + 1)
        except TimeoutError:
            raise self._failed(
                f"gave no whole answer within {self.timeout:g} seconds; give it more with --llm-timeout"
            ) from None

    def _failed(self, what: str) -> ReaderUnavailable:
        return ReaderUnavailable(f"The language model at {self.url} {what}{'' if what.endswith('?') else '.'}")

    async def _in_time(self, messages: list[dict[str, str]]) -> tuple[str, bool]:
        async with asyncio.timeout(self.timeout):
            return await self._reply(messages)

    async def _reply(self, messages: list[dict[str, str]]) -> tuple[str, bool]:
        import openai

        # What the client leaves half read when a reply is cut short is closed with the loop; its complaints about that
        # are for nobody.
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        # A redirect would send the passages to another place than the one that was named. A proxy is not asked for
        # a server on this machine.
        http = openai.DefaultAsyncHttpxClient(follow_redirects=False, trust_env=not is_local(self.url))
        wait = openai.Timeout(self.timeout, connect=min(_CONNECT, self.timeout))
        with self._told():
            async with openai.AsyncOpenAI(
                base_url=self.url, api_key=self._key, timeout=wait, max_retries=0, http_client=http
            ) as client:
                client.organization = client.project = None  # else taken from the environment
                self.model = self.model or await self._first_model(client)
                return await self._ask(client, messages)

    async def _first_model(self, client: Any) -> str:
        page = await client.models.list()
        for model in _list(page, "data"):
            if isinstance(name := getattr(model, "id", None), str) and name:
                return name
        raise self._failed("names no model (is the address right, with its /v1?); name one with --llm-model")

    async def _ask(self, client: Any, messages: list[dict[str, str]]) -> tuple[str, bool]:
        import openai

        asked: dict[str, Any] = {"model": self.model, "messages": messages, "stream": self._stream}
        try:
            # The likeliest words, so that the same question has the same answer.
            given = await client.chat.completions.create(**asked, temperature=0)
        except openai.BadRequestError as error:
            if "temperature" not in str(error):
                raise
            given = await client.chat.completions.create(**asked)  # some models know but one
        text, finish = await self._streamed(given) if self._stream else _whole(given)
        if finish == "content_filter":
            raise self._failed("was stopped by its filter")
        if finish == "length" and not text.strip():
            raise self._failed("came to its limit of length before it had written a word; raise that limit")
        if not text.strip():
            raise self._failed("gave a reply without any text; is it a chat model, and the address right?")
        if self._stream and finish is None:
            raise self._broken()
        if len(text) > MAX_REPLY:
            raise self._failed(f"wrote more than {MAX_REPLY} characters without an end; try another model")
        return text, finish != "length"

    async def _streamed(self, stream: Any) -> tuple[str, str | None]:
        import openai

        pieces: list[str] = []
        finish: str | None = None
        length = 0
        try:
            async for chunk in stream:
                for choice in _list(chunk, "choices")[:1]:  # the last chunk may have none
                    piece = getattr(getattr(choice, "delta", None), "content", None)
                    if isinstance(piece, str):
                        pieces.append(piece)
                        length += len(piece)
                        self._progress(length)
                    finish = getattr(choice, "finish_reason", None) or finish
                if length > MAX_REPLY:
                    finish = "endless"
                    break
        except (openai.APIError, ValueError) as error:
            if isinstance(error, openai.APIConnectionError):
                raise self._broken() from None
            raise
        except Exception:  # of the HTTP library; older clients let it through
            raise self._broken() from None
        return "".join(pieces), finish

    def _broken(self) -> ReaderUnavailable:
        return self._failed("broke off in the middle of its reply; see what its server says, and ask again")

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Whatever the client raises, as one sentence."""
        import openai

        try:
            yield
        except openai.APITimeoutError:
            # A whole reply's time is kept above; this is the short one for the connection.
            raise self._failed("does not take the call; is the address right, and the server running?") from None
        except openai.APIConnectionError as error:
            raise self._failed(
                f"cannot be reached ({self._clause(str(error.__cause__ or error))}); is the address "
                "right, and the server running?"
            ) from None
        except openai.APIStatusError as error:
            raise self._failed(self._refused(error.status_code, self._detail(error.body))) from None
        except openai.APIError as error:
            detail = self._detail(error.body) or self._detail(error.message)
            raise self._failed(f"failed{detail}; see what its server says") from None
        except (openai.OpenAIError, ValueError, TypeError, AttributeError):
            raise self._failed("replied with what is no chat completion; is the address right, with its /v1?") from None

    def _refused(self, status: int, detail: str) -> str:
        told = f"answered {status}{detail}; "
        if status in (401, 403):
            return told + "put its key into the variable SEMSEARCH_LLM_KEY"
        if status == 404:
            return told + "is the address right, with its /v1, and the model's name?"
        if status == 429:
            return told + "it has too much to do, or the account is spent: ask later"
        if 300 <= status < 400:
            return told + "it wants to send you elsewhere: give that address itself"
        return told + ("try later, or see what its server says" if status >= 500 else "see what its server says")

    def _detail(self, body: object) -> str:
        """What the server says of an error, or nothing."""
        said = body.get("message") or body.get("error") or body.get("detail") if isinstance(body, dict) else body
        return f" ({self._clause(said)})" if isinstance(said, str) and said.strip() and "<" not in said else ""

    def _clause(self, said: str) -> str:
        """On one line, short, nothing that drives a terminal, and without the key."""
        line = " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", said.replace(self._key, "***")).split()).rstrip(".")
        return line if len(line) <= 160 else line[:160] + "…"


def _whole(given: Any) -> tuple[str, str | None]:
    for choice in _list(given, "choices")[:1]:
        text = getattr(getattr(choice, "message", None), "content", None)
        return text if isinstance(text, str) else "", getattr(choice, "finish_reason", None)
    return "", None


def _list(thing: object, name: str) -> list[Any]:
    """The client does not check what it is sent."""
    value = getattr(thing, name, None)
    return value if isinstance(value, list) else []


def _in_thread(work: Callable[[], Coroutine[Any, Any, tuple[str, bool]]]) -> Future[tuple[str, bool]]:
    """Run it on an event loop of its own, so that it can be stopped at any point, whatever loop the caller has."""
    future: Future[tuple[str, bool]] = Future()

    def run() -> None:
        try:
            future.set_result(asyncio.run(work()))
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, name="semsearch-llm", daemon=True).start()
    return future
