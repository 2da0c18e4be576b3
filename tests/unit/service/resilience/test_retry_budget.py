"""Retries for a share of the calls only."""

from __future__ import annotations

import asyncio
import math
import threading

import pytest

from ci_ops.service.resilience.retry import RetryBudget
from tests.support.circuits import Down, fail, give, give_async
from tests.support.flaky import Flaky, patient
from tests.support.ticks import Ticks


def test_in_an_outage_the_budget_stops_the_retries_but_not_the_calls() -> None:
    budget = RetryBudget(max_tokens=10, ratio=0.5)
    policy = patient(Ticks(), budget=budget)
    tries = 0
    for _ in range(100):
        flaky = Flaky(100)
        with pytest.raises(Down):
            policy.call(flaky)
        tries += flaky.tries
    assert tries == 103
    assert budget.tokens == 0
    for _ in range(13):
        assert policy.call(give) == "ok"
    again = Flaky(1)
    assert policy.call(again) == "ok"
    assert again.tries == 2


def test_an_async_success_gives_back_to_the_budget() -> None:
    budget = RetryBudget(max_tokens=2, ratio=1)
    policy = patient(Ticks(), budget=budget, attempts=1)
    with pytest.raises(Down):
        policy.call(fail)
    assert budget.tokens == 1
    asyncio.run(policy.call_async(give_async))
    asyncio.run(policy.call_async(give_async))
    assert budget.tokens == 2


def test_no_token_is_lost_between_threads() -> None:
    budget = RetryBudget(max_tokens=10_000, ratio=1)

    def spend() -> None:
        for _ in range(1000):
            budget.record_failure()
            budget.record_failure()
            budget.record_success()

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert budget.tokens == 2000


@pytest.mark.parametrize(
    ("tokens", "ratio"),
    [(0, 0.1), (math.nan, 0.1), (math.inf, 0.1), (10, 0), (10, 2), (10, math.nan)],
)
def test_a_budget_without_tokens_is_refused(tokens: float, ratio: float) -> None:
    with pytest.raises(ValueError, match="a budget has tokens"):
        RetryBudget(tokens, ratio)
