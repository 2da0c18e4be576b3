from __future__ import annotations

import asyncio
import functools
import inspect
import math
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_ops.service.resilience.breaker import CircuitBreaker, CircuitOpenError
from ci_ops.service.resilience.retry import Jitter, Retry, RetryEvent
from tests.support.circuits import Down, fail, give, give_async
from tests.support.flaky import Flaky, patient
from tests.support.ticks import Ticks

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator


@pytest.mark.parametrize(("failures", "tries"), [(0, 1), (1, 2), (3, 4)])
def test_it_tries_up_to_four_times_by_default(failures: int, tries: int) -> None:
    flaky = Flaky(failures)
    assert patient(Ticks()).call(flaky, 7) == 7
    assert flaky.tries == tries
    later = Flaky(failures)
    assert asyncio.run(patient(Ticks()).call_async(later.wait, 7)) == 7
    assert later.tries == tries


def test_the_last_error_is_handed_on_as_it_is() -> None:
    flaky = Flaky(4)
    with pytest.raises(Down) as caught:
        patient(Ticks()).call(flaky)
    assert caught.value is flaky.error
    assert caught.value.__context__ is None
    later = Flaky(4)
    with pytest.raises(Down):
        asyncio.run(patient(Ticks()).call_async(later.wait))
    assert later.tries == 4


def test_an_error_nobody_named_is_not_tried_again() -> None:
    flaky = Flaky(1, ValueError("not that"))
    with pytest.raises(ValueError, match="not that"):
        patient(Ticks()).call(flaky)
    assert flaky.tries == 1


def test_a_function_may_decide_which_errors_are_worth_it() -> None:
    policy = patient(Ticks(), on=lambda error: "503" in str(error))
    flaky = Flaky(1, ValueError("503"))
    assert policy.call(flaky) == "ok"
    with pytest.raises(ValueError, match="404"):
        policy.call(Flaky(1, ValueError("404")))


def test_waits_grow_up_to_the_longest() -> None:
    clock = Ticks(0)
    waits: list[float] = []
    policy = patient(
        clock,
        jitter="none",
        attempts=8,
        first_wait_seconds=0.5,
        longest_wait_seconds=4,
        on_retry=lambda event: waits.append(event.wait_seconds),
    )
    with pytest.raises(Down):
        policy.call(fail)
    assert waits == [0.5, 1, 2, 4, 4, 4, 4]
    assert clock() == sum(waits)


@settings(deadline=None)
@given(
    jitter=st.sampled_from(["full", "equal", "decorrelated"]),
    first=st.floats(min_value=0, max_value=10),
    more=st.floats(min_value=0, max_value=100),
    factor=st.floats(min_value=1, max_value=10),
    attempts=st.integers(min_value=1, max_value=200),
)
def test_jitter_keeps_every_wait_between_nothing_and_the_longest(
    jitter: Jitter, first: float, more: float, factor: float, attempts: int
) -> None:
    clock = Ticks(0)
    waits: list[float] = []
    policy = patient(
        clock,
        jitter=jitter,
        attempts=attempts,
        deadline_seconds=None,
        first_wait_seconds=first,
        longest_wait_seconds=first + more,
        factor=factor,
        on_retry=lambda event: waits.append(event.wait_seconds),
    )
    with pytest.raises(Down):
        policy.call(fail)
    assert len(waits) == attempts - 1
    least = {"full": 0.0, "equal": first / 2, "decorrelated": first}[jitter]
    assert all(least <= wait <= first + more for wait in waits)


@pytest.mark.parametrize("jitter", ["full", "equal", "decorrelated"])
def test_jitter_spreads(jitter: Jitter) -> None:
    waits = set()
    policy = patient(
        Ticks(), jitter=jitter, attempts=20, on_retry=lambda event: waits.add(event.wait_seconds)
    )
    with pytest.raises(Down):
        policy.call(fail)
    assert len(waits) > 5


