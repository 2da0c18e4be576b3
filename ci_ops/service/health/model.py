"""Values of health: checks, their outcomes, and reports."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ci_ops.core.health.document import Component
from ci_ops.core.health.status import Status
from ci_ops.core.health.words import component_status, http_status_of
from ci_ops.service._process.figures import is_age, is_count, is_time

MAX_MESSAGE_LENGTH = 300
RESERVED_GROUPS = ("summary", "metrics", "security")
"""Routes beside the groups; no group may take their names."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]*")


def is_name(text: str) -> bool:
    """Return True for a valid name of a check or group: it appears in paths and metrics."""
    return _NAME.fullmatch(text) is not None


class HealthStatus(StrEnum):
    """Health of a component, or of the whole service."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"

    @property
    def status(self) -> Status:
        """The same status in health documents: pass, warn or fail."""
        return _STATUSES[self]

    @property
    def http_status(self) -> int:
        """200 while the service works, degraded or not; 503 when it does not."""
        return http_status_of(self.status)


_STATUSES = {
    HealthStatus.HEALTHY: Status.PASS,
    HealthStatus.DEGRADED: Status.WARN,
    HealthStatus.UNHEALTHY: Status.FAIL,
}
_ORDER = tuple(_STATUSES)


def health_status_of(status: Status) -> HealthStatus:
    """Return the health status for a status of the pipeline.

    Pass is HEALTHY, warn and skip are DEGRADED, fail and error are UNHEALTHY.
    """
    if status is Status.PASS:
        return HealthStatus.HEALTHY
    return HealthStatus.DEGRADED if status in {Status.WARN, Status.SKIP} else HealthStatus.UNHEALTHY


def worst_health(statuses: list[HealthStatus]) -> HealthStatus | None:
    """Return the worst of these statuses; None without any."""
    return max(statuses, key=_ORDER.index, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Result of one run of a health check."""

    status: HealthStatus = HealthStatus.HEALTHY
    message: str = ""
    """Reason why it is not healthy; part of the details, after redaction."""
    value: float | str | None = None
    """Observed value, such as the depth of a queue; None shows the response time instead."""
    unit: str = ""

    def __post_init__(self) -> None:
        # A check that says something else is told so where it says it, as a failure of the check.
        object.__setattr__(self, "status", HealthStatus(self.status))
        object.__setattr__(self, "message", str(self.message))


Answer = Outcome | HealthStatus | Status | bool | str | None
"""What a check may return. None, like True, is healthy: it ran and did not raise."""

Check = Callable[[], Answer | Awaitable[Answer]]


def outcome_of(answer: object) -> Outcome:
    """Return the outcome for a check's return value; a value that is no verdict is UNHEALTHY."""
    if isinstance(answer, Outcome):
        return answer
    if isinstance(answer, HealthStatus):
        return Outcome(status=answer)
    if isinstance(answer, Status):
        return Outcome(status=health_status_of(answer))
    if answer is None:
        return Outcome()
    status = component_status(answer)
    if status is Status.ERROR:
        said = repr(answer[:40]) if isinstance(answer, str) else type(answer).__name__
        return Outcome(
            status=HealthStatus.UNHEALTHY, message=f"the check returned {said}, which is not a verdict"
        )
    return Outcome(status=health_status_of(status))


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """A registered check and the rules under which it runs."""

    name: str
    call: Check
    required: bool = True
    """An optional check never does worse than DEGRADED."""
    tags: tuple[str, ...] = ("ready",)
    """`ready` puts it behind /health/ready, `live` behind /health/live; any other tag makes a group."""
    timeout_seconds: float = 0.8
    """Below the kubelet's default of 1 s, so that the answer says which check hung."""
    ttl_seconds: float = 2.5
    """Time for which a good result is reused."""
    stale_seconds: float = 2.5
    """Additional time for which a good result is shown, with its age, while a new run is in progress."""
    failure_ttl_seconds: float = 1.0
    """Time for which a bad result is reused."""
    slow_seconds: float | None = None
    """A healthy result that took longer is DEGRADED."""
    failures_to_fail: int = 1
    """Consecutive failures that make a healthy check UNHEALTHY; until then it is DEGRADED."""
    passes_to_recover: int = 1
    """Consecutive passes that make an UNHEALTHY check healthy again."""
    component_type: str = "component"
    affected_endpoints: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not is_name(self.name):
            raise ValueError(f"a health check is named by letters, digits and . : _ -, not {self.name!r}")
        for tag in self.tags:
            if not is_name(tag) or tag in RESERVED_GROUPS:
                raise ValueError(f"health check {self.name!r}: no group can be called {tag!r}")
        if not is_time(self.timeout_seconds):
            raise ValueError(f"health check {self.name!r}: timeout_seconds must be above 0")
        if not all(map(is_age, (self.ttl_seconds, self.stale_seconds, self.failure_ttl_seconds))):
            raise ValueError(f"health check {self.name!r}: ages are not negative, and have an end")
        if self.slow_seconds is not None and not is_time(self.slow_seconds):
            raise ValueError(f"health check {self.name!r}: slow_seconds must be above 0")
        if not is_count(self.failures_to_fail) or not is_count(self.passes_to_recover):
            raise ValueError(f"health check {self.name!r}: results in a row are counted from 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentHealth:
    """The health of one component, with its response time."""

    name: str
    status: HealthStatus
    message: str = ""
    response_time_seconds: float = 0.0
    required: bool = True
    value: float | str | None = None
    unit: str = ""
    component_type: str = "component"
    affected_endpoints: tuple[str, ...] = ()
    measured_at: datetime
    since: datetime
    """Time since which the status has been the same."""

    @property
    def response_time_ms(self) -> float:
        """The response time in milliseconds."""
        return self.response_time_seconds * 1000

    def as_component(self, *, detailed: bool = True) -> Component:
        """Return the component for a health document; without details only name and status."""
        if not detailed:
            return Component(name=self.name, status=self.status.status)
        shows_time = self.value is None
        return Component(
            name=self.name,
            status=self.status.status,
            output=self.message,
            component_type=self.component_type,
            observed_value=round(self.response_time_ms, 3) if shows_time else self.value,
            observed_unit="ms" if shows_time else self.unit,
            observed_at=self.measured_at,
            affected_endpoints=self.affected_endpoints,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport:
    """The health of a group of components at one moment."""

    group: str
    status: HealthStatus
    components: tuple[ComponentHealth, ...] = ()
    age_seconds: float = 0.0
    """Age of the oldest result; 0 when all were measured now."""
    refusal: str = ""
    """Reason why traffic is refused, whatever the checks found: starting, draining or broken."""
    note: str = ""
    """What was not measured."""

    @property
    def is_ready(self) -> bool:
        """True unless the service cannot do its work."""
        return self.status is not HealthStatus.UNHEALTHY

    def __getitem__(self, name: str) -> ComponentHealth:
        """Return the component of that name. Raises KeyError."""
        for one in self.components:
            if one.name == name:
                return one
        raise KeyError(name)
