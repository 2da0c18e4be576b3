"""Rollback: bring back a verified release, and prove that it is live."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from ci_ops.core.delivery.execute import dry_run
from ci_ops.core.delivery.journal import Journal, open_journal
from ci_ops.core.delivery.record import DeploymentRecord, State
from ci_ops.core.errors import CiOpsError, Interrupted, UsageError
from ci_ops.core.event import Kind, Stage
from ci_ops.core.health.status import Status
from ci_ops.core.report import Report, reason_for
from ci_ops.core.traits import Traits
from ci_ops.flows._availability import AvailabilityProbe
from ci_ops.flows._baseline import live_record
from ci_ops.flows._interruption import interrupted, stopped_before, told_at_once
from ci_ops.flows._restore import GOOD, undo_and_prove, verify_release
from ci_ops.flows._run import Run, problem_lines, step_failure
from ci_ops.flows._settle import read_latest
from ci_ops.flows.deploy import LOCK

if TYPE_CHECKING:
    from ci_ops.core.plugin import Target
    from ci_ops.core.ports import Lock
    from ci_ops.flows._job import Job

TRAITS = Traits(command="rollback", dry_uses=frozenset({"deploy", "verify"}), changes=True, keeps_report=True)

LOOKED_THROUGH = 200
"""Deployments that are looked through for the one to go back to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RollbackOptions:
    """What the caller wants to go back to, and why."""

    to: str = ""
    """A deployment's id or a commit; empty for the last verified one."""
    deployment_id: str = ""
    """The deployment of this run that is to be taken back."""
    reason: str = ""


def rollback(job: Job, options: RollbackOptions) -> Report:
    """Undo this run's or an unfinished deployment.

    Otherwise go to a verified one.
    """
    run = Run(job, "rollback")
    if job.dry_run:
        return _rehearse(run, options)
    now = job.world.clock.now()
    lock = job.site.store.acquire(LOCK, holder=job.origin.run_url or job.origin.operator, since=now)
    try:
        return _rollback_locked(run, options, lock)
    except Interrupted as stop:
        return run.report(stop.reason.name, stopped_before(run))
    finally:
        lock.release()


def _rollback_locked(run: Run, options: RollbackOptions, lock: Lock) -> Report:
    journal = read_latest(run)
    if journal is not None and journal.record is not None and _is_ours(run, journal, options):
        if options.to:
            _clear(run, journal, journal.record, lock)
        elif journal.record.kind == "rollback":
            return _go(run, journal, journal.record, lock)
        else:
            return _undo(run, journal, journal.record, lock)
    if options.deployment_id and not options.to:
        settled = run.job.site.ledger.find(run.job.environment, options.deployment_id)
        if settled is not None and settled.state in {State.ROLLED_BACK, State.VERIFIED}:
            run.record = settled
            return run.report("unchanged", f"{settled.id} is {settled.state} already: nothing to take back.")
    _target(run)
    current, to = _choose(run, options)
    record = run.job.site.ledger.open(_planned(run, current, to, options))
    fresh = open_journal(run.job.site.store, run.job.world.clock, record.id)
    fresh.begin(record, owner=run.job.origin.owner)
    run.record = record
    run.job.opened(record)
    return _go(run, fresh, record, lock)


def _is_ours(run: Run, journal: Journal, options: RollbackOptions) -> bool:
    """Whether the newest journal is what has to be dealt with: unfinished, or of this very run."""
    if not journal.is_open:
        return False
    if journal.is_unfinished:
        return True
    same_run = bool(journal.owner) and journal.owner == run.job.origin.owner
    return not options.to and (options.deployment_id == journal.deployment or same_run)


def _clear(run: Run, journal: Journal, record: DeploymentRecord, lock: Lock) -> None:
    """Take back what is unfinished; where that fails, the release that was named replaces it."""
    run.record = record
    if record.kind == "deployment":
        with told_at_once(run, journal):
            undo_and_prove(run, journal, record, lock.check)
    if journal.is_open:
        run.note(f"{record.id} could not be taken back to its end; the release that was named replaces it.")
        journal.end("superseded")
    run.proof = ()


def _undo(run: Run, journal: Journal, record: DeploymentRecord, lock: Lock) -> Report:
    run.record = record
    run.job.opened(record)
    try:
        with told_at_once(run, journal):
            restored = undo_and_prove(run, journal, record, lock.check)
    except Interrupted as stop:
        return interrupted(run, journal, stop)
    return run.report("ok" if restored.whole else "rollback-failed", restored.sentence)


