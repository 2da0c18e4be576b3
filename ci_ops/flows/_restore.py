"""Undo the changes of a deployment, and measure which release is live afterwards."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ci_ops.checks.revision.spelling import same_revision
from ci_ops.core.delivery.record import State, is_deployment_id
from ci_ops.core.event import Kind, Stage
from ci_ops.core.health.status import Status
from ci_ops.core.reasons import REASONS
from ci_ops.core.report import reason_for
from ci_ops.flows._live import placement_of
from ci_ops.flows._run import problem_lines, step_failure
from ci_ops.flows._service import Reach, measure_service
from ci_ops.flows._verification import verify_release

if TYPE_CHECKING:
    from collections.abc import Callable

    from ci_ops.core.delivery.journal import Journal
    from ci_ops.core.delivery.record import DeploymentRecord
    from ci_ops.core.report import StepOutcome
    from ci_ops.flows._run import Run


@dataclass(frozen=True, kw_only=True, slots=True)
class Restored:
    """The outcome of an undo."""

    reason: str
    """What a deployment that ended so is called: rolled-back, deploy-failed, no-previous-release
    or rollback-failed."""
    sentence: str

    @property
    def is_whole(self) -> bool:
        """True unless an undo failed, or the measurement contradicts it."""
        return self.reason != "rollback-failed"


def undo_and_prove(
    run: Run, journal: Journal, record: DeploymentRecord, guard: Callable[[], None]
) -> Restored:
    """Undo the journaled steps in reverse order, then measure whether the previous release is live.

    Publishes rollback.started, then rollback.completed or rollback.failed,
    unless the live release was never touched. The journal stays open while an
    undo is left that did not succeed.
    """
    run.record = record
    is_touched, was_applied = journal.has_touched, journal.is_applied
    if is_touched:
        back_to = record.previous_revision[:7] or "the state before"
        run.job.progress.phase(f"Rolling back to {back_to}")
        run.watch_availability(run.verification(record).url)
        run.notify(Kind.ROLLBACK, Stage.STARTED, severity=Status.WARN, sentence=f"Rolling back to {back_to}.")
    else:
        run.job.progress.phase("Undoing what was begun; the live release was not touched")
    is_irreversible = _is_irreversible(journal)
    execution = run.executor(journal, record, guard).undo()
    if not is_touched:
        restored = _untouched(execution.failed)
    elif execution.failed is not None:
        restored = _not_restored(f"The rollback failed. {step_failure(execution.failed)}")
    elif not record.previous:
        restored = _vacated(run, record)
    elif is_irreversible:
        restored = _irreversible(run, record)
    else:
        restored = _proven(run, record)
    if restored.reason == "rolled-back" and not was_applied:
        restored = replace(restored, reason="deploy-failed")
    state = State.ROLLED_BACK if restored.is_whole else State.FAILED
    if execution.failed is None:
        journal.end(str(state))
    run.set_state(record, state, error=record.error if restored.is_whole else restored.sentence)
    if is_touched:
        run.notify(
            Kind.ROLLBACK,
            Stage.COMPLETED if restored.is_whole else Stage.FAILED,
            severity=Status.WARN if restored.is_whole else Status.FAIL,
            sentence=restored.sentence,
            details=problem_lines(run.proof),
        )
    return restored


def _is_irreversible(journal: Journal) -> bool:
    """Return True when something was changed and no step of it has an undo."""
    begun = journal.to_undo
    return bool(begun) and all(entry.step.undo is None for entry in begun)


def _untouched(failed: StepOutcome | None) -> Restored:
    undone = f"Undoing the rest failed. {step_failure(failed)}" if failed else "What was begun is undone."
    return Restored(reason="deploy-failed", sentence=f"The live release was not touched. {undone}")


def _not_restored(sentence: str) -> Restored:
    return Restored(reason="rollback-failed", sentence=sentence)


def _vacated(run: Run, record: DeploymentRecord) -> Restored:
    """Return the outcome of undoing the first deployment, after which nothing is live."""
    service = measure_service(run.job, url=record.url, expected=record.revision)
    if service.still_answers:
        is_other = bool(service.revision) and not same_revision(service.revision, record.revision)
        served = service.revision[:7] if is_other else "processes of the failed release"
        what = f"the service is still served by {served}"
    elif service.reach is Reach.DOWN:
        what = f"nothing is live now ({service.sentence})"
    else:
        why = f" ({service.sentence})" if service.sentence else ""
        what = f"whether its processes still serve was not measured{why}"
        placement = placement_of(run, record)
        if placement is not None and placement.is_vacant:
            what = f"no release is live on the target now; {what}"
    return Restored(
        reason="no-previous-release",
        sentence=f"The first deployment was undone, and there is no earlier release: {what}.",
    )


def _irreversible(run: Run, record: DeploymentRecord) -> Restored:
    """Return the outcome where no step can be undone: a measurement of the previous release."""
    service = measure_service(run.job, url=record.url, expected=record.previous_revision)
    if record.previous_revision and same_revision(service.revision, record.previous_revision):
        proven = _proven(run, record)
        if proven.is_whole:
            still = f"{record.previous_revision[:7]} still serves, as measured; no step has an undo."
            return Restored(reason="deploy-failed", sentence=still)
    return _not_restored("Nothing could be undone: no step has an undo.")


def _proven(run: Run, record: DeploymentRecord) -> Restored:
    """Verify the previous release as the one that should be live."""
    previous = record.previous_revision[:7] or "the previous release"
    run.job.progress.phase(f"Proving that {previous} is live")
    if not record.previous_revision:
        run.note("The previous revision is not known, so the proof leaves it out.")
    run.proof = verify_release(
        run,
        record,
        revision=record.previous_revision,
        replaced=record.revision,
        release=record.previous if is_deployment_id(record.previous) else "",
    )
    verdict = reason_for(run.proof)
    if REASONS[verdict].status.is_good:
        return Restored(reason="rolled-back", sentence=f"Rolled back to {previous}, and proven.")
    if verdict == "nothing-measured":
        return Restored(reason="rolled-back", sentence=f"Rolled back to {previous}; no check measured it.")
    if verdict == "refused":
        sentence = f"Rolled back to {previous}; the service refused the probe, so nothing proves it."
        return Restored(reason="rolled-back", sentence=sentence)
    before = ""
    if run.before is not None and run.before.service.reach is Reach.DOWN:
        before = " It did not answer before the deployment either."
    return _not_restored(f"Rolled back to {previous}, but the checks could not prove it.{before}")
