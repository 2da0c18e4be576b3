"""The system clock, and stop requests from signals."""

from __future__ import annotations

import signal
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from ci_ops.core.errors import Interrupted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from ci_ops.core.ports.stop import Stop

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
"""SIGHUP says that the terminal was closed. SIGBREAK is what Windows sends for Ctrl+Break, and to a process group."""

_POLL_SECONDS = 0.1 if sys.platform == "win32" else 3600.0
"""Windows runs signal handlers only between waits; elsewhere a signal ends the wait at once."""


class StopSignal:
    """The first stop request; it wakes every waiting thread.

    Built on SimpleQueue because its `put` may run inside a signal handler:
    `Event.set` there can deadlock with an `Event.wait` it interrupts.
    Source: docs.python.org, queue.SimpleQueue.put ("reentrant").
    """

    def __init__(self) -> None:
        self._number = 0
        self._torch: SimpleQueue[None] = SimpleQueue()

    @property
    def requested(self) -> int:
        """The number of the first signal; 0 for none."""
        return self._number

    def request(self, number: int) -> None:
        """Request a stop as that signal would; safe in signal handlers and threads."""
        self._number = self._number or number
        self._torch.put(None)

    def wait(self, seconds: float) -> bool:
        """Wait for a request with a timeout; return True when there is one."""
        end = time.monotonic() + seconds
        while not self._number:
            left = end - time.monotonic()
            if left <= 0:
                return False
            try:
                self._torch.get(timeout=min(left, _POLL_SECONDS))
            except Empty:
                continue
            self._torch.put(None)  # pass it on to the next one who waits
        return True

    def check(self) -> None:
        """Raise Interrupted when there is a request."""
        if self._number:
            raise Interrupted(self._number)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Turn SIGINT, SIGTERM and SIGHUP into stop requests while the block runs.

        Afterwards they do what they did before. What was ignored, as `nohup`
        has it, stays ignored. Python sets signal handlers in the main thread
        alone: elsewhere nothing changes.
        """
        before: dict[int, object] = {}
        if threading.current_thread() is threading.main_thread():
            numbers = (getattr(signal, name, None) for name in _SIGNALS)
            handled = [each for each in numbers if each and signal.getsignal(each) is not signal.SIG_IGN]
            before = {number: signal.signal(number, self._on_signal) for number in handled}
        try:
            yield
        finally:
            for number, handler in before.items():
                # None stands for a handler that C code installed; Python cannot put it back.
                signal.signal(number, signal.SIG_DFL if handler is None else handler)  # type: ignore[arg-type]

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.request(number)


class RealClock:
    """The system clock; a stop request ends every wait."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop

    def now(self) -> datetime:
        """Return the time in UTC, timezone-aware."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the seconds of the monotonic clock."""
        return time.monotonic()

    def sleep(self, seconds: float, /) -> None:
        """Sleep. Raises Interrupted when a stop is requested before or meanwhile."""
        if self._stop.wait(seconds):
            self._stop.check()
