from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_ops.service.limits.gcra import Decision, Quota, spend, wait_ns
from ci_ops.service.limits.limiter import Limiter
from ci_ops.service.limits.store import MemoryStore
from tests.support.ticks import NanoTicks


class TokenBucket:
    """The textbook bucket, in exact fractions: it fills steadily and never overflows."""

    def __init__(self, quota: Quota, now_ns: int) -> None:
        self.size = quota.at_once
        self.per_ns = Fraction(1, quota.interval_ns)
        self.tokens = Fraction(self.size)
        self.at_ns = now_ns

    def refill(self, now_ns: int) -> None:
        self.tokens = min(Fraction(self.size), self.tokens + (now_ns - self.at_ns) * self.per_ns)
        self.at_ns = now_ns

    def take(self, now_ns: int, cost: int) -> bool:
        self.refill(now_ns)
        if self.tokens < cost:
            return False
        self.tokens -= cost
        return True

    def wait_ns(self, cost: int) -> Fraction:
        return max(Fraction(0), (cost - self.tokens) / self.per_ns)


quotas = st.builds(
    Quota,
    limit=st.integers(min_value=1, max_value=1000),
    window_seconds=st.sampled_from([0.001, 0.5, 1.0, 7.0, 60.0, 86400.0]),
    burst=st.none() | st.integers(min_value=1, max_value=50),
)


@settings(deadline=None)
@given(
    quota=quotas,
    steps=st.lists(
        st.tuples(st.floats(min_value=0, max_value=3), st.integers(min_value=0, max_value=60)), max_size=80
    ),
)
def test_every_decision_is_that_of_a_textbook_token_bucket(
    quota: Quota, steps: list[tuple[float, int]]
) -> None:
    clock = NanoTicks()
    limiter = Limiter(quota, store=MemoryStore(clock_ns=clock))
    model = TokenBucket(quota, clock())
    for gap, cost in steps:
        clock.now += round(gap * quota.interval_ns)
        decision = limiter.hit("one", cost)
        assert decision.allowed == model.take(clock(), cost)
        assert decision.remaining == math.floor(model.tokens)
        missing = (model.size - model.tokens) / model.per_ns
        assert decision.full_at_ns - decision.now_ns == missing
        if decision.allowed:
            assert decision.retry_after_seconds == 0
        elif cost > model.size:
            assert decision.retry_after_seconds == math.inf
        else:
            assert decision.retry_after_seconds == float(model.wait_ns(cost)) / 1e9


@settings(deadline=None)
@given(quota=quotas, gaps=st.lists(st.integers(min_value=0, max_value=10**9), min_size=1, max_size=300))
def test_in_no_span_of_time_pass_more_than_the_burst_and_what_was_given_back(
    quota: Quota, gaps: list[int]
) -> None:
    full_at_ns = now_ns = 0
    passed: list[int] = []
    for gap in gaps:
        now_ns += gap % (2 * quota.interval_ns)
        after_ns = spend(quota, full_at_ns, now_ns, 1)
        if after_ns - now_ns <= quota.capacity_ns:
            full_at_ns = after_ns
            passed.append(now_ns)
    for first in range(0, len(passed), 7):
        for last in range(first, len(passed), 5):
            span_ns = passed[last] - passed[first]
            assert last - first + 1 <= quota.at_once + span_ns // quota.interval_ns + 1


@settings(deadline=None)
@given(quota=quotas, cost=st.integers(min_value=1, max_value=50))
def test_after_the_wait_and_not_before_it_the_request_fits(quota: Quota, cost: int) -> None:
    full_at_ns = quota.capacity_ns
    wait = wait_ns(quota, full_at_ns, 0, cost)
    assert wait == cost * quota.interval_ns
    assert spend(quota, full_at_ns, wait, cost) - wait <= max(quota.capacity_ns, cost * quota.interval_ns)
    assert wait_ns(quota, full_at_ns, wait - 1, cost) > 0


def test_a_hundred_a_minute_is_a_token_every_600_milliseconds() -> None:
    quota = Quota(limit=100)
    assert (quota.interval_ns, quota.capacity_ns, quota.at_once) == (600_000_000, 60_000_000_000, 100)


def test_a_burst_of_its_own_changes_what_passes_at_once_and_not_the_rate() -> None:
    quota = Quota(limit=10, window_seconds=1, burst=3)
    assert (quota.interval_ns, quota.capacity_ns, quota.at_once) == (100_000_000, 300_000_000, 3)


def test_a_share_is_the_part_of_one_instance_and_at_least_one_unit() -> None:
    quota = Quota(limit=10, window_seconds=1, burst=4, name="x", unit="content-bytes")
    share = quota.share(4)
    assert (share.limit, share.at_once, share.name, share.unit) == (2, 1, "x", "content-bytes")
    assert quota.share(100).limit == 1
    with pytest.raises(ValueError, match="at least one instance"):
        quota.share(0)


def test_a_decision_in_shadow_mode_still_knows_that_it_is_over() -> None:
    quota = Quota(limit=1, window_seconds=10)
    decision = Decision(allowed=True, quota=quota, full_at_ns=10**10, now_ns=0, cost=1, note="shadow")
    assert decision.is_over
    assert (decision.retry_after_seconds, decision.full_in_seconds, decision.remaining) == (10.0, 10.0, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"limit": one} for one in (0, -1, 2.5, math.nan, math.inf, True)),
        *({"limit": 1, "burst": one} for one in (0, -1, 2.5, math.nan)),
        *({"limit": 1, "window_seconds": one} for one in (0, -1, math.nan, math.inf)),
        {"limit": 1, "unit": "bytes\r\nX-Other: header"},
        {"limit": 1, "name": 'a"b'},
        {"limit": 1, "name": ""},
        {"limit": 1, "name": "x" * 65},
    ],
)
def test_a_quota_that_gives_nothing_or_has_no_proper_name_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"at least one unit|quota's name|counts requests or"):
        Quota(**wrong)
