"""The state of one running flow, from which its report is made."""

from __future__ import annotations

import platform
from dataclasses import replace
from typing import TYPE_CHECKING

from ci_ops import __version__
from ci_ops.core.errors import CiOpsError, Interrupted
from ci_ops.core.event import Event, Kind, Stage
from ci_ops.core.report import (
    EVIDENCE,
    Availability,
    Measurement,
    Provenance,
    Report,
    StepOutcome,
    StepState,
    failed_deliveries,
)
from ci_ops.core.text.error_line import error_line
from ci_ops.core.text.lines import as_sentence
from ci_ops.flows._availability import AvailabilityProbe
from ci_ops.flows._outbox import Outbox
from ci_ops.flows._usual import with_usual_checks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ci_ops.config.model import VerifySection
    from ci_ops.core.delivery.execute import Executor
    from ci_ops.core.delivery.journal import Journal
    from ci_ops.core.delivery.record import DeploymentRecord, State
    from ci_ops.core.delivery.step import Step
    from ci_ops.core.event import JobSubject
    from ci_ops.core.health.status import Status
    from ci_ops.core.plugin import Target
    from ci_ops.core.result import Result
    from ci_ops.flows._job import Job
    from ci_ops.flows._live import Live


class Run:
    """The state of one flow; `report()` freezes it."""

    def __init__(self, job: Job, command: str) -> None:
        self.job = job
        self.command = command
        self.started_seconds = job.world.clock.monotonic()
        self.record: DeploymentRecord | None = None
        self.job_subject: JobSubject | None = None
        """What the report is about where nothing was deployed."""
        self.results: tuple[Result, ...] = ()
        self.proof: tuple[Result, ...] = ()
        self.before: Live | None = None
        """What was live before the first change; None where nothing was measured."""
        self.steps: list[StepOutcome] = []
        self.measurements: list[Measurement] = []
        self._outbox = Outbox(job.sinks)
        self._has_warned = False
        self.token = 0
        """The fencing token of the lease that the run holds; 0 where it changes nothing."""
        self.changed = False
        self._probe: AvailabilityProbe | None = None
        self._availability: Availability | None = None

    def note(self, sentence: str) -> None:
        """Show the sentence now and in the report."""
        self.job.notes.append(sentence)
        self.job.progress.note(sentence)

    def warn(self, sentence: str) -> None:
        """Note a failure that neither stops nor undoes anything; the report becomes at least a warning."""
        self._has_warned = True
        self.note(sentence)

    def step(self, outcome: StepOutcome) -> None:
        """Add a finished step."""
        self.steps.append(outcome)
        self.job.progress.step(outcome)
        if outcome.state is StepState.WARNED:
            stands = "" if outcome.phase in {"undo", EVIDENCE} else " The release serves, so it stands."
            self.warn(f"{step_failure(outcome)}{stands}")

    def watch_availability(self, url: str) -> None:
        """Start to probe the service until the report is made; a no-op while a probe runs."""
        if url and self._probe is None:
            self._probe = AvailabilityProbe(self.job.world, url)
            self._probe.start()

    def end_availability(self) -> None:
        """Stop the probe and keep its counts; a no-op where none runs."""
        if self._probe is not None:
            self._probe.end()
            self._availability = self._probe.counts

    def before_change(self) -> None:
        """Check the lease before each change; announce the first one."""
        if not self.changed:
            self.changed = True
            self.job.before_change()

    def _begin_step(self, step: Step) -> None:
        self.job.progress.begin(step.title)
        if step.changes and not step.prepares and self.record is not None and self.was_serving:
            self.watch_availability(self.verification(self.record).url)

    @property
    def was_serving(self) -> bool:
        """True unless the service was down before the first change, when there is no availability to lose."""
        return self.before is None or self.before.service.still_answers

    def executor(self, journal: Journal, record: DeploymentRecord, guard: Callable[[], None]) -> Executor:
        """Return the executor for the steps of that record."""
        from ci_ops.core.delivery.execute import Executor  # noqa: PLC0415 - a verification runs no steps

        return Executor(
            world=self.job.world,
            journal=journal,
            root=self.job.root,
            env=step_environment(record, self.target),
            guard=guard,
            before_change=self.before_change,
            on_start=self._begin_step,
            on_step=self.step,
            started_seconds=self.started_seconds,
        )

    def read_logs(self, journal: Journal, record: DeploymentRecord) -> None:
        """Show the end of the server's log, if the target names it and the live release was touched."""
        from ci_ops.core.delivery.steps.command import Command  # noqa: PLC0415 - a verification runs no steps

        logs = self.target.logs if self.target and journal.has_touched else ""
        if logs and not self.job.world.stop.requested:
            step = Command(
                title="Read the server's log", key="logs", run=logs, changes=False, timeout_seconds=30.0
            )
            self.executor(journal, record, lambda: None).show(step)

    @property
    def target(self) -> Target | None:
        """The configured target; None when only a journal defines the steps."""
        named = self.job.config.deploy.target
        return named.plugin if named else None

    def verification(self, record: DeploymentRecord) -> VerifySection:
        """Return the verification of that record: as configured, else the usual checks of its address."""
        verify = self.job.config.verify
        return with_usual_checks(verify, url=record.url, has_revision=bool(record.revision))

    def set_state(self, record: DeploymentRecord, state: State, **changes: str) -> DeploymentRecord:
        """Write a new state to the ledger, and report that record."""
        self.record = self.write(record.with_state(state, at=self.job.world.clock.now(), **changes))
        return self.record

    def write(self, record: DeploymentRecord) -> DeploymentRecord:
        """Write an opened record to the ledger; a failure is a warning, because the work is done."""
        try:
            return self.job.site.ledger.update(record)
        except Interrupted:
            raise
        except CiOpsError as error:
            self.warn(f"The ledger does not say that {record.id} is {record.state}: {error}")
            return record

    def notify(
        self, kind: Kind, stage: Stage, *, severity: Status, sentence: str, details: Iterable[str] = ()
    ) -> None:
        """Send an event about the record to every sink, once, in the background."""
        assert self.record is not None
        self.publish(
            Event(
                id=f"{self.record.id}/{kind}.{stage}",
                sequence=self._outbox.count + 1,
                kind=kind,
                stage=stage,
                subject=self.record,
                severity=severity,
                sentence=sentence,
                details=tuple(details),
            )
        )

    def publish(self, event: Event) -> None:
        """Send the event to every sink, once; only the report waits for it."""
        self._outbox.put(event)

    def report(self, reason: str = "", sentence: str = "") -> Report:
        """Return the report so far."""
        self.end_availability()
        sentence = sentence or check_summary(self.results)
        report = Report(
            command=self.command,
            provenance=self._provenance(),
            record=self.record,
            job=self.job_subject,
            results=self.results,
            proof=self.proof,
            steps=tuple(self.steps),
            measurements=tuple(self.measurements),
            deliveries=self._outbox.deliveries(),
            availability=self._availability,
            reason=reason,
            sentence=sentence,
            notes=tuple(self.job.notes),
            changed=self.changed,
            dry_run=self.job.dry_run,
            seconds=self.job.world.clock.monotonic() - self.started_seconds,
            fail_on_warn=self.job.config.verify.fail_on == "warn",
        )
        if report.verdict == "ok" and self._has_warned:
            report = replace(report, reason="warned")
        if report.verdict == "ok" and failed_deliveries(report.deliveries):
            report = replace(report, reason="delivery-failed")
        return report

    def _provenance(self) -> Provenance:
        """Return when and by what the report is made, and the commit that it is about."""
        about = self.record or self.job_subject
        return Provenance(
            at=self.job.world.clock.now(),
            environment=self.job.environment,
            service=self.job.config.service,
            revision=(about.revision if about else "") or self.job.origin.revision,
            ci_ops_version=__version__,
            python_version=platform.python_version(),
        )


