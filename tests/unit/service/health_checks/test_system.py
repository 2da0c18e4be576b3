import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ci_ops.service.health.model import ComponentHealth, HealthStatus
from ci_ops.service.health.service import HealthCheckService
from ci_ops.service.health_checks.system import (
    activity_check,
    circuit_breaker_check,
    degraded_features_check,
    disk_check,
    fallback_check,
    queue_depth_check,
)
from ci_ops.service.resilience.breaker import CircuitBreaker
from ci_ops.service.resilience.degradation import GracefulDegradation, graceful_degradation

HEALTHY, DEGRADED, UNHEALTHY = HealthStatus.HEALTHY, HealthStatus.DEGRADED, HealthStatus.UNHEALTHY


def _run(check: Any, **options: Any) -> ComponentHealth:
    health = HealthCheckService()
    name = health.add(check, **options).name
    return health.report()[name]


@pytest.mark.parametrize(
    ("warn", "fail", "status"), [(0, 0, HEALTHY), (100.1, 0, DEGRADED), (100.2, 100.1, UNHEALTHY)]
)
def test_a_disk_is_judged_by_its_free_share(
    tmp_path: Path, warn: float, fail: float, status: HealthStatus
) -> None:
    disk = _run(disk_check(tmp_path, warn_free_percent=warn, fail_free_percent=fail), required=True)

    assert (disk.status, disk.unit, disk.component_type) == (status, "percent", "system")
    assert isinstance(disk.value, float)


def test_a_full_disk_is_optional_because_a_new_instance_does_not_mend_it() -> None:
    assert _run(disk_check(warn_free_percent=101, fail_free_percent=101)).status is DEGRADED


@pytest.mark.parametrize(
    ("waiting", "status"), [(9, HEALTHY), (10, DEGRADED), (19, DEGRADED), (20, UNHEALTHY)]
)
def test_a_queue_warns_before_it_fails(waiting: int, status: HealthStatus) -> None:
    queue = _run(queue_depth_check(lambda: waiting, warn_at=10, fail_at=20), name="outbox")

    assert (queue.status, queue.value, queue.unit) == (status, waiting, "items")


def test_a_depth_may_be_asked_for_asynchronously() -> None:
    async def depth() -> int:
        return 5000

    assert _run(queue_depth_check(depth)).message == "5000 wait, at 1000 it fails"


def test_limits_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValueError, match="warns before it fails"):
        queue_depth_check(lambda: 1, warn_at=10, fail_at=5)
    with pytest.raises(ValueError, match="warns before it fails"):
        disk_check(fail_free_percent=math.nan)


@pytest.mark.parametrize("depth", [-1, math.nan])
def test_a_depth_that_is_no_depth_is_never_healthy(depth: float) -> None:
    queue = _run(queue_depth_check(lambda: depth))  # type: ignore[arg-type, return-value]

    assert (queue.status, queue.message) == (UNHEALTHY, f"a depth of {depth} says nothing")


@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [
        (False, HEALTHY, ""),
        ("", HEALTHY, ""),
        (True, DEGRADED, "fallback in use"),
        ("rules instead of the model", DEGRADED, "fallback in use: rules instead of the model"),
    ],
)
def test_a_fallback_in_use_degrades(answer: str | bool, status: HealthStatus, message: str) -> None:
    algorithm = _run(fallback_check(lambda: answer), name="algorithm")

    assert (algorithm.status, algorithm.message) == (status, message)


def test_silence_degrades() -> None:
    audit = _run(activity_check(lambda: 0, minimum=3, window="in the last hour"), name="audit")

    assert (audit.status, audit.message) == (DEGRADED, "0 records in the last hour, expected at least 3")
    assert _run(activity_check(lambda: 3, minimum=3)).status is HEALTHY
    assert _run(activity_check(lambda: math.nan)).status is DEGRADED  # type: ignore[arg-type, return-value]


@dataclass
class _Breaker:
    name: str
    state: str


def test_circuit_breakers_that_are_not_closed_degrade() -> None:
    breakers = [_Breaker("database", "open"), _Breaker("algorithm", "half_open"), _Breaker("mail", "closed")]

    shown = _run(circuit_breaker_check(lambda: breakers))

    assert (shown.status, shown.value) == (DEGRADED, 2)
    assert shown.message == "algorithm is half open, database is open"


def test_a_closed_circuit_breaker_hides_no_open_one_of_the_same_name() -> None:
    breakers = [_Breaker("supplier", "open"), _Breaker("supplier", "closed")]

    shown = _run(circuit_breaker_check(lambda: breakers))

    assert (shown.status, shown.message) == (DEGRADED, "supplier is open")


def test_every_breaker_of_the_application_is_looked_at_without_being_named() -> None:
    breaker = CircuitBreaker("stripe-under-test", failure_threshold=1)
    before = _run(circuit_breaker_check()).message
    breaker.force_open()
    after = _run(circuit_breaker_check()).message

    assert "stripe-under-test" not in before
    assert "stripe-under-test is forced open" in after


def test_degraded_features_degrade() -> None:
    registry = GracefulDegradation()
    registry.mark_degraded("search", "index is rebuilt")

    assert _run(degraded_features_check(registry)).message == "search: index is rebuilt"
    assert graceful_degradation.degraded_features() == ()
    assert _run(degraded_features_check()).status is HEALTHY
