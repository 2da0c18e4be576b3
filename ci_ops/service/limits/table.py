"""A bounded dictionary that drops only entries that no longer matter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from ci_ops.service._process.figures import is_count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

V = TypeVar("V")

SWEEPS_PER_NEW_KEY = 2
SWEEPS_WHEN_FULL = 6


class BoundedTable(Generic[V]):
    """At most `max_keys` entries; idle ones are dropped first, busy ones never by age.

    Two dictionaries take turns: what is new or used is in `fresh`, the rest
    waits in `stale` to be examined. Once a quarter of the room is used, every
    new key examines two of those: an idle one is dropped, a busy one moves
    back to `fresh`; when `stale` is empty, the two change places. So there is
    no timer and no scan, each step costs the same, and a flood of new keys
    pays for its own cleaning.

    In a full table the least weighty of six entries makes room, and only if it
    weighs less than `expendable_below`. By default nothing is expendable: then
    a new key finds no room, and the caller decides what that means. So no client
    can have a limit dropped by sending many other keys.

    Not locked: its owner holds a lock.
    """

    __slots__ = ("_expendable_below", "_is_idle", "_stale", "_weight", "fresh", "max_keys", "refused")

    def __init__(
        self,
        max_keys: int,
        is_idle: Callable[[V, float], bool],
        *,
        weight: Callable[[V, float], float] = lambda _value, _now: 0.0,
        expendable_below: float = 0.0,
    ) -> None:
        if not is_count(max_keys):
            raise ValueError("a table holds at least one key")
        self.max_keys = max_keys
        self.fresh: dict[str, V] = {}
        """For the one quick look that most calls need; change it through `put`."""
        self.refused = 0
        """New keys for which there was no room."""
        self._stale: dict[str, V] = {}
        self._is_idle = is_idle
        self._weight = weight
        self._expendable_below = expendable_below

    def __len__(self) -> int:
        return len(self.fresh) + len(self._stale)

    def get(self, key: str) -> V | None:
        """Return the entry of a key; it may be idle."""
        value = self.fresh.get(key)
        return self._stale.get(key) if value is None else value

    def put(self, key: str, value: V, now: float) -> bool:
        """Set the entry of a key; False when it is new and there is no room."""
        fresh = self.fresh
        if key in fresh or self._stale.pop(key, None) is not None or self._has_room(now):
            self.fresh[key] = value
            return True
        self.refused += 1
        return False

    def pop(self, key: str) -> V | None:
        """Remove and return an entry."""
        value = self.fresh.pop(key, None)
        return self._stale.pop(key, None) if value is None else value

    def busy(self, now: float) -> Iterator[tuple[str, V]]:
        """Return all entries that are not idle; takes time with their number."""
        for entries in (self._stale, self.fresh):
            yield from ((key, value) for key, value in entries.items() if not self._is_idle(value, now))

    def _has_room(self, now: float) -> bool:
        used = len(self.fresh) + len(self._stale)
        if used < self.max_keys:
            if used * 4 > self.max_keys:
                self._sweep(SWEEPS_PER_NEW_KEY, now)
            return True
        least = self._sweep(SWEEPS_WHEN_FULL, now)
        if len(self) < self.max_keys:
            return True
        if least is None:
            return False
        self.pop(least)
        return True

    def _sweep(self, count: int, now: float) -> str | None:
        """Examine some stale entries and return the least weighty busy one, if expendable."""
        least, least_weight = None, self._expendable_below
        for _ in range(count):
            if not self._stale:
                if not self.fresh:
                    break
                self._stale, self.fresh = self.fresh, {}
            key, value = self._stale.popitem()
            if self._is_idle(value, now):
                continue
            self.fresh[key] = value
            if least_weight > 0.0:
                weight = self._weight(value, now)
                if weight < least_weight:
                    least, least_weight = key, weight
        return least
