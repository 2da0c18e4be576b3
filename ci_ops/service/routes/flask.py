"""The health routes as a Flask blueprint: `app.register_blueprint(health_blueprint())`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from ci_ops.service.routes.ahead import AheadWSGI, doors, mark
from ci_ops.service.routes.answer import HealthRoutes
from ci_ops.service.routes.wsgi import request_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask
    from flask.blueprints import BlueprintSetupState

    from ci_ops.service.routes.ahead import Doors


def health_blueprint(routes: HealthRoutes | None = None) -> Blueprint:
    """Return a blueprint with every path of HealthRoutes."""
    routes = HealthRoutes() if routes is None else routes
    blueprint = Blueprint("ci_ops_health", __name__)
    for path in routes.paths():
        name = routes.find(path)
        if name is not None:
            blueprint.add_url_rule(path, path.strip("/").replace("/", "-"), _view(routes, name))
    blueprint.record(_put_ahead)
    return blueprint


def _put_ahead(state: BlueprintSetupState) -> None:
    """Answer the routes before the application's own hooks, such as a login in `before_request`."""
    app: Any = state.app
    put_inside = getattr(app.wsgi_app, "put_inside", None)
    if put_inside is not None:
        put_inside(lambda inner: AheadWSGI(inner, lambda: _doors(app)))
    else:
        app.wsgi_app = AheadWSGI(app.wsgi_app, lambda: _doors(app))


def _doors(app: Flask) -> Doors:
    rules = ((str(rule.rule), app.view_functions.get(rule.endpoint)) for rule in app.url_map.iter_rules())
    return doors(rules)


def _view(routes: HealthRoutes, name: str) -> Callable[[], Response]:
    def view() -> Response:
        reply = routes.reply(name, request_of(request.environ))
        return Response(reply.body, status=reply.status, headers=reply.header_pairs())

    mark(view, routes, name)
    return view
