"""A request over ASGI, read from its scope, and its answer."""

from __future__ import annotations

from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ci_ops.service.limits.client import UNIX, connection_peer
from ci_ops.service.limits.probe import PROBE_FIELD
from ci_ops.service.logs.trace import ids
from ci_ops.service.middleware.exchange import AROUND, FAILED_TEXT, Exchange
from ci_ops.service.middleware.security import NOT_MODIFIED

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from ci_ops.service.lifecycle.lifespan import Message, Scope, Send
    from ci_ops.service.limits.headers import Headers, Refusal
    from ci_ops.service.middleware.layer import Layer

    Pairs = list[tuple[bytes, bytes]]

_FAILED_HEADERS = [
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"content-length", str(len(FAILED_TEXT)).encode()),
    (b"cache-control", b"no-store"),
]


_STARTS = frozenset({"http.response.start", "websocket.http.response.start"})
_FASTAPI = "fastapi.applications"
"""The module of the endpoints that FastAPI adds itself: Swagger UI and ReDoc."""


class ASGIExchange(Exchange):
    """One request; its `send` replaces the server's."""

    layer: Layer

    def __init__(self, layer: Layer, scope: Scope, headers: dict[bytes, bytes], send: Send) -> None:
        self.layer = layer
        self.scope = scope
        self.headers = headers
        """By lower-case name; of several with one name the last."""
        self.plain_send = send
        if scope.get("scheme") == "https":
            self.is_https = True
        if layer.telling.isdisjoint(headers) and AROUND not in scope:
            self.fields = {"request_id": ids.next_bits(128).to_bytes(16, "big").hex()}
            if layer.needs_client:
                peer = scope.get("client")
                self.client = layer.resolver.of_peer((peer[0] if peer else None) or UNIX)
        else:
            self._read_headers()

    def _read_headers(self) -> None:
        """Read the headers that only some requests have."""
        headers, resolver = self.headers, self.layer.resolver
        self.take_ids(
            outer=self.scope.get(AROUND),
            request_id=headers.get(b"x-request-id", b"").decode("latin-1"),
            traceparent=headers.get(b"traceparent", b"").decode("latin-1"),
            tracestate=headers.get(b"tracestate", b"").decode("latin-1"),
        )
        self.client = resolver.from_asgi(self.scope)
        self.is_private = b"cookie" in headers or b"authorization" in headers
        if headers.get(b"x-forwarded-proto") == b"https" and resolver.is_trusted(self.peer):
            self.is_https = True
        user_header = self.layer.user_header
        if user_header in headers:
            lines = [value for name, value in self.scope["headers"] if name == user_header]
            self.set_user(self.layer.vouched_user(b",".join(lines).decode("latin-1"), self.peer))
        outer = self.scope.get(AROUND)
        if outer is not None and outer.exchange.is_probe:
            self.is_probe = True
        elif PROBE_FIELD in headers and self.layer.probe_key is not None:
            given = headers[PROBE_FIELD].decode("latin-1")
            self.is_probe = self.layer.probe_key.has_signed(
                given, self.scope.get("method", "GET"), self._whole_path()
            )
        if b"origin" in headers:
            self.origin = headers[b"origin"].decode("latin-1")
            asked = b"access-control-request-method" in headers
            self.is_preflight = asked and self.scope.get("method") == "OPTIONS"

    @property
    def peer(self) -> str | None:
        """Address of the connection; a name that is in no network where the server has replaced it."""
        return connection_peer(self.scope)

    @property
    def is_framework_page(self) -> bool:
        """True for Swagger UI and ReDoc of FastAPI, wherever they are."""
        return getattr(self.scope.get("endpoint"), "__module__", "") == _FASTAPI

    @property
    def path(self) -> str:
        """Requested path below the prefix of the application."""
        path: str = self.scope["path"]
        return path.removeprefix(self.scope.get("root_path", ""))

    def _whole_path(self) -> bytes:
        """Return the path as the client asked for it, decoded; some servers leave the prefix out."""
        path, prefix = self.scope["path"], self.scope.get("root_path", "").rstrip("/")
        whole: str = path if path.startswith(prefix) else prefix + path
        return whole.encode("utf-8", "surrogateescape")

    def send(self, message: Message) -> Awaitable[None]:
        """Send a message; the start of the answer gets the layer's headers."""
        # No coroutine of its own: it hands back that of the server, which saves one for each message.
        kind = message["type"]
        if kind in _STARTS:
            layer, table = self.layer, self.layer.table
            self.status = message["status"]
            headers = message.get("headers", ())
            headers = headers if type(headers) is list else list(headers)
            own = self.quota_headers
            if layer.request_ids:
                own = [(b"x-request-id", self.fields["request_id"].encode()), *own]
            present = dict(headers)
            if self.origin:
                pairs = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)
                layer.cors.learn(self.origin, pairs)
            choice = table.plain_media.get(present.get(b"content-type"))
            if choice is None or self.status == NOT_MODIFIED or not table.plain_names.issuperset(present):
                headers = table.completed(self, headers, own)
            else:
                headers = [*headers, *own, *choice[self.is_https + 2 * self.is_private]]
            message = {**message, "headers": headers}
        elif kind == "http.response.body":
            if self.layer.counts_bytes:
                self.sent_bytes += len(message.get("body", b""))
            if not message.get("more_body"):
                self.answered_at = perf_counter()
        return self.plain_send(message)

    async def refuse(self, refusal: Refusal) -> None:
        """Answer instead of the application."""
        body = b"" if self.scope["method"] == "HEAD" else refusal.body
        headers = [*refusal.headers, *self.layer.cors.headers_for(self.origin)]
        await self._answer(refusal.status, _encoded(headers), body)

    async def refuse_handshake(self, refusal: Refusal) -> None:
        """Answer a WebSocket handshake instead of the application."""
        if "websocket.http.response" not in (self.scope.get("extensions") or {}):
            await self.plain_send({"type": "websocket.close", "code": 1013})
            return
        headers = _encoded(refusal.headers)
        await self.send(
            {"type": "websocket.http.response.start", "status": refusal.status, "headers": headers}
        )
        await self.plain_send({"type": "websocket.http.response.body", "body": refusal.body})

    async def fail(self, error: BaseException) -> None:
        """Note an exception; where no answer has begun, send the server's with our headers."""
        self.note_error(error)
        if self.error is not None and not self.status:
            body = b"" if self.scope["method"] == "HEAD" else FAILED_TEXT
            with suppress(Exception):  # the exception that came first is the one to be seen
                await self._answer(500, [*_FAILED_HEADERS], body)

    def request_line(self) -> dict[str, Any]:
        """Return method, path and user agent for the log."""
        return {
            "method": self.scope["method"],
            "path": self.scope["path"],
            "user_agent": self.headers.get(b"user-agent", b"").decode("latin-1"),
        }

    async def _answer(self, status: int, headers: Pairs, body: bytes) -> None:
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})


def _encoded(headers: Headers) -> Pairs:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
