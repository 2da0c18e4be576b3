"""The notifier: who is told, how often it tries, and what it says when it could not."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from ci_ops.channels._dispatch import Notifier
from ci_ops.core.errors import Interrupted
from ci_ops.core.event import Delivery, Outcome, Stage
from ci_ops.core.message import Message, Undeliverable
from ci_ops.core.named import Named
from ci_ops.core.plugin import Channel
from ci_ops.core.route import Route
from ci_ops.core.text.secret import Secret
from ci_ops.edge.world import RealWorld
from tests.support.events import event, hostile_event
from tests.support.jump_clock import JumpClock
from tests.support.receiver import receiving
from tests.support.reports import record
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ci_ops.core.ports.world import World

SECRET = "correct-horse-battery-staple"
EVENT = event()


@dataclass(kw_only=True)
class Post(Channel):
    """Takes messages; fails as often as it was told to."""

    failures: list[Exception] = field(default_factory=list)
    token: Secret = field(default_factory=lambda: Secret(SECRET))
    more: dict[str, tuple[Secret, ...]] = field(default_factory=dict)
    got: list[Message] = field(default_factory=list)

    def send(self, message: Message, world: World) -> str:
        del world
        if self.failures:
            raise self.failures.pop(0)
        self.got.append(message)
        return f"ref-{len(self.got)}"


@dataclass(kw_only=True)
class Caller(Channel):
    """Asks an address, wanting far more time than there is."""

    url: str

    def send(self, message: Message, world: World) -> str:
        del message
        assert world.env == {"HERE": "1"}
        assert world.http.addresses(self.url, timeout_seconds=1.0) == ("127.0.0.1",)
        return world.http.request("POST", self.url, timeout_seconds=3600.0, body=b"").text


def seconds_between() -> Iterator[float]:
    return itertools.repeat(1.0)


def undeliverable(count: int, *, retry: bool = True, after_seconds: float | None = None) -> list[Exception]:
    return [Undeliverable("it is full", retry=retry, after_seconds=after_seconds) for _ in range(count)]


@pytest.fixture
def clock() -> JumpClock:
    return JumpClock()


@pytest.fixture
def world(clock: JumpClock) -> World:
    return RealWorld(env={"HERE": "1"}, clock=clock)


def test_each_channel_gets_the_message_and_a_delivery_says_so(world: World) -> None:
    ops, dev = Post(), Post()
    notify = Notifier(
        channels=[Named(name="ops", plugin=ops), Named(name="dev", plugin=dev)],
        world=world,
        waits=seconds_between,
    )
    deliveries = notify(EVENT)
    assert [(each.target, each.outcome, each.attempts, each.reference) for each in deliveries] == [
        ("ops", Outcome.DELIVERED, 1, "ref-1"),
        ("dev", Outcome.DELIVERED, 1, "ref-1"),
    ]
    assert deliveries[0].event == EVENT.id
    assert ops.got[0].title == dev.got[0].title == "shop: abc1234 is live in production"


def test_channels_are_told_at_the_same_time(world: World) -> None:
    together = threading.Barrier(2)

    @dataclass(kw_only=True)
    class Waits(Channel):
        def send(self, message: Message, world: World) -> str:
            del message, world
            together.wait(timeout=10)
            return ""

    notify = Notifier(
        channels=[Named(name="a", plugin=Waits()), Named(name="b", plugin=Waits())],
        world=world,
        waits=seconds_between,
    )
    assert [each.outcome for each in notify(EVENT)] == [Outcome.DELIVERED, Outcome.DELIVERED]


def test_the_same_event_arrives_once(world: World) -> None:
    post = Post()
    notify = Notifier(channels=[Named(name="ops", plugin=post)], world=world, waits=seconds_between)
    notify(EVENT)
    (again,) = notify(EVENT)
    assert (again.outcome, again.sentence) == (Outcome.SKIPPED, "already delivered")
    assert len(post.got) == 1


def test_what_an_earlier_command_delivered_is_not_sent_again_but_what_failed_is(world: World) -> None:
    ops, dev = Post(), Post()
    notify = Notifier(
        channels=[Named(name="ops", plugin=ops), Named(name="dev", plugin=dev)],
        world=world,
        waits=seconds_between,
        earlier=[
            Delivery(target="ops", event=EVENT.id, outcome=Outcome.DELIVERED),
            Delivery(target="dev", event=EVENT.id, outcome=Outcome.FAILED),
        ],
    )
    assert [each.outcome for each in notify(EVENT)] == [Outcome.SKIPPED, Outcome.DELIVERED]


def test_a_failed_event_may_be_sent_again(world: World) -> None:
    post = Post(failures=undeliverable(1, retry=False))
    notify = Notifier(channels=[Named(name="ops", plugin=post)], world=world, waits=seconds_between)
    assert [notify(EVENT)[0].outcome, notify(EVENT)[0].outcome] == [Outcome.FAILED, Outcome.DELIVERED]


def test_a_full_channel_is_asked_again_and_the_tries_are_counted(world: World, clock: JumpClock) -> None:
    post = Post(failures=undeliverable(2))
    (delivery,) = Notifier(channels=[Named(name="ops", plugin=post)], world=world, waits=seconds_between)(
        EVENT
    )
    assert (delivery.outcome, delivery.attempts, delivery.seconds) == (Outcome.DELIVERED, 3, 2.0)
    assert clock.waits == [1.0, 1.0]


def test_a_final_refusal_is_not_repeated(world: World, clock: JumpClock) -> None:
    post = Post(failures=undeliverable(9, retry=False))
    (delivery,) = Notifier(channels=[Named(name="ops", plugin=post)], world=world, waits=seconds_between)(
        EVENT
    )
    assert (delivery.outcome, delivery.attempts, delivery.sentence) == (Outcome.FAILED, 1, "it is full")
    assert clock.waits == []


def test_retry_after_is_waited_for(world: World, clock: JumpClock) -> None:
    post = Post(failures=undeliverable(1, after_seconds=4.0))
    (delivery,) = Notifier(channels=[Named(name="ops", plugin=post)], world=world, waits=seconds_between)(
        EVENT
    )
    assert delivery.outcome is Outcome.DELIVERED
    assert clock.waits == [4.0]


def test_a_retry_after_beyond_the_deadline_ends_it_at_once_and_is_told(
    world: World, clock: JumpClock
) -> None:
    post = Post(failures=undeliverable(1, after_seconds=120.0))
    (delivery,) = Notifier(channels=[Named(name="ops", plugin=post)], world=world, waits=seconds_between)(
        EVENT
    )
    assert delivery.sentence == "it is full; it requests a wait of 2 m 00 s"
    assert clock.waits == []


def test_it_gives_up_before_the_deadline(world: World, clock: JumpClock) -> None:
    post = Post(failures=undeliverable(99))
    (delivery,) = Notifier(channels=[Named(name="ops", plugin=post)], world=world, waits=seconds_between)(
        EVENT
    )
    assert delivery.outcome is Outcome.FAILED
    assert sum(clock.waits) <= 10.0
    assert delivery.attempts > 5


def test_a_channel_that_was_not_reached_gets_little_time_for_the_next_event(
    world: World, clock: JumpClock
) -> None:
    post = Post(failures=undeliverable(99))
    tell = Notifier(channels=[Named(name="ops", plugin=post)], world=world, waits=seconds_between)
    tell(EVENT)
    waited = sum(clock.waits)
    tell(event(stage=Stage.FAILED))
    assert sum(clock.waits) - waited < 2.0
    post.failures.clear()
    assert tell(event(stage=Stage.STARTED))[0].outcome is Outcome.DELIVERED


def test_a_request_gets_no_more_time_than_is_left(clock: JumpClock) -> None:
    with receiving() as receiver:
        caller = Caller(url=receiver.url())
        world = RealWorld(env={"HERE": "1"}, clock=clock)
        notify = Notifier(channels=[Named(name="a", plugin=caller)], world=world, waits=seconds_between)
        (delivery,) = notify(EVENT)
        assert delivery.reference == "ok"
        late = Notifier(
            channels=[Named(name="a", plugin=caller)],
            world=world,
            waits=seconds_between,
            deadline_seconds=0.0,
        )
        (refused,) = late(EVENT)
    assert refused.outcome is Outcome.FAILED
    assert refused.sentence == "caller failed unexpectedly: HttpError"
    assert len(receiver.taken) == 1


def test_a_channels_mistake_is_a_failed_delivery_without_its_words(world: World) -> None:
    post = Post(failures=[KeyError(SECRET)])
    (delivery,) = Notifier(channels=[Named(name="ops", plugin=post)], world=world, waits=seconds_between)(
        EVENT
    )
    assert delivery.outcome is Outcome.FAILED
    assert delivery.sentence == "post failed unexpectedly: KeyError"


def test_a_secret_in_a_refusal_is_hidden(world: World) -> None:
    post = Post(failures=[Undeliverable(f"it said {SECRET} and hunter2hunter2", retry=False)])
    post.more = {"old": (Secret("hunter2hunter2"),)}
    (delivery,) = Notifier(channels=[Named(name="ops", plugin=post)], world=world, waits=seconds_between)(
        EVENT
    )
    assert delivery.sentence == "it said *** and ***"


def test_a_secret_in_an_event_is_hidden_before_it_is_sent(world: World) -> None:
    post = Post()
    leaking = event(sentence=f"the key {SECRET} is wrong", record=record(error=f"{SECRET} \ud800"))
    Notifier(channels=[Named(name="ops", plugin=post)], world=world, waits=seconds_between)(leaking)
    message = post.got[0]
    assert message.lines == ("the key *** is wrong",)
    assert message.record is not None
    assert message.record.error == "*** \ufffd"


def test_a_request_to_stop_ends_it(world: World) -> None:
    post = Post(failures=[Interrupted(15)])
    other = Post()
    channels = [Named(name="ops", plugin=post), Named(name="dev", plugin=other)]
    stopped, sent = Notifier(channels=channels, world=world, waits=seconds_between)(EVENT)
    assert (stopped.outcome, stopped.sentence) == (Outcome.SKIPPED, "stopped before it was sent")
    assert sent.outcome is Outcome.DELIVERED


@dataclass(kw_only=True)
class Hanging(Channel):
    """A channel that waits for something that no port bounds."""

    ended: threading.Event = field(default_factory=threading.Event)

    def send(self, message: Message, world: World) -> str:
        del message, world
        self.ended.wait()
        return ""


def test_a_channel_that_hangs_holds_up_no_other_and_gets_no_second_thread(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ci_ops.channels._dispatch.GRACE_SECONDS", 0.0)
    hanging, post = Hanging(), Post()
    channels = [Named[Channel](name="ops", plugin=hanging), Named[Channel](name="dev", plugin=post)]
    notify = Notifier(channels=channels, world=world, waits=seconds_between, deadline_seconds=0.5)
    failed, sent = notify(EVENT)
    assert (failed.outcome, failed.sentence) == (Outcome.FAILED, "no answer within 500 ms")
    assert sent.outcome is Outcome.DELIVERED
    before = threading.active_count()
    for number in range(20):
        failed, sent = notify(replace(EVENT, id=f"event {number}"))
        assert (failed.outcome, failed.sentence) == (Outcome.FAILED, "it still hangs with an earlier event")
        assert sent.outcome is Outcome.DELIVERED
    assert threading.active_count() <= before
    hanging.ended.set()
    wait_until(lambda: notify(replace(EVENT, id="the last"))[0].outcome is not Outcome.FAILED)


def test_what_was_sent_is_remembered_but_not_for_ever(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ci_ops.channels._dispatch.MAX_CLAIMS", 20)
    post = Post()
    notify = Notifier(channels=[Named(name="ops", plugin=post)], world=world, waits=seconds_between)
    for number in range(50):
        notify(replace(EVENT, id=f"event {number}"))
    assert len(notify._claimed) == 20
    (again,) = notify(replace(EVENT, id="event 49"))
    assert again.sentence == "already delivered"


def test_a_dry_run_sends_nothing_and_shows_what_it_would(world: World) -> None:
    post = Post()
    notify = Notifier(
        channels=[Named(name="ops", plugin=post)], world=world, waits=seconds_between, dry_run=True
    )
    (delivery,) = notify(EVENT)
    assert delivery.outcome is Outcome.SKIPPED
    assert delivery.sentence == "dry run: would send by post: shop: abc1234 is live in production"
    assert post.got == []


def test_an_event_that_no_route_takes_is_visible(world: World) -> None:
    notify = Notifier(
        channels=[Named(name="ops", plugin=Post())],
        world=world,
        waits=seconds_between,
        routes=[Route(events=("rollback.*",), to=("ops",))],
    )
    (delivery,) = notify(EVENT)
    assert (delivery.target, delivery.outcome, delivery.attempts) == ("-", Outcome.SKIPPED, 0)
    assert delivery.sentence == "no route for deployment.completed"


def test_names_asked_for_by_hand_win_over_the_routes(world: World) -> None:
    ops, dev = Post(), Post()
    notify = Notifier(
        channels=[Named(name="ops", plugin=ops), Named(name="dev", plugin=dev)],
        world=world,
        waits=seconds_between,
        routes=[Route(to=("ops",))],
        to=("dev",),
    )
    assert [each.target for each in notify(EVENT)] == ["dev"]


def test_a_name_that_is_no_channel_is_a_failed_delivery(world: World) -> None:
    notify = Notifier(
        channels=[Named(name="ops", plugin=Post())],
        world=world,
        waits=seconds_between,
        routes=[Route(to=("opps", "ops"))],
    )
    missing, found = notify(EVENT)
    assert (missing.outcome, missing.sentence) == (Outcome.FAILED, "there is no channel called opps")
    assert found.outcome is Outcome.DELIVERED


def test_without_channels_there_is_nothing_to_say(world: World) -> None:
    assert Notifier(channels=[], world=world, waits=seconds_between)(EVENT) == ()


def test_a_template_that_cannot_be_filled_in_is_a_failed_delivery(clock: JumpClock) -> None:
    class Broken:
        def render(self, name: str, /, **context: object) -> str:
            del name, context
            raise ValueError(f"no {SECRET} here")

        def source(self, name: str, /) -> str:
            raise ValueError(name)

    class BrokenWorld(RealWorld):
        @property
        def templates(self) -> Broken:
            return Broken()

    world = BrokenWorld(env={}, clock=clock)
    (delivery,) = Notifier(channels=[Named(name="ops", plugin=Post())], world=world, waits=seconds_between)(
        EVENT
    )
    assert delivery.outcome is Outcome.FAILED
    assert delivery.sentence == "its message could not be written: ValueError: no *** here"


def test_hostile_text_reaches_the_channel_as_single_lines(world: World) -> None:
    post = Post()
    Notifier(channels=[Named(name="ops", plugin=post)], world=world, waits=seconds_between)(hostile_event())
    message = post.got[0]
    everything = [message.title, *message.lines, *(part for fact in message.facts for part in fact)]
    assert all(text.isprintable() for text in everything)
    assert [label for label, _ in message.facts] == [
        "Environment",
        "Revision",
        "Version",
        "By",
        "Took",
        "Deployment",
    ]
    assert message.links == ()


def test_no_representation_shows_a_secret(world: World) -> None:
    notify = Notifier(channels=[Named(name="ops", plugin=Post())], world=world, waits=seconds_between)
    assert SECRET not in repr(notify)
    assert notify(event(stage=Stage.STARTED))[0].outcome is Outcome.DELIVERED
