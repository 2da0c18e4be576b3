"""What holds for every channel; a new one adds its example to tests/support/channels.py."""

from __future__ import annotations

import inspect
import itertools
import json
import logging
import traceback
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ci_ops.channels._dispatch import Notifier
from ci_ops.channels._message import message_for
from ci_ops.core.event import Event, Outcome
from ci_ops.core.message import Undeliverable
from ci_ops.core.named import Named
from ci_ops.core.plugin import Channel
from ci_ops.edge.world import RealWorld
from ci_ops.plugins import family
from tests.support.channels import CREDENTIALS, EXAMPLES, LOCAL, SECRET_PATH
from tests.support.events import EVENTS, JOB_EVENTS, hostile_event
from tests.support.golden import assert_golden
from tests.support.jump_clock import JumpClock
from tests.support.published import assert_published
from tests.support.receiver import RESET, SILENCE, Answer, Receiver, Taken, receiving
from tests.support.reports import HOSTILE

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = family("channels").names()
TIMEOUT_SECONDS = 5.0
SHORT_SECONDS = 0.3
MOST_BYTES = 100_000
SHOWN_HEADERS = ("content-type", "webhook-id", "webhook-timestamp", "webhook-signature")


@pytest.fixture(scope="module")
def server() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def receiver(server: Receiver) -> Receiver:
    server.taken.clear()
    server.answer(Answer())
    return server


@pytest.fixture
def world() -> RealWorld:
    return RealWorld(env={}, clock=JumpClock())


def send(world: RealWorld, url: str, name: str, *, about: Event = EVENTS["deployment.failed"]) -> str:
    return EXAMPLES[name](url, TIMEOUT_SECONDS).send(message_for(about, world.templates), world)


def refusal(world: RealWorld, url: str, name: str, *, timeout: float = TIMEOUT_SECONDS) -> Undeliverable:
    channel = EXAMPLES[name](url, timeout)
    message = message_for(EVENTS["deployment.failed"], world.templates)
    with pytest.raises(Undeliverable) as caught:
        channel.send(message, world)
    return caught.value


def as_text(taken: Taken) -> str:
    shown = [f"{name}: {taken.headers[name]}" for name in SHOWN_HEADERS if name in taken.headers]
    body = json.dumps(json.loads(taken.body), indent=2, ensure_ascii=False)
    return "\n".join([f"{taken.method} {taken.path}", *shown, "", body]) + "\n"


def test_every_channel_has_an_example() -> None:
    assert set(NAMES) == {*EXAMPLES, *LOCAL}


@pytest.mark.parametrize("name", NAMES)
def test_every_channel_documents_itself(name: str) -> None:
    kind = family("channels").load(name)
    module = inspect.getmodule(kind)
    assert issubclass(kind, Channel)
    assert kind.plugin_name() == name
    assert kind.__doc__ is not None
    assert module is not None
    assert module.__doc__ is not None
    assert len(kind.__doc__.splitlines()[0]) <= 72
    assert module.__doc__.splitlines()[0] == kind.__doc__.splitlines()[0]
    assert name in LOCAL or "Source: https://" in module.__doc__


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("kind", EVENTS)
def test_the_request_is_the_golden_one(name: str, kind: str, world: RealWorld, receiver: Receiver) -> None:
    send(world, receiver.url(SECRET_PATH), name, about=EVENTS[kind])
    assert_golden(f"channels/{name}/{kind}.txt", as_text(receiver.taken[0]))


@pytest.mark.parametrize("kind", [*EVENTS, *JOB_EVENTS])
def test_an_event_fits_its_published_schema(kind: str, world: RealWorld, receiver: Receiver) -> None:
    send(world, receiver.url(SECRET_PATH), "webhook", about={**EVENTS, **JOB_EVENTS}[kind])
    assert_published(json.loads(receiver.taken[0].body), "event-1")


