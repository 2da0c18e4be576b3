from __future__ import annotations

import asyncio
import math
import threading
from typing import Any

import pytest

from ci_ops.service.limits.buckets import PerUserRateLimiter, RateLimiter, per_user_rate_limiter
from ci_ops.service.limits.client import ClientResolver
from ci_ops.service.limits.store import MemoryStore
from tests.support.ticks import NanoTicks


def test_a_bucket_holds_its_capacity_and_refills_steadily() -> None:
    clock = NanoTicks()
    bucket = RateLimiter(capacity=10, refill_rate=2, clock_ns=clock)
    assert [bucket.is_allowed() for _ in range(11)] == [True] * 10 + [False]
    assert bucket.get_delay() == 0.5
    clock.advance(0.5)
    assert bucket.tokens == 1
    assert bucket.is_allowed()
    clock.advance(3600)
    assert bucket.tokens == 10


def test_a_request_may_take_several_tokens_or_none_at_all() -> None:
    clock = NanoTicks()
    bucket = RateLimiter(capacity=10, refill_rate=2, clock_ns=clock)
    assert bucket.is_allowed(7)
    assert not bucket.is_allowed(4)
    assert bucket.tokens == 3
    assert bucket.get_delay(4) == 0.5
    assert bucket.get_delay(3) == 0
    assert bucket.get_delay(11) == math.inf
    assert bucket.hit(11).retry_after_seconds == math.inf
    with pytest.raises(ValueError, match="cannot give units back"):
        bucket.hit(-1)


def test_by_default_it_gives_a_hundred_a_minute() -> None:
    clock = NanoTicks()
    bucket = RateLimiter(clock_ns=clock)
    assert sum(bucket.is_allowed() for _ in range(110)) == 100
    assert bucket.get_delay() == pytest.approx(0.6)


def test_among_threads_exactly_the_tokens_are_taken() -> None:
    bucket = RateLimiter(capacity=1000, refill_rate=1, clock_ns=NanoTicks())
    taken = [0] * 8

    def hammer(number: int) -> None:
        for _ in range(500):
            taken[number] += bucket.is_allowed()

    threads = [threading.Thread(target=hammer, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 1000


def test_every_user_has_a_bucket_of_the_same_kind() -> None:
    clock = NanoTicks()
    users = PerUserRateLimiter(store=MemoryStore(clock_ns=clock))
    assert sum(users.is_allowed(1) for _ in range(110)) == 100
    assert users.is_allowed("2", 100)
    assert users.get_delay(1) == pytest.approx(0.6)
    assert users.get_delay(1, 101) == math.inf
    assert users.get_delay(3) == 0
    assert users.hit(1).quota.name == "per-user"
    assert not asyncio.run(users.hit_async(1)).allowed


def test_ten_thousand_users_at_most_have_buckets_when_it_was_said_so() -> None:
    users = PerUserRateLimiter(capacity=1, refill_rate=0.001, max_users=10)
    assert sum(users.is_allowed(number) for number in range(10)) == 10
    assert users.hit("one more").note == "overflow"


@pytest.mark.parametrize("tokens", [-1, 0.5, math.nan])
def test_a_number_of_tokens_that_is_none_is_refused(tokens: Any) -> None:
    for ask in (RateLimiter().hit, RateLimiter().is_allowed, RateLimiter().get_delay):
        with pytest.raises(ValueError, match="a whole number, at least 0"):
            ask(tokens)
    with pytest.raises(ValueError, match="a whole number, at least 0"):
        PerUserRateLimiter().get_delay("ada", tokens)


@pytest.mark.parametrize(
    ("addresses", "elsewhere"),
    [
        ([f"203.0.113.{host}" for host in range(12)], "198.51.100.1"),
        ([f"2001:db8:1:{net:x}::1" for net in range(12)], "2001:db8:2::1"),
    ],
)
def test_without_room_clients_known_by_address_share_the_bucket_of_their_neighbourhood(
    addresses: list[str], elsewhere: str
) -> None:
    users = PerUserRateLimiter(capacity=5, refill_rate=0.001, max_users=1)
    resolver = ClientResolver()
    assert users.is_allowed("user:ada")
    passed = [users.is_allowed(f"ip:{resolver.resolve(address).key}") for address in addresses]
    assert passed == [True] * 5 + [False] * 7
    assert users.is_allowed(f"ip:{resolver.resolve(elsewhere).key}")
    assert users.is_allowed("user:bob@203.0.113.9")


def test_in_shadow_mode_no_user_is_refused() -> None:
    users = PerUserRateLimiter(capacity=1, refill_rate=0.001, enforce=False)
    assert [users.is_allowed(1) for _ in range(3)] == [True] * 3
    assert users.limiter.counts.shadowed == 2


@pytest.mark.parametrize("rate", [0, -1, math.nan])
def test_a_bucket_that_never_refills_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="gains more than nothing"):
        RateLimiter(refill_rate=rate)


def test_there_is_one_limiter_ready_made() -> None:
    assert per_user_rate_limiter.hit("only here").remaining == 99
