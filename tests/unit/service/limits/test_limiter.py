from __future__ import annotations

import asyncio
import math
import threading
from typing import TYPE_CHECKING, Any

import pytest

from ci_ops.service.limits.gcra import Decision, Quota
from ci_ops.service.limits.limiter import Limiter, LimiterCounts, deciding
from ci_ops.service.limits.store import Claim, MemoryStore, StoreDownError
from tests.support.ticks import NanoTicks

if TYPE_CHECKING:
    from collections.abc import Sequence

SHORT = Quota(limit=2, window_seconds=1, name="short")
LONG = Quota(limit=3, window_seconds=60, name="long")


class Unreachable:
    """A shared store behind a broken line."""

    def spend(self, claims: Sequence[Claim], cost: int) -> tuple[Decision, ...]:
        raise StoreDownError(f"no answer for {len(claims)} claims of {cost}")

    def forget(self, quota: Quota, key: str) -> None:
        raise StoreDownError(quota.name + key)

    async def spend_async(self, claims: Sequence[Claim], cost: int) -> tuple[Decision, ...]:
        return self.spend(claims, cost)

    async def forget_async(self, quota: Quota, key: str) -> None:
        self.forget(quota, key)


class Awaited(Unreachable):
    """A store that can only be awaited, and answers."""

    spend = None  # type: ignore[assignment]

    def __init__(self) -> None:
        self.kept = MemoryStore(clock_ns=NanoTicks())

    async def spend_async(self, claims: Sequence[Claim], cost: int) -> tuple[Decision, ...]:
        await asyncio.sleep(0)
        return self.kept.spend(claims, cost)


def limiter(*quotas: Quota, **options: Any) -> Limiter:
    return Limiter(*quotas, store=MemoryStore(clock_ns=NanoTicks()), **options)


def test_each_key_has_what_the_quota_gives() -> None:
    limited = limiter(SHORT)
    assert [limited.hit("a").allowed for _ in range(3)] == [True, True, False]
    assert limited.hit("b").remaining == 1
    assert limited.counts == LimiterCounts(refused=1, shadowed=0, store_down=0)


def test_a_request_may_cost_more_than_one() -> None:
    limited = limiter(LONG)
    assert limited.hit("a", 3).allowed
    assert not limited.hit("a", 1).allowed
    assert limited.hit("b", 4).retry_after_seconds == math.inf


def test_looking_takes_nothing() -> None:
    limited = limiter(LONG)
    assert [limited.peek("a").remaining for _ in range(5)] == [3] * 5
    limited.hit("a")
    assert limited.peek("a").remaining == 2


@pytest.mark.parametrize("quotas", [(SHORT,), (SHORT, LONG)])
@pytest.mark.parametrize("cost", [-1, 0.5, math.nan, math.inf, "1"])
def test_what_no_request_can_cost_is_refused(quotas: tuple[Quota, ...], cost: Any) -> None:
    with pytest.raises(ValueError, match="at least 0"):
        limiter(*quotas).hit("a", cost)
    with pytest.raises(ValueError, match="at least 0"):
        asyncio.run(limiter(*quotas).hit_async("a", cost))
    with pytest.raises(ValueError, match="at least 0"):
        asyncio.run(Limiter(*quotas, store=Awaited()).hit_async("a", cost))


def test_what_a_limiter_does_without_its_store_is_one_of_three() -> None:
    with pytest.raises(ValueError, match="one of local, allow, refuse"):
        Limiter(SHORT, when_down="open")  # type: ignore[arg-type]


def test_of_several_quotas_the_refusal_with_the_longest_wait_decides() -> None:
    limited = limiter(SHORT, LONG)
    assert limited.hit("a").quota is SHORT
    assert limited.hit("a").quota is SHORT
    refused = limited.hit("a")
    assert (refused.allowed, refused.quota) == (False, SHORT)
    assert [decision.remaining for decision in limited.hit_each("a", 0)] == [0, 1]


