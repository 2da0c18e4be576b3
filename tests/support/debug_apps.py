"""Web applications with debugging on and off, and one under the kit's middleware, for real servers."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def django(*, debug: bool, empty: bool = False) -> Any:
    """Return a Django application without settings of its own, and perhaps without any URL."""
    if not empty:
        answer = import_module("django.http").HttpResponse
        urlpatterns.append(import_module("django.urls").path("", lambda _: answer("shop")))
    import_module("django.conf").settings.configure(
        DEBUG=debug, ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="x" * 50
    )
    return import_module("django.core.wsgi").get_wsgi_application()


urlpatterns: list[Any] = []
"""Of the Django application."""


def flask(*, debug: bool) -> Any:
    """Return a Flask application, as `flask run --debug` serves it."""
    from flask import Flask  # noqa: PLC0415 - one process has one framework
    from werkzeug.debug import DebuggedApplication  # noqa: PLC0415

    app = Flask("shop")
    return DebuggedApplication(app, evalex=True) if debug else app


def kit() -> Any:
    """Return a page and an answer for programs under the kit's middleware."""
    from ci_ops.service.middleware.setup import setup_middleware  # noqa: PLC0415

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        is_page = environ["PATH_INFO"] == "/"
        kind = "text/html" if is_page else "application/json"
        start_response("200 OK", [("Content-Type", kind), ("Server", "shop/1.2")])
        return [b"<h1>Shop</h1>" if is_page else b"{}"]

    return setup_middleware(application)
