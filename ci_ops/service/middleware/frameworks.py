"""Installation of the layer as the outermost part of an application, by framework.

Only there it sees the answers that frameworks make of exceptions. Frameworks
are recognized by their attributes, and never imported.
"""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any

from ci_ops.service.middleware.asgi import ASGILayer
from ci_ops.service.middleware.exchange import exchanges
from ci_ops.service.middleware.wsgi import WSGILayer
from ci_ops.service.routes.ahead import AheadASGI, AheadWSGI, ahead_of_starlette

if TYPE_CHECKING:
    from ci_ops.service.middleware.options import MiddlewareOptions
    from ci_ops.service.routes.ahead import Doors


def install(app: Any, options: MiddlewareOptions) -> Any:
    """Return the application with the layer inside it, else the layer around it."""
    if callable(getattr(app, "build_middleware_stack", None)):
        return _in_starlette(app, options)
    if callable(getattr(app, "wsgi_app", None)):
        return _in_flask(app, options)
    if callable(getattr(app, "resolve_request", None)):
        app = _in_django(app)
    return (ASGILayer if is_asgi(app) else WSGILayer)(app, options)


def is_asgi(app: Any) -> bool:
    """Return True for an ASGI application, False for a WSGI one. Raises TypeError for neither."""
    function = app if inspect.isroutine(app) else getattr(app, "__call__", None)  # noqa: B004 - its signature is wanted
    if function is None:
        raise TypeError(f"a {type(app).__name__} is no ASGI or WSGI application")
    places = [
        one
        for one in inspect.signature(function).parameters.values()
        if one.kind in {one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD} and one.default is one.empty
    ]
    if len(places) not in {2, 3}:
        raise TypeError(
            f"a {type(app).__name__} is no ASGI or WSGI application: it takes {len(places)} arguments"
        )
    return len(places) == 3


def _in_starlette(app: Any, options: MiddlewareOptions) -> Any:
    """Install around everything, the middleware that answers exceptions included."""
    build = app.build_middleware_stack

    def build_around() -> ASGILayer:
        return ASGILayer(ahead_of_starlette(build(), app), options)

    app.build_middleware_stack = build_around
    if app.middleware_stack is not None:
        app.middleware_stack = ASGILayer(ahead_of_starlette(app.middleware_stack, app), options)
    return app


def _in_flask(app: Any, options: MiddlewareOptions) -> Any:
    flask = sys.modules["flask"]

    def note_route(sender: Any, **_: Any) -> None:
        del sender
        rule, environ = flask.request.url_rule, flask.request.environ
        if rule is not None:
            for exchange in exchanges(environ):
                exchange.route = f"{environ.get('SCRIPT_NAME', '')}{rule.rule}"

    def note_exception(sender: Any, exception: BaseException, **_: Any) -> None:
        del sender
        for exchange in exchanges(flask.request.environ):
            exchange.exception = type(exception).__name__

    app.wsgi_app = WSGILayer(app.wsgi_app, options)
    app.extensions["ci_ops_middleware"] = (note_route, note_exception)  # signals hold their receivers weakly
    flask.request_started.connect(note_route, app)
    flask.got_request_exception.connect(note_exception, app)
    return app


def _in_django(handler: Any) -> Any:
    """Make Django's handler store the route and the exception of a request for the layer.

    Returned is the handler with the health routes of its project ahead of it.
    """
    signals = sys.modules["django.core.signals"]
    resolve = handler.resolve_request

    def resolve_request(request: Any) -> Any:
        match = resolve(request)
        for exchange in exchanges(_place_of(request)):
            exchange.route = f"/{match.route}"
        return match

    handler.resolve_request = resolve_request
    signals.got_request_exception.connect(_note_exception, dispatch_uid="ci_ops.middleware")
    return (AheadASGI if is_asgi(handler) else AheadWSGI)(handler, _django_doors)


def _django_doors() -> Doors:
    from ci_ops.service.routes.django import find_doors  # noqa: PLC0415 - it needs Django

    return find_doors()


def _note_exception(sender: Any, request: Any = None, **_: Any) -> None:
    del sender
    error = sys.exception()
    if request is not None and error is not None:
        for exchange in exchanges(_place_of(request)):
            exchange.exception = type(error).__name__


def _place_of(request: Any) -> Any:
    """Return the scope of a Django request over ASGI, the environ of one over WSGI."""
    return request.scope if hasattr(request, "scope") else request.environ