def test_shadow_mode_lets_everything_pass_and_counts_what_it_would_have_refused() -> None:
    for quotas in ((SHORT,), (SHORT, LONG)):
        limited = limiter(*quotas, enforce=False)
        decisions = [limited.hit("a") for _ in range(4)]
        assert all(decision.allowed for decision in decisions)
        assert [decision.is_over for decision in decisions] == [False, False, True, True]
        assert limited.counts == LimiterCounts(refused=0, shadowed=2, store_down=0)


def test_a_refusal_leaves_the_other_quotas_as_they_are() -> None:
    limited = limiter(SHORT, LONG)
    for _ in range(3):
        decisions = limited.hit_each("a")
    assert [(decision.allowed, decision.is_over) for decision in decisions] == [(False, True), (True, False)]


def test_without_its_store_it_counts_here_against_the_share_of_one_instance() -> None:
    limited = Limiter(Quota(limit=8), store=Unreachable(), instances=4)
    decisions = [limited.hit("a") for _ in range(3)]
    assert [decision.allowed for decision in decisions] == [True, True, False]
    assert {decision.note for decision in decisions} == {"store-down"}
    assert limited.counts == LimiterCounts(refused=1, shadowed=0, store_down=3)


def test_without_its_store_it_lets_pass_or_refuses_as_it_was_told() -> None:
    generous = Limiter(SHORT, LONG, store=Unreachable(), when_down="allow")
    assert all(generous.hit("a").allowed for _ in range(9))
    strict = Limiter(LONG, SHORT, store=Unreachable(), when_down="refuse")
    decision = strict.hit("a")
    assert (decision.allowed, decision.note) == (False, "store-down")
    assert decision.retry_after_seconds == pytest.approx(5)


def test_the_same_holds_for_an_awaited_store() -> None:
    async def main() -> None:
        limited = Limiter(SHORT, LONG, store=Awaited())
        assert [(await limited.hit_async("a")).allowed for _ in range(3)] == [True, True, False]
        local = Limiter(SHORT, store=Unreachable(), instances=2)
        assert [(await local.hit_async("a")).allowed for _ in range(2)] == [True, False]
        memory = limiter(SHORT, LONG)
        assert (await memory.hit_async("a")).allowed
        assert (await limiter(SHORT).hit_async("a")).remaining == 1

    asyncio.run(main())


def test_a_store_is_not_used_in_the_way_that_would_hurt() -> None:
    with pytest.raises(TypeError, match="has to be awaited"):
        Limiter(SHORT, store=Awaited()).hit("a")

    class Blocking(Unreachable):
        spend_async = None  # type: ignore[assignment]

    with pytest.raises(TypeError, match="would block the event loop"):
        asyncio.run(Limiter(SHORT, store=Blocking()).hit_async("a"))


def test_two_thousand_tasks_get_exactly_the_quota() -> None:
    limited = limiter(Quota(limit=100), Quota(limit=500, name="wide"))

    async def ask() -> bool:
        await asyncio.sleep(0)
        return (await limited.hit_async("a")).allowed

    async def main() -> int:
        return sum(await asyncio.gather(*(ask() for _ in range(2000))))

    assert asyncio.run(main()) == 100


def test_no_refusal_is_lost_between_threads() -> None:
    limited = limiter(SHORT)

    def hammer() -> None:
        for _ in range(500):
            limited.hit("a")

    threads = [threading.Thread(target=hammer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert limited.counts.refused == 4000 - 2


def test_without_a_refusal_the_fullest_quota_decides() -> None:
    decisions = [
        Decision(allowed=True, quota=LONG, full_at_ns=0, now_ns=0, cost=1),
        Decision(allowed=True, quota=SHORT, full_at_ns=SHORT.interval_ns, now_ns=0, cost=1),
    ]
    assert deciding(decisions).quota is SHORT


@pytest.mark.parametrize("quotas", [(), (SHORT, SHORT)])
def test_quotas_without_names_of_their_own_are_refused(quotas: tuple[Quota, ...]) -> None:
    with pytest.raises(ValueError, match="each with a name of its own"):
        Limiter(*quotas)
