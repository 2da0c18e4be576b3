"""Findings of the migration validators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ci_ops.core.contract.migrations import AHEAD, REPEATED_ADVICE, listed
from ci_ops.service.deployment.check_result import CheckResult, CheckStatus, failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ci_ops.core.contract.migrations import MigrationState

HEADS, PENDING, DRIFT = "migrations-heads", "migrations-pending", "migrations-drift"
RECORDS = "migrations-records"


def repeated(state: MigrationState) -> list[CheckResult]:
    """Return the finding on migrations that the database records more than once, if there are any."""
    if not state.repeated:
        return []
    message = f"recorded more than once: {listed(state.repeated)}; {REPEATED_ADVICE}"
    return [bad(RECORDS, message, repeated=list(state.repeated))]


def pending(state: MigrationState, *, is_empty: bool) -> CheckResult:
    """Return the finding on migrations that the code has and the database has not."""
    if is_empty:
        return CheckResult(name=PENDING, status=CheckStatus.WARN, message="there are no migrations")
    if state.pending:
        return bad(PENDING, f"not migrated yet: {listed(state.pending)}", pending=list(state.pending))
    if state.unknown:
        message = f"{AHEAD}: {listed(state.unknown)}"
        return CheckResult(name=PENDING, status=CheckStatus.WARN, message=message)
    return good(PENDING, "the database has every migration")


def unless_unanswered(name: str, look: Callable[[], CheckResult]) -> CheckResult:
    """Return the finding; a warning where the database does not answer the question."""
    try:
        return look()
    except Exception as error:  # noqa: BLE001 - a database may be like PostgreSQL and have no such views
        found = failed(name, error)
        return CheckResult(name=name, status=CheckStatus.WARN, message=f"not checked: {found.message}")


def drift(differences: Iterable[str], command: str) -> CheckResult:
    """Return the finding on differences between models and migrations; `command` writes the missing one."""
    found = list(differences)
    if not found:
        return good(DRIFT, "models and migrations agree")
    message = f"models and migrations differ: {listed(found)}; write the missing one with `{command}`"
    return bad(DRIFT, message, differences=found)


def guarded(name: str, look: Callable[[], CheckResult]) -> CheckResult:
    """Return the finding; FAIL for whatever is raised instead."""
    try:
        return look()
    except Exception as error:  # noqa: BLE001 - whatever a framework raises is the finding
        return failed(name, error)


def good(name: str, message: str) -> CheckResult:
    """Return a PASS."""
    return CheckResult(name=name, status=CheckStatus.PASS, message=message)


def bad(name: str, message: str, **details: Any) -> CheckResult:
    """Return a FAIL with its details."""
    return CheckResult(name=name, status=CheckStatus.FAIL, message=message, details=details)


def with_verdict(results: list[CheckResult]) -> tuple[bool, list[CheckResult]]:
    """Return the results, and whether none of them is FAIL."""
    return all(one.status is not CheckStatus.FAIL for one in results), results