def _choose(run: Run, options: RollbackOptions) -> tuple[DeploymentRecord | None, DeploymentRecord]:
    """The deployment that is live, and the one to go back to."""
    ledger = run.job.site.ledger
    current = live_record(run.job)
    if options.to:
        found = ledger.find(run.job.environment, options.to)
        if found is None:
            raise CiOpsError(
                f"no deployment {options.to!r} is known in {run.job.environment}",
                reason="no-rollback-target",
                where="to",
                hint="Leave `to` empty for the last verified one, or take an id from the deployment history.",
            )
        if found.state is not State.VERIFIED:
            run.note(f"{found.id} was asked for by name; it is {found.state}, not verified.")
        return current, found
    gone = current.release_id if current else ""
    for each in islice(ledger.records(run.job.environment), LOOKED_THROUGH):
        if each.state is State.VERIFIED and each.release_id != gone:
            return current, each
    raise CiOpsError(
        f"no verified deployment to go back to is known in {run.job.environment}",
        reason="no-rollback-target",
    )


def _target(run: Run) -> Target:
    if run.target is None:
        raise UsageError(
            "nothing says how to roll back",
            where="deploy.target",
            hint="Give `rollback` (a command that brings DEPLOYMENT_REVISION live) or a `deploy.target` in ci-ops.yml.",
        )
    return run.target


def _planned(
    run: Run, current: DeploymentRecord | None, to: DeploymentRecord, options: RollbackOptions
) -> DeploymentRecord:
    return run.job.new_record(
        revision=to.revision,
        kind="rollback",
        release=to.release_id,
        version=to.version,
        state=State.RUNNING,
        previous=current.release_id if current else "",
        previous_revision=current.revision if current else "",
        reason=options.reason,
    )


def _go(run: Run, journal: Journal, record: DeploymentRecord, lock: Lock) -> Report:
    """Run the rollback's steps and prove it; an unfinished one is resumed."""
    run.record = record
    run.job.watch.phase(f"Going back to {record.short_revision}")
    why = f" Reason: {record.reason}" if record.reason else ""
    started = f"Going back to {record.short_revision} in {record.environment}.{why}"
    run.tell(Kind.ROLLBACK, Stage.STARTED, severity=Status.WARN, sentence=started)
    url = run.verification(record).url
    try:
        with told_at_once(run, journal):
            if not url:
                return _activate(run, journal, record, lock)
            with AvailabilityProbe(run.job.world, url) as probe:
                report = _activate(run, journal, record, lock)
        return replace(report, availability=probe.seen)
    except Interrupted as stop:
        return interrupted(run, journal, stop)


def _activate(run: Run, journal: Journal, record: DeploymentRecord, lock: Lock) -> Report:
    to = run.job.site.ledger.find(record.environment, record.release_id) or record
    execution = run.executor(journal, record, lock.check).run(
        _target(run).rollback_steps(record, to), phase="rollback"
    )
    if execution.failed is not None:
        journal.end(str(State.FAILED))
        reason = "rollback-failed" if run.changed else "no-rollback-target"
        return _failed(run, record, step_failure(execution.failed), reason=reason)
    journal.applied()
    record = run.set_state(record, State.UNVERIFIED)
    run.job.watch.phase(f"Proving that {record.short_revision} is live")
    run.proof = verify_release(run, record)
    verdict = reason_for(run.proof)
    if verdict not in GOOD:
        journal.end(str(State.FAILED))
        return _failed(run, record, "Went back, but the checks could not prove it.")
    record = run.set_state(record, State.VERIFIED)
    journal.end(str(State.VERIFIED))
    _mark_left(run, record)
    sentence = f"{record.short_revision} is live again in {record.environment}, and proven."
    run.tell(Kind.ROLLBACK, Stage.COMPLETED, severity=Status.WARN, sentence=sentence)
    return run.report(verdict, sentence)


def _mark_left(run: Run, record: DeploymentRecord) -> None:
    """The release that was left is no longer one to go back to."""
    left = run.job.site.ledger.find(record.environment, record.previous) if record.previous else None
    if left is not None and left.release_id != record.release_id:
        run.job.site.ledger.update(left.with_state(State.ROLLED_BACK))


def _failed(run: Run, record: DeploymentRecord, why: str, *, reason: str = "rollback-failed") -> Report:
    run.set_state(record, State.FAILED, error=why)
    run.tell(
        Kind.ROLLBACK, Stage.FAILED, severity=Status.FAIL, sentence=why, details=problem_lines(run.proof)
    )
    return run.report(reason, why)


def _rehearse(run: Run, options: RollbackOptions) -> Report:
    """The steps that would run; nothing is locked, written or sent."""
    current, to = _choose(run, options)
    record = _planned(run, current, to, options)
    run.record = replace(record, state=State.PLANNED)
    for outcome in dry_run(_target(run).rollback_steps(record, to), phase="rollback"):
        run.step(outcome)
    return run.report("ok", f"{record.environment} would go back to {to.short_revision}.")
