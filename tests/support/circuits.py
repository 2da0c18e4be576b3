"""A dependency that is up or down, and breakers around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ci_ops.service.resilience.breaker import CircuitBreaker, CircuitState

if TYPE_CHECKING:
    from tests.support.ticks import Ticks


class Down(Exception):
    """A dependency that does not answer."""


def fail() -> None:
    """A dependency that is down."""
    raise Down


async def fail_async() -> None:
    """The same, awaited."""
    raise Down


def give(value: Any = "ok") -> Any:
    """A dependency that answers."""
    return value


async def give_async(value: Any = "ok") -> Any:
    """The same, awaited."""
    return value


def state_of(breaker: CircuitBreaker) -> CircuitState:
    """The state, read anew: type checkers believe it cannot have changed."""
    return breaker.state


def broken(breaker: CircuitBreaker, times: int = 1) -> None:
    """Let so many calls fail."""
    for _ in range(times):
        with pytest.raises(Down):
            breaker.call(fail)


def half_open(clock: Ticks, **options: Any) -> CircuitBreaker:
    """A breaker that opened and whose time is up."""
    breaker = CircuitBreaker("half", 1, 60, clock=clock, **options)
    broken(breaker)
    clock.advance(60)
    assert state_of(breaker) is CircuitState.HALF_OPEN
    return breaker
