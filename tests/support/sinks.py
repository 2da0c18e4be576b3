"""Sinks that do what a test says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ci_ops.core.event import Delivery, Event


@dataclass(frozen=True)
class CallSink:
    """A sink that calls a function of the test's."""

    call: Callable[[Event], tuple[Delivery, ...]]
    deadline_seconds: float = 10.0

    def __call__(self, event: Event, /) -> tuple[Delivery, ...]:
        return self.call(event)
