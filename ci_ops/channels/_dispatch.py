"""The sink that delivers an event to the channels of its routes.

It never raises: a failure becomes a failed delivery in the report. An event that was delivered to a
channel is not sent there again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, fields, is_dataclass
from functools import partial
from typing import TYPE_CHECKING

from ci_ops.channels._message import message_for
from ci_ops.channels._route import recipients
from ci_ops.core.background import in_background
from ci_ops.core.deadline import Deadline, ask_until
from ci_ops.core.errors import Interrupted
from ci_ops.core.event import Delivery, Event, Outcome
from ci_ops.core.message import Message, Undeliverable
from ci_ops.core.named import NamedChannel
from ci_ops.core.ports.world import World
from ci_ops.core.route import Route
from ci_ops.core.text.durations import format_duration
from ci_ops.core.text.lines import map_texts
from ci_ops.core.text.secret import Secret

if TYPE_CHECKING:
    from ci_ops.core.plugin import Channel

DEADLINE_SECONDS = 10.0
WEAK_DEADLINE_SECONDS = 2.0
"""For a channel that could not be reached with the event before: it delays the report only once."""
LAST_TRY_SHARE = 0.3
"""The part of the time that is kept for the last try: waiting ends before it."""
GRACE_SECONDS = 2.0
"""Time beyond the deadline for what a channel does beside its requests."""
MAX_CLAIMS = 1000
"""Events whose delivery is remembered: a process may send for months."""
NO_TARGET = "-"
"""The target of a delivery for an event that no route sends anywhere."""


@dataclass(frozen=True, kw_only=True)
class Notifier:
    """Sends events to the channels; a `Sink`."""

    channels: Sequence[NamedChannel]
    world: World
    waits: Callable[[], Iterator[float]]
    """Makes the seconds between tries: capped and jittered."""
    routes: Sequence[Route] = ()
    to: tuple[str, ...] = ()
    """Names of channels asked for by hand; they win over the routes."""
    deadline_seconds: float = DEADLINE_SECONDS
    """For one event, at every channel at the same time, all tries together."""
    dry_run: bool = False
    earlier: Iterable[Delivery] = ()
    """Deliveries of earlier commands of the same run: what arrived then is not sent again."""
    _weak: set[str] = field(default_factory=set, init=False, repr=False)
    _claimed: dict[tuple[str, str], None] = field(default_factory=dict, init=False, repr=False)
    """Event and channel, the oldest first."""
    _hanging: dict[str, Future[Delivery]] = field(default_factory=dict, init=False, repr=False)
    """By channel: what did not end by its deadline."""
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        for channel in self.channels:
            self.world.redact.add(*secrets_of(channel.plugin))
        arrived = (each for each in self.earlier if each.outcome is Outcome.DELIVERED)
        self._claimed.update(((each.event, each.target), None) for each in arrived)

    def __call__(self, event: Event, /) -> tuple[Delivery, ...]:
        """Send the event to every recipient in parallel; return one delivery for each."""
        known = {channel.name: channel.plugin for channel in self.channels}
        if not known:
            return ()
        names = tuple(dict.fromkeys(self.to)) or recipients(event, routes=self.routes, channels=tuple(known))
        if not names:
            return (_skipped(NO_TARGET, event, f"no route for {event.name}"),)
        try:
            message = message_for(map_texts(event, self.world.redact.own), self.world.templates)
        except Exception as error:  # noqa: BLE001 - a broken template must not stop a deployment
            why = self.world.redact(f"its message could not be written: {type(error).__name__}: {error}")
            return tuple(_failed(name, event, why) for name in names)
        begun = [(name, self._begin(name, known.get(name), event, message)) for name in names]
        end_seconds = time.monotonic() + self.deadline_seconds + GRACE_SECONDS
        return tuple(self._delivery(name, event, future, end_seconds) for name, future in begun)

    def _begin(
        self, name: str, channel: Channel | None, event: Event, message: Message
    ) -> Future[Delivery] | None:
        """Start to send; None while the channel still hangs with an earlier event."""
        hanging = self._hanging.get(name)
        if hanging is not None and not hanging.done():
            return None
        return in_background(partial(self._tell, name, channel, event, message), name="channel")

    def _delivery(
        self, name: str, event: Event, future: Future[Delivery] | None, end_seconds: float
    ) -> Delivery:
        """Wait for the outcome; a channel that exceeds its deadline has failed."""
        if future is None:
            return _failed(name, event, "it still hangs with an earlier event")
        try:
            return future.result(max(0.0, end_seconds - time.monotonic()))
        except Interrupted:
            return _skipped(name, event, "stopped before it was sent")
        except TimeoutError:
            self._hanging[name] = future
            return _failed(name, event, f"no answer within {format_duration(self.deadline_seconds)}")

    def _tell(self, name: str, channel: Channel | None, event: Event, message: Message) -> Delivery:
        if channel is None:
            return _failed(name, event, f"there is no channel called {name}")
        if self.dry_run:
            return _skipped(name, event, f"dry run: would send by {channel.plugin_name()}: {message.title}")
        if not self._claim(event, name):
            return _skipped(name, event, "already delivered")
        started_seconds = self.world.clock.monotonic()
        try:
            answer, tries = self._send(channel, message, self._seconds_for(name))
        except BaseException:
            self._give_back(event, name)
            raise
        self._remember(name, answer)
        if answer.failure is not None:
            self._give_back(event, name)
        return Delivery(
            target=name,
            event=event.id,
            outcome=Outcome.FAILED if answer.failure else Outcome.DELIVERED,
            attempts=tries,
            seconds=self.world.clock.monotonic() - started_seconds,
            sentence=self._why(answer.failure) if answer.failure else "",
            reference=answer.reference,
        )

    def _why(self, failure: Undeliverable) -> str:
        """Return the sentence for the report, with a requested wait that was too long."""
        asks = (
            f"; it requests a wait of {format_duration(failure.after_seconds)}"
            if failure.after_seconds
            else ""
        )
        return self.world.redact(failure.sentence) + asks

    def _seconds_for(self, name: str) -> float:
        with self._lock:
            weak = name in self._weak
        return min(self.deadline_seconds, WEAK_DEADLINE_SECONDS) if weak else self.deadline_seconds

    def _remember(self, name: str, answer: _Answer) -> None:
        with self._lock:
            if answer.failure is not None and answer.failure.retry:
                self._weak.add(name)
            else:
                self._weak.discard(name)

    def _send(self, channel: Channel, message: Message, seconds: float) -> tuple[_Answer, int]:
        clock = self.world.clock
        deadline = Deadline.after(seconds, clock)
        world = self.world.within(deadline)
        return ask_until(
            lambda: _try_once(channel, message, world),
            deadline=deadline.sooner(seconds * (1 - LAST_TRY_SHARE)),
            clock=clock,
            waits=self.waits(),
        )

    def _claim(self, event: Event, name: str) -> bool:
        with self._lock:
            is_new = (event.id, name) not in self._claimed
            self._claimed[event.id, name] = None
            while len(self._claimed) > MAX_CLAIMS:
                del self._claimed[next(iter(self._claimed))]
            return is_new

    def _give_back(self, event: Event, name: str) -> None:
        with self._lock:
            self._claimed.pop((event.id, name), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Answer:
    """The outcome of one try."""

    reference: str = ""
    failure: Undeliverable | None = None

    @property
    def is_settled(self) -> bool:
        return self.failure is None or not self.failure.retry

    @property
    def wait_seconds(self) -> float | None:
        return self.failure.after_seconds if self.failure else None


def _try_once(channel: Channel, message: Message, world: World) -> _Answer:
    try:
        return _Answer(reference=channel.send(message, world))
    except Interrupted:
        raise
    except Undeliverable as failure:
        return _Answer(failure=failure)
    except Exception as error:  # noqa: BLE001 - a channel's mistake must not stop a deployment
        sentence = f"{channel.plugin_name()} failed unexpectedly: {type(error).__name__}"
        return _Answer(failure=Undeliverable(sentence, retry=False))


def _skipped(target: str, event: Event, sentence: str) -> Delivery:
    return Delivery(target=target, event=event.id, outcome=Outcome.SKIPPED, attempts=0, sentence=sentence)


def _failed(target: str, event: Event, sentence: str) -> Delivery:
    return Delivery(target=target, event=event.id, outcome=Outcome.FAILED, attempts=0, sentence=sentence)


def secrets_of(value: object) -> Iterator[str]:
    """Return every secret in a plugin's fields, for the redactor."""
    if isinstance(value, Secret):
        yield value.reveal()
    elif isinstance(value, tuple | list):
        for each in value:
            yield from secrets_of(each)
    elif isinstance(value, dict):
        yield from secrets_of(list(value.values()))
    elif is_dataclass(value):
        for each in fields(value):
            yield from secrets_of(getattr(value, each.name))
