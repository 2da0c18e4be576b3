"""The id of a rollback whose report is not yet written, in case the run is killed in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.core.errors import CiOpsError, Interrupted

if TYPE_CHECKING:
    from ci_ops.core.ports.store import Store
    from ci_ops.core.report import Report
    from ci_ops.flows._run import Run

FILE = "unreported"


def keep_unreported(run: Run, deployment: str) -> None:
    """Save the id before the rollback is recorded as proven; a failing store is a warning."""
    try:
        run.job.site.store.write(FILE, deployment)
    except Interrupted:
        raise
    except CiOpsError as error:
        run.warn(f"Not kept for the next rollback: {error}")


def is_unreported(store: Store, deployment: str) -> bool:
    """Return True where the run of that rollback ended before it could write its report."""
    return store.read(FILE) == deployment


def forget_unreported(store: Store, report: Report) -> None:
    """Delete the id once the rollback is reported. Raises CiOpsError."""
    if report.record is not None and is_unreported(store, report.record.id):
        store.write(FILE, "")
