from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import pickle
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from ci_ops.service.resilience.breaker import (
    ALGORITHM_CIRCUIT_BREAKER,
    DB_CIRCUIT_BREAKER,
    NOTIFICATION_CIRCUIT_BREAKER,
    CircuitBreaker,
    CircuitOpenError,
    CircuitState,
    circuit_breakers,
)
from tests.support.circuits import Down, broken, fail, fail_async, give, give_async, half_open, state_of
from tests.support.parts import ROOT
from tests.support.ticks import Ticks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def test_it_opens_after_five_failures_and_recovers_after_sixty_seconds_by_default() -> None:
    clock = Ticks()
    breaker = CircuitBreaker(clock=clock)
    broken(breaker, 4)
    assert (breaker.state, breaker.failure_count) == (CircuitState.CLOSED, 4)
    broken(breaker)
    assert state_of(breaker) is CircuitState.OPEN
    clock.advance(59.9)
    with pytest.raises(CircuitOpenError, match=r"default is open for another 0\.1 s") as refused:
        breaker.call(give)
    assert refused.value.retry_after_seconds == pytest.approx(0.1)
    clock.advance(0.1)
    assert breaker.call(give) == "ok"
    assert (breaker.state, breaker.failure_count) == (CircuitState.CLOSED, 0)


@pytest.mark.parametrize(
    ("breaker", "failures", "seconds"),
    [
        (DB_CIRCUIT_BREAKER, 5, 30.0),
        (ALGORITHM_CIRCUIT_BREAKER, 3, 60.0),
        (NOTIFICATION_CIRCUIT_BREAKER, 10, 120.0),
    ],
)
def test_the_presets_have_the_documented_figures(
    breaker: CircuitBreaker, failures: int, seconds: float
) -> None:
    assert breaker.rules.failure_threshold == failures
    assert breaker.rules.open_seconds(1) == seconds
    assert breaker.circuit.clock is time.monotonic
    assert breaker in circuit_breakers()


def test_calls_cut_off_from_outside_are_neither_good_nor_bad() -> None:
    breaker = CircuitBreaker("cut", 3)

    async def main() -> None:
        @breaker
        async def hang() -> None:
            await asyncio.Event().wait()

        for _ in range(5):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(hang(), 0.001)

    asyncio.run(main())
    assert state_of(breaker) is CircuitState.CLOSED
    assert breaker.snapshot().calls == 0


def test_a_probe_cancelled_by_its_client_hands_back_its_permit_and_decides_nothing() -> None:
    breaker = half_open(Ticks())

    async def main() -> None:
        async def hang() -> None:
            await asyncio.Event().wait()

        probe = asyncio.ensure_future(breaker.call_async(hang))
        await asyncio.sleep(0)
        probe.cancel()
        with pytest.raises(asyncio.CancelledError):
            await probe
        assert state_of(breaker) is CircuitState.HALF_OPEN
        assert await breaker.call_async(give_async) == "ok"

    asyncio.run(main())
    assert state_of(breaker) is CircuitState.CLOSED


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_the_end_of_the_program_says_nothing_about_the_dependency(error: type[BaseException]) -> None:
    breaker = CircuitBreaker("end", 1)

    def stop() -> None:
        raise error

    with pytest.raises(error):
        breaker.call(stop)
    assert state_of(breaker) is CircuitState.CLOSED
    assert breaker.snapshot().calls == 0


def test_an_async_function_trips_it() -> None:
    breaker = CircuitBreaker("async", 2)
    guarded = breaker(fail_async)
    assert inspect.iscoroutinefunction(guarded)

    async def main() -> None:
        for _ in range(2):
            with pytest.raises(Down):
                await guarded()
        with pytest.raises(CircuitOpenError):
            await guarded()

    asyncio.run(main())
    assert state_of(breaker) is CircuitState.OPEN


class Remote:
    async def __call__(self) -> None:
        raise Down


def disguised() -> Awaitable[None]:
    return fail_async()


@pytest.mark.parametrize("function", [disguised, functools.partial(fail_async), Remote(), Remote().__call__])
def test_async_functions_in_any_disguise_trip_it(function: Callable[[], Awaitable[None]]) -> None:
    decorated = CircuitBreaker("decorated", 2)
    called = CircuitBreaker("called", 2)

    async def main() -> None:
        guarded = decorated(function)
        for _ in range(2):
            with pytest.raises(Down):
                await guarded()
            with pytest.raises(Down):
                await called.call(function)
        with pytest.raises(CircuitOpenError):
            await guarded()
        with pytest.raises(CircuitOpenError):
            await called.call(function)

    asyncio.run(main())
    assert state_of(decorated) is state_of(called) is CircuitState.OPEN


def test_other_exceptions_are_answers_and_ignored_ones_say_nothing() -> None:
    breaker = CircuitBreaker("kinds", 1, expected_exception=(ConnectionError, Down), ignored=LookupError)

    def raise_it(error: Exception) -> None:
        raise error

    for error in (ValueError(), LookupError()):
        with pytest.raises(type(error)):
            breaker.call(raise_it, error)
    assert breaker.snapshot().calls == 1
    with pytest.raises(ConnectionError):
        breaker.call(raise_it, ConnectionResetError())
    assert state_of(breaker) is CircuitState.OPEN


def test_a_function_may_decide_what_a_failure_is() -> None:
    breaker = CircuitBreaker("judge", 1, expected_exception=lambda error: "503" in str(error))
    with pytest.raises(ValueError, match="404"):
        breaker.call(int, "404 not a number")
    assert state_of(breaker) is CircuitState.CLOSED
    with pytest.raises(ValueError, match="503"):
        breaker.call(int, "503 not a number")
    assert state_of(breaker) is CircuitState.OPEN


