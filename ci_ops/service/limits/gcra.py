"""The generic cell rate algorithm in whole nanoseconds, on which every limit is built.

One number per key: the moment at which its bucket will be full again. It
answers everything a token bucket answers (may this pass, how much is left,
when to retry) and needs no timer. A key whose moment has passed is exactly
like a key that was never seen, so it can be dropped at no loss.

Source: ATM Forum Traffic Management 4.0, section 4.4.2 (virtual scheduling).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

from ci_ops.service._process.figures import is_count, is_time

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")

Unit = Literal["requests", "content-bytes"]
Note = Literal["", "shadow", "overflow", "store-down"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Quota:
    """Units per window, and the units allowed at once."""

    limit: int
    """Units per window, in the long run."""
    window_seconds: float = 60.0
    burst: int | None = None
    """Units that may be used at once after a rest; None is `limit`."""
    name: str = "default"
    """Name in RateLimit-Policy: letters, digits, `_`, `.` and `-`."""
    unit: Unit = "requests"
    interval_ns: int = field(init=False)
    """Time that gives one unit back."""
    capacity_ns: int = field(init=False)
    """Time that fills an empty bucket."""
    prefix: str = field(init=False, repr=False)
    """Prefix of keys where quotas share a store."""
    policy: bytes = field(init=False, repr=False)
    """Item of RateLimit-Policy; built once, because every answer carries it."""

    def __post_init__(self) -> None:
        counts = (self.limit, self.limit if self.burst is None else self.burst)
        if not all(map(is_count, counts)) or not is_time(self.window_seconds):
            raise ValueError(
                "a quota gives at least one unit in a time longer than nothing, in whole numbers"
            )
        if not _NAME.fullmatch(self.name):
            raise ValueError("a quota's name is 1 to 64 letters, digits, '_', '.' or '-'")
        if self.unit not in get_args(Unit):
            raise ValueError(f"a quota counts {' or '.join(get_args(Unit))}")
        interval_ns = max(1, round(self.window_seconds * 1e9 / self.limit))
        object.__setattr__(self, "interval_ns", interval_ns)
        object.__setattr__(self, "capacity_ns", interval_ns * self.at_once)
        object.__setattr__(self, "prefix", f"{self.name}:")
        unit = "" if self.unit == "requests" else f';qu="{self.unit}"'
        burst = "" if self.burst is None else f";ci-ops-burst={self.burst}"
        policy = f'"{self.name}";q={self.limit}{unit};w={math.ceil(self.window_seconds)}{burst}'
        object.__setattr__(self, "policy", policy.encode())

    @property
    def at_once(self) -> int:
        """Units that may be used at once."""
        return self.limit if self.burst is None else self.burst

    def share(self, instances: int) -> Quota:
        """Return the share of one among so many instances; at least one unit."""
        if instances < 1:
            raise ValueError("there is at least one instance")
        limit = max(1, self.limit // instances)
        return Quota(
            limit=limit,
            window_seconds=self.window_seconds,
            burst=max(1, self.at_once // instances),
            name=self.name,
            unit=self.unit,
        )


class Decision(NamedTuple):
    """Decision of one quota on one request."""

    allowed: bool
    """True when the request may pass."""
    quota: Quota
    full_at_ns: int
    """Time at which the bucket is full again; not before `now_ns`."""
    now_ns: int
    cost: int
    note: Note = ""
    """`shadow`: over the limit, and allowed. `overflow`: decided by a bucket shared
    with others. `store-down`: the store did not answer.
    """

    @property
    def is_over(self) -> bool:
        """True when the limit was exceeded, enforced or not."""
        return not self.allowed or self.note == "shadow"

    @property
    def remaining(self) -> int:
        """Whole units left."""
        free_ns = self.quota.capacity_ns - (self.full_at_ns - self.now_ns)
        return max(0, free_ns // self.quota.interval_ns)

    @property
    def full_in_seconds(self) -> float:
        """Time until the bucket is full."""
        return (self.full_at_ns - self.now_ns) / 1e9

    @property
    def retry_after_seconds(self) -> float:
        """Time until the same request would pass; infinite when it never can."""
        if not self.is_over:
            return 0.0
        if self.cost > self.quota.at_once:
            return math.inf
        return wait_ns(self.quota, self.full_at_ns, self.now_ns, self.cost) / 1e9


def see_cost(cost: object) -> None:
    """Raise ValueError for an invalid cost; NaN would pass every comparison."""
    if not isinstance(cost, int) or cost < 0:
        raise ValueError("a request cannot give units back: its cost is a whole number, at least 0")


def spend(quota: Quota, full_at_ns: int, now_ns: int, cost: int) -> int:
    """Return when the bucket would be full again after this request."""
    # Written out: every request passes here, and max() takes as long as all the rest.
    begins_ns = full_at_ns if full_at_ns > now_ns else now_ns  # noqa: FURB136
    return begins_ns + cost * quota.interval_ns


def wait_ns(quota: Quota, full_at_ns: int, now_ns: int, cost: int) -> int:
    """Return the time until a request of that cost fits; 0 when it fits now."""
    return max(0, spend(quota, full_at_ns, now_ns, cost) - now_ns - quota.capacity_ns)
