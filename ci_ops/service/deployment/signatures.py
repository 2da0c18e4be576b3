"""Signatures of requests: who sent them, when, and that they are no repetition.

The form is that of Standard Webhooks, which Render's own webhooks use too: the
id, the second and the body are signed together, because a signature over the
body alone can be replayed for ever.
"""

from __future__ import annotations

import hmac
import secrets as randomness
import time
from typing import TYPE_CHECKING

from ci_ops.core.text.secret import Secret
from ci_ops.core.text.signed_message import (
    ID_HEADER,
    SECRET_PREFIX,
    SIGNATURE_HEADER,
    TIME_HEADER,
    VERSION,
    sign,
    signing_key,
)
from ci_ops.service._process.locked import Locked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TOLERANCE_SECONDS = 300.0
MIN_SECRET_LENGTH = 16
MAX_IDS = 10_000
MAX_ID_LENGTH = 256
MAX_SIGNATURES = 10
"""A header may hold several, while secrets are being replaced; nobody needs more."""


class SignatureError(Exception):
    """Invalid signature; the sentence may be shown to the sender."""


class RepeatedMessageError(SignatureError):
    """The signature is valid, and the message was accepted before."""


class SignatureVerifier(Locked):
    """Verifies signatures in constant time, and remembers the ids of the last minutes in this process.

    Several secrets may be valid at once while one is being replaced; the first
    one signs.
    """

    def __init__(
        self,
        *secrets: Secret | str,
        tolerance_seconds: float = TOLERANCE_SECONDS,
        max_ids: int = MAX_IDS,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Raise ValueError for no secret, or one of fewer than 16 characters."""
        super().__init__()
        plain = [each.reveal() if isinstance(each, Secret) else each for each in secrets]
        if not plain or any(len(each) < MIN_SECRET_LENGTH for each in plain):
            raise ValueError(f"a signature needs a secret of at least {MIN_SECRET_LENGTH} characters")
        self._keys = tuple(key for each in plain for key in _keys(each))
        self._tolerance_seconds = tolerance_seconds
        self._most_ids = max_ids
        self._now = now
        self._taken: dict[str, float] = {}

    def sign(self, body: bytes, *, message_id: str = "") -> dict[str, str]:
        """Return the headers of a signed request."""
        message_id = message_id or f"msg_{randomness.token_hex(16)}"
        timestamp = str(int(self._now()))
        signature = sign(self._keys[0], body, message_id=message_id, timestamp=timestamp)
        return {ID_HEADER: message_id, TIME_HEADER: timestamp, SIGNATURE_HEADER: signature}

    def verify(self, headers: Mapping[str, str], body: bytes) -> str:
        """Return the id of a message that is signed, fresh and no repetition. Raises SignatureError."""
        lowered = {name.lower(): value for name, value in headers.items()}
        message_id, timestamp = lowered.get(ID_HEADER, ""), lowered.get(TIME_HEADER, "")
        given = lowered.get(SIGNATURE_HEADER, "").split()
        if not message_id or not timestamp or not given:
            raise SignatureError("the request is not signed")
        if len(message_id) > MAX_ID_LENGTH or not (timestamp.isascii() and timestamp.isdigit()):
            raise SignatureError("the signature's headers cannot be read")
        if abs(self._now() - int(timestamp[:18])) > self._tolerance_seconds:
            raise SignatureError("the signature is too old, or of the future")
        if not self._is_right(given[:MAX_SIGNATURES], body, message_id, timestamp):
            raise SignatureError("the signature is wrong")
        self._take(message_id)
        return message_id

    def forget(self, message_id: str) -> None:
        """Accept a message again: what it requested did not happen."""
        with self._lock:
            self._taken.pop(message_id, None)

    def _is_right(self, given: list[str], body: bytes, message_id: str, timestamp: str) -> bool:
        expected = [sign(key, body, message_id=message_id, timestamp=timestamp) for key in self._keys]
        # Every pair is compared, so that the time taken tells nothing about which one fits.
        matches = [
            hmac.compare_digest(one.encode(), other.encode("utf-8", "replace"))
            for one in expected
            for other in given
            if other.startswith(f"{VERSION},")
        ]
        return any(matches)

    def _take(self, message_id: str) -> None:
        now = self._now()
        with self._lock:
            if self._taken.get(message_id, 0.0) > now:
                raise RepeatedMessageError("this message was taken before")
            if len(self._taken) >= self._most_ids:
                self._taken = {each: until for each, until in self._taken.items() if until > now}
            if len(self._taken) >= self._most_ids:
                # Forgetting a fresh id would let its message come again.
                raise SignatureError("too many messages in too short a time")
            self._taken[message_id] = now + 2 * self._tolerance_seconds


def _keys(secret: str) -> tuple[bytes, ...]:
    """Return the keys for a secret; without the prefix it may be plain text, or base64."""
    if secret.startswith(SECRET_PREFIX):
        return (signing_key(secret),)
    try:
        return (secret.encode(), signing_key(secret))
    except ValueError:
        return (secret.encode(),)
