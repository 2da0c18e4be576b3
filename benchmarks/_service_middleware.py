"""What the middleware adds to a request, beside the stack of packages that does the same.

Target: at most 8 µs for the four jobs that the peers do (request id, security
headers, a limit, metrics), where they add more than 100. Ours tells clients
their quota in that time, which is switched off at the peer. Flood guard and
access log come on top, and are told.

Method: a Starlette application of 20 routes that answers a small JSON; a fresh
scope with 8 headers and one of 2,000 addresses for each request; each stack in
a process of its own, what the bare application takes subtracted round by round.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import secure
import secure.middleware
from asgi_correlation_id import CorrelationIdMiddleware
from prometheus_fastapi_instrumentator import Instrumentator
from slowapi import Limiter
from slowapi.middleware import SlowAPIASGIMiddleware
from slowapi.util import get_remote_address
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks._logging import to_nothing
from ci_ops.service.limits.buckets import PerUserRateLimiter
from ci_ops.service.limits.guard import DDoSProtection
from ci_ops.service.logs.formatter import JsonFormatter
from ci_ops.service.metrics.collector import MetricsCollector
from ci_ops.service.metrics.requests import RequestMetrics
from ci_ops.service.middleware.access import AccessLog
from ci_ops.service.middleware.limits import RequestLimits
from ci_ops.service.middleware.options import MiddlewareOptions
from ci_ops.service.middleware.setup import setup_middleware

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 25
WARM_UP = 2
REQUESTS = 1500
ENOUGH = 1_000_000

_HEADERS = [
    (b"host", b"shop.example.com"),
    (b"user-agent", b"curl/8"),
    (b"accept", b"*/*"),
    (b"accept-encoding", b"gzip"),
    (b"accept-language", b"en"),
    (b"connection", b"keep-alive"),
    (b"x-one", b"1"),
    (b"x-two", b"2"),
]
_clients = itertools.cycle([f"203.0.{third}.{fourth}" for third in range(8) for fourth in range(250)])


@dataclass(frozen=True, kw_only=True, slots=True)
class Added:
    """What a layer adds to a request, in nanoseconds of CPU time."""

    four_jobs: float
    with_guard: float
    with_guard_and_log: float
    peers: float


def _app() -> Any:
    async def answer(_: object) -> JSONResponse:
        return JSONResponse({"ok": True})

    return Starlette(routes=[Route(f"/r{number}/{{x}}", answer) for number in range(20)])


def _ours(*, guard: bool, log: AccessLog | None) -> Any:
    limits = RequestLimits(
        per_user=PerUserRateLimiter(ENOUGH, ENOUGH / 60),
        guard=DDoSProtection(ENOUGH) if guard else None,
        abuse=None,
    )
    metrics = RequestMetrics(MetricsCollector())
    return setup_middleware(_app(), MiddlewareOptions(limits=limits, metrics=metrics, access_log=log))


def _peers() -> Any:
    app = _app()
    app.state.limiter = Limiter(key_func=get_remote_address, default_limits=[f"{ENOUGH}/minute"])
    app.add_middleware(SlowAPIASGIMiddleware)
    Instrumentator().instrument(app)
    headers = secure.Secure.from_preset(secure.Preset.BALANCED)
    app.add_middleware(secure.middleware.SecureASGIMiddleware, secure=headers)
    app.add_middleware(CorrelationIdMiddleware)
    return app


def _json_log() -> AccessLog:
    logger = logging.getLogger("benchmark.access")
    to_nothing(logger, JsonFormatter())
    return AccessLog(logger=logger.name)


async def _receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send(message: object) -> None:
    del message


async def _time(app: Any) -> float:
    started = time.process_time_ns()
    for _ in range(REQUESTS):
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "method": "GET",
            "path": "/r10/5",
            "raw_path": b"/r10/5",
            "query_string": b"",
            "root_path": "",
            "headers": list(_HEADERS),
            "client": (next(_clients), 40000),
            "server": ("127.0.0.1", 80),
            "state": {},
        }
        await app(scope, _receive, _send)
    return (time.process_time_ns() - started) / REQUESTS


async def _over(app: Any) -> float:
    """What an application takes above the bare one, round by round."""
    bare = _app()
    rounds = [(await _time(bare), await _time(app)) for _ in range(ROUNDS + WARM_UP)]
    return statistics.median(ours - without for without, ours in rounds[WARM_UP:])


_STACKS: dict[str, Callable[[], Any]] = {
    "four-jobs": lambda: _ours(guard=False, log=None),
    "with-guard": lambda: _ours(guard=True, log=None),
    "with-guard-and-log": lambda: _ours(guard=True, log=_json_log()),
    "peers": _peers,
}


def added() -> Added:
    """Measure each stack in a process of its own, as it would be in a service."""
    return Added(**{name.replace("-", "_"): _measured(name) for name in _STACKS})


def _measured(name: str) -> float:
    command = [sys.executable, "-m", __name__, name]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)


if __name__ == "__main__":
    print(asyncio.run(_over(_STACKS[sys.argv[1]]())))
