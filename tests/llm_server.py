"""A real HTTP server on this machine that speaks OpenAI's chat protocol, correctly or not, as a test needs."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]


class Handler(BaseHTTPRequestHandler):
    """Passes each request to the test's function, which answers with ``send`` and ``stream``."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        if self.path != "/v1/models":
            self.send({"error": {"message": f"no such path {self.path}"}}, 404)
        elif callable(self.server.models):
            self.server.models(self)
        else:
            self.send({"object": "list", "data": [{"id": name, "object": "model"} for name in self.server.models]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.paths.append(self.path)
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        self.server.asked.append(body)
        if self.path != "/v1/chat/completions":
            self.send({"error": {"message": f"no such path {self.path}"}}, 404)
        else:
            self.server.reply(self, body)

    def send(self, value: object, status: int = 200, kind: str = "application/json", **headers: str) -> None:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"Content-Type": kind, "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(data)

    def stream(self, *events: str | bytes | float, end: bool = True) -> None:
        """Send the events as they are, pausing for each number; without ``end``, break the connection."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in events:
            if isinstance(event, float):
                time.sleep(event)
                continue
            data = event if isinstance(event, bytes) else f"data: {event}\n\n".encode()
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()
        if end:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Write nothing to stderr."""


class Server(ThreadingHTTPServer):
    """A server that records its requests: bodies in ``asked``, and ``paths`` and ``headers``."""

    daemon_threads = True

    def __init__(self, reply: Callable[[Handler, Body], None], models: Any) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.reply = reply
        self.models = models
        self.asked: list[Body] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def prompt(self) -> str:
        """Return the contents of all messages of the last request."""
        return "\n\n".join(message["content"] for message in self.asked[-1]["messages"])

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore errors: in some tests the client closes the connection to a slow server."""


@contextmanager
def serving(reply: Callable[[Handler, Body], None] | str, models: Any = ("tiny", "other")) -> Iterator[Server]:
    """Return a server with this behaviour; a text is sent as a proper reply, streamed on request."""
    text = reply
    server = Server(reply if callable(reply) else lambda handler, body: say(handler, body, str(text)), models)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def say(handler: Handler, body: Body, text: str, finish: str | None = "stop") -> None:
    """Return a proper reply."""
    if body.get("stream"):
        pieces = [text[i : i + 7] for i in range(0, len(text), 7)]
        handler.stream(*(piece(p) for p in pieces), piece(None, finish), '{"choices": [], "usage": {}}', "[DONE]")
    else:
        handler.send(whole(text, finish))


def piece(text: str | None, finish: str | None = None) -> str:
    choice = {"index": 0, "delta": {} if text is None else {"content": text}, "finish_reason": finish}
    return json.dumps({"id": "1", "object": "chat.completion.chunk", "model": "tiny", "choices": [choice]})


def whole(text: object, finish: str | None = "stop") -> Body:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    return {"id": "1", "object": "chat.completion", "model": "tiny", "choices": [choice]}
