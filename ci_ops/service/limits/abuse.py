"""Abuse detection: users who repeat one type of event far too often."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ci_ops.core.text.redact import redact_patterns
from ci_ops.service._process.figures import is_count, is_time
from ci_ops.service._process.locked import Locked
from ci_ops.service._process.window import TimeWindow
from ci_ops.service.limits.store import bounded_key
from ci_ops.service.limits.table import BoundedTable
from ci_ops.service.logs.record import emit_security

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)

EVENTS = 50
WINDOW_SECONDS = 300.0
FLAG_SECONDS = 24 * 3600.0
MAX_REASON_LENGTH = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class AbuseFlag:
    """A flag on a user."""

    user_id: str
    """A digest where the application's own is longer than 96 characters."""
    reason: str
    at: datetime
    expires: float
    """On the detector's clock."""


class AbuseDetector(Locked):
    """Flags a user with 50 events of one type within five minutes, by default.

    `thresholds` sets other numbers for single event types. A flag lasts
    `flag_seconds`, or until `unflag_user`. At most `max_tracked` pairs of user
    and event type are counted and as many users flagged: pairs that have been
    silent for a window are forgotten first, then those far below their
    threshold, never one that is close to it.

    Memory: at most 700 bytes for each of `max_tracked`.
    """

    def __init__(
        self,
        threshold: int = EVENTS,
        window_seconds: float = WINDOW_SECONDS,
        *,
        thresholds: Mapping[str, int] | None = None,
        flag_seconds: float = FLAG_SECONDS,
        max_tracked: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._thresholds = dict(thresholds or {})
        self._threshold = threshold
        if not all(map(is_count, (threshold, *self._thresholds.values()))):
            raise ValueError("thresholds are positive whole numbers")
        if not is_time(window_seconds) or not flag_seconds > 0:
            raise ValueError("times are positive")
        self._window_seconds = window_seconds
        self._flag_seconds = flag_seconds
        self._clock = clock
        super().__init__()
        self._events: BoundedTable[_Events] = BoundedTable(
            max_tracked, _is_silent, weight=_closeness, expendable_below=0.5
        )
        self._flags: BoundedTable[AbuseFlag] = BoundedTable(max_tracked, _is_over)

    @property
    def untracked(self) -> int:
        """Events and flags that were not kept because the table was full."""
        return self._events.refused + self._flags.refused

    def record_event(self, user_id: object, event_type: str) -> bool:
        """Count one event of a user and return whether the user is flagged."""
        user = bounded_key(str(user_id))
        pair = f"{user}\n{bounded_key(event_type)}"
        with self._lock:
            now = self._clock()
            events = self._events.get(pair)
            if events is None:
                events = _Events(self._window_seconds, self._thresholds.get(event_type, self._threshold))
                self._events.put(pair, events, now)
            count = events.window.add(now)
            is_spike = count >= events.threshold
            if is_spike and self._flag(user) is None:
                self._set_flag(user, f"{count} events of type {event_type} within {self._window_seconds:g} s")
            return is_spike or self._flag(user) is not None

    def is_flagged(self, user_id: object) -> bool:
        """Return True while the user is flagged."""
        return self.get_flag(user_id) is not None

    def get_flag(self, user_id: object) -> AbuseFlag | None:
        """Return the flag on a user, with its reason; None without one."""
        with self._lock:
            return self._flag(bounded_key(str(user_id)))

    def flag_user(self, user_id: object, reason: str) -> None:
        """Flag a user on behalf of an operator."""
        with self._lock:
            self._set_flag(bounded_key(str(user_id)), reason)

    def unflag_user(self, user_id: object) -> bool:
        """Remove the flag from a user, whose counts start at zero; False when there was none."""
        user = bounded_key(str(user_id))
        with self._lock:
            had_flag = self._flag(user) is not None
            self._flags.pop(user)
            counted = [pair for pair, _ in self._events.busy(self._clock()) if pair.startswith(f"{user}\n")]
            for pair in counted:
                self._events.pop(pair)
        return had_flag

    def get_flagged_users(self) -> tuple[AbuseFlag, ...]:
        """Return every flag, latest first."""
        with self._lock:
            flags = [flag for _, flag in self._flags.busy(self._clock())]
        return tuple(sorted(flags, key=lambda flag: flag.expires, reverse=True))

    def get_abuse_summary(self, limit: int = 20) -> dict[str, Any]:
        """Return counts and the latest flags, as JSON-ready values."""
        flags = self.get_flagged_users()
        return {
            "flagged": len(flags),
            "tracked": len(self._events),
            "untracked": self.untracked,
            "users": [
                {"user_id": flag.user_id, "reason": flag.reason, "at": flag.at.isoformat(timespec="seconds")}
                for flag in flags[:limit]
            ],
        }

    def _flag(self, user: str) -> AbuseFlag | None:
        flag = self._flags.get(user)
        return None if flag is None or _is_over(flag, self._clock()) else flag

    def _set_flag(self, user: str, reason: str) -> None:
        now = self._clock()
        shown = redact_patterns(reason)[:MAX_REASON_LENGTH]
        flag = AbuseFlag(user_id=user, reason=shown, at=datetime.now(UTC), expires=now + self._flag_seconds)
        if self._flags.put(user, flag, now):
            message = f"user {user!r} is flagged: {shown}"
            emit_security(log, logging.WARNING, "user_flagged", message, user_id=user)
        elif self._flags.refused.bit_count() == 1:  # at 1, 2, 4, 8 …: said, but not in a flood
            message = f"no room for more flags: {self._flags.refused} users were not flagged"
            emit_security(log, logging.ERROR, "flags_full", message)


class _Events:
    """The events of one type of one user."""

    __slots__ = ("threshold", "window")

    def __init__(self, window_seconds: float, threshold: int) -> None:
        self.window = TimeWindow(window_seconds)
        self.threshold = threshold


def _is_silent(events: _Events, now: float) -> bool:
    return events.window.total(now) == 0


def _closeness(events: _Events, now: float) -> float:
    return events.window.total(now) / events.threshold


def _is_over(flag: AbuseFlag, now: float) -> bool:
    return flag.expires <= now


abuse_detector = AbuseDetector()
"""The detector that health and the middleware share."""
