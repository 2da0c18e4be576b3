"""The health routes for Django.

As URL patterns or as the first middleware.

    urlpatterns = [*health_urls(), ...]
    MIDDLEWARE = ["ci_ops.service.routes.django.health_middleware", ...]

As the first middleware they answer before SECURE_SSL_REDIRECT and logins; a
kubelet asks by plain HTTP and under the address of the pod.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse  # type: ignore[import-untyped]
from django.urls import URLPattern, path  # type: ignore[import-untyped]
from django.utils.decorators import sync_and_async_middleware  # type: ignore[import-untyped]

from ci_ops.service.routes.answer import HealthRoutes, Reply
from ci_ops.service.routes.wsgi import request_of

if TYPE_CHECKING:
    from collections.abc import Callable


def health_urls(routes: HealthRoutes | None = None) -> list[URLPattern]:
    """A pattern for every path of HealthRoutes.

    With the groups that exist now.
    """
    routes = HealthRoutes() if routes is None else routes
    return [
        path(where.removeprefix("/"), _view(routes, name))
        for where in routes.paths()
        if (name := routes.find(where)) is not None
    ]


@sync_and_async_middleware  # type: ignore[untyped-decorator]
def health_middleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Answer the health routes of the application's `health_service`.

    And nothing else.
    """
    routes = HealthRoutes()

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


def _view(routes: HealthRoutes, name: str) -> Callable[[HttpRequest], HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        return _response(routes.reply(name, request_of(request.META)))

    return view


def _response(reply: Reply) -> HttpResponse:
    return HttpResponse(reply.body, status=reply.status, headers=dict(reply.header_pairs()))
