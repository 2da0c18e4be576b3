"""The port of TLS handshakes and their certificates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
"""Every version of TLS, oldest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChainLink:
    """One certificate of a chain; its names are untrusted."""

    subject: str
    issuer: str
    serial: str
    not_after: datetime
    key_kind: str = ""
    """RSA, EC, DSA, Ed25519 or Ed448; empty for another one."""
    key_bits: int = 0
    """0 where they are not known."""
    signature_hash: str = ""
    """The hash that the signature is made with, such as `SHA-256`; empty where it is not known."""
    issuer_address: str = ""
    """Where the certificate of the issuer can be fetched, as browsers do; empty where it does not say."""

    @property
    def is_root(self) -> bool:
        """Return True for a certificate that is its own issuer."""
        return self.subject == self.issuer


@dataclass(frozen=True, kw_only=True, slots=True)
class Certificate:
    """The facts of one TLS handshake."""

    address: str
    protocol: str
    """Such as `TLSv1.3`."""
    verified: bool
    """True when chain and host name are good."""
    problem: str = ""
    """Why not: hostname, expired, not-yet-valid, chain, weak or other; empty when verified."""
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
    served: tuple[ChainLink, ...] = ()
    """What the server sent, its own certificate first; empty where none could be read."""
    trusted: tuple[ChainLink, ...] = ()
    """The chain that was verified, from the server's own certificate to the trusted one."""


class Tls(Protocol):
    """TLS handshakes that report certificates and versions."""

    def certificate(self, host: str, port: int, *, address: str, timeout_seconds: float) -> Certificate:
        """Shake hands with that address under that name. Raises HttpError on failure.

        An empty address leaves the choice to the resolver, or to the proxy in between.
        """
        ...

    def accepts(
        self, host: str, port: int, *, version: str, address: str, timeout_seconds: float
    ) -> bool | None:
        """Return whether a handshake with that version alone succeeds; None where it could not be tried.

        `version` is one of VERSIONS. Certificates are not verified.
        """
        ...
