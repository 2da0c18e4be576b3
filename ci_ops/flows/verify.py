"""Verify what is live; never changes the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.core.delivery.journal import open_journal
from ci_ops.core.delivery.record import State
from ci_ops.core.errors import CiOpsError, Interrupted, UsageError
from ci_ops.core.report import reason_for
from ci_ops.core.traits import Traits
from ci_ops.flows._history import History
from ci_ops.flows._live import measure_live, placement_of
from ci_ops.flows._run import Run
from ci_ops.flows._transaction import accept, fail, hold, verify_deployment
from ci_ops.flows._verification import Decision, verify_release

if TYPE_CHECKING:
    from ci_ops.core.delivery.record import DeploymentRecord
    from ci_ops.core.report import Report
    from ci_ops.flows._job import Job

TRAITS = Traits(
    command="verify",
    uses=frozenset({"verify"}),
    keeps_report=True,
    names_silent_channels=True,
    forge_with="deployment_id",
    needs_revision=False,
)


def verify(job: Job, *, deployment_id: str = "") -> Report:
    """Run the checks of the phase verify; with a deployment's id, record the verdict.

    A deployment that is not the live one is neither verified nor marked. One
    that failed before stays failed: a later verification cannot bring it back.
    """
    run = Run(job, "verify")
    if not (job.config.verify.checks or job.config.verify.url or deployment_id):
        raise UsageError(
            "there is nothing to verify",
            where="verify",
            hint="Give `url` (and `revision`), or checks under `verify.checks` in ci-ops.yml.",
        )
    run.record = _live_deployment(run, deployment_id) if deployment_id else None
    job.progress.phase(f"Verifying {job.config.verify.url or job.config.service}")
    try:
        return _verify_deployment(run, run.record) if run.record is not None else _verify_address(run)
    except Interrupted as stop:
        return run.report(stop.reason.name, "Stopped by a signal; the deployment stays unverified.")


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
        if placement is None or placement.release == found.release_id or not placement.tells:
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


def _verify_address(run: Run) -> Report:
    record = run.job.new_record(revision=run.job.origin.revision)
    run.results = verify_release(run, record, revision=record.revision, replaced="")
    return run.report(reason_for(run.results, fail_on_warn=run.job.config.verify.fail_on == "warn"))


def _verify_deployment(run: Run, record: DeploymentRecord) -> Report:
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
