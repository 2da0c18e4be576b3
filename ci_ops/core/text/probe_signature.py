"""How a probe is signed, so that the service it verifies can tell it from a client.

The signature is the HMAC-SHA256 of method, path and minute, in hexadecimal,
each part on a line of its own. The path is compared without its query and
decoded, as servers hand it on.
"""

from __future__ import annotations

import hmac

KEY_VARIABLE = "CI_OPS_PROBE_KEY"
PROBE_HEADER = "CI-Ops-Probe"
MIN_KEY_CHARACTERS = 16
WINDOW_SECONDS = 60
_LAG_SECONDS = 30
"""A probe is signed for the minute of half a minute ago, so that clocks may differ by as much either way."""


def probe_key(text: str) -> bytes:
    """Return the key that a variable holds. Raises ValueError for fewer than 16 characters."""
    key = text.strip()
    if len(key) < MIN_KEY_CHARACTERS:
        raise ValueError(f"{KEY_VARIABLE}: a probe key has at least {MIN_KEY_CHARACTERS} characters")
    return key.encode()


def sign_probe(key: bytes, method: str, path: bytes, *, at_seconds: float) -> str:
    """Return the signature of a request that is sent at that Unix time."""
    return _signature(key, method, path, int(at_seconds - _LAG_SECONDS) // WINDOW_SECONDS)


def is_signed_probe(key: bytes, given: str, method: str, path: bytes, *, at_seconds: float) -> bool:
    """Return True for the signature of this minute or the one before, compared in constant time."""
    minute = int(at_seconds) // WINDOW_SECONDS
    expected = [_signature(key, method, path, each) for each in (minute, minute - 1)]
    # Both are compared, so that the time taken tells nothing about which one fits.
    matches = [hmac.compare_digest(each.encode(), given.encode("utf-8", "replace")) for each in expected]
    return any(matches)


def _signature(key: bytes, method: str, path: bytes, minute: int) -> str:
    signed = b"\n".join((method.upper().encode("utf-8", "replace"), path or b"/", str(minute).encode()))
    return hmac.digest(key, signed, "sha256").hex()
