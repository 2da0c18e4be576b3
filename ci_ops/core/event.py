"""Events for sinks, and the outcomes of their delivery."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Protocol

from ci_ops.core.delivery.record import DeploymentRecord
from ci_ops.core.health.status import Status


class Kind(StrEnum):
    """The subject of an event."""

    DEPLOYMENT = "deployment"
    ROLLBACK = "rollback"
    JOB = "job"
    """A job of a workflow in which nothing was deployed or rolled back."""


class Stage(StrEnum):
    """The stage that the subject has reached."""

    STARTED = "started"
    COMPLETED = "completed"
    FAILED = "failed"


EVENT_NAMES = (
    *(f"{kind}.{stage}" for kind in (Kind.DEPLOYMENT, Kind.ROLLBACK) for stage in Stage),
    f"{Kind.JOB}.{Stage.COMPLETED}",
    f"{Kind.JOB}.{Stage.FAILED}",
)
"""The dotted name of every event there is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JobSubject:
    """A job without a deployment as the subject of an event; every text is empty where unknown."""

    service: str
    environment: str
    name: str = ""
    """Workflow and job, as people know them."""
    revision: str = ""
    ref: str = ""
    actor: str = ""
    run_url: str = ""

    def to_json(self) -> dict[str, str]:
        """Return the written form: what a report without a deployment is about."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something that happened to a deployment or in a job."""

    id: str
    """`<deployment id>/<kind>.<stage>`, or the job's key instead: the same event sent twice has one id."""
    sequence: int
    kind: Kind
    stage: Stage
    subject: DeploymentRecord | JobSubject
    severity: Status
    """pass, warn or fail."""
    sentence: str
    details: tuple[str, ...] = ()
    """Lines that say what failed and what to do; hostile text is possible."""

    @property
    def name(self) -> str:
        """The dotted name that routes match: `deployment.failed`."""
        return f"{self.kind}.{self.stage}"

    @property
    def names(self) -> tuple[str, ...]:
        """The names by which a route may select it.

        The end of a job in which no deployment began matches routes for the end of deployments,
        too.
        """
        return (self.name, f"{Kind.DEPLOYMENT}.{self.stage}") if self.kind is Kind.JOB else (self.name,)

    @property
    def record(self) -> DeploymentRecord | None:
        """The deployment of the event; None for a job without one."""
        return self.subject if isinstance(self.subject, DeploymentRecord) else None


class Outcome(StrEnum):
    """The outcome of one delivery."""

    DELIVERED = "delivered"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One event for one sink: whether it was delivered, after how many tries."""

    target: str
    event: str
    outcome: Outcome
    attempts: int = 1
    seconds: float = 0.0
    sentence: str = ""
    reference: str = ""
    """The message's reference at the target, where it gives one."""

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "target": self.target,
            "event": self.event,
            "outcome": str(self.outcome),
            "attempts": self.attempts,
            "seconds": round(self.seconds, 6),
            "sentence": self.sentence,
            "reference": self.reference,
        }


class Sink(Protocol):
    """A receiver of events; a failing sink returns failed deliveries."""

    @property
    def deadline_seconds(self) -> float:
        """The maximum time for one event; the caller waits little longer."""
        ...

    def __call__(self, event: Event, /) -> tuple[Delivery, ...]:
        """Deliver the event and return the outcome; never raise."""
        ...