@settings(deadline=None)
@given(
    limit=st.floats(min_value=0.1, max_value=50),
    work=st.lists(st.floats(min_value=0, max_value=5), min_size=50, max_size=50),
)
def test_no_wait_ends_after_the_deadline(limit: float, work: list[float]) -> None:
    clock = Ticks(0)
    begun: list[float] = []

    def slow_failure() -> None:
        begun.append(clock())
        clock.advance(work[len(begun) % 50])
        raise Down

    policy = patient(clock, attempts=None, deadline_seconds=limit)
    with pytest.raises(Down):
        policy.call(slow_failure)
    assert all(at <= limit for at in begun)


@pytest.mark.parametrize(("asked", "tries"), [(10.0, 2), (44.0, 2), (46.0, 1)])
def test_a_wait_that_was_asked_for_is_kept_or_nothing_more_is_tried(asked: float, tries: int) -> None:
    clock = Ticks(0)
    error = Down()
    error.retry_after = asked  # type: ignore[attr-defined]
    flaky = Flaky(1, error)
    try:
        assert patient(clock).call(flaky) == "ok"
        assert asked <= clock() <= asked + 0.1
    except Down:
        assert clock() == 0
    assert flaky.tries == tries


def test_it_waits_out_an_open_circuit_when_the_time_allows() -> None:
    clock = Ticks(0)
    breaker = CircuitBreaker("waited for", 1, 30, clock=clock)
    breaker.trip()
    flaky = Flaky(0)
    policy = patient(clock, on=(Down, CircuitOpenError))
    assert policy.call(breaker.call, flaky) == "ok"
    assert 30 <= clock() <= 30.1


def test_it_gives_up_at_once_on_a_circuit_that_stays_open_too_long() -> None:
    clock = Ticks(0)
    breaker = CircuitBreaker("too long", 1, 60, clock=clock)
    breaker.trip()
    with pytest.raises(CircuitOpenError):
        patient(clock, on=Exception).call(breaker.call, give)
    breaker.force_open()
    with pytest.raises(CircuitOpenError):
        patient(clock, on=Exception).call(breaker.call, give)
    assert clock() == 0
    assert breaker.snapshot().rejected == 2


def test_a_bad_result_is_tried_again_and_the_last_one_is_handed_on() -> None:
    policy = patient(Ticks(), is_bad_result=lambda status: status >= 500)
    answers = iter([500, 502, 200])
    assert policy.call(lambda: next(answers)) == 200
    assert policy.call(give, 503) == 503
    assert patient(Ticks(), is_bad_result=bool).call(give, 0) == 0
    assert asyncio.run(policy.call_async(give_async, 503)) == 503
    later = iter([500, 200])

    async def ask() -> int:
        return next(later)

    assert asyncio.run(policy.call_async(ask)) == 200


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_a_call_that_is_to_end_ends(ending: type[BaseException]) -> None:
    tries = 0

    def stop() -> None:
        nonlocal tries
        tries += 1
        raise ending

    with pytest.raises(ending):
        patient(Ticks(), on=Exception).call(stop)
    assert tries == 1


def test_cancelling_ends_the_wait_between_two_tries() -> None:
    flaky = Flaky(9)
    policy = Retry(on=Down, first_wait_seconds=40, longest_wait_seconds=40, jitter="none")

    async def main() -> None:
        task = asyncio.ensure_future(policy.call_async(flaky.wait))
        while not flaky.tries:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert flaky.tries == 1


def test_every_repetition_is_told() -> None:
    events: list[RetryEvent] = []
    flaky = Flaky(2)
    patient(Ticks(), on_retry=events.append).call(flaky)
    assert [(event.name, event.tries, event.error) for event in events] == [
        ("Flaky", 1, flaky.error),
        ("Flaky", 2, flaky.error),
    ]


def test_decorated_functions_keep_their_kind_and_name() -> None:
    policy = patient(Ticks())

    class Repository:
        @policy
        def load(self, number: int) -> int:
            """Load it."""
            return number

        @policy
        async def load_async(self, number: int) -> int:
            return number

    assert Repository().load(3) == asyncio.run(Repository().load_async(3)) == 3
    assert (Repository.load.__name__, Repository.load.__doc__) == ("load", "Load it.")
    assert inspect.iscoroutinefunction(Repository.load_async)


