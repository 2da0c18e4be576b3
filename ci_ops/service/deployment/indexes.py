"""The finding on PostgreSQL indexes that a failed build has left invalid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.core.contract.migrations import INVALID_ADVICE, broken_indexes, listed
from ci_ops.service.deployment.check_result import CheckResult, CheckStatus

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from ci_ops.core.contract.migrations import IndexRow

INDEXES = "migrations-indexes"


def judge_indexes(rows: Iterable[IndexRow], schemas: Collection[str] = ()) -> CheckResult:
    """Return the finding on the rows of INVALID_INDEXES, for the search path and these schemas."""
    broken, building = broken_indexes(rows, schemas)
    if broken:
        message = f"invalid: {listed(broken)}; {INVALID_ADVICE}"
        return CheckResult(
            name=INDEXES, status=CheckStatus.FAIL, message=message, details={"invalid": broken}
        )
    if building:
        return CheckResult(
            name=INDEXES, status=CheckStatus.WARN, message=f"being built now: {listed(building)}"
        )
    return CheckResult(name=INDEXES, status=CheckStatus.PASS, message="no index is invalid")
