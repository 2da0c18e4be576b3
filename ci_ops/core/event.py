"""What is told to the outside, and what became of telling it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from ci_ops.core.delivery.record import DeploymentRecord
from ci_ops.core.health.status import Status


class Kind(StrEnum):
    """What is going on."""

    DEPLOYMENT = "deployment"
    ROLLBACK = "rollback"


class Stage(StrEnum):
    """How far it is."""

    STARTED = "started"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something that happened to a deployment, for those who want to know."""

    id: str
    """`<deployment id>/<kind>.<stage>`: the same event sent twice has one id."""
    sequence: int
    kind: Kind
    stage: Stage
    record: DeploymentRecord
    severity: Status
    """pass, warn or fail."""
    sentence: str
    details: tuple[str, ...] = ()
    """Lines that say what failed and what to do; hostile text is possible."""

    @property
    def name(self) -> str:
        """The dotted name that routes match: `deployment.failed`."""
        return f"{self.kind}.{self.stage}"


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

    def __call__(self, event: Event, /) -> tuple[Delivery, ...]:
        """Tell the target, and say what became of it; never raises."""
        ...
