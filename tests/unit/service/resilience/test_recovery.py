from __future__ import annotations

import asyncio
import json
import threading
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from ci_ops.service.resilience.breaker import CircuitBreaker
from ci_ops.service.resilience.degradation import GracefulDegradation
from ci_ops.service.resilience.recovery import (
    MAX_KINDS,
    MAX_RECENT,
    MAX_SERVICES,
    OTHER,
    Direction,
    ErrorRecoveryService,
    direction_of,
    error_recovery_service,
)
from ci_ops.service.resilience.retry import Retry
from tests.support.circuits import Down
from tests.support.ticks import Ticks

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)


@pytest.fixture
def clock() -> Ticks:
    return Ticks()


@pytest.fixture
def service(clock: Ticks) -> ErrorRecoveryService:
    retry = Retry(on=Down, clock=clock, sleep=clock.sleep, sleep_async=clock.sleep_async)
    return ErrorRecoveryService(retry=retry, degradation=GracefulDegradation(), clock=clock, now=lambda: AT)


class Flaky:
    def __init__(self, failures: int) -> None:
        self.left = failures

    def load(self, number: int = 1) -> int:
        self.left -= 1
        if self.left >= 0:
            raise Down("not yet")
        return number

    async def load_async(self, number: int = 1) -> int:
        return self.load(number)

    def hidden(self, number: int = 1) -> Any:
        return self.load_async(number)


def test_every_failed_try_is_logged_and_the_answer_handed_on(service: ErrorRecoveryService) -> None:
    assert service.retry_with_backoff(Flaky(2).load, 7) == 7
    assert asyncio.run(_run(service, Flaky(3).load_async, number=8)) == 8
    assert asyncio.run(_run(service, Flaky(1).hidden, 9)) == 9
    totals = {name: part["total"] for name, part in service.get_error_summary()["services"].items()}
    assert totals == {"Flaky.load": 2, "Flaky.load_async": 3, "Flaky.hidden": 1}


async def _run(service: ErrorRecoveryService, function: Any, *args: Any, **kwargs: Any) -> Any:
    return await service.retry_with_backoff(function, *args, **kwargs)


def test_after_the_last_try_the_error_is_raised_and_counted_too(service: ErrorRecoveryService) -> None:
    with pytest.raises(Down, match="not yet"):
        service.retry_with_backoff(Flaky(9).load)
    assert service.get_error_summary()["services"]["Flaky.load"]["total"] == 4


def test_by_default_the_waits_are_exponential_from_one_second() -> None:
    policy = ErrorRecoveryService()._retry
    assert (policy.attempts, policy.first_wait_seconds, policy.factor) == (4, 1.0, 2.0)


def test_by_default_what_always_fails_is_soon_tried_once_and_only_that() -> None:
    service = ErrorRecoveryService()
    budget = service._retry.budget
    assert budget is not None
    for _ in range(60):
        budget.record_failure()
    with pytest.raises(Down):
        service.retry_with_backoff(Flaky(9).load)
    assert service.get_error_summary()["services"]["Flaky.load"]["total"] == 1

    mail = Flaky(0)
    assert service.with_retry("mail")(mail.load)(3) == 3
    assert budget.tokens == 39


def test_a_decorated_function_is_logged_under_its_service(service: ErrorRecoveryService) -> None:
    impatient = Retry(on=Down, attempts=1)

    @service.with_retry("payments")
    def pay(flaky: Flaky) -> int:
        return flaky.load()

    @service.with_retry("mail", impatient)
    async def send(flaky: Flaky) -> int:
        return await flaky.load_async()

    assert pay(Flaky(1)) == 1
    with pytest.raises(Down):
        asyncio.run(send(Flaky(1)))
    assert [(error.service, error.kind) for error in service.recent_errors()] == [
        ("mail", "Down"),
        ("payments", "Down"),
    ]
    assert pay.__name__ == "pay"


def test_an_object_that_is_called_is_logged_under_its_class(service: ErrorRecoveryService) -> None:
    assert service.retry_with_backoff(partial(Flaky(1).load, 4)) == 4
    assert list(service.get_error_summary()["services"]) == ["partial"]


