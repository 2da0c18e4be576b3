"""Rules of a circuit: what opens it, for how long, and what closes it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from math import inf

from ci_ops.service._process.figures import grown, is_age, is_count, is_time


@dataclass(frozen=True, kw_only=True, slots=True)
class CircuitRules:
    """What opens a circuit, for how long, and what closes it.

    Source: the names and the ideas of resilience4j's CircuitBreakerConfig.
    """

    failure_threshold: int | None = 5
    """Failures one after another that open it; None switches this rule off."""
    failure_rate: float | None = 0.5
    """Share of failed calls in the window (0-1] that opens it; None switches this rule off."""
    slow_rate: float | None = 1.0
    """Share of slow calls in the window (0-1] that opens it; None switches this rule off."""
    slow_seconds: float = 60.0
    """A call that takes this long is slow."""
    minimum_calls: int = 20
    """The two rates say nothing before the window holds so many calls."""
    window_calls: int = 100
    """Length of the window in calls, unless `window_seconds` is given."""
    window_seconds: float | None = None
    """Length of the window in time."""
    recovery_seconds: float = 60.0
    """How long it stays open the first time."""
    recovery_factor: float = 1.0
    """Each opening that follows a failed probe lasts this many times longer."""
    max_recovery_seconds: float = 600.0
    """However often it opened, and whatever Retry-After says, it probes again after this time."""
    recovery_jitter_ratio: float = 0.0
    """Up to this share is added to the time, so that many processes do not probe at once."""
    half_open_calls: int = 1
    """How many probes pass while it is half open, and how many must be good to close it."""

    def __post_init__(self) -> None:
        rates = [rate for rate in (self.failure_rate, self.slow_rate) if rate is not None]
        threshold = 1 if self.failure_threshold is None else self.failure_threshold
        window_seconds = 1 if self.window_seconds is None else self.window_seconds
        counts = (self.minimum_calls, self.window_calls, self.half_open_calls, threshold)
        times = (self.recovery_seconds, self.max_recovery_seconds, window_seconds)
        if not all(0 < rate <= 1 for rate in rates):
            raise ValueError("a rate is greater than 0 and at most 1")
        if not all(map(is_count, counts)):
            raise ValueError("thresholds and counts are positive whole numbers")
        if not all(map(is_time, times)) or not self.slow_seconds > 0:
            raise ValueError("times are positive, and have an end")
        if not 1 <= self.recovery_factor < inf or not is_age(self.recovery_jitter_ratio):
            raise ValueError("the factor is at least 1, the jitter is not negative, and both have an end")
        if rates and self.window_seconds is None and self.minimum_calls > self.window_calls:
            raise ValueError("the window must have room for the minimum number of calls")

    @property
    def bad_probes_that_open(self) -> int:
        """Number of failed probes, at least one, that reaches the failure rate among all probes."""
        share = self.half_open_calls * (self.failure_rate or 0.0)
        return max(1, math.ceil(round(share, 6)))

    def open_seconds(self, openings: int) -> float:
        """Return the time the circuit stays open the n-th time in a row, without jitter."""
        longest = max(self.max_recovery_seconds, self.recovery_seconds)
        return grown(self.recovery_seconds, self.recovery_factor, openings - 1, longest=longest)
