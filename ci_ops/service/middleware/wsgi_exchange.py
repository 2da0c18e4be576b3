"""A request over WSGI, read from its environ, and its answer."""

from __future__ import annotations

from contextlib import suppress
from http import HTTPStatus
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ci_ops.service.limits.client import wsgi_peer
from ci_ops.service.limits.probe import PROBE_VARIABLE
from ci_ops.service.middleware.exchange import AROUND, FAILED_TEXT, Exchange

if TYPE_CHECKING:
    from ci_ops.service.limits.headers import Refusal
    from ci_ops.service.middleware.layer import Layer
    from ci_ops.service.routes.wsgi import Environ, StartResponse

_FAILED_HEADERS = [
    ("Content-Type", "text/plain; charset=utf-8"),
    ("Content-Length", str(len(FAILED_TEXT))),
    ("Cache-Control", "no-store"),
]


class WSGIExchange(Exchange):
    """One request; its `start` replaces the server's start_response."""

    layer: Layer

    def __init__(self, layer: Layer, environ: Environ, start_response: StartResponse) -> None:
        self.started = perf_counter()
        self.layer = layer
        self.environ = environ
        self._start_response = start_response
        self.take_ids(
            outer=environ.get(AROUND),
            request_id=environ.get("HTTP_X_REQUEST_ID", ""),
            traceparent=environ.get("HTTP_TRACEPARENT", ""),
            tracestate=environ.get("HTTP_TRACESTATE", ""),
        )
        if layer.needs_client:
            self.client = layer.resolver.from_wsgi(environ)
        self.is_private = "HTTP_AUTHORIZATION" in environ or "HTTP_COOKIE" in environ
        self.is_https = environ.get("wsgi.url_scheme") == "https" or (
            environ.get("HTTP_X_FORWARDED_PROTO") == "https" and layer.resolver.is_trusted(wsgi_peer(environ))
        )
        given = environ.get(layer.user_variable)
        if given is not None:
            self.set_user(layer.vouched_user(given, wsgi_peer(environ)))
        outer, given = environ.get(AROUND), environ.get(PROBE_VARIABLE)
        if outer is not None and outer.exchange.is_probe:
            self.is_probe = True
        elif given is not None and layer.probe_key is not None:
            path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
            self.is_probe = layer.probe_key.has_signed(
                given, environ["REQUEST_METHOD"], path.encode("latin-1", "replace")
            )
        self.origin = environ.get("HTTP_ORIGIN", "")
        if self.origin and environ["REQUEST_METHOD"] == "OPTIONS":
            self.is_preflight = "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ

    @property
    def path(self) -> str:
        """Requested path below the server's own prefix."""
        path: str = self.environ.get("PATH_INFO", "")
        return path

    def start(self, status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
        """Begin the answer with the layer's headers."""
        code = status[:3]
        self.status = int(code) if code.isascii() and code.isdigit() else 500
        if self.origin:
            self.layer.cors.learn(self.origin, headers)
        return self._start_response(status, self._completed(list(headers)), *exc_info)

    def refuse(self, refusal: Refusal) -> list[bytes]:
        """Answer instead of the application."""
        status = HTTPStatus(refusal.status)
        headers = [*refusal.headers, *self.layer.cors.headers_for(self.origin)]
        self.start(f"{status.value} {status.phrase}", headers)
        return [] if self.environ["REQUEST_METHOD"] == "HEAD" else [refusal.body]

    def fail(self, error: BaseException) -> None:
        """Note an exception; where no answer has begun, send the server's with our headers."""
        self.note_error(error)
        if self.error is not None and not self.status:
            with suppress(Exception):  # the exception that came first is the one to be seen
                write = self.start("500 Internal Server Error", _FAILED_HEADERS)
                write(b"" if self.environ["REQUEST_METHOD"] == "HEAD" else FAILED_TEXT)

    def request_line(self) -> dict[str, Any]:
        """Return method, path and user agent for the log."""
        path = self.environ.get("SCRIPT_NAME", "") + self.path
        return {
            "method": self.environ["REQUEST_METHOD"],
            "path": path if path.isascii() else path.encode("latin-1", "replace").decode("utf-8", "replace"),
            "user_agent": self.environ.get("HTTP_USER_AGENT", ""),
        }

    def _completed(self, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
        layer = self.layer
        own = [("X-Request-ID", self.fields["request_id"])] if layer.request_ids else []
        own += [(name.decode(), value.decode()) for name, value in self.quota_headers]
        return layer.table.completed(self, headers, own)
