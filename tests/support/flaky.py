"""A dependency that fails for a while, and retries that take no time."""

from __future__ import annotations

from typing import Any

from ci_ops.service.resilience.retry import Retry
from tests.support.circuits import Down
from tests.support.ticks import Ticks


class Flaky:
    """A dependency that fails so many times before it answers."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.failures = failures
        self.error = error or Down()
        self.tries = 0

    def __call__(self, value: Any = "ok") -> Any:
        self.tries += 1
        if self.tries <= self.failures:
            raise self.error
        return value

    async def wait(self, value: Any = "ok") -> Any:
        return self(value)


def patient(clock: Ticks, **options: Any) -> Retry:
    defaults = {"on": Down, "clock": clock, "sleep": clock.sleep, "sleep_async": clock.sleep_async}
    return Retry(**{**defaults, **options})
