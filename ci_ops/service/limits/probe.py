"""Signed probes: requests of a verification that no limit counts or blocks."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Self

from ci_ops.core.text.probe_signature import KEY_VARIABLE, PROBE_HEADER, is_signed_probe, probe_key
from ci_ops.core.text.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

PROBE_FIELD = PROBE_HEADER.lower().encode()
"""The header as ASGI names it."""
PROBE_VARIABLE = "HTTP_" + PROBE_HEADER.upper().replace("-", "_")
"""The header as WSGI names it."""
SIGNATURE_LENGTH = 64


class ProbeKey:
    """The key that ci-ops and the service share.

    A signed request is not counted against quotas nor blocked; it opens no
    other door: it is no user, sees no details, and `deny` still holds. Its
    signature is for one method and path, and valid for at most two minutes.
    """

    def __init__(self, key: Secret | str, *, now: Callable[[], float] = time.time) -> None:
        """Raise ValueError for a key of fewer than 16 characters."""
        self._key = probe_key(key.reveal() if isinstance(key, Secret) else key)
        self._now = now

    @classmethod
    def from_environment(cls) -> Self | None:
        """Return the key in CI_OPS_PROBE_KEY; None without one."""
        text = os.environ.get(KEY_VARIABLE, "")
        return cls(text) if text else None

    def has_signed(self, given: str, method: str, path: bytes) -> bool:
        """Return True for the signature of that method and decoded path, made within the last two minutes."""
        if len(given) != SIGNATURE_LENGTH:
            return False
        return is_signed_probe(self._key, given, method, path, at_seconds=self._now())
