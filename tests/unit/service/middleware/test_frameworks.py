"""setup_middleware is the outermost part of FastAPI, Starlette, Flask, Django and anything else."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.responses import HTMLResponse, StreamingResponse
from flask import Flask, Response, abort
from starlette.middleware.base import BaseHTTPMiddleware

from ci_ops.service.health.service import HealthCheckService
from ci_ops.service.lifecycle.application import ApplicationLifecycle
from ci_ops.service.logs.context import current_fields, push_context
from ci_ops.service.middleware.asgi import ASGILayer
from ci_ops.service.middleware.frameworks import is_asgi
from ci_ops.service.middleware.options import PROXIES_VARIABLE, MiddlewareOptions
from ci_ops.service.middleware.setup import setup_middleware
from ci_ops.service.middleware.wsgi import WSGILayer
from ci_ops.service.routes.asgi import HealthApp
from ci_ops.service.routes.wsgi import HealthWSGI
from tests.support.layers import Kit, Said, asgi_app, ask_asgi, ask_wsgi, wsgi_app
from tests.support.log_lines import Lines
from tests.support.parts import ROOT


def _fastapi() -> FastAPI:
    app = FastAPI()

    @app.get("/items/{i}")
    def item(i: int) -> dict[str, int]:
        return {"i": i}

    @app.get("/boom")
    async def boom() -> None:
        raise RuntimeError("password=hunter2")

    @app.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418)

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def steps() -> AsyncIterator[bytes]:
            for _ in range(3):
                yield b"event\n"

        return StreamingResponse(steps(), media_type="text/event-stream")

    return app


@pytest.mark.parametrize("path", ["/items/3", "/items/x", "/boom", "/teapot", "/stream", "/nope"])
def test_every_answer_of_fastapi_has_the_headers_errors_and_streams_included(kit: Kit, path: str) -> None:
    app = _fastapi()
    assert setup_middleware(app, kit.options()) is app
    answer = ask_asgi(app, path)

    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["x-request-id"]
    assert "ratelimit" in answer.headers
    assert isinstance(answer.error, RuntimeError) == (path == "/boom")


def test_an_exception_in_fastapi_is_counted_and_logged_once(kit: Kit, lines: Lines) -> None:
    app = setup_middleware(_fastapi(), kit.options())
    answer = ask_asgi(app, "/boom")

    assert (answer.status, answer.body) == (500, b"Internal Server Error")
    assert kit.series("http_request_exceptions_total") == {("/boom", "RuntimeError"): 1}
    assert len(lines.all) == 1
    assert "hunter2" not in lines.text


def test_a_started_application_and_middlewares_added_later_are_inside(kit: Kit) -> None:
    app = _fastapi()
    ask_asgi(app, "/items/3")
    setup_middleware(app, kit.options())
    assert ask_asgi(app, "/boom").headers["x-frame-options"] == "DENY"

    other = setup_middleware(_fastapi(), kit.options())

    class Failing(BaseHTTPMiddleware):
        async def dispatch(self, request: Any, call_next: Any) -> Any:
            raise RuntimeError((request, call_next))

    other.add_middleware(Failing)
    assert ask_asgi(other, "/items/3").headers["x-frame-options"] == "DENY"


def test_what_an_endpoint_puts_into_the_context_is_on_the_line_of_its_request(kit: Kit, lines: Lines) -> None:
    app = FastAPI()

    @app.get("/")
    async def order() -> None:
        push_context(order=7)

    ask_asgi(setup_middleware(app, kit.options()), "/")

    assert lines.last["order"] == 7
    assert current_fields() == {}


def test_an_application_mounted_in_another_counts_once(kit: Kit) -> None:
    inner, outer = _fastapi(), FastAPI()
    setup_middleware(inner, kit.options())
    outer.mount("/shop", inner)
    setup_middleware(outer, kit.options())
    answer = ask_asgi(outer, "/shop/items/3")

    assert answer.status == 200
    assert answer.headers["x-request-id"]
    assert kit.series("http_requests_total") == {("GET", "/shop/items/{i}", "200"): 1}


def _flask() -> Flask:
    app = Flask("shop")

    @app.get("/items/<int:i>")
    def item(i: int) -> dict[str, int]:
        return {"i": i}

    @app.get("/boom")
    def boom() -> str:
        raise RuntimeError("password=hunter2")

    @app.get("/teapot")
    def teapot() -> str:
        abort(418)

    @app.get("/stream")
    def stream() -> Response:
        return Response((b"event\n" for _ in range(3)), mimetype="text/event-stream")

    return app


@pytest.mark.parametrize(
    ("path", "route", "status"),
    [
        ("/items/3", "/items/<int:i>", 200),
        ("/items/x", "(unmatched)", 404),
        ("/boom", "/boom", 500),
        ("/teapot", "/teapot", 418),
        ("/stream", "/stream", 200),
    ],
)
def test_every_answer_of_flask_has_the_headers_and_its_route(
    kit: Kit, path: str, route: str, status: int, lines: Lines
) -> None:
    app = _flask()
    assert setup_middleware(app, kit.options()) is app
    answer = ask_wsgi(app, path)

    assert answer.status == status
    assert answer.headers["x-frame-options"] == "DENY"
    assert kit.series("http_requests_total") == {("GET", route, str(status)): 1}
    expected = {("/boom", "RuntimeError"): 1} if path == "/boom" else {}
    assert kit.series("http_request_exceptions_total") == expected
    assert "exception" not in lines.last


def test_flask_behind_a_prefix_tells_the_whole_route(kit: Kit) -> None:
    ask_wsgi(setup_middleware(_flask(), kit.options()), "/items/3", root_path="/shop")

    assert kit.series("http_requests_total") == {("GET", "/shop/items/<int:i>", "200"): 1}


def test_flask_in_its_own_tests_raises_as_before(kit: Kit) -> None:
    app = setup_middleware(_flask(), kit.options())
    app.testing = True
    with pytest.raises(RuntimeError):
        app.test_client().get("/boom")
    with app.test_client().get("/items/3") as response:
        assert response.headers["X-Frame-Options"] == "DENY"


def test_any_other_application_is_wrapped_as_the_kind_it_is(kit: Kit) -> None:
    life = ApplicationLifecycle(HealthCheckService())
    asgi = [asgi_app(Said()), HealthApp(asgi_app(Said())), life.asgi(asgi_app(Said()))]
    wsgi = [wsgi_app(Said()), HealthWSGI(wsgi_app(Said()))]

    for app in asgi:
        wrapped = setup_middleware(app, kit.options())
        assert isinstance(wrapped, ASGILayer)
        assert ask_asgi(wrapped).status == 200
    for app in wsgi:
        wrapped = setup_middleware(app, kit.options())
        assert isinstance(wrapped, WSGILayer)
        assert "x-request-id" in ask_wsgi(wrapped, "/health/live").headers


def test_a_signature_says_which_kind_it_is() -> None:
    class Later:
        def __call__(self, scope: Any, receive: Any, send: Any, more: int = 0) -> None: ...

    assert is_asgi(Later())
    assert not is_asgi(wsgi_app(Said()))
    for nothing in (object(), lambda one: one, lambda: None):
        with pytest.raises(TypeError, match="no ASGI or WSGI application"):
            is_asgi(nothing)


def test_without_options_everything_is_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PROXIES_VARIABLE, "10.0.0.0/8, 192.0.2.1")
    layer = setup_middleware(asgi_app(Said()))
    options = layer.options

    assert None not in (options.security, options.limits, options.metrics, options.access_log)
    assert options.resolver.is_trusted("10.1.2.3")
    assert options.resolver.is_trusted("192.0.2.1")
    assert not MiddlewareOptions().resolver.is_trusted("127.0.0.1")


_DJANGO = """
import json, logging, sys
sys.path.insert(0, {root!r})
import django
from django.conf import settings
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path, re_path

