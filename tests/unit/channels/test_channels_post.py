"""What may be said of a failed request, and what must not."""

from __future__ import annotations

from typing import Any

import pytest

from ci_ops.channels._post import body_words, host_of, post, secret_parts
from ci_ops.channels.slack import Slack
from ci_ops.channels.webhook import Webhook
from ci_ops.core.health.status import Status
from ci_ops.core.message import Message, Undeliverable
from ci_ops.core.ports.http import Http, HttpError, Response
from ci_ops.core.text.secret import Secret
from ci_ops.edge.world import RealWorld
from tests.support.jump_clock import JumpClock
from tests.support.receiver import Answer, receiving

URL = Secret("https://mona:pass%20word@hooks.example/services/T0001/abcdefgh?key=qwertyuiop")
NO_SERVICE = "the webhook was removed or disabled; make a new one and store its address"
MESSAGE = Message(event="deployment.failed", event_id="1", severity=Status.FAIL, title="shop: failed")


def answer(body: str) -> Response:
    return Response(status=400, headers={}, body=body.encode(), seconds=0.1, url="")


class Silent:
    """HTTP that never gets an answer."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def request(self, method: str, url: str, *, timeout_seconds: float, **more: Any) -> Response:
        del method, timeout_seconds, more
        raise HttpError(self.kind, f"{url} said no", transient=self.kind != "url")

    def addresses(self, url: str, *, timeout_seconds: float) -> tuple[str, ...]:
        del url, timeout_seconds
        return ()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("invalid_payload", ": invalid_payload"),
        ("no_service\n", ": no_service"),
        ("too many requests", ": too many requests"),
        ("", ""),
        ("abcdefgh", ""),
        ("it was qwertyuiop", ""),
        ("T0001", ""),
        ("<html>no</html>", ""),
        ("key=value", ""),
        ("word " * 30, ""),
    ],
)
def test_only_plain_words_of_an_answer_are_repeated(body: str, words: str) -> None:
    assert body_words(answer(body), URL) == words


def test_every_part_of_an_address_is_a_credential() -> None:
    assert {"/services/T0001/abcdefgh", "abcdefgh", "key=qwertyuiop", "qwertyuiop", "pass%20word"} <= {
        *secret_parts(URL)
    }
    assert secret_parts(Secret("https://[::1")) == ("https://[::1",)


@pytest.mark.parametrize(
    ("address", "host"),
    [(URL.reveal(), "hooks.example"), ("http://h:81/x", "h:81"), ("https://[::1", ""), ("x", "")],
)
def test_a_host_is_shown_without_user_and_password(address: str, host: str) -> None:
    assert host_of(address) == host


@pytest.mark.parametrize(
    ("kind", "why", "again"),
    [
        ("dns", "its host name does not resolve", True),
        ("refused", "it refused the connection", True),
        ("tls", "its certificate or TLS is not valid", True),
        ("url", "its address cannot be used", False),
        ("protocol", "its answer could not be read", True),
    ],
)
def test_a_place_that_cannot_be_reached_is_described_in_our_own_words(
    kind: str, why: str, *, again: bool
) -> None:
    class SilentWorld(RealWorld):
        @property
        def http(self) -> Http:
            return Silent(kind)

    world = SilentWorld(env={}, clock=JumpClock())
    with pytest.raises(Undeliverable) as caught:
        post(world, URL, {}, place="Slack", timeout_seconds=1.0)
    assert caught.value.sentence == f"Slack could not be reached: {why}"
    assert caught.value.retry is again


@pytest.mark.parametrize(
    ("body", "is_taken"),
    [
        ("ok", True),
        ("ok\n", True),
        ('{"ok": true}', True),
        ('{"ok": false, "error": "no_text"}', False),
        ("[]", False),
        ("", False),
        ("<html>log in</html>", False),
    ],
)
def test_slack_has_a_message_only_when_it_says_so(body: str, *, is_taken: bool) -> None:
    world = RealWorld(env={}, clock=JumpClock())
    with receiving() as receiver:
        receiver.answer(Answer(body=body))
        slack = Slack(webhook_url=Secret(receiver.url()))
        if is_taken:
            assert slack.send(MESSAGE, world) == ""
            return
        with pytest.raises(Undeliverable, match="Slack answered 200 but not `ok`") as caught:
            slack.send(MESSAGE, world)
    assert not caught.value.retry


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (
            404,
            "no_service",
            f"Slack answered 404: no_service ({NO_SERVICE})",
        ),
        (400, "invalid_payload", "Slack answered 400: invalid_payload"),
        (403, "", "Slack answered 403"),
    ],
)
def test_slacks_own_words_come_with_a_way_out(status: int, body: str, sentence: str) -> None:
    world = RealWorld(env={}, clock=JumpClock())
    with receiving() as receiver:
        receiver.answer(Answer(status=status, body=body))
        with pytest.raises(Undeliverable) as caught:
            Slack(webhook_url=Secret(receiver.url())).send(MESSAGE, world)
    assert caught.value.sentence == sentence


@pytest.mark.parametrize(
    "address", ['"https://hooks.example/abcdefghijkl"', "hooks.example/abcdefghijkl", "https:///x"]
)
@pytest.mark.parametrize("kind", ["slack", "webhook"])
def test_an_address_that_can_never_be_used_is_refused_without_being_shown(kind: str, address: str) -> None:
    with pytest.raises(ValueError, match="url: the address") as caught:
        Slack(webhook_url=Secret(address)) if kind == "slack" else Webhook(url=Secret(address))
    assert "abcdefghijkl" not in str(caught.value)
