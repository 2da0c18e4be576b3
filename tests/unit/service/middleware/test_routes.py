"""Route templates from real routers, mounts included, and never a path that a client made up."""

from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, Router

from ci_ops.service.middleware.routes import health_route
from ci_ops.service.middleware.setup import setup_middleware
from tests.support.layers import Kit, ask_asgi


async def _hello(request: Any) -> PlainTextResponse:
    return PlainTextResponse("hello")


def _starlette() -> Starlette:
    inner = Router([Route("/b/{y}", _hello)])
    nested = Router([Mount("/{shop}", inner)])
    return Starlette(
        routes=[
            Route("/items/{i:int}", _hello, methods=["GET", "POST"]),
            Mount("/m", inner),
            Mount("/users/{user}", inner),
            Mount("/n/{user}", nested),
            Mount("/files", app=PlainTextResponse("file")),
        ]
    )


@pytest.mark.parametrize(
    ("path", "root_path", "route"),
    [
        ("/items/3", "", "/items/{i:int}"),
        ("/items/none", "", "(unmatched)"),
        ("/nope", "", "(unmatched)"),
        ("/m/b/2", "", "/m/b/{y}"),
        ("/m/nope", "", "/m"),
        ("/users/ada/b/2", "", "/users/{user}/b/{y}"),
        ("/n/ada/north/b/2", "", "/n/{user}/{shop}/b/{y}"),
        ("/files/a/b/c", "", "/files"),
        ("/prefix/items/3", "/prefix", "/items/{i:int}"),
        ("/prefix/m/b/2", "/prefix", "/m/b/{y}"),
    ],
)
def test_starlette_leaves_the_template_behind(kit: Kit, path: str, root_path: str, route: str) -> None:
    app = setup_middleware(_starlette(), kit.options())
    ask_asgi(app, path, root_path=root_path)

    assert [labels[1] for labels in kit.series("http_requests_total")] == [route]


def test_a_method_that_is_not_allowed_still_has_its_route(kit: Kit) -> None:
    ask_asgi(setup_middleware(_starlette(), kit.options()), "/items/3", method="DELETE")

    assert list(kit.series("http_requests_total")) == [("DELETE", "/items/{i:int}", "405")]


def test_fastapi_leaves_the_template_behind_routers_included(kit: Kit) -> None:
    app, router = FastAPI(), APIRouter(prefix="/v1")

    @router.get("/u/{n}")
    async def user(n: int) -> int:
        return n

    app.include_router(router)
    setup_middleware(app, kit.options())
    for path in ("/api/v1/u/4", "/api/v1/u/none", "/api/docs"):
        ask_asgi(app, path, root_path="/api")

    assert {labels[1] for labels in kit.series("http_requests_total")} == {"/v1/u/{n}", "/docs"}


def test_plain_routes_in_fastapi_are_known_by_their_parameters(kit: Kit) -> None:
    kit.per_user = type(kit.per_user)(10_000, 1000)
    app = FastAPI()
    app.add_route("/plain/{i:int}/{name}", _hello)
    app.add_route("/any/{rest:path}", _hello)
    app.mount("/files", PlainTextResponse("file"))
    setup_middleware(app, kit.options())
    for path in (
        "/plain/3/ada",
        "/plain/7/7",
        "/plain/003/ada",
        "/any/a/b",
        "/any/c/d",
        "/files/a",
        "/files/b",
        "/openapi.json",
    ):
        assert ask_asgi(app, path).status == 200

    assert {labels[1] for labels in kit.series("http_requests_total")} == {
        "/plain/{i}/{name}",
        "(unmatched)",
        "/files",
        "/openapi.json",
    }


def test_an_attack_on_mounted_parameters_makes_one_series(kit: Kit) -> None:
    kit.per_user = type(kit.per_user)(10_000, 1000)
    app = setup_middleware(_starlette(), kit.options())
    for number in range(200):
        ask_asgi(app, f"/users/{number}/b/{number}")

    assert kit.series("http_requests_total") == {("GET", "/users/{user}/b/{y}", "200"): 200}


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/health", "/health"),
        ("/health/ready", "/health/ready"),
        ("/health/ready/", "/health/ready"),
        ("/health/x", "(unmatched)"),
        ("/health/x/ready", "(unmatched)"),
        ("/x/ready", "(unmatched)"),
        ("/__version__", "/__version__"),
    ],
)
def test_health_paths_are_counted_by_their_names(path: str, route: str) -> None:
    assert health_route(path, ("/health", "/__version__")) == route


def test_a_client_invents_no_series_below_the_health_routes(kit: Kit) -> None:
    app = setup_middleware(_starlette(), kit.options())
    for number in range(200):
        ask_asgi(app, f"/health/{number}/live")

    assert kit.series("http_requests_total") == {("GET", "(unmatched)", "404"): 200}
