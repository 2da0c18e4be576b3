"""Roll back to a verified release, and prove that it is live."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ci_ops.core.delivery.execute import ReplayMismatch
from ci_ops.core.delivery.record import UNDER_WAY, DeploymentRecord, State
from ci_ops.core.errors import CiOpsError
from ci_ops.core.traits import Traits
from ci_ops.flows._activate import activate, rollback_target
from ci_ops.flows._history import History
from ci_ops.flows._interruption import recording_stop
from ci_ops.flows._live import measure_live
from ci_ops.flows._named import report_settled
from ci_ops.flows._restore import undo_and_prove
from ci_ops.flows._rollback_target import Destination, choose, named_target
from ci_ops.flows._run import Run
from ci_ops.flows._same_run import is_same_run
from ci_ops.flows._settle import read_latest, reconcile
from ci_ops.flows._transaction import begin, rehearse, require_steps, still_verified, stoppable, under_lease
from ci_ops.flows._unreported import is_unreported

if TYPE_CHECKING:
    from collections.abc import Callable

    from ci_ops.core.delivery.journal import Journal
    from ci_ops.core.delivery.step import Steps
    from ci_ops.core.report import Report
    from ci_ops.flows._job import Job
    from ci_ops.flows._live import Live


TRAITS = Traits(command="rollback", changes=True, keeps_report=True, names_silent_channels=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class RollbackOptions:
    """The target of the rollback, and its reason."""

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
    return under_lease(run, "roll back", lambda guard: _rollback_locked(run, options, guard))


def _rollback_locked(run: Run, options: RollbackOptions, guard: Callable[[], None]) -> Report:
    journal = read_latest(run)
    begun = reconcile(run, journal) if journal is not None else None
    history = History(run.job)
    refused = report_settled(run, history, journal, "" if options.to else options.deployment_id)
    if refused is not None:
        return refused
    if journal is not None and begun is not None and _is_ours(run, journal, options):
        report = _end_unfinished(run, journal, begun, options, guard)
        if report is not None:
            return report
        history = History(run.job)
    target = rollback_target(run)
    live = _measured(run, history, options)
    done = _already_done(run, history, live, journal, options)
    if done is not None:
        return done
    destination = choose(run, history, live, to=options.to)
    if options.to and _needs_nothing(run, live, destination.deployment):
        return _unchanged(run, destination.deployment)
    planned = _planned(run, destination, options)
    require_steps(target.rollback_steps(planned, destination.deployment))
    left = history.of_release(planned.previous)
    record, fresh = begin(run, planned)
    return stoppable(run, fresh, lambda: activate(run, fresh, record, destination.deployment, left, guard))


def _measured(run: Run, history: History, options: RollbackOptions) -> Live:
    """Measure the live release. Raises CiOpsError where a named deployment is not the live one."""
    live = measure_live(run, history)
    name = "" if options.to else options.deployment_id
    ids = {live.deployment.id, live.deployment.external_id} if live.deployment is not None else set()
    if name and live.is_measured and name not in ids:
        what = f"{name} is not live; {live.release or 'no release'} was measured to be live"
        raise CiOpsError(what, reason="not-live", where="deployment-id")
    return live


def _needs_nothing(run: Run, live: Live, to: DeploymentRecord) -> bool:
    """Return True where that release is live, was verified, and passes its checks now."""
    return live.release == to.id and still_verified(run, live)


def _unchanged(run: Run, to: DeploymentRecord) -> Report:
    run.record = to
    return run.report("unchanged", f"{to.short_revision} is already live and verified.")


def _already_done(
    run: Run, history: History, live: Live, journal: Journal | None, options: RollbackOptions
) -> Report | None:
    """Return a report where this rollback was proven by a run that could not report it or is repeated.

    A second rollback would go further back than requested. Any later record, of a failed deployment
    too, makes it a new request.
    """
    last = next(iter(history), None)
    if options.to or options.deployment_id or last is None:
        return None
    if last.kind != "rollback" or last.state is not State.VERIFIED:
        return None
    is_again = is_same_run(last.run_url, run.job.origin.run_url)
    is_silent = (
        journal is not None and journal.deployment == last.id and is_unreported(run.job.site.store, last.id)
    )
    if not (is_again or is_silent) or live.release != last.release_id or not still_verified(run, live):
        return None
    run.record = last
    return run.report("unchanged", f"{last.id} rolled back to {last.short_revision} already, and proved it.")


def _is_ours(run: Run, journal: Journal, options: RollbackOptions) -> bool:
    """Return True where the newest journal has to be settled first: unfinished, or of this run."""
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
    """Undo or resume the journal's deployment; None where the requested rollback follows."""
    if options.to:
        history = History(run.job)
        named_target(run, history, measure_live(run, history), options.to)  # a refusal must not undo anything
        run.record = record
        if record.kind == "deployment":
            with recording_stop(run, journal):
                undo_and_prove(run, journal, record, guard)
        if journal.is_open:
            run.note(f"{record.id} could not be undone to its end; the release that was named replaces it.")
            _supersede(run, journal, record)
        run.proof = ()
        return None
    run.record = record
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
    """Resume a rollback that was stopped; None where its release is gone or its steps have changed."""
    history = History(run.job)
    to = history.deployment(record.release_id) or record
    left = history.of_release(record.previous)
    if not measure_live(run, history).is_available(to.id):
        run.note(f"The rollback {record.id} was not finished, and its release {to.id} is gone.")
        _supersede(run, journal, record)
        return None
    try:
        return stoppable(run, journal, lambda: activate(run, journal, record, to, left, guard))
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


def _planned(run: Run, destination: Destination, options: RollbackOptions) -> DeploymentRecord:
    to = destination.deployment
    planned = run.job.new_record(
        revision=to.revision,
        after=destination.after,
        kind="rollback",
        release=to.release_id,
        version=to.version,
        state=State.RUNNING,
        previous=destination.left,
        previous_revision=destination.left_revision,
        reason=options.reason,
    )
    return planned if planned.url else replace(planned, url=to.url)


def _rehearse(run: Run, options: RollbackOptions) -> Report:
    """List the steps that would run: the undos of an unfinished deployment, or those of a rollback."""
    journal = read_latest(run)
    history = History(run.job)
    refused = report_settled(run, history, journal, "" if options.to else options.deployment_id)
    if refused is not None:
        return refused
    if (
        journal is not None
        and journal.record is not None
        and _is_ours(run, journal, options)
        and not options.to
    ):
        record = history.find(journal.record.id) or journal.record
        if record.kind == "deployment":
            return rehearse(
                run, record, _undos(journal), phase="undo", sentence=f"{record.id} would be undone."
            )
    target = rollback_target(run)
    live = _measured(run, history, options)
    done = _already_done(run, history, live, journal, options)
    if done is not None:
        return done
    destination = choose(run, history, live, to=options.to)
    to = destination.deployment
    if options.to and _needs_nothing(run, live, to):
        return _unchanged(run, to)
    record = _planned(run, destination, options)
    sentence = f"{record.environment} would be rolled back to {to.short_revision}."
    return rehearse(run, record, target.rollback_steps(record, to), phase="rollback", sentence=sentence)


def _undos(journal: Journal) -> Steps:
    for entry in journal.to_undo:
        if entry.step.undo is not None:
            yield entry.step.undo
