"""The deployment that `rollback --deployment-id` names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.core.delivery.record import DeploymentRecord, State
from ci_ops.core.errors import CiOpsError
from ci_ops.flows._live import measure_live

if TYPE_CHECKING:
    from ci_ops.core.delivery.journal import Journal
    from ci_ops.core.report import Report
    from ci_ops.flows._history import History
    from ci_ops.flows._run import Run


def report_settled(run: Run, history: History, journal: Journal | None, name: str) -> Report | None:
    """Return a report where the named deployment needs no undo; raise CiOpsError where it cannot be undone."""
    if not name:
        return None
    found = history.find(name)
    if found is None:
        raise CiOpsError(
            f"no deployment {name!r} is recorded", reason="unknown-deployment", where="deployment-id"
        )
    superseded = _superseded(run, history, found)
    is_open = journal is not None and journal.is_open and journal.deployment == found.id
    if not is_open and found.state in {State.ROLLED_BACK, State.VERIFIED} and not superseded:
        run.record = found
        return run.report("unchanged", f"{found.id} is {found.state} already: there is nothing to undo.")
    if superseded:
        raise CiOpsError(
            f"{found.id} is {found.state}, and {superseded}", reason="not-live", where="deployment-id"
        )
    return None


def _superseded(run: Run, history: History, found: DeploymentRecord) -> str:
    """Return what follows that deployment; empty where nothing does, or where it is measured to be live again."""
    latest = history.latest()
    if latest is None or not history.is_before(found, latest):
        return ""
    live = measure_live(run, history)
    if not live.is_measured:
        return f"{latest.id} was recorded after it"
    return (
        "" if live.release == found.release_id else f"{live.release or 'no release'} was measured to be live"
    )
