"""Flood protection: blocks addresses that send far too much."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ci_ops.core.text.redact import redact_patterns
from ci_ops.service._process.figures import grown, is_count, is_time
from ci_ops.service._process.locked import Locked
from ci_ops.service._process.window import TimeWindow
from ci_ops.service.limits.networks import NetworkSet, ip_key
from ci_ops.service.limits.table import BoundedTable
from ci_ops.service.logs.record import emit_security

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

log = logging.getLogger(__name__)

REQUESTS = 100
WINDOW_SECONDS = 60.0
BLOCK_SECONDS = 15 * 60.0
MAX_REASON_LENGTH = 200

_DAY_SECONDS = 24 * 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class IpBlock:
    """A blocked address, or IPv6 /64."""

    key: str
    reason: str
    strikes: int
    """Number of blocks, this one included."""
    until: float
    """On the guard's clock."""
    forgotten_at: float
    """A further block before this time counts as one more strike."""


class DDoSProtection(Locked):
    """Blocks an address for 15 minutes after 100 requests in a minute, by default.

    IPv6 addresses count by their /64. Networks in `allow` are never counted or
    blocked, those in `deny` are always refused. With `escalation` above 1 each
    further block within a day lasts so many times longer, up to a day. With
    `enforce=False` everything passes and the blocks are only shown.

    Counted in this process alone. At most `max_ips` are counted and
    `max_blocks` blocked; addresses that were silent for a minute are dropped
    first, then those far below the threshold. An address that is over it
    stays refused even where there is no room for its block.

    Memory: at most 700 bytes for each of `max_ips` and of `max_blocks`.
    """

    def __init__(  # noqa: PLR0913 - one keyword for each thing an application may decide
        self,
        threshold: int = REQUESTS,
        window_seconds: float = WINDOW_SECONDS,
        *,
        block_seconds: float = BLOCK_SECONDS,
        escalation: float = 1.0,
        allow: Iterable[str] = (),
        deny: Iterable[str] = (),
        enforce: bool = True,
        max_ips: int = 50_000,
        max_blocks: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not is_count(threshold) or not is_time(window_seconds) or not block_seconds > 0:
            raise ValueError("the threshold is a positive whole number, and times are positive")
        if not 1 <= escalation < math.inf:
            raise ValueError("the escalation is at least 1, and has an end")
        self.threshold = threshold
        self.enforce = enforce
        self.window_seconds = window_seconds
        self._block_seconds = block_seconds
        self._escalation = escalation
        self._allow = NetworkSet(allow)
        self._deny = NetworkSet(deny)
        self._clock = clock
        super().__init__()
        self._counted: BoundedTable[TimeWindow] = BoundedTable(
            max_ips, _is_silent, weight=_requests, expendable_below=threshold / 2
        )
        self._blocks: BoundedTable[IpBlock] = BoundedTable(max_blocks, _is_forgotten)
        self._refused = 0
        # The lists are few and the addresses many: each is looked up once.
        self._standing = lru_cache(maxsize=8192)(self._look_up)

    @property
    def unblocked(self) -> int:
        """Addresses that were not blocked because the table was full."""
        return self._blocks.refused

    def check_request(self, ip: str) -> bool:
        """Count one request of an address and return whether it may pass."""
        if self._allow or self._deny:
            standing = self._standing(ip)
            if standing is not None:
                return standing or not self.enforce
        key = ip_key(ip)
        with self._lock:
            now = self._clock()
            block = self._blocks.get(key)
            if block is not None and block.until > now:
                self._refused += 1
                return not self.enforce
            window = self._counted.get(key)
            if window is None:
                window = TimeWindow(self.window_seconds)
                self._counted.put(key, window, now)
            count = window.add(now)
            if count <= self.threshold:
                return True
            self._refused += 1
            self._block(key, None, f"{count} requests within {self.window_seconds:g} s", now)
        return not self.enforce

    def denies(self, ip: str) -> bool:
        """Return True for an address in `deny`, which no request may come from."""
        return bool(self._deny) and self.enforce and self._standing(ip) is False

    def is_blocked(self, ip: str) -> bool:
        """Return True while an address is blocked, or is in `deny`."""
        return self.retry_after_seconds(ip) > 0

    def retry_after_seconds(self, ip: str) -> float:
        """Return the seconds until a blocked address may retry; 0 for others, infinite for `deny`."""
        standing = self._standing(ip)
        if standing is not None:
            return 0.0 if standing else math.inf
        with self._lock:
            block = self._blocks.get(ip_key(ip))
            return 0.0 if block is None else max(0.0, block.until - self._clock())

    def block_ip(self, ip: str, seconds: float | None = None, *, reason: str = "by hand") -> bool:
        """Block an address; False when the table of blocks is full.

        For `math.inf` seconds it stays blocked until `unblock_ip`.
        """
        if seconds is not None and not seconds > 0:
            raise ValueError("an address is blocked for a time that is more than none")
        with self._lock:
            return self._block(ip_key(ip), seconds, reason, self._clock())

    def unblock_ip(self, ip: str) -> bool:
        """Unblock an address, with its count at zero; False when it was not blocked."""
        key = ip_key(ip)
        with self._lock:
            block = self._blocks.pop(key)
            self._counted.pop(key)
            return block is not None and block.until > self._clock()

    def get_blocked_ips(self) -> tuple[IpBlock, ...]:
        """Return every current block, the longest first."""
        with self._lock:
            now = self._clock()
            blocks = [block for _, block in self._blocks.busy(now) if block.until > now]
        return tuple(sorted(blocks, key=lambda block: block.until, reverse=True))

    def get_summary(self, limit: int = 20) -> dict[str, Any]:
        """Return counts and the longest blocks, as JSON-ready values.

        `seconds_left` is None for a block without an end.
        """
        now = self._clock()
        blocks = self.get_blocked_ips()
        return {
            "blocked": len(blocks),
            "tracked": len(self._counted),
            "refused": self._refused,
            "unblocked": self.unblocked,
            "ips": [
                {
                    "ip": block.key,
                    "reason": block.reason,
                    "strikes": block.strikes,
                    "seconds_left": math.ceil(block.until - now) if block.until < math.inf else None,
                }
                for block in blocks[:limit]
            ],
        }

    def _block(self, key: str, seconds: float | None, reason: str, now: float) -> bool:
        known = self._blocks.get(key)
        strikes = known.strikes + 1 if known is not None and known.forgotten_at > now else 1
        if seconds is None:
            longest = max(_DAY_SECONDS, self._block_seconds)
            seconds = grown(self._block_seconds, self._escalation, strikes - 1, longest=longest)
        until = now + seconds
        block = IpBlock(
            key=key,
            reason=redact_patterns(reason)[:MAX_REASON_LENGTH],
            strikes=strikes,
            until=until,
            forgotten_at=until + (_DAY_SECONDS if self._escalation > 1 else 0.0),
        )
        kept = self._blocks.put(key, block, now)
        if kept:
            emit_security(
                log,
                logging.WARNING,
                "address_blocked",
                f"{key} is blocked for {seconds:.0f} s: {block.reason}",
                address=key,
                strikes=strikes,
            )
        elif self._blocks.refused.bit_count() == 1:  # at 1, 2, 4, 8 …: said, but not in a flood
            message = f"no room for more blocks: {self._blocks.refused} were not kept"
            emit_security(log, logging.ERROR, "blocks_full", message)
        return kept

    def _look_up(self, ip: str) -> bool | None:
        """Return True for an address in `allow`, False in `deny`, None in neither."""
        if ip in self._allow:
            return True
        return False if ip in self._deny else None


def _is_silent(window: TimeWindow, now: float) -> bool:
    return window.total(now) == 0


def _requests(window: TimeWindow, now: float) -> float:
    return window.total(now)


def _is_forgotten(block: IpBlock, now: float) -> bool:
    return block.forgotten_at <= now


ddos_protection = DDoSProtection()
"""The guard that health and the middleware share."""
