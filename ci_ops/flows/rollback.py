"""Roll back to a verified release, and prove that it is live."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ci_ops.core.delivery.execute import ReplayMismatch, dry_run
from ci_ops.core.delivery.record import UNDER_WAY, DeploymentRecord, State
from ci_ops.core.errors import CiOpsError, UsageError
from ci_ops.core.event import Kind, Stage
from ci_ops.core.health.status import Status
from ci_ops.core.report import reason_for
from ci_ops.core.traits import Traits
from ci_ops.flows._history import History
from ci_ops.flows._interruption import told_at_once
from ci_ops.flows._live import measure_live
from ci_ops.flows._restore import undo_and_prove
from ci_ops.flows._run import Run, problem_lines, step_failure
from ci_ops.flows._settle import mark_left, read_latest, reconcile
from ci_ops.flows._transaction import begin, rehearse, stoppable, under_lock
from ci_ops.flows._verification import GOOD, verify_release
from ci_ops.flows._way_back import Destination, choose

if TYPE_CHECKING:
    from collections.abc import Callable

    from ci_ops.core.delivery.journal import Journal
    from ci_ops.core.delivery.step import Steps
    from ci_ops.core.plugin import Target
    from ci_ops.core.report import Report
    from ci_ops.flows._job import Job


TRAITS = Traits(command="rollback", dry_uses=frozenset({"deploy", "verify"}), changes=True, keeps_report=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class RollbackOptions:
    """What the caller wants to roll back to, and why."""

    to: str = ""
    """A deployment's id or a commit; empty for the last verified release before the live one."""
    deployment_id: str = ""
    """The deployment of this run that is to be undone; empty for none."""
    reason: str = ""


def rollback(job: Job, options: RollbackOptions) -> Report:
    """Undo this run's or an unfinished deployment; otherwise roll back to a verified release."""
    run = Run(job, "rollback")
    if job.dry_run:
        return _rehearse(run, options)
    return under_lock(run, lambda guard: _rollback_locked(run, options, guard))


def _rollback_locked(run: Run, options: RollbackOptions, guard: Callable[[], None]) -> Report:
    journal = read_latest(run)
    begun = reconcile(run, journal) if journal is not None else None
    history = History(run.job)
    refused = _named_deployment(run, history, journal, options)
    if refused is not None:
        return refused
    if journal is not None and begun is not None and _is_ours(run, journal, options):
        report = _end_unfinished(run, journal, begun, options, guard)
        if report is not None:
            return report
        history = History(run.job)
    target = _target(run)
    destination = choose(run, history, measure_live(run, history), to=options.to)
    if destination.is_live:
        run.record = destination.deployment
        return run.report(
            "unchanged", f"{destination.deployment.short_revision} is already live and verified."
        )
    planned = _planned(run, destination, options)
    dry_run(target.rollback_steps(planned, destination.deployment), phase="rollback")
    left = history.of_release(planned.previous)
    record, fresh = begin(run, planned)
    return stoppable(run, fresh, lambda: _activate(run, fresh, record, destination.deployment, left, guard))


def _named_deployment(
    run: Run, history: History, journal: Journal | None, options: RollbackOptions
) -> Report | None:
    """Return a report where the named deployment needs no undo; raise CiOpsError where it cannot be undone."""
    name = options.deployment_id
    if not name or options.to:
        return None
    found = next((each for each in history if name in {each.id, each.external_id}), None)
    if found is None:
        raise CiOpsError(
            f"no deployment {name!r} is recorded", reason="unknown-deployment", where="deployment-id"
        )
    latest = history.latest()
    is_superseded = latest is not None and latest.id != found.id and latest.id > found.id
    is_open = journal is not None and journal.is_open and journal.deployment == found.id
    if not is_open and found.state in {State.ROLLED_BACK, State.VERIFIED} and not is_superseded:
        run.record = found
        return run.report("unchanged", f"{found.id} is {found.state} already: there is nothing to undo.")
    if is_superseded:
        raise CiOpsError(
            f"{found.id} is {found.state} and not live any more", reason="not-live", where="deployment-id"
        )
    return None


def _is_ours(run: Run, journal: Journal, options: RollbackOptions) -> bool:
    """Return True where the newest journal has to be ended first: unfinished, or of this very run."""
    if not journal.is_open:
        return False
    if options.deployment_id:
        return options.deployment_id == journal.deployment
    if journal.is_unfinished:
        return True
    return not options.to and bool(journal.owner) and journal.owner == run.job.origin.owner


def _end_unfinished(
    run: Run, journal: Journal, record: DeploymentRecord, options: RollbackOptions, guard: Callable[[], None]
) -> Report | None:
    """Undo or resume what the journal tells of; None where the rollback that was asked for follows."""
    run.record = record
    if options.to:
        if record.kind == "deployment":
            with told_at_once(run, journal):
                undo_and_prove(run, journal, record, guard)
        if journal.is_open:
            run.note(f"{record.id} could not be undone to its end; the release that was named replaces it.")
            _supersede(run, journal, record)
        run.proof = ()
        return None
    run.job.opened(record)
    if record.kind == "rollback":
        return _resume(run, journal, record, guard)
    return stoppable(run, journal, lambda: _undo(run, journal, record, guard))


def _undo(run: Run, journal: Journal, record: DeploymentRecord, guard: Callable[[], None]) -> Report:
    restored = undo_and_prove(run, journal, record, guard)
    if journal.is_open or not restored.is_whole:
        return run.report("rollback-failed" if run.changed else "not-started", restored.sentence)
    return run.report("warned" if restored.reason == "no-previous-release" else "ok", restored.sentence)


