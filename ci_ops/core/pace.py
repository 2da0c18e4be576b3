"""Pace of requests to a service: what its own RateLimit fields allow, else 50 a second to each host."""

from __future__ import annotations

import math
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ci_ops.core.text.durations import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ci_ops.core.text.rate_fields import RateLimit

DEFAULT_PER_SECOND = 50
SHARE = 0.9
"""Of what a service allows; the rest is left to other clients behind the same address."""
_MAX_REQUESTS = 10_000
"""A window of more requests than this is no limit for a verification."""


@dataclass(slots=True)
class _Window:
    """At most so many requests in any such time."""

    requests: int
    seconds: float
    starts: deque[float] = field(default_factory=deque)
    not_before: float = -math.inf

    def next_start(self, now: float) -> float:
        """Return the earliest moment for one more request."""
        is_full = len(self.starts) >= self.requests
        return max(now, self.not_before, self.starts[-self.requests] + self.seconds if is_full else now)

    def add(self, at: float) -> None:
        """Count a request; those that no longer matter are forgotten."""
        self.starts.append(at)
        while len(self.starts) > _MAX_REQUESTS:
            self.starts.popleft()

    @property
    def text(self) -> str:
        """The limit for people, such as `90 requests in 1 min`."""
        return f"{self.requests} requests in {format_duration(self.seconds)}"


class Pace:
    """Spaces requests, so that a verification is not mistaken for a flood. Safe to share between threads.

    A limit that the service tells holds for the paths that told it.
    """

    def __init__(self, per_second: float = 0.0) -> None:
        """`per_second` is for each host; 0 for what the service allows, else 50."""
        self._is_fixed = per_second > 0
        rate = per_second or DEFAULT_PER_SECOND
        self._requests = max(1, math.floor(rate))
        self._seconds = self._requests / rate
        self._lock = threading.Lock()
        self._windows: dict[str, _Window] = {}
        self._limits_of: dict[str, tuple[str, ...]] = {}
        self._paused: dict[str, float] = {}
        self._first: dict[str, threading.Event] = {}
        self._good: set[str] = set()
        self._blocked: set[str] = set()

    def first_answer(self, url: str) -> threading.Event | None:
        """Return what is set once the path has answered for the first time; None for the first caller.

        Limits that a path has not told yet cannot be kept by several requests at once.
        """
        if self._is_fixed:
            return None
        _, path = _places(url)
        with self._lock:
            known = self._first.get(path)
            if known is None:
                self._first[path] = threading.Event()
            return known

    def note_first_answer(self, url: str) -> None:
        """Let the other requests to the path begin."""
        event = self._first.get(_places(url)[1])
        if event is not None:
            event.set()

    def reserve(self, url: str, *, now: float, at_most_seconds: float) -> float:
        """Return how long the next request has to wait; for longer than allowed nothing is reserved."""
        host, path = _places(url)
        with self._lock:
            windows = self._windows_of(host, path)
            start = max([self._paused.get(path, now), *(each.next_start(now) for each in windows)])
            seconds = max(0.0, start - now)
            if seconds <= at_most_seconds:
                for each in windows:
                    each.add(start)
            return seconds

    def learn(self, url: str, limits: Iterable[RateLimit], *, now: float) -> None:
        """Take over the limits that an answer told."""
        if self._is_fixed:
            return
        host, path = _places(url)
        with self._lock:
            names = [name for limit in limits if (name := self._learn_one(host, limit, now))]
            if not names:
                return
            if path not in self._limits_of:  # its first request was not counted there
                for name in names:
                    self._windows[name].add(now)
            self._limits_of[path] = tuple(names)

    def pause(self, url: str, seconds: float, *, now: float) -> None:
        """Send no request to that path for so long."""
        _, path = _places(url)
        with self._lock:
            self._paused[path] = max(self._paused.get(path, now), now + seconds)

    def limits_text(self, url: str) -> str:
        """Return the limits of that path for people."""
        host, path = _places(url)
        with self._lock:
            return ", ".join(each.text for each in self._windows_of(host, path))

    def note_good(self, url: str) -> None:
        """Remember that the path gave an answer that was accepted."""
        self._good.add(_places(url)[1])

    def was_good(self, url: str) -> bool:
        """Return True when the path gave an answer before that was accepted."""
        return _places(url)[1] in self._good

    def note_blocked(self, url: str) -> None:
        """Remember that the path refuses the probe on every connection."""
        self._blocked.add(_places(url)[1])

    def is_blocked(self, url: str) -> bool:
        """Return True when the path was seen to refuse the probe on every connection."""
        return _places(url)[1] in self._blocked

    def _windows_of(self, host: str, path: str) -> list[_Window]:
        names = self._limits_of.get(path)
        if names:
            return [self._windows[name] for name in names]
        return [self._windows.setdefault(host, _Window(self._requests, self._seconds))]

    def _learn_one(self, host: str, limit: RateLimit, now: float) -> str:
        """Return the name of the window for a limit; empty where it limits nothing."""
        name, quota, reset = (
            f"{host} {limit.name}",
            limit.quota or limit.remaining,
            limit.reset_seconds or 0.0,
        )
        seconds = limit.window_seconds or math.ceil(reset)
        if not quota or not seconds or quota > _MAX_REQUESTS:
            return ""
        window = self._windows.setdefault(name, _Window(1, 1.0))
        if limit.window_seconds is None:  # only the end of the window is told: the longest time to it counts
            seconds = max(seconds, math.ceil(window.seconds))
        window.requests, window.seconds = max(1, int(quota * SHARE)), float(seconds)
        if limit.remaining == 0:
            window.not_before = max(window.not_before, now + reset)
        return name


def _places(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    host = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    return host, f"{host}{parts.path or '/'}"
