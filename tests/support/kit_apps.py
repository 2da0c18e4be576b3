"""Applications with the whole kit, for real servers: the same life as ASGI and as WSGI.

`/` answers with the process id, `/hold` when the file named by HOLD exists,
`/stream` sends an event now and again for ever, and a WebSocket is kept whatever happens to it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ci_ops.service.lifecycle.application import ApplicationLifecycle, application_lifecycle
from ci_ops.service.lifecycle.drain_plan import DrainPlan
from ci_ops.service.routes.answer import HealthRoutes
from ci_ops.service.routes.asgi import HealthApp
from ci_ops.service.routes.wsgi import HealthWSGI

if TYPE_CHECKING:
    from collections.abc import Iterable

HOLD = Path(os.environ.get("HOLD", "hold"))
FAILING = os.environ.get("FAILING", "")


def _life() -> ApplicationLifecycle:
    logging.basicConfig(level=logging.INFO)
    life = application_lifecycle
    health = life.health
    health.add(lambda: True, name="database")
    life.plan = DrainPlan(
        drain_seconds=float(os.environ.get("DRAIN", "0.5")),
        drain_timeout_seconds=float(os.environ.get("DRAIN_TIMEOUT", "5")),
    )
    for name in FAILING.split():
        life.add_startup_check(name, lambda: False)
    life.add_drain_hook(lambda: print("stopped the jobs", flush=True))  # noqa: T201 - the test reads it
    life.add_shutdown_hook(lambda: print("closed the pool", flush=True))  # noqa: T201 - the test reads it
    return life


async def _asgi(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        await asyncio.Event().wait()
    if scope["type"] != "http":
        raise ValueError(f"this application knows no {scope['type']}")
    await receive()
    while scope["path"] == "/hold" and not HOLD.exists():
        await asyncio.sleep(0.01)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    while scope["path"] == "/stream":
        await send({"type": "http.response.body", "body": b"event\n", "more_body": True})
        await asyncio.sleep(0.02)
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})


def _wsgi(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    never = threading.Event()
    while environ["PATH_INFO"] == "/hold" and not HOLD.exists():
        never.wait(0.01)
    body = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def asgi() -> Any:
    """The ASGI application; a factory, so that importing this module starts nothing."""
    life = _life()
    return life.asgi(HealthApp(_asgi, routes=HealthRoutes(life.health)))


def wsgi() -> Any:
    """The WSGI application, alive from now on."""
    life = _life()
    return life.wsgi(HealthWSGI(_wsgi, routes=HealthRoutes(life.health)))
