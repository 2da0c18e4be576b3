"""Repetition of a step's try until it succeeds or the deadline has passed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import repeat
from typing import TYPE_CHECKING

from ci_ops.core.deadline import Deadline, ask_until
from ci_ops.core.delivery.step import StepResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from ci_ops.core.ports.clock import Clock


@dataclass(frozen=True, kw_only=True, slots=True)
class Try:
    """One try and its result."""

    result: StepResult
    is_settled: bool
    """True when another try could not change anything."""
    wait_seconds: float | None = None


def try_until(
    attempt: Callable[[], Try], clock: Clock, *, deadline_seconds: float, interval_seconds: float
) -> StepResult:
    """Return the last result, with the total seconds of all tries."""
    started = clock.monotonic()
    deadline = Deadline.after(deadline_seconds, clock)
    last, _ = ask_until(attempt, deadline=deadline, clock=clock, waits=repeat(interval_seconds))
    return replace(last.result, seconds=clock.monotonic() - started)
