"""The four documented classes as applications take them: `app.add_middleware(Class)`, one by one and together."""

from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from ci_ops.service.limits.buckets import PerUserRateLimiter
from ci_ops.service.limits.guard import DDoSProtection
from ci_ops.service.metrics.requests import RequestMetrics
from ci_ops.service.middleware.access import AccessLog
from ci_ops.service.middleware.classes import (
    PerformanceTrackingMiddleware,
    RateLimitMiddleware,
    RequestLoggingMiddleware,
    SecurityHeadersMiddleware,
)
from ci_ops.service.middleware.limits import RequestLimits
from tests.support.layers import Kit, ask_asgi
from tests.support.log_lines import Lines

CLASSES = [
    RateLimitMiddleware,
    PerformanceTrackingMiddleware,
    SecurityHeadersMiddleware,
    RequestLoggingMiddleware,
]
ADDS: dict[type, set[str]] = {
    RateLimitMiddleware: {"ratelimit", "ratelimit-policy"},
    PerformanceTrackingMiddleware: set(),
    SecurityHeadersMiddleware: {"x-content-type-options", "x-frame-options", "content-security-policy"},
    RequestLoggingMiddleware: {"x-request-id"},
}


async def _users(request: Any) -> JSONResponse:
    return JSONResponse(["ada"])


def _fastapi() -> Any:
    app = FastAPI()
    app.get("/users/{name}")(lambda name: [name])
    return app


def _starlette() -> Any:
    return Starlette(routes=[Route("/users/{name}", _users)])


@pytest.mark.parametrize("make", [_fastapi, _starlette])
@pytest.mark.parametrize("one", CLASSES)
def test_each_class_is_added_alone_without_any_argument(make: Any, one: Any) -> None:
    app = make()
    app.add_middleware(one)
    answer = ask_asgi(app, "/users/ada", peer="8.8.4.4")

    assert answer.status == 200
    assert ADDS[one] <= answer.headers.keys()
    others = set().union(*(names for each, names in ADDS.items() if each is not one))
    assert not others & answer.headers.keys()


@pytest.mark.parametrize("make", [_fastapi, _starlette])
def test_all_four_are_added_in_any_order_and_each_works_once(make: Any, kit: Kit, lines: Lines) -> None:
    app = make()
    limits = RequestLimits(per_user=PerUserRateLimiter(2, 2 / 60), guard=DDoSProtection(1000))
    app.add_middleware(RateLimitMiddleware, limits=limits)
    app.add_middleware(PerformanceTrackingMiddleware, metrics=RequestMetrics(kit.metrics))
    app.add_middleware(SecurityHeadersMiddleware)
    app.add_middleware(RequestLoggingMiddleware, access_log=AccessLog(logger=lines.name))
    answers = [ask_asgi(app, "/users/ada") for _ in range(3)]

    assert [answer.status for answer in answers] == [200, 200, 429]
    for answer in answers:
        assert {"x-frame-options", "x-request-id", "ratelimit-policy"} <= answer.headers.keys()
    assert kit.series("http_requests_total") == {
        ("GET", "/users/{name}", "200"): 2,
        ("GET", "(unmatched)", "429"): 1,
    }
    assert [line["status"] for line in lines.all] == [200, 200, 429]
