"""The commit status that a pull request shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.core.delivery.ledger import LedgerError
from ci_ops.core.git import Git
from ci_ops.core.ports.forge import commit_state
from ci_ops.session.origin import status_commit

if TYPE_CHECKING:
    from ci_ops.core.report import Report
    from ci_ops.session.session import Session


def show_commit_status(session: Session, context: str, report: Report | None) -> None:
    """Set the status on the commit that was checked; pending while there is no report.

    For a pull request that is its head, where it or a merge of it is checked out.

    If the status cannot be set, the log says why and the job's own conclusion is the answer: a
    missing permission is no finding about the project.
    """
    if not context:
        return
    run, origin = session.runner.context, session.job.origin
    note = session.job.progress.note
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
    sha = status_commit(run, Git(session.job.root, session.job.world), origin.head)
    if not sha:
        if report is None:
            note(_why_not(run.head_sha, origin.head))
        return
    try:
        session.remote.commit_status(
            sha,
            context=context,
            state=commit_state(report.status if report else None),
            description=report.sentence if report else "Looking",
            url=session.runner.run_url,
        )
    except LedgerError as error:
        note(f"The commit status is not set: {error.what}. {error.hint}")


def _why_not(pull_request_head: str, head: str) -> str:
    if not head:
        return "No commit is checked out here, so no commit status is set; the job's conclusion counts."
    return (
        f"What is checked out ({head[:7]}) is not the head of the pull request ({pull_request_head[:7]}) nor a merge "
        "of it, so no commit status is set; the job's conclusion counts. Run these checks on `pull_request`."
    )
