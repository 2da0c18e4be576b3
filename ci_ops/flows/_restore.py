"""Going back: undo what a deployment really did, and prove what is live then."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ci_ops.core.delivery.record import State
from ci_ops.core.event import Kind, Stage
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Phase
from ci_ops.core.report import reason_for
from ci_ops.flows._availability import AvailabilityProbe
from ci_ops.flows._measure import measure
from ci_ops.flows._run import Run, problem_lines, step_failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from ci_ops.core.delivery.journal import Journal
    from ci_ops.core.delivery.record import DeploymentRecord
    from ci_ops.core.report import StepOutcome
    from ci_ops.core.result import Result

GOOD = frozenset({"ok", "warned"})
"""Verdicts that let a release stand."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Restored:
    """How going back ended."""

    whole: bool
    """True when every undo ran, and the proof holds where one was possible."""
    sentence: str


def verify_release(run: Run, record: DeploymentRecord) -> tuple[Result, ...]:
    """What the configured checks say of that record's revision."""
    verify = run.verification(record)
    subject = run.job.subject(
        url=verify.url, revision=record.revision, previous_revision=record.previous_revision
    )
    return measure(run, verify.checks, subject, phase=Phase.VERIFY, deadline_seconds=verify.deadline)


def undo_and_prove(
    run: Run, journal: Journal, record: DeploymentRecord, guard: Callable[[], None]
) -> Restored:
    """Take back what the journal says was done, then look whether the release before is live.

    Tells rollback.started, then rollback.completed or rollback.failed. The
    journal stays open while an undo is left that did not succeed.
    """
    run.record = record
    back_to = record.previous_revision[:7] or "the state before"
    run.job.watch.phase(f"Going back to {back_to}")
    run.tell(Kind.ROLLBACK, Stage.STARTED, severity=Status.WARN, sentence=f"Going back to {back_to}.")
    irreversible = _irreversible(journal)
    url = run.verification(record).url
    with AvailabilityProbe(run.job.world, url) if url else nullcontext() as probe:
        execution = run.executor(journal, record, guard).undo()
        if execution.failed is None and record.previous and not irreversible:
            run.proof = _prove(run, record)
    if probe is not None:
        run.availability = probe.seen
    restored = _judge(run, record, failed=execution.failed, irreversible=irreversible)
    state = State.ROLLED_BACK if restored.whole else State.FAILED
    if execution.failed is None:
        journal.end(str(state))
    run.set_state(record, state, error="" if restored.whole else restored.sentence)
    run.tell(
        Kind.ROLLBACK,
        Stage.COMPLETED if restored.whole else Stage.FAILED,
        severity=Status.WARN if restored.whole else Status.FAIL,
        sentence=restored.sentence,
        details=problem_lines(run.proof),
    )
    return restored


def _irreversible(journal: Journal) -> bool:
    """True when something was changed and none of it can be taken back."""
    begun = journal.to_undo
    return bool(begun) and all(entry.step.undo is None for entry in begun)


def _prove(run: Run, record: DeploymentRecord) -> tuple[Result, ...]:
    """The checks again, with the revision before as the one that should be live."""
    run.job.watch.phase(f"Proving that {record.previous_revision[:7] or 'the release before'} is live")
    verify = run.verification(record)
    checks = verify.checks
    if not record.previous_revision:
        run.note("The revision before is not known, so the proof leaves it out.")
        checks = tuple(check for check in checks if check.plugin.plugin_name() != "revision")
    subject = run.job.subject(
        url=verify.url, revision=record.previous_revision, previous_revision=record.revision
    )
    return measure(run, checks, subject, phase=Phase.VERIFY, deadline_seconds=verify.deadline)


def _judge(run: Run, record: DeploymentRecord, *, failed: StepOutcome | None, irreversible: bool) -> Restored:
    if failed is not None:
        return Restored(whole=False, sentence=f"Going back failed. {step_failure(failed)}")
    if irreversible:
        return Restored(whole=False, sentence="Nothing could be taken back: no step has an undo.")
    if not record.previous:
        run.note("This was the first deployment: there was no release to return to.")
        return Restored(whole=True, sentence="What was done is taken back; there is no earlier release.")
    if not run.verification(record).checks:
        return Restored(
            whole=True, sentence="What was done is taken back; no check is configured to prove it."
        )
    if reason_for(run.proof) not in GOOD:
        return Restored(whole=False, sentence="Went back, but the checks could not prove it.")
    return Restored(
        whole=True,
        sentence=f"Rolled back to {record.previous_revision[:7] or 'the release before'}, and proven.",
    )
