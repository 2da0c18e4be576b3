"""Verify the live release; never change the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.core.errors import Interrupted, UsageError
from ci_ops.core.report import reason_for
from ci_ops.core.traits import Traits
from ci_ops.flows._run import Run
from ci_ops.flows._verification import verify_release

if TYPE_CHECKING:
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

    A deployment that is not live is neither verified nor marked. One
    that failed before stays failed: a later verification cannot bring it back.
    """
    run = Run(job, "verify")
    if not (job.config.verify.checks or job.config.verify.url or deployment_id):
        raise UsageError(
            "there is nothing to verify",
            where="verify",
            hint="Give `url` (and `revision`), or checks under `verify.checks` in ci-ops.yml.",
        )
    try:
        if deployment_id:
            from ci_ops.flows._recorded import verify_recorded  # noqa: PLC0415 - needs the transaction's modules

            return verify_recorded(run, deployment_id)
        return _verify_address(run)
    except Interrupted as stop:
        return run.report(stop.reason.name, "Stopped by a signal; the deployment stays unverified.")


def _verify_address(run: Run) -> Report:
    run.job.progress.phase(f"Verifying {run.job.config.verify.url or run.job.config.service}")
    record = run.job.new_record(revision=run.job.origin.revision)
    run.results = verify_release(run, record, revision=record.revision, replaced="")
    return run.report(reason_for(run.results, fail_on_warn=run.job.config.verify.fail_on == "warn"))
