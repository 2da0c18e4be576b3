"""Access rule for health details: the token, or this machine where it is said to have no proxy."""

from __future__ import annotations

import hmac
import ipaddress
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, cast, get_args

from ci_ops.core.text.secret import Secret

log = logging.getLogger("ci_ops.service.health.service")

TOKEN_VARIABLE = "CI_OPS_HEALTH_TOKEN"
DETAILS_VARIABLE = "CI_OPS_HEALTH_DETAILS"
ShowDetails = Literal["never", "when-authorized", "loopback", "always"]
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
"""A request with any of these comes from a proxy that forwards for another client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """The client of a request: the peer of its connection and its headers."""

    peer: str
    """IP address; empty for a Unix socket, which may serve any client."""
    headers: Mapping[str, str]
    """By lower-case name."""
    http_version: str = "1.1"


def token_from_environment() -> Secret | None:
    """The token in CI_OPS_HEALTH_TOKEN; None when it is not set."""
    value = os.environ.get(TOKEN_VARIABLE, "")
    return Secret(value) if value else None


def details_from_environment() -> ShowDetails:
    """Return what CI_OPS_HEALTH_DETAILS says, else `when-authorized`.

    Raises ValueError for another word.
    """
    word = os.environ.get(DETAILS_VARIABLE, "").strip() or "when-authorized"
    for known in get_args(ShowDetails):
        if word == known:
            return cast("ShowDetails", known)
    raise ValueError(f"{DETAILS_VARIABLE}: {word!r} is not one of {', '.join(get_args(ShowDetails))}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The rule by which details are shown.

    Requests with `Authorization: Bearer TOKEN`, and those that `allow` admits,
    see them. A peer on loopback does not: it may be a proxy on this machine
    that forwards for a client elsewhere and, as nginx from 1.29.7 on, sends
    HTTP/1.1 without a header of its own. `loopback` opens them to this machine
    too; set it where no proxy runs there. Even then a forwarding header,
    HTTP/1.0 (older nginx) and a foreign Host (a page that rebinds its address)
    close them.
    """

    show_details: ShowDetails = field(default_factory=details_from_environment)
    token: Secret | None = field(default_factory=token_from_environment)
    allow: Callable[[Asker], bool] | None = None

    def __post_init__(self) -> None:
        if self.token is not None and len(self.token.reveal()) < MIN_TOKEN_LENGTH:
            raise ValueError(f"{TOKEN_VARIABLE}: the token needs at least {MIN_TOKEN_LENGTH} characters")

    def admits(self, asker: Asker) -> bool:
        """Return True when this client may see details."""
        if self.show_details in {"always", "never"}:
            return self.show_details == "always"
        is_open = self.show_details == "loopback" and _is_local(asker)
        return is_open or self._has_token(asker) or self._is_allowed(asker)

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
    return is_loopback_name(name)


def is_loopback_name(name: str) -> bool:
    """Return True for a host name or address of this machine itself."""
    return name == "localhost" or name.endswith(".localhost") or _is_loopback(name)


@lru_cache(maxsize=256)
def _is_loopback(address: str) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return (getattr(ip, "ipv4_mapped", None) or ip).is_loopback
