"""Error recovery: retries, counts and trends of errors, by service."""

from __future__ import annotations

import functools
import logging
import math
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from types import CoroutineType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from ci_ops.core.text.redact import redact_patterns
from ci_ops.service._process.error_text import text_of_error
from ci_ops.service._process.functions import Kind, kind_of
from ci_ops.service._process.locked import Locked
from ci_ops.service._process.window import TimeWindow
from ci_ops.service.resilience.breaker import circuit_breakers
from ci_ops.service.resilience.degradation import GracefulDegradation, graceful_degradation
from ci_ops.service.resilience.retry import Retry, RetryBudget

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = logging.getLogger("ci_ops.service.resilience")
P = ParamSpec("P")
R = TypeVar("R")

MAX_SERVICES = 200
MAX_KINDS = 20
MAX_RECENT = 100
MAX_MESSAGE_LENGTH = 500
OTHER = "(other)"
"""Where errors are counted once there are too many names to keep apart."""

_MINUTES = 60
_SIGMAS = 2.0


class Direction(StrEnum):
    """Trend of the number of errors."""

    RISING = "rising"
    FALLING = "falling"
    STEADY = "steady"


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorTrend:
    """The errors of one service over the last minutes."""

    service: str
    per_minute: tuple[int, ...]
    """Oldest first; the last minute is still running."""
    direction: Direction
    """The second half against the first; see `direction_of`."""

    @property
    def total(self) -> int:
        """Errors in all of these minutes."""
        return sum(self.per_minute)


@dataclass(frozen=True, kw_only=True, slots=True)
class LoggedError:
    """One recorded error: redacted, without its traceback."""

    service: str
    kind: str
    message: str
    at: datetime


@dataclass(kw_only=True, slots=True)
class _Record:
    """The record of one service: constant in size, however many errors there are."""

    minutes: TimeWindow = field(default_factory=lambda: TimeWindow(_MINUTES * 60.0, buckets=_MINUTES))
    kinds: Counter[str] = field(default_factory=Counter)
    last: LoggedError | None = None


def direction_of(per_minute: tuple[int, ...]) -> Direction:
    """Return whether the second half holds clearly more or fewer errors than the first.

    Clearly means more than two standard deviations of a Poisson process, so
    about one steady service in twenty is called rising or falling by chance.
    """
    middle = len(per_minute) // 2
    before, after = sum(per_minute[:middle]), sum(per_minute[len(per_minute) - middle :])
    if abs(after - before) <= _SIGMAS * math.sqrt(after + before):
        return Direction.STEADY
    return Direction.RISING if after > before else Direction.FALLING


class ErrorRecoveryService(Locked):
    """Retries, counts and summarizes errors.

    Without a `retry` policy any failure is tried four times, with delays from one
    second on, within a RetryBudget.

    Bounded: 200 services, 20 kinds of error for each, the last 100 errors;
    what is beyond is counted under "(other)".
    """

    def __init__(
        self,
        *,
        retry: Retry | None = None,
        degradation: GracefulDegradation = graceful_degradation,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.degradation = degradation
        self._given = retry
        self._retry = retry or _default_retry()
        self._clock = clock
        self._now = now
        super().__init__()
        self._records: dict[str, _Record] = {}
        self._recent: deque[LoggedError] = deque(maxlen=MAX_RECENT)

    def log_error(self, service: str, error: BaseException, *, context: str = "") -> None:
        """Count an error of a service, and log it."""
        kind = type(error).__name__
        text = f"{text_of_error(error)} ({context})" if context else text_of_error(error)
        message = redact_patterns(text)[:MAX_MESSAGE_LENGTH]
        log.warning("%s: %s: %s", service, kind, message)
        with self._lock:
            if service not in self._records and len(self._records) >= MAX_SERVICES:
                service = OTHER
            record = self._records.setdefault(service, _Record())
            record.minutes.add(self._clock())
            known = kind in record.kinds or len(record.kinds) < MAX_KINDS
            record.kinds[kind if known else OTHER] += 1
            record.last = LoggedError(service=service, kind=kind, message=message, at=self._now())
            self._recent.append(record.last)

    def retry_with_backoff(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call with retries, and log every failed attempt under the function's name.

        Await the result of an asynchronous function.
        """
        logged: Callable[P, R] = self._logging(function)
        return self._retry.call(logged, *args, **kwargs)

    def with_retry(
        self, service: str, retry: Retry | None = None
    ) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Decorate a function with retries for one service.

        It may have its own delays, and has its own budget unless it was given a
        policy.
        """
        policy = retry or self._given or _default_retry()

        def decorate(function: Callable[P, R]) -> Callable[P, R]:
            return policy(self._logging(function, service))

        return decorate

    def get_error_trend(self, service: str, minutes: int = _MINUTES) -> ErrorTrend:
        """Return errors per minute over the last minutes (at most 60), and their trend."""
        with self._lock:
            record = self._records.get(service)
            series = record.minutes.series(self._clock()) if record else (0,) * _MINUTES
        per_minute = series[-max(1, min(minutes, _MINUTES)) :]
        return ErrorTrend(service=service, per_minute=per_minute, direction=direction_of(per_minute))

    def recent_errors(self, limit: int = 10) -> tuple[LoggedError, ...]:
        """Return the last errors, newest first."""
        with self._lock:
            return tuple(reversed(self._recent))[: max(0, limit)]

    def get_error_summary(self) -> dict[str, Any]:
        """Return all services with their errors, circuits and degraded features, as JSON-ready values."""
        with self._lock:
            records = dict(self._records)
        services = {name: self._summary_of(name, record) for name, record in records.items()}
        return {
            "total": sum(service["total"] for service in services.values()),
            "services": services,
            "circuit_breakers": [breaker.get_status() for breaker in circuit_breakers()],
            "degradation": self.degradation.get_status(),
        }

    def _summary_of(self, name: str, record: _Record) -> dict[str, Any]:
        trend = self.get_error_trend(name)
        with self._lock:
            last = record.last
            kinds = dict(record.kinds.most_common())
        return {
            "total": sum(kinds.values()),
            "last_hour": trend.total,
            "trend": trend.direction.value,
            "kinds": kinds,
            "last": last
            and {"kind": last.kind, "message": last.message, "at": last.at.isoformat(timespec="seconds")},
        }

    def _logging(self, function: Callable[..., Any], service: str = "") -> Callable[..., Any]:
        name = service or getattr(function, "__qualname__", type(function).__qualname__)

        async def logged_async(*args: Any, **kwargs: Any) -> Any:
            return await self._watch(name, function(*args, **kwargs))

        def logged(*args: Any, **kwargs: Any) -> Any:
            try:
                result = function(*args, **kwargs)
            except Exception as error:
                self.log_error(name, error)
                raise
            return self._watch(name, result) if isinstance(result, CoroutineType) else result

        chosen = logged_async if kind_of(function) is Kind.ASYNC else logged
        return functools.wraps(function)(chosen)

    async def _watch(self, name: str, answer: Awaitable[Any]) -> Any:
        try:
            return await answer
        except Exception as error:
            self.log_error(name, error)
            raise


def _default_retry() -> Retry:
    """Return the documented policy; with a budget, because it repeats any failure."""
    return Retry(on=Exception, first_wait_seconds=1.0, longest_wait_seconds=30.0, budget=RetryBudget())


error_recovery_service = ErrorRecoveryService()
"""The one that health and logs show."""