settings.configure(SECRET_KEY="x" * 50, ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], MIDDLEWARE=[], LOGGING_CONFIG=None)
logging.disable(logging.CRITICAL)

def boom(request):
    raise RuntimeError("password=hunter2")

async def slow(request):
    return JsonResponse({{"a": 1}})

urlpatterns = [
    path("items/<int:i>/", lambda request, i: JsonResponse({{"i": i}})),
    re_path(r"^old/(?P<year>[0-9]{{4}})/$", lambda request, year: HttpResponse(year)),
    path("boom", boom),
    path("slow", slow),
    path("stream", lambda request: StreamingHttpResponse([b"a", b"b"])),
]
django.setup()
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from ci_ops.service import setup_middleware
from tests.support.layers import Kit, ask_asgi, ask_wsgi
told = {{}}
for name, ask, get in (("asgi", ask_asgi, get_asgi_application), ("wsgi", ask_wsgi, get_wsgi_application)):
    kit = Kit()
    app = setup_middleware(get(), kit.options())
    answers = [ask(app, path) for path in ("/items/3/", "/old/1999/", "/boom", "/slow", "/stream", "/items/x/")]
    kit.per_user = None
    assert all(one.headers["x-request-id"] and one.headers["x-frame-options"] for one in answers), answers
    told[name] = {{
        "statuses": [one.status for one in answers],
        "routes": sorted(" ".join(labels) for labels in kit.series("http_requests_total")),
        "exceptions": sorted(" ".join(labels) for labels in kit.series("http_request_exceptions_total")),
    }}
print(json.dumps(told))
"""


def test_django_is_wrapped_and_tells_its_routes_and_exceptions() -> None:
    program = _DJANGO.format(root=str(ROOT))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=False
    )

    assert done.stderr == ""
    told = json.loads(done.stdout)
    assert told["asgi"] == told["wsgi"]
    assert told["wsgi"] == {
        "statuses": [200, 200, 500, 200, 200, 429],
        "routes": [
            "GET (refused) 429",
            "GET /^old/(?P<year>[0-9]{4})/$ 200",
            "GET /boom 500",
            "GET /items/<int:i>/ 200",
            "GET /slow 200",
            "GET /stream 200",
        ],
        "exceptions": ["/boom RuntimeError"],
    }


@pytest.mark.parametrize("prefix", ["", "/v1"])
def test_the_documentation_pages_of_fastapi_run_wherever_they_are(kit: Kit, prefix: str) -> None:
    documented = FastAPI(docs_url="/api/docs", redoc_url="/api/redoc", openapi_url="/api/openapi.json")

    @documented.get("/page")
    def page() -> HTMLResponse:
        return HTMLResponse("<p>shop")

    app = documented
    if prefix:
        app = FastAPI()
        app.mount(prefix, documented)
    setup_middleware(app, kit.options())

    for path in ("/api/docs", "/api/redoc", "/docs/oauth2-redirect"):
        answer = ask_asgi(app, prefix + path)
        assert (answer.status, "content-security-policy" in answer.headers) == (200, False), path
    assert "content-security-policy" in ask_asgi(app, f"{prefix}/page").headers
