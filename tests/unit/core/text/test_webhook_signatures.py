"""Signatures of webhooks: the vectors that their senders publish."""

from __future__ import annotations

import hashlib
import hmac

from ci_ops.core.text.webhook_signatures import (
    hub_signature,
    slack_signature,
    stripe_signature,
    twilio_json_url,
    twilio_signature,
)

PARAMETERS = {
    "CallSid": "CA1234567890ABCDE",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
    "Caller": "+14158675309",
}
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"


def test_twilio_signs_the_url_and_the_sorted_parameters() -> None:
    """Source: twilio-python, tests/unit/test_request_validator.py."""
    assert twilio_signature("12345", URL, PARAMETERS.items()) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    twice = [*PARAMETERS.items(), ("To", "+18005551212")]
    assert twilio_signature("12345", URL, twice) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_twilio_puts_the_hash_of_a_json_body_into_the_url() -> None:
    digest = hashlib.sha256(b"{}").hexdigest()
    assert twilio_json_url("https://shop.example/a", b"{}") == f"https://shop.example/a?bodySHA256={digest}"
    assert twilio_json_url("https://shop.example/a?b=c", b"{}").endswith(f"?b=c&bodySHA256={digest}")


def test_github_signs_the_body() -> None:
    """Source: docs.github.com, "Testing the webhook payload validation"."""
    assert hub_signature("It's a Secret to Everybody", b"Hello, World!") == (
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    )


def test_slack_signs_version_time_and_body() -> None:
    """Source: docs.slack.dev, "Verifying requests from Slack"."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554"
        b"%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    assert slack_signature("8f742231b10e8888abcd99yyyzzz85a5", body, timestamp=1531420618) == (
        "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    )


def test_stripe_signs_time_and_body() -> None:
    expected = hmac.new(b"whsec_x", b'1700000000.{"id": 1}', hashlib.sha256).hexdigest()
    assert stripe_signature("whsec_x", b'{"id": 1}', timestamp=1700000000) == f"t=1700000000,v1={expected}"
