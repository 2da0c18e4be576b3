"""How each sender of webhooks signs, and a harmless message of each."""

from __future__ import annotations

import base64
import json
import secrets as randomness
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, urlencode

from ci_ops.core.text.signed_message import ID_HEADER, SIGNATURE_HEADER, TIME_HEADER, sign, signing_key
from ci_ops.core.text.webhook_signatures import (
    TwilioAlgorithm,
    hub_signature,
    slack_signature,
    stripe_signature,
    twilio_json_url,
    twilio_signature,
)

SenderName = Literal["twilio", "twilio-json", "github", "stripe", "slack", "standard-webhooks"]
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
TWILIO_HEADER = "X-Twilio-Signature"
_NOBODY = "+15005550006"
"""Twilio's test number: no message ever reaches it. Source: twilio.com/docs/iam/test-credentials."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """What is signed: a request to one address at one time."""

    url: str
    body: bytes
    timestamp: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Sender:
    """One way to sign."""

    title: str
    media_type: str
    body: bytes
    """Of a message that asks for nothing: a ping, or a text without a recipient."""
    sign: Callable[[str, Message], dict[str, str]]
    """Returns the signature's headers for a secret and a message. Raises ValueError for a malformed secret."""
    headers: Mapping[str, str]
    """Headers of the message that are not signed."""
    signs_url: bool = False
    is_timestamped: bool = False
    hashes_body: bool = False
    """True where the address that is requested and signed carries the body's hash."""
    new_secret: Callable[[], str] = lambda: randomness.token_hex(16)
    """Makes a random secret that no sender has."""

    def message(self, url: str, body: bytes, timestamp: int) -> Message:
        """Return the message for an address."""
        return Message(
            url=twilio_json_url(url, body) if self.hashes_body else url, body=body, timestamp=timestamp
        )


def twilio_sender(*, is_json: bool, key_id: str = "") -> Sender:
    """Return Twilio's way to sign: SHA-1 with the auth token, or SHA-256 with a shared key."""
    algorithm: TwilioAlgorithm = "sha256" if key_id else "sha1"
    settings = {"X-Twilio-Webhooks-Signature-Settings": f"key={key_id},algorithm=HMAC_SHA256"}

    def sign_request(secret: str, message: Message) -> dict[str, str]:
        text = message.body.decode()
        parameters = [] if is_json else parse_qsl(text, keep_blank_values=True)
        return {TWILIO_HEADER: twilio_signature(secret, message.url, parameters, algorithm=algorithm)}

    return Sender(
        title="Twilio",
        media_type=JSON if is_json else FORM,
        body=_TWILIO_JSON if is_json else _TWILIO_FORM,
        sign=sign_request,
        headers=settings if key_id else {},
        signs_url=True,
        hashes_body=is_json,
    )


def _standard(secret: str, message: Message) -> dict[str, str]:
    identity, timestamp = f"msg_{randomness.token_hex(12)}", str(message.timestamp)
    signature = sign(signing_key(secret), message.body, message_id=identity, timestamp=timestamp)
    return {ID_HEADER: identity, TIME_HEADER: timestamp, SIGNATURE_HEADER: signature}


def _slack(secret: str, message: Message) -> dict[str, str]:
    return {
        "X-Slack-Request-Timestamp": str(message.timestamp),
        "X-Slack-Signature": slack_signature(secret, message.body, timestamp=message.timestamp),
    }


_TWILIO_FORM = urlencode(
    {
        "MessageSid": "SM" + "0" * 32,
        "AccountSid": "AC" + "0" * 32,
        "From": _NOBODY,
        "To": _NOBODY,
        "Body": "ci-ops verification",
        "NumMedia": "0",
    }
).encode()
_TWILIO_JSON = json.dumps({"ci-ops": "verification"}).encode()

SENDERS: Mapping[str, Sender] = {
    "twilio": twilio_sender(is_json=False),
    "twilio-json": twilio_sender(is_json=True),
    "github": Sender(
        title="GitHub",
        media_type=JSON,
        body=json.dumps({"zen": "ci-ops verification", "hook_id": 0}).encode(),
        sign=lambda secret, message: {"X-Hub-Signature-256": hub_signature(secret, message.body)},
        headers={"X-GitHub-Event": "ping", "X-GitHub-Delivery": "00000000-0000-0000-0000-000000000000"},
    ),
    "stripe": Sender(
        title="Stripe",
        media_type=JSON,
        body=json.dumps(
            {"id": "evt_ci_ops", "object": "event", "type": "ci_ops.verification", "livemode": False}
        ).encode(),
        sign=lambda secret, message: {
            "Stripe-Signature": stripe_signature(secret, message.body, timestamp=message.timestamp)
        },
        headers={},
        is_timestamped=True,
    ),
    "slack": Sender(
        title="Slack", media_type=FORM, body=b"ssl_check=1", sign=_slack, headers={}, is_timestamped=True
    ),
    "standard-webhooks": Sender(
        title="Standard Webhooks",
        media_type=JSON,
        body=json.dumps({"type": "ci-ops.verification", "data": {}}).encode(),
        sign=_standard,
        headers={},
        is_timestamped=True,
        new_secret=lambda: base64.b64encode(randomness.token_bytes(24)).decode(),
    ),
}
"""The senders by their names in the configuration; `ssl_check` is Slack's own test of a certificate."""
