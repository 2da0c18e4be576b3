"""A probe that asks the service again and again while something is done to it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from ci_ops.core.ports import HttpError
from ci_ops.core.report import Availability

if TYPE_CHECKING:
    from types import TracebackType

    from ci_ops.core.ports import World

INTERVAL_SECONDS = 0.1
TIMEOUT_SECONDS = 2.0


class AvailabilityProbe:
    """Counts answers from entering to leaving; one fresh connection at a time.

    A good answer is any status below 500: a page that needs a login is up.
    """

    def __init__(self, world: World, url: str) -> None:
        self._world = world
        self._url = url
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask_on, name="availability", daemon=True)
        self._requests = 0
        self._failures = 0
        self._longest_gap_seconds = 0.0

    def __enter__(self) -> Self:
        self._last_good_seconds = self._world.clock.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def seen(self) -> Availability:
        """The counts; call it after leaving."""
        return Availability(
            requests=self._requests,
            failures=self._failures,
            longest_gap_seconds=self._longest_gap_seconds,
        )

    def _ask_on(self) -> None:
        while True:
            good = self._ask()
            now = self._world.clock.monotonic()
            gap = now - self._last_good_seconds
            self._longest_gap_seconds = max(self._longest_gap_seconds, gap)
            self._requests += 1
            if good:
                self._last_good_seconds = now
            else:
                self._failures += 1
            if self._ended.wait(INTERVAL_SECONDS):
                return

    def _ask(self) -> bool:
        try:
            answer = self._world.http.request("GET", self._url, timeout_seconds=TIMEOUT_SECONDS, fresh=True)
        except HttpError:
            return False
        return answer.status < 500
