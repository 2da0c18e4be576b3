"""Requests to layers around applications, over ASGI and over WSGI alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from wsgiref.util import setup_testing_defaults

from ci_ops.service.limits.abuse import AbuseDetector
from ci_ops.service.limits.buckets import PerUserRateLimiter
from ci_ops.service.limits.guard import DDoSProtection
from ci_ops.service.metrics.collector import MetricsCollector
from ci_ops.service.metrics.requests import RequestMetrics
from ci_ops.service.middleware.access import AccessLog
from ci_ops.service.middleware.asgi import ASGILayer
from ci_ops.service.middleware.limits import RequestLimits
from ci_ops.service.middleware.options import MiddlewareOptions
from ci_ops.service.middleware.wsgi import WSGILayer

Pairs = list[tuple[str, str]]
JSON = [("content-type", "application/json"), ("content-length", "2")]


@dataclass
class Answer:
    """What came back, and the exception that came with it."""

    status: int = 0
    pairs: Pairs = field(default_factory=list)
    body: bytes = b""
    error: BaseException | None = None

    @property
    def headers(self) -> dict[str, str]:
        """By lower-case name; the test fails where one stands twice."""
        found = {name.lower(): value for name, value in self.pairs}
        assert len(found) == len(self.pairs), self.pairs
        return found


@dataclass
class Said:
    """What an application of these tests answers."""

    status: int = 200
    headers: Pairs = field(default_factory=lambda: list(JSON))
    chunks: Iterable[bytes] = (b"{}",)
    error: BaseException | None = None
    """Raised after the answer has begun, or at once where the status is 0."""
    before: Callable[[], object] = lambda: None
    """Called while the request is answered."""


def asgi_app(said: Said) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        said.before()
        if said.status:
            headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in said.headers]
            await send({"type": "http.response.start", "status": said.status, "headers": headers})
        if said.error is not None:
            raise said.error
        for chunk in said.chunks if said.status else ():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        if said.status:
            await send({"type": "http.response.body", "body": b""})

    return app


def wsgi_app(said: Said) -> Any:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        said.before()
        if said.status:
            start_response(f"{said.status} Said", list(said.headers))
        if said.error is not None:
            raise said.error
        return iter(said.chunks) if said.status else []

    return app


def ask_asgi(
    app: Any,
    path: str = "/",
    *,
    method: str = "GET",
    headers: Pairs | None = None,
    peer: str | None = "203.0.113.9",
    port: int = 1,
    scheme: str = "http",
    root_path: str = "",
    send: Any = None,
) -> Answer:
    answer = Answer()

    requests = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        while not requests:
            await asyncio.Event().wait()  # the client stays
        return requests.pop()

    async def plain_send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.pairs = [
                (name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"]
            ]
        elif message["type"] == "http.response.body":
            answer.body += message.get("body", b"")

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": scheme,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"secret=query",
        "root_path": root_path,
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers or []
        ],
        "client": None if peer is None else (peer, port),
        "server": ("127.0.0.1", 80),
    }
    try:
        asyncio.run(app(scope, receive, send or plain_send))
    except Exception as error:  # noqa: BLE001 - it is a part of the answer
        answer.error = error
    assert not [name for name in scope if name.startswith("ci_ops")]
    return answer


def ask_wsgi(
    app: Any,
    path: str = "/",
    *,
    method: str = "GET",
    headers: Pairs | None = None,
    peer: str | None = "203.0.113.9",
    scheme: str = "http",
    root_path: str = "",
) -> Answer:
    answer = Answer()
    environ: dict[str, Any] = {"PATH_INFO": path, "SCRIPT_NAME": root_path, "REQUEST_METHOD": method}
    setup_testing_defaults(environ)
    environ |= {"wsgi.url_scheme": scheme, "REMOTE_ADDR": peer or "", "QUERY_STRING": "secret=query"}
    environ.pop("HTTP_HOST", None)
    for name, value in headers or []:
        key = f"HTTP_{name.upper().replace('-', '_')}"
        environ[key] = f"{environ[key]},{value}" if key in environ else value

    def start_response(status: str, pairs: Pairs, exc_info: Any = None) -> Callable[[bytes], None]:
        assert not answer.status or exc_info, "start_response was called twice"
        answer.status, answer.pairs = int(status[:3]) if status[:3].isdigit() else -1, pairs

        def write(chunk: bytes) -> None:
            answer.body += chunk

        return write

    body: Any = ()
    try:
        body = app(environ, start_response)
        for chunk in body:
            answer.body += chunk
    except Exception as error:  # noqa: BLE001 - it is a part of the answer
        answer.error = error
    finally:
        if hasattr(body, "close"):
            body.close()
    assert not [name for name in environ if name.startswith("ci_ops")]
    return answer


@dataclass
class Kit:
    """Parts of a layer that no other test shares."""

    metrics: MetricsCollector = field(default_factory=MetricsCollector)
    guard: DDoSProtection = field(default_factory=lambda: DDoSProtection(1000))
    abuse: AbuseDetector = field(default_factory=AbuseDetector)
    per_user: PerUserRateLimiter = field(default_factory=lambda: PerUserRateLimiter(5, 5 / 60))
    logger: str = "ci_ops.service.access"

    def limits(self, **changes: Any) -> RequestLimits:
        parts: dict[str, Any] = {"per_user": self.per_user, "guard": self.guard, "abuse": self.abuse}
        return RequestLimits(**{**parts, **changes})

    def options(self, **changes: Any) -> MiddlewareOptions:
        parts: dict[str, Any] = {
            "limits": self.limits(),
            "metrics": RequestMetrics(self.metrics),
            "access_log": AccessLog(logger=self.logger),
        }
        return MiddlewareOptions(**{**parts, **changes})

    def series(self, name: str) -> dict[tuple[str, ...], float]:
        return {
            labels: values[0]
            for family in self.metrics.families()
            if family.definition.name == name
            for labels, values in family.series.items()
        }


@dataclass
class Kind:
    """One of the two ways in which servers call applications."""

    name: str
    make: Callable[[Said], Any]
    layer: Callable[[Any, MiddlewareOptions], Any]
    send: Callable[..., Answer]

    def ask(self, said: Said, options: MiddlewareOptions, path: str = "/", **request: Any) -> Answer:
        """One request to a layer of its own around an application that says so."""
        return self.send(self.layer(self.make(said), options), path, **request)


KINDS = (
    Kind(name="asgi", make=asgi_app, layer=ASGILayer, send=ask_asgi),
    Kind(name="wsgi", make=wsgi_app, layer=WSGILayer, send=ask_wsgi),
)
