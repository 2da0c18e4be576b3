"""Events as the flows make them, one of every kind, and a hostile one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ci_ops.core.delivery.record import State
from ci_ops.core.event import Event, JobSubject, Kind, Stage
from ci_ops.core.health.status import Status
from tests.support.reports import HOSTILE, NEW, OLD, hostile_record, record


def event(kind: Kind = Kind.DEPLOYMENT, stage: Stage = Stage.COMPLETED, **changes: Any) -> Event:
    """Something that happened to that deployment."""
    severity = {Stage.STARTED: Status.PASS, Stage.COMPLETED: Status.PASS, Stage.FAILED: Status.FAIL}[stage]
    if kind is Kind.ROLLBACK and stage is not Stage.FAILED:
        severity = Status.WARN
    about = changes.pop("record", record())
    made = Event(
        id=f"{about.id}/{kind}.{stage}",
        sequence=1,
        kind=kind,
        stage=stage,
        subject=about,
        severity=severity,
        sentence="The release is live and verified.",
    )
    return replace(made, **changes)


def hostile_event(text: str = HOSTILE, stage: Stage = Stage.FAILED) -> Event:
    """An event in which every text from outside is that text."""
    return event(stage=stage, record=hostile_record(text), sentence=text, details=(text, text))


EVENTS = {
    "deployment.started": event(
        stage=Stage.STARTED, sentence="", record=record(finished_at=None, state=State.RUNNING)
    ),
    "deployment.completed": event(),
    "deployment.failed": event(
        stage=Stage.FAILED,
        sentence="The release was rolled back.",
        details=(
            "revision: A worker serves the old revision. Restart every worker, not only the first one.",
        ),
    ),
    "rollback.started": event(kind=Kind.ROLLBACK, stage=Stage.STARTED, sentence="Going back to 0f1e2d3."),
    "rollback.completed": event(
        kind=Kind.ROLLBACK,
        sentence="Rolled back to 0f1e2d3, and proven.",
        record=record(kind="rollback", revision=OLD, previous_revision=NEW, reason="orders fail"),
    ),
    "rollback.failed": event(
        kind=Kind.ROLLBACK, stage=Stage.FAILED, sentence="Going back failed at the step 'Switch current'."
    ),
    "hostile": hostile_event(),
}
"""Every kind of event, by the name of its golden files."""

JOB = JobSubject(
    service="shop",
    environment="staging",
    name="release / ship",
    revision=NEW,
    actor="octocat",
    run_url="https://github.com/acme/shop/actions/runs/42",
)
JOB_EVENTS = {
    f"job.{stage}": event(
        kind=Kind.JOB,
        stage=stage,
        id=f"acme/shop/42/1/ship/job.{stage}",
        subject=JOB,
        sentence="The job ended.",
    )
    for stage in (Stage.COMPLETED, Stage.FAILED)
}
"""The ends of a job in which nothing was deployed, by their names."""
