"""A pool of daemon threads: a hanging request never delays the exit of the program."""

from __future__ import annotations

import threading
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from ci_ops.core.ports.stop import Stop

KeyT = TypeVar("KeyT")
AnswerT = TypeVar("AnswerT")

_POLL_SECONDS = 0.1
"""How often a waiting crew looks whether it should stop."""


class Crew(Generic[KeyT, AnswerT]):
    """A thread pool that runs at most `size` jobs at a time and returns results as they complete.

    Not `concurrent.futures`: its threads are joined when the interpreter
    ends, and finish everything that was submitted first.
    """

    def __init__(self, size: int, *, stop: Stop) -> None:
        self._size = size
        self._stop = stop
        self._threads = 0
        self._todo: SimpleQueue[tuple[KeyT, Callable[[], AnswerT]] | None] = SimpleQueue()
        self._done: SimpleQueue[tuple[KeyT, AnswerT | None, BaseException | None]] = SimpleQueue()
        self._closed = threading.Event()
        self._open: set[KeyT] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Start nothing more; running jobs finish on their own."""
        self._closed.set()
        for _ in range(self._threads):
            self._todo.put(None)

    def submit(self, key: KeyT, work: Callable[[], AnswerT]) -> None:
        """Run the job as soon as a thread is free."""
        self._open.add(key)
        self._todo.put((key, work))
        if self._threads < self._size:
            self._threads += 1
            threading.Thread(target=self._work, name="ci-ops-crew", daemon=True).start()

    def next(self) -> tuple[KeyT, AnswerT]:
        """Return the next result with its key, in order of completion.

        Raises the job's exception, and Interrupted on a stop request.
        """
        while True:
            try:
                key, answer, error = self._done.get(timeout=_POLL_SECONDS)
            except Empty:
                self._stop.check()
                continue
            self._open.discard(key)
            if error is not None:
                raise error
            return key, answer  # type: ignore[return-value]  # no error means there is an answer

    def wait_for(self, keys: set[KeyT], seconds: float) -> None:
        """Start nothing more; wait for these jobs with a timeout, whatever their results."""
        self._closed.set()
        end = time.monotonic() + seconds
        waiting = keys & self._open
        while waiting and (left := end - time.monotonic()) > 0:
            try:
                waiting.discard(self._done.get(timeout=left)[0])
            except Empty:
                return

    def _work(self) -> None:
        while (job := self._todo.get()) is not None:
            key, work = job
            if self._closed.is_set():
                self._done.put((key, None, None))
                continue
            try:
                self._done.put((key, work(), None))
            except BaseException as error:  # noqa: BLE001 - handed to whoever waits for the answer
                self._done.put((key, None, error))
