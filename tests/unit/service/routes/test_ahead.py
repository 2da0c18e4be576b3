"""Health routes are never behind a login: what a prober without a session gets, in every framework."""

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from flask import Flask, redirect
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import RedirectResponse

from ci_ops.service.health.service import HealthCheckService
from ci_ops.service.lifecycle.application import ApplicationLifecycle
from ci_ops.service.middleware.options import MiddlewareOptions
from ci_ops.service.middleware.setup import setup_middleware
from ci_ops.service.routes.answer import HealthRoutes
from ci_ops.service.routes.asgi import HealthApp
from ci_ops.service.routes.fastapi import make_health_router
from ci_ops.service.routes.flask import health_blueprint
from ci_ops.service.routes.starlette import health_routes
from tests.support.doc_examples import alive
from tests.support.parts import ROOT
from tests.support.web_calls import Called, ask_asgi, call_asgi, call_wsgi

PATHS = ("/health", "/health/live", "/health/ready", "/__version__")
BARE = MiddlewareOptions(metrics=None, access_log=None, limits=None)


@pytest.fixture
def routes() -> HealthRoutes:
    return HealthRoutes(HealthCheckService())


async def _login(request: Any, call_next: Any) -> Any:
    del request, call_next
    return RedirectResponse("/login", 303)


def _asked(app: Any, *paths: str) -> list[Called]:
    """What an application answers that a server has started."""

    async def ask() -> list[Called]:
        async with alive(app):
            return [await ask_asgi(app, path) for path in paths]

    return asyncio.run(ask())


def _statuses(app: Any, *paths: str) -> list[int]:
    return [one.status for one in _asked(app, *paths)]


@pytest.mark.parametrize("with_layer", [False, True])
def test_a_router_of_fastapi_is_ahead_of_a_login(routes: HealthRoutes, with_layer: bool) -> None:
    app = FastAPI()
    app.include_router(make_health_router(routes))
    app.add_middleware(BaseHTTPMiddleware, dispatch=_login)
    if with_layer:
        setup_middleware(app, BARE)

    assert _statuses(app, *PATHS, "/orders", "/health/nothing") == [200, 200, 200, 200, 303, 303]
    if with_layer:
        assert "X-Request-Id" in _asked(app, "/health/live")[0].headers


def test_a_router_below_others_and_a_lifespan_of_its_own_is_ahead_too(routes: HealthRoutes) -> None:
    started = []

    async def lifespan(app: FastAPI) -> Any:
        started.append(app)
        yield

    outer = APIRouter(prefix="/internal")
    outer.include_router(make_health_router(routes), prefix="/probes")
    app = FastAPI(lifespan=lifespan)
    app.include_router(outer)
    app.add_middleware(BaseHTTPMiddleware, dispatch=_login)

    assert _statuses(app, "/internal/probes/health/ready", "/health/ready") == [200, 303]
    assert started == [app]


def test_a_route_of_the_application_at_the_same_path_stays_what_it_is(routes: HealthRoutes) -> None:
    app = FastAPI()
    app.add_api_route("/health", lambda: "own")
    app.include_router(make_health_router(routes))

    answers = _asked(app, "/health", "/health/live")

    assert answers[0].body == b'"own"'
    assert answers[1].json["status"] == "pass"


def test_routes_of_starlette_are_ahead_of_a_login_in_the_layer(routes: HealthRoutes) -> None:
    app = Starlette(routes=[*health_routes(routes)])
    app.add_middleware(BaseHTTPMiddleware, dispatch=_login)
    setup_middleware(app, BARE)

    assert [call_asgi(app, path).status for path in (*PATHS, "/orders")] == [200, 200, 200, 200, 303]
    assert call_asgi(app, "/shop/health/live", root_path="/shop").status == 200


@pytest.mark.parametrize("with_layer", [False, True])
def test_a_health_app_that_was_added_before_the_login_is_ahead_of_it(
    routes: HealthRoutes, with_layer: bool
) -> None:
    life = ApplicationLifecycle(routes.health)
    app = Starlette()
    app.add_middleware(HealthApp, routes=routes)
    app.add_middleware(BaseHTTPMiddleware, dispatch=_login)
    app.add_middleware(life.asgi)
    if with_layer:
        setup_middleware(app, BARE)

    assert _statuses(app, *PATHS, "/orders") == [200, 200, 200, 200, 303]


@pytest.mark.parametrize("prefix", [None, "/internal"])
@pytest.mark.parametrize("layer_first", [False, True])
def test_a_blueprint_of_flask_is_ahead_of_a_login(
    routes: HealthRoutes, prefix: str | None, layer_first: bool
) -> None:
    app = Flask(__name__)
    app.before_request(lambda: redirect("/login", 303))
    steps: list[Any] = [
        lambda: setup_middleware(app, BARE),
        lambda: app.register_blueprint(health_blueprint(routes), url_prefix=prefix),
    ]
    for step in steps if layer_first else reversed(steps):
        step()

    found = [call_wsgi(app, f"{prefix or ''}{path}") for path in PATHS]

    assert {one.status for one in found} == {200}
    assert all("X-Request-Id" in one.headers for one in found)
    assert call_wsgi(app, "/orders").status == 303
    assert call_wsgi(app, f"{prefix or ''}/health/live", method="HEAD").body == b""


_DJANGO = """
import sys
sys.path.insert(0, {root!r})
import django
from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import include, path

class Login:
    def __init__(self, get_response):
        pass

    def __call__(self, request):
        return HttpResponseRedirect("/login")

settings.configure(
    SECRET_KEY="x" * 50, ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], MIDDLEWARE={middleware!r},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
)
django.setup()
from ci_ops.service import health_urls, setup_middleware
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from tests.support.web_calls import call_asgi, call_wsgi

below = path("internal/", include(health_urls()))
urlpatterns = [*({urls}), path("orders", lambda request: HttpResponse("orders"))]
wsgi, asgi = get_wsgi_application(), get_asgi_application()
if {layer}:
    wsgi, asgi = setup_middleware(wsgi), setup_middleware(asgi)
for call, app in ((call_wsgi, wsgi), (call_asgi, asgi)):
    print(*[call(app, one).status for one in {paths!r}])
"""
_AUTH = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
_OWN = "ci_ops.service.routes.django.health_middleware"


@pytest.mark.parametrize(
    ("middleware", "urls", "layer", "path"),
    [
        (
            [*_AUTH, "django.contrib.auth.middleware.LoginRequiredMiddleware"],
            "health_urls()",
            False,
            "/health",
        ),
        (["__main__.Login"], "health_urls()", True, "/health"),
        (["__main__.Login"], "[below]", True, "/internal/health"),
        (["__main__.Login", _OWN], "[]", True, "/health"),
        ([_OWN, "__main__.Login"], "[]", False, "/health"),
    ],
)
def test_django_health_is_ahead_of_a_login(middleware: list[str], urls: str, layer: bool, path: str) -> None:
    paths = [f"{path}/ready", path, "/orders"]
    program = _DJANGO.format(root=str(ROOT), middleware=middleware, urls=urls, layer=layer, paths=paths)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["200", "200", "302"] * 2
    assert ("health_middleware stands behind __main__.Login" in done.stderr) is (middleware[-1] == _OWN)
