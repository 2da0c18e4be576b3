"""Notify: tell the channels how the last run of this job ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ci_ops.core.delivery.record import DeploymentRecord, State
from ci_ops.core.errors import Interrupted, UsageError
from ci_ops.core.event import Kind, Outcome, Stage
from ci_ops.core.health.status import Status, status_of
from ci_ops.core.text.nearmiss import did_you_mean
from ci_ops.core.traits import Traits
from ci_ops.flows._last_report import LastReport, read_last_report
from ci_ops.flows._run import Run

if TYPE_CHECKING:
    from ci_ops.core.report import Report
    from ci_ops.flows._job import Job

TRAITS = Traits(command="notify", uses=frozenset({"notify"}), recipients="to")

_JOB_WORDS = {"success": Status.PASS, "failure": Status.FAIL, "cancelled": Status.ERROR}
"""The words of `job.status`. Source: GitHub documentation, contexts reference, job context."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NotifyOptions:
    """What the caller knows of how it ended."""

    status: str = ""
    """success, failure, cancelled, or one of our own words; empty for the last report's."""
    sentence: str = ""
    """What to say; empty for the last report's sentence."""


def notify(job: Job, options: NotifyOptions) -> Report:
    """One message per event: what a channel was told before is not sent again."""
    run = Run(job, "notify")
    last = read_last_report(job.site.store)
    run.record = last.record if last and last.record else _stand_in(job)
    if not job.sinks:
        run.note("No channel is configured and `to` is empty: nobody was told.")
        return run.report("warned", "Nobody was told.")
    severity = _severity(options, last)
    kind, stage = _event_of(last, severity)
    sentence = options.sentence or (last.sentence if last else "") or _plain_sentence(run.record, severity)
    run.tell(kind, stage, severity=severity, sentence=sentence, details=last.lines if last else ())
    deliveries = run.report().deliveries
    told = [each.target for each in deliveries if each.outcome is Outcome.DELIVERED]
    failed = any(each.outcome is Outcome.FAILED for each in deliveries)
    if job.world.stop.requested and not told:
        stop = Interrupted(job.world.stop.requested)
        return run.report(stop.reason.name, "Stopped by a signal before anybody was told.")
    said = f"Told {', '.join(told)}." if told else "Nobody had to be told anew."
    return run.report("delivery-failed" if failed else "ok", said)


def _stand_in(job: Job) -> DeploymentRecord:
    """A record for a job in which nothing of ours has left one."""
    return job.new_record(revision=job.origin.revision, state=State.RUNNING)


def _severity(options: NotifyOptions, last: LastReport | None) -> Status:
    word = options.status.strip().casefold()
    given = _JOB_WORDS.get(word) or status_of(word)
    if word and given is None:
        near = did_you_mean(word, (*_JOB_WORDS, *Status))
        raise UsageError(
            f"nothing is known by the status {word!r}{near}",
            where="status",
            hint="success, failure or cancelled, as `job.status` has them; empty for the last report's.",
        )
    known = last.status if last else None
    if given is None or (known is not None and given.is_good):
        given = known or given or Status.ERROR
    return given if given.is_good else Status.FAIL


def _event_of(last: LastReport | None, severity: Status) -> tuple[Kind, Stage]:
    if last is not None and last.went_back:
        return Kind.ROLLBACK, Stage.FAILED if last.reason == "rollback-failed" else Stage.COMPLETED
    return Kind.DEPLOYMENT, Stage.COMPLETED if severity.is_good else Stage.FAILED


def _plain_sentence(record: DeploymentRecord, severity: Status) -> str:
    ended = "went well" if severity.is_good else "failed"
    about = f" for {record.short_revision}" if record.revision else ""
    return f"The job{about} in {record.environment} {ended}."
