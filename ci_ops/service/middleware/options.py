"""MiddlewareOptions: the parts of the layer around an application."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ci_ops.service.limits.client import ClientResolver
from ci_ops.service.limits.probe import ProbeKey
from ci_ops.service.metrics.requests import RequestMetrics
from ci_ops.service.middleware.access import AccessLog
from ci_ops.service.middleware.limits import RequestLimits
from ci_ops.service.middleware.security import SecurityHeaders

PROXIES_VARIABLE = "CI_OPS_TRUSTED_PROXIES"
USER_HEADER_VARIABLE = "CI_OPS_USER_HEADER"


def resolver_from_environment() -> ClientResolver:
    """Return a resolver that trusts the proxies in CI_OPS_TRUSTED_PROXIES, separated by commas.

    Without it no proxy is trusted.
    """
    named = os.environ.get(PROXIES_VARIABLE, "")
    return ClientResolver([one.strip() for one in named.split(",") if one.strip()])


def user_header_from_environment() -> str:
    """Return the header in CI_OPS_USER_HEADER; empty without one."""
    return os.environ.get(USER_HEADER_VARIABLE, "").strip()


@dataclass(frozen=True, kw_only=True)
class MiddlewareOptions:
    """The parts of the layer; None switches one off."""

    security: SecurityHeaders | None = field(default_factory=SecurityHeaders)
    limits: RequestLimits | None = field(default_factory=RequestLimits)
    metrics: RequestMetrics | None = field(default_factory=RequestMetrics)
    access_log: AccessLog | None = field(default_factory=AccessLog)
    request_ids: bool = True
    """Answer with `X-Request-ID`; the id is on the log lines of a request in any case."""
    resolver: ClientResolver = field(default_factory=resolver_from_environment)
    """Resolves the client of a request. A trusted proxy's `X-Forwarded-Proto` is believed too."""
    user_header: str = field(default_factory=user_header_from_environment)
    """Header in which the trusted proxies name the user, such as `X-User-ID`; empty when they set none.

    They must set or remove it on every request: most proxies hand on what a client sent.
    """
    probe_key: ProbeKey | None = field(default_factory=ProbeKey.from_environment)
    """Lets requests that are signed with the key in CI_OPS_PROBE_KEY pass the limits; None without one."""
    identity: Callable[[Any], Any] | None = None
    """Returns the user for an ASGI scope or WSGI environ, a text or None; may be async in ASGI."""
    route: Callable[[Any], str | None] | None = None
    """Returns the route template after the call, where the framework is not one of those known."""
    health_paths: Sequence[str] | None = None
    """Paths that, with all below them, are neither limited nor in the access log; None is the health routes."""
