"""What limiters and exporters of other packages let through: made-up paths, headers and methods, by framework."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from flask import Flask
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from ci_ops.service.limits.client import ClientResolver
from ci_ops.service.middleware.setup import setup_middleware
from tests.support.layers import Answer, Kit, Pairs, ask_asgi, ask_wsgi
from tests.support.parts import ROOT

TIMES = 200
CLIENT = "8.8.4.4"
"""An address of the internet."""
PROXY = "10.1.2.3"


def _starlette() -> Any:
    async def item(request: Any) -> PlainTextResponse:
        return PlainTextResponse("item")

    return Starlette(routes=[Route("/items/{i}", item)])


def _fastapi() -> Any:
    app = FastAPI()
    app.get("/items/{i}")(lambda i: i)
    return app


def _flask() -> Any:
    app = Flask("shop")
    app.get("/items/<i>")(lambda i: i)
    return app


ASKS: dict[str, tuple[Callable[[], Any], Callable[..., Answer]]] = {
    "starlette": (_starlette, ask_asgi),
    "fastapi": (_fastapi, ask_asgi),
    "flask": (_flask, ask_wsgi),
}

Statuses = Callable[..., Counter[int]]


@pytest.fixture(params=ASKS)
def statuses(request: pytest.FixtureRequest, kit: Kit) -> Statuses:
    """How often which status came, of 200 requests to an application with five a minute."""
    make, send = ASKS[request.param]

    def ask(
        path: Callable[[int], str] = lambda _: "/items/1",
        headers: Callable[[int], Pairs] = lambda _: [],
        *,
        resolver: ClientResolver | None = None,
        method: Callable[[int], str] = lambda _: "GET",
        peer: Callable[[int], str] = lambda _: CLIENT,
    ) -> Counter[int]:
        app = setup_middleware(make(), kit.options(resolver=resolver or ClientResolver()))
        return Counter(
            send(app, path(number), headers=headers(number), method=method(number), peer=peer(number)).status
            for number in range(TIMES)
        )

    return ask


def test_one_url_has_five_a_minute(statuses: Statuses) -> None:
    assert statuses() == {200: 5, 429: 195}


def test_so_has_a_route_whose_urls_are_all_different(statuses: Statuses) -> None:
    assert statuses(lambda number: f"/items/{number}") == {200: 5, 429: 195}


def test_so_has_what_no_route_takes(statuses: Statuses) -> None:
    assert statuses(lambda number: f"/made/up/{number}") == {404: 5, 429: 195}


@pytest.mark.parametrize(
    "name",
    ["X-Forwarded-For", "X_FORWARDED_FOR", "X-Real-IP", "Forwarded", "CF-Connecting-IP", "True-Client-IP"],
)
def test_no_header_of_a_client_gives_it_another_address(statuses: Statuses, name: str) -> None:
    def headers(number: int) -> Pairs:
        address = f"198.51.100.{number}"
        return [(name, f"for={address}" if name == "Forwarded" else address)]

    assert statuses(headers=headers) == {200: 5, 429: 195}


def test_no_header_of_a_client_makes_it_another_user(statuses: Statuses) -> None:
    assert statuses(headers=lambda number: [("X-User-ID", str(number))]) == {200: 5, 429: 195}


def test_behind_a_named_proxy_every_client_has_five_of_its_own(statuses: Statuses) -> None:
    answers = statuses(
        headers=lambda number: [("X-Forwarded-For", f"8.8.{number % 100}.1")],
        resolver=ClientResolver(["10.0.0.0/8"]),
        peer=lambda _: PROXY,
    )

    assert answers == {200: 200}


def test_behind_a_named_proxy_one_client_has_five_whatever_it_claims(statuses: Statuses) -> None:
    answers = statuses(
        headers=lambda number: [("X-Forwarded-For", f"8.8.{number}.1, {CLIENT}")],
        resolver=ClientResolver(["10.0.0.0/8"]),
        peer=lambda _: PROXY,
    )

    assert answers == {200: 5, 429: 195}


def test_made_up_methods_make_no_series(statuses: Statuses, kit: Kit) -> None:
    answers = statuses(method=lambda number: f"XFOO{number}", peer=lambda number: f"8.8.{number}.1")

    assert answers == {405: 200}
    assert list(kit.series("http_requests_total")) in (
        [("(other)", "/items/{i}", "405")],
        [("(other)", "(unmatched)", "405")],
    )


def test_made_up_paths_make_no_series(statuses: Statuses, kit: Kit) -> None:
    statuses(lambda number: f"/made/up/{number}", peer=lambda number: f"8.8.{number}.1")

    assert kit.series("http_requests_total") == {("GET", "(unmatched)", "404"): 200}


_DJANGO = """
import json, sys
from collections import Counter
import django
from django.conf import settings
from django.http import HttpResponse
from django.urls import path

settings.configure(SECRET_KEY="x" * 50, ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], MIDDLEWARE=[], LOGGING_CONFIG=None)
urlpatterns = [path("items/<i>", lambda request, i: HttpResponse(i))]
django.setup()
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from ci_ops.service import setup_middleware
from tests.support.layers import Kit, ask_asgi, ask_wsgi

told = []
for ask, get in ((ask_asgi, get_asgi_application), (ask_wsgi, get_wsgi_application)):
    for path in ("/items/{0}", "/made/up/{0}"):
        kit = Kit()
        app = setup_middleware(get(), kit.options())
        headers = ([("X_FORWARDED_FOR", f"8.8.{n}.1")] for n in range(200))
        sent = [ask(app, path.format(n), peer="8.8.4.4", headers=next(headers)) for n in range(200)]
        routes = sorted(labels[1] for labels in kit.series("http_requests_total"))
        told.append([Counter(one.status for one in sent), routes])
print(json.dumps(told))
"""


def test_django_lets_as_little_through_over_asgi_and_wsgi() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _DJANGO], cwd=ROOT, capture_output=True, text=True, check=True
    )

    over_one = [
        [{"200": 5, "429": 195}, ["(refused)", "/items/<i>"]],
        [{"404": 5, "429": 195}, ["(refused)", "(unmatched)"]],
    ]
    assert json.loads(done.stdout) == over_one * 2