@pytest.mark.parametrize("kind", EVENTS)
def test_what_the_console_shows_is_the_golden_text(
    kind: str, world: RealWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    LOCAL["console"]().send(message_for(EVENTS[kind], world.templates), world)
    shown = capsys.readouterr()
    assert_golden(f"channels/console/{kind}.txt", shown.err)
    assert shown.out == ""


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize(
    ("status", "again"),
    [
        *((status, False) for status in (301, 302, 307, 400, 401, 403, 404, 405, 410, 413, 422)),
        *((status, True) for status in (408, 425, 429, 500, 502, 503, 504)),
    ],
)
def test_only_what_may_pass_is_tried_again(
    name: str, status: int, *, again: bool, world: RealWorld, receiver: Receiver
) -> None:
    receiver.answer(Answer(status=status, headers={"Location": receiver.url("/elsewhere")}))
    failure = refusal(world, receiver.url(SECRET_PATH), name)
    assert failure.retry is again
    assert str(status) in failure.sentence
    assert len(receiver.taken) == 1


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("Sun, 22 Nov 2026 08:27:09 GMT", 9.0),
        ("Sun, 22 Nov 2026 08:00:00 GMT", 0.0),
        ("soon", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(
    name: str, header: str, seconds: float | None, world: RealWorld, receiver: Receiver
) -> None:
    receiver.answer(Answer(status=429, headers={"Retry-After": header}))
    assert refusal(world, receiver.url(SECRET_PATH), name).after_seconds == seconds


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_busy_place_gets_the_message_after_the_wait_it_asked_for(name: str, receiver: Receiver) -> None:
    clock = JumpClock()
    receiver.answer(Answer(status=429, headers={"Retry-After": "3"}), Answer(status=503), Answer())
    channel = EXAMPLES[name](receiver.url(SECRET_PATH), TIMEOUT_SECONDS)
    notify = Notifier(
        channels=[Named(name="ops", plugin=channel)],
        world=RealWorld(env={}, clock=clock),
        waits=lambda: itertools.repeat(1.0),
    )
    (delivery,) = notify(EVENTS["deployment.failed"])
    assert (delivery.outcome, delivery.attempts) == (Outcome.DELIVERED, 3)
    assert clock.waits == [3.0, 1.0]


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_silent_place_is_given_up_in_time_and_may_be_tried_again(name: str, receiver: Receiver) -> None:
    receiver.answer(Answer(status=SILENCE))
    world = RealWorld(env={})
    started_seconds = world.clock.monotonic()
    failure = refusal(world, receiver.url(SECRET_PATH), name, timeout=SHORT_SECONDS)
    assert world.clock.monotonic() - started_seconds < SHORT_SECONDS * 10
    assert failure.retry
    assert "did not answer in time" in failure.sentence


LEAKS = {
    "refused": None,
    "reset": Answer(status=RESET),
    "echo": Answer(status=500, body=f"cannot post to {SECRET_PATH} with {CREDENTIALS}"),
    "echoed word": Answer(status=403, body="abcdefghijklmnop"),
    "redirect": Answer(status=302, headers={"Location": SECRET_PATH}),
    "html": Answer(status=404, body=f"<html>{SECRET_PATH}</html>"),
    "not ok": Answer(status=410, body="no_service"),
}


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("leak", LEAKS)
def test_no_failure_shows_a_secret(
    name: str, leak: str, world: RealWorld, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = LEAKS[leak]
    url = "http://127.0.0.1:9" + SECRET_PATH if answer is None else receiver.url(SECRET_PATH)
    receiver.answer(answer or Answer())
    channel = EXAMPLES[name](url, SHORT_SECONDS)
    notify = Notifier(
        channels=[Named(name="ops", plugin=channel)],
        world=world,
        waits=lambda: itertools.repeat(1.0),
        deadline_seconds=2.0,
    )
    deliveries = notify(EVENTS["deployment.failed"])
    failure = refusal(world, url, name, timeout=SHORT_SECONDS)
    seen = [
        repr(channel),
        str(channel),
        repr(notify),
        repr(deliveries),
        repr(failure),
        "".join(traceback.format_exception(failure)),
        *(record.getMessage() for record in caplog.records if record.name.startswith("ci_ops")),
    ]
    assert deliveries[0].outcome is Outcome.FAILED
    assert not [text for text in seen for credential in CREDENTIALS if credential in text]


@pytest.mark.parametrize("name", EXAMPLES)
def test_endless_text_is_cut(name: str, world: RealWorld, receiver: Receiver) -> None:
    send(world, receiver.url(SECRET_PATH), name, about=hostile_event("long " * 20_000))
    assert len(receiver.taken[0].body) <= MOST_BYTES
    assert "…" in json.dumps(json.loads(receiver.taken[0].body), ensure_ascii=False)


@pytest.mark.parametrize("name", EXAMPLES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.one_of(st.text(), st.text().map(lambda text: HOSTILE + text)))
def test_any_text_is_sent_as_valid_json(name: str, text: str, server: Receiver) -> None:
    world = RealWorld(env={}, clock=JumpClock())
    server.taken.clear()
    server.answer(Answer())
    channel = EXAMPLES[name](server.url(SECRET_PATH), TIMEOUT_SECONDS)
    notify = Notifier(
        channels=[Named(name="ops", plugin=channel)], world=world, waits=lambda: itertools.repeat(1.0)
    )
    (delivery,) = notify(hostile_event(text))
    assert delivery.outcome is Outcome.DELIVERED
    document = json.loads(server.taken[0].body)
    assert json.dumps(document, ensure_ascii=False).encode("utf-8")
