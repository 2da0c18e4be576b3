"""Circuit breaker: rejects calls to a failing dependency and probes for recovery.

    @DB_CIRCUIT_BREAKER
    async def load(user_id): ...

    with NOTIFICATION_CIRCUIT_BREAKER.guard():
        send(message)

State is kept per process, on purpose: each worker measures for itself, and
no shared store can take all of them down.
"""

from __future__ import annotations

import functools
import time
import weakref
from dataclasses import asdict, replace
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from ci_ops.core.text.retry_after import requested_wait_seconds
from ci_ops.service._process.figures import is_time
from ci_ops.service._process.functions import Kind, judge_of, kind_of
from ci_ops.service.resilience.circuit import (
    Circuit,
    CircuitOpenError,
    CircuitSnapshot,
    CircuitState,
)
from ci_ops.service.resilience.circuit_rules import CircuitRules
from ci_ops.service.resilience.guards import (
    CallTimeoutError,
    Guard,
    UntimedGuard,
    async_fallback,
    plain_fallback,
    with_time_limit,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator

    from ci_ops.service._process.functions import ExceptionTypes

__all__ = [
    "ALGORITHM_CIRCUIT_BREAKER",
    "DB_CIRCUIT_BREAKER",
    "NOTIFICATION_CIRCUIT_BREAKER",
    "CallTimeoutError",
    "CircuitBreaker",
    "CircuitOpenError",
    "CircuitRules",
    "CircuitSnapshot",
    "CircuitState",
    "circuit_breakers",
]

P = ParamSpec("P")
R = TypeVar("R")

_LATE = frozenset({CoroutineType, GeneratorType, AsyncGeneratorType})
_ALIVE: weakref.WeakValueDictionary[int, CircuitBreaker] = weakref.WeakValueDictionary()
"""By the number of the circuit. Not a set: that cannot be read while a thread adds to it."""


def circuit_breakers() -> tuple[CircuitBreaker, ...]:
    """Return every breaker that is alive, by name and then by age, for health, metrics and logs."""
    alive = [breaker for reference in _ALIVE.valuerefs() if (breaker := reference()) is not None]
    return tuple(sorted(alive, key=lambda breaker: (breaker.name, breaker.circuit.number)))


class CircuitBreaker:
    """Circuit breaker: closed while calls succeed, open after too many failures, half-open to probe.

    It opens after `failure_threshold` consecutive failures, or when the failure
    rate or the rate of slow calls in its window is too high (`rules`). After
    `recovery_timeout` seconds probes are let through; successful ones close it.

    What counts as a failure: an exception of `expected_exception` (types, or a
    function of the exception), a result for which `is_bad_result` is true, and
    the end of `call_timeout_seconds`, which the breaker itself imposes on
    asynchronous calls. Any other exception is an answer, and counts as a success;
    those in `ignored` do not count. A call that is cancelled from outside, or
    stopped by KeyboardInterrupt or SystemExit, counts as neither: it returns its
    permit and leaves no trace.
    """

    def __init__(  # noqa: PLR0913 - one keyword for each thing an application may decide
        self,
        name: str = "default",
        failure_threshold: int | None = None,
        recovery_timeout: float | None = None,
        *,
        expected_exception: ExceptionTypes | Callable[[BaseException], bool] = Exception,
        ignored: ExceptionTypes = (),
        is_bad_result: Callable[[Any], bool] | None = None,
        call_timeout_seconds: float | None = None,
        rules: CircuitRules | None = None,
        clock: Callable[[], float] = time.monotonic,
        on_change: Callable[[CircuitBreaker, CircuitState, CircuitState], object] | None = None,
    ) -> None:
        if call_timeout_seconds is not None and not is_time(call_timeout_seconds):
            raise ValueError("the time limit of a call is positive, and has an end")
        rules = rules or CircuitRules()
        if failure_threshold is not None:
            rules = replace(rules, failure_threshold=failure_threshold)
        if recovery_timeout is not None:
            rules = replace(rules, recovery_seconds=recovery_timeout)
        self.name = name
        self._is_failure = judge_of(expected_exception)
        self._is_ignored = judge_of(ignored)
        self._is_bad_result = is_bad_result
        self._call_timeout_seconds = call_timeout_seconds
        listener = functools.partial(on_change, self) if on_change is not None else None
        self.circuit = Circuit(name, rules, clock=clock, on_change=listener)
        _ALIVE[self.circuit.number] = self

    def __repr__(self) -> str:
        return f"CircuitBreaker({self.name!r}, {self.state.value})"

    @property
    def rules(self) -> CircuitRules:
        """When it opens, for how long, and what closes it."""
        return self.circuit.rules

    @property
    def state(self) -> CircuitState:
        """The state the next call would find."""
        return self.circuit.state

    @property
    def failure_count(self) -> int:
        """Consecutive failures up to now."""
        return self.circuit.failure_count

    def snapshot(self) -> CircuitSnapshot:
        """Return all figures of one moment."""
        return self.circuit.snapshot()

    def get_status(self) -> dict[str, object]:
        """The snapshot as JSON-ready values, for health documents and logs."""
        shot = self.snapshot()
        return {
            **asdict(shot),
            "state": shot.state.value,
            "failure_rate": round(shot.failure_rate, 4),
            "slow_rate": round(shot.slow_rate, 4),
        }

    def reset(self) -> None:
        """Close it, with all counts at zero."""
        self.circuit.move(CircuitState.CLOSED)

    def trip(self) -> None:
        """Open it now; it recovers by itself."""
        self.circuit.move(CircuitState.OPEN)

    def force_open(self) -> None:
        """Reject every call until `reset`."""
        self.circuit.move(CircuitState.FORCED_OPEN)

    def disable(self) -> None:
        """Let every call pass and count none, until `reset`."""
        self.circuit.move(CircuitState.DISABLED)

    def metrics_only(self) -> None:
        """Let every call pass and count it, until `reset`."""
        self.circuit.move(CircuitState.METRICS_ONLY)

    def guard(self) -> Guard:
        """A context manager around one call, for `with` and `async with`."""
        return Guard(self.circuit, self.judge)

    def call(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a function through the breaker; its result may be awaited or iterated."""
        return cast("R", self._plain(function)(*args, **kwargs))

    async def call_async(
        self, function: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Await a function through the breaker."""
        return cast("R", await self._async(function)(*args, **kwargs))

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """The function, guarded: sync or async, generators over their whole run."""
        wrapped = self._guarded(kind_of(function), function)
        return cast("Callable[P, R]", functools.wraps(function)(wrapped))

    def protect(self, *, fallback: Callable[..., Any]) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Decorate a function with a `fallback`, which gets the call's arguments while the circuit is open."""

        def decorate(function: Callable[P, R]) -> Callable[P, R]:
            kind = kind_of(function)
            if kind.is_iterated:
                raise TypeError("a generator cannot have a fallback: it may have answered in part")
            guarded = self._guarded(kind, function)
            build = async_fallback if kind is Kind.ASYNC else plain_fallback
            return cast("Callable[P, R]", functools.wraps(function)(build(guarded, self.circuit, fallback)))

        return decorate

    def judge(self, error: BaseException, permit: int, started: float) -> None:
        """Return the permit of a call that raised."""
        circuit = self.circuit
        ended = circuit.clock()
        own_rejection = isinstance(error, CircuitOpenError) and error.circuit_number == circuit.number
        if isinstance(error, CallTimeoutError):
            circuit.fail(permit, started, ended)
        elif not isinstance(error, Exception) or own_rejection or self._is_ignored(error):
            circuit.release(permit)
        else:
            try:  # a judge that breaks must not keep the permit
                is_failure = self._is_failure(error)
                asked_seconds = requested_wait_seconds(error) or 0.0
            except BaseException:
                circuit.fail(permit, started, ended)
                raise
            if is_failure:
                circuit.fail(permit, started, ended, retry_after_seconds=asked_seconds)
            else:
                circuit.succeed(permit, started, ended)

    def _guarded(self, kind: Kind, function: Callable[..., Any]) -> Callable[..., Any]:
        builders: dict[Kind, Callable[[Callable[..., Any]], Callable[..., Any]]] = {
            Kind.PLAIN: self._plain,
            Kind.ASYNC: self._async,
            Kind.GENERATOR: self._generator,
            Kind.ASYNC_GENERATOR: self._async_generator,
        }
        return builders[kind](function)

    def _plain(self, function: Callable[..., Any]) -> Callable[..., Any]:
        circuit = self.circuit
        clock = circuit.clock
        acquire = circuit.acquire
        slow_seconds = circuit.rules.slow_seconds
        is_bad = self._is_bad_result

        def guarded(*args: Any, **kwargs: Any) -> Any:
            permit = circuit.free_permit or acquire()
            started = clock()
            try:
                result = function(*args, **kwargs)
                is_late = result.__class__ in _LATE
                answered_badly = is_bad is not None and not is_late and is_bad(result)
            except BaseException as error:
                self.judge(error, permit, started)
                raise
            if is_late:
                circuit.release(permit)
                return self._late(result)
            ended = clock()
            if answered_badly:
                circuit.fail(permit, started, ended)
            elif not circuit.ignores_success or ended - started >= slow_seconds:
                circuit.succeed(permit, started, ended)
            return result

        return guarded

    def _async(self, function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        circuit = self.circuit
        clock = circuit.clock
        acquire = circuit.acquire
        slow_seconds = circuit.rules.slow_seconds
        is_bad = self._is_bad_result
        if self._call_timeout_seconds is not None:
            function = with_time_limit(function, self._call_timeout_seconds)

        async def guarded(*args: Any, **kwargs: Any) -> Any:
            permit = circuit.free_permit or acquire()
            started = clock()
            try:
                result = await function(*args, **kwargs)
                answered_badly = is_bad is not None and is_bad(result)
            except BaseException as error:
                self.judge(error, permit, started)
                raise
            ended = clock()
            if answered_badly:
                circuit.fail(permit, started, ended)
            elif not circuit.ignores_success or ended - started >= slow_seconds:
                circuit.succeed(permit, started, ended)
            return result

        return guarded

    def _generator(self, function: Callable[..., Generator[Any, Any, Any]]) -> Callable[..., Any]:
        def guarded(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            with UntimedGuard(self.circuit, self.judge):
                return (yield from function(*args, **kwargs))

        return guarded

    def _async_generator(self, function: Callable[..., AsyncGenerator[Any, None]]) -> Callable[..., Any]:
        async def guarded(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
            from contextlib import aclosing  # noqa: PLC0415 - it brings asyncio's weight along

            with UntimedGuard(self.circuit, self.judge):
                async with aclosing(function(*args, **kwargs)) as items:
                    async for item in items:
                        yield item

        return guarded

    def _late(self, result: Any) -> Any:
        """What a plain function returned and will only run later, guarded while it runs."""
        if isinstance(result, CoroutineType):
            return _run_coroutine(self, result)
        if isinstance(result, GeneratorType):
            return self._generator(lambda: result)()
        return self._async_generator(lambda: result)()


async def _run_coroutine(breaker: CircuitBreaker, coroutine: CoroutineType[Any, Any, Any]) -> Any:
    try:
        return await breaker.call_async(lambda: coroutine)
    finally:
        coroutine.close()  # where the circuit was open it never ran


DB_CIRCUIT_BREAKER = CircuitBreaker("database", failure_threshold=5, recovery_timeout=30.0)
"""Opens after 5 consecutive failures, for 30 seconds."""
ALGORITHM_CIRCUIT_BREAKER = CircuitBreaker("algorithm", failure_threshold=3, recovery_timeout=60.0)
"""Opens after 3 consecutive failures, for a minute."""
NOTIFICATION_CIRCUIT_BREAKER = CircuitBreaker("notification", failure_threshold=10, recovery_timeout=120.0)
"""Opens after 10 consecutive failures, for two minutes."""