def step_environment(record: DeploymentRecord, target: Target | None) -> dict[str, str]:
    """Return the variables that steps get: a public contract."""
    return {
        "DEPLOYMENT_ID": record.id,
        "DEPLOYMENT_ENVIRONMENT": record.environment,
        "DEPLOYMENT_REVISION": record.revision,
        "DEPLOYMENT_PREVIOUS_REVISION": record.previous_revision,
        "DEPLOYMENT_RELEASE_DIR": target.release_directory(record) if target else "",
    }


def check_summary(results: Iterable[Result]) -> str:
    """Return one sentence on a list of results: how many passed, and which failed."""
    listed = tuple(results)
    bad = [result.check for result in listed if not result.status.is_good]
    if not listed:
        return "No check ran."
    if not bad:
        return f"{len(listed)} of {len(listed)} checks passed."
    return f"{len(listed) - len(bad)} of {len(listed)} checks passed; not passed: {', '.join(bad)}."


def problem_lines(results: Iterable[Result]) -> tuple[str, ...]:
    """Return one line for each blocking finding, with its advice."""
    lines = []
    for result in results:
        if result.status.is_good:
            continue
        lines += [
            f"{result.check}: {finding.sentence}" + (f" {finding.advice}" if finding.advice else "")
            for finding in result.findings
        ] or [f"{result.check}: {result.sentence}"]
    return tuple(lines)


def step_failure(step: StepOutcome) -> str:
    """Return one sentence on a failed step, with the first error in its output."""
    error = error_line(step.output)
    return as_sentence(f"The step {step.title!r} failed" + (f": {error}" if error else ""))
