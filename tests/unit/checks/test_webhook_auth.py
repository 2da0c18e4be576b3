"""Webhooks that verify as they should, and endpoints that are broken in one way each."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any
from urllib.parse import parse_qsl

import pytest

from ci_ops.checks.webhook_auth import Webhook, WebhookAuth
from ci_ops.core.health.status import Status
from ci_ops.core.report import reason_for
from ci_ops.core.result import Result
from ci_ops.core.text.secret import Secret
from ci_ops.edge.world import RealWorld
from ci_ops.service.deployment.signatures import SignatureError, SignatureVerifier
from tests.support.checking import (
    a_subject,
    assert_refusals_say_nothing,
    clean_env,
    rules_of,
    the_result,
)
from tests.support.parts import MISSING
from tests.support.sample_service import SampleService, text
from tests.support.web import Asked, Reply, WebServer, serving

SECRET = "c2VjcmV0LW9mLXRoZS13ZWJob29rcw=="
EXAMPLE = WebhookAuth(paths={"/hook": Webhook(sender="twilio", secret=Secret(SECRET), send_signed=True)})

Endpoint = Callable[[Asked], Reply]
NEEDS_TWILIO = pytest.mark.skipif(find_spec("twilio") is None, reason=f"{MISSING} twilio: pip install twilio")
OK, FORBIDDEN = Reply(status=204, body=b""), Reply(status=403, body=b"forbidden")


def verdict(*, is_valid: bool) -> Reply:
    return OK if is_valid else FORBIDDEN


def url_of(asked: Asked) -> str:
    return f"http://{asked.headers['host']}{asked.target}"


def mac(signed: bytes) -> str:
    return hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()


def is_fresh(timestamp: str) -> bool:
    return abs(time.time() - int(timestamp)) < 300


def twilio(asked: Asked) -> Reply:
    """As an application with the twilio package does it."""
    from twilio import request_validator as package  # noqa: PLC0415 - the tests of other checks do without it

    is_form = asked.headers["content-type"].endswith("urlencoded")
    given: Any = (
        dict(parse_qsl(asked.body.decode(), keep_blank_values=True)) if is_form else asked.body.decode()
    )
    signature = asked.headers.get("x-twilio-signature", "")
    algorithm = package.get_signature_algorithm(asked.headers.get("x-twilio-webhooks-signature-settings"))
    validator = package.RequestValidator(SECRET)
    return verdict(is_valid=validator.validate(url_of(asked), given, signature, algorithm))


def github(asked: Asked) -> Reply:
    return verdict(is_valid=asked.headers.get("x-hub-signature-256") == f"sha256={mac(asked.body)}")


def stripe(asked: Asked, *, checks_time: bool = True) -> Reply:
    parts = dict(each.split("=") for each in asked.headers.get("stripe-signature", "t=0,v1=x").split(","))
    fits = parts["v1"] == mac(parts["t"].encode() + b"." + asked.body)
    return verdict(is_valid=fits and (not checks_time or is_fresh(parts["t"])))


def slack(asked: Asked, *, checks_time: bool = True) -> Reply:
    timestamp = asked.headers.get("x-slack-request-timestamp", "0")
    fits = asked.headers.get("x-slack-signature") == f"v0={mac(f'v0:{timestamp}:'.encode() + asked.body)}"
    return verdict(is_valid=fits and (not checks_time or is_fresh(timestamp)))


def standard() -> Endpoint:
    """The kit's own verifier."""
    verifier = SignatureVerifier(f"whsec_{SECRET}")

    def endpoint(asked: Asked) -> Reply:
        try:
            verifier.verify(asked.headers, asked.body)
        except SignatureError:
            return Reply(status=401)
        return OK

    return endpoint


def look(endpoint: Endpoint, sender: Any, path: str = "/hook", **settings: Any) -> Result:
    given = {"sender": sender, "secret": Secret(SECRET), "send_signed": True, **settings}
    with serving(endpoint) as server:
        return look_at(server, WebhookAuth(paths={path: Webhook(**given)}))


def look_at(server: WebServer, check: WebhookAuth) -> Result:
    return the_result(check, a_subject(url=server.url("")), RealWorld(env=clean_env()))


SOUND: dict[str, tuple[Endpoint, str, dict[str, Any], int]] = {
    "twilio": (twilio, "twilio", {}, 5),
    "twilio, query": (twilio, "twilio", {"path": "/hook?shop=1&lang=de"}, 5),
    "twilio, JSON": (twilio, "twilio-json", {}, 5),
    "twilio, shared key": (twilio, "twilio", {"key_id": "webhooks_sharedkey_1"}, 5),
    "twilio, JSON, shared key": (twilio, "twilio-json", {"key_id": "k"}, 5),
    "twilio, another form": (twilio, "twilio", {"body": "From=%2B1555&To=%C3%BC+x&Empty="}, 5),
    "github": (github, "github", {}, 4),
    "stripe": (stripe, "stripe", {}, 5),
    "slack": (slack, "slack", {}, 5),
    "standard-webhooks": (standard(), "standard-webhooks", {}, 5),
    "another body": (github, "github", {"body": '{"action": "none"}'}, 4),
}


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=NEEDS_TWILIO if kind.startswith("twilio") else ()) for kind in SOUND]
)
def test_an_endpoint_that_refuses_forgeries_and_accepts_its_sender_passes(kind: str) -> None:
    endpoint, sender, settings, requests = SOUND[kind]
    result = look(endpoint, sender, **settings)
    assert (result.status, result.measured, rules_of(result)) == (Status.PASS, requests, [])
    assert result.sentence == "/hook refuses forgeries and accepts its sender."
    assert result.facts["proven"] == 1