def test_a_result_can_be_a_failure_and_is_still_handed_on() -> None:
    breaker = CircuitBreaker("result", 2, is_bad_result=lambda status: status >= 500)
    assert breaker.call(give, 503) == 503
    assert asyncio.run(breaker.call_async(give_async, 502)) == 502
    assert state_of(breaker) is CircuitState.OPEN


def test_a_judge_that_breaks_is_a_failure_that_everybody_sees() -> None:
    breaker = CircuitBreaker("result", 1, is_bad_result=lambda status: bool(status >= 500))
    with pytest.raises(TypeError):
        breaker.call(give, "a text")
    assert state_of(breaker) is CircuitState.OPEN


def test_a_result_that_comes_later_is_judged_when_it_has_come() -> None:
    breaker = CircuitBreaker("result", 1, is_bad_result=lambda status: bool(status >= 500))
    assert asyncio.run(breaker.call(give_async, 200)) == 200
    assert state_of(breaker) is CircuitState.CLOSED
    assert asyncio.run(breaker.call(give_async, 503)) == 503
    assert state_of(breaker) is CircuitState.OPEN


def test_a_judge_of_exceptions_that_breaks_keeps_no_permit() -> None:
    clock = Ticks()
    breaker = CircuitBreaker(
        "judge", 1, 60, expected_exception=lambda error: bool(error.args[0]), clock=clock
    )
    breaker.trip()
    clock.advance(60)
    with pytest.raises(IndexError):
        breaker.call(fail)
    assert state_of(breaker) is CircuitState.OPEN
    clock.advance(60)
    assert breaker.call(give) == "ok"


@pytest.mark.parametrize("kinds", [[ValueError], "ValueError", (ValueError, 3), None])
def test_what_is_no_kind_of_exception_is_refused_before_the_first_failure(kinds: Any) -> None:
    with pytest.raises(TypeError, match="a type, a tuple of types, or a function"):
        CircuitBreaker(expected_exception=kinds)
    with pytest.raises(TypeError, match="a type, a tuple of types, or a function"):
        CircuitBreaker(ignored=kinds)


def test_the_wall_clock_and_its_zone_change_no_recovery() -> None:
    program = """if True:
        import os, time
        from ci_ops.service import CircuitBreaker, CircuitState
        for zone in ("Asia/Tokyo", "America/Los_Angeles", "UTC"):
            os.environ["TZ"] = zone
            time.tzset()
            breaker = CircuitBreaker("zone", recovery_timeout=60)
            breaker.trip()
            assert 59 < breaker.snapshot().retry_after_seconds <= 60, zone
            time.time = time.time_ns = lambda: 4e9
            assert breaker.state is CircuitState.OPEN
    """
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
    assert CircuitBreaker().circuit.clock is time.monotonic


def test_its_own_rejection_in_a_nested_call_is_not_one_more_failure() -> None:
    clock = Ticks()
    breaker = half_open(clock)
    with pytest.raises(CircuitOpenError):
        breaker.call(breaker.call, give)
    assert breaker.call(give) == "ok"
    outer = CircuitBreaker("half", 1, clock=clock)
    breaker.force_open()
    with pytest.raises(CircuitOpenError):
        outer.call(breaker.call, give)
    assert state_of(outer) is CircuitState.OPEN


def test_the_status_is_ready_for_json() -> None:
    breaker = CircuitBreaker("shown", 9, clock=Ticks())
    broken(breaker, 2)
    breaker.call(give)
    assert breaker.get_status() == {
        "name": "shown",
        "state": "closed",
        "failure_count": 0,
        "calls": 3,
        "failed": 2,
        "slow": 0,
        "openings": 0,
        "rejected": 0,
        "retry_after_seconds": None,
        "failure_rate": 0.6667,
        "slow_rate": 0.0,
    }
    assert repr(breaker) == "CircuitBreaker('shown', closed)"
    assert CircuitBreaker("empty").snapshot().failure_rate == 0.0
    assert CircuitBreaker("empty").snapshot().slow_rate == 0.0


def test_a_breaker_nobody_holds_is_not_listed_any_more() -> None:
    breaker = CircuitBreaker("passing by")
    assert breaker in circuit_breakers()
    del breaker
    gc.collect()
    assert "passing by" not in [breaker.name for breaker in circuit_breakers()]


def test_breakers_are_listed_while_another_thread_makes_more_of_them() -> None:
    made: list[CircuitBreaker] = []

    def make() -> None:
        made.extend(CircuitBreaker(f"made {number}") for number in range(3000))

    switch_seconds = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(1) as pool:
            making = pool.submit(make)
            while not making.done():
                circuit_breakers()
    finally:
        sys.setswitchinterval(switch_seconds)

    assert len(made) == 3000
    assert {*made} <= {*circuit_breakers()}


def test_a_rejection_travels_between_processes() -> None:
    error = pickle.loads(pickle.dumps(CircuitOpenError("db", 2.0, 5)))
    assert (error.name, error.retry_after_seconds, error.circuit_number) == ("db", 2.0, 5)


def test_the_decorator_keeps_name_and_methods() -> None:
    class Repository:
        @CircuitBreaker("method")
        def load(self, number: int) -> int:
            """Load it."""
            return number

    assert Repository().load(4) == 4
    assert (Repository.load.__name__, Repository.load.__doc__) == ("load", "Load it.")
