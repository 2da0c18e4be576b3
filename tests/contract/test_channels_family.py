"""The rules of every channel; each is tried as the `EXAMPLE` of its own test module."""

from __future__ import annotations

import inspect
import io
import itertools
import json
import logging
import traceback
from contextlib import redirect_stderr
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ci_ops.channels._dispatch import Notifier
from ci_ops.channels._message import message_for
from ci_ops.core.event import Event, Kind, Outcome, Stage
from ci_ops.core.message import Message, Undeliverable
from ci_ops.core.named import Named
from ci_ops.core.plugin import Channel
from ci_ops.core.text.lines import one_line
from ci_ops.edge.world import RealWorld
from ci_ops.plugins import family
from tests.support.channels import SECRET_PATH, ChannelExample, credentials_of, texts_of
from tests.support.events import EVENTS, JOB_EVENTS, hostile_event
from tests.support.examples import example_of
from tests.support.golden import FOLDER as GOLDEN_FILES
from tests.support.golden import assert_golden
from tests.support.jump_clock import JumpClock
from tests.support.receiver import RESET, SILENCE, Answer, Receiver, Taken, receiving
from tests.support.reports import HOSTILE, hostile_record

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = family("channels").names()
EXAMPLES: dict[str, ChannelExample] = {name: example_of("channels", name) for name in NAMES}
HTTP = [name for name in NAMES if EXAMPLES[name].uses_http]
GOLDEN = ("deployment.failed", "hostile")
"""Two are enough to see the form of a message; that each text of every event is in it is a property below."""
TIMEOUT_SECONDS = 5.0
SHORT_SECONDS = 0.3
MAX_BYTES = 100_000
SHORT_TEXT = st.text(max_size=12) | st.text("&<>|*_~`\"'\\[](){}!@#$%:;/ a\n", min_size=1, max_size=12)
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
    return EXAMPLES[name].make(url, TIMEOUT_SECONDS).send(message_for(about, world.templates), world)


def shown(name: str, receiver: Receiver, about: Event) -> str:
    """Return the texts that a reader of that channel gets."""
    world, output = RealWorld(env={}, clock=JumpClock()), io.StringIO()
    receiver.taken.clear()
    with redirect_stderr(output):
        send(world, receiver.url(SECRET_PATH), name, about=about)
    return texts_of(receiver.taken[0].body.decode()) if EXAMPLES[name].uses_http else output.getvalue()


def missing(name: str, message: Message, body: str) -> list[str]:
    """Return the texts of a message that its body does not show, escaped as the channel escapes them."""
    found = one_line(body)
    return [text for text in texts_in(message) if one_line(EXAMPLES[name].escape(text)) not in found]


def texts_in(message: Message) -> Iterator[str]:
    """Yield each text that a message consists of."""
    yield message.title
    yield from message.lines
    yield from chain.from_iterable(message.facts)
    yield from chain.from_iterable((link.label, link.url) for link in message.links)


def refusal(world: RealWorld, url: str, name: str, *, timeout: float = TIMEOUT_SECONDS) -> Undeliverable:
    channel = EXAMPLES[name].make(url, timeout)
    message = message_for(EVENTS["deployment.failed"], world.templates)
    with pytest.raises(Undeliverable) as caught:
        channel.send(message, world)
    return caught.value


def as_text(taken: Taken) -> str:
    shown = [f"{name}: {taken.headers[name]}" for name in SHOWN_HEADERS if name in taken.headers]
    body = json.dumps(json.loads(taken.body), indent=2, ensure_ascii=False)
    return "\n".join([f"{taken.method} {taken.path}", *shown, "", body]) + "\n"


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
    assert not EXAMPLES[name].uses_http or "Source: https://" in module.__doc__


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", GOLDEN)
def test_the_message_is_the_golden_one(
    name: str, kind: str, world: RealWorld, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    send(world, receiver.url(SECRET_PATH), name, about=EVENTS[kind])
    output = capsys.readouterr()
    text = as_text(receiver.taken[0]) if EXAMPLES[name].uses_http else output.err
    assert_golden(f"channels/{name}/{kind}.txt", text)
    assert output.out == ""


def test_a_channel_has_no_other_golden_files() -> None:
    files = {path.relative_to(GOLDEN_FILES / "channels") for path in GOLDEN_FILES.glob("channels/*/*")}
    assert files == {Path(name) / f"{kind}.txt" for name in NAMES for kind in GOLDEN}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", [kind for kind in {**EVENTS, **JOB_EVENTS} if kind != "hostile"])
def test_every_text_of_an_event_is_shown(name: str, kind: str, world: RealWorld, receiver: Receiver) -> None:
    event = {**EVENTS, **JOB_EVENTS}[kind]
    message, body = message_for(event, world.templates), shown(name, receiver, event)
    assert message.facts
    assert message.links
    assert missing(name, message, body) == []


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=SHORT_TEXT, stage=st.sampled_from(Stage), kind=st.sampled_from([Kind.DEPLOYMENT, Kind.ROLLBACK]))
def test_any_short_text_is_shown_whole(
    name: str, text: str, stage: Stage, kind: Kind, server: Receiver
) -> None:
    server.answer(Answer())
    record = replace(hostile_record(text), run_url="https://shop.example.com/runs/?a=1&b=2")
    event = replace(hostile_event(text, stage), kind=kind, subject=record)
    message = message_for(event, RealWorld(env={}).templates)
    body = shown(name, server, event)
    assert len(message.links) == 1
    assert missing(name, message, body) == []


