"""A clock that only moves when a test moves it."""

from __future__ import annotations


class Ticks:
    """Seconds, or whatever unit the code under test counts in; call it to read it."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, span: float) -> None:
        """Let time pass."""
        self.now += span

    def sleep(self, seconds: float) -> None:
        """Stands in for time.sleep."""
        self.now += seconds

    async def sleep_async(self, seconds: float) -> None:
        """Stands in for asyncio.sleep."""
        self.now += seconds


class NanoTicks:
    """The same in whole nanoseconds."""

    def __init__(self, now: int = 10**12) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += round(seconds * 1e9)
