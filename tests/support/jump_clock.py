"""A clock for the world whose waiting takes no time and is remembered."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from tests.support.reports import NOW


class JumpClock:
    """Stands still until somebody waits, or a test lets time pass."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds = 0.0
        self.waits: list[float] = []

    def now(self) -> datetime:
        """The time in UTC, aware."""
        return NOW + timedelta(seconds=self._seconds)

    def monotonic(self) -> float:
        """Seconds since it was made."""
        return self._seconds

    def sleep(self, seconds: float, /) -> None:
        """Let the time pass at once."""
        with self._lock:
            self.waits.append(seconds)
            self._seconds += seconds
