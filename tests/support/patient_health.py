"""A health service whose checks have time, so that a busy machine fails nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ci_ops.service.health.service import HealthCheckService
from tests.support.waiting import LIMIT_SECONDS

if TYPE_CHECKING:
    from ci_ops.service.health.model import Check


def patient_health(**checks: Check) -> HealthCheckService:
    """A service with these checks, by name."""
    health = HealthCheckService(deadline_seconds=LIMIT_SECONDS)
    for name, check in checks.items():
        add_patiently(health, check, name=name)
    return health


def add_patiently(health: HealthCheckService, check: Check, **options: Any) -> None:
    """Add a check that is neither slow nor late, however long it takes."""
    health.add(check, timeout_seconds=LIMIT_SECONDS, slow_seconds=None, **options)
