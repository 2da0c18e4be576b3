"""A cache for one health function: concurrent callers share one run.

@cache_health_check
def health_check():
    return {"status": "healthy", "database": check_database()}

health_check.invalidate()
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, ParamSpec, Protocol, TypeVar, cast, overload

from ci_ops.core.health.document import read_health
from ci_ops.core.health.status import Status
from ci_ops.service._process.figures import is_age
from ci_ops.service._process.forks import tell_after_fork
from ci_ops.service.health.workers import until_done

TTL_SECONDS = 60.0
STALE_SECONDS = 10.0
FAILURE_TTL_SECONDS = 1.0
WAIT_SECONDS = 5.0

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class CachedHealthCheck(Protocol[P, R_co]):
    """A health function with a cached answer."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Return the cached answer, or a new one."""
        ...

    def invalidate(self) -> None:
        """Drop the cached answer, and that of a run in progress."""
        ...

    def age_seconds(self) -> float | None:
        """Age of the cached answer; None without one."""
        ...


@overload
def cache_health_check(function: Callable[P, R], /) -> CachedHealthCheck[P, R]: ...


@overload
def cache_health_check(
    *,
    ttl_seconds: float = ...,
    stale_seconds: float = ...,
    failure_ttl_seconds: float = ...,
    monotonic: Callable[[], float] = ...,
) -> Callable[[Callable[P, R]], CachedHealthCheck[P, R]]: ...


def cache_health_check(
    function: Callable[..., Any] | None = None,
    /,
    *,
    ttl_seconds: float = TTL_SECONDS,
    stale_seconds: float = STALE_SECONDS,
    failure_ttl_seconds: float = FAILURE_TTL_SECONDS,
    monotonic: Callable[[], float] = time.monotonic,
) -> Any:
    """Cache the answer of a health function for `ttl_seconds`, a failure for one second.

    Concurrent callers share one run. While it runs, the others get the previous
    good answer for at most `stale_seconds` more, else they wait. A mapping, alone
    or first in a tuple, gets a member `ageSeconds`, so that a verifier can tell an
    old answer from a new one. Arguments do not select another answer: there is one
    health. Works for plain and async functions.
    """
    if not all(map(is_age, (ttl_seconds, stale_seconds, failure_ttl_seconds))):
        raise ValueError("an answer is kept for a time that is not negative, and has an end")

    def decorate(inner: Callable[..., Any]) -> Any:
        cache = _Cache(
            inner,
            ttl_seconds=ttl_seconds,
            stale_seconds=stale_seconds,
            failure_ttl_seconds=min(failure_ttl_seconds, ttl_seconds),
            monotonic=monotonic,
        )

        @functools.wraps(inner)
        def answer(*args: Any, **kwargs: Any) -> Any:
            return cache.call(*args, **kwargs)

        @functools.wraps(inner)
        async def answer_async(*args: Any, **kwargs: Any) -> Any:
            return await cache.call_async(*args, **kwargs)

        cached = cast("Any", answer_async if inspect.iscoroutinefunction(inner) else answer)
        cached.invalidate = cache.invalidate
        cached.age_seconds = cache.age_seconds
        return cached

    return decorate if function is None else decorate(function)


class _Kept:
    """One measurement: a value or an error, and the time it was taken."""

    def __init__(self, value: Any, error: BaseException | None, measured: float) -> None:
        self._value = value
        self._error = error
        self._traceback = error.__traceback__ if error is not None else None
        self.is_bad = error is not None or _is_failure(value)
        self.measured = measured

    def unwrap(self, age_seconds: float) -> Any:
        """Return the value with its age, or raise the error with its first traceback."""
        if self._error is not None:
            # Without the reset, the one shared error would grow by a frame each time it is raised.
            raise self._error.with_traceback(self._traceback)
        return _with_age(self._value, max(0.0, age_seconds))


