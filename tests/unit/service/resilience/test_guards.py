"""What a breaker puts around blocks, generators, slow calls and calls with a fallback."""

from __future__ import annotations

import asyncio
import inspect
import math
from typing import TYPE_CHECKING, Any

import pytest

from ci_ops.service.resilience.breaker import (
    CallTimeoutError,
    CircuitBreaker,
    CircuitOpenError,
    CircuitRules,
    CircuitState,
)
from tests.support.circuits import Down, fail, fail_async, give, give_async, half_open, state_of
from tests.support.ticks import Ticks

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator


def test_a_timeout_that_the_breaker_itself_imposes_is_a_failure() -> None:
    breaker = CircuitBreaker("slow", 3, call_timeout_seconds=0.001, expected_exception=Down)

    async def main() -> None:
        @breaker
        async def hang() -> None:
            await asyncio.Event().wait()

        for _ in range(3):
            with pytest.raises(CallTimeoutError, match=r"no answer within 0\.001 s"):
                await hang()

    asyncio.run(main())
    assert state_of(breaker) is CircuitState.OPEN


def test_within_the_time_limit_results_and_own_timeouts_of_the_call_pass_unchanged() -> None:
    breaker = CircuitBreaker("quick", 1, call_timeout_seconds=20, expected_exception=Down)

    async def time_out() -> None:
        raise TimeoutError("mine")

    async def main() -> None:
        assert await breaker.call_async(give_async, 7) == 7
        with pytest.raises(TimeoutError, match="mine"):
            await breaker.call_async(time_out)

    asyncio.run(main())
    assert state_of(breaker) is CircuitState.CLOSED


def numbers(count: int) -> Generator[int, None, str]:
    yield from range(count)
    raise Down


async def numbers_async(count: int) -> AsyncGenerator[int, None]:
    for number in range(count):
        yield number
    raise Down


def test_a_generator_is_judged_by_how_its_iteration_ends() -> None:
    breaker = CircuitBreaker("generator", 2)
    guarded = breaker(numbers)
    assert inspect.isgeneratorfunction(guarded)
    with pytest.raises(Down):
        list(guarded(3))
    with pytest.raises(Down):
        list(breaker.call(numbers, 3))
    assert state_of(breaker) is CircuitState.OPEN
    with pytest.raises(CircuitOpenError):
        next(guarded(3))


def test_a_generator_left_early_says_nothing() -> None:
    clock = Ticks()
    breaker = half_open(clock)
    iterator = breaker(numbers)(3)
    assert next(iterator) == 0
    clock.advance(3600)
    iterator.close()
    assert state_of(breaker) is CircuitState.HALF_OPEN
    assert breaker.call(give) == "ok"


def test_the_time_a_consumer_takes_is_not_the_dependencys() -> None:
    clock = Ticks()
    breaker = CircuitBreaker(rules=CircuitRules(slow_seconds=1), clock=clock)

    @breaker
    def rows() -> Generator[int, None, None]:
        yield 1
        yield 2

    for _ in rows():
        clock.advance(100)
    assert (breaker.snapshot().calls, breaker.snapshot().slow) == (1, 0)


def test_an_async_generator_is_judged_by_how_its_iteration_ends() -> None:
    breaker = CircuitBreaker("generator", 2)
    guarded = breaker(numbers_async)
    assert inspect.isasyncgenfunction(guarded)

    async def main() -> None:
        for iterator in (guarded(3), breaker.call(numbers_async, 3)):
            with pytest.raises(Down):
                assert [number async for number in iterator] == []

    asyncio.run(main())
    assert state_of(breaker) is CircuitState.OPEN


@pytest.mark.parametrize("seconds", [0, -1, math.nan, math.inf])
def test_a_time_limit_that_is_none_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="time limit of a call is positive"):
        CircuitBreaker(call_timeout_seconds=seconds)
    with pytest.raises(ValueError, match="times are positive"):
        CircuitBreaker(recovery_timeout=seconds)


def test_the_guard_works_with_and_async_with() -> None:
    breaker = CircuitBreaker("block", 2)
    with pytest.raises(Down), breaker.guard():
        fail()

    async def main() -> None:
        async with breaker.guard():
            pass
        async with breaker.guard():
            await fail_async()

    with pytest.raises(Down):
        asyncio.run(main())
    assert (breaker.snapshot().calls, breaker.snapshot().failed) == (3, 2)


def test_while_it_is_open_the_fallback_answers() -> None:
    breaker = CircuitBreaker("fallback", 1)

    @breaker.protect(fallback=lambda number: -number)
    def double(number: int) -> int:
        return number * 2

    @breaker.protect(fallback=lambda number: -number)
    async def double_async(number: int) -> int:
        return number * 2

    @breaker.protect(fallback=give_async)
    async def echo(number: int) -> int:
        return number

    async def answers() -> list[int]:
        return [double(3), await double_async(3), await echo(3)]

    assert asyncio.run(answers()) == [6, 6, 3]
    breaker.trip()
    assert asyncio.run(answers()) == [-3, -3, 3]
    assert double.__name__ == "double"


def test_the_rejection_of_another_breaker_is_not_answered_by_the_fallback() -> None:
    other = CircuitBreaker("same name")
    other.trip()
    breaker = CircuitBreaker("same name")

    @breaker.protect(fallback=give)
    def inner() -> Any:
        return other.call(give)

    @breaker.protect(fallback=give)
    async def inner_async() -> Any:
        return other.call(give)

    with pytest.raises(CircuitOpenError):
        inner()
    with pytest.raises(CircuitOpenError):
        asyncio.run(inner_async())


def test_a_generator_with_a_fallback_is_refused() -> None:
    with pytest.raises(TypeError, match="may have answered in part"):
        CircuitBreaker().protect(fallback=give)(numbers)
