"""Telling the sinks in the background: a slow channel must not hold up a way back."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from ci_ops.core.errors import Interrupted
from ci_ops.core.event import Delivery, Event, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ci_ops.core.event import Sink


class Telling:
    """Events in the order in which they happened, told one after the other by a thread."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = sinks
        self._thread: ThreadPoolExecutor | None = None
        self._told: list[Future[tuple[Delivery, ...]]] = []

    @property
    def count(self) -> int:
        """How many events there were."""
        return len(self._told)

    def tell(self, event: Event) -> None:
        """Have it told; returns at once."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="telling")
        self._told.append(self._thread.submit(self._tell_all, event))

    def deliveries(self) -> tuple[Delivery, ...]:
        """What became of all of it; waits for what is under way (sinks keep their own time limits)."""
        return tuple(delivery for told in self._told for delivery in told.result())

    def _tell_all(self, event: Event) -> tuple[Delivery, ...]:
        try:
            return tuple(delivery for sink in self._sinks for delivery in sink(event))
        except Interrupted:
            stopped = Delivery(
                target="-",
                event=event.id,
                outcome=Outcome.SKIPPED,
                attempts=0,
                sentence="stopped before it was told",
            )
            return (stopped,)
