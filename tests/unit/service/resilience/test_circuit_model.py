"""The circuit against a plain model of itself, and under threads and tasks."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ci_ops.service.resilience.breaker import CircuitBreaker, CircuitOpenError, CircuitRules, CircuitState
from tests.support.circuits import Down
from tests.support.ticks import Ticks


@dataclass(kw_only=True)
class Model:
    """What the documentation says, in the simplest words and without any ring."""

    rules: CircuitRules
    state: str = "closed"
    entries: list[tuple[int, bool, bool]] = field(default_factory=list)
    consecutive: int = 0
    openings: int = 0
    reopens_at: float = 0

    def call(self, now: int, seconds: int, *, is_bad: bool) -> bool:
        """Make a call; False when it is refused."""
        if self.state == "open":
            if now < self.reopens_at:
                return False
            self.state = "half_open"
        end = now + seconds
        is_slow = seconds >= self.rules.slow_seconds
        if self.state == "half_open":
            if is_bad or is_slow:
                self.open(end)
            else:
                self.state, self.entries, self.consecutive, self.openings = "closed", [], 0, 0
            return True
        self.consecutive = self.consecutive + 1 if is_bad else 0
        self.entries.append((end, is_bad, is_slow))
        if (is_bad or is_slow) and self.is_too_bad(end):
            self.open(end)
        return True

    def window(self, now: int) -> list[tuple[int, bool, bool]]:
        span = self.rules.window_seconds
        if span is None:
            return self.entries[-self.rules.window_calls :]
        width = span / 10
        first = self.entries[0][0]
        newest = (now - first) // width
        return [entry for entry in self.entries if (entry[0] - first) // width > newest - 10]

    def is_too_bad(self, now: int) -> bool:
        if self.consecutive >= (self.rules.failure_threshold or 0):
            return True
        window = self.window(now)
        if len(window) < self.rules.minimum_calls:
            return False
        failed = sum(is_bad for _, is_bad, _ in window)
        slow = sum(is_slow for _, _, is_slow in window)
        return failed * 2 >= len(window) or slow == len(window)

    def open(self, now: int) -> None:
        self.openings += 1
        self.state = "open"
        self.reopens_at = now + min(30 * 2 ** (self.openings - 1), 100)


@settings(deadline=None)
@given(
    by_time=st.booleans(),
    size=st.integers(min_value=4, max_value=12),
    steps=st.lists(
        st.tuples(st.sampled_from([0, 1, 7, 29, 30, 61]), st.sampled_from([0, 0, 0, 1, 5, 6]), st.booleans()),
        max_size=120,
    ),
)
def test_every_call_is_let_through_and_counted_as_the_model_says(
    by_time: bool, size: int, steps: list[tuple[int, int, bool]]
) -> None:
    rules = CircuitRules(
        failure_threshold=4,
        minimum_calls=4,
        window_calls=size,
        window_seconds=size * 10 if by_time else None,
        slow_seconds=6,
        recovery_seconds=30,
        recovery_factor=2,
        max_recovery_seconds=100,
    )
    clock = Ticks(0)
    breaker = CircuitBreaker("modelled", rules=rules, clock=clock)
    model = Model(rules=rules)

    def work(seconds: int, is_bad: bool) -> None:
        clock.advance(seconds)
        if is_bad:
            raise Down

    for gap, seconds, is_bad in steps:
        clock.advance(gap)
        expected = model.call(int(clock()), seconds, is_bad=is_bad)
        try:
            breaker.call(work, seconds, is_bad)
            passed = True
        except Down:
            passed = True
        except CircuitOpenError:
            passed = False
        assert passed == expected
        assert breaker.circuit._state.value == model.state
        if model.state == "closed":
            assert breaker.failure_count == model.consecutive
            shot = breaker.snapshot()
            window = model.window(int(clock())) if model.entries else []
            assert shot.calls == len(window)
            assert shot.failed == sum(bad for _, bad, _ in window)
            assert shot.slow == sum(slow for _, _, slow in window)


def test_no_outcome_is_lost_between_threads() -> None:
    rules = CircuitRules(window_calls=20_000)
    breaker = CircuitBreaker("threads", rules=rules)
    breaker.metrics_only()
    failed = [0] * 8

    def work(is_bad: bool) -> None:
        if is_bad:
            raise Down

    def hammer(number: int) -> None:
        dice = random.Random(number)
        for _ in range(1000):
            is_bad = dice.random() < 0.3
            failed[number] += is_bad
            with contextlib.suppress(Down):
                breaker.call(work, is_bad)

    threads = [threading.Thread(target=hammer, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shot = breaker.snapshot()
    assert (shot.calls, shot.failed) == (8000, sum(failed))


def test_of_eight_threads_as_many_pass_as_probes_are_permitted() -> None:
    clock = Ticks()
    breaker = CircuitBreaker("probes", 1, 1, rules=CircuitRules(half_open_calls=3), clock=clock)
    breaker.trip()
    clock.advance(1)
    lock = threading.Lock()
    passed: list[int] = []
    refused: list[int] = []
    all_refused = threading.Event()

    def probe(number: int) -> None:
        with lock:
            passed.append(number)
        assert all_refused.wait(20)

    def knock(number: int) -> None:
        try:
            breaker.call(probe, number)
        except CircuitOpenError:
            with lock:
                refused.append(number)
                if len(refused) == 5:
                    all_refused.set()

    threads = [threading.Thread(target=knock, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(passed), len(refused)) == (3, 5)
    assert breaker.state is CircuitState.CLOSED


def test_two_thousand_tasks_share_one_breaker_and_one_probe_passes() -> None:
    clock = Ticks()
    breaker = CircuitBreaker("tasks", 5, 60, clock=clock)
    reached: list[int] = []

    async def dependency(number: int, *, is_up: bool) -> int:
        reached.append(number)
        await asyncio.sleep(0)
        if not is_up:
            raise Down
        return number

    async def wave(*, is_up: bool) -> list[Any]:
        guarded = breaker(dependency)
        return await asyncio.gather(
            *(guarded(number, is_up=is_up) for number in range(2000)), return_exceptions=True
        )

    answers = asyncio.run(wave(is_up=False))
    assert all(isinstance(answer, Down) for answer in answers)
    assert breaker.circuit._state is CircuitState.OPEN
    clock.advance(60)
    reached.clear()
    answers = asyncio.run(wave(is_up=False))
    assert len(reached) == 1
    assert sum(isinstance(answer, CircuitOpenError) for answer in answers) == 1999
    clock.advance(60)
    assert asyncio.run(wave(is_up=True)).count(0) == 1
    assert asyncio.run(wave(is_up=True)) == list(range(2000))
