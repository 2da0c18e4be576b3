"""Finish: close the records that a lost runner left open, and report them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.core.delivery.record import UNDER_WAY, State
from ci_ops.core.event import Kind, Stage
from ci_ops.core.health.status import Status
from ci_ops.core.traits import Traits
from ci_ops.flows._history import unseen
from ci_ops.flows._run import Run
from ci_ops.flows._same_run import is_same_run

if TYPE_CHECKING:
    from ci_ops.core.report import Report
    from ci_ops.flows._job import Job

TRAITS = Traits(
    command="finish",
    uses=frozenset(),
    changes=True,
    keeps_report=True,
    names_silent_channels=True,
    answers_from_ledger=True,
)

MAX_RECORDS = 20


def finish(job: Job) -> Report:
    """Close every deployment of this run that is still open.

    Raises Inconclusive where the records of the run cannot be read or written.
    """
    run = Run(job, "finish")
    if not job.origin.run_url:
        return run.report("ok", "This is no run of a workflow: there is nothing to close.")
    history = job.site.ledger.history(job.environment, MAX_RECORDS)
    of_this_run = [each for each in history if is_same_run(each.run_url, job.origin.run_url)]
    if not of_this_run and job.site.unread:
        raise unseen("the deployments of this run", job.site.unread)
    left = [each for each in of_this_run if each.state in UNDER_WAY]
    if not left:
        return run.report("ok", "Every deployment of this run is closed.")
    for record in left:
        closed = record.with_state(State.INTERRUPTED, at=job.world.clock.now(), error="the runner was lost")
        # Not by way of the run, which only warns of a ledger that fails: closing the record is the work.
        run.record = job.site.ledger.update(closed)
        sentence = (
            f"The runner was lost while {record.short_revision} was deployed to {record.environment}; "
            "the release may not be whole."
        )
        run.notify(Kind.DEPLOYMENT, Stage.FAILED, severity=Status.FAIL, sentence=sentence)
    some = "one deployment" if len(left) == 1 else f"{len(left)} deployments"
    return run.report("findings", f"Closed {some} that a lost runner left open.")
