"""Health routes that a framework holds, answered before the application's own middleware.

A prober has no session: behind a middleware that wants a login, a known host or
https a route of the framework would be out of its reach. So the endpoints are
marked, looked up among the routes once, and answered around everything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ci_ops.service.routes.asgi import HealthApp, request_of, send_reply
from ci_ops.service.routes.wsgi import answer_wsgi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ci_ops.service.lifecycle.lifespan import App, Receive, Scope, Send
    from ci_ops.service.routes.answer import HealthRoutes
    from ci_ops.service.routes.wsgi import Environ, StartResponse, WSGIApp

ATTRIBUTE = "ci_ops_health"
"""Under this name an endpoint carries its Door."""


class Door(NamedTuple):
    """A health route that a framework holds."""

    routes: HealthRoutes
    name: str


Doors = dict[str, Door]
"""By path, below the prefix of the server."""


class AheadASGI:
    """Answers the health routes of the application inside, and hands on everything else."""

    def __init__(self, app: App, find: Callable[[], Doors]) -> None:
        """`find` is asked at the first request, when the application has all its routes."""
        self.app = app
        self._find = find
        self._doors: Doors | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            if self._doors is None:
                self._doors = self._find()
            door = self._doors.get(scope["path"].removeprefix(scope.get("root_path", "")))
            if door is not None:
                await send_reply(scope, send, await door.routes.reply_async(door.name, request_of(scope)))
                return
        await self.app(scope, receive, send)


class AheadWSGI:
    """As AheadASGI, for WSGI applications."""

    def __init__(self, app: WSGIApp, find: Callable[[], Doors]) -> None:
        self.app = app
        self._find = find
        self._doors: Doors | None = None

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if self._doors is None:
            self._doors = self._find()
        door = self._doors.get(environ.get("PATH_INFO", ""))
        if door is None:
            return self.app(environ, start_response)
        return answer_wsgi(door.routes, door.name, environ, start_response)


class _Marks:
    exist = False


def mark(endpoint: Any, routes: HealthRoutes, name: str) -> None:
    """Make an endpoint known as a health route."""
    setattr(endpoint, ATTRIBUTE, Door(routes, name))
    _Marks.exist = True


def doors(endpoints: Iterable[tuple[str, Any]]) -> Doors:
    """Return the health routes among paths with their endpoints; of two at one path the first counts."""
    by_path: dict[str, Any] = {}
    for path, endpoint in endpoints:
        by_path.setdefault(path, getattr(endpoint, ATTRIBUTE, None))
    return {path: door for path, door in by_path.items() if door is not None}


def ahead_of_starlette(stack: App, app: Any) -> App:
    """Return the middleware of a Starlette application with its health routes ahead of it."""
    if not _Marks.exist:  # without any mark, no request pays for the search
        return stack
    return AheadASGI(stack, lambda: doors(_starlette_routes(app.router.routes)))


def put_ahead(app: Any) -> None:
    """Put the health routes ahead of the middleware that an application has built already."""
    if not any(isinstance(each, AheadASGI) for each in layers(app.middleware_stack)):
        _around(app, lambda inner: ahead_of_starlette(inner, app))


def hoist(health: HealthApp, app: Any) -> None:
    """Put a HealthApp ahead of middleware that was added after it, such as a login."""
    outside: list[Any] = []
    for each in layers(app.middleware_stack):
        if each is health:
            break
        outside.append(each)
    if not all(map(_lets_probers_pass, outside)):
        _around(app, lambda inner: HealthApp(inner, routes=health.routes))


def layers(stack: Any) -> Iterator[Any]:
    """Yield the middleware of a stack, from the outermost in, as far as each says what is inside it."""
    while stack is not None:
        yield stack
        stack = getattr(stack, "app", None)


def _around(app: Any, make: Callable[[App], App]) -> None:
    """Put something around the built middleware of an application, but inside `setup_middleware`."""
    stack = app.middleware_stack
    put_inside = getattr(stack, "put_inside", None)
    if put_inside is None:
        app.middleware_stack = make(stack)
    else:
        put_inside(make)


def _lets_probers_pass(layer: Any) -> bool:
    module: str = getattr(layer, "__module__", "")
    return module == "starlette.middleware.errors" or module.startswith("ci_ops.service.")


def _starlette_routes(routes: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Yield path and endpoint of plain routes, those of routers that FastAPI includes too."""
    for route in routes:
        included = getattr(
            route, "effective_route_contexts", None
        )  # FastAPI from 0.16x on keeps routers whole
        if included is not None:
            yield from _starlette_routes(filter(None, (each.starlette_route for each in included())))
        elif hasattr(route, "endpoint"):
            yield route.path, route.endpoint
