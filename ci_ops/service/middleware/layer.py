"""Common part of the layers for ASGI and WSGI."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ci_ops.service.health.paths import HealthPaths, health_paths
from ci_ops.service.health.providers import provide
from ci_ops.service.limits.probe import PROBE_FIELD
from ci_ops.service.metrics.requests import REFUSED
from ci_ops.service.middleware.cors import AllowedOrigins
from ci_ops.service.middleware.limits import DENIED
from ci_ops.service.middleware.options import MiddlewareOptions
from ci_ops.service.middleware.routes import health_route

if TYPE_CHECKING:
    from collections.abc import Callable

    from ci_ops.service.middleware.exchange import Around, Exchange
    from ci_ops.service.middleware.security import HeaderTable

log = logging.getLogger("ci_ops.service.middleware")

TELLING = frozenset(
    {
        b"x-request-id",
        b"traceparent",
        b"cookie",
        b"authorization",
        b"origin",
        b"x-forwarded-proto",
        b"x-forwarded-for",
    }
)
"""Request headers that the layer reads; most requests have none of them."""

_PARTS = ("security", "limits", "metrics", "access_log")
_LIMITS_BIT = 1 << _PARTS.index("limits")


class Layer:
    """An application with the parts of the options around it.

    Where layers lie around each other, each part works once, in the outermost.
    `known_route` returns the route template in a scope or environ after the call;
    empty where there is none.
    """

    table: HeaderTable
    """The security headers in the type that the server takes."""

    def __init__(
        self, app: Any, options: MiddlewareOptions | None, known_route: Callable[[Any], str]
    ) -> None:
        self.options = options = MiddlewareOptions() if options is None else options
        self._app = app
        self.limits = options.limits
        self.metrics = options.metrics
        self._access = options.access_log
        self.resolver = options.resolver
        self._route_of: Callable[[Any], str | None] = options.route or known_route
        self.counts_bytes = options.access_log is not None
        self.request_ids = options.request_ids
        # An identity function decides alone; a header counts where it was said which one the proxies set.
        named = "" if options.identity is not None else options.user_header.lower()
        self.user_header = named.encode()
        self.user_variable = "HTTP_" + named.upper().replace("-", "_")
        self.telling = (TELLING | {options.resolver.header.encode(), self.user_header}) - {b""}
        self.probe_key = options.probe_key
        if options.probe_key is not None:
            self.telling |= {PROBE_FIELD}
        self.cors = AllowedOrigins()
        told = options.health_paths
        self.health = health_paths if told is None else HealthPaths(tuple(told))
        self.needs_client = options.limits is not None or options.access_log is not None
        self.has_to_be_awaited = options.identity is not None or (
            options.limits is not None and options.limits.has_to_be_awaited
        )
        self.bits = sum(1 << at for at, name in enumerate(_PARTS) if getattr(options, name) is not None)
        self.bits |= options.request_ids << len(_PARTS)
        self._inner: dict[int, Any] = {}
        self._has_warned = False
        if options.limits is not None:
            provide("security", options.limits.security)

    @property
    def app(self) -> Any:
        """The application inside."""
        return self._app

    def put_inside(self, make: Callable[[Any], Any]) -> None:
        """Put something around the application, but inside this layer."""
        self._app = make(self._app)
        self._inner.clear()

    def another(self, options: MiddlewareOptions) -> Layer:
        """Return a layer with other options around the same application."""
        raise NotImplementedError

    def without(self, outer: Around) -> Any:
        """Return what remains of this layer where others apply some of its parts."""
        left = self.bits & ~outer.done
        if self.limits is not None and not any(layer.counts_as(self) for layer in outer.layers()):
            left |= _LIMITS_BIT  # limits of its own, for a part of the application
        if left not in self._inner:
            off = {name: None for at, name in enumerate(_PARTS) if not left >> at & 1}
            request_ids = bool(left >> len(_PARTS))
            options = replace(self.options, **off, request_ids=request_ids)  # type: ignore[arg-type]
            self._inner[left] = self.another(options) if left else self._app
        return self._inner[left]

    def counts_as(self, layer: Layer) -> bool:
        """Return True when both layers count with the same limiters."""
        ours, theirs = self.limits, layer.limits
        return ours is not None and theirs is not None and ours.counts_as(theirs)

    def warn_of_proxy(self) -> None:
        """Warn once that requests seem to come through a proxy that was not named."""
        if not self._has_warned:
            self._has_warned = True
            log.warning("%s", self.resolver.diagnosis)

    def vouched_user(self, given: str, peer: str | None) -> str:
        """Return the user in the user header, if a trusted proxy sent it, and once."""
        return given if "," not in given and self.resolver.is_trusted(peer) else ""

    def end(self, exchange: Exchange, route: str | None, method: str, seconds: float) -> None:
        """Count and log a request that has ended."""
        status = exchange.status or exchange.final_status
        if not route or exchange.refusal is not None:
            route = _fallback_route(exchange)
        if self.metrics is not None:
            if exchange.is_probe:
                self.metrics.end_probe(method, route, status)
            else:
                self.metrics.end(method, route, status, seconds)
        if status >= 400 or exchange.error is not None:
            self._end_badly(exchange, route, status)
        if self._access is not None:
            self._access.ended(exchange, route, seconds)

    def _end_badly(self, exchange: Exchange, route: str, status: int) -> None:
        error = exchange.exception or (type(exchange.error).__name__ if exchange.error is not None else "")
        if error and self.metrics is not None:
            self.metrics.raised(route, error)
        if status in DENIED and self.limits is not None and not (exchange.is_health or exchange.is_probe):
            self.limits.answered(exchange)


def _fallback_route(exchange: Exchange) -> str:
    """Return the route label where no router of the server's own kind provides one."""
    if exchange.refusal is not None:
        return REFUSED
    return exchange.route or health_route(exchange.path, exchange.layer.health.paths)
