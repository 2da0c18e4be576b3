"""Retries with backoff, a deadline and a budget.

    @Retry(on=ConnectionError)
    def load(user_id): ...

Decorates functions and coroutine functions alike. A function with retries must
be safe to repeat.
"""

from __future__ import annotations

import functools
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from math import inf
from types import CoroutineType
from typing import Any, Literal, ParamSpec, TypeVar, cast, get_args

from ci_ops.core.text.retry_after import requested_wait_seconds
from ci_ops.service._process.figures import grown, is_count, is_time
from ci_ops.service._process.functions import Kind, judge_of, kind_of
from ci_ops.service._process.locked import Locked
from ci_ops.service.resilience.circuit import CircuitOpenError

log = logging.getLogger("ci_ops.service.resilience")
P = ParamSpec("P")
R = TypeVar("R")
ExceptionTypes = type[Exception] | tuple[type[Exception], ...]
Jitter = Literal["full", "equal", "decorrelated", "none"]

MAX_REQUESTED_SECONDS = 3600.0
"""Without a deadline, nobody is kept waiting longer than this because the other side asked for it."""


class RetryBudget(Locked):
    """Budget: limits retries to a share of the calls, so that an outage is not multiplied.

    Each failure takes one token, each success returns `ratio` tokens; there
    are retries while more than half of `max_tokens` is left. Share one among
    all calls to the same dependency.

    Source: gRPC proposal A6, "Throttling Retry Attempts and Hedged RPCs".
    """

    def __init__(self, max_tokens: float = 100.0, ratio: float = 0.1) -> None:
        if not 0 < max_tokens < inf or not 0 < ratio <= 1:
            raise ValueError("a budget has tokens, and a ratio greater than 0 and at most 1")
        self.max_tokens = max_tokens
        self.ratio = ratio
        self._tokens = max_tokens
        super().__init__()

    @property
    def tokens(self) -> float:
        """Tokens left."""
        return self._tokens

    @property
    def allows_retry(self) -> bool:
        """Return True while more than half of the tokens is left."""
        return self._tokens > self.max_tokens / 2

    def record_success(self) -> None:
        """Return the share of one call."""
        if self._tokens < self.max_tokens:
            with self._lock:
                self._tokens = min(self.max_tokens, self._tokens + self.ratio)

    def record_failure(self) -> None:
        """Take one token; the number is never negative."""
        with self._lock:
            self._tokens = max(0.0, self._tokens - 1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryEvent:
    """One failed attempt that will be repeated."""

    name: str
    """The function's qualified name."""
    tries: int
    """How many there have been."""
    wait_seconds: float
    """Time until the next one."""
    error: Exception | None
    """None when the result was bad."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Retry:
    """Retry policy: what is repeated, how often, after which delay, and until when.

    The last error, or the last bad result, is passed on as it is. A delay that
    the dependency requests (Retry-After, an open circuit) is kept; where it
    does not fit into the time that is left, there is no further attempt.
    """

    on: ExceptionTypes | Callable[[Exception], bool]
    """The exceptions that are worth another try: types, or a function of the exception."""
    attempts: int | None = 4
    """Tries in all, the first one included; None leaves the limit to the time."""
    deadline_seconds: float | None = 45.0
    """For all tries and waits together; None leaves the limit to the tries."""
    first_wait_seconds: float = 0.1
    factor: float = 2.0
    """Each wait is this many times as long as the one before."""
    longest_wait_seconds: float = 5.0
    jitter: Jitter = "full"
    """How waits are spread. Source: the AWS Architecture Blog, Exponential Backoff And Jitter."""
    is_bad_result: Callable[[Any], bool] | None = None
    """Results that are worth another try."""
    budget: RetryBudget | None = None
    on_retry: Callable[[RetryEvent], object] | None = None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    sleep_async: Callable[[float], Awaitable[object]] | None = None
    """None is asyncio.sleep."""

    def __post_init__(self) -> None:
        if self.attempts is None and self.deadline_seconds is None:
            raise ValueError("without a limit on tries or time it would be tried for ever")
        if self.attempts is not None and not is_count(self.attempts):
            raise ValueError("tries are positive whole numbers")
        if self.deadline_seconds is not None and not is_time(self.deadline_seconds):
            raise ValueError("the time for all tries is positive, and has an end")
        if not 0 <= self.first_wait_seconds <= self.longest_wait_seconds < inf:
            raise ValueError("waits are not negative, and the longest is not shorter than the first")
        if not 1 <= self.factor < inf:
            raise ValueError("waits do not get shorter: the factor is at least 1")
        if self.jitter not in get_args(Jitter):
            raise ValueError(f"jitter is one of {', '.join(get_args(Jitter))}")
        judge_of(self.on)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Return the function with retries."""
        kind = kind_of(function)
        if kind.is_iterated:
            raise TypeError("a generator cannot be tried again: it may have answered in part")
        build: Callable[..., Any] = self._async if kind is Kind.ASYNC else self._plain
        return cast("Callable[P, R]", functools.wraps(function)(build(function)))

    def call(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a function with retries; await the result of an asynchronous one."""
        return cast("R", self._plain(function)(*args, **kwargs))

    async def call_async(
        self, function: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Await a function with retries."""
        return cast("R", await self._async(function)(*args, **kwargs))

    def _plain(self, function: Callable[..., Any]) -> Callable[..., Any]:
        clock, sleep, is_bad, budget = self.clock, self.sleep, self.is_bad_result, self.budget

        def retried(*args: Any, **kwargs: Any) -> Any:
            started = clock()
            tries = None
            while True:
                try:
                    result = function(*args, **kwargs)
                except Exception as error:
                    tries = tries or _Tries(self, function, started)
                    wait_seconds = tries.wait_after(error)
                    if wait_seconds is None:
                        raise
                else:
                    if result.__class__ is CoroutineType:
                        return self._async(_begun(result, function))(*args, **kwargs)
                    if is_bad is None or not is_bad(result):
                        if budget is not None:
                            budget.record_success()
                        return result
                    tries = tries or _Tries(self, function, started)
                    wait_seconds = tries.wait_after(None)
                    if wait_seconds is None:
                        return result
                sleep(wait_seconds)

        return retried

    def _async(self, function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        clock, is_bad, budget = self.clock, self.is_bad_result, self.budget
        sleep = self.sleep_async or _asyncio_sleep

        async def retried(*args: Any, **kwargs: Any) -> Any:
            started = clock()
            tries = None
            while True:
                try:
                    result = await function(*args, **kwargs)
                except Exception as error:
                    tries = tries or _Tries(self, function, started)
                    wait_seconds = tries.wait_after(error)
                    if wait_seconds is None:
                        raise
                else:
                    if is_bad is None or not is_bad(result):
                        if budget is not None:
                            budget.record_success()
                        return result
                    tries = tries or _Tries(self, function, started)
                    wait_seconds = tries.wait_after(None)
                    if wait_seconds is None:
                        return result
                await sleep(wait_seconds)

        return retried


def _begun(first: Awaitable[Any], function: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    """Return the function with a first result that is to be awaited."""
    answers = [first]

    @functools.wraps(function)
    def ask(*args: Any, **kwargs: Any) -> Any:
        return answers.pop() if answers else function(*args, **kwargs)

    return ask


async def _asyncio_sleep(seconds: float) -> None:
    from asyncio import sleep  # noqa: PLC0415 - applications without a loop need not load it

    await sleep(seconds)


class _Tries:
    """The attempts of one call, from its first failure on."""

    __slots__ = ("_count", "_function", "_policy", "_previous_wait", "_started")

    def __init__(self, policy: Retry, function: Callable[..., Any], started: float) -> None:
        self._policy = policy
        self._function = function
        self._started = started
        self._count = 0
        self._previous_wait = policy.first_wait_seconds

    def wait_after(self, error: Exception | None) -> float | None:
        """Return the delay before the next attempt; None when there is none."""
        policy = self._policy
        self._count += 1
        if error is not None and not self._is_worth_it(error):
            return None
        if policy.budget is not None:
            policy.budget.record_failure()
        if policy.attempts is not None and self._count >= policy.attempts:
            return None
        if policy.budget is not None and not policy.budget.allows_retry:
            return None
        seconds = self._next_wait()
        asked = None if error is None else requested_wait_seconds(error)
        if asked is not None:
            seconds += asked  # never earlier than asked, and not everybody at the same moment
        if policy.deadline_seconds is None:
            left = MAX_REQUESTED_SECONDS + policy.longest_wait_seconds
        else:
            left = policy.deadline_seconds - (policy.clock() - self._started)
        if seconds >= left:
            return None
        self._tell(error, seconds)
        return seconds

    def _is_worth_it(self, error: Exception) -> bool:
        if isinstance(error, CircuitOpenError) and error.retry_after_seconds is None:
            return False  # held open: only a person closes it
        return judge_of(self._policy.on)(error)

    def _next_wait(self) -> float:
        policy = self._policy
        luck = random.random()  # noqa: S311 - spreads load, hides nothing
        if policy.jitter == "decorrelated":
            first = policy.first_wait_seconds
            spread = max(0.0, self._previous_wait * 3 - first)
            self._previous_wait = min(policy.longest_wait_seconds, first + spread * luck)
            return self._previous_wait
        longest = policy.longest_wait_seconds
        cap = grown(policy.first_wait_seconds, policy.factor, self._count - 1, longest=longest)
        if policy.jitter == "none":
            return cap
        return cap * luck if policy.jitter == "full" else cap / 2 * (1 + luck)

    def _tell(self, error: Exception | None, wait_seconds: float) -> None:
        name = getattr(self._function, "__qualname__", type(self._function).__qualname__)
        log.debug("%s: try %d failed, next in %.3f s", name, self._count, wait_seconds)
        if self._policy.on_retry is not None:
            event = RetryEvent(name=name, tries=self._count, wait_seconds=wait_seconds, error=error)
            try:
                self._policy.on_retry(event)
            except Exception:
                log.exception("the listener of the retries of %s failed", name)
