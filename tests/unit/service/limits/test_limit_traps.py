"""What makes the limits of others easy to walk around, tried on an application with routes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from ci_ops.service.limits.client import ClientResolver
from ci_ops.service.middleware.setup import setup_middleware
from tests.support.layers import Kit, ask_asgi

if TYPE_CHECKING:
    from starlette.requests import Request

QUOTA = 5
PUBLIC = "9.9.9.9"
"""An address of the internet: one from which no forgotten proxy of our own asks."""


async def item(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.path_params["number"])


def shop(**options: Any) -> Starlette:
    app = Starlette(routes=[Route("/items/{number}", item)])
    setup_middleware(app, Kit().options(**options))
    return app


@pytest.mark.parametrize(
    ("path", "status"), [("/items/{}", 200), ("/nowhere/{}", 404), ("/items/{}?page={}", 200), ("/{}", 404)]
)
def test_many_paths_are_one_client(path: str, status: int) -> None:
    app = shop()
    statuses = [ask_asgi(app, path.replace("{}", str(number))).status for number in range(50)]
    assert Counter(statuses) == {status: QUOTA, 429: 50 - QUOTA}


@pytest.mark.parametrize(
    "header",
    [
        "X_FORWARDED_FOR",
        "X-Forwarded-For",
        "Forwarded",
        "X-Real-IP",
        "CF-Connecting-IP",
        "True-Client-IP",
        "X-User-ID",
    ],
)
@pytest.mark.parametrize("spoofed", ["192.0.2.{}", "for=192.0.2.{}", "user{}"])
def test_no_header_makes_another_client(header: str, spoofed: str) -> None:
    app = shop()
    passed = [
        ask_asgi(app, "/items/1", headers=[(header, spoofed.format(n))], peer=PUBLIC).status
        for n in range(50)
    ]
    assert Counter(passed) == {200: QUOTA, 429: 50 - QUOTA}


def test_behind_a_named_proxy_each_client_has_a_bucket_and_none_can_choose_another() -> None:
    app = shop(resolver=ClientResolver(["10.0.0.0/8"]))

    def passed(forwarded: str) -> int:
        headers = [("X-Forwarded-For", forwarded)]
        return [ask_asgi(app, "/items/1", headers=headers, peer="10.0.0.1").status for _ in range(9)].count(
            200
        )

    assert [passed(f"203.0.113.{host}") for host in range(20)] == [QUOTA] * 20
    assert [passed(f"192.0.2.{host}, 198.51.100.1") for host in range(20)] == [QUOTA] + [0] * 19
    assert [passed(f"2001:db8::{host:x}") for host in range(20)] == [QUOTA] + [0] * 19


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "XFOO"])
def test_methods_are_one_client_too(method: str) -> None:
    app = shop()
    assert [ask_asgi(app, "/items/1").status for _ in range(QUOTA)] == [200] * QUOTA
    assert ask_asgi(app, "/items/1", method=method).status == 429
