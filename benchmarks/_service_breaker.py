"""What a breaker and a retry cost a call that succeeds, beside their peers.

Targets: the breaker not slower than circuitbreaker and 2.5 times faster than
pybreaker; the retry five times faster than backoff. Circuitbreaker has neither
lock nor window nor a clock for slow calls; ours works with all three here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import backoff
import circuitbreaker
import pybreaker

from benchmarks._paired import Paired, compare, compare_async
from ci_ops.service.resilience.breaker import CircuitBreaker, CircuitRules
from ci_ops.service.resilience.retry import Retry, RetryBudget

if TYPE_CHECKING:
    from collections.abc import Iterator


def answer() -> int:
    """A dependency that answers at once."""
    return 1


async def answer_async() -> int:
    """The same, awaited."""
    return 1


def breaker_against_circuitbreaker() -> Paired:
    """A closed breaker, decorated function."""
    return compare("breaker / circuitbreaker", CircuitBreaker("a")(answer), circuitbreaker.circuit(answer))


def breaker_against_pybreaker() -> Paired:
    """A closed breaker, decorated function."""
    return compare("breaker / pybreaker", CircuitBreaker("b")(answer), pybreaker.CircuitBreaker()(answer))


def breaker_with_time_window_against_pybreaker() -> Paired:
    """The same with a window in time, where every success has to be counted under the lock."""
    breaker = CircuitBreaker("c", rules=CircuitRules(window_seconds=60))
    return compare("breaker, time window / pybreaker", breaker(answer), pybreaker.CircuitBreaker()(answer))


def awaited_breaker_against_circuitbreaker() -> Paired:
    """A closed breaker, decorated coroutine function."""
    ours = CircuitBreaker("d")(answer_async)
    return compare_async("awaited breaker / circuitbreaker", ours, circuitbreaker.circuit(answer_async))


def retry_against_backoff() -> Paired:
    """No failure, decorated function, with a retry budget on our side."""
    ours = Retry(on=ConnectionError, budget=RetryBudget())(answer)
    peer = backoff.on_exception(backoff.expo, ConnectionError, max_tries=4)(answer)
    return compare("retry / backoff", ours, peer)


def awaited_retry_against_backoff() -> Paired:
    """No failure, decorated coroutine function, with a retry budget on our side."""
    ours = Retry(on=ConnectionError, budget=RetryBudget())(answer_async)
    peer = backoff.on_exception(backoff.expo, ConnectionError, max_tries=4)(answer_async)
    return compare_async("awaited retry / backoff", ours, peer)


def all_of_them() -> Iterator[tuple[Paired, float]]:
    """Every comparison, and the ratio that is promised."""
    yield breaker_against_circuitbreaker(), 1.0
    yield breaker_against_pybreaker(), 2.5
    yield breaker_with_time_window_against_pybreaker(), 1.0
    yield awaited_breaker_against_circuitbreaker(), 1.0
    yield retry_against_backoff(), 5.0
    yield awaited_retry_against_backoff(), 5.0


if __name__ == "__main__":
    for paired, promised in all_of_them():
        print(paired, "ok" if paired.ratio >= promised else f"MISSED {promised:g}")
