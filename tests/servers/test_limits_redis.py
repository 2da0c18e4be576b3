"""Shared limits in a real Redis: the same arithmetic, between processes, and without the server."""

from __future__ import annotations

import asyncio
import itertools
import math
import re
import subprocess
import sys
import textwrap
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ci_ops.service.limits.gcra import Quota
from ci_ops.service.limits.limiter import Limiter
from ci_ops.service.limits.redis import AsyncRedisStore, RedisStore, redis_key
from ci_ops.service.limits.store import Claim, MemoryStore, StoreDownError
from ci_ops.service.resilience.breaker import CircuitState
from tests.support.databases import running_redis
from tests.support.ticks import NanoTicks
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

redis = pytest.importorskip("redis", reason="missing part redis: pip install redis")

HOURLY = Quota(limit=20, window_seconds=3600, name="hourly")
_prefixes = itertools.count()
PATIENT_SECONDS = 5.0
PAUSE_MILLISECONDS = 1000


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_redis() as address:
        yield address


@pytest.fixture
def store(url: str) -> Iterator[RedisStore]:
    made = RedisStore.from_url(url, timeout_seconds=PATIENT_SECONDS, prefix=f"test{next(_prefixes)}")
    yield made
    made.close()


def keys_of(store: RedisStore) -> list[str]:
    return sorted(key.decode() for key in store._client.keys(f"{store._prefix}:*"))


def passing(limiter: Limiter, key: str, requests: int) -> int:
    return sum(limiter.hit(key).allowed for _ in range(requests))


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    limit=st.integers(min_value=1, max_value=30),
    costs=st.lists(st.integers(min_value=0, max_value=9), max_size=40),
)
def test_every_decision_is_that_of_the_store_in_memory(
    store: RedisStore, limit: int, costs: list[int]
) -> None:
    quota = Quota(limit=limit, window_seconds=86_400, name="compared")
    shared = Limiter(quota, Quota(limit=100, window_seconds=86_400, name="wide"), store=store)
    local = Limiter(*shared.quotas, store=MemoryStore(clock_ns=NanoTicks()))
    key = f"example {next(_prefixes)}"
    for cost in costs:
        ours = shared.hit_each(key, cost)
        theirs = local.hit_each(key, cost)
        assert [(d.allowed, d.remaining) for d in ours] == [(d.allowed, d.remaining) for d in theirs]
        for our, their in zip(ours, theirs, strict=True):
            assert our.retry_after_seconds == pytest.approx(their.retry_after_seconds, abs=5)


def test_a_rate_that_is_no_whole_number_of_microseconds_gives_exactly_its_burst(store: RedisStore) -> None:
    quota = Quota(limit=7, window_seconds=3600.001, name="odd")
    assert passing(Limiter(quota, store=store), "a", 20) == 7


def test_time_on_the_server_gives_units_back(store: RedisStore) -> None:
    limiter = Limiter(Quota(limit=2, window_seconds=0.4, name="quick"), store=store)
    started = time.monotonic()
    assert passing(limiter, "a", 2) == 2
    wait_until(lambda: limiter.hit("a").allowed)
    assert time.monotonic() - started >= 0.2 - 0.001


def test_a_key_at_rest_is_gone_by_itself(store: RedisStore) -> None:
    limiter = Limiter(Quota(limit=10, window_seconds=0.5, name="quick"), store=store)
    limiter.hit("a", 3)
    assert keys_of(store) == [f"{store._prefix}:{{a}}:quick"]
    assert 0 < store._client.pttl(keys_of(store)[0]) <= 150
    wait_until(lambda: not keys_of(store))


def test_looking_leaves_nothing_behind(store: RedisStore) -> None:
    assert Limiter(HOURLY, store=store).peek("a").remaining == 20
    assert keys_of(store) == []


