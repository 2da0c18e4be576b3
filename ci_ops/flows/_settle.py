"""What an earlier run left behind: resumed, taken back or superseded, never ignored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ci_ops.core.delivery.journal import Journal, latest_journal
from ci_ops.core.delivery.record import DeploymentRecord, State
from ci_ops.core.errors import CiOpsError
from ci_ops.flows._interruption import told_at_once
from ci_ops.flows._restore import undo_and_prove

if TYPE_CHECKING:
    from collections.abc import Callable

    from ci_ops.flows._run import Run


@dataclass(frozen=True, kw_only=True, slots=True)
class Unfinished:
    """A deployment that an earlier run began and that can be resumed."""

    journal: Journal
    record: DeploymentRecord


def read_latest(run: Run) -> Journal | None:
    """The newest journal of this environment. Raises CiOpsError when it cannot be read."""
    try:
        return latest_journal(run.job.site.store, run.job.world.clock)
    except ValueError as error:
        raise CiOpsError(
            "the journal of the last deployment cannot be read",
            reason="inconclusive",
            where=str(error),
            hint="Nothing was changed. Look at what is live, mend or move the file away, then run again.",
        ) from error


def settle(run: Run, revision: str, guard: Callable[[], None], *, force: bool) -> Unfinished | None:
    """Bring an unfinished deployment to an end, or hand it back to be resumed.

    The same revision is resumed; another is taken back first. A deployment
    that is whole and was never verified is resumed too, for its verification
    (not with `force`); another revision supersedes it.
    """
    journal = read_latest(run)
    if journal is None or journal.record is None or not journal.is_open:
        return None
    record = journal.record
    is_same = record.revision == revision and record.kind == "deployment"
    if not journal.is_unfinished:
        if is_same and not force and _was_never_judged(run, record):
            return Unfinished(journal=journal, record=record)
        journal.end("superseded")
        return None
    if journal.is_undoing or not is_same:
        run.record = record
        with told_at_once(run, journal):
            take_back_unfinished(run, journal, guard)
        return None
    run.note(f"Resuming {record.id}, which an earlier run began and did not finish.")
    return Unfinished(journal=journal, record=record)


def _was_never_judged(run: Run, record: DeploymentRecord) -> bool:
    known = run.job.site.ledger.find(record.environment, record.id)
    return known is not None and known.state in {State.RUNNING, State.UNVERIFIED, State.INTERRUPTED}


def take_back_unfinished(run: Run, journal: Journal, guard: Callable[[], None]) -> None:
    """Undo what an unfinished deployment did. Raises CiOpsError when that fails."""
    record = journal.record
    assert record is not None
    run.note(f"Taking back {record.id}, which an earlier run began and did not finish.")
    restored = undo_and_prove(run, journal, record, guard)
    if journal.is_open:
        raise CiOpsError(restored.sentence, reason="rollback-failed", where=f"deployment {record.id}")
    if not restored.whole:
        run.note(restored.sentence)
