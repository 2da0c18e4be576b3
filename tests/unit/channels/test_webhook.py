"""Signed webhooks, as the Standard Webhooks specification wants them."""

from __future__ import annotations

import base64
import json

import pytest

from ci_ops.channels._message import message_for
from ci_ops.channels.webhook import Webhook, payload, reference_of, signatures
from ci_ops.core.health.status import Status
from ci_ops.core.message import Message, Undeliverable
from ci_ops.core.text.secret import Secret
from ci_ops.edge.world import RealWorld
from tests.support.channels import ChannelExample
from tests.support.events import EVENTS, JOB_EVENTS
from tests.support.jump_clock import JumpClock
from tests.support.published import assert_published
from tests.support.receiver import receiving
from tests.support.reports import NOW, record

SIGNING_SECRETS = (
    Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    Secret("whsec_b2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xk"),
)
EXAMPLE = ChannelExample(
    make=lambda url, timeout: Webhook(url=Secret(url), secrets=SIGNING_SECRETS, timeout=timeout)
)

MESSAGE = Message(
    event="deployment.completed",
    event_id="20261122T082700Z-abc1234/deployment.completed",
    severity=Status.PASS,
    title="shop: abc1234 is live in production",
    sequence=2,
    record=record(),
)
OFFICIAL_SECRET = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
OFFICIAL_HEADERS = {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330"}
OFFICIAL_BODY = b'{"test": 2432232314}'
OFFICIAL_SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_signature_is_the_one_of_the_specifications_own_vector() -> None:
    """Source: standard-webhooks/standard-webhooks libraries/python/tests/test_webhooks.py."""
    assert signatures((OFFICIAL_SECRET,), OFFICIAL_HEADERS, OFFICIAL_BODY) == OFFICIAL_SIGNATURE


def test_a_secret_without_its_prefix_is_the_same_secret() -> None:
    bare = Secret(OFFICIAL_SECRET.reveal().removeprefix("whsec_"))
    assert signatures((bare,), OFFICIAL_HEADERS, OFFICIAL_BODY) == OFFICIAL_SIGNATURE


def test_while_a_secret_is_replaced_both_sign() -> None:
    new = Secret(f"whsec_{base64.b64encode(b'n' * 32).decode()}")
    first, second = signatures((new, OFFICIAL_SECRET), OFFICIAL_HEADERS, OFFICIAL_BODY).split(" ")
    assert second == OFFICIAL_SIGNATURE
    assert first.startswith("v1,")
    assert first != second


@pytest.mark.parametrize("value", ["whsec_not base64", "whsec_", "", "whsec_äöü"])
def test_a_secret_that_cannot_be_read_is_named_without_showing_it(value: str) -> None:
    with pytest.raises(Undeliverable, match="is not base64") as caught:
        signatures((Secret(value),), OFFICIAL_HEADERS, OFFICIAL_BODY)
    assert not caught.value.retry
    assert value in {"", "whsec_"} or value not in caught.value.sentence


def test_the_reference_is_the_same_for_every_try_and_has_no_full_stop() -> None:
    reference = reference_of(MESSAGE)
    assert reference == reference_of(MESSAGE)
    assert reference.startswith("msg_")
    assert "." not in reference


def test_the_payload_carries_the_whole_deployment_and_when_it_happened() -> None:
    document = payload(MESSAGE, at=NOW)
    assert document["type"] == "deployment.completed"
    assert document["schema"] == 1
    assert document["timestamp"] == "2026-11-22T08:27:34.200000+00:00"
    assert document["data"]["deployment"]["revision"] == record().revision
    assert document["data"]["sequence"] == 2


def test_without_a_record_the_time_of_sending_serves() -> None:
    message = Message(event="deployment.started", event_id="1", severity=Status.PASS, title="x")
    document = payload(message, at=NOW)
    assert document["timestamp"] == NOW.isoformat()
    assert document["data"]["deployment"] is None


@pytest.mark.parametrize(
    ("address", "is_one"),
    [
        ("https://example.com/hook?key=1", True),
        ("http://127.0.0.1:8080/", True),
        ("https://", False),
        ("https://[::1", False),
        ("https://two words.example", False),
        ("console", False),
        ("ftp://example.com", False),
    ],
)
def test_any_web_address_is_a_webhook(address: str, is_one: bool) -> None:
    assert (Webhook.recognise(address) is not None) is is_one


def test_without_a_secret_the_event_is_sent_unsigned() -> None:
    with receiving() as receiver:
        reference = Webhook(url=Secret(receiver.url())).send(MESSAGE, RealWorld(env={}, clock=JumpClock()))
    assert receiver.taken[0].headers["webhook-id"] == reference
    assert "webhook-signature" not in receiver.taken[0].headers


@pytest.mark.parametrize("kind", [*EVENTS, *JOB_EVENTS])
def test_an_event_fits_its_published_schema(kind: str) -> None:
    world = RealWorld(env={}, clock=JumpClock())
    message = message_for({**EVENTS, **JOB_EVENTS}[kind], world.templates)
    with receiving() as receiver:
        Webhook(url=Secret(receiver.url())).send(message, world)
    assert_published(json.loads(receiver.taken[0].body), "event-1")
