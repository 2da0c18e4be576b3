"""A check of another service by HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.core.health.document import parse_health
from ci_ops.service._process.web_get import WebGet
from ci_ops.service.health.model import Check, HealthStatus, Outcome, health_status_of
from ci_ops.service.health_checks.built_in import built_in, unhealthy

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
    """Check that a service answers a GET with 2xx or 3xx; redirects are not followed.

    With `reads_health` its health document counts too: warn is DEGRADED. The
    check is optional unless `required=True` is given: another team's outage
    is seldom a reason to refuse traffic.
    """
    fetch = WebGet(
        url,
        headers={"Accept": "application/health+json, application/json;q=0.9, */*;q=0.1", **(headers or {})},
        timeout_seconds=timeout_seconds,
        max_body_bytes=MAX_BODY_BYTES,
    )

    def web() -> Outcome:
        status, body = fetch()
        if not 200 <= status < 400:
            return unhealthy(f"answered {status}", status, "status")
        if reads_health:
            document = parse_health(body)
            found = health_status_of(document.status)
            if found is not HealthStatus.HEALTHY:
                names = ", ".join(one.name for one in document.not_passing)
                reason = document.problem or f"says {document.word}"
                return Outcome(status=found, message=f"{reason}: {names}" if names else reason)
        return Outcome()

    return built_in(web, "http", required=False)
