from __future__ import annotations

import asyncio
import contextlib
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ci_ops.service.resilience.breaker import (
    CircuitBreaker,
    CircuitOpenError,
    CircuitRules,
    CircuitState,
)
from tests.support.circuits import Down, broken, fail, give, give_async, half_open, state_of
from tests.support.ticks import Ticks


def test_eighty_percent_failures_open_it_though_five_never_come_in_a_row() -> None:
    breaker = CircuitBreaker()
    reached = 0
    with contextlib.suppress(CircuitOpenError):
        for number in range(1000):
            reached += 1
            if number % 5 == 4:
                breaker.call(give)
            else:
                broken(breaker)
    assert state_of(breaker) is CircuitState.OPEN
    assert reached <= 22


def test_a_low_failure_rate_never_opens_it() -> None:
    breaker = CircuitBreaker()
    for _ in range(200):
        for _ in range(6):
            breaker.call(give)
        broken(breaker, 4)
    assert state_of(breaker) is CircuitState.CLOSED
    assert breaker.snapshot().failure_rate == pytest.approx(0.4)


def test_a_time_window_forgets_old_failures() -> None:
    clock = Ticks()
    rules = CircuitRules(failure_threshold=None, window_seconds=10, minimum_calls=4)
    breaker = CircuitBreaker(rules=rules, clock=clock)
    broken(breaker, 3)
    clock.advance(11)
    broken(breaker, 3)
    assert state_of(breaker) is CircuitState.CLOSED
    assert breaker.snapshot().calls == 3
    broken(breaker)
    assert state_of(breaker) is CircuitState.OPEN


def test_slow_calls_open_it_even_when_they_succeed() -> None:
    clock = Ticks()
    rules = CircuitRules(slow_rate=0.5, slow_seconds=2, minimum_calls=4)
    breaker = CircuitBreaker(rules=rules, clock=clock)
    breaker.call(clock.advance, 1.9)
    breaker.call(clock.advance, 1.9)
    breaker.call(clock.advance, 2)
    assert state_of(breaker) is CircuitState.CLOSED
    breaker.call(clock.advance, 2)
    assert state_of(breaker) is CircuitState.OPEN


def test_a_slow_success_is_noticed_in_a_circuit_that_was_flawless() -> None:
    clock = Ticks()
    breaker = CircuitBreaker(rules=CircuitRules(window_calls=20, slow_seconds=2), clock=clock)
    for _ in range(50):
        breaker.call(give)
    assert breaker.circuit.ignores_success
    asyncio.run(breaker.call_async(give_async))
    with breaker.guard():
        pass
    breaker.call(clock.advance, 2)
    assert (breaker.snapshot().slow, breaker.snapshot().slow_rate) == (1, 0.05)
    assert not breaker.circuit.ignores_success


def test_a_failing_slow_call_counts_as_both() -> None:
    clock = Ticks()
    breaker = CircuitBreaker(clock=clock)

    def slow_failure() -> None:
        clock.advance(60)
        raise Down

    with pytest.raises(Down):
        breaker.call(slow_failure)
    shot = breaker.snapshot()
    assert (shot.calls, shot.failed, shot.slow) == (1, 1, 1)


def test_eight_threads_are_inside_the_call_at_once() -> None:
    breaker = CircuitBreaker()
    everyone = threading.Barrier(8)

    @breaker
    def meet() -> int:
        return everyone.wait(timeout=20)

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(lambda _: meet(), range(8))) == list(range(8))


def test_while_half_open_one_of_fifty_callers_reaches_the_dependency() -> None:
    clock = Ticks()
    breaker = half_open(clock)
    inside = threading.Event()
    leave = threading.Event()

    def probe() -> None:
        inside.set()
        assert leave.wait(20)
        raise Down

    with ThreadPoolExecutor(50) as pool:
        first = pool.submit(breaker.call, probe)
        assert inside.wait(20)
        others = [pool.submit(breaker.call, give) for _ in range(49)]
        refused = [type(other.exception(timeout=20)) for other in others]
        leave.set()
        assert isinstance(first.exception(timeout=20), Down)
    assert refused == [CircuitOpenError] * 49
    assert state_of(breaker) is CircuitState.OPEN
    assert breaker.snapshot().rejected == 49


def test_a_late_success_from_before_the_opening_closes_nothing() -> None:
    clock = Ticks()
    breaker = CircuitBreaker("late", 1, clock=clock)
    with breaker.guard():
        broken(breaker)
    assert state_of(breaker) is CircuitState.OPEN
    clock.advance(60)
    slow = breaker.guard()
    slow.__enter__()
    clock.advance(60)
    broken(breaker)
    slow.__exit__(None, None, None)
    assert state_of(breaker) is CircuitState.OPEN


