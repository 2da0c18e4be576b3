"""The time for which an unlikely change of an answer is waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ci_ops.core.deadline import Ticking

SHARE = 1 / 6
"""Of the deadline: 20 s of 2 m. A name that is being registered, a route that a proxy is about to learn."""


class Patience:
    """The uninterrupted time of one kind of answer, over all checks of a run.

    Checks run one after another: time that the first one waited in vain is not spent again by the
    next. Any answer of another kind resets it. Safe to share between threads: a value that is lost
    to a race costs one try.
    """

    def __init__(self, deadline_seconds: float, clock: Ticking) -> None:
        self._seconds = deadline_seconds * SHARE
        self._clock = clock
        self._since: dict[str, float] = {}

    def left_seconds(self, kind: str) -> float | None:
        """Return the remaining seconds for retries of that kind of answer.

        None, with a reset for every kind, for the empty text: an answer that may change soon.
        """
        now = self._clock.monotonic()
        if not kind:
            self._since.clear()
            return None
        return max(0.0, self._since.setdefault(kind, now) + self._seconds - now)
