"""Notify: send the outcome of this job to the channels, once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ci_ops.core.errors import Interrupted, UsageError
from ci_ops.core.event import Delivery, Event, JobSubject, Kind, Outcome, Stage
from ci_ops.core.health.status import Status, status_of
from ci_ops.core.text.nearmiss import did_you_mean
from ci_ops.core.traits import Traits
from ci_ops.flows._last_report import LastReport, read_last_report
from ci_ops.flows._run import Run

if TYPE_CHECKING:
    from ci_ops.core.report import Report
    from ci_ops.flows._job import Job

TRAITS = Traits(command="notify", uses=frozenset({"notify"}), recipients="to", uses_forge=False)

_JOB_WORDS = {"success": Status.PASS, "failure": Status.FAIL, "cancelled": Status.ERROR}
"""The words of `job.status`. Source: GitHub documentation, contexts reference, job context."""
_ENDINGS = {"cancelled": "was cancelled"}


@dataclass(frozen=True, kw_only=True, slots=True)
class NotifyOptions:
    """The caller's statement on the outcome of the job."""

    status: str = ""
    """success, failure, cancelled, or one of our own words; empty for the last report's."""
    sentence: str = ""
    """What to say; empty for the last report's sentence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ending:
    """The outcome of the job, from the caller and from the last report of this job."""

    word: str
    given: Status | None
    last: LastReport | None

    @property
    def severity(self) -> Status:
        """The worse severity of both, as a message shows it."""
        known = self.last.status if self.last else None
        found = self.given if known is None or (self.given and not self.given.is_good) else known
        return found if found is not None and found.is_good else Status.FAIL

    @property
    def is_of_deployment(self) -> bool:
        """True where the outcome is that of a deployment or rollback of this job.

        A job that failed after a successful deployment failed at something else.
        """
        if self.last is None or self.last.record is None:
            return False
        return self.severity.is_good or not self.last.status.is_good


def notify(job: Job, options: NotifyOptions) -> Report:
    """Send one message per event; already delivered ones are not sent again."""
    run = Run(job, "notify")
    last = read_last_report(job.site.store, job=job.origin.job)
    ending = _Ending(word=options.status.strip().casefold(), given=_status_of(options), last=last)
    run.record = last.record if last else None
    subject = _job_subject(job)
    run.job_subject = None if run.record else subject
    if not job.sinks:
        run.note("No channel is configured and `to` is empty, so no message was sent.")
        return run.report("warned", "No message was sent.")
    if ending.given is None and last is None:
        raise UsageError(
            "nothing in this job says how it ended",
            where="status",
            hint="Give `status`: success, failure or cancelled, as `job.status` has them.",
        )
    if last is not None and ending.is_of_deployment:
        kind, stage = _deployment_event(last, ending.severity)
        sentence = options.sentence or last.sentence
        run.notify(kind, stage, severity=ending.severity, sentence=sentence, details=last.lines)
    else:
        run.publish(_job_event(job, subject, ending, options.sentence))
    return _reported(run)


def _status_of(options: NotifyOptions) -> Status | None:
    """Return the caller's status; None if it gave none. Raises UsageError for an unknown word."""
    word = options.status.strip().casefold()
    given = _JOB_WORDS.get(word) or status_of(word)
    if word and given is None:
        near = did_you_mean(word, (*_JOB_WORDS, *Status))
        raise UsageError(
            f"nothing is known by the status {word!r}{near}",
            where="status",
            hint="success, failure or cancelled, as `job.status` has them; empty for the last report's.",
        )
    return given


def _deployment_event(last: LastReport, severity: Status) -> tuple[Kind, Stage]:
    if last.is_rollback:
        return Kind.ROLLBACK, Stage.FAILED if last.reason == "rollback-failed" else Stage.COMPLETED
    return Kind.DEPLOYMENT, Stage.COMPLETED if severity.is_good else Stage.FAILED


def _job_subject(job: Job) -> JobSubject:
    origin = job.origin
    return JobSubject(
        service=job.config.service,
        environment=job.environment,
        name=origin.job_name,
        revision=origin.revision,
        ref=origin.ref,
        actor=origin.operator,
        run_url=origin.run_url,
    )


def _job_event(job: Job, subject: JobSubject, ending: _Ending, sentence: str) -> Event:
    """Return the event for the end of a job without a deployment to report."""
    stage = Stage.COMPLETED if ending.severity.is_good else Stage.FAILED
    return Event(
        id=f"{_job_key(job, sentence)}/{Kind.JOB}.{stage}",
        sequence=1,
        kind=Kind.JOB,
        stage=stage,
        subject=subject,
        severity=ending.severity,
        sentence=sentence or _job_sentence(subject.revision, ending),
        details=ending.last.lines if ending.last else (),
    )


def _job_key(job: Job, sentence: str) -> str:
    """Return the part of the event's id that is equal for equal statements about the same job."""
    key = job.origin.job or f"{job.world.clock.now():%Y%m%dT%H%M%S.%fZ}"
    return f"{key}/{hashlib.sha256(sentence.encode()).hexdigest()[:8]}" if sentence else key


def _job_sentence(revision: str, ending: _Ending) -> str:
    how = _ENDINGS.get(ending.word) or ("went well" if ending.severity.is_good else "failed")
    about = f" for {revision[:7]}" if revision else ""
    before = f" Before that: {ending.last.sentence}" if ending.last else ""
    return f"The job{about} {how}.{before}"


def _reported(run: Run) -> Report:
    """Return the report with what was sent and what was not."""
    deliveries = run.report().deliveries
    sent = [each.target for each in deliveries if each.outcome is Outcome.DELIVERED]
    failed = [each for each in deliveries if each.outcome is Outcome.FAILED]
    requested = run.job.world.stop.requested
    if requested and not sent:
        return run.report(Interrupted(requested).reason.name, "Stopped by a signal before anything was sent.")
    parts = [
        f"Sent to {', '.join(sent)}." if sent else "",
        *(f"Not delivered to {each.target}: {each.sentence}." for each in failed),
        "" if sent or failed else _nothing_new(deliveries),
    ]
    return run.report("delivery-failed" if failed else "ok", " ".join(part for part in parts if part))


def _nothing_new(deliveries: tuple[Delivery, ...]) -> str:
    """Return why nothing was sent, each reason once."""
    reasons = dict.fromkeys(each.sentence for each in deliveries)
    return f"Nothing was sent: {'; '.join(reasons)}."