def test_a_late_failure_from_before_the_opening_does_not_reopen_it() -> None:
    clock = Ticks()
    breaker = CircuitBreaker("late", 1, clock=clock)

    def open_and_recover() -> None:
        broken(breaker)
        clock.advance(60)
        breaker.call(give)
        fail()

    with pytest.raises(Down):
        breaker.call(open_and_recover)
    assert (breaker.state, breaker.failure_count) == (CircuitState.CLOSED, 0)


def test_a_probe_that_never_comes_back_does_not_block_recovery_for_ever() -> None:
    clock = Ticks()
    breaker = half_open(clock)
    breaker.guard().__enter__()
    clock.advance(59)
    with pytest.raises(CircuitOpenError) as refused:
        breaker.call(give)
    assert refused.value.retry_after_seconds == 1.0
    clock.advance(1)
    assert breaker.call(give) == "ok"
    assert state_of(breaker) is CircuitState.CLOSED


def test_every_rejection_is_an_exception_of_its_own_so_tracebacks_do_not_grow() -> None:
    breaker = CircuitBreaker("rejecting", 1)
    broken(breaker)

    def refused() -> CircuitOpenError:
        with pytest.raises(CircuitOpenError) as caught:
            breaker.call(give)
        return caught.value

    def depth(error: BaseException) -> int:
        trace, entries = error.__traceback__, 0
        while trace is not None:
            trace, entries = trace.tb_next, entries + 1
        return entries

    first = refused()
    for _ in range(200):
        last = refused()
    assert last is not first
    assert depth(last) == depth(first) < 5


def test_opening_again_and_again_lasts_longer_up_to_a_limit() -> None:
    clock = Ticks()
    rules = CircuitRules(recovery_factor=2, max_recovery_seconds=200)
    breaker = CircuitBreaker("growing", 1, 60, rules=rules, clock=clock)
    lasted = []
    for _ in range(4):
        broken(breaker)
        lasted.append(breaker.snapshot().retry_after_seconds)
        clock.advance(lasted[-1] or 0)
    assert lasted == [60, 120, 200, 200]
    breaker.call(give)
    broken(breaker)
    assert breaker.snapshot().retry_after_seconds == 60


def test_even_a_thousand_openings_in_a_row_do_not_overflow() -> None:
    rules = CircuitRules(recovery_factor=10, max_recovery_seconds=1e9)
    assert rules.open_seconds(1000) == 1e9


def test_a_recovery_time_above_the_limit_is_kept_as_it_was_given() -> None:
    assert CircuitRules(recovery_seconds=3600).open_seconds(3) == 3600


def test_jitter_only_ever_adds_to_the_open_time() -> None:
    lasted = set()
    for _ in range(50):
        breaker = CircuitBreaker("spread", 1, rules=CircuitRules(recovery_jitter_ratio=0.5), clock=Ticks())
        broken(breaker)
        lasted.add(breaker.snapshot().retry_after_seconds)
    assert len(lasted) > 10
    assert all(seconds is not None and 60 <= seconds <= 90 for seconds in lasted)


@pytest.mark.parametrize(("asked", "opened"), [(90.0, 90.0), (30.0, 60.0), (1e9, 600.0)])
def test_a_retry_after_of_the_dependency_lengthens_the_open_time_within_limits(
    asked: float, opened: float
) -> None:
    class Busy(Exception):
        retry_after = asked

    def be_busy() -> None:
        raise Busy

    breaker = CircuitBreaker("asked", 1, clock=Ticks())
    with pytest.raises(Busy):
        breaker.call(be_busy)
    assert breaker.snapshot().retry_after_seconds == opened


def test_several_probes_must_be_good_to_close_it() -> None:
    clock = Ticks()
    breaker = half_open(clock, rules=CircuitRules(half_open_calls=3, failure_rate=None))
    breaker.call(give)
    breaker.call(give)
    assert state_of(breaker) is CircuitState.HALF_OPEN
    breaker.call(give)
    assert state_of(breaker) is CircuitState.CLOSED
    broken(breaker)
    clock.advance(60)
    breaker.call(give)
    broken(breaker)
    assert state_of(breaker) is CircuitState.OPEN


def test_among_many_probes_the_failure_rate_decides() -> None:
    clock = Ticks()
    breaker = half_open(clock, rules=CircuitRules(half_open_calls=10, failure_rate=0.5))
    for _ in range(4):
        broken(breaker)
        breaker.call(give)
    assert state_of(breaker) is CircuitState.HALF_OPEN
    breaker.call(give)
    breaker.call(give)
    assert state_of(breaker) is CircuitState.CLOSED


