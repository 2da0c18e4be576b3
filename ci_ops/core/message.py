"""One neutral message, from which each channel builds its own payload."""

from __future__ import annotations

from dataclasses import dataclass

from ci_ops.core.delivery.record import DeploymentRecord
from ci_ops.core.health.status import Status


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A URL with a label."""

    label: str
    url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """The content of a notification as plain text; the sending channel escapes it."""

    event: str
    """Dotted event name, such as `deployment.failed`."""
    event_id: str
    severity: Status
    title: str
    lines: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    """Label and value, in the order to show."""
    links: tuple[Link, ...] = ()
    record: DeploymentRecord | None = None
    """What the message is about, for channels that are read by machines."""
    sequence: int = 0
    """The event's place among those of its deployment."""


class Undeliverable(Exception):
    """A failed delivery; `retry` is True when another try may succeed.

    The sentence must not contain a secret: it is shown in reports and logs.
    """

    def __init__(self, sentence: str, *, retry: bool, after_seconds: float | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.retry = retry
        self.after_seconds = after_seconds
        """What the target's Retry-After asked for; None when it asked for nothing."""
