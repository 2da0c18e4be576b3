"""Token buckets: RateLimiter is one, PerUserRateLimiter has one for each user."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ci_ops.service._process.locked import Locked
from ci_ops.service.limits.gcra import Decision, Quota, see_cost, spend, wait_ns
from ci_ops.service.limits.limiter import Limiter, WhenDown
from ci_ops.service.limits.networks import neighbourhood
from ci_ops.service.limits.store import AsyncStore, MemoryStore, Store

if TYPE_CHECKING:
    from collections.abc import Callable

CAPACITY = 100
REFILL_PER_SECOND = CAPACITY / 60


def bucket_quota(capacity: int, refill_rate: float, *, name: str) -> Quota:
    """Return the quota of a token bucket with this size and refill rate per second."""
    if not refill_rate > 0:
        raise ValueError("a bucket gains more than nothing each second")
    return Quota(limit=capacity, window_seconds=capacity / refill_rate, name=name)


class RateLimiter(Locked):
    """A token bucket of `capacity` tokens that gains `refill_rate` tokens a second.

    By default 100 tokens, refilled within a minute.
    """

    def __init__(
        self,
        capacity: int = CAPACITY,
        refill_rate: float = REFILL_PER_SECOND,
        *,
        name: str = "default",
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.quota = bucket_quota(capacity, refill_rate, name=name)
        self._clock_ns = clock_ns
        super().__init__()
        self._full_at_ns = 0

    def hit(self, tokens: int = 1) -> Decision:
        """Take tokens if the bucket has them; the decision carries the figures for headers."""
        see_cost(tokens)
        with self._lock:
            now_ns = self._clock_ns()
            before_ns = max(self._full_at_ns, now_ns)
            after_ns = spend(self.quota, before_ns, now_ns, tokens)
            allowed = after_ns - now_ns <= self.quota.capacity_ns
            if allowed:
                self._full_at_ns = after_ns
        full_at_ns = after_ns if allowed else before_ns
        return Decision(allowed=allowed, quota=self.quota, full_at_ns=full_at_ns, now_ns=now_ns, cost=tokens)

    def is_allowed(self, tokens: int = 1) -> bool:
        """Take tokens and return whether the bucket had them."""
        return self.hit(tokens).allowed

    def get_delay(self, tokens: int = 1) -> float:
        """Return the seconds until the bucket has so many tokens; infinite when it never does."""
        return delay_of(self.hit(0), tokens)

    @property
    def tokens(self) -> int:
        """Whole tokens in the bucket."""
        return self.hit(0).remaining


class PerUserRateLimiter:
    """A token bucket for each user, created at the user's first request.

    Idle users cost nothing; more than `max_users` at once share buckets.
    A client known by its address only is a user called `ip:` and Client.key;
    without room it shares a bucket with its network.
    """

    def __init__(
        self,
        capacity: int = CAPACITY,
        refill_rate: float = REFILL_PER_SECOND,
        *,
        max_users: int = 100_000,
        store: Store | AsyncStore | None = None,
        enforce: bool = True,
        when_down: WhenDown = "local",
        instances: int = 1,
    ) -> None:
        self.quota = bucket_quota(capacity, refill_rate, name="per-user")
        self.limiter = Limiter(
            self.quota,
            store=MemoryStore(max_users, coarser=neighbourhood) if store is None else store,
            enforce=enforce,
            when_down=when_down,
            instances=instances,
        )

    def hit(self, user_id: object, tokens: int = 1) -> Decision:
        """Take tokens of a user; the decision carries the figures for headers."""
        return self.limiter.hit(str(user_id), tokens)

    async def hit_async(self, user_id: object, tokens: int = 1) -> Decision:
        """Take tokens of a user from an asynchronous store."""
        return await self.limiter.hit_async(str(user_id), tokens)

    def is_allowed(self, user_id: object, tokens: int = 1) -> bool:
        """Take tokens of a user and return whether the bucket had them."""
        return self.hit(user_id, tokens).allowed

    def get_delay(self, user_id: object, tokens: int = 1) -> float:
        """Return the seconds until a user has so many tokens."""
        return delay_of(self.hit(user_id, 0), tokens)


def delay_of(decision: Decision, cost: int) -> float:
    """Return the seconds after a decision until another cost fits; infinite when it never does."""
    see_cost(cost)
    if cost > decision.quota.at_once:
        return float("inf")
    return wait_ns(decision.quota, decision.full_at_ns, decision.now_ns, cost) / 1e9


per_user_rate_limiter = PerUserRateLimiter()
"""The middleware's default: 100 requests a minute."""
