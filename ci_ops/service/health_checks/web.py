"""A check of another service by HTTP."""

from __future__ import annotations

import http.client
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ci_ops.core.healthdoc import parse_health
from ci_ops.service.health_checks.built_in import built_in, unhealthy
from ci_ops.service.health_model import Check, HealthStatus, Outcome, health_status_of

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BODY_BYTES = 64 * 1024


def http_check(
    url: str,
    *,
    timeout_seconds: float = 0.7,
    headers: Mapping[str, str] | None = None,
    reads_health: bool = False,
) -> Check:
    """Whether a service answers a GET with 2xx or 3xx.

    Redirects are not followed.

    With `reads_health` its health document counts too: warn is DEGRADED. The
    check is optional unless `required=True` is given: another team's outage
    is seldom a reason to take no traffic.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("http_check needs an address that begins with http:// or https://")
    tls = ssl.create_default_context() if parts.scheme == "https" else None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    sent = {"Accept": "application/health+json, application/json;q=0.9, */*;q=0.1", **(headers or {})}

    def fetch() -> tuple[int, bytes]:
        host = parts.hostname or ""
        connection = (
            http.client.HTTPConnection(host, parts.port, timeout=timeout_seconds)
            if tls is None
            else http.client.HTTPSConnection(host, parts.port, timeout=timeout_seconds, context=tls)
        )
        try:
            connection.request("GET", target, headers=sent)
            response = connection.getresponse()
            return response.status, response.read(MAX_BODY_BYTES)
        finally:
            connection.close()

    def web() -> Outcome:
        status, body = fetch()
        if not 200 <= status < 400:
            return unhealthy(f"answered {status}", status, "status")
        if reads_health:
            document = parse_health(body)
            found = health_status_of(document.status)
            if found is not HealthStatus.HEALTHY:
                names = ", ".join(one.name for one in document.not_passing)
                reason = document.problem or f"says {document.said}"
                return Outcome(status=found, message=f"{reason}: {names}" if names else reason)
        return Outcome()

    return built_in(web, "http", required=False)
