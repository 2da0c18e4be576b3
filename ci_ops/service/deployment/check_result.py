"""Results of deployment checks, and the conversion of other answers into them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ci_ops.core.text.redact import redact_patterns
from ci_ops.service._process.error_text import describe_error
from ci_ops.service.health.model import HealthStatus, outcome_of

if TYPE_CHECKING:
    from collections.abc import Iterable


class CheckStatus(StrEnum):
    """Status of a deployment check."""

    PASS = "pass"
    WARN = "warn"
    """Also what could not be checked: that is never a pass."""
    FAIL = "fail"


_BY_HEALTH = {
    HealthStatus.HEALTHY: CheckStatus.PASS,
    HealthStatus.DEGRADED: CheckStatus.WARN,
    HealthStatus.UNHEALTHY: CheckStatus.FAIL,
}
_ORDER = tuple(CheckStatus)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """Result of one check, with its time."""

    name: str
    status: CheckStatus
    message: str = ""
    """A sentence without secrets."""
    details: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    checked_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON-ready values."""
        return {
            "name": self.name,
            "status": str(self.status),
            "message": self.message,
            "details": dict(self.details),
            "seconds": round(self.seconds, 6),
            "checked_at": self.checked_at.isoformat(timespec="milliseconds"),
        }


def worst_check(statuses: Iterable[CheckStatus]) -> CheckStatus:
    """Return the worst status: FAIL before WARN before PASS; WARN for none, because nothing was checked."""
    return max(statuses, key=_ORDER.index, default=CheckStatus.WARN)


def failed(name: str, error: BaseException) -> CheckResult:
    """Return the result of a check that raised."""
    return CheckResult(name=name, status=CheckStatus.FAIL, message=redact_patterns(describe_error(error)))


def results_of(name: str, answer: Any, seconds: float = 0.0) -> list[CheckResult]:
    """Return the results for a check's answer.

    It may be a result, several of them, a pair of a verdict and results, or
    whatever a health check may return.
    """
    if isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[1], list | tuple):
        answer = answer[1]
    several = answer if isinstance(answer, list | tuple) else [answer]
    if several and all(isinstance(one, CheckResult) for one in several):
        return [replace(one, seconds=one.seconds or seconds) for one in several]
    outcome = outcome_of(answer)
    return [
        CheckResult(
            name=name,
            status=_BY_HEALTH[outcome.status],
            message=redact_patterns(outcome.message),
            details={} if outcome.value is None else {"value": outcome.value, "unit": outcome.unit},
            seconds=seconds,
        )
    ]
