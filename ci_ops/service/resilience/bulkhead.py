"""Bulkhead: limits concurrent calls, so that a slow dependency does not occupy every thread.

    supplier = Bulkhead("supplier", 10)

    @supplier
    def price(item): ...

A call beyond the limit is rejected at once, or waits where `max_waiting`
lets some wait.
"""

from __future__ import annotations

import functools
from collections import deque
from concurrent.futures import Future
from types import CoroutineType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from ci_ops.service._process.figures import is_count, is_time
from ci_ops.service._process.functions import Kind, kind_of
from ci_ops.service._process.locked import Locked

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

P = ParamSpec("P")
R = TypeVar("R")


class BulkheadFullError(Exception):
    """The bulkhead is full: the call was not made."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"all places of {self.name} are taken"


class Bulkhead(Locked):
    """At most `limit` concurrent calls, from threads and tasks alike.

    At most `max_waiting` others wait, in their order and for at most
    `wait_seconds`. Counted in this process alone.
    """

    def __init__(self, name: str, limit: int, *, max_waiting: int = 0, wait_seconds: float = 1.0) -> None:
        if (
            not is_count(limit)
            or not (max_waiting == 0 or is_count(max_waiting))
            or not is_time(wait_seconds)
        ):
            raise ValueError("there is at least one place, and those who wait do so for a time with an end")
        self.name = name
        self.limit = limit
        self.refused = 0
        """Calls that found no place, since it was made."""
        self._max_waiting = max_waiting
        self._wait_seconds = wait_seconds
        self._waiting: deque[Future[None]] = deque()
        super().__init__()

    @property
    def running(self) -> int:
        """Calls in progress."""
        return self.limit - self._free

    @property
    def waiting(self) -> int:
        """Calls that wait."""
        return len(self._waiting)

    def after_fork(self) -> None:
        """Start empty in a forked child: the calls in progress are threads of its parent."""
        super().after_fork()
        self._free = self.limit
        self._waiting.clear()

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Return the function, sync or async, with each of its calls counted."""
        kind = kind_of(function)
        if kind.is_iterated:
            raise TypeError("a generator would keep its place for as long as its consumer likes")

        def placed(*args: Any, **kwargs: Any) -> Any:
            with self:
                answer = function(*args, **kwargs)
            return self._later(answer) if isinstance(answer, CoroutineType) else answer

        async def placed_async(*args: Any, **kwargs: Any) -> Any:
            async with self:
                return await cast("Awaitable[Any]", function(*args, **kwargs))

        return cast(
            "Callable[P, R]", functools.wraps(function)(placed_async if kind is Kind.ASYNC else placed)
        )

    def __enter__(self) -> None:
        place = self._ask()
        if place is not None:
            try:
                place.result(self._wait_seconds)
            except TimeoutError:
                self._ensure_it_was_returned(place)
            except BaseException:
                self._abandon(place)
                raise

    async def __aenter__(self) -> None:
        place = self._ask()
        if place is not None:
            from ci_ops.service.health.workers import until_done  # noqa: PLC0415 - it brings asyncio's weight along

            try:
                await until_done(place, self._wait_seconds)
            except BaseException:
                self._abandon(place)
                raise
            self._ensure_it_was_returned(place)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._leave()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._leave()

    def _ask(self) -> Future[None] | None:
        """Return the place to wait for; None when one is free."""
        with self._lock:
            if self._free:
                self._free -= 1
                return None
            if len(self._waiting) < self._max_waiting:
                self._waiting.append(Future())
                return self._waiting[-1]
            self.refused += 1
        raise BulkheadFullError(self.name)

    def _leave(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set_result(None)
            else:
                self._free = min(self.limit, self._free + 1)

    def _ensure_it_was_returned(self, place: Future[None]) -> None:
        with self._lock:
            if place.done():
                return
            self._waiting.remove(place)
            self.refused += 1
        raise BulkheadFullError(self.name)

    def _abandon(self, place: Future[None]) -> None:
        """Give the place of a waiter that is gone to the next one."""
        with self._lock:
            if place.done():
                self._leave()
            else:
                self._waiting.remove(place)

    async def _later(self, coroutine: CoroutineType[Any, Any, Any]) -> Any:
        try:
            async with self:
                return await coroutine
        finally:
            coroutine.close()  # where it found no place it never ran
