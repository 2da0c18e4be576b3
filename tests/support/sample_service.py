"""A real HTTP service whose every answer a test decides, path by path."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

SILENCE = -1
"""Instead of a status: take the request and never answer."""
RESET = -2
"""Instead of a status: break the connection off."""
LIMIT_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request as it came in; header names in lower case."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    address: str
    """The address of ours that the client connected to."""
    client_port: int


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer to give."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    """How long to take for it."""


def said(document: Any, status: int = 200, **headers: str) -> Answer:
    """An answer in JSON; header names with underscores for dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(
        status=status,
        body=json.dumps(document).encode(),
        headers={"Content-Type": "application/json", **named},
    )


def text(body: str, status: int = 200, **headers: str) -> Answer:
    """An answer in plain text."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, body=body.encode(), headers={"Content-Type": "text/plain", **named})


Route = Callable[[Asked], Answer]


class SampleService:
    """What it answers, and what it was asked."""

    def __init__(self, port: int, *, scheme: str) -> None:
        self.port = port
        self._scheme = scheme
        self.asked: list[Asked] = []
        self.ended = threading.Event()
        self._routes: dict[str, Route] = {}
        self._elsewhere: Route = lambda _: text("not found", 404)
        self._lock = threading.Lock()

    def url(self, path: str = "", *, host: str = "127.0.0.1", user: str = "") -> str:
        """Its address."""
        return f"{self._scheme}://{user}{host}:{self.port}{path}"

    def says(self, path: str, *answers: Answer) -> None:
        """At that path: these answers one after another, the last one again and again."""
        left = list(answers)

        def route(asked: Asked) -> Answer:
            del asked
            with self._lock:
                return left.pop(0) if len(left) > 1 else left[0]

        self._routes[path] = route

    def does(self, path: str, route: Route) -> None:
        """At that path: whatever the function says."""
        self._routes[path] = route

    def does_elsewhere(self, route: Route) -> None:
        """At every path that has no answer of its own: whatever the function says."""
        self._elsewhere = route

    def answer_to(self, asked: Asked) -> Answer:
        """The answer that is due."""
        with self._lock:
            self.asked.append(asked)
        return self._routes.get(asked.path, self._elsewhere)(asked)

    def paths(self) -> list[str]:
        """The paths it was asked for, in order."""
        return [each.path for each in self.asked]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet per answer: two would wait 40 ms for each other
    service: SampleService

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = Asked(
            method=self.command,
            path=parts.path,
            query=parse_qs(parts.query),
            headers={name.lower(): value for name, value in self.headers.items()},
            address=self.connection.getsockname()[0],
            client_port=self.client_address[1],
        )
        self._send(self.service.answer_to(asked))

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_OPTIONS(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.do_GET()

    def _send(self, answer: Answer) -> None:
        if answer.status == SILENCE or answer.seconds:
            self.service.ended.wait(answer.seconds or LIMIT_SECONDS)
        if answer.status < 0:
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        self.send_response_only(answer.status)  # no header `Server` of its own
        for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        del format, args


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    context: ssl.SSLContext | None = None

    def get_request(self) -> tuple[socket.socket, Any]:
        """The next connection; the handshake is made by its own thread."""
        plain, client = super().get_request()
        if self.context is None:
            return plain, client
        return self.context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False), client

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no concern of the test."""
        del request, client_address


@contextmanager
def sample_service(
    *, host: str = "127.0.0.1", port: int = 0, context: ssl.SSLContext | None = None
) -> Iterator[SampleService]:
    """A service on a free port of this machine, or on that one; with a context it speaks TLS."""
    handler = type("Handler", (_Handler,), {})
    server = _Server((host, port), handler)
    server.context = context
    service = SampleService(server.server_address[1], scheme="https" if context else "http")
    handler.service = service  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        service.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()
