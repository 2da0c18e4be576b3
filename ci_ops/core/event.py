"""What is told to the outside, and what became of telling it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from ci_ops.core.delivery.record import DeploymentRecord
from ci_ops.core.health.status import Status


class Kind(StrEnum):
    """What an event is about."""

    DEPLOYMENT = "deployment"
    ROLLBACK = "rollback"
    JOB = "job"
    """A job of a workflow in which nothing was deployed or rolled back."""


class Stage(StrEnum):
    """How far it is."""

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
    """A job that deployed nothing, as an event speaks of it; every text is empty where it is unknown."""

    service: str
    environment: str
    name: str = ""
    """Workflow and job, as people know them."""
    revision: str = ""
    ref: str = ""
    actor: str = ""
    run_url: str = ""


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
        """Every name that a route may call it by.

        The end of a job in which no deployment began is news for those who
        want to hear how deployments end.
        """
        return (self.name, f"{Kind.DEPLOYMENT}.{self.stage}") if self.kind is Kind.JOB else (self.name,)

    @property
    def record(self) -> DeploymentRecord | None:
        """The deployment that it is about; None for a job without one."""
        return self.subject if isinstance(self.subject, DeploymentRecord) else None


class Outcome(StrEnum):
    """What became of one delivery."""

    DELIVERED = "delivered"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One event at one target: whether it arrived, after how many tries."""

    target: str
    event: str
    outcome: Outcome
    attempts: int = 1
    seconds: float = 0.0
    sentence: str = ""
    reference: str = ""
    """The message's reference at the target, where it gives one."""

    def to_json(self) -> dict[str, Any]:
        """The written form."""
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
    """Whoever wants to hear of events.

    A failing sink yields failed deliveries.
    """

    @property
    def deadline_seconds(self) -> float:
        """Maximum time for one event; the caller waits little longer."""
        ...

    def __call__(self, event: Event, /) -> tuple[Delivery, ...]:
        """Tell the target, and say what became of it; never raises."""
        ...
