"""Applications under the whole middleware, for real servers: Starlette over ASGI, Flask over WSGI."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any

from ci_ops.service.health.service import HealthCheckService
from ci_ops.service.limits.buckets import PerUserRateLimiter
from ci_ops.service.limits.guard import DDoSProtection
from ci_ops.service.logs.events import StructuredLogger
from ci_ops.service.logs.setup import set_up_logging
from ci_ops.service.middleware.limits import RequestLimits
from ci_ops.service.middleware.options import MiddlewareOptions
from ci_ops.service.middleware.setup import setup_middleware
from ci_ops.service.routes.answer import HealthRoutes
from ci_ops.service.routes.asgi import HealthApp
from ci_ops.service.routes.wsgi import HealthWSGI

log = StructuredLogger("shop")


def _options() -> MiddlewareOptions:
    set_up_logging(service="shop")
    limit = int(os.environ.get("LIMIT", "1000000"))
    limits = RequestLimits(per_user=PerUserRateLimiter(limit, limit / 60), guard=DDoSProtection(1_000_000))
    return MiddlewareOptions(limits=limits)


def asgi() -> Any:
    """The ASGI application; a factory, so that importing this module starts nothing."""
    from starlette.applications import Starlette  # noqa: PLC0415 - not needed by the other one
    from starlette.responses import PlainTextResponse, StreamingResponse  # noqa: PLC0415
    from starlette.routing import Route  # noqa: PLC0415

    async def item(request: Any) -> PlainTextResponse:
        log.user_action("item_seen", item=request.path_params["i"])
        return PlainTextResponse(str(os.getpid()), headers={"Server": "shop/1.2"})

    async def boom(request: Any) -> None:
        raise RuntimeError(request.url.path)

    async def stream(request: Any) -> StreamingResponse:
        async def steps() -> AsyncIterator[bytes]:
            for _ in range(3):
                yield b"event\n"

        return StreamingResponse(steps(), media_type="text/event-stream")

    app = Starlette(
        routes=[
            Route("/items/{i}", item, methods=["GET", "POST"]),
            Route("/boom", boom),
            Route("/stream", stream),
        ]
    )
    setup_middleware(app, _options())
    return HealthApp(app, routes=HealthRoutes(HealthCheckService()))


def wsgi() -> Any:
    """The WSGI application, alive from now on."""
    from flask import Flask, Response  # noqa: PLC0415 - not needed by the other one

    app = Flask("shop")

    @app.route("/items/<i>", methods=["GET", "POST"])
    def item(i: str) -> str:
        log.user_action("item_seen", item=i)
        return str(os.getpid())

    @app.get("/boom")
    def boom() -> str:
        raise RuntimeError

    @app.get("/stream")
    def stream() -> Response:
        return Response((b"event\n" for _ in range(3)), mimetype="text/event-stream")

    setup_middleware(app, _options())
    app.wsgi_app = HealthWSGI(app.wsgi_app, routes=HealthRoutes(HealthCheckService()))  # type: ignore[method-assign]
    return app
