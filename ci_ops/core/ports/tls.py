"""TLS handshakes and the certificates they show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Certificate:
    """What one TLS handshake showed."""

    address: str
    protocol: str
    """Such as `TLSv1.3`."""
    verified: bool
    """True when chain and host name are good."""
    problem: str = ""
    """Why not: hostname, expired, not-yet-valid, chain or other; empty when verified."""
    detail: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None
    subject_names: tuple[str, ...] = ()
    issuer: str = ""
    serial: str = ""
    chain_not_after: datetime | None = None
    """When the first of its issuers ends, the trusted one included; None where the chain was not verified."""
    chain_ends_with: str = ""
    """The name of that issuer, as it was written into the certificate."""


class Tls(Protocol):
    """One TLS handshake, looked at closely."""

    def certificate(self, host: str, port: int, *, address: str, timeout_seconds: float) -> Certificate:
        """Shake hands with that address under that name.

        An empty address leaves the choice to the resolver, or to the proxy
        that leads there. Raises HttpError when none comes about.
        """
        ...
