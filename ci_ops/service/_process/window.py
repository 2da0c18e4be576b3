"""Counts over the last calls or seconds, in constant time and space.

No window locks anything: its owner holds a lock around the arithmetic, so
that a whole decision costs one lock and not one per counter. Times are
numbers of one steady clock; the windows never ask a clock themselves.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from math import inf
from typing import Protocol


class Window(Protocol):
    """A sum of weights over a sliding window.

    Count and time windows are interchangeable.
    """

    def add(self, now: float, weight: int = 1) -> int:
        """Add a weight and return the sum of the window."""
        ...

    def total(self, now: float) -> int:
        """Return the sum of the window at `now`."""
        ...


class CountWindow:
    """The sum of the last `size` weights, whenever they were added."""

    __slots__ = ("_next", "_ring", "_total", "size")

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError("a window holds at least one entry")
        self.size = size
        self._ring = [0] * size
        self._next = 0
        self._total = 0

    def add(self, now: float, weight: int = 1) -> int:  # noqa: ARG002 - as Window has it
        """Add one weight, drop the oldest, and return the sum of the window."""
        index = self._next
        self._total += weight - self._ring[index]
        self._ring[index] = weight
        self._next = index + 1 if index + 1 < self.size else 0
        return self._total

    def total(self, now: float) -> int:  # noqa: ARG002 - as Window has it
        """Return the sum of the weights in the window."""
        return self._total


class TimeWindow:
    """The sum of the weights of the last `span`, in the unit of the clock.

    A ring of buckets that starts at the first entry. What is older than the
    span never counts; what is younger than `span - span / buckets` always
    does. A clock that goes back adds to the newest bucket.
    """

    __slots__ = ("_newest", "_newest_ends", "_origin", "_ring", "_slot", "_total", "_width", "span")

    def __init__(self, span: float, *, buckets: int = 10) -> None:
        if not 0 < span < inf or buckets < 2:  # NaN is neither too small nor too great
            raise ValueError("a window needs a positive span and at least two buckets")
        self.span = span
        self._ring = [0] * buckets
        self._width = span / buckets
        self._origin: float | None = None
        self._newest = 0
        self._newest_ends = -inf
        self._slot = 0
        self._total = 0

    def add(self, now: float, weight: int = 1) -> int:
        """Add a weight and return the sum of the window."""
        if now >= self._newest_ends:
            self._catch_up(now)
        self._ring[self._slot] += weight
        self._total += weight
        return self._total

    def total(self, now: float) -> int:
        """Return the sum of the window at `now`."""
        if self._origin is not None and now >= self._newest_ends:
            self._catch_up(now)
        return self._total

    def series(self, now: float) -> tuple[int, ...]:
        """Return the sum of each bucket, oldest first; the last one is still filling."""
        self.total(now)
        return tuple(self._ring[self._slot + 1 :] + self._ring[: self._slot + 1])

    def _catch_up(self, now: float) -> None:
        """Drop the buckets that have left the window since the last entry."""
        if self._origin is None:
            self._origin = now
        ring = self._ring
        size = len(ring)
        newest = max(self._newest, int((now - self._origin) / self._width))
        if newest - self._newest >= size:
            ring[:] = [0] * size
            self._total = 0
        else:
            for old in range(self._newest + 1, newest + 1):
                self._total -= ring[old % size]
                ring[old % size] = 0
        self._newest = newest
        self._newest_ends = self._origin + (newest + 1) * self._width
        self._slot = newest % size


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """Statistics of the last measurements."""

    count: int
    minimum: float
    maximum: float
    average: float


class ValueWindow:
    """The last `size` measurements; the cost of one does not depend on their number."""

    __slots__ = ("_next", "_values", "size")

    def __init__(self, size: int = 1000) -> None:
        if size < 1:
            raise ValueError("a window holds at least one entry")
        self.size = size
        self._values = array("d")
        self._next = 0

    def __len__(self) -> int:
        return len(self._values)

    def add(self, value: float) -> None:
        """Add one measurement; the oldest is dropped when the window is full."""
        if len(self._values) < self.size:
            self._values.append(value)
        else:
            self._values[self._next] = value
            self._next = (self._next + 1) % self.size

    def summary(self) -> Measured | None:
        """Return count, extremes and average; None without measurements."""
        values = self._values
        if not values:
            return None
        average = sum(values) / len(values)
        return Measured(count=len(values), minimum=min(values), maximum=max(values), average=average)

    def quantiles(self, *ratios: float) -> tuple[float, ...]:
        """Return the value at each of these ranks from 0 to 1; empty without measurements."""
        values = sorted(self._values)
        last = len(values) - 1
        return tuple(values[round(ratio * last)] for ratio in ratios) if values else ()
