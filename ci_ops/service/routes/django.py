"""The health routes for Django, as URL patterns or as the first middleware.

    urlpatterns = [*health_urls(), ...]
    MIDDLEWARE = ["ci_ops.service.routes.django.health_middleware", ...]

As the first middleware they answer before SECURE_SSL_REDIRECT and logins; a
kubelet probes by plain HTTP and under the address of the pod.
"""

from __future__ import annotations

import logging
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings  # type: ignore[import-untyped]
from django.http import HttpRequest, HttpResponse  # type: ignore[import-untyped]
from django.urls import URLPattern, get_resolver, path  # type: ignore[import-untyped]
from django.utils.decorators import sync_and_async_middleware  # type: ignore[import-untyped]

from ci_ops.service.routes.ahead import Door, doors, mark
from ci_ops.service.routes.answer import HealthRoutes, Reply
from ci_ops.service.routes.wsgi import request_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ci_ops.service.routes.ahead import Doors

log = logging.getLogger("ci_ops.service.health.service")

_MIDDLEWARE = "ci_ops.service.routes.django.health_middleware"


def health_urls(routes: HealthRoutes | None = None) -> list[URLPattern]:
    """Return a pattern for every path of HealthRoutes, with the current groups."""
    routes = HealthRoutes() if routes is None else routes
    return [
        path(where.removeprefix("/"), _view(routes, name))
        for where in routes.paths()
        if (name := routes.find(where)) is not None
    ]


@sync_and_async_middleware  # type: ignore[untyped-decorator]
def health_middleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Answer the health routes of the application's `health_service`, and nothing else."""
    routes = HealthRoutes()
    _warn_if_not_first()

    def answer(request: HttpRequest) -> Any:
        name = routes.find(request.path_info)
        return (
            get_response(request) if name is None else _response(routes.reply(name, request_of(request.META)))
        )

    async def answer_async(request: HttpRequest) -> Any:
        name = routes.find(request.path_info)
        if name is None:
            return await get_response(request)
        return _response(await routes.reply_async(name, request_of(request.META)))

    return answer_async if iscoroutinefunction(get_response) else answer


def find_doors() -> Doors:
    """Return the health routes of this project: those of its URL patterns, and of its middleware."""
    found = doors(_endpoints(get_resolver().url_patterns))
    if not any(name.endswith(_MIDDLEWARE) for name in settings.MIDDLEWARE):
        return found
    routes = HealthRoutes()
    own = {path: Door(routes, name) for path in routes.paths() if (name := routes.find(path)) is not None}
    return {**own, **found}


def _endpoints(patterns: Iterable[Any], prefix: str = "/") -> Iterator[tuple[str, Any]]:
    for each in patterns:
        path = prefix + str(each.pattern)
        if hasattr(each, "url_patterns"):
            yield from _endpoints(each.url_patterns, path)
        else:
            yield path, each.callback


def _warn_if_not_first() -> None:
    before = [*takewhile(lambda name: not name.endswith(_MIDDLEWARE), settings.MIDDLEWARE)]
    if before and len(before) < len(settings.MIDDLEWARE):
        log.warning(
            "health_middleware stands behind %s in MIDDLEWARE, which may refuse a prober: put it first",
            ", ".join(before),
        )


def _view(routes: HealthRoutes, name: str) -> Callable[[HttpRequest], HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        return _response(routes.reply(name, request_of(request.META)))

    view.login_required = False  # type: ignore[attr-defined] # as Django's login_not_required does
    mark(view, routes, name)
    return view


def _response(reply: Reply) -> HttpResponse:
    return HttpResponse(reply.body, status=reply.status, headers=dict(reply.header_pairs()))
