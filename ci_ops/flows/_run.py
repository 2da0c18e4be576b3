"""One flow under way: collects what its report will say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ci_ops.core.delivery.execute import Executor
from ci_ops.core.event import Event, Kind, Stage
from ci_ops.core.report import Availability, Measurement, Report, StepOutcome, StepState, failed_deliveries
from ci_ops.core.text.lines import as_sentence
from ci_ops.flows._telling import Telling
from ci_ops.flows._usual import with_usual_checks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ci_ops.config.model import VerifySection
    from ci_ops.core.delivery.journal import Journal
    from ci_ops.core.delivery.record import DeploymentRecord, State
    from ci_ops.core.health.status import Status
    from ci_ops.core.plugin import Target
    from ci_ops.core.result import Result
    from ci_ops.flows._job import Job


class Run:
    """The state of one flow; `report()` freezes it."""

    def __init__(self, job: Job, command: str) -> None:
        self.job = job
        self.command = command
        self.started_seconds = job.world.clock.monotonic()
        self.record: DeploymentRecord | None = None
        self.results: tuple[Result, ...] = ()
        self.proof: tuple[Result, ...] = ()
        self.steps: list[StepOutcome] = []
        self.measurements: list[Measurement] = []
        self._telling = Telling(job.sinks)
        self.notes: list[str] = []
        self.changed = False
        self.availability: Availability | None = None

    def note(self, sentence: str) -> None:
        """Say it now and in the report."""
        self.notes.append(sentence)
        self.job.watch.note(sentence)

    def step(self, outcome: StepOutcome) -> None:
        """A step has ended."""
        self.steps.append(outcome)
        self.job.watch.step(outcome)
        if outcome.state is StepState.WARNED:
            self.note(f"{step_failure(outcome)} The release serves, so it stands.")

    def before_change(self) -> None:
        """Called before each change; the first one is announced."""
        if not self.changed:
            self.changed = True
            self.job.before_change()

    def executor(self, journal: Journal, record: DeploymentRecord, guard: Callable[[], None]) -> Executor:
        """The executor for the steps of that record."""
        return Executor(
            world=self.job.world,
            journal=journal,
            root=self.job.root,
            env=step_environment(record, self.target),
            guard=guard,
            before_change=self.before_change,
            on_start=lambda step: self.job.watch.begin(step.title),
            on_step=self.step,
            started_seconds=self.started_seconds,
        )

    @property
    def target(self) -> Target | None:
        """The configured target; None when only a journal says what was done."""
        named = self.job.config.deploy.target
        return named.plugin if named else None

    def verification(self, record: DeploymentRecord) -> VerifySection:
        """How to verify that record: as configured, else the usual checks of its own address."""
        verify = self.job.config.verify
        return with_usual_checks(verify, url=record.url, has_revision=bool(record.revision))

    def set_state(self, record: DeploymentRecord, state: State, **changes: str) -> DeploymentRecord:
        """Write a new state into the ledger, and make that record the report's."""
        now = self.job.world.clock.now()
        self.record = self.job.site.ledger.update(record.with_state(state, at=now, **changes))
        return self.record

    def tell(
        self, kind: Kind, stage: Stage, *, severity: Status, sentence: str, details: Iterable[str] = ()
    ) -> None:
        """Send an event about the record to every sink, once, in the background."""
        assert self.record is not None
        self.publish(
            Event(
                id=f"{self.record.id}/{kind}.{stage}",
                sequence=self._telling.count + 1,
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
        self._telling.tell(event)

    def report(self, reason: str = "", sentence: str = "") -> Report:
        """Everything so far, as a value."""
        sentence = sentence or told(self.results)
        report = Report(
            command=self.command,
            record=self.record,
            results=self.results,
            proof=self.proof,
            steps=tuple(self.steps),
            measurements=tuple(self.measurements),
            deliveries=self._telling.deliveries(),
            availability=self.availability,
            reason=reason,
            sentence=sentence,
            notes=tuple(self.notes),
            changed=self.changed,
            dry_run=self.job.dry_run,
            seconds=self.job.world.clock.monotonic() - self.started_seconds,
            fail_on_warn=self.job.config.verify.fail_on == "warn",
        )
        if report.verdict == "ok" and any(step.state is StepState.WARNED for step in self.steps):
            report = replace(report, reason="warned")
        if report.verdict == "ok" and failed_deliveries(report.deliveries):
            report = replace(report, reason="delivery-failed")
        return report


def step_environment(record: DeploymentRecord, target: Target | None) -> dict[str, str]:
    """The variables that steps see: a public contract."""
    return {
        "DEPLOYMENT_ID": record.id,
        "DEPLOYMENT_ENVIRONMENT": record.environment,
        "DEPLOYMENT_REVISION": record.revision,
        "DEPLOYMENT_PREVIOUS_REVISION": record.previous_revision,
        "DEPLOYMENT_RELEASE_DIR": target.release_directory(record) if target else "",
    }


def told(results: Iterable[Result]) -> str:
    """One sentence on a list of results: how many are good, and which are not."""
    listed = tuple(results)
    bad = [result.check for result in listed if not result.status.is_good]
    if not listed:
        return "No check ran."
    if not bad:
        return f"{len(listed)} of {len(listed)} checks are good."
    return f"{len(listed) - len(bad)} of {len(listed)} checks are good; not good: {', '.join(bad)}."


def problem_lines(results: Iterable[Result]) -> tuple[str, ...]:
    """One line for each finding of what stands in the way, and what to do about it."""
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
    """One sentence on a step that failed, with the last line of what it said."""
    tail = step.output.strip().rsplit("\n", 1)[-1]
    return as_sentence(f"The step {step.title!r} failed" + (f": {tail}" if tail else ""))
