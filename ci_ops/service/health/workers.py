"""Threads for health checks, so that a hung check blocks nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Future


class Workers:
    """At most `limit` daemon threads, made when needed and kept.

    Not a ThreadPoolExecutor: that joins its threads when the interpreter ends,
    and a hung check would then keep the process from ending.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._load = 0

    def submit(self, job: Callable[[], None]) -> None:
        """Run the job on the next free thread. The job must not raise.

        Raises RuntimeError when there is no thread, and none can be started.
        """
        with self._lock:
            self._load += 1
            if self._load > self._threads and self._threads < self.limit:
                name = f"ci-ops-health-{self._threads + 1}"
                try:
                    threading.Thread(target=self._serve, name=name, daemon=True).start()
                    self._threads += 1
                except RuntimeError:
                    if not self._threads:
                        self._load -= 1
                        raise
        self._jobs.put(job)

    def _serve(self) -> None:
        while True:
            self._jobs.get()()
            with self._lock:
                self._load -= 1


class LoopThread:
    """An event loop on a daemon thread, for async checks of synchronous callers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Start the coroutine on the loop and return at once.

        Raises RuntimeError when there is no thread for the loop.
        """
        with self._lock:
            if self._loop is None:
                loop = asyncio.new_event_loop()
                try:
                    threading.Thread(target=loop.run_forever, name="ci-ops-health-loop", daemon=True).start()
                except RuntimeError:
                    loop.close()
                    work.close()
                    raise
                self._loop = loop
        asyncio.run_coroutine_threadsafe(work, self._loop)


def is_on_loop() -> bool:
    """Return True where an event loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def until_done(future: Future[Any], seconds: float) -> None:
    """Wait for a thread's future without a thread, and without owning it.

    `asyncio.wrap_future` would cancel the future together with the caller, and
    so take the result away from every other waiter.
    """
    if future.done() or seconds <= 0:
        return
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()

    def finish() -> None:
        if not waiter.done():
            waiter.set_result(None)

    def wake(_: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop of a caller that has gone away
            loop.call_soon_threadsafe(finish)

    future.add_done_callback(wake)
    await asyncio.wait({waiter}, timeout=seconds)
