"""Signatures of webhooks as their senders make them; Standard Webhooks is in `signed_message`.

Source: twilio.com/docs/usage/webhooks/webhooks-security and the twilio package 9.13.0
(request_validator); docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries;
docs.stripe.com/webhooks/signature; docs.slack.dev/authentication/verifying-requests-from-slack.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

TwilioAlgorithm = Literal["sha1", "sha256"]


def twilio_signature(
    key: str, url: str, parameters: Iterable[tuple[str, str]] = (), *, algorithm: TwilioAlgorithm = "sha1"
) -> str:
    """Return the value of `X-Twilio-Signature`: over the URL and the sorted, distinct form parameters.

    A JSON body is signed through the URL alone, see `twilio_json_url`.
    """
    signed = url + "".join(name + value for name, value in sorted(set(parameters)))
    return base64.b64encode(hmac.digest(key.encode(), signed.encode(), algorithm)).decode()


def twilio_json_url(url: str, body: bytes) -> str:
    """Return the URL with the hash of a JSON body, which takes the place of form parameters."""
    return f"{url}{'&' if '?' in url else '?'}bodySHA256={hashlib.sha256(body).hexdigest()}"


def hub_signature(secret: str, body: bytes) -> str:
    """Return the value of `X-Hub-Signature-256`."""
    return f"sha256={_hex(secret, body)}"


def stripe_signature(secret: str, body: bytes, *, timestamp: int) -> str:
    """Return the value of `Stripe-Signature`."""
    return f"t={timestamp},v1={_hex(secret, f'{timestamp}.'.encode() + body)}"


def slack_signature(secret: str, body: bytes, *, timestamp: int) -> str:
    """Return the value of `X-Slack-Signature`."""
    return f"v0={_hex(secret, f'v0:{timestamp}:'.encode() + body)}"


def _hex(secret: str, signed: bytes) -> str:
    return hmac.digest(secret.encode(), signed, "sha256").hex()
