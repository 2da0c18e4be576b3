"""Checks of the application's own parts: disk, queues, breakers, fallbacks, activity."""

from __future__ import annotations

import os
import shutil
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ci_ops.service.health.model import Check, Outcome
from ci_ops.service.health_checks.built_in import built_in, degraded, judged, unhealthy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from pathlib import Path


def disk_check(
    path: str | Path = "/", *, warn_free_percent: float = 10.0, fail_free_percent: float = 2.0
) -> Check:
    """Check free space, and free inodes where the file system counts them."""
    if not 0 <= fail_free_percent <= warn_free_percent:
        raise ValueError("a disk warns before it fails: 0 <= fail_free_percent <= warn_free_percent")

    def disk() -> Outcome:
        usage = shutil.disk_usage(path)
        free = 100 * usage.free / max(1, usage.total)
        what = "free space"
        if hasattr(os, "statvfs"):
            inodes = os.statvfs(path)
            free_inodes = 100 * inodes.f_favail / inodes.f_files if inodes.f_files else 100.0
            free, what = min((free, what), (free_inodes, "free inodes"))
        shown = round(free, 1)
        if free < fail_free_percent:
            return unhealthy(
                f"{shown} % {what}, at least {fail_free_percent:g} % is needed", shown, "percent"
            )
        if free < warn_free_percent:
            return degraded(f"{shown} % {what}, expected at least {warn_free_percent:g} %", shown, "percent")
        return Outcome(value=shown, unit="percent")

    return built_in(disk, "disk", component_type="system", required=False)


def queue_depth_check(
    depth: Callable[[], int | Awaitable[int]], *, warn_at: int = 100, fail_at: int = 1000
) -> Check:
    """Check the depth of a queue, such as that of the notification system."""
    if not 0 < warn_at <= fail_at:
        raise ValueError(
            f"a queue warns before it fails: 0 < warn_at <= fail_at, not {warn_at} and {fail_at}"
        )

    def judge(waiting: int) -> Outcome:
        if not waiting >= 0:  # NaN as well; -1 is how some queues say that they do not know
            return unhealthy(f"a depth of {waiting} says nothing")
        if waiting >= fail_at:
            return unhealthy(f"{waiting} wait, at {fail_at} it fails", waiting, "items")
        if waiting >= warn_at:
            return degraded(f"{waiting} wait, at {warn_at} it warns", waiting, "items")
        return Outcome(value=waiting, unit="items")

    return built_in(judged(depth, judge), "queue", component_type="system")


def fallback_check(fallback: Callable[[], str | bool | Awaitable[str | bool]]) -> Check:
    """Check whether a part uses its fallback: DEGRADED while `fallback` returns True or a reason."""

    def judge(active: Any) -> Outcome:
        if not active:
            return Outcome()
        return degraded(f"fallback in use: {active}" if isinstance(active, str) else "fallback in use")

    return built_in(judged(fallback, judge), "fallback")


def activity_check(
    count: Callable[[], int | Awaitable[int]], *, minimum: int = 1, window: str = "lately"
) -> Check:
    """Check that enough happened lately, such as audit records of the last hour.

    `count` returns how often; `window` names the time span in the message.
    Silence is DEGRADED: the part that should write may be dead.
    """

    def judge(seen: int) -> Outcome:
        if not seen >= minimum:  # NaN as well
            return degraded(f"{seen} records {window}, expected at least {minimum}", seen, "records")
        return Outcome(value=seen, unit="records")

    return built_in(judged(count, judge), "activity", required=False)


def circuit_breaker_check(breakers: Callable[[], Iterable[Any]] | None = None) -> Check:
    """Check the circuit breakers, by default all that are alive: DEGRADED while one is not closed."""

    def every() -> Iterable[Any]:
        alive: Iterable[Any] = import_module("ci_ops.service.resilience.breaker").circuit_breakers()
        return alive

    def circuit_breakers() -> Outcome:
        # Pairs, because several may have one name: a closed one must not hide an open one.
        states = sorted((one.name, str(one.state)) for one in (breakers or every)())
        broken = [pair for pair in states if pair[1] in {"open", "half_open", "forced_open"}]
        if broken:
            told = ", ".join(f"{name} is {state.replace('_', ' ')}" for name, state in broken)
            return degraded(told, len(broken), "open")
        return Outcome(value=0, unit="open")

    return built_in(circuit_breakers, "circuit-breakers", required=False, ttl_seconds=0.0, stale_seconds=0.0)


def degraded_features_check(registry: Any = None) -> Check:
    """Check the degradation registry: DEGRADED while a feature is marked."""

    def degraded_features() -> Outcome:
        known = (
            import_module("ci_ops.service.resilience.degradation").graceful_degradation
            if registry is None
            else registry
        )
        features = known.degraded_features()
        if features:
            told = ", ".join(f"{one.name}: {one.reason}" for one in features)
            return degraded(told, len(features), "degraded")
        return Outcome(value=0, unit="degraded")

    return built_in(degraded_features, "features", required=False, ttl_seconds=0.0, stale_seconds=0.0)