def _resume(run: Run, journal: Journal, record: DeploymentRecord, guard: Callable[[], None]) -> Report | None:
    """Go on with a rollback that was stopped; None where its release is gone or its steps have changed."""
    history = History(run.job)
    to = history.deployment(record.release_id) or record
    left = history.of_release(record.previous)
    if not measure_live(run, history).is_available(to.id):
        run.note(f"The rollback {record.id} was not finished, and its release {to.id} is gone.")
        _supersede(run, journal, record)
        return None
    try:
        return stoppable(run, journal, lambda: _activate(run, journal, record, to, left, guard))
    except ReplayMismatch:
        run.note(
            f"The rollback {record.id} was not finished, and its steps have changed since: it starts afresh."
        )
        _supersede(run, journal, record)
        return None


def _supersede(run: Run, journal: Journal, record: DeploymentRecord) -> None:
    journal.end("superseded")
    if record.state in UNDER_WAY:
        run.write(record.with_state(State.INTERRUPTED, error="another rollback superseded it"))


def _target(run: Run) -> Target:
    if run.target is None:
        raise UsageError(
            "nothing says how to roll back",
            where="deploy.target",
            hint="Give `rollback` (a command that makes DEPLOYMENT_REVISION live) or a `deploy.target` in ci-ops.yml.",
        )
    return run.target


def _planned(run: Run, destination: Destination, options: RollbackOptions) -> DeploymentRecord:
    to = destination.deployment
    planned = run.job.new_record(
        revision=to.revision,
        kind="rollback",
        release=to.release_id,
        version=to.version,
        state=State.RUNNING,
        previous=destination.left,
        previous_revision=destination.left_revision,
        reason=options.reason,
    )
    return planned if planned.url else replace(planned, url=to.url)


def _activate(
    run: Run,
    journal: Journal,
    record: DeploymentRecord,
    to: DeploymentRecord,
    left: tuple[DeploymentRecord, ...],
    guard: Callable[[], None],
) -> Report:
    """Make the release live and prove it; steps that an earlier run did are not repeated."""
    run.record = record
    run.job.progress.phase(f"Rolling back to {record.short_revision}")
    why = f" Reason: {record.reason}" if record.reason else ""
    started = f"Rolling back to {record.short_revision} in {record.environment}.{why}"
    run.tell(Kind.ROLLBACK, Stage.STARTED, severity=Status.WARN, sentence=started)
    if journal.has_touched:
        run.watch_availability(run.verification(record).url)
    steps = _target(run).rollback_steps(record, to)
    execution = run.executor(journal, record, guard).run(steps, phase="rollback")
    if execution.failed is not None:
        reason = "rollback-failed" if run.changed else "not-started"
        return _failed(run, journal, record, step_failure(execution.failed), reason=reason)
    if not journal.is_applied:
        journal.applied()
    record = run.set_state(record, State.UNVERIFIED)
    mark_left(run, left, record)
    return _prove(run, journal, record, to)


def _prove(run: Run, journal: Journal, record: DeploymentRecord, to: DeploymentRecord) -> Report:
    run.job.progress.phase(f"Proving that {record.short_revision} is live")
    run.proof = verify_release(
        run, record, revision=record.revision, replaced=record.previous_revision, release=record.release_id
    )
    verdict = reason_for(run.proof)
    if verdict == "nothing-measured":
        sentence = f"Rolled back to {record.short_revision}, but no check measured it; it stays unverified."
        run.tell(Kind.ROLLBACK, Stage.COMPLETED, severity=Status.WARN, sentence=sentence)
        return run.report("unproven", sentence)
    if verdict not in GOOD:
        sentence = f"Rolled back to {record.short_revision}, but the checks could not prove it."
        return _failed(run, journal, record, sentence, reason="rollback-failed")
    journal.end(str(State.VERIFIED))
    record = run.set_state(record, State.VERIFIED)
    if to.state is not State.VERIFIED:
        run.write(to.with_state(State.VERIFIED, at=run.job.world.clock.now()))
    sentence = f"{record.short_revision} is live again in {record.environment}, and proven."
    run.tell(Kind.ROLLBACK, Stage.COMPLETED, severity=Status.WARN, sentence=sentence)
    return run.report(verdict, sentence)


def _failed(run: Run, journal: Journal, record: DeploymentRecord, why: str, *, reason: str) -> Report:
    run.read_logs(journal, record)
    journal.end(str(State.FAILED))
    run.set_state(record, State.FAILED, error=why)
    run.tell(
        Kind.ROLLBACK, Stage.FAILED, severity=Status.FAIL, sentence=why, details=problem_lines(run.proof)
    )
    return run.report(reason, why)


def _rehearse(run: Run, options: RollbackOptions) -> Report:
    """List the steps that would run: the undos of an unfinished deployment, or those of a rollback."""
    journal = read_latest(run)
    history = History(run.job)
    refused = _named_deployment(run, history, journal, options)
    if refused is not None:
        return refused
    if (
        journal is not None
        and journal.record is not None
        and _is_ours(run, journal, options)
        and not options.to
    ):
        record = journal.record
        if record.kind == "deployment":
            return rehearse(
                run, record, _undos(journal), phase="undo", sentence=f"{record.id} would be undone."
            )
    target = _target(run)
    destination = choose(run, history, measure_live(run, history), to=options.to)
    to = destination.deployment
    if destination.is_live:
        run.record = to
        return run.report("unchanged", f"{to.short_revision} is already live and verified.")
    record = _planned(run, destination, options)
    sentence = f"{record.environment} would be rolled back to {to.short_revision}."
    return rehearse(run, record, target.rollback_steps(record, to), phase="rollback", sentence=sentence)


def _undos(journal: Journal) -> Steps:
    for entry in journal.to_undo:
        if entry.step.undo is not None:
            yield entry.step.undo
