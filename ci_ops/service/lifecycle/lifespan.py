"""Composition of lifespans: those of frameworks, and of ASGI applications that may have none."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from ci_ops.service.lifecycle.startup import StartupFailedError

log = logging.getLogger("ci_ops.service.lifecycle.application")

_ENDS = frozenset({"lifespan.startup.failed", "lifespan.shutdown.complete", "lifespan.shutdown.failed"})

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Lifespan = Callable[[Any], AbstractAsyncContextManager[Mapping[str, Any] | None]]


def compose_lifespans(*lifespans: Lifespan) -> Callable[[Any], AbstractAsyncContextManager[dict[str, Any]]]:
    """Return one lifespan that enters the given ones, leaves them in reverse, and merges their states.

    Put the lifecycle last: it then accepts traffic when all else is up, and
    refuses it before anything goes down.
    """

    @asynccontextmanager
    async def composed(app: Any) -> AsyncIterator[dict[str, Any]]:
        state: dict[str, Any] = {}
        async with AsyncExitStack() as stack:
            for lifespan in lifespans:
                more = await stack.enter_async_context(lifespan(app))
                if more is not None:
                    state.update(more)
            yield state

    return composed


class LifespanAround:
    """Runs the steps of a lifecycle around the lifespan of an application.

    Order: `prepare` · the application's startup · `accept` … `refuse` · the
    application's shutdown · `finish`. An application that knows no lifespan,
    such as Django's, gets the same without its part; one that has asked for the
    startup and then raises has failed to start.
    """

    def __init__(
        self,
        *,
        prepare: Callable[[], Awaitable[None]],
        accept: Callable[[], None],
        refuse: Callable[[], None],
        finish: Callable[[], Awaitable[None]],
    ) -> None:
        self._prepare = prepare
        self._accept = accept
        self._refuse = refuse
        self._finish = finish

    async def run(self, app: App, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one lifespan scope to its end."""
        startup = await receive()
        try:
            await self._prepare()
        except StartupFailedError as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        seen: set[str] = set()

        async def receive_inside() -> Message:
            if not seen:
                seen.add("lifespan.startup")
                return startup
            message = await receive()
            self._refuse()
            seen.add(message["type"])
            return message

        async def send_outside(message: Message) -> None:
            seen.add(message["type"])
            if message["type"] == "lifespan.startup.complete":
                self._accept()
            elif message["type"] in _ENDS:
                await self._finish()
            await send(message)

        try:
            await app(scope, receive_inside, send_outside)
        except Exception as error:  # noqa: BLE001 - when it came decides what it means
            await self._judge(error, seen, send_outside)
        await self._answer_for(seen, receive, send_outside)

    async def _judge(self, error: Exception, seen: set[str], send: Send) -> None:
        """Report a failed startup, and raise what came later.

        An application that raises before it has received anything has no lifespan.
        """
        if seen == {"lifespan.startup"}:
            log.error("the application failed in its startup", exc_info=error)
            failed = f"the application failed in its startup: {type(error).__name__}"
            await send({"type": "lifespan.startup.failed", "message": failed})
        elif seen:
            if "lifespan.shutdown" in seen:
                await self._finish()
            raise error

    async def _answer_for(self, seen: set[str], receive: Receive, send: Send) -> None:
        """Send the messages that an application without a lifespan, or one that left it early, did not send."""
        if "lifespan.startup.failed" in seen:
            return
        if "lifespan.startup.complete" not in seen:
            await send({"type": "lifespan.startup.complete"})
        if "lifespan.shutdown" not in seen:
            await receive()
            self._refuse()
        if not seen & {"lifespan.shutdown.complete", "lifespan.shutdown.failed"}:
            await send({"type": "lifespan.shutdown.complete"})
