"""The health routes for WSGI servers, around an application or by themselves.

application = HealthWSGI(application)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from ci_ops.service.health.gate import Asker
from ci_ops.service.routes.answer import HealthRequest, HealthRoutes, Reply

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WSGIApp = Callable[[Environ, StartResponse], Iterable[bytes]]


class HealthWSGI:
    """Answers the health routes, and passes everything else to the application inside."""

    def __init__(self, app: WSGIApp | None = None, *, routes: HealthRoutes | None = None) -> None:
        self._app = app
        self.routes = HealthRoutes() if routes is None else routes

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("PATH_INFO", "")
        name = self.routes.find(path)
        if name is None and environ.get("SCRIPT_NAME"):
            name = self.routes.find(environ["SCRIPT_NAME"] + path)
        if name is None and self._app is not None:
            return self._app(environ, start_response)
        if name is None:
            reply = Reply(status=404, media_type="text/plain", body=b"not found\n")
        else:
            return answer_wsgi(self.routes, name, environ, start_response)
        return _send(reply, environ, start_response)


def answer_wsgi(
    routes: HealthRoutes, name: str, environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """Answer one request to a health route."""
    return _send(routes.reply(name, request_of(environ)), environ, start_response)


def _send(reply: Reply, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", reply.header_pairs())
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [reply.body]


def request_of(environ: Environ) -> HealthRequest:
    """Return the parts of a WSGI request that the health routes need."""
    headers = {
        name[5:].replace("_", "-").lower(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    version = environ.get("SERVER_PROTOCOL", "HTTP/1.1").rpartition("/")[2]
    asker = Asker(peer=environ.get("REMOTE_ADDR", ""), headers=headers, http_version=version)
    query = environ.get("QUERY_STRING", "")
    return HealthRequest(method=environ["REQUEST_METHOD"], asker=asker, query=query)
