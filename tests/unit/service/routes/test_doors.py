"""The doors around and inside applications: ASGI, WSGI, Starlette, FastAPI, Flask and Django."""

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from fastapi import FastAPI
from flask import Flask
from starlette.applications import Starlette
from starlette.routing import Mount

from ci_ops.service.health.service import HealthCheckService
from ci_ops.service.routes.answer import HealthRoutes
from ci_ops.service.routes.asgi import HealthApp
from ci_ops.service.routes.fastapi import health_router, make_health_router
from ci_ops.service.routes.flask import health_blueprint
from ci_ops.service.routes.starlette import health_routes
from ci_ops.service.routes.wsgi import HealthWSGI
from tests.support.parts import ROOT
from tests.support.web_calls import REMOTE, call_asgi, call_wsgi

PATHS = ["/health", "/health/live", "/health/ready", "/health/check", "/health/summary", "/__version__"]


@pytest.fixture
def health() -> HealthCheckService:
    health = HealthCheckService()
    health.add(lambda: True, name="database")

    @health.check()
    async def cache() -> bool:
        return True

    return health


async def _inner(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await send({"type": "inner.lifespan"})
        return
    await send({"type": "http.response.start", "status": 202, "headers": []})
    await send({"type": "http.response.body", "body": b"inner"})


def _inner_wsgi(environ: Any, start_response: Any) -> list[bytes]:
    start_response("202 Accepted", [])
    return [b"inner"]


def test_around_an_application_everything_else_goes_through(health: HealthCheckService) -> None:
    asgi, wsgi = (
        HealthApp(_inner, routes=HealthRoutes(health)),
        HealthWSGI(_inner_wsgi, routes=HealthRoutes(health)),
    )

    assert (call_asgi(asgi, "/orders").body, call_wsgi(wsgi, "/orders").body) == (b"inner", b"inner")
    assert (call_asgi(asgi, "/health").status, call_wsgi(wsgi, "/health").status) == (200, 200)


@pytest.mark.parametrize(
    ("path", "root_path"),
    [("/shop/health/live", "/shop"), ("/health/live", "/shop"), ("/health/live", "/health")],
)
def test_a_mount_is_found_whether_or_not_the_path_holds_its_prefix(
    health: HealthCheckService, path: str, root_path: str
) -> None:
    assert call_asgi(HealthApp(routes=HealthRoutes(health)), path, root_path=root_path).status == 200


def test_a_wsgi_mount_at_the_prefix_is_found(health: HealthCheckService) -> None:
    app = HealthWSGI(routes=HealthRoutes(health))

    assert call_wsgi(app, "/live", root_path="/health").status == 200
    assert call_wsgi(app, "/orders", root_path="/health").status == 404


def test_repeated_headers_count_together_and_a_unix_socket_is_nobody(health: HealthCheckService) -> None:
    app = HealthApp(routes=HealthRoutes(health))

    assert "checks" not in call_asgi(app, "/health", peer=None).json


def test_a_lifespan_reaches_the_application_inside_and_is_answered_where_there_is_none(
    health: HealthCheckService,
) -> None:
    async def talk(app: Any) -> list[str]:
        messages = ["lifespan.startup", "lifespan.shutdown"]
        sent: list[str] = []

        async def receive() -> dict[str, str]:
            return {"type": messages.pop(0)}

        async def send(message: dict[str, str]) -> None:
            sent.append(message["type"])

        await app({"type": "lifespan"}, receive, send)
        return sent

    alone = asyncio.run(talk(HealthApp(routes=HealthRoutes(health))))

    assert alone == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert asyncio.run(talk(HealthApp(_inner, routes=HealthRoutes(health)))) == ["inner.lifespan"]


def test_a_web_socket_is_closed_where_there_is_no_application(health: HealthCheckService) -> None:
    sent: list[str] = []

    async def send(message: dict[str, str]) -> None:
        sent.append(message["type"])

    asyncio.run(HealthApp(routes=HealthRoutes(health))({"type": "websocket"}, None, send))  # type: ignore[arg-type]

    assert sent == ["websocket.close"]


def test_starlette_takes_routes_a_mount_and_a_middleware(health: HealthCheckService) -> None:

    routed = Starlette(routes=health_routes(HealthRoutes(health)))
    mounted = Starlette(routes=[Mount("/health", app=HealthApp(routes=HealthRoutes(health)))])
    around = Starlette()
    around.add_middleware(HealthApp, routes=HealthRoutes(health))

    assert {call_asgi(routed, path).status for path in PATHS} == {200}
    assert call_asgi(routed, "/health/live", method="HEAD").body == b""
    assert call_asgi(mounted, "/health/ready").json["checked"] == 2
    assert call_asgi(around, "/health/check").status == 200


def test_a_group_named_too_late_for_fixed_routes_is_said(
    health: HealthCheckService, caplog: pytest.LogCaptureFixture
) -> None:
    routes = HealthRoutes(health)
    around = HealthApp(routes=routes)
    health.group("early", "database")
    assert caplog.text == ""
    app = Starlette(routes=health_routes(routes))
    health.group("early", "database", "cache")
    assert caplog.text == ""
    health.group("late", "database")

    assert "the group late has no path where routes were made before it" in caplog.text
    assert [call_asgi(app, f"/health/{name}").status for name in ("early", "late")] == [200, 404]
    assert call_asgi(around, "/health/late").status == 200


def test_fastapi_takes_a_router(health: HealthCheckService) -> None:

    app = FastAPI()
    app.include_router(make_health_router(HealthRoutes(health)))
    app.include_router(health_router, prefix="/api")

    assert {call_asgi(app, path).status for path in PATHS} == {200}
    assert call_asgi(app, "/health/check").headers["Content-Type"] == "application/health+json"
    assert call_asgi(app, "/api/health/ready", peer=REMOTE).status == 200
    assert call_asgi(app, "/health/ready", method="POST").status == 405
    assert "/health" not in app.openapi()["paths"]


def test_flask_takes_a_blueprint(health: HealthCheckService) -> None:

    app = Flask(__name__)
    app.register_blueprint(health_blueprint(HealthRoutes(health)))

    assert {call_wsgi(app, path).status for path in PATHS} == {200}
    answer = call_wsgi(app, "/health/check")
    assert answer.headers["Content-Type"] == "application/health+json"
    assert set(answer.json["checks"]) == {"database", "cache"}
    assert call_wsgi(app, "/health/live", method="HEAD").body == b""


_DJANGO = """
import sys
sys.path.insert(0, {root!r})
import django
from django.conf import settings
from django.http import HttpResponse
from django.urls import path
from ci_ops.service import health_service, health_urls

health_service.add(lambda: True, name="database")

@health_service.check()
async def cache():
    return True

settings.configure(
    SECRET_KEY="x" * 50, ROOT_URLCONF=__name__, ALLOWED_HOSTS=["shop.example.com"],
    MIDDLEWARE={middleware!r}, SECURE_SSL_REDIRECT={redirect!r},
)
urlpatterns = [*health_urls(), path("orders", lambda request: HttpResponse("orders"))]
django.setup()
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from tests.support.web_calls import call_asgi, call_wsgi
statuses = {{}}
for name, call, app in (("asgi", call_asgi, get_asgi_application()), ("wsgi", call_wsgi, get_wsgi_application())):
    statuses[name] = [call(app, path, headers={{"Host": "10.0.0.9"}}).status for path in {paths!r}]
    assert set(call(app, "/health/check", headers={{"Host": "localhost"}}).json["checks"]) == {{"database", "cache"}}
print(statuses["asgi"], statuses["wsgi"])
"""
_FIRST = ["ci_ops.service.routes.django.health_middleware", "django.middleware.security.SecurityMiddleware"]


@pytest.mark.parametrize(("middleware", "redirect"), [([], False), (_FIRST, True), (_FIRST, False)])
def test_django_takes_url_patterns_and_a_middleware_before_redirects_and_host_checks(
    middleware: list[str], redirect: bool
) -> None:

    paths = [*PATHS, *([] if redirect else ["/orders"])]
    program = _DJANGO.format(root=str(ROOT), middleware=middleware, redirect=redirect, paths=paths)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.stderr == ""
    assert done.stdout.strip() == f"{[200] * len(paths)} {[200] * len(paths)}"
