"""The health routes as a Flask blueprint.

Take it with `app.register_blueprint(health_blueprint())`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from ci_ops.service.routes.answer import HealthRoutes
from ci_ops.service.routes.wsgi import request_of

if TYPE_CHECKING:
    from collections.abc import Callable


def health_blueprint(routes: HealthRoutes | None = None) -> Blueprint:
    """A blueprint with every path of HealthRoutes."""
    routes = HealthRoutes() if routes is None else routes
    blueprint = Blueprint("ci_ops_health", __name__)
    for path in routes.paths():
        name = routes.find(path)
        if name is not None:
            blueprint.add_url_rule(path, path.strip("/").replace("/", "-"), _view(routes, name))
    return blueprint


def _view(routes: HealthRoutes, name: str) -> Callable[[], Response]:
    def view() -> Response:
        reply = routes.reply(name, request_of(request.environ))
        return Response(reply.body, status=reply.status, headers=reply.header_pairs())

    return view
