"""The clock port."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime


class Clock(Protocol):
    """Time, and waits that a stop request ends."""

    def now(self) -> datetime:
        """Return the time in UTC, timezone-aware."""
        ...

    def monotonic(self) -> float:
        """Return the seconds of the monotonic clock."""
        ...

    def sleep(self, seconds: float, /) -> None:
        """Sleep. Raises Interrupted when a stop is requested meanwhile."""
        ...
