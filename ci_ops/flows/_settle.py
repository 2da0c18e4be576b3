"""Settlement of an earlier run's unfinished deployment: completed, resumed, undone or superseded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ci_ops.core.delivery.journal import REFUSED, ROLLBACK, Journal, latest_journal
from ci_ops.core.delivery.record import UNDER_WAY, DeploymentRecord, State
from ci_ops.core.errors import CiOpsError, Interrupted
from ci_ops.flows._history import History, as_journaled
from ci_ops.flows._interruption import recording_stop
from ci_ops.flows._restore import undo_and_prove

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ci_ops.flows._run import Run


@dataclass(frozen=True, kw_only=True, slots=True)
class Unfinished:
    """A deployment that an earlier run began and that can be resumed."""

    journal: Journal
    record: DeploymentRecord


def read_latest(run: Run) -> Journal | None:
    """Return the newest journal of this environment. Raises CiOpsError when it cannot be read."""
    try:
        return latest_journal(run.job.site.store, run.job.world.clock)
    except ValueError as error:
        raise CiOpsError(
            "the journal of the last deployment cannot be read",
            reason="inconclusive",
            where=str(error),
            hint="Nothing was changed. Look at what is live, fix or move the file away, then run again.",
        ) from error


def reconcile(run: Run, journal: Journal) -> DeploymentRecord:
    """Write to the ledger what the journal proves and a dead run could not record."""
    assert journal.record is not None
    if journal.outcome == REFUSED:
        return journal.record
    known = _recorded(run, journal.record)
    if journal.is_open and not journal.is_applied:
        return known
    proven = as_journaled(known, journal)
    if proven.state is not known.state:
        run.write(proven)
        if proven.kind == "rollback" and journal.is_applied:
            mark_abandoned(run, History(run.job).of_release(proven.previous), proven)
    return proven


def _recorded(run: Run, begun: DeploymentRecord) -> DeploymentRecord:
    """Return the ledger's record; one that a dead run did not write is completed here."""
    ledger = run.job.site.ledger
    found = next(iter(ledger.records(run.job.environment, lambda each: each.id == begun.id)), None)
    if found is not None:
        return found
    try:
        return ledger.open(begun)
    except Interrupted:
        raise
    except CiOpsError as error:
        run.warn(f"The ledger does not know {begun.id}, which was begun: {error}")
        return begun


def mark_abandoned(run: Run, records: Iterable[DeploymentRecord], by: DeploymentRecord) -> None:
    """Mark every record of the release that a rollback left, so that no rollback chooses it."""
    for each in records:
        if each.state is not State.ROLLED_BACK and each.release_id != by.release_id:
            run.write(each.with_state(State.ROLLED_BACK))


def settle(run: Run, revision: str, guard: Callable[[], None], *, force: bool) -> Unfinished | None:
    """Settle an unfinished deployment, or return it to be resumed.

    The same revision is resumed; another is undone first. A complete deployment that was never
    verified is resumed too, for its verification (not with `force`); another revision supersedes
    it. An unfinished rollback is superseded, never undone: undoing it would restore the release
    that was left.
    """
    journal = read_latest(run)
    if journal is None:
        return None
    record = reconcile(run, journal)
    if not journal.is_open:
        return None
    if journal.kind == ROLLBACK:
        run.note(f"The rollback {record.id} was not finished; this deployment supersedes it.")
        _supersede(run, journal, record)
        return None
    is_same = record.revision == revision
    if not journal.is_unfinished:
        if is_same and not force and record.state in {*UNDER_WAY, State.UNVERIFIED, State.INTERRUPTED}:
            return Unfinished(journal=journal, record=record)
        _supersede(run, journal, record)
        return None
    if journal.is_undoing or not is_same:
        run.record = record
        with recording_stop(run, journal):
            undo_unfinished(run, journal, record, guard)
        return None
    run.note(f"Resuming {record.id}, which an earlier run began and did not finish.")
    return Unfinished(journal=journal, record=record)


def _supersede(run: Run, journal: Journal, record: DeploymentRecord) -> None:
    journal.end("superseded")
    if record.state in UNDER_WAY:
        run.write(record.with_state(State.INTERRUPTED, error="its run ended before it did"))


def undo_unfinished(run: Run, journal: Journal, record: DeploymentRecord, guard: Callable[[], None]) -> None:
    """Undo an unfinished deployment. Raises CiOpsError when that fails."""
    run.note(f"Undoing {record.id}, which an earlier run began and did not finish.")
    restored = undo_and_prove(run, journal, record, guard)
    if journal.is_open:
        raise CiOpsError(restored.sentence, reason=restored.reason, where=f"deployment {record.id}")
    if not restored.is_whole:
        run.note(restored.sentence)
