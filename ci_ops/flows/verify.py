"""Verify: look at what is live and say so; never changes the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.core.delivery.journal import open_journal
from ci_ops.core.delivery.record import State
from ci_ops.core.errors import Interrupted, UsageError
from ci_ops.core.health.status import Status, worst
from ci_ops.core.report import Report, reason_for
from ci_ops.core.traits import Traits
from ci_ops.flows._restore import GOOD, verify_release
from ci_ops.flows._run import Run
from ci_ops.flows.deploy import accept, fail, hold

if TYPE_CHECKING:
    from ci_ops.core.delivery.record import DeploymentRecord
    from ci_ops.flows._job import Job

TRAITS = Traits(
    command="verify",
    uses=frozenset({"verify"}),
    keeps_report=True,
    names_silent_channels=True,
    github_with="deployment_id",
    needs_revision=False,
)


def verify(job: Job, *, deployment_id: str = "") -> Report:
    """Run the checks of the phase verify.

    With a deployment's id, write the verdict down.

    Only this makes a deployment `verified`. One that was rolled back or
    failed before stays what it is: a later look cannot bring it back.
    """
    run = Run(job, "verify")
    if not (job.config.verify.checks or job.config.verify.url or deployment_id):
        raise UsageError(
            "there is nothing to verify",
            where="verify",
            hint="Give `url` (and `revision`), or checks under `verify.checks` in ci-ops.yml.",
        )
    recorded = _find(job, deployment_id) if deployment_id else None
    record = recorded or job.new_record(revision=job.origin.revision)
    run.record = recorded
    job.watch.phase(f"Verifying {job.config.verify.url or job.config.service}")
    try:
        run.results = verify_release(run, record)
    except Interrupted as stop:
        return run.report(stop.reason.name, "Stopped by a signal; the deployment stays unverified.")
    verdict = reason_for(run.results, fail_on_warn=job.config.verify.fail_on == "warn")
    if recorded is None or recorded.state not in {State.UNVERIFIED, State.VERIFIED}:
        return run.report(verdict)
    return _write_down(run, recorded, verdict)


def _find(job: Job, deployment_id: str) -> DeploymentRecord:
    found = job.site.ledger.find(job.environment, deployment_id)
    if found is None:
        raise UsageError(
            f"no deployment {deployment_id!r} is known in {job.environment}",
            where="deployment-id",
            hint="Use the output `deployment-id` of the deploy action, in the same job or with a token.",
        )
    return found


def _write_down(run: Run, record: DeploymentRecord, verdict: str) -> Report:
    journal = open_journal(run.job.site.store, run.job.world.clock, record.id)
    if verdict in GOOD:
        return accept(run, record, journal, verdict)
    only_unclear = worst(each.status for each in run.results if each.blocks) is Status.ERROR
    if only_unclear and run.job.config.verify.on_error == "hold":
        return hold(run, record)
    fail(run, record, "Its verification failed.")
    return run.report(verdict)
