"""The layer around an ASGI application: no task, no queue, each message passes straight through.

Every request passes here. What nearly all of them need is in one place, and
what few of them need in functions of its own.
"""

from __future__ import annotations

import inspect
from time import perf_counter
from typing import TYPE_CHECKING

from ci_ops.service.logs.context import frame
from ci_ops.service.middleware.asgi_exchange import ASGIExchange
from ci_ops.service.middleware.exchange import AROUND, KEY, around
from ci_ops.service.middleware.layer import Layer
from ci_ops.service.middleware.routes import asgi_route
from ci_ops.service.middleware.security import no_headers

if TYPE_CHECKING:
    from ci_ops.service.lifecycle.lifespan import App, Receive, Scope, Send
    from ci_ops.service.middleware.options import MiddlewareOptions


class ASGILayer(Layer):
    """The layer for servers such as uvicorn; `add_middleware` takes it too."""

    def __init__(self, app: App, options: MiddlewareOptions | None = None) -> None:
        super().__init__(app, options, asgi_route)
        security = self.options.security
        self.table = no_headers(str.encode) if security is None else security.for_asgi()
        if self.limits is not None:
            self.limits.see_that_it_fits("spend_async")

    def another(self, options: MiddlewareOptions) -> ASGILayer:
        """Return a layer with other options around the same application."""
        return ASGILayer(self._app, options)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] != "http" or KEY in scope:
            await self._other(scope, receive, send)
            return
        started = perf_counter()
        exchange = scope[KEY] = ASGIExchange(self, scope, dict(scope["headers"]), send)
        token = frame.set(exchange)
        if self.metrics is not None:
            self.metrics.begin()
        try:
            if self.has_to_be_awaited or scope["path"].startswith(self.health.paths):
                await self._judge_with_care(exchange)
            elif self.limits is not None:
                self.limits.judge(exchange)
            if exchange.refusal is None:
                await self._app(scope, receive, exchange.send)
            else:
                await exchange.refuse(exchange.refusal)
        except BaseException as error:
            await exchange.fail(error)
            raise
        finally:
            del scope[KEY]  # else each would keep the other alive until the next garbage collection
            # Work after the answer, such as background tasks, is no request time.
            seconds = (exchange.answered_at or perf_counter()) - started
            self.end(exchange, self._route_of(scope), scope["method"], seconds)
            frame.reset(token)

    async def _judge_with_care(self, exchange: ASGIExchange) -> None:
        """Identify the user and apply the limits, where more than the quick path is needed."""
        if self.options.identity is not None:
            user = self.options.identity(exchange.scope)
            exchange.set_user(await user if inspect.isawaitable(user) else user)
        if self.limits is None or exchange.is_health:
            return
        if self.limits.has_to_be_awaited:
            await self.limits.judge_async(exchange)
        else:
            self.limits.judge(exchange)

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a connection that is no request, or one that a layer around this one handles already."""
        if scope["type"] == "http":
            await self._within(scope, receive, send)
        elif scope["type"] == "websocket" and KEY not in scope:
            await self._handshake(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _within(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Apply the parts that the layers around this one have left."""
        outer = around(scope)
        rest = self.without(outer)
        if rest is self._app:
            await self._app(scope, receive, send)
            return
        del scope[KEY]
        scope[AROUND] = outer
        try:
            await rest(scope, receive, send)
        finally:
            scope[KEY] = outer.exchange
            if outer.further is None:
                del scope[AROUND]
            else:
                scope[AROUND] = outer.further

    async def _handshake(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Apply ids and limits to a WebSocket; its messages pass straight through."""
        exchange = scope[KEY] = ASGIExchange(self, scope, dict(scope["headers"]), send)
        token = frame.set(exchange)
        try:
            await self._judge_with_care(exchange)
            if exchange.refusal is None:
                await self._app(scope, receive, send)
            else:
                await exchange.refuse_handshake(exchange.refusal)
        finally:
            del scope[KEY]
            frame.reset(token)
