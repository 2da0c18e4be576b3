"""The commit status that a pull request shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.core.delivery.ledger import LedgerError, commit_state

if TYPE_CHECKING:
    from ci_ops.core.report import Report
    from ci_ops.session.session import Session


def show_commit_status(session: Session, context: str, report: Report | None) -> None:
    """Set the status on the pull request's head; pending while there is no report.

    Where it cannot be set, the log says why and the job's own conclusion is
    the answer: a missing permission is no finding about the project.
    """
    if not context:
        return
    run = session.runner.context
    note = session.job.watch.note
    if run.is_fork:
        if report is None:
            note(
                "A pull request from a fork: its token may set no commit status; the job's conclusion counts."
            )
        return
    if session.remote is None:
        if report is None:
            note("No token was given, so no commit status is set; the job's conclusion counts.")
        return
    try:
        session.remote.commit_status(
            run.head_sha or run.sha,
            context=context,
            state=commit_state(report.status if report else None),
            description=report.sentence if report else "Looking",
            url=session.runner.run_url,
        )
    except LedgerError as error:
        note(f"The commit status is not set: {error.what}. {error.hint}")