class _Cache:
    def __init__(
        self,
        function: Callable[..., Any],
        *,
        ttl_seconds: float,
        stale_seconds: float,
        failure_ttl_seconds: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._function = function
        self._ttl_seconds = ttl_seconds
        self._stale_seconds = stale_seconds
        self._failure_ttl_seconds = failure_ttl_seconds
        self._monotonic = monotonic
        self._tasks: set[asyncio.Task[None]] = set()
        self._lock = threading.Lock()
        self._kept: _Kept | None = None
        self._flight: Future[_Kept] | None = None
        self._flight_loop: asyncio.AbstractEventLoop | None = None
        tell_after_fork(self)

    def age_seconds(self) -> float | None:
        kept = self._kept
        return None if kept is None else self._monotonic() - kept.measured

    def invalidate(self) -> None:
        with self._lock:
            self._kept = None
            self._flight = None

    def after_fork(self) -> None:
        # A run of the parent process never ends here.
        self._lock, self._kept, self._flight = threading.Lock(), None, None

    def call(self, *args: Any, **kwargs: Any) -> Any:
        kept, flight, leads = self._join()
        if flight is None:
            return self._unwrap(kept)
        if leads:
            self._lead(flight, args, kwargs)
        return self._unwrap(flight.result(WAIT_SECONDS))

    async def call_async(self, *args: Any, **kwargs: Any) -> Any:
        kept, flight, leads = self._join(asyncio.get_running_loop())
        if flight is None:
            return self._unwrap(kept)
        if leads:
            # A task of its own: a prober that hangs up does not cancel the answer of the others.
            task = asyncio.create_task(self._lead_async(flight, args, kwargs))
            self._tasks.add(task)
            task.add_done_callback(functools.partial(self._see_that_it_landed, flight))
        await until_done(flight, WAIT_SECONDS)
        return self._unwrap(flight.result(0))

    def _join(
        self, loop: asyncio.AbstractEventLoop | None = None
    ) -> tuple[_Kept | None, Future[_Kept] | None, bool]:
        """Return a cached answer that is good enough, else the run to wait for and whether the caller owns it."""
        with self._lock:
            kept, flight = self._kept, self._flight
            age = 0.0 if kept is None else self._monotonic() - kept.measured
            if kept is not None and age < (self._failure_ttl_seconds if kept.is_bad else self._ttl_seconds):
                return kept, None, False
            if flight is None or self._has_stranded():
                self._flight = flight = Future()
                self._flight_loop = loop
                return None, flight, True
            limit = self._ttl_seconds + self._stale_seconds
            may_be_shown = kept is not None and not kept.is_bad and age < limit
            return kept, None if may_be_shown else flight, False

    def _has_stranded(self) -> bool:
        """True when the loop of the current run has stopped, so that the run never ends."""
        loop = self._flight_loop
        return loop is not None and not loop.is_running()

    def _unwrap(self, kept: _Kept | None) -> Any:
        assert kept is not None
        return kept.unwrap(self._monotonic() - kept.measured)

    def _lead(self, flight: Future[_Kept], args: Any, kwargs: Any) -> None:
        try:
            kept = _Kept(self._function(*args, **kwargs), None, self._monotonic())
        except Exception as error:  # noqa: BLE001 - raised again to everyone who asked
            kept = _Kept(None, error, self._monotonic())
        except BaseException:
            self._abandon(flight)
            raise
        self._land(flight, kept)

    async def _lead_async(self, flight: Future[_Kept], args: Any, kwargs: Any) -> None:
        try:
            kept = _Kept(await self._function(*args, **kwargs), None, self._monotonic())
        except Exception as error:  # noqa: BLE001 - raised again to everyone who asked
            kept = _Kept(None, error, self._monotonic())
        self._land(flight, kept)

    def _see_that_it_landed(self, flight: Future[_Kept], task: asyncio.Task[None]) -> None:
        """Check a task from outside: one that is cancelled before its first step runs nothing."""
        self._tasks.discard(task)
        if not flight.done():
            self._abandon(flight)

    def _abandon(self, flight: Future[_Kept]) -> None:
        """Drop a run whose loop or process stops, which says nothing about health."""
        with self._lock:
            if self._flight is flight:
                self._flight = None
        flight.set_exception(TimeoutError("the health check was cut off"))

    def _land(self, flight: Future[_Kept], kept: _Kept) -> None:
        with self._lock:
            if self._flight is flight:  # not when it was invalidated meanwhile
                self._kept, self._flight = kept, None
        flight.set_result(kept)


def _is_failure(value: Any) -> bool:
    if isinstance(value, tuple) and value:
        if any(isinstance(one, int) and one >= 400 for one in value[1:]):
            return True
        value = value[0]
    status_code = getattr(value, "status_code", None)  # the response objects of every framework have it
    if isinstance(status_code, int):
        return status_code >= 400
    if isinstance(value, Mapping):
        value = dict(value)
    return value is False or (isinstance(value, dict | str) and read_health(value).status is Status.FAIL)


def _with_age(value: Any, age_seconds: float) -> Any:
    if isinstance(value, tuple) and value:
        return (_with_age(value[0], age_seconds), *value[1:])
    if isinstance(value, Mapping):
        return {**value, "ageSeconds": round(age_seconds, 3)}
    return value
