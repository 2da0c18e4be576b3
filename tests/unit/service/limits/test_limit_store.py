from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_ops.service.limits.gcra import Quota
from ci_ops.service.limits.networks import neighbourhood
from ci_ops.service.limits.store import MAX_KEY_LENGTH, Claim, MemoryStore, bounded_key
from tests.support.memory import memory_of
from tests.support.ticks import NanoTicks

FIVE_A_MINUTE = Quota(limit=5, name="five")


def exhausted(store: MemoryStore, key: str, quota: Quota = FIVE_A_MINUTE) -> bool:
    """True when the key is refused after it has used up everything."""
    while store.spend_one(quota, key).allowed:
        pass
    return not store.spend_one(quota, key).allowed


def test_a_limited_key_stays_limited_whatever_flood_of_other_keys_passes() -> None:
    clock = NanoTicks()
    store = MemoryStore(1024, clock_ns=clock)
    assert exhausted(store, "attacker")
    for number in range(20_000):
        store.spend_one(FIVE_A_MINUTE, f"flood {number}")
        clock.now += 1000
    assert not store.spend_one(FIVE_A_MINUTE, "attacker").allowed
    assert len(store) <= 1024


def test_without_room_new_keys_share_buckets_and_are_still_limited() -> None:
    store = MemoryStore(10, clock_ns=NanoTicks())
    for number in range(10):
        assert exhausted(store, f"known {number}")
    decisions = [store.spend_one(FIVE_A_MINUTE, "newcomer") for _ in range(7)]
    assert [decision.allowed for decision in decisions] == [True] * 5 + [False] * 2
    assert {decision.note for decision in decisions} == {"overflow"}
    assert store.overflowed == 7


def test_newcomers_of_one_network_share_a_bucket_when_there_is_no_room() -> None:
    store = MemoryStore(1, clock_ns=NanoTicks(), coarser=neighbourhood)
    assert exhausted(store, "192.0.2.1")
    allowed = [store.spend_one(FIVE_A_MINUTE, f"203.0.113.{host}").allowed for host in range(7)]
    assert allowed == [True] * 5 + [False] * 2
    assert store.spend_one(FIVE_A_MINUTE, "198.51.100.1").allowed


def test_once_the_known_have_rested_newcomers_get_buckets_of_their_own() -> None:
    clock = NanoTicks()
    store = MemoryStore(10, clock_ns=clock)
    for number in range(10):
        exhausted(store, f"known {number}")
    clock.advance(60)
    assert store.spend_one(FIVE_A_MINUTE, "newcomer").note == ""
    assert store.overflowed == 0


def spoofed(count: int) -> list[str]:
    return [f"2001:0db8:85a3:0000:0000:8a2e:{number:09x}:ffff:ffff" for number in range(count)]


def test_two_hundred_thousand_spoofed_keys_find_a_bucket_and_the_table_stays_small() -> None:
    store = MemoryStore(20_000)
    quota = Quota(limit=1, window_seconds=3600)
    for key in spoofed(200_000):
        store.spend_one(quota, key)
    assert len(store) == 20_000
    assert store.overflowed == 180_000


def test_the_memory_is_what_was_stated() -> None:
    memory = memory_of(
        """
        from ci_ops.service.limits.gcra import Quota
        from ci_ops.service.limits.store import MemoryStore
        keys = [f"2001:0db8:85a3:0000:0000:8a2e:{number:09x}:ffff:ffff" for number in range(30_000)]
        """,
        """
        store = MemoryStore(15_000)
        quota = Quota(limit=1, window_seconds=3600)
        for key in keys:
            store.spend_one(quota, key)
        """,
        told="len(store)",
    )
    assert memory.told == 15_000
    assert memory.most_bytes <= 15_000 * 400 + 160_000


def test_keys_at_rest_leave_by_themselves() -> None:
    clock = NanoTicks()
    store = MemoryStore(1000, clock_ns=clock)
    for number in range(1000):
        store.spend_one(FIVE_A_MINUTE, f"old {number}")
    clock.advance(61)
    for number in range(600):
        store.spend_one(FIVE_A_MINUTE, f"new {number}")
        clock.now += 1
    assert len(store) < 1000
    assert store.overflowed == 0


def test_no_thread_and_no_timer_works_behind_the_scenes() -> None:
    before = threading.active_count()
    store = MemoryStore(100)
    for number in range(10_000):
        store.spend_one(FIVE_A_MINUTE, f"key {number}")
    assert threading.active_count() == before


def test_among_threads_exactly_the_quota_passes() -> None:
    store = MemoryStore(clock_ns=NanoTicks())
    quota = Quota(limit=1000, name="threads")
    passed = [0] * 8

    def hammer(number: int) -> None:
        for _ in range(500):
            passed[number] += store.spend_one(quota, "one key").allowed

    threads = [threading.Thread(target=hammer, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(passed) == 1000


@settings(deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.integers(min_value=0, max_value=5), st.integers(min_value=0, max_value=3)), max_size=60
    ),
    max_keys=st.integers(min_value=1, max_value=3),
)
def test_of_several_quotas_all_are_drawn_on_or_none(steps: list[tuple[int, int]], max_keys: int) -> None:
    clock = NanoTicks()
    store = MemoryStore(max_keys, clock_ns=clock)
    claims = [
        Claim(Quota(limit=3, window_seconds=1, name="short"), "user"),
        Claim(Quota(limit=6, window_seconds=60, name="long"), "user"),
    ]
    for gap, cost in steps:
        clock.advance(gap / 2)
        before = [decision.remaining for decision in store.spend(claims, 0)]
        decisions = store.spend(claims, cost)
        after = [decision.remaining for decision in store.spend(claims, 0)]
        assert [decision.remaining for decision in decisions] == after
        if all(decision.allowed for decision in decisions):
            assert after == [left - cost for left in before]
        else:
            assert after == before
            assert [left >= cost for left in before] == [decision.allowed for decision in decisions]


def test_one_claim_is_the_plain_case() -> None:
    store = MemoryStore(clock_ns=NanoTicks())
    (decision,) = store.spend([Claim(FIVE_A_MINUTE, "one")], 2)
    assert decision == store.spend_one(FIVE_A_MINUTE, "one", 0)._replace(cost=2)


def test_quotas_do_not_mix_their_keys() -> None:
    store = MemoryStore(clock_ns=NanoTicks())
    exhausted(store, "user")
    assert store.spend_one(Quota(limit=1, name="other"), "user").allowed


def test_a_forgotten_key_begins_anew() -> None:
    store = MemoryStore(clock_ns=NanoTicks())
    exhausted(store, "user")
    store.forget(FIVE_A_MINUTE, "user")
    store.forget(FIVE_A_MINUTE, "nobody")
    assert store.spend_one(FIVE_A_MINUTE, "user").remaining == 4


@pytest.mark.parametrize("key", ["x" * 100_000, "ключ", "\ud800", "é" * 50])
def test_long_and_wide_keys_are_kept_as_digests_and_limited_like_any_other(key: str) -> None:
    store = MemoryStore(clock_ns=NanoTicks())
    assert len(bounded_key(key)) == 32
    assert exhausted(store, key)
    assert store.spend_one(FIVE_A_MINUTE, key + "!").allowed


def test_ordinary_keys_are_kept_as_they_are() -> None:
    assert bounded_key("x" * MAX_KEY_LENGTH) == "x" * MAX_KEY_LENGTH
    assert bounded_key("") == ""


def test_time_is_steady_so_a_clock_that_is_set_changes_nothing() -> None:
    assert MemoryStore()._clock_ns is time.monotonic_ns
