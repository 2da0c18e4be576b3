"""Damping: the number of consecutive results that change a verdict."""

from __future__ import annotations

from ci_ops.service.health.model import HealthCheck, HealthStatus


class Damping:
    """The damped verdict on one check; its first result counts at once."""

    def __init__(self, check: HealthCheck) -> None:
        self._check = check
        self._verdict: HealthStatus | None = None
        self._in_a_row = 0

    def settle(self, status: HealthStatus, message: str) -> tuple[HealthStatus, str]:
        """Return the verdict after one more result, and its message."""
        verdict, message = self._damped(status, message)
        self._verdict = verdict
        return verdict, message

    def _damped(self, status: HealthStatus, message: str) -> tuple[HealthStatus, str]:
        is_bad = status is HealthStatus.UNHEALTHY
        turns = self._verdict is not None and is_bad != (self._verdict is HealthStatus.UNHEALTHY)
        self._in_a_row = self._in_a_row + 1 if turns else 0
        needed = self._check.failures_to_fail if is_bad else self._check.passes_to_recover
        if not turns or self._in_a_row >= needed:
            self._in_a_row = 0
            return status, message
        count = f"{self._in_a_row} of {needed}"
        if is_bad:
            return HealthStatus.DEGRADED, f"failure {count}: {message}" if message else f"failure {count}"
        return HealthStatus.UNHEALTHY, f"recovering, {count} good results"
