"""Guards of a breaker around blocks, slow calls and calls with a fallback."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from ci_ops.service.resilience.circuit import Circuit, CircuitOpenError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType


class CallTimeoutError(TimeoutError):
    """The call exceeded the timeout that the breaker itself imposes."""


class Guard:
    """One permit around one block, made by `CircuitBreaker.guard()` and used once."""

    __slots__ = ("_circuit", "_judge", "_permit", "_started")

    def __init__(self, circuit: Circuit, judge: Callable[[BaseException, int, float], None]) -> None:
        self._circuit = circuit
        self._judge = judge
        self._permit = 0
        self._started = 0.0

    def __enter__(self) -> None:
        self._permit = self._circuit.acquire()
        self._started = self._circuit.clock()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        if error is None:
            self._circuit.succeed(self._permit, self._started, self._circuit.clock())
        else:
            self._judge(error, self._permit, self._started)

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.__exit__(kind, error, trace)


class UntimedGuard(Guard):
    """A guard for iteration, which is never slow: the time is the consumer's."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._started = self._circuit.clock()
        super().__exit__(kind, error, trace)


def with_time_limit(function: Callable[..., Awaitable[Any]], seconds: float) -> Callable[..., Awaitable[Any]]:
    """Return the function, cancelled with CallTimeoutError when it takes longer."""

    async def limited(*args: Any, **kwargs: Any) -> Any:
        from asyncio import timeout  # noqa: PLC0415 - applications without a loop need not load it

        try:
            async with timeout(seconds) as limit:
                return await function(*args, **kwargs)
        except TimeoutError as error:
            if limit.expired():
                raise CallTimeoutError(f"no answer within {seconds:g} s") from error
            raise

    return limited


def plain_fallback(
    guarded: Callable[..., Any], circuit: Circuit, fallback: Callable[..., Any]
) -> Callable[..., Any]:
    """Return the guarded function with a fallback for an open circuit."""

    def answered(*args: Any, **kwargs: Any) -> Any:
        try:
            return guarded(*args, **kwargs)
        except CircuitOpenError as error:
            if error.circuit_number != circuit.number:
                raise
        return fallback(*args, **kwargs)

    return answered


def async_fallback(
    guarded: Callable[..., Any], circuit: Circuit, fallback: Callable[..., Any]
) -> Callable[..., Any]:
    """Return the guarded asynchronous function with a fallback for an open circuit."""

    async def answered(*args: Any, **kwargs: Any) -> Any:
        try:
            return await guarded(*args, **kwargs)
        except CircuitOpenError as error:
            if error.circuit_number != circuit.number:
                raise
        answer = fallback(*args, **kwargs)
        return await answer if inspect.isawaitable(answer) else answer

    return answered