@pytest.mark.parametrize("name", HTTP)
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


@pytest.mark.parametrize("name", HTTP)
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


@pytest.mark.parametrize("name", HTTP)
def test_a_busy_place_gets_the_message_after_the_wait_it_asked_for(name: str, receiver: Receiver) -> None:
    clock = JumpClock()
    receiver.answer(Answer(status=429, headers={"Retry-After": "3"}), Answer(status=503), Answer())
    channel = EXAMPLES[name].make(receiver.url(SECRET_PATH), TIMEOUT_SECONDS)
    notify = Notifier(
        channels=[Named(name="ops", plugin=channel)],
        world=RealWorld(env={}, clock=clock),
        waits=lambda: itertools.repeat(1.0),
    )
    (delivery,) = notify(EVENTS["deployment.failed"])
    assert (delivery.outcome, delivery.attempts) == (Outcome.DELIVERED, 3)
    assert clock.waits == [3.0, 1.0]


@pytest.mark.parametrize("name", HTTP)
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
    "echo": Answer(status=500, body=f"cannot post to {SECRET_PATH} with {{credentials}}"),
    "echoed word": Answer(status=403, body="{credential}"),
    "redirect": Answer(status=302, headers={"Location": SECRET_PATH}),
    "html": Answer(status=404, body=f"<html>{SECRET_PATH}</html>"),
    "not ok": Answer(status=410, body="no_service"),
}


@pytest.mark.parametrize("name", HTTP)
@pytest.mark.parametrize("leak", LEAKS)
def test_no_failure_shows_a_secret(
    name: str, leak: str, world: RealWorld, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = LEAKS[leak]
    url = "http://127.0.0.1:9" + SECRET_PATH if answer is None else receiver.url(SECRET_PATH)
    channel = EXAMPLES[name].make(url, SHORT_SECONDS)
    credentials = credentials_of(channel)
    body = answer.body.format(credentials=credentials, credential=credentials[-1]) if answer else ""
    receiver.answer(replace(answer, body=body) if answer else Answer())
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
    assert not [text for text in seen for credential in credentials if credential in text]


@pytest.mark.parametrize("name", HTTP)
def test_endless_text_is_cut(name: str, world: RealWorld, receiver: Receiver) -> None:
    send(world, receiver.url(SECRET_PATH), name, about=hostile_event("long " * 20_000))
    assert len(receiver.taken[0].body) <= MAX_BYTES
    assert "…" in json.dumps(json.loads(receiver.taken[0].body), ensure_ascii=False)


@pytest.mark.parametrize("name", HTTP)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.one_of(st.text(), st.text().map(lambda text: HOSTILE + text)))
def test_any_text_is_sent_as_valid_json(name: str, text: str, server: Receiver) -> None:
    world = RealWorld(env={}, clock=JumpClock())
    server.taken.clear()
    server.answer(Answer())
    channel = EXAMPLES[name].make(server.url(SECRET_PATH), TIMEOUT_SECONDS)
    notify = Notifier(
        channels=[Named(name="ops", plugin=channel)], world=world, waits=lambda: itertools.repeat(1.0)
    )
    (delivery,) = notify(hostile_event(text))
    assert delivery.outcome is Outcome.DELIVERED
    document = json.loads(server.taken[0].body)
    assert json.dumps(document, ensure_ascii=False).encode("utf-8")
