"""The health routes as Starlette routes: `Starlette(routes=[*health_routes(), …])`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from ci_ops.service.routes.ahead import mark
from ci_ops.service.routes.answer import HealthRoutes
from ci_ops.service.routes.asgi import request_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request


def health_routes(routes: HealthRoutes | None = None) -> list[Route]:
    """Return a route for every path of HealthRoutes, with the current groups."""
    routes = HealthRoutes() if routes is None else routes
    methods = ["GET", "HEAD"]
    return [
        Route(path, _endpoint(routes, name), methods=methods, include_in_schema=False)
        for path in routes.paths()
        if (name := routes.find(path)) is not None
    ]


def _endpoint(routes: HealthRoutes, name: str) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        reply = await routes.reply_async(name, request_of(request.scope))
        body = b"" if request.method == "HEAD" else reply.body
        return Response(body, status_code=reply.status, headers=dict(reply.header_pairs()))

    mark(endpoint, routes, name)
    return endpoint
