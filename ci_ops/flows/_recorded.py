"""Verify a recorded deployment, and record the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.core.delivery.journal import open_journal
from ci_ops.core.delivery.record import State
from ci_ops.core.errors import CiOpsError
from ci_ops.flows._history import History
from ci_ops.flows._live import measure_live, placement_of
from ci_ops.flows._transaction import accept, fail, hold, verify_deployment
from ci_ops.flows._verification import Decision

if TYPE_CHECKING:
    from ci_ops.core.delivery.record import DeploymentRecord
    from ci_ops.core.report import Report
    from ci_ops.flows._run import Run


def verify_recorded(run: Run, deployment_id: str) -> Report:
    """Verify the deployment with that id. Raises CiOpsError unless it is live."""
    run.record = record = _live_deployment(run, deployment_id)
    decision, verdict = verify_deployment(run, record)
    if record.state not in {State.UNVERIFIED, State.VERIFIED}:
        return run.report(verdict)
    journal = open_journal(run.job.site.store, run.job.world.clock, record.id)
    if decision is Decision.ACCEPT:
        return accept(run, record, journal, verdict)
    if decision is Decision.HOLD:
        return hold(run, record, verdict)
    fail(run, record, "Its verification failed.")
    return run.report(verdict)


def _live_deployment(run: Run, deployment_id: str) -> DeploymentRecord:
    """Return the recorded deployment; raise CiOpsError unless it was made live last, or is measured to be live.

    The last one is verified although another release may answer: that is what
    its verification has to find out. Where the target itself names another
    release, nothing is left to verify.
    """
    history = History(run.job)
    found = history.find(deployment_id)
    if found is None:
        raise CiOpsError(
            f"no deployment {deployment_id!r} is recorded in {run.job.environment}",
            reason="unknown-deployment",
            where="deployment-id",
            hint="Use the output `deployment-id` of the deploy action, in the same job or with a token.",
        )
    latest = history.latest()
    if latest is not None and latest.release_id == found.release_id:
        placement = placement_of(run, found)
        if placement is None or placement.release == found.release_id or not placement.is_known:
            return found
        what = f"{found.id} is not live on the target; {placement.release or 'no release'} is"
        raise CiOpsError(what, reason="not-live", where="deployment-id")
    live = measure_live(run, history)
    if live.is_measured and live.release == found.release_id:
        return found
    if live.is_measured:
        what = f"{found.id} is not live; {live.release or 'no release'} was measured to be live"
    else:
        what = f"{found.id} is not measured to be live; the latest record is that of {live.release or 'no release'}"
    raise CiOpsError(what, reason="not-live", where="deployment-id")