def twilio_that_ignores(part: str) -> Endpoint:
    """Signed over everything but one part."""

    def endpoint(asked: Asked) -> Reply:
        parameters = sorted(parse_qsl(asked.body.decode(), keep_blank_values=True))
        url = "" if part == "url" else url_of(asked)
        # What it leaves out of the comparison it cannot compute either: both halves are known here.
        sent = dict(parameters) | ({"NumMedia": "0"} if part == "body" else {})
        candidates = [url] if url else [url_of(asked), f"{url_of(asked)}/ci-ops-elsewhere"]
        signed = ["".join([one, *(name + sent[name] for name in sorted(sent))]) for one in candidates]
        expected = {
            base64.b64encode(hmac.digest(SECRET.encode(), each.encode(), "sha1")).decode() for each in signed
        }
        return verdict(is_valid=asked.headers.get("x-twilio-signature") in expected)

    return endpoint


BROKEN: dict[str, tuple[Endpoint, str, list[str]]] = {
    "twilio, the body": (twilio_that_ignores("body"), "twilio", ["whose body was changed after"]),
    "twilio, the address": (twilio_that_ignores("url"), "twilio", ["signed for another address"]),
    "stripe, the time": (lambda asked: stripe(asked, checks_time=False), "stripe", ["an hour ago"]),
    "slack, the time": (lambda asked: slack(asked, checks_time=False), "slack", ["an hour ago"]),
    "github, the value": (
        lambda asked: verdict(is_valid="x-hub-signature-256" in asked.headers),
        "github",
        ["signed with another key", "whose body was changed"],
    ),
    "github, all": (
        lambda _: OK,
        "github",
        ["an unsigned request", "signed with another key", "whose body was changed"],
    ),
}


@pytest.mark.reports("webhook-auth/accepts-forgery")
@pytest.mark.parametrize("kind", BROKEN)
def test_an_endpoint_that_leaves_something_out_accepts_exactly_those_forgeries(kind: str) -> None:
    endpoint, sender, accepted = BROKEN[kind]
    result = look(endpoint, sender)
    assert (result.status, rules_of(result)) == (Status.FAIL, ["accepts-forgery"] * len(accepted))
    for finding, words in zip(result.findings, accepted, strict=True):
        assert finding.sentence.startswith("Critical: http://127.0.0.1")
        assert words in finding.sentence
    assert not result.transient


@pytest.mark.reports("webhook-auth/crashes")
def test_an_endpoint_that_fails_on_an_unsigned_request_is_not_protected() -> None:
    def endpoint(asked: Asked) -> Reply:
        signed = "x-hub-signature-256" in asked.headers
        return github(asked) if signed else Reply(status=500, body=b"TypeError: None")

    result = look(endpoint, "github")
    assert (result.status, rules_of(result), result.measured) == (Status.FAIL, ["crashes"], 4)
    assert "500 to an unsigned request" in result.sentence


@pytest.mark.reports("webhook-auth/refuses-all")
@pytest.mark.parametrize("status", [401, 403, 400, 302])
def test_an_endpoint_that_refuses_everything_is_inconclusive(status: int) -> None:
    result = look(lambda _: Reply(status=status), "github", refusals=(401, 403, 400, 404))
    if status == 302:
        assert rules_of(result) == ["other-status"] * 3 + ["refuses-all"]
        return
    assert (result.status, rules_of(result)) == (Status.ERROR, ["refuses-all"])
    assert reason_for([result]) == "inconclusive"
    for reason in ("scheme", "Host", "decoded"):
        assert reason in result.findings[0].advice


@pytest.mark.reports("webhook-auth/other-status")
def test_another_refusal_has_to_be_named() -> None:
    def endpoint(asked: Asked) -> Reply:
        return OK if github(asked) is OK else Reply(status=400)

    assert rules_of(look(endpoint, "github")) == ["other-status"] * 3
    assert look(endpoint, "github", refusals=(400,)).status is Status.PASS


@pytest.mark.reports("webhook-auth/not-found")
@pytest.mark.parametrize("status", [404, 405, 410, 501])
def test_a_path_without_an_endpoint_was_not_tried(status: int) -> None:
    result = look(lambda _: Reply(status=status), "github")
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["not-found"], 1)
    assert result.transient


@pytest.mark.reports("webhook-auth/one-sided")
@pytest.mark.parametrize(
    ("secret", "send_signed", "measured"), [(SECRET, False, 3), ("", False, 2), ("", True, 2)]
)
def test_refusals_alone_are_no_pass(secret: str, measured: int, *, send_signed: bool) -> None:
    result = look(github, "github", secret=Secret(secret), send_signed=send_signed)
    assert ("there is no `secret`" in result.sentence) is send_signed
    assert (result.status, rules_of(result), result.measured) == (Status.WARN, ["one-sided"], measured)


