"""The health routes for ASGI servers, around an application or by themselves.

app = HealthApp(app)              # around; before host checks, redirects and logins
Mount("/health", app=HealthApp())  # by itself
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ci_ops.service.health.gate import Asker
from ci_ops.service.routes.answer import HealthRequest, HealthRoutes, Reply

if TYPE_CHECKING:
    from ci_ops.service.lifecycle.lifespan import App, Receive, Scope, Send


class HealthApp:
    """Answers the health routes, and passes everything else to the application inside."""

    def __init__(self, app: App | None = None, *, routes: HealthRoutes | None = None) -> None:
        self.app = app
        self.routes = HealthRoutes() if routes is None else routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            name = self._find(scope)
            if name is not None:
                await send_reply(scope, send, await self.routes.reply_async(name, request_of(scope)))
                return
        if self.app is not None:
            if scope["type"] == "lifespan" and hasattr(scope.get("app"), "middleware_stack"):
                self._hoist(scope["app"])
            await self.app(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await send_reply(scope, send, Reply(status=404, media_type="text/plain", body=b"not found\n"))
        else:
            await send({"type": "websocket.close", "code": 1000})

    def _hoist(self, app: Any) -> None:
        """Move ahead of middleware that was added later, such as a login."""
        from ci_ops.service.routes.ahead import hoist  # noqa: PLC0415 - it needs this module

        hoist(self, app)

    def _find(self, scope: Scope) -> str | None:
        path: str = scope["path"]
        found = self.routes.find(path)
        if found is None and scope.get("root_path"):
            # Servers and mounts differ on whether the path holds the prefix they are mounted under.
            found = self.routes.find(path.removeprefix(scope["root_path"]))
        return found


def request_of(scope: Scope) -> HealthRequest:
    """Return the parts of an ASGI request that the health routes need."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name = raw_name.decode("latin-1").lower()
        value = raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    client = scope.get("client")
    asker = Asker(
        peer=client[0] if client else "", headers=headers, http_version=scope.get("http_version", "1.1")
    )
    query = scope.get("query_string", b"").decode("latin-1")
    return HealthRequest(method=scope["method"], asker=asker, query=query)


async def send_reply(scope: Scope, send: Send, reply: Reply) -> None:
    """Send an answer, without its body where the request was HEAD."""
    pairs = [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in reply.header_pairs()
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": pairs})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else reply.body})


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
