"""Buckets that all processes share, in Redis or Valkey: one script, one round trip.

    store = RedisStore.from_url("redis://cache:6379/0")
    limiter = Limiter(Quota(limit=5, name="login"), store=store, when_down="refuse")

An application with an event loop uses AsyncRedisStore, with the same names.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ci_ops.service.limits.gcra import Decision, Quota
from ci_ops.service.limits.store import MAX_KEY_LENGTH, Claim, StoreDownError, digest_of
from ci_ops.service.resilience.breaker import CircuitBreaker

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMEOUT_SECONDS = 0.1
"""A limiter that takes longer to answer than this costs more than it protects."""

SCRIPT = """
-- KEYS: one for each quota. ARGV: the cost, then for each quota its interval
-- and its capacity in microseconds. The clock is the server's, counted from
-- 2023-11-14 so that a double keeps fractions of a microsecond.
local time = redis.call('TIME')
local now = (tonumber(time[1]) - 1700000000) * 1000000 + tonumber(time[2])
local cost = tonumber(ARGV[1])
local answer, rest, all_fit = {}, {}, true
for i, key in ipairs(KEYS) do
  local interval, capacity = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local before = tonumber(redis.call('GET', key) or 0) - now
  -- Never less than a full bucket; never more than an empty one, whatever a
  -- clock that was set back, or a quota that was changed, has left behind.
  before = math.min(math.max(before, 0), capacity)
  rest[i] = before + cost * interval
  local fits = rest[i] <= capacity + 0.5
  all_fit = all_fit and fits
  answer[2 * i - 1] = fits and 1 or 0
  answer[2 * i] = math.floor(before * 1000)
end
if all_fit and cost > 0 then
  for i, key in ipairs(KEYS) do
    redis.call('SET', key, string.format('%.3f', now + rest[i]), 'PX', math.ceil(rest[i] / 1000))
    answer[2 * i] = math.floor(rest[i] * 1000)
  end
end
return answer
"""
"""The arithmetic of gcra.py, all quotas or none, atomically; rested keys expire by themselves."""

_PLAIN_KEY = re.compile(rf"[A-Za-z0-9_.:@/+-]{{1,{MAX_KEY_LENGTH}}}")


def redis_key(prefix: str, quota: Quota, key: str) -> str:
    """Return the key in Redis; all quotas of one key lie on the same node of a cluster."""
    known = key if _PLAIN_KEY.fullmatch(key) else digest_of(key)
    return f"{prefix}:{{{known}}}:{quota.name}"


class _Shared:
    """Common part of the blocking and the asynchronous store."""

    def __init__(self, client: Any, *, prefix: str, breaker: CircuitBreaker | None) -> None:
        self._client = client
        self._prefix = prefix
        self._script = client.register_script(SCRIPT)
        self.breaker = breaker or CircuitBreaker("limit-store", failure_threshold=3, recovery_timeout=5.0)
        """While it is open the store is not asked, so that an outage costs no time."""

    def _keys(self, claims: Sequence[Claim]) -> list[str]:
        return [redis_key(self._prefix, quota, key) for quota, key in claims]

    def _arguments(self, claims: Sequence[Claim], cost: int) -> list[int | float]:
        figures: list[int | float] = [cost]
        for quota, _ in claims:
            figures += [quota.interval_ns / 1000, quota.capacity_ns / 1000]
        return figures

    def _decisions(self, claims: Sequence[Claim], cost: int, answer: Sequence[int]) -> tuple[Decision, ...]:
        return tuple(
            Decision(allowed=bool(fits), quota=quota, full_at_ns=rest_ns, now_ns=0, cost=cost)
            for (quota, _), fits, rest_ns in zip(claims, answer[::2], answer[1::2], strict=True)
        )


class RedisStore(_Shared):
    """Buckets in Redis or Valkey through a blocking client, for WSGI and workers.

    The client must have a `socket_timeout`; it should not retry by itself.
    `from_url` creates such a client.
    """

    def __init__(
        self, client: Any, *, prefix: str = "ci-ops:limit", breaker: CircuitBreaker | None = None
    ) -> None:
        pool = getattr(client, "connection_pool", None)
        if pool is not None and pool.connection_kwargs.get("socket_timeout") is None:
            raise ValueError("give the client a socket_timeout: without one a request can wait for ever")
        super().__init__(client, prefix=prefix, breaker=breaker)

    @classmethod
    def from_url(cls, url: str, *, timeout_seconds: float = TIMEOUT_SECONDS, **options: Any) -> RedisStore:
        """Create a store at this address. Needs the package `redis`."""
        import redis  # noqa: PLC0415 - only those who share limits need it
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415

        client = redis.Redis.from_url(
            url,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            retry=Retry(NoBackoff(), 0),
        )
        return cls(client, **options)

    def spend(self, claims: Sequence[Claim], cost: int) -> tuple[Decision, ...]:
        """Take `cost` from every quota, or from none. Raises StoreDownError."""
        answer = self._ask(self._script, keys=self._keys(claims), args=self._arguments(claims, cost))
        return self._decisions(claims, cost, answer)

    def forget(self, quota: Quota, key: str) -> None:
        """Refill the bucket of a key. Raises StoreDownError."""
        self._ask(self._client.delete, redis_key(self._prefix, quota, key))

    def close(self) -> None:
        """Close the client's connections."""
        self._client.close()

    def _ask(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return self.breaker.call(function, *args, **kwargs)
        except Exception as error:
            raise StoreDownError(f"the limit store did not answer: {type(error).__name__}") from error


class AsyncRedisStore(_Shared):
    """Buckets in Redis or Valkey through `redis.asyncio`, for applications with an event loop."""

    def __init__(
        self,
        client: Any,
        *,
        prefix: str = "ci-ops:limit",
        timeout_seconds: float = TIMEOUT_SECONDS,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        super().__init__(
            client,
            prefix=prefix,
            breaker=breaker
            or CircuitBreaker(
                "limit-store", failure_threshold=3, recovery_timeout=5.0, call_timeout_seconds=timeout_seconds
            ),
        )

    @classmethod
    def from_url(
        cls, url: str, *, timeout_seconds: float = TIMEOUT_SECONDS, **options: Any
    ) -> AsyncRedisStore:
        """Create a store at this address. Needs the package `redis`."""
        from redis import asyncio as redis  # noqa: PLC0415 - only those who share limits need it
        from redis.asyncio.retry import Retry  # noqa: PLC0415
        from redis.backoff import NoBackoff  # noqa: PLC0415

        client = redis.Redis.from_url(
            url,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            retry=Retry(NoBackoff(), 0),
        )
        return cls(client, timeout_seconds=timeout_seconds, **options)

    async def spend_async(self, claims: Sequence[Claim], cost: int) -> tuple[Decision, ...]:
        """Take `cost` from every quota, or from none. Raises StoreDownError."""
        answer = await self._ask(self._script, keys=self._keys(claims), args=self._arguments(claims, cost))
        return self._decisions(claims, cost, answer)

    async def forget_async(self, quota: Quota, key: str) -> None:
        """Refill the bucket of a key. Raises StoreDownError."""
        await self._ask(self._client.delete, redis_key(self._prefix, quota, key))

    async def aclose(self) -> None:
        """Close the client's connections at the end of the lifespan."""
        await self._client.aclose()

    async def _ask(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return await self.breaker.call_async(function, *args, **kwargs)
        except Exception as error:
            raise StoreDownError(f"the limit store did not answer: {type(error).__name__}") from error