def test_the_genuine_message_is_sent_only_where_that_was_asked_for() -> None:
    accepted: list[Asked] = []

    def endpoint(asked: Asked) -> Reply:
        answer = github(asked)
        accepted.extend([asked] if answer is OK else [])
        return answer

    look(endpoint, "github", send_signed=False)
    assert accepted == []
    look(endpoint, "github")
    (asked,) = accepted
    assert asked.headers["x-github-event"] == "ping"
    assert asked.method == "POST"


@NEEDS_TWILIO
def test_the_address_is_requested_exactly_as_it_is_signed() -> None:
    """No cache-busting, no user info in the signature; the credentials are sent all the same."""
    with serving(twilio) as server:
        url = server.url("").replace("http://", "http://robot:pass-word@")
        result = the_result(EXAMPLE, a_subject(url=url), RealWorld(env=clean_env()))
        assert (result.status, set(server.targets)) == (Status.PASS, {"/hook"})
        assert all(asked.headers["authorization"].startswith("Basic ") for asked in server.asked)


def test_redirects_are_not_followed() -> None:
    result = look(lambda _: Reply(status=301, headers={"Location": "/hook/"}), "github")
    assert rules_of(result) == ["other-status"] * 3 + ["refuses-all"]


def test_every_endpoint_is_tried_and_each_has_its_findings() -> None:
    def endpoint(asked: Asked) -> Reply:
        return slack(asked) if asked.path == "/slack" else github(asked)

    settings: dict[str, Any] = {"secret": Secret(SECRET), "send_signed": True}
    paths = {"/slack": Webhook(sender="slack", **settings), "/git": Webhook(sender="github", **settings)}
    with serving(endpoint) as server:
        result = look_at(server, WebhookAuth(paths=paths))
    assert (result.status, result.measured) == (Status.PASS, 9)
    assert result.sentence == "All 2 endpoints refuse forgeries and accept their sender."
    assert result.facts["answers"]["/git"]["an unsigned request"] == 403


def test_neither_secret_nor_signature_stands_in_a_result() -> None:
    def echo(asked: Asked) -> Reply:
        told = {**asked.headers, "body": asked.body.decode("latin-1"), "secret": SECRET}
        return Reply(status=500, body=json.dumps(told).encode())

    result = look(echo, "slack")
    told = json.dumps(result.to_json())
    assert SECRET not in told
    assert "v0=" not in told


@pytest.mark.reports("webhook-auth/unreachable", "webhook-auth/url", "webhook-auth/not-asked")
def test_a_dead_server_and_an_unusable_address_are_no_pass() -> None:
    with serving(github) as server:
        dead = server
    assert rules_of(look_at(dead, EXAMPLE)) == ["unreachable"]
    world = RealWorld(env=clean_env())
    assert rules_of(the_result(EXAMPLE, a_subject(url="nonsense"), world)) == ["url"]
    assert rules_of(the_result(EXAMPLE, a_subject(url="https://shop.invalid"), world)) == ["not-asked"]


@pytest.mark.reports("webhook-auth/gate")
def test_a_gate_in_front_is_no_refusal_of_the_endpoint(service: SampleService) -> None:
    service.does_elsewhere(lambda _: text("Just a moment...", 403, CF_Mitigated="challenge"))
    result = the_result(EXAMPLE, a_subject(url=service.url()), RealWorld(env=clean_env()))
    assert (result.status, rules_of(result)) == (Status.ERROR, ["gate"])


@pytest.mark.reports("webhook-auth/throttled", "webhook-auth/blocked")
def test_a_refusal_of_the_probe_says_nothing_about_the_service(service: SampleService) -> None:
    assert_refusals_say_nothing(EXAMPLE, service)


@pytest.mark.parametrize(
    "path", ["hook", "//hook", "/a%20b", "/a/../b", "/a/.", "/hook?", "/a//b", "/a#b", "/a b"]
)
def test_an_address_that_proxies_change_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"^paths: a path starts with one slash, without"):
        WebhookAuth(paths={path: Webhook(sender="github")})


@pytest.mark.parametrize("path", ["/", "/myapp.php", "/a.b/c?d=e.f", "/.well-known/hook"])
def test_dots_within_a_name_are_plain(path: str) -> None:
    WebhookAuth(paths={path: Webhook(sender="github")})


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"sender": "github", "key_id": "k"}, "key-id: "),
        ({"sender": "github", "refusals": ()}, "refusals: "),
        ({"sender": "github", "refusals": (200,)}, "refusals: "),
        ({"sender": "standard-webhooks", "secret": Secret("not base64!")}, "`secret`: "),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{problem}") as caught:
        Webhook(**settings)
    assert "not base64!" not in str(caught.value)


def test_no_path_is_no_check() -> None:
    with pytest.raises(ValueError, match=r"^paths: name at least one"):
        WebhookAuth(paths={})
