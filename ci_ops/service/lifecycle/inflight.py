"""Requests in flight."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

from ci_ops.service._process.forks import tell_after_fork

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

POLL_SECONDS = 0.01
"""Between two looks on an event loop."""


class InFlight:
    """Counts requests in and out, waits for the last one, and can cancel the asynchronous ones."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = threading.Condition()
        self._tasks: set[asyncio.Task[object]] = set()
        tell_after_fork(self)

    @property
    def count(self) -> int:
        """Number of requests in flight."""
        return self._count

    def after_fork(self) -> None:
        """Forget the requests of the parent process."""
        self._count, self._changed, self._tasks = 0, threading.Condition(), set()

    def enter(self, task: asyncio.Task[object] | None = None) -> None:
        """Count a request that begins, on that task if it is asynchronous."""
        with self._changed:
            self._count += 1
            if task is not None:
                self._tasks.add(task)

    def leave(self, task: asyncio.Task[object] | None = None) -> None:
        """Count a request that has ended."""
        with self._changed:
            self._count -= 1
            if task is not None:
                self._tasks.discard(task)
            if self._count == 0:
                self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Wait for the last request; False when some are left at the deadline."""
        with self._changed:
            return self._changed.wait_for(lambda: self._count == 0, timeout=max(0.0, seconds))

    async def wait_async(self, seconds: float) -> bool:
        """Wait for the last request on an event loop, without a thread: the requests may occupy all of them."""
        end = time.monotonic() + seconds
        while self._count and time.monotonic() < end:
            await asyncio.sleep(POLL_SECONDS)
        return self._count == 0

    def cut_off(self) -> int:
        """Cancel the asynchronous requests that are left and return their number; threads cannot be stopped."""
        with self._changed:
            tasks = tuple(self._tasks)
        for task in tasks:
            task.get_loop().call_soon_threadsafe(task.cancel)
        return len(tasks)


class CountedBody:
    """A WSGI body that ends its request when the server closes it."""

    def __init__(self, body: Iterable[bytes], in_flight: InFlight) -> None:
        self._body = body
        self._in_flight = in_flight
        self._is_open = True

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        """End the request once, and close what is inside."""
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            if self._is_open:
                self._is_open = False
                self._in_flight.leave()
