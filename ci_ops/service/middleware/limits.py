"""Limits of requests: refusals, and header fields about quotas.

Three parts in this order: blocks and floods per address (DDoSProtection),
flagged users, where they are to be refused (AbuseDetector), and the quota of
each user; a client without a user counts by address.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ci_ops.service.limits.abuse import AbuseDetector, abuse_detector
from ci_ops.service.limits.buckets import PerUserRateLimiter, per_user_rate_limiter
from ci_ops.service.limits.client import BY_SERVER, CROWD
from ci_ops.service.limits.gcra import Decision, Quota
from ci_ops.service.limits.guard import DDoSProtection, ddos_protection
from ci_ops.service.limits.headers import (
    ProblemKind,
    limit_headers,
    problem,
    refusal,
)
from ci_ops.service.limits.limiter import Limiter
from ci_ops.service.limits.networks import ADDRESS_PREFIX, ip_key
from ci_ops.service.limits.store import MemoryStore
from ci_ops.service.limits.summary import security_status

if TYPE_CHECKING:
    from ci_ops.service.limits.headers import Refusal
    from ci_ops.service.middleware.exchange import Exchange

DENIED = frozenset({401, 403, 404})
"""Statuses that a guessing client gets in great numbers."""
MAX_REMEMBERED = 4096
PER_ADDRESS = "per-ip"
PER_CROWD = "per-proxy"
FLAGGED = "flagged"


class RequestLimits:
    """The limits of an application; None switches one of the three off.

    Flagged users are only shown at /health/security, unless `refuse_flagged`.
    Clients behind a proxy that was not named are told apart by its header. As
    any client could have sent that, they have their quotas, together that of 40
    clients, and are never blocked. A CORS preflight is not counted and passes,
    as long as its client sends no more of them than 40 clients may. A probe
    that ci-ops signed is not counted either; an address in `deny` stays refused.
    """

    def __init__(
        self,
        *,
        per_user: PerUserRateLimiter | None = per_user_rate_limiter,
        guard: DDoSProtection | None = ddos_protection,
        abuse: AbuseDetector | None = abuse_detector,
        refuse_flagged: bool = False,
        legacy_headers: bool = False,
    ) -> None:
        self._per_user = per_user
        self._guard = guard
        self._abuse = abuse
        self._refuses_flagged = refuse_flagged and abuse is not None
        self._legacy = legacy_headers
        self._quota_headers: dict[int, list[tuple[bytes, bytes]]] = {}
        is_here = per_user is not None and isinstance(per_user.limiter.store, MemoryStore)
        self.has_to_be_awaited = per_user is not None and not is_here
        """True when the quotas are in a store that other processes share."""
        self._hit = per_user.limiter.hit if per_user is not None and is_here else None
        self._crowd = _crowd(per_user, guard)

    def judge(self, exchange: Exchange) -> None:
        """Count a request, and set the header fields of its answer or its refusal."""
        client: Any = exchange.client
        guard, hit = self._guard, self._hit
        if exchange.is_probe:
            if guard is not None and guard.denies(client.address):
                self._refuse_address(guard, exchange)
            return
        if client.is_suspect or exchange.is_preflight:
            if self._refuses_crowd(exchange) or exchange.is_preflight:
                return
        elif guard is not None and not guard.check_request(client.address):
            self._refuse_address(guard, exchange)
            return
        key = _key(exchange)
        if self._refuses_flagged and self._abuse is not None and self._abuse.is_flagged(key):
            _refuse(exchange, FLAGGED, problem("abnormal-usage-detected", [FLAGGED]))
        elif hit is None:
            exchange.uncounted = key
        else:
            decision = hit(key)
            allowed, quota, full_at_ns, now_ns, _, note = decision
            # Of one quota, what is told depends on this number alone, as long as it is not used up.
            told = self._quota_headers.get((quota.capacity_ns - full_at_ns + now_ns) // quota.interval_ns)
            if told is None or note or not allowed:
                self._settle(exchange, decision)
            else:
                exchange.quota_headers = told

    async def judge_async(self, exchange: Exchange) -> None:
        """Count a request in an asynchronous store."""
        self.judge(exchange)
        if exchange.uncounted and self._per_user is not None:
            self._settle(exchange, await self._per_user.limiter.hit_async(exchange.uncounted))

    def judge_waiting(self, exchange: Exchange) -> None:
        """Count a request in a blocking store."""
        self.judge(exchange)
        if exchange.uncounted and self._per_user is not None:
            self._settle(exchange, self._per_user.limiter.hit(exchange.uncounted))

    def see_that_it_fits(self, method: str) -> None:
        """Raise TypeError for a store that this kind of application cannot use."""
        store = self._per_user.limiter.store if self._per_user is not None and self._hit is None else None
        if store is not None and not hasattr(store, method):
            kind = "an AsyncRedisStore" if method == "spend_async" else "a RedisStore"
            raise TypeError(f"a {type(store).__name__} does not fit here: give the limiter {kind}")

    def counts_as(self, other: RequestLimits) -> bool:
        """Return True when both count with the same limiters."""
        return (self._per_user, self._guard) == (other._per_user, other._guard)

    def answered(self, exchange: Exchange) -> None:
        """Record an answer that is suspicious in great numbers."""
        client = exchange.client
        if self._abuse is not None and client is not None and not client.is_suspect:
            self._abuse.record_event(_key(exchange), f"status {exchange.status}")

    def security(self) -> dict[str, Any]:
        """Return the status for /health/security."""
        limiters = {} if self._per_user is None else {self._per_user.quota.name: self._per_user.limiter}
        return security_status(self._abuse or abuse_detector, self._guard or ddos_protection, limiters)

    def _refuses_crowd(self, exchange: Exchange) -> bool:
        """Refuse what a header alone would let pass: denied addresses, and more than a crowd sends."""
        client: Any = exchange.client
        if client.is_suspect:
            exchange.layer.warn_of_proxy()
        if self._guard is not None and self._guard.denies(client.address):
            self._refuse_address(self._guard, exchange)
        elif self._crowd is not None and not (exchange.user and not exchange.is_preflight):
            decision = self._crowd.hit(_crowd_key(exchange))
            if not decision.allowed:
                self._settle(exchange, decision)
            elif decision.note:
                _count(exchange, decision.quota.name, decision.note)
        return exchange.refusal is not None

    def _refuse_address(self, guard: DDoSProtection, exchange: Exchange) -> None:
        client: Any = exchange.client
        seconds = guard.retry_after_seconds(client.address)
        kind: ProblemKind = "abnormal-usage-detected" if math.isinf(seconds) else "quota-exceeded"
        answer = problem(kind, [PER_ADDRESS], retry_after_seconds=max(seconds, 1.0))
        _refuse(exchange, PER_ADDRESS, answer)

    def _settle(self, exchange: Exchange, decision: Decision) -> None:
        """Set the header fields of a decision, or its refusal; unusual decisions are counted."""
        if not decision.allowed:
            _refuse(exchange, decision.quota.name, refusal([decision], legacy=self._legacy))
            if exchange.user and self._abuse is not None:
                self._abuse.record_event(_key(exchange), "rate-limited")
            return
        told = [
            (name.lower().encode(), value.encode())
            for name, value in limit_headers([decision], legacy=self._legacy)
        ]
        exchange.quota_headers = told
        if decision.note:
            _count(exchange, decision.quota.name, decision.note)
        elif decision.remaining and not self._legacy and len(self._quota_headers) < MAX_REMEMBERED:
            self._quota_headers[decision.remaining] = told


def _crowd(per_user: PerUserRateLimiter | None, guard: DDoSProtection | None) -> Limiter | None:
    """Return the limit of a proxy that was not named, and of preflights; None where nothing is limited."""
    if per_user is not None:
        one, enforce = per_user.quota, per_user.limiter.enforce
        quota = Quota(limit=one.limit * CROWD, window_seconds=one.window_seconds, name=PER_CROWD)
        return Limiter(quota, enforce=enforce)
    if guard is not None:
        quota = Quota(limit=guard.threshold * CROWD, window_seconds=guard.window_seconds, name=PER_CROWD)
        return Limiter(quota, enforce=guard.enforce)
    return None


def _crowd_key(exchange: Exchange) -> str:
    client: Any = exchange.client
    if exchange.is_preflight and not client.is_suspect:
        return f"preflight:{client.key}"
    return ip_key(client.address) if client.is_peer else BY_SERVER


def _refuse(exchange: Exchange, policy: str, answer: Refusal) -> None:
    if not exchange.is_health:  # below a prefix of the server this is seen here, and not before
        exchange.refusal = answer
        _count(exchange, policy, "refused")


def _count(exchange: Exchange, policy: str, outcome: str) -> None:
    if exchange.layer.metrics is not None:
        exchange.layer.metrics.limited(policy, outcome)


def _key(exchange: Exchange) -> str:
    """Return the key of a request; users and addresses never share one."""
    client: Any = exchange.client
    return f"user:{exchange.user}" if exchange.user else f"{ADDRESS_PREFIX}{client.key}"
