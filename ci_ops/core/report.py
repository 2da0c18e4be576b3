"""The report of one run, and its verdict."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ci_ops.core.delivery.record import DeploymentRecord, State
from ci_ops.core.event import Delivery, JobSubject, Outcome
from ci_ops.core.health.status import Status
from ci_ops.core.reasons import REASONS, deciding_exit_code
from ci_ops.core.result import REFUSED_FACT, Result

if TYPE_CHECKING:
    from collections.abc import Iterable

REPORT_SCHEMA = 1
"""Major version of the report's JSON form."""


EVIDENCE = "evidence"
"""The phase of what is only read to explain a failure, such as the server's log."""


class StepState(StrEnum):
    """The state of a step; also the words of the journal."""

    PLANNED = "planned"
    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    WARNED = "warned"
    """It failed after the release served, so the deployment stands."""
    UNDONE = "undone"
    LEFT = "left"
    """It has no undo, for a reason that its output gives."""
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, kw_only=True, slots=True)
class StepOutcome:
    """The outcome of one step."""

    key: str
    title: str
    state: StepState
    changes: bool
    seconds: float = 0.0
    started_offset_seconds: float = 0.0
    """Seconds after the start of the run."""
    replayed: bool = False
    """True when an earlier run had done it already."""
    output: str = ""
    """Tail of the output when it failed; free of secrets."""
    phase: str = "deploy"
    """deploy, undo, rollback or evidence."""
    run: str = ""
    """What was or would be run, for dry runs and for the reader of a failure."""

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "key": self.key,
            "title": self.title,
            "state": str(self.state),
            "phase": self.phase,
            "changes": self.changes,
            "seconds": round(self.seconds, 6),
            "started_offset_seconds": round(self.started_offset_seconds, 6),
            "replayed": self.replayed,
            "run": self.run,
            "output": self.output,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """One run of the checks, as a part of the whole transaction."""

    title: str
    phase: str
    """readiness or verify."""
    status: Status
    started_offset_seconds: float
    """Seconds after the start of the run."""
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "title": self.title,
            "phase": self.phase,
            "status": str(self.status),
            "started_offset_seconds": round(self.started_offset_seconds, 6),
            "seconds": round(self.seconds, 6),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Availability:
    """The counts of a probe that ran during the whole transaction."""

    requests: int
    failures: int
    longest_gap_seconds: float
    """The longest time without a good answer."""

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "requests": self.requests,
            "failures": self.failures,
            "longest_gap_seconds": round(self.longest_gap_seconds, 6),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """When a report was made, about what, and by which versions; every text is empty where it is unknown."""

    at: datetime
    """In UTC, aware."""
    environment: str
    service: str
    revision: str
    ci_ops_version: str
    python_version: str

    def to_json(self) -> dict[str, Any]:
        """Return the written form."""
        return {
            "at": self.at.isoformat(),
            "environment": self.environment,
            "service": self.service,
            "revision": self.revision,
            "versions": {"ci-ops": self.ci_ops_version, "python": self.python_version},
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """Record, results, steps and deliveries of one run of one command."""

    command: str
    """readiness, deploy, verify, notify or rollback."""
    provenance: Provenance | None = None
    """None for a report that no run made."""
    record: DeploymentRecord | None = None
    job: JobSubject | None = None
    """The job that it is about, where nothing was deployed in it."""
    results: tuple[Result, ...] = ()
    proof: tuple[Result, ...] = ()
    """Results of verifying the release that a rollback brought back."""
    steps: tuple[StepOutcome, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    """When the checks ran, for the timeline."""
    deliveries: tuple[Delivery, ...] = ()
    availability: Availability | None = None
    reason: str = ""
    """Set by a flow that knows; otherwise it follows from the results."""
    sentence: str = ""
    notes: tuple[str, ...] = ()
    """Things the reader should know that are neither results nor steps."""
    changed: bool = False
    """True once the target was, or may have been, changed."""
    dry_run: bool = False
    seconds: float = 0.0
    fail_on_warn: bool = False

    @property
    def verdict(self) -> str:
        """The name of the reason: the flow's own, else the one that the results lead to."""
        return self.reason or reason_for(self.results, fail_on_warn=self.fail_on_warn)

    @property
    def status(self) -> Status:
        """The value of `outputs.status`, the only word that workflows branch on."""
        return REASONS[self.verdict].status

    @property
    def exit_code(self) -> int:
        """The exit code of the process."""
        return REASONS[self.verdict].exit_code

    def to_json(self) -> dict[str, Any]:
        """Return the published JSON form, version `REPORT_SCHEMA`."""
        about = self.record or self.job
        return {
            "schema": REPORT_SCHEMA,
            "command": self.command,
            "status": str(self.status),
            "reason": self.verdict,
            "exit_code": self.exit_code,
            "sentence": self.sentence,
            "advice": REASONS[self.verdict].advice,
            "changed": self.changed,
            "dry_run": self.dry_run,
            "seconds": round(self.seconds, 6),
            "provenance": self.provenance.to_json() if self.provenance else None,
            "record": about.to_json() if about else None,
            "results": [result.to_json() for result in self.results],
            "proof": [result.to_json() for result in self.proof],
            "steps": [step.to_json() for step in self.steps],
            "measurements": [each.to_json() for each in self.measurements],
            "deliveries": [delivery.to_json() for delivery in self.deliveries],
            "availability": self.availability.to_json() if self.availability else None,
            "notes": list(self.notes),
        }


def reason_for(results: Iterable[Result], *, fail_on_warn: bool = False) -> str:
    """Return the reason that follows from a list of results.

    Required fail → findings; required error → inconclusive, or refused where
    each of them is a refusal of the probe; nothing measured at all →
    nothing-measured; a warning → warned or, where warnings block, findings. A skipped check decides nothing.
    """
    listed = tuple(results)
    if not any(result.measured for result in listed) and not any(result.blocks for result in listed):
        return "nothing-measured"
    names = {_blocking_reason(result) for result in listed if result.blocks}
    if fail_on_warn and any(result.status is Status.WARN for result in listed):
        names.add("findings")
    if names:
        decided = deciding_exit_code(REASONS[name].exit_code for name in names)
        return next(name for name in sorted(names) if REASONS[name].exit_code == decided)
    warned = any(result.status not in {Status.PASS, Status.SKIP} for result in listed)
    return "warned" if warned else "ok"


def _blocking_reason(result: Result) -> str:
    if result.status is Status.FAIL:
        return "findings"
    return "refused" if result.facts.get(REFUSED_FACT) else "inconclusive"


def failed_deliveries(deliveries: Iterable[Delivery]) -> tuple[Delivery, ...]:
    """Return the deliveries that failed."""
    return tuple(each for each in deliveries if each.outcome is Outcome.FAILED)


__all__ = [
    "REPORT_SCHEMA",
    "Availability",
    "Measurement",
    "Provenance",
    "Report",
    "State",
    "StepOutcome",
    "StepState",
    "failed_deliveries",
    "reason_for",
]
