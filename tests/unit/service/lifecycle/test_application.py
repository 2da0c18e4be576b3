import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

from ci_ops.core.health.status import Status
from ci_ops.service import release
from ci_ops.service.deployment.checker import DeploymentChecker, deployment_checker
from ci_ops.service.health import providers
from ci_ops.service.health.model import HealthStatus
from ci_ops.service.health.providers import provide
from ci_ops.service.lifecycle.application import ApplicationLifecycle
from ci_ops.service.lifecycle.startup import StartupFailedError
from ci_ops.service.resilience.breaker import CircuitBreaker
from ci_ops.service.settings.validator import ConfigValidator
from tests.support.service_clock import HandClock

UNHEALTHY = HealthStatus.UNHEALTHY


def _refusal(life: ApplicationLifecycle) -> str:
    return life.health.report("ready").refusal


def test_traffic_is_taken_after_every_check_passed(
    life: ApplicationLifecycle, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    seen = []

    async def database() -> bool:
        seen.append(_state(life))
        clock.advance(2)
        return True

    life.add_startup_check("database", database)
    life.add_startup_check("environment", lambda: "degraded")
    life.health.add(lambda: True, name="stock")

    life.start()

    assert (seen, _refusal(life), life.startup_seconds) == (["starting"], "", 2)
    assert life.startup_results["environment"].status is HealthStatus.DEGRADED
    assert caplog.messages == ["started in 2.000 s after 2 startup checks, healthy"]
    assert caplog.records[0].event == "startup_completed"  # type: ignore[attr-defined]


def test_a_start_says_what_nothing_will_be_known_about(
    life: ApplicationLifecycle, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release._Current, "release", release.Release())

    life.start()

    events = {one.event: one.getMessage() for one in caplog.records}  # type: ignore[attr-defined]
    assert events["nothing_checked"].startswith("no health check is registered")
    assert events["commit_unknown"].startswith("no commit is known here")


def _state(life: ApplicationLifecycle) -> str:
    return life.health.availability.refusal


@dataclass
class _Result:
    name: str
    status: Status
    message: str


def _pair() -> tuple[bool, list[_Result]]:
    return False, [
        _Result("env", Status.FAIL, "SECRET_KEY=hunter2hunter2 is too short"),
        _Result("files", Status.PASS, "here"),
    ]


def test_every_failure_is_told_before_the_start_fails(
    life: ApplicationLifecycle, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse() -> None:
        raise OSError("postgresql://shop:hunter2hunter2@db refused")

    async def refuse_later() -> None:
        refuse()

    life.add_startup_check("checker", _pair)
    life.add_startup_check("database", refuse)
    life.add_startup_check("replica", refuse_later)
    life.add_startup_check("mail", lambda: True)
    life.add_startup_check("odd", lambda: (False, None))

    with pytest.raises(StartupFailedError, match="not started, because of checker, database, replica, odd"):
        life.start()
    told = [
        "checker failed: env: SECRET_KEY=*** is too short",
        "database failed: OSError: postgresql://shop:***@db refused",
        "replica failed: OSError: postgresql://shop:***@db refused",
        "odd failed: it gave no reason; raise an error that says one",
    ]
    assert caplog.messages == told
    with pytest.raises(StartupFailedError):
        asyncio.run(life.on_startup())
    assert caplog.messages == told * 2
    assert _refusal(life) == "starting"
    assert life.startup_results["checker"].status is UNHEALTHY


class _UnsayableError(Exception):
    def __str__(self) -> str:
        raise TypeError


def test_an_error_that_cannot_be_told_is_named(life: ApplicationLifecycle, tmp_path: Path) -> None:
    def refuse() -> None:
        raise _UnsayableError

    life.add_startup_check("driver", refuse)
    with pytest.raises(StartupFailedError, match="because of driver"):
        life.start()
    checker = DeploymentChecker(ConfigValidator(env={}), root=tmp_path, env={})
    checker.add("driver", refuse)

    assert life.startup_results["driver"].message == "_UnsayableError"
    assert checker.run_all_checks_sync()[1][-1].message == "_UnsayableError"


def test_a_pair_with_a_good_verdict_passes(life: ApplicationLifecycle) -> None:
    async def run_all_checks() -> tuple[bool, list[_Result]]:
        return True, []

    life.add_startup_check("checker", run_all_checks)

    asyncio.run(life.on_startup())

    assert _refusal(life) == ""


def test_a_process_whose_dependency_is_down_starts_and_is_not_ready(
    life: ApplicationLifecycle, caplog: pytest.LogCaptureFixture
) -> None:
    life.health.add(lambda: False, name="database")

    life.start()

    assert life.health.report("ready").status is UNHEALTHY
    assert caplog.messages[-1].endswith("0 startup checks, unhealthy")
    assert caplog.records[-1].levelname == "WARNING"


@pytest.mark.usefixtures("deployable")
def test_a_session_maker_becomes_the_database_check_and_brings_the_deployment_checks(
    life: ApplicationLifecycle, tmp_path: Path
) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/shop.db")

    async def start_twice() -> None:
        await life.on_startup(sessionmaker(engine))
        await life.on_startup(sessionmaker(engine))

    asyncio.run(start_twice())
    report = life.health.report()
    engine.dispose()

    assert (report["database"].status, len(report.components)) == (HealthStatus.HEALTHY, 1)
    assert list(life.startup_results) == ["deployment"]
    found = {one.name: str(one.status) for one in deployment_checker.results}
    assert found["database"] == found["environment"] == "pass"


@pytest.mark.usefixtures("deployable")
def test_with_a_session_maker_a_bad_environment_stops_the_start_and_names_everything(
    life: ApplicationLifecycle,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("SECRET_KEY", "short")
    engine = create_engine(f"sqlite:///{tmp_path}/missing/shop.db")

    with pytest.raises(StartupFailedError, match="because of deployment"):
        asyncio.run(life.on_startup(sessionmaker(engine)))

    (message,) = caplog.messages
    assert "SECRET_KEY" in message
    assert "database: OperationalError" in message
    assert "short'" not in message
    assert _refusal(life) == "starting"


def test_checks_of_ones_own_take_the_place_of_the_deployment_checks(
    life: ApplicationLifecycle, tmp_path: Path
) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/shop.db")
    life.add_startup_check("deployment", lambda: True)

    asyncio.run(life.on_startup(sessionmaker(engine)))
    engine.dispose()

    assert life.startup_results["deployment"].status is HealthStatus.HEALTHY


def test_the_end_runs_every_hook_backwards_and_once(
    life: ApplicationLifecycle, caplog: pytest.LogCaptureFixture
) -> None:
    ended = []

    def fail() -> None:
        raise OSError("pool is gone")

    async def close() -> None:
        ended.append("async")

    breaker = CircuitBreaker("end-under-test")
    life.add_shutdown_hook(lambda: ended.append("first"))
    life.add_shutdown_hook(fail)
    life.add_shutdown_hook(close)
    life.start()
    life.stop()
    life.stop()

    assert ended == ["async", "first"]
    assert "a shutdown hook failed; going on" in caplog.messages
    assert "0 requests in flight" in caplog.messages[-1]
    assert f"'{breaker.name}': 'closed'" in caplog.messages[-1]
    assert _state(life) == "draining"


def test_the_end_comes_in_order_even_where_the_breakers_cannot_be_told(
    life: ApplicationLifecycle, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(providers, "_providers", {})
    provide("circuit-breakers", lambda: {"payments": "no mapping"})
    ended: list[str] = []
    life.add_shutdown_hook(lambda: ended.append("closed"))
    life.start()
    life.stop()

    assert ended == ["closed"]
    assert caplog.messages[-1].endswith("circuit breakers: unknown")


def test_a_process_may_start_again(life: ApplicationLifecycle) -> None:
    life.start()
    life.stop()
    life.start()

    assert _refusal(life) == ""


def test_the_end_comes_though_a_hung_request_has_taken_every_thread_of_the_loop(
    life: ApplicationLifecycle,
) -> None:
    ended, go_on = [], threading.Event()
    life.add_shutdown_hook(lambda: ended.append("closed the pool"))

    async def main() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        await life.on_startup()
        life.in_flight.enter()
        hung = asyncio.create_task(asyncio.to_thread(go_on.wait, 60))
        try:
            await asyncio.wait_for(life.on_shutdown(), 20)
        finally:
            go_on.set()
            await hung
            life.in_flight.leave()

    asyncio.run(main())
    assert ended == ["closed the pool"]


def test_the_end_waits_for_requests_in_flight_with_and_without_a_loop(life: ApplicationLifecycle) -> None:
    life.in_flight.enter()
    life.start()
    asyncio.run(life.on_shutdown())
    life.start()
    leave = threading.Timer(0.01, life.in_flight.leave)
    leave.start()
    life.stop()
    leave.join()

    assert life.in_flight.count == 0
