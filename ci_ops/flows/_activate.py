"""Activate an earlier release, mark what it replaces, and verify it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.core.delivery.journal import ROLLBACK
from ci_ops.core.delivery.record import DeploymentRecord, State
from ci_ops.core.errors import UsageError
from ci_ops.core.event import Kind, Stage
from ci_ops.core.health.status import Status
from ci_ops.core.reasons import REASONS
from ci_ops.core.report import reason_for
from ci_ops.flows._run import problem_lines, step_failure
from ci_ops.flows._settle import mark_abandoned
from ci_ops.flows._unreported import keep_unreported
from ci_ops.flows._verification import verify_release

if TYPE_CHECKING:
    from collections.abc import Callable

    from ci_ops.core.delivery.journal import Journal
    from ci_ops.core.plugin import Target
    from ci_ops.core.report import Report
    from ci_ops.flows._run import Run


def rollback_target(run: Run) -> Target:
    """Return the configured target. Raises UsageError where there is none."""
    if run.target is None:
        raise UsageError(
            "nothing says how to roll back",
            where="deploy.target",
            hint="Give `rollback` (a command that makes DEPLOYMENT_REVISION live) or a `deploy.target` in ci-ops.yml.",
        )
    return run.target


def activate(
    run: Run,
    journal: Journal,
    record: DeploymentRecord,
    to: DeploymentRecord,
    left: tuple[DeploymentRecord, ...],
    guard: Callable[[], None],
) -> Report:
    """Make the release live and verify it; steps completed by an earlier run are not repeated."""
    run.record = record
    run.job.progress.phase(f"Rolling back to {record.short_revision}")
    why = f" Reason: {record.reason}" if record.reason else ""
    started = f"Rolling back to {record.short_revision} in {record.environment}.{why}"
    run.notify(Kind.ROLLBACK, Stage.STARTED, severity=Status.WARN, sentence=started)
    if journal.has_touched:
        run.watch_availability(run.verification(record).url)
    steps = rollback_target(run).rollback_steps(record, to)
    execution = run.executor(journal, record, guard).run(steps, scope=ROLLBACK)
    if execution.failed is not None:
        reason = "rollback-failed" if run.changed else "not-started"
        return _failed(run, journal, record, step_failure(execution.failed), reason=reason)
    if not journal.is_applied:
        journal.applied()
    record = run.set_state(record, State.UNVERIFIED)
    mark_abandoned(run, left, record)
    return _prove(run, journal, record, to)


def _prove(run: Run, journal: Journal, record: DeploymentRecord, to: DeploymentRecord) -> Report:
    run.job.progress.phase(f"Proving that {record.short_revision} is live")
    run.proof = verify_release(
        run, record, revision=record.revision, replaced=record.previous_revision, release=record.release_id
    )
    verdict = reason_for(run.proof)
    if REASONS[verdict].is_unmeasured:
        why = "the service refused the probe" if verdict == "refused" else "no check measured it"
        sentence = f"Rolled back to {record.short_revision}, but {why}; it stays unverified."
        run.notify(Kind.ROLLBACK, Stage.COMPLETED, severity=Status.WARN, sentence=sentence)
        return run.report("unproven", sentence)
    if not REASONS[verdict].status.is_good:
        sentence = f"Rolled back to {record.short_revision}, but the checks could not prove it."
        return _failed(run, journal, record, sentence, reason="rollback-failed")
    keep_unreported(run, record.id)
    journal.end(str(State.VERIFIED))
    record = run.set_state(record, State.VERIFIED)
    if to.state is not State.VERIFIED:
        run.write(to.with_state(State.VERIFIED, at=run.job.world.clock.now()))
    sentence = f"{record.short_revision} is live again in {record.environment}, and proven."
    run.notify(Kind.ROLLBACK, Stage.COMPLETED, severity=Status.WARN, sentence=sentence)
    return run.report(verdict, sentence)


def _failed(run: Run, journal: Journal, record: DeploymentRecord, why: str, *, reason: str) -> Report:
    run.read_logs(journal, record)
    journal.end(str(State.FAILED))
    run.set_state(record, State.FAILED, error=why)
    run.notify(
        Kind.ROLLBACK, Stage.FAILED, severity=Status.FAIL, sentence=why, details=problem_lines(run.proof)
    )
    return run.report(reason, why)
