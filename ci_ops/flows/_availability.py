"""A probe that measures the service's availability during a change."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ci_ops.checks._http.sign import probe_headers
from ci_ops.core.ports.http import HttpError
from ci_ops.core.report import Availability

if TYPE_CHECKING:
    from ci_ops.core.ports.world import World

INTERVAL_SECONDS = 0.1
TIMEOUT_SECONDS = 2.0


class AvailabilityProbe:
    """Counts answers from start to end, one fresh connection at a time.

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

    def start(self) -> None:
        """Send the first request, and continue until the end."""
        self._last_good_seconds = self._world.clock.monotonic()
        self._thread.start()

    def end(self) -> None:
        """Wait for the pending request; no other follows."""
        self._ended.set()
        self._thread.join()

    @property
    def counts(self) -> Availability:
        """The counts; complete after the end."""
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
            headers = probe_headers(self._world, "GET", self._url)
            answer = self._world.http.request(
                "GET", self._url, timeout_seconds=TIMEOUT_SECONDS, headers=headers, fresh=True
            )
        except HttpError:
            return False
        return answer.status < 500
