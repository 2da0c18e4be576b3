"""Asynchronous delivery of events: a slow sink delays neither a rollback nor other sinks."""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING

from ci_ops.core.background import in_background
from ci_ops.core.errors import Interrupted
from ci_ops.core.event import Delivery, Event, Outcome
from ci_ops.core.text.durations import format_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ci_ops.core.event import Sink

MAX_WAITING = 100
"""Events that wait for one sink; a deployment has a handful, and more would be old news."""
GRACE_SECONDS = 5.0
"""Time beyond its own deadline after which a sink counts as hanging."""

Deliveries = tuple[Delivery, ...]


class Outbox:
    """A queue of events; every sink receives them in order in a thread of its own."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._queues = tuple(SinkQueue(sink) for sink in sinks)
        self._events: list[tuple[Event, tuple[Future[Deliveries], ...]]] = []

    @property
    def count(self) -> int:
        """The number of events."""
        return len(self._events)

    def put(self, event: Event) -> None:
        """Queue the event; returns immediately."""
        self._events.append((event, tuple(queue.put(event) for queue in self._queues)))

    def deliveries(self) -> Deliveries:
        """Return the delivery of every event; wait for each sink at most until its deadline."""
        return tuple(
            delivery
            for event, futures in self._events
            for queue, future in zip(self._queues, futures, strict=True)
            for delivery in queue.wait(event, future)
        )


class SinkQueue:
    """The pending events of one sink; its thread lives only while there are any."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._waiting: deque[tuple[Event, Future[Deliveries]]] = deque()
        self._lock = threading.Lock()
        self._started_seconds: float | None = None
        """When the event that is being sent was handed to the sink; None while there is none."""

    def put(self, event: Event) -> Future[Deliveries]:
        """Add an event, or refuse it where too many are pending."""
        future: Future[Deliveries] = Future()
        with self._lock:
            if len(self._waiting) >= MAX_WAITING:
                future.set_result(_lost(event, f"{MAX_WAITING} earlier events still wait for it"))
                return future
            self._waiting.append((event, future))
            if self._started_seconds is None:
                self._started_seconds = time.monotonic()
                in_background(self._work, name="outbox")
        return future

    def wait(self, event: Event, future: Future[Deliveries]) -> Deliveries:
        """Return the delivery of the event; one behind a hanging sink is lost."""
        limit_seconds = self._sink.deadline_seconds + GRACE_SECONDS
        while True:
            started = self._started_seconds
            left = limit_seconds if started is None else started + limit_seconds - time.monotonic()
            try:
                return future.result(max(0.0, left))
            except TimeoutError:
                if self._started_seconds == started:
                    return _lost(event, f"no answer within {format_duration(limit_seconds)}")

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._started_seconds = None
                    return
                event, future = self._waiting.popleft()
                self._started_seconds = time.monotonic()
            future.set_result(_send(self._sink, event))


def _send(sink: Sink, event: Event) -> Deliveries:
    try:
        return sink(event)
    except Interrupted:
        return (_delivery(event, Outcome.SKIPPED, "stopped before it was sent"),)
    except Exception as error:  # noqa: BLE001 - a sink's defect must not stop a deployment, nor its own thread
        return _lost(event, f"the sink failed unexpectedly: {type(error).__name__}")


def _lost(event: Event, sentence: str) -> Deliveries:
    return (_delivery(event, Outcome.FAILED, sentence),)


def _delivery(event: Event, outcome: Outcome, sentence: str) -> Delivery:
    return Delivery(target="-", event=event.id, outcome=outcome, attempts=0, sentence=sentence)
