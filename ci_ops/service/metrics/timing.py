"""`@log_performance`: the duration of a function, logged and measured.

@log_performance
async def place_order(...): ...

@log_performance(name="search", slow_seconds=0.2)
def search(...): ...
"""

from __future__ import annotations

import functools
import logging
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from ci_ops.service._process.functions import Kind, kind_of
from ci_ops.service.logs.events import StructuredLogger, structured_logger
from ci_ops.service.logs.operation import outcome_of_error
from ci_ops.service.logs.record import EventType
from ci_ops.service.metrics.collector import metrics_collector
from ci_ops.service.metrics.monitor import performance_monitor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator
    from types import TracebackType

F = TypeVar("F", bound="Callable[..., Any]")

SLOW_SECONDS = 1.0

_DURATIONS = metrics_collector.histogram(
    "operation_duration_seconds", "How long timed functions took.", labels=("operation", "outcome")
)


@overload
def log_performance(function: F, /) -> F: ...
@overload
def log_performance(
    *, name: str = "", slow_seconds: float = SLOW_SECONDS, logger: StructuredLogger = structured_logger
) -> Callable[[F], F]: ...
def log_performance(
    function: F | None = None,
    /,
    *,
    name: str = "",
    slow_seconds: float = SLOW_SECONDS,
    logger: StructuredLogger = structured_logger,
) -> F | Callable[[F], F]:
    """Time a function, sync or async; its exceptions pass through.

    Each call is a performance event (a warning from `slow_seconds` on), a
    measurement of `performance_monitor` and of a histogram. Of a generator the
    time from its first step to its end counts, its consumer's included.
    """

    def decorate(timed: F) -> F:
        shown = name or f"{timed.__module__}.{timed.__qualname__}"
        return cast("F", _wrapped(timed, _Stopwatches(shown, slow_seconds, logger)))

    return decorate if function is None else decorate(function)


class _Stopwatches:
    """Makes a stopwatch for each call of one function."""

    def __init__(self, name: str, slow_seconds: float, logger: StructuredLogger) -> None:
        self.name = name
        self.slow_seconds = slow_seconds
        self.logger = logger
        self.durations = {
            outcome: _DURATIONS.labels(name, outcome) for outcome in ("success", "failure", "cancelled")
        }

    def __call__(self) -> _Stopwatch:
        return _Stopwatch(self)


class _Stopwatch:
    """Measures one call."""

    __slots__ = ("_started", "_timed")

    def __init__(self, timed: _Stopwatches) -> None:
        self._timed = timed
        self._started = 0.0

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        seconds = time.perf_counter() - self._started
        timed, outcome = self._timed, outcome_of_error(kind)
        performance_monitor.record_metric(timed.name, seconds)
        timed.durations[outcome].observe(seconds)
        is_slow = seconds >= timed.slow_seconds
        fields = {"operation": timed.name, "outcome": outcome, "duration_seconds": round(seconds, 6)}
        if kind is not None:
            fields["error"] = kind.__name__
        timed.logger.log_event(
            EventType.PERFORMANCE_EVENT,
            "slow_operation" if is_slow else "operation_timed",
            level=logging.WARNING if is_slow else logging.INFO,
            fields=fields,
        )


def _wrapped(function: Callable[..., Any], stopwatch: Callable[[], _Stopwatch]) -> Callable[..., Any]:
    kind = kind_of(function)
    if kind is Kind.ASYNC:
        return _timed_async(function, stopwatch)
    if kind is Kind.GENERATOR:
        return _timed_generator(function, stopwatch)
    if kind is Kind.ASYNC_GENERATOR:
        return _timed_async_generator(function, stopwatch)

    @functools.wraps(function)
    def timed(*args: Any, **kwargs: Any) -> Any:
        with stopwatch():
            return function(*args, **kwargs)

    return timed


def _timed_async(function: Callable[..., Any], stopwatch: Callable[[], _Stopwatch]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def timed(*args: Any, **kwargs: Any) -> Any:
        with stopwatch():
            return await function(*args, **kwargs)

    return timed


def _timed_generator(function: Callable[..., Any], stopwatch: Callable[[], _Stopwatch]) -> Callable[..., Any]:
    @functools.wraps(function)
    def timed(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with stopwatch():
            return (yield from function(*args, **kwargs))

    return timed


def _timed_async_generator(
    function: Callable[..., Any], stopwatch: Callable[[], _Stopwatch]
) -> Callable[..., Any]:
    @functools.wraps(function)
    async def timed(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        with stopwatch():
            async with aclosing(function(*args, **kwargs)) as steps:
                async for step in steps:
                    yield step

    return timed
