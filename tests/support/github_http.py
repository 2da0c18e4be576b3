"""The HTTP side of the GitHub double: requests as values, answers as values, faults."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

Body = Any
Answer = tuple[int, Body, dict[str, str]]
"""Status, body (a str is sent as it is, all else as JSON) and more headers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """One request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case."""
    body: Body


@dataclass(kw_only=True, slots=True)
class Fault:
    """What goes wrong with the next requests that fit."""

    status: int = 0
    """The answer's status; 0 for the ordinary answer."""
    times: int = 1
    method: str = ""
    path: str = ""
    """A pattern that is searched for in the path; empty for any."""
    message: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False
    """True when the work is done before the bad answer is given."""
    hold_seconds: float = 0.0
    """How long the answer is held back; ends early when the double is closed."""
    text: str = ""
    """A body that is not GitHub's JSON, instead of the message."""


class Server(ThreadingHTTPServer):
    """A server that does not mind clients who have gone away."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gave up waiting is what some tests want to see."""


def handler_for(answer: Callable[[Recorded], Answer]) -> type[BaseHTTPRequestHandler]:
    """A handler that lets `answer` say what comes back."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet: two would wait for each other

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            """Nothing is logged: every request is recorded."""

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            request = Recorded(
                method=self.command,
                path=parts.path,
                query=dict(parse_qsl(parts.query)),
                headers={name.lower(): value for name, value in self.headers.items()},
                body=json.loads(raw) if raw else None,
            )
            self._send(*answer(request))

        def _send(self, status: int, body: Body, headers: dict[str, str]) -> None:
            content = (body if isinstance(body, str) else json.dumps(body)).encode()
            self.send_response(status)
            kind = "text/html" if isinstance(body, str) else "application/json; charset=utf-8"
            for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815 - the base class looks for these names

    return Handler
