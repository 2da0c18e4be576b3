"""A clock and what lives by it, and real databases that are started once for all tests of the kit."""

import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci_ops.service.deployment.checker import deployment_checker
from ci_ops.service.health.service import HealthCheckService
from ci_ops.service.lifecycle.application import ApplicationLifecycle
from ci_ops.service.lifecycle.drain_plan import DrainPlan
from tests.support.databases import running_postgres, running_redis
from tests.support.service_clock import HandClock


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    with running_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with running_redis() as url:
        yield url


@pytest.fixture
def closed_port() -> int:
    """A port on loopback where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def health(clock: HandClock) -> HealthCheckService:
    return HealthCheckService(monotonic=clock.monotonic, now=clock.now)


@pytest.fixture
def life(clock: HandClock, caplog: pytest.LogCaptureFixture) -> Iterator[ApplicationLifecycle]:
    caplog.set_level(logging.INFO, "ci_ops.service.lifecycle.application")
    plan = DrainPlan(drain_seconds=0, drain_timeout_seconds=0.05)
    life = ApplicationLifecycle(HealthCheckService(), plan=plan, monotonic=clock.monotonic)
    yield life
    life.stop()


@pytest.fixture
def deployable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment that the deployment checks find nothing wrong with."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(deployment_checker, "database", None)
    monkeypatch.setattr(deployment_checker, "results", ())
    monkeypatch.setenv("DATABASE_URL", "postgresql+asyncpg://shop:hunter2hunter2@db/shop")
    monkeypatch.setenv("SECRET_KEY", "q8W3eR5tY7uI9oP1aS3dF5gH7jK9lZ1xC3vB5nM7")
