"""Store of buckets in this process, within a hard bound, and the protocol of stores."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ci_ops.service._process.locked import Locked
from ci_ops.service.limits.gcra import Decision, Note, Quota, spend
from ci_ops.service.limits.table import BoundedTable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MAX_KEY_LENGTH = 96
"""Longer keys, and those that are not ASCII, are kept as a digest."""

OVERFLOW_BUCKETS = 4096

_new_decision = tuple.__new__
"""Half the time of calling the class, for what every request makes."""


class StoreDownError(Exception):
    """The store did not answer."""


class Claim(NamedTuple):
    """One quota that a request draws on, for one key."""

    quota: Quota
    key: str


class Store(Protocol):
    """Protocol of a blocking store."""

    def spend(self, claims: Sequence[Claim], cost: int) -> tuple[Decision, ...]:
        """Take `cost` from every quota, or from none when one has not enough.

        A cost of 0 takes nothing. Raises StoreDownError.
        """
        ...

    def forget(self, quota: Quota, key: str) -> None:
        """Refill the bucket of a key. Raises StoreDownError."""
        ...


class AsyncStore(Protocol):
    """Protocol of an asynchronous store."""

    async def spend_async(self, claims: Sequence[Claim], cost: int) -> tuple[Decision, ...]:
        """As `Store.spend`."""
        ...

    async def forget_async(self, quota: Quota, key: str) -> None:
        """As `Store.forget`."""
        ...


def bounded_key(key: str) -> str:
    """Return the key, or its digest where it is long or not ASCII."""
    return key if len(key) <= MAX_KEY_LENGTH and key.isascii() else digest_of(key)


def digest_of(key: str) -> str:
    """Return 32 hexadecimal digits for a key."""
    from hashlib import blake2b  # noqa: PLC0415 - loads OpenSSL, which few applications need for this

    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


class MemoryStore(Locked):
    """The buckets of this process: exact while there is room, shared ones when it is full.

    Full means that `max_keys` keys are *limited to some degree at this moment*;
    idle ones make room at once. A new key that finds no room draws on one of
    4,096 shared buckets, chosen by `coarser(key)`: its network, for example.
    No key's limit is ever dropped before its bucket is full.

    Memory: at most 400 bytes for each of `max_keys`, and 160 kB for the shared buckets.
    """

    def __init__(
        self,
        max_keys: int = 100_000,
        *,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        coarser: Callable[[str], str] = str,
    ) -> None:
        self._clock_ns = clock_ns
        self._coarser = coarser
        super().__init__()
        self._table: BoundedTable[int] = BoundedTable(max_keys, _is_rested)
        self._shared = [0] * OVERFLOW_BUCKETS

    def __len__(self) -> int:
        return len(self._table)

    @property
    def overflowed(self) -> int:
        """Requests that found no bucket of their own."""
        return self._table.refused

    def spend(self, claims: Sequence[Claim], cost: int) -> tuple[Decision, ...]:
        """Take `cost` from every quota, or from none when one has not enough."""
        if len(claims) == 1:
            quota, key = claims[0]
            return (self.spend_one(quota, key, cost),)
        with self._lock:
            now_ns = self._clock_ns()
            takes = [self._take(quota, key, now_ns, cost) for quota, key in claims]
            if all(decision.allowed for decision, _, _ in takes):
                return tuple(decision for decision, _, _ in takes)
            for decision, slot, before_ns in takes:
                if decision.allowed:
                    self._set(slot, before_ns, now_ns)
        return tuple(decision._replace(full_at_ns=max(before_ns, now_ns)) for decision, _, before_ns in takes)

    def spend_one(self, quota: Quota, key: str, cost: int = 1) -> Decision:
        """Take `cost` from one quota, if it has as much."""
        own_key = quota.prefix + key
        with self._lock:
            now_ns = self._clock_ns()
            fresh = self._table.fresh
            full_at_ns = fresh.get(own_key)
            if full_at_ns is None:
                return self._take(quota, key, now_ns, cost)[0]
            allowed = True
            after_ns = spend(quota, full_at_ns, now_ns, cost)
            if after_ns - now_ns <= quota.capacity_ns:
                fresh[own_key] = after_ns
            else:
                allowed, after_ns = False, max(full_at_ns, now_ns)
        return _new_decision(Decision, (allowed, quota, after_ns, now_ns, cost, ""))

    def forget(self, quota: Quota, key: str) -> None:
        """Refill the bucket of a key."""
        with self._lock:
            self._table.pop(bounded_key(quota.prefix + key))

    def _take(self, quota: Quota, key: str, now_ns: int, cost: int) -> tuple[Decision, str | int, int]:
        """Return the decision for any key, where its number is kept, and the number before."""
        known = bounded_key(quota.prefix + key)
        slot: str | int = known
        before_ns = self._table.get(known)
        note: Note = ""
        if before_ns is None:
            before_ns = 0
            has_room = self._table.put(known, now_ns, now_ns)
            if self._table.refused:
                # A key that comes from a shared bucket begins with its number:
                # finding room must not be a way to get a full bucket.
                shared = hash(quota.prefix + self._coarser(key)) % OVERFLOW_BUCKETS
                before_ns = self._shared[shared]
                if not has_room:
                    slot, note = shared, "overflow"
        after_ns = spend(quota, before_ns, now_ns, cost)
        allowed = after_ns - now_ns <= quota.capacity_ns
        if allowed:
            self._set(slot, after_ns, now_ns)
        else:
            after_ns = max(before_ns, now_ns)
        decision = Decision(
            allowed=allowed, quota=quota, full_at_ns=after_ns, now_ns=now_ns, cost=cost, note=note
        )
        return decision, slot, before_ns

    def _set(self, slot: str | int, full_at_ns: int, now_ns: int) -> None:
        if isinstance(slot, int):
            self._shared[slot] = full_at_ns
        else:
            self._table.put(slot, full_at_ns, now_ns)


def _is_rested(full_at_ns: int, now_ns: float) -> bool:
    return full_at_ns <= now_ns
