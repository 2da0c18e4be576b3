"""Verification of one release, and the decision that follows from it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from ci_ops.core.delivery.record import State
from ci_ops.core.errors import Inconclusive
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Phase
from ci_ops.core.reasons import REASONS
from ci_ops.core.report import reason_for
from ci_ops.core.result import Result
from ci_ops.flows._measure import measure
from ci_ops.flows._run import step_environment

if TYPE_CHECKING:
    from ci_ops.core.delivery.record import DeploymentRecord
    from ci_ops.flows._run import Run


class Decision(StrEnum):
    """The consequence of a verification for the release."""

    ACCEPT = "accept"
    HOLD = "hold"
    """It stays live and unverified."""
    ROLL_BACK = "roll-back"


def decide(run: Run) -> tuple[Decision, str]:
    """Return the decision that follows from the run's results, with their verdict.

    A verification that measured nothing, e.g. skipped checks alone, neither accepts a
    release nor rolls it back; nor does a service that refused the probe.
    """
    verify = run.job.config.verify
    verdict = reason_for(run.results, fail_on_warn=verify.fail_on == "warn")
    if REASONS[verdict].status.is_good:
        return Decision.ACCEPT, verdict
    if REASONS[verdict].is_unmeasured or (verdict == "inconclusive" and verify.on_error == "hold"):
        return Decision.HOLD, verdict
    return Decision.ROLL_BACK, verdict


def verify_release(
    run: Run,
    record: DeploymentRecord,
    *,
    revision: str,
    replaced: str,
    release: str = "",
    is_patient: bool = True,
) -> tuple[Result, ...]:
    """Run the checks of the phase verify: they expect `revision`, no longer `replaced`.

    Each runs until it passes or the deadline is over; once where `is_patient` is false.

    With `release`, the id that should be live, the target has to agree. Where a
    release is replaced by one of unknown revision, the check `revision` is left out.
    """
    verify = run.verification(record)
    checks = verify.checks
    if not revision and replaced:
        checks = tuple(check for check in checks if check.plugin.plugin_name() != "revision")
    subject = run.job.subject(
        url=verify.url,
        revision=revision,
        previous_revision=replaced,
        had_health_document=record.had_health_document,
        servers=run.before.service.servers if run.before is not None else None,
        was_blocked=run.before is not None and run.before.service.is_blocked,
        deployed_at=None if record.state is State.PLANNED else record.started_at,
    )
    results = measure(
        run,
        checks,
        subject,
        phase=Phase.VERIFY,
        deadline_seconds=verify.deadline,
        is_patient=is_patient,
    )
    return (*results, *_placed_elsewhere(run, record, release))


def _placed_elsewhere(run: Run, record: DeploymentRecord, release: str) -> tuple[Result, ...]:
    """Return a failed result where the target measures another live release; nothing where it agrees."""
    if run.target is None or not release:
        return ()
    from ci_ops.flows._placement import measure_placement  # noqa: PLC0415 - an address alone has no target

    env = step_environment(record, run.target)
    try:
        placement = measure_placement(run.target, run.job.world, root=run.job.root, env=env)
    except Inconclusive as error:
        return (Result(check="target", status=Status.ERROR, sentence=str(error), measured=0),)
    if placement is None or not placement.is_known or placement.release == release:
        return ()
    found = placement.release or "no release"
    sentence = f"The target's live release is {found}, not {release}."
    return (Result(check="target", status=Status.FAIL, sentence=sentence, measured=1),)
