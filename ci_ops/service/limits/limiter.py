"""Limiter: one or more quotas for many keys, over any store.

limiter = Limiter(Quota(limit=100, window_seconds=60, name="per-user"))
decision = limiter.hit(user_id)
if not decision.allowed:
    ...  # 429, see headers.py
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from ci_ops.service._process.locked import Locked
from ci_ops.service.limits.gcra import Decision, Quota, see_cost
from ci_ops.service.limits.store import AsyncStore, Claim, MemoryStore, Store, StoreDownError

WhenDown = Literal["local", "allow", "refuse"]
Spend = Callable[[Sequence[Claim], int], tuple[Decision, ...]]
SpendAsync = Callable[[Sequence[Claim], int], Awaitable[tuple[Decision, ...]]]

_ASK_AGAIN_NS = 5 * 10**9
"""Time to retry after without the store, where none can be computed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LimiterCounts:
    """Counts of refused, shadowed and undecided requests."""

    refused: int
    shadowed: int
    """Over the limit and allowed, because the limit is not enforced yet."""
    store_down: int


class Limiter(Locked):
    """Decides for each request of a key whether it may pass.

    With several quotas a request draws on all of them or on none. With
    `enforce=False` (shadow mode) everything passes, and what would have been
    refused is marked and counted: the way to try a new limit. `when_down` decides
    while a shared store does not answer: `local` counts in this process, against
    the share of one of `instances`; `allow` suits what must stay available,
    `refuse` what must not be guessed at, such as a login.
    """

    def __init__(
        self,
        *quotas: Quota,
        store: Store | AsyncStore | None = None,
        enforce: bool = True,
        when_down: WhenDown = "local",
        instances: int = 1,
    ) -> None:
        if not quotas or len({quota.name for quota in quotas}) < len(quotas):
            raise ValueError("a limiter needs quotas, each with a name of its own")
        if when_down not in get_args(WhenDown):
            raise ValueError(f"without its store a limiter does one of {', '.join(get_args(WhenDown))}")
        self.quotas = quotas
        self.enforce = enforce
        self.store = MemoryStore() if store is None else store
        self._spend: Spend | None = getattr(self.store, "spend", None)
        self._spend_async: SpendAsync | None = getattr(self.store, "spend_async", None)
        self._local = self.store if isinstance(self.store, MemoryStore) else MemoryStore()
        self._when_down = when_down
        self._shares = tuple(quota.share(instances) for quota in quotas)
        self._only = quotas[0] if len(quotas) == 1 and self._local is self.store else None
        super().__init__()
        self._refused = self._shadowed = self._store_down = 0

    @property
    def counts(self) -> LimiterCounts:
        """What was refused, shadowed and decided without the store, since it was created."""
        with self._lock:
            return LimiterCounts(refused=self._refused, shadowed=self._shadowed, store_down=self._store_down)

    def hit(self, key: str, cost: int = 1) -> Decision:
        """Take `cost` for a key; of several quotas, return the decision that matters most."""
        if self._only is not None and cost.__class__ is int and cost >= 0:
            decision = self._local.spend_one(self._only, key, cost)
            return decision if decision[0] else self._settle_one(decision)
        return deciding(self.hit_each(key, cost))

    async def hit_async(self, key: str, cost: int = 1) -> Decision:
        """Take `cost` for a key from an asynchronous store; a store in memory answers at once."""
        if self._only is not None:
            return self.hit(key, cost)
        return deciding(await self.hit_each_async(key, cost))

    def peek(self, key: str) -> Decision:
        """Return the decision on a key without taking anything."""
        return self.hit(key, 0)

    def hit_each(self, key: str, cost: int = 1) -> tuple[Decision, ...]:
        """Take `cost` for a key and return every quota's decision, in their order."""
        see_cost(cost)
        if self._spend is None:
            raise TypeError("this store has to be awaited: use hit_async")
        try:
            decisions = self._spend([Claim(quota, key) for quota in self.quotas], cost)
        except StoreDownError:
            decisions = self._without_store(key, cost)
        return self._settle(decisions)

    async def hit_each_async(self, key: str, cost: int = 1) -> tuple[Decision, ...]:
        """Take `cost` for a key from an asynchronous store and return every quota's decision."""
        if self._local is self.store:
            return self.hit_each(key, cost)
        see_cost(cost)
        if self._spend_async is None:
            raise TypeError("this store would block the event loop: give the limiter an AsyncRedisStore")
        try:
            decisions = await self._spend_async([Claim(quota, key) for quota in self.quotas], cost)
        except StoreDownError:
            decisions = self._without_store(key, cost)
        return self._settle(decisions)

    def _without_store(self, key: str, cost: int) -> tuple[Decision, ...]:
        with self._lock:
            self._store_down += 1
        if self._when_down == "local":
            decisions = self._local.spend([Claim(quota, key) for quota in self._shares], cost)
        else:
            decisions = tuple(self._unasked(quota, cost) for quota in self.quotas)
        return tuple(decision._replace(note="store-down") for decision in decisions)

    def _unasked(self, quota: Quota, cost: int) -> Decision:
        """Return a decision without the store: a full bucket, or one that has room in five seconds."""
        allowed = self._when_down == "allow"
        full_at_ns = 0 if allowed else quota.capacity_ns + _ASK_AGAIN_NS - cost * quota.interval_ns
        return Decision(allowed=allowed, quota=quota, full_at_ns=max(0, full_at_ns), now_ns=0, cost=cost)

    def _settle(self, decisions: tuple[Decision, ...]) -> tuple[Decision, ...]:
        """Count the request if it was refused; in shadow mode let it pass."""
        refusals = [decision for decision in decisions if not decision.allowed]
        if not refusals:
            return decisions
        settled = self._settle_one(refusals[0])
        if not settled.allowed:
            return decisions
        return tuple(d if d.allowed else d._replace(allowed=True, note="shadow") for d in decisions)

    def _settle_one(self, refusal: Decision) -> Decision:
        with self._lock:
            if self.enforce:
                self._refused += 1
                return refusal
            self._shadowed += 1
        return refusal._replace(allowed=True, note="shadow")


def deciding(decisions: Sequence[Decision]) -> Decision:
    """Return the refusal with the longest wait; without one, the decision with least left."""
    over = [decision for decision in decisions if decision.is_over]
    if over:
        return max(over, key=lambda decision: decision.retry_after_seconds)
    return min(decisions, key=lambda decision: decision.remaining / decision.quota.at_once)