def test_threads_and_processes_get_exactly_the_quota_together(store: RedisStore, url: str) -> None:
    program = textwrap.dedent(
        """
        import sys
        from ci_ops.service.limits.gcra import Quota
        from ci_ops.service.limits.limiter import Limiter
        from ci_ops.service.limits.redis import RedisStore
        store = RedisStore.from_url(sys.argv[1], timeout_seconds=5.0, prefix=sys.argv[2])
        limiter = Limiter(Quota(limit=100, window_seconds=3600, name="shared"), store=store)
        print(sum(limiter.hit("one key").allowed for _ in range(80)))
        store.close()
        """
    )
    words = [sys.executable, "-c", program, url, store._prefix]
    children = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    limiter = Limiter(Quota(limit=100, window_seconds=3600, name="shared"), store=store)
    passed = [0] * 4

    def hammer(number: int) -> None:
        passed[number] = passing(limiter, "one key", 20)

    threads = [threading.Thread(target=hammer, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counted = [int(child.communicate(timeout=60)[0]) for child in children]
    assert sum(passed) + sum(counted) == 100
    assert not limiter.hit("one key").allowed


def test_of_several_quotas_all_are_drawn_on_or_none(store: RedisStore) -> None:
    limiter = Limiter(Quota(limit=2, window_seconds=3600, name="short"), HOURLY, store=store)
    assert passing(limiter, "a", 5) == 2
    assert [decision.remaining for decision in limiter.hit_each("a")] == [0, 18]


@pytest.mark.parametrize("key", ["{a}", "a}b{", "", "a b\r\nFLUSHALL", "x" * 100_000, "ключ", "\ud800", "*"])
def test_whatever_a_client_sends_becomes_a_plain_key(store: RedisStore, key: str) -> None:
    limiter = Limiter(HOURLY, Quota(limit=5, window_seconds=3600, name="five"), store=store)
    assert passing(limiter, key, 7) == 5
    assert passing(limiter, f"{key}!", 1) == 1
    assert len(keys_of(store)) == 4
    for stored in keys_of(store):
        assert re.fullmatch(rf"{store._prefix}:\{{[A-Za-z0-9_.:@/+-]{{1,96}}\}}:(hourly|five)", stored)


def test_all_quotas_of_a_key_lie_on_one_node_of_a_cluster() -> None:
    keys = {redis_key("p", quota, "user:7") for quota in (HOURLY, Quota(limit=1))}
    assert keys == {"p:{user:7}:hourly", "p:{user:7}:default"}


def test_a_clock_set_back_or_a_smaller_quota_locks_nobody_out_for_longer_than_the_window(
    store: RedisStore,
) -> None:
    store._client.set(redis_key(store._prefix, HOURLY, "a"), "9e15")
    refused = Limiter(HOURLY, store=store).hit("a")
    assert not refused.allowed
    assert refused.retry_after_seconds <= 3600 / 20
    assert refused.remaining == 0


def test_a_server_that_lost_its_scripts_is_told_again(store: RedisStore) -> None:
    limiter = Limiter(HOURLY, store=store)
    limiter.hit("a")
    store._client.script_flush()
    assert limiter.hit("a").remaining == 18
    assert limiter.counts.store_down == 0


def test_a_client_that_decodes_answers_serves_as_well(url: str) -> None:
    client = redis.Redis.from_url(url, decode_responses=True, socket_timeout=PATIENT_SECONDS)
    store = RedisStore(client, prefix=f"test{next(_prefixes)}")
    assert passing(Limiter(HOURLY, store=store), "a", 30) == 20
    store.close()


def test_a_client_that_could_wait_for_ever_is_refused(url: str) -> None:
    client = redis.Redis.from_url(url, socket_timeout=None)
    with pytest.raises(ValueError, match="give the client a socket_timeout"):
        RedisStore(client)
    client.close()


def test_a_forgotten_key_begins_anew(store: RedisStore) -> None:
    limiter = Limiter(HOURLY, store=store)
    passing(limiter, "a", 30)
    store.forget(HOURLY, "a")
    assert limiter.hit("a").remaining == 19


def test_five_hundred_tasks_get_exactly_the_quota(url: str) -> None:
    async def main() -> tuple[int, int, int]:
        store = AsyncRedisStore.from_url(
            url, timeout_seconds=PATIENT_SECONDS * 4, prefix=f"test{next(_prefixes)}"
        )
        limiter = Limiter(HOURLY, Quota(limit=400, window_seconds=3600, name="wide"), store=store)
        gate = asyncio.Semaphore(20)

        async def ask() -> bool:
            async with gate:
                return (await limiter.hit_async("a")).allowed

        passed = sum(await asyncio.gather(*(ask() for _ in range(500))))
        await store.forget_async(HOURLY, "a")
        left = (await limiter.hit_each_async("a"))[0].remaining
        await store.aclose()
        return passed, left, limiter.counts.store_down

    assert asyncio.run(main()) == (20, 19, 0)


def test_without_the_server_each_limiter_does_as_it_was_told_and_nobody_waits() -> None:
    with running_redis() as address:
        store = RedisStore.from_url(address)
        local = Limiter(HOURLY, store=store, instances=2)
        generous = Limiter(HOURLY, store=store, when_down="allow")
        strict = Limiter(HOURLY, store=store, when_down="refuse")
        assert local.hit("a").note == ""
        store._client.shutdown(nosave=True)
        started = time.monotonic()
        assert passing(local, "a", 100) == 10
        assert passing(generous, "a", 100) == 100
        refused = strict.hit("a")
        assert time.monotonic() - started < 5
        assert (refused.allowed, refused.note) == (False, "store-down")
        assert refused.retry_after_seconds == pytest.approx(5)
        assert store.breaker.state is CircuitState.OPEN
        assert local.counts.store_down == 100
        store.close()


def test_a_server_that_hangs_is_left_alone_and_found_again(url: str) -> None:
    store = RedisStore.from_url(url, timeout_seconds=0.05, prefix=f"test{next(_prefixes)}")
    limiter = Limiter(HOURLY, store=store)
    assert limiter.hit("a").note == ""
    with redis.Redis.from_url(url, socket_timeout=PATIENT_SECONDS) as admin:
        admin.client_pause(PAUSE_MILLISECONDS)
        assert [limiter.hit("a").note for _ in range(5)] == ["store-down"] * 5
        assert store.breaker.state is CircuitState.OPEN
        assert store.breaker.snapshot().rejected == 2
        admin.ping()  # is answered when the pause is over
    store.breaker.reset()
    assert limiter.hit("a", 0).note == ""
    store.close()


def test_an_awaited_server_that_hangs_ends_with_the_time_limit(url: str) -> None:
    async def main() -> list[str]:
        store = AsyncRedisStore.from_url(url, timeout_seconds=0.05)
        limiter = Limiter(HOURLY, store=store)
        notes: list[str] = [(await limiter.hit_async("a")).note for _ in range(5)]
        assert store.breaker.state is CircuitState.OPEN
        await store.aclose()
        return notes

    with redis.Redis.from_url(url, socket_timeout=PATIENT_SECONDS) as admin:
        admin.client_pause(PAUSE_MILLISECONDS)
        assert asyncio.run(main()) == ["store-down"] * 5
        admin.ping()


def test_the_address_of_the_store_and_its_password_are_not_told() -> None:
    store = RedisStore.from_url("redis://user:hunter22@127.0.0.1:1/0")
    with pytest.raises(StoreDownError) as caught:
        store.spend([Claim(HOURLY, "a")], 1)
    assert str(caught.value) == "the limit store did not answer: ConnectionError"
    store.close()


def test_a_request_that_never_fits_is_refused_for_good(store: RedisStore) -> None:
    decision: Any = Limiter(HOURLY, store=store).hit("a", 21)
    assert (decision.allowed, decision.retry_after_seconds) == (False, math.inf)
