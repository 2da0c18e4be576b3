"""Signatures of webhook bodies, for sender and receiver.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hmac

SECRET_PREFIX = "whsec_"
ID_HEADER, TIME_HEADER, SIGNATURE_HEADER = "webhook-id", "webhook-timestamp", "webhook-signature"
VERSION = "v1"


def signing_key(secret: str) -> bytes:
    """Return the key in a secret, base64 after `whsec_`. Raises ValueError for anything else."""
    try:
        key = base64.b64decode(secret.strip().removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ValueError(f"a webhook secret is base64, perhaps after {SECRET_PREFIX}")
    return key


def sign(key: bytes, body: bytes, *, message_id: str, timestamp: str) -> str:
    """Return the versioned signature of a message, valid only for that id and second."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return f"{VERSION},{base64.b64encode(hmac.digest(key, signed, 'sha256')).decode()}"
