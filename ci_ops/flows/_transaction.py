"""The transaction of deploy, rollback and verify: lock, begin, apply, verify, accept, hold or roll back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ci_ops.core.delivery.dry_run import dry_run
from ci_ops.core.delivery.journal import REFUSED, Journal, open_journal
from ci_ops.core.delivery.record import DeploymentRecord, State
from ci_ops.core.errors import CiOpsError, Interrupted
from ci_ops.core.event import Kind, Stage
from ci_ops.core.health.status import Status
from ci_ops.core.ports.lease import Holder
from ci_ops.flows._interruption import interrupted, recording_stop, stopped_before
from ci_ops.flows._owner import mark_owner
from ci_ops.flows._renewal import renewed
from ci_ops.flows._restore import undo_and_prove
from ci_ops.flows._run import problem_lines
from ci_ops.flows._verification import Decision, decide, verify_release

if TYPE_CHECKING:
    from collections.abc import Callable

    from ci_ops.core.delivery.step import Steps
    from ci_ops.core.report import Report
    from ci_ops.flows._live import Live
from ci_ops.flows._run import Run


def under_lease(run: Run, why: str, work: Callable[[Callable[[], None]], Report]) -> Report:
    """Run the work while holding the lease; it receives the check to call before each change."""
    job, origin = run.job, run.job.origin
    holder = Holder(since=job.world.clock.now(), name=origin.operator, why=why, run_url=origin.run_url)
    lease = job.site.lease.acquire(holder)
    run.token = lease.token
    job.site.store.hold_reserve()
    try:
        with renewed(lease):
            return work(lease.check)
    except Interrupted as stop:
        return run.report(stop.reason.name, stopped_before(run))
    finally:
        run.end_availability()
        lease.release()


def begin(run: Run, planned: DeploymentRecord) -> tuple[DeploymentRecord, Journal]:
    """Open journal and ledger for a new record; journal first, so that a killed run leaves a trace."""
    job = run.job
    if job.site.owner:
        mark_owner(job.site.store, job.site.owner)
    journal = open_journal(job.site.store, job.world.clock, planned.id)
    journal.begin(planned, owner=job.origin.owner, token=run.token)
    try:
        record = job.site.ledger.open(planned)
    except CiOpsError:
        journal.end(REFUSED)
        raise
    if record.external_id:
        journal.begin(record, owner=job.origin.owner, token=run.token)
    run.record = record
    job.opened(record)
    return record, journal


def stoppable(run: Run, journal: Journal, work: Callable[[], Report]) -> Report:
    """Run the work; a stop request updates the ledger at once and ends in a report."""
    try:
        with recording_stop(run, journal):
            return work()
    except Interrupted as stop:
        return interrupted(run, journal, stop)


def conclude(run: Run, record: DeploymentRecord, journal: Journal, guard: Callable[[], None]) -> Report:
    """Verify the release that was just made live; accept it, hold it or roll back."""
    decision, verdict = verify_deployment(run, record)
    if decision is Decision.ACCEPT:
        return accept(run, record, journal, verdict)
    if decision is Decision.HOLD:
        return hold(run, record, verdict)
    return roll_back(run, journal, record, guard, "The verification of the new release failed.")


def verify_deployment(run: Run, record: DeploymentRecord) -> tuple[Decision, str]:
    """Verify that record's release, and return the decision with the verdict."""
    run.job.progress.phase(f"Verifying {record.short_revision}")
    run.results = verify_release(
        run, record, revision=record.revision, replaced=record.previous_revision, release=record.release_id
    )
    return decide(run)


def still_verified(run: Run, live: Live) -> bool:
    """Return True where the live release was verified, and one round of its checks passes now."""
    record = live.deployment
    if record is None or not live.is_verified:
        return False
    run.job.progress.phase(f"Verifying {record.short_revision}, which is live")
    run.results = verify_release(
        run, record, revision=record.revision, replaced="", release=record.release_id, is_patient=False
    )
    if decide(run)[0] is Decision.ACCEPT:
        return True
    run.note(f"{record.short_revision} was verified and is live, but its checks do not pass now.")
    run.results = ()
    return False


def accept(run: Run, record: DeploymentRecord, journal: Journal, verdict: str) -> Report:
    """Mark a deployment verified; only this function and the proof of a rollback do."""
    if journal.is_open:  # a verification elsewhere, or a second one, has no journal to close
        journal.end(str(State.VERIFIED))
    record = run.set_state(record, State.VERIFIED)
    severity = Status.PASS if verdict == "ok" else Status.WARN
    sentence = f"{record.short_revision} is live in {record.environment} and verified."
    run.notify(
        Kind.DEPLOYMENT,
        Stage.COMPLETED,
        severity=severity,
        sentence=sentence,
        details=problem_lines(run.results),
    )
    return run.report(verdict, sentence)


def hold(run: Run, record: DeploymentRecord, verdict: str) -> Report:
    """Keep a release that could not be measured as unverified, without a rollback."""
    if verdict == "nothing-measured":
        sentence = f"{record.short_revision} is live, but no check measured it; it stays unverified."
    elif verdict == "refused":
        sentence = f"{record.short_revision} is live, but the service refused the probe; it stays unverified."
    else:
        verdict = "held"
        sentence = f"{record.short_revision} is live but could not be verified; it is held, not rolled back."
    run.notify(
        Kind.DEPLOYMENT,
        Stage.FAILED,
        severity=Status.WARN,
        sentence=sentence,
        details=problem_lines(run.results),
    )
    return run.report(verdict, sentence)


def roll_back(
    run: Run, journal: Journal, record: DeploymentRecord, guard: Callable[[], None], why: str
) -> Report:
    """Undo a failed deployment, and report which release is live afterwards."""
    run.read_logs(journal, record)
    failed = fail(run, record, why)
    restored = undo_and_prove(run, journal, failed, guard)
    return run.report(restored.reason, f"{why} {restored.sentence}")


def fail(run: Run, record: DeploymentRecord, why: str) -> DeploymentRecord:
    """Record the failure and publish it; return the record of the failed deployment."""
    failed = run.set_state(record, State.FAILED, error=why)
    run.notify(
        Kind.DEPLOYMENT,
        Stage.FAILED,
        severity=Status.FAIL,
        sentence=f"{failed.short_revision} failed in {failed.environment}. {why}",
        details=problem_lines(run.results),
    )
    return failed


def require_steps(steps: Steps) -> None:
    """Generate every step before the first one runs; raise the target's error where one is impossible.

    Nothing has been recorded or changed for the deployment at that point.
    """
    dry_run(steps)


def rehearse(run: Run, record: DeploymentRecord, steps: Steps, *, phase: str, sentence: str) -> Report:
    """List the steps that would run; nothing is locked, written or sent."""
    run.record = replace(record, state=State.PLANNED)
    for outcome in dry_run(steps, phase=phase):
        run.step(outcome)
    return run.report("ok", sentence)
