"""Requests to ASGI and WSGI applications inside the process, without a server."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from wsgiref.util import setup_testing_defaults

LOCAL = "127.0.0.1"
REMOTE = "203.0.113.9"


@dataclass(frozen=True, kw_only=True)
class Called:
    """What an application answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def call_asgi(
    app: Any,
    path: str,
    *,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    peer: str | None = LOCAL,
    root_path: str = "",
) -> Called:
    """One HTTP request to an ASGI application, on an event loop of its own."""
    asked = ask_asgi(app, path, method=method, headers=headers, peer=peer, root_path=root_path)
    return asyncio.run(asked)


async def ask_asgi(
    app: Any,
    path: str,
    *,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    peer: str | None = LOCAL,
    root_path: str = "",
) -> Called:
    """The same on the event loop that is running."""
    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": root_path,
        "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
        "client": None if peer is None else (peer, 40000),
        "server": (LOCAL, 8000),
        "state": {},
    }
    sent: list[dict[str, Any]] = []

    requests = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        while not requests:
            await asyncio.Event().wait()  # the client stays
        return requests.pop()

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start = next(message for message in sent if message["type"] == "http.response.start")
    return Called(
        status=start["status"],
        headers={name.decode().title(): value.decode() for name, value in start["headers"]},
        body=b"".join(
            message.get("body", b"") for message in sent if message["type"] == "http.response.body"
        ),
    )


def call_wsgi(
    app: Any,
    path: str,
    *,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    peer: str | None = LOCAL,
    root_path: str = "",
) -> Called:
    """One HTTP request to a WSGI application."""
    path, _, query = path.partition("?")
    environ: dict[str, Any] = {
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SCRIPT_NAME": root_path,
        "REQUEST_METHOD": method,
    }
    environ["SERVER_PROTOCOL"] = "HTTP/1.1"
    setup_testing_defaults(environ)
    environ["REMOTE_ADDR"] = peer or ""
    environ.pop("HTTP_HOST", None)
    for name, value in (headers or {}).items():
        environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
    started: list[Any] = []

    def start_response(status: str, pairs: list[tuple[str, str]], _: Any = None) -> None:
        started.append((int(status.split(maxsplit=1)[0]), {name.title(): value for name, value in pairs}))

    chunks = app(environ, start_response)
    body = b"".join(chunks)
    if hasattr(chunks, "close"):
        chunks.close()
    return Called(status=started[0][0], headers=started[0][1], body=body)
