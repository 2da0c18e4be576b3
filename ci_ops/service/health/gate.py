"""Who may see details of health: this machine, and bearers of the token."""

from __future__ import annotations

import hmac
import ipaddress
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from ci_ops.core.text.secret import Secret

log = logging.getLogger("ci_ops.service.health.service")

TOKEN_VARIABLE = "CI_OPS_HEALTH_TOKEN"
MIN_TOKEN_LENGTH = 16
FORWARDING_HEADERS = (
    "forwarded",
    "via",
    "x-forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-original-forwarded-for",
    "x-envoy-external-address",
    "x-amzn-trace-id",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "cf-connecting-ip",
    "true-client-ip",
    "fly-client-ip",
    "fastly-client-ip",
)
"""Any of them says that the peer is a proxy, and the one who asks is somebody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who sent a request: the peer of the connection and what it said."""

    peer: str
    """IP address; empty for a Unix socket, behind which anybody may stand."""
    headers: Mapping[str, str]
    """By lower-case name."""
    http_version: str = "1.1"


def token_from_environment() -> Secret | None:
    """The token in CI_OPS_HEALTH_TOKEN; None when it is not set."""
    value = os.environ.get(TOKEN_VARIABLE, "")
    return Secret(value) if value else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The rule by which details are shown.

    Peers on loopback see them, unless a header says that they only forward
    for somebody else or the Host is not this machine's (a web page cannot
    make a browser spy on a development server). HTTP/1.0 is held to be
    forwarded too: so does nginx speak where nobody told it otherwise, with
    this machine's name and no header of its own. Whoever sends the token as
    `Authorization: Bearer …`, or whom `allow` admits, sees them as well.
    """

    show_details: Literal["never", "when-authorized", "always"] = "when-authorized"
    token: Secret | None = field(default_factory=token_from_environment)
    allow: Callable[[Asker], bool] | None = None

    def __post_init__(self) -> None:
        if self.token is not None and len(self.token.reveal()) < MIN_TOKEN_LENGTH:
            raise ValueError(f"{TOKEN_VARIABLE}: the token needs at least {MIN_TOKEN_LENGTH} characters")

    def admits(self, asker: Asker) -> bool:
        """True when this asker may see details."""
        if self.show_details != "when-authorized":
            return self.show_details == "always"
        return _is_local(asker) or self._has_token(asker) or self._is_allowed(asker)

    def _is_allowed(self, asker: Asker) -> bool:
        try:
            return self.allow is not None and self.allow(asker)
        except Exception:  # a rule that fails hides details; it does not make the service look down
            log.exception("the rule that admits askers to health details failed")
            return False

    def _has_token(self, asker: Asker) -> bool:
        scheme, _, given = asker.headers.get("authorization", "").partition(" ")
        if self.token is None or scheme.lower() != "bearer":
            return False
        expected = self.token.reveal().encode()
        return hmac.compare_digest(given.strip().encode("utf-8", "replace"), expected)


def _is_local(asker: Asker) -> bool:
    if not _is_loopback(asker.peer) or asker.http_version == "1.0":
        return False
    if any(name in asker.headers for name in FORWARDING_HEADERS):
        return False
    host = asker.headers.get("host", "localhost").lower()
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return name == "localhost" or name.endswith(".localhost") or _is_loopback(name)


@lru_cache(maxsize=256)
def _is_loopback(address: str) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return (getattr(ip, "ipv4_mapped", None) or ip).is_loopback