def test_the_summary_tells_what_how_often_since_when_and_which_way(
    service: ErrorRecoveryService, clock: Ticks
) -> None:
    breaker = CircuitBreaker("a breaker of this test")
    service.degradation.mark_degraded("search", "down")
    service.log_error("db", ValueError("password=hunter22 refused"), context="user 7")
    clock.advance(3600)
    for _ in range(9):
        service.log_error("db", Down("gone"))
    summary = service.get_error_summary()
    assert summary["services"]["db"] == {
        "total": 10,
        "last_hour": 9,
        "trend": "rising",
        "kinds": {"Down": 9, "ValueError": 1},
        "last": {"kind": "Down", "message": "gone", "at": "2026-11-22T08:30:00+00:00"},
    }
    assert summary["total"] == 10
    assert summary["degradation"]["degraded"]
    assert breaker.get_status() in summary["circuit_breakers"]
    assert json.loads(json.dumps(summary)) == summary


def test_messages_are_redacted_and_cut(
    service: ErrorRecoveryService, caplog: pytest.LogCaptureFixture
) -> None:
    service.log_error("db", ValueError("postgres://app:hunter2@db " + "x" * 900), context="token=abcdefgh")
    (error,) = service.recent_errors()
    assert "hunter2" not in error.message + caplog.text
    assert "abcdefgh" not in error.message + caplog.text
    assert len(error.message) == 500
    assert error.at == AT


def test_an_error_that_cannot_be_told_is_counted_all_the_same(service: ErrorRecoveryService) -> None:
    class Unspeakable(Down):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    def fail() -> None:
        raise Unspeakable

    with pytest.raises(Unspeakable):
        service.with_retry("db")(fail)()
    assert [(error.kind, error.message) for error in service.recent_errors()] == [("Unspeakable", "")] * 4
    assert service.degradation.answers("db", lambda: "less")(fail)() == "less"
    assert service.degradation.degraded_features()[0].reason == "Unspeakable"
    assert service.recent_errors(-1) == ()


def test_the_trend_counts_per_minute(service: ErrorRecoveryService, clock: Ticks) -> None:
    for errors in (1, 0, 3):
        for _ in range(errors):
            service.log_error("db", Down())
        clock.advance(60)
    service.log_error("db", Down())
    trend = service.get_error_trend("db", minutes=4)
    assert (trend.per_minute, trend.total, trend.direction) == ((1, 0, 3, 1), 5, Direction.STEADY)
    assert service.get_error_trend("nobody").per_minute == (0,) * 60
    assert len(service.get_error_trend("db", minutes=1000).per_minute) == 60
    assert service.get_error_trend("db", minutes=0).per_minute == (1,)


@pytest.mark.parametrize(
    ("per_minute", "direction"),
    [
        ((0, 0), Direction.STEADY),
        ((0, 4), Direction.STEADY),
        ((0, 5), Direction.RISING),
        ((5, 0), Direction.FALLING),
        ((100, 120), Direction.STEADY),
        ((100, 140), Direction.RISING),
        ((5, 50, 0), Direction.FALLING),
        ((9,), Direction.STEADY),
    ],
)
def test_only_a_clear_difference_is_called_a_trend(per_minute: tuple[int, ...], direction: Direction) -> None:
    assert direction_of(per_minute) is direction


def test_however_many_names_there_are_the_memory_is_bounded(service: ErrorRecoveryService) -> None:
    for number in range(MAX_SERVICES * 3):
        service.log_error(f"service {number}", Down())
    for number in range(MAX_KINDS * 3):
        service.log_error("service 1", type(f"Kind{number}", (Exception,), {})())
    services = service.get_error_summary()["services"]
    assert len(services) == MAX_SERVICES + 1
    assert services[OTHER]["total"] == MAX_SERVICES * 2
    assert len(services["service 1"]["kinds"]) == MAX_KINDS + 1
    assert len(service.recent_errors(limit=10_000)) == MAX_RECENT


def test_no_error_is_lost_between_threads(service: ErrorRecoveryService) -> None:
    def hammer(number: int) -> None:
        for _ in range(200):
            service.log_error(f"service {number % 2}", Down())

    threads = [threading.Thread(target=hammer, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    services = service.get_error_summary()["services"]
    assert {name: part["total"] for name, part in services.items()} == {"service 0": 800, "service 1": 800}


def test_there_is_one_service_ready_made() -> None:
    error_recovery_service.log_error("only here", Down("tested"))
    assert error_recovery_service.recent_errors(1)[0].service == "only here"
