"""Time that the shutdown may take, and whether the platform grants it."""

from __future__ import annotations

import os
from dataclasses import dataclass

DRAIN_SECONDS = 10.0
"""Twice the five seconds in which routers usually probe."""
DRAIN_TIMEOUT_SECONDS = 10.0
GRACE_SECONDS = 30.0
"""Source: terminationGracePeriodSeconds of Kubernetes and maxShutdownDelaySeconds of Render, by default."""
RESERVE_SECONDS = 5.0
"""For shutdown hooks and the server itself."""
DRAIN_VARIABLE = "CI_OPS_DRAIN_SECONDS"
MAX_SECONDS = 86_400.0
PLATFORM_VARIABLES = ("KUBERNETES_SERVICE_HOST", "RENDER")


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainPlan:
    """Times of the shutdown: keep serving, then wait for requests in flight, before the platform kills.

    Without `drain_seconds` the variable CI_OPS_DRAIN_SECONDS decides; without
    either it is 10 where a platform routes traffic or a prober has requested
    readiness, and 0 elsewhere, such as on a developer's machine.
    """

    drain_seconds: float | None = None
    drain_timeout_seconds: float = DRAIN_TIMEOUT_SECONDS
    grace_seconds: float = GRACE_SECONDS

    def __post_init__(self) -> None:
        for name in ("drain_seconds", "drain_timeout_seconds", "grace_seconds"):
            value = getattr(self, name)
            if value is not None and not _is_in_a_day(value):
                raise ValueError(f"{name} is a number of seconds from 0 to a day, not {value!r}")

    @property
    def fault(self) -> str:
        """Error in the variable; empty when it is valid or not set."""
        stated = os.environ.get(DRAIN_VARIABLE, "")
        try:
            is_good = self.drain_seconds is not None or not stated or _is_in_a_day(float(stated))
        except ValueError:
            is_good = False
        return "" if is_good else f"{DRAIN_VARIABLE} is not a number of seconds from 0 to a day"

    def serve_on_seconds(self, *, was_probed: bool) -> float:
        """Return the time to keep serving after readiness is refused."""
        if self.drain_seconds is not None:
            return self.drain_seconds
        stated = os.environ.get(DRAIN_VARIABLE, "")
        if stated and not self.fault:
            return float(stated)
        is_routed = any(name in os.environ for name in PLATFORM_VARIABLES)
        return DRAIN_SECONDS if is_routed or was_probed else 0.0

    def shortage(self, server_grace_seconds: float | None) -> str:
        """Return why the plan exceeds the grace time; empty when it does not."""
        grace = min(self.grace_seconds, server_grace_seconds or self.grace_seconds)
        needed = self.serve_on_seconds(was_probed=True) + self.drain_timeout_seconds + RESERVE_SECONDS
        if needed <= grace:
            return ""
        return f"stopping may take {needed:g} s, but the process is killed after {grace:g} s"


def _is_in_a_day(seconds: float) -> bool:
    return 0.0 <= seconds <= MAX_SECONDS  # NaN is not
