"""The parts of the layer as four ASGI middlewares, each usable alone.

app.add_middleware(SecurityHeadersMiddleware)

Several of them around each other cost more than `setup_middleware`, which
puts them into one; for WSGI there is `WSGILayer` with the same options.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.service.metrics.requests import RequestMetrics
from ci_ops.service.middleware.access import SLOW_SECONDS, AccessLog
from ci_ops.service.middleware.asgi import ASGILayer
from ci_ops.service.middleware.limits import RequestLimits
from ci_ops.service.middleware.options import MiddlewareOptions, resolver_from_environment
from ci_ops.service.middleware.security import SecurityHeaders

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from ci_ops.service.lifecycle.lifespan import App
    from ci_ops.service.limits.client import ClientResolver


class RateLimitMiddleware(ASGILayer):
    """Refuses floods of an address, and users over their quota."""

    def __init__(
        self,
        app: App,
        limits: RequestLimits | None = None,
        *,
        resolver: ClientResolver | None = None,
        identity: Callable[[Any], Any] | None = None,
        health_paths: Sequence[str] | None = None,
    ) -> None:
        options = MiddlewareOptions(
            security=None,
            limits=limits or RequestLimits(),
            metrics=None,
            access_log=None,
            request_ids=False,
            resolver=resolver or resolver_from_environment(),
            identity=identity,
            health_paths=health_paths,
        )
        super().__init__(app, options)


class PerformanceTrackingMiddleware(ASGILayer):
    """Measures requests by method and route, and logs slow ones and exceptions."""

    def __init__(
        self, app: App, metrics: RequestMetrics | None = None, *, slow_seconds: float = SLOW_SECONDS
    ) -> None:
        access_log = AccessLog(slow_seconds=slow_seconds, every_request=False)
        options = MiddlewareOptions(
            security=None,
            limits=None,
            metrics=metrics or RequestMetrics(),
            access_log=access_log,
            request_ids=False,
        )
        super().__init__(app, options)


class SecurityHeadersMiddleware(ASGILayer):
    """Puts security headers on every answer."""

    def __init__(
        self, app: App, security: SecurityHeaders | None = None, *, resolver: ClientResolver | None = None
    ) -> None:
        options = MiddlewareOptions(
            security=security or SecurityHeaders(),
            limits=None,
            metrics=None,
            access_log=None,
            request_ids=False,
            resolver=resolver or resolver_from_environment(),
        )
        super().__init__(app, options)


class RequestLoggingMiddleware(ASGILayer):
    """Logs every request, and gives it an id."""

    def __init__(
        self, app: App, access_log: AccessLog | None = None, *, resolver: ClientResolver | None = None
    ) -> None:
        options = MiddlewareOptions(
            security=None,
            limits=None,
            metrics=None,
            access_log=access_log or AccessLog(),
            resolver=resolver or resolver_from_environment(),
        )
        super().__init__(app, options)
