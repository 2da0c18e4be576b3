"""The service document of old, class by class: what it promises of health, recovery, limits and configuration."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from typing import Any

import pytest

import ci_ops.service as kit
from tests.support.circuits import Down, broken, fail
from tests.support.service_clock import HandClock
from tests.support.ticks import NanoTicks, Ticks

ENVIRONMENT = {
    "DATABASE_URL": "postgresql+asyncpg://user:pass@localhost/dbname",
    "API_HOST": "0.0.0.0",
    "API_PORT": "8000",
    "API_WORKERS": "4",
    "SECRET_KEY": "q8W3eR5tY7uI9oP1aS3dF5gH7jK9lZ1x",
    "BOT_TOKEN": "123456789:AAH9hkQW3eR5tY7uI9oP1aS3dF5gH7jK9lZ",
    "ADMIN_IDS": "1,2,3",
}


def test_health_monitors_the_four_components_of_the_document() -> None:
    clock = HandClock()
    health = kit.HealthCheckService(monotonic=clock.monotonic, now=clock.now)
    waiting, fallback, records, took = 3, False, 7, 0.05
    health.add(lambda: clock.advance(took), name="database", slow_seconds=0.1)
    health.add(kit.fallback_check(lambda: fallback), name="algorithm")
    health.add(kit.queue_depth_check(lambda: waiting, warn_at=100), name="notification")
    health.add(kit.activity_check(lambda: records, minimum=1), name="audit")

    def statuses() -> list[str]:
        clock.advance(10)
        return [one.status.value for one in health.report().components]

    assert statuses() == ["healthy"] * 4
    waiting, fallback, records, took = 100, True, 0, 0.11
    assert statuses() == ["degraded"] * 4
    assert dataclasses.is_dataclass(kit.ComponentHealth)
    assert health.report()["database"].response_time_ms == pytest.approx(110)
    assert [one.name for one in kit.HealthStatus] == ["HEALTHY", "DEGRADED", "UNHEALTHY"]


def test_a_breaker_keeps_the_figures_of_the_document() -> None:
    clock = Ticks()
    breaker = kit.CircuitBreaker(clock=clock)
    assert breaker.state is kit.CircuitState.CLOSED
    broken(breaker, 5)
    assert (breaker.failure_count, breaker.state) == (5, kit.CircuitState.OPEN)
    clock.advance(60)
    assert breaker.call(lambda: "answered") == "answered"
    assert breaker.state is kit.CircuitState.CLOSED


def test_recovery_retries_with_growing_delays_and_tells_trend_and_summary() -> None:
    clock = Ticks()
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        clock.advance(seconds)

    retry = kit.Retry(on=Down, attempts=4, first_wait_seconds=1, jitter="none", clock=clock, sleep=sleep)
    service = kit.ErrorRecoveryService(retry=retry, degradation=kit.GracefulDegradation(), clock=clock)
    with pytest.raises(Down):
        service.retry_with_backoff(fail)
    service.log_error("mail", TimeoutError("no answer"))

    assert waits == [1, 2, 4]
    assert service.get_error_trend("fail").total == 4
    summary = service.get_error_summary()
    assert {name: one["total"] for name, one in summary["services"].items()} == {"fail": 4, "mail": 1}
    assert json.loads(json.dumps(summary)) == summary


def test_degradation_keeps_the_reason_and_tells_of_the_recovery() -> None:
    registry = kit.GracefulDegradation()
    told: list[tuple[str, bool]] = []
    registry.listen(lambda feature, is_degraded: told.append((feature.name, is_degraded)))

    registry.mark_degraded("recommendations", "the model is rebuilt")
    assert registry.get_status()["features"]["recommendations"]["reason"] == "the model is rebuilt"
    registry.mark_recovered("recommendations")

    assert registry.get_status() == {"degraded": False, "features": {}}
    assert told == [("recommendations", True), ("recommendations", False)]


def test_a_token_bucket_has_a_capacity_a_rate_and_a_delay() -> None:
    clock = NanoTicks()
    bucket = kit.RateLimiter(capacity=10, refill_rate=2.0, clock_ns=clock)
    assert [bucket.is_allowed() for _ in range(11)] == [True] * 10 + [False]
    assert bucket.get_delay() == 0.5
    clock.advance(0.5)
    assert bucket.is_allowed()

    users = kit.PerUserRateLimiter(capacity=2, refill_rate=0.001)
    assert [[users.is_allowed(user) for _ in range(3)] for user in (1, 2)] == [[True, True, False]] * 2


def test_fifty_events_in_five_minutes_flag_a_user_with_a_reason() -> None:
    clock = Ticks()
    detector = kit.AbuseDetector(clock=clock)
    flags = []
    for _ in range(50):
        flags.append(detector.record_event(7, "login_failed"))
        clock.advance(6)
    assert flags == [False] * 49 + [True]
    assert "50 events of type login_failed" in detector.get_abuse_summary()["users"][0]["reason"]


def test_a_hundred_requests_a_minute_are_let_in_and_the_next_blocks_for_a_quarter_of_an_hour() -> None:
    clock = Ticks()
    guard = kit.DDoSProtection(clock=clock)
    assert [guard.check_request("192.0.2.7") for _ in range(101)] == [True] * 100 + [False]
    assert guard.retry_after_seconds("192.0.2.7") == 15 * 60
    assert guard.unblock_ip("192.0.2.7")
    assert guard.check_request("192.0.2.7")


def test_the_configuration_is_validated_all_at_once_and_summed_up() -> None:
    config = kit.ApplicationConfig(env=ENVIRONMENT).add(kit.BotConfig())
    assert asyncio.run(config.validate_all())
    assert (config.api.host, config.api.port, config.api.workers) == ("0.0.0.0", 8000, 4)
    assert (config.database.min_size, config.database.max_size) == (10, 30)
    assert config.bot.admin_ids == (1, 2, 3)
    assert config.get_summary()["set"] == sorted(ENVIRONMENT)

    empty = kit.ApplicationConfig(env={}).add(kit.BotConfig())
    with pytest.raises(kit.InvalidConfigurationError) as caught:
        asyncio.run(empty.validate_all())
    assert [one.name for one in caught.value.problems] == ["DATABASE_URL", "SECRET_KEY", "BOT_TOKEN"]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [(int, "7", 7), (float, "0.5", 0.5), (bool, "yes", True), (str, "seven", "seven"), ("int", "7", 7)],
)
def test_registered_values_are_converted_to_their_type(kind: Any, text: str, value: object) -> None:
    validator = kit.ConfigValidator(env={"ANY": text})
    validator.register("ANY", kind)
    assert validator.validate()
    assert validator["ANY"] == value
    assert validator.values["ANY"] == kit.ConfigValue(
        key="ANY",
        type=kind if isinstance(kind, str) else kind.__name__,
        required=True,
        value=value,
        is_set=True,
    )
