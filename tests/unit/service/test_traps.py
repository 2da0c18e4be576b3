"""Traps that other packages of this kind fell into, each in one test, and each of a part by itself."""

import os
import subprocess
import sys
import threading
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from ci_ops.service.health.model import HealthStatus
from ci_ops.service.health.service import HealthCheckService
from ci_ops.service.routes.answer import HealthRoutes
from ci_ops.service.routes.asgi import HealthApp
from ci_ops.service.routes.fastapi import make_health_router
from tests.support.web_calls import REMOTE, call_asgi

_BREAKER = """
import threading, time
from datetime import datetime
from ci_ops.service.resilience.breaker import CircuitBreaker

breaker = CircuitBreaker("db", failure_threshold=1, recovery_timeout=60)
for _ in range(2):
    try:
        breaker.call(lambda: 1 / 0)
    except Exception as error:
        last = error
print(59 < breaker.get_status()["retry_after_seconds"] <= 60, 59 < last.retry_after_seconds <= 60)
"""


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/St_Johns", "UTC"])
def test_the_time_left_of_an_open_circuit_is_the_same_in_every_time_zone(zone: str) -> None:
    env = {**os.environ, "TZ": zone}
    done = subprocess.run(
        [sys.executable, "-c", _BREAKER], env=env, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout.split()) == (0, ["True", "True"])


def _in_a_thread(ask: Any) -> Any:
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(ask()))
    thread.start()
    thread.join(10)
    return answers[0]


def test_a_time_limit_holds_in_any_thread_for_sync_and_async_checks() -> None:
    health = HealthCheckService()
    go_on = threading.Event()

    async def asynchronous() -> bool:
        return True

    health.add(lambda: True, name="plain", timeout_seconds=0.5)
    health.add(asynchronous, timeout_seconds=0.5)
    health.add(lambda: go_on.wait(5), name="hung", timeout_seconds=0.05, required=False)

    report = _in_a_thread(health.report)
    go_on.set()

    found = {one.name: one.status for one in report.components}
    assert found == {
        "plain": HealthStatus.HEALTHY,
        "asynchronous": HealthStatus.HEALTHY,
        "hung": HealthStatus.DEGRADED,
    }


def test_a_kubelet_is_answered_before_redirects_and_host_checks() -> None:
    inner = Starlette(
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=["shop.example.com"]),
            Middleware(HTTPSRedirectMiddleware),
        ]
    )
    app = HealthApp(inner, routes=HealthRoutes(HealthCheckService()))
    asks = {"Host": "10.0.0.7:8000"}

    assert call_asgi(app, "/health/ready", headers=asks, peer="10.0.0.1").status == 200
    assert call_asgi(app, "/health/live", headers=asks, peer="10.0.0.1").status == 200
    assert call_asgi(app, "/", headers=asks, peer="10.0.0.1").status == 400
    assert call_asgi(app, "/", headers={"Host": "shop.example.com"}, peer="10.0.0.1").status == 307


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/health/check", "/health/summary"])
def test_a_check_that_raises_behind_fastapi_is_a_report_and_no_bare_500(path: str) -> None:
    health = HealthCheckService()

    def database() -> None:
        raise ConnectionError("postgresql://shop:hunter2hunter2@db:5432/shop refused")

    health.add(database)
    app = FastAPI()
    app.include_router(make_health_router(HealthRoutes(health)))

    from_afar = call_asgi(app, path, peer=REMOTE)
    from_here = call_asgi(app, path)

    assert (from_afar.status, from_here.status) == (503, 503)
    assert from_afar.json["status"] == "fail"
    assert "ConnectionError" not in from_afar.body.decode()
    assert "hunter2" not in from_here.body.decode()
