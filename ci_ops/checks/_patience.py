"""How long an answer that seldom changes by itself is asked for again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ci_ops.core.deadline import Ticking

SHARE = 1 / 6
"""Of the deadline: 20 s of 2 m. A name that is being registered, a route that a proxy is about to learn."""


class Patience:
    """How long answers of one kind go on without a break, over all checks of a run.

    Checks run one after another: what the first one waited for in vain is not
    waited for again by the next. Any answer of another kind starts it anew.
    Safe to share between threads: a value that is lost to a race costs a try.
    """

    def __init__(self, deadline_seconds: float, clock: Ticking) -> None:
        self._seconds = deadline_seconds * SHARE
        self._clock = clock
        self._since: dict[str, float] = {}

    def left_seconds(self, kind: str) -> float | None:
        """Return the seconds for which that kind of answer is asked for again.

        None, and a new start for every kind, for the empty text: an answer that may change soon.
        """
        now = self._clock.monotonic()
        if not kind:
            self._since.clear()
            return None
        return max(0.0, self._since.setdefault(kind, now) + self._seconds - now)
