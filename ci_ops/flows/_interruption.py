"""Stop requests: the ledger is updated at once, no further step starts, nothing is undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.core.background import running_beside
from ci_ops.core.delivery.record import State
from ci_ops.core.errors import CiOpsError

if TYPE_CHECKING:
    import threading
    from contextlib import AbstractContextManager

    from ci_ops.core.delivery.journal import Journal
    from ci_ops.core.errors import Interrupted
    from ci_ops.core.report import Report
    from ci_ops.flows._run import Run

POLL_SECONDS = 0.05


def recording_stop(run: Run, journal: Journal) -> AbstractContextManager[None]:
    """While this is open, a stop request updates the ledger beside the step that is being terminated.

    A program that ignores TERM takes four seconds to end, and a runner kills ten seconds after its
    first signal: a later update could come too late.
    """

    def watch(ended: threading.Event) -> None:
        while not ended.is_set():
            if run.job.world.stop.wait(POLL_SECONDS):
                record_stop(run, journal)
                return

    return running_beside(watch, name="stop")


def record_stop(run: Run, journal: Journal) -> None:
    """Record the state of a stopped run; a failing ledger becomes a note.

    A final decision stands: a stop request during the last messages does not change it.
    """
    assert run.record is not None
    if not journal.is_open or run.record.state in {State.VERIFIED, State.ROLLED_BACK}:
        return
    is_whole = journal.is_applied and not journal.is_undoing
    state = State.UNVERIFIED if is_whole else State.INTERRUPTED
    if run.record.state is state:
        return
    try:
        run.set_state(run.record, state, error="stopped by a signal")
    except CiOpsError as error:
        run.note(f"The stop could not be recorded in the ledger: {error.what}")


def interrupted(run: Run, journal: Journal, stop: Interrupted) -> Report:
    """Return the report of a run that was stopped."""
    record_stop(run, journal)
    is_whole = journal.is_applied and not journal.is_undoing
    whole = "the new release is whole but unverified" if is_whole else "the release is not whole"
    sentence = f"Stopped by a signal; {whole}." if run.changed or is_whole else stopped_before(run)
    return run.report(stop.reason.name, sentence)


def stopped_before(run: Run) -> str:
    """Return the report of a run that was stopped before its own work began."""
    if run.changed:
        return "Stopped by a signal while an earlier deployment was undone."
    return "Stopped by a signal before any change."