class Remote:
    def __init__(self) -> None:
        self.flaky = Flaky(2)

    async def __call__(self) -> Any:
        return self.flaky()


def test_async_functions_in_any_disguise_are_tried_again() -> None:
    policy = patient(Ticks())
    hidden = Flaky(2)

    def disguised() -> Any:
        return asyncio.wait_for(hidden.wait(), 20)

    async def main() -> None:
        assert await policy.call(disguised) == "ok"
        assert await policy(functools.partial(Flaky(2).wait))() == "ok"
        assert await policy.call(Remote()) == "ok"
        assert await policy(Remote())() == "ok"

    asyncio.run(main())
    assert hidden.tries == 3


def test_a_generator_is_refused() -> None:
    def rows() -> Generator[int, None, None]:
        yield 1

    async def rows_async() -> AsyncGenerator[int, None]:
        yield 1

    for function in (rows, rows_async):
        with pytest.raises(TypeError, match="may have answered in part"):
            patient(Ticks())(function)


def test_without_a_given_clock_real_time_passes() -> None:
    started = time.monotonic()
    policy = Retry(on=Down, jitter="none", first_wait_seconds=0.005)
    assert policy.call(Flaky(1)) == "ok"
    assert asyncio.run(policy.call_async(Flaky(1).wait)) == "ok"
    assert time.monotonic() - started >= 0.01


def test_a_listener_that_fails_stops_no_retry(caplog: pytest.LogCaptureFixture) -> None:
    def listen(_: RetryEvent) -> None:
        raise RuntimeError("deaf")

    assert patient(Ticks(), on_retry=listen).call(Flaky(2)) == "ok"
    assert "the listener of the retries of Flaky failed" in caplog.text


@pytest.mark.parametrize(("asked", "tries"), [(3599.0, 2), (1e9, 1)])
def test_without_a_deadline_a_dependency_may_ask_for_an_hour_and_not_for_years(
    asked: float, tries: int
) -> None:
    class Busy(Exception):
        retry_after = asked

    clock = Ticks()
    flaky = Flaky(1, Busy())
    policy = patient(clock, on=Busy, deadline_seconds=None)
    if tries == 1:
        with pytest.raises(Busy):
            policy.call(flaky)
    else:
        assert policy.call(flaky) == "ok"
    assert flaky.tries == tries


def test_however_steep_the_growth_no_wait_is_longer_than_the_longest() -> None:
    clock = Ticks()
    with pytest.raises(Down):
        patient(clock, factor=1e300, attempts=5, jitter="none").call(Flaky(9))
    assert clock.now == 1000 + 0.1 + 3 * 5
    with pytest.raises(Down):
        patient(clock, factor=1e300, attempts=5, first_wait_seconds=0, jitter="none").call(Flaky(9))
    assert clock.now == 1000 + 0.1 + 3 * 5


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"attempts": None, "deadline_seconds": None}, "for ever"),
        *(({"attempts": one}, "positive whole") for one in (0, -1, 2.5, math.nan, math.inf)),
        *(({"deadline_seconds": one}, "positive, and has") for one in (0, -1, math.nan, math.inf)),
        *(({"first_wait_seconds": one}, "not negative") for one in (-1, math.nan, math.inf)),
        *(({"longest_wait_seconds": one}, "not shorter") for one in (0.01, -1, math.nan, math.inf)),
        *(({"factor": one}, "at least 1") for one in (0.5, math.nan, math.inf)),
        ({"jitter": "ful"}, "jitter is one of full, equal, decorrelated, none"),
    ],
)
def test_a_policy_that_cannot_hold_is_refused(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Retry(on=Down, **wrong)


@pytest.mark.parametrize("kinds", [[Down], "Down", (Down, 3), None, 3])
def test_what_is_no_kind_of_exception_is_refused_before_the_first_failure(kinds: Any) -> None:
    with pytest.raises(TypeError, match="a type, a tuple of types, or a function"):
        Retry(on=kinds)