def test_a_slow_probe_is_a_bad_probe_unless_slowness_does_not_matter() -> None:
    clock = Ticks()
    breaker = half_open(clock)
    breaker.call(clock.advance, 60)
    assert state_of(breaker) is CircuitState.OPEN
    tolerant = half_open(clock, rules=CircuitRules(slow_rate=None))
    tolerant.call(clock.advance, 60)
    assert state_of(tolerant) is CircuitState.CLOSED


def test_forced_open_lets_nothing_through_however_long_one_waits() -> None:
    clock = Ticks()
    breaker = CircuitBreaker("held", clock=clock)
    breaker.force_open()
    clock.advance(1e9)
    with pytest.raises(CircuitOpenError, match="the circuit held is held open") as refused:
        breaker.call(give)
    assert refused.value.retry_after_seconds is None
    breaker.reset()
    assert breaker.call(give) == "ok"


def test_disabled_lets_everything_through_and_counts_nothing() -> None:
    clock = Ticks()
    breaker = CircuitBreaker("off", 1, clock=clock)
    breaker.disable()
    broken(breaker, 50)
    breaker.call(clock.advance, 61)
    breaker.call(give)
    assert state_of(breaker) is CircuitState.DISABLED
    assert breaker.snapshot().calls == 0


def test_metrics_only_counts_everything_and_opens_never() -> None:
    breaker = CircuitBreaker("watched", 1)
    breaker.metrics_only()
    broken(breaker, 50)
    breaker.call(give)
    assert state_of(breaker) is CircuitState.METRICS_ONLY
    assert (breaker.snapshot().calls, breaker.snapshot().failed) == (51, 50)


def test_a_trip_by_hand_recovers_by_itself() -> None:
    clock = Ticks()
    breaker = CircuitBreaker("tripped", clock=clock)
    breaker.trip()
    with pytest.raises(CircuitOpenError):
        breaker.call(give)
    clock.advance(60)
    assert breaker.call(give) == "ok"


def test_every_change_is_told_once_and_outside_the_lock() -> None:
    clock = Ticks()
    changes: list[tuple[str, str]] = []

    def listen(breaker: CircuitBreaker, old: CircuitState, new: CircuitState) -> None:
        asked = threading.Thread(target=breaker.snapshot)
        asked.start()
        asked.join(20)
        assert not asked.is_alive()
        changes.append((old.value, new.value))

    breaker = CircuitBreaker("told", 1, on_change=listen, clock=clock)
    broken(breaker)
    clock.advance(60)
    breaker.call(give)
    assert changes == [("closed", "open"), ("open", "half_open"), ("half_open", "closed")]


def test_a_listener_that_fails_breaks_no_call(caplog: pytest.LogCaptureFixture) -> None:
    def listen(*_: object) -> None:
        raise RuntimeError("deaf")

    breaker = CircuitBreaker("deaf", on_change=listen)
    breaker.trip()
    assert state_of(breaker) is CircuitState.OPEN
    assert "the listener of the circuit deaf failed" in caplog.text


def test_however_steep_the_growth_it_ends_at_the_limit() -> None:
    rules = CircuitRules(recovery_factor=1e300, max_recovery_seconds=900)
    assert [rules.open_seconds(openings) for openings in (1, 2, 3, 10**6)] == [60, 900, 900, 900]


COUNTS = ("failure_threshold", "minimum_calls", "window_calls", "half_open_calls")
TIMES = ("window_seconds", "recovery_seconds", "max_recovery_seconds")


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        *(
            ({name: one}, "a rate is")
            for name in ("failure_rate", "slow_rate")
            for one in (0, 1.1, -1, math.nan)
        ),
        *(({name: one}, "whole numbers") for name in COUNTS for one in (0, -1, 2.5, math.nan, math.inf)),
        *(({name: one}, "times are positive") for name in TIMES for one in (0, -1, math.nan, math.inf)),
        *(({"slow_seconds": one}, "times are positive") for one in (0, -1, math.nan)),
        *(({"recovery_factor": one}, "the factor is") for one in (0.5, math.nan, math.inf)),
        *(({"recovery_jitter_ratio": one}, "the jitter is") for one in (-1, math.nan, math.inf)),
        ({"minimum_calls": 101}, "must have room"),
    ],
)
def test_rules_that_cannot_hold_are_refused(wrong: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        CircuitRules(**wrong)
