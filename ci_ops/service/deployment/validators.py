"""Probes of the health routes of a running service.

all_pass, results = HealthCheckValidator("http://127.0.0.1:8000").run_all_checks_sync()

From a shell or a Dockerfile: `python -m ci_ops.service.probe`.
"""

from __future__ import annotations

import asyncio
import time
from urllib.parse import urlsplit

from ci_ops.core.health.status import Status
from ci_ops.core.text.lines import one_line
from ci_ops.core.text.redact import redact_patterns
from ci_ops.service.deployment.check_result import CheckResult, CheckStatus
from ci_ops.service.probe import TIMEOUT_SECONDS, probe_health

_STATUSES = {Status.PASS: CheckStatus.PASS, Status.WARN: CheckStatus.WARN}


class HealthCheckValidator:
    """Probes liveness and readiness of a service, past every cache."""

    def __init__(
        self, base_url: str, *, prefix: str = "/health", timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        """Raise ValueError for an address that is neither http nor https."""
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("the address of a service begins with http:// or https://")
        self._base = base_url.rstrip("/") + "/" + prefix.strip("/")
        self._timeout_seconds = timeout_seconds

    def validate_liveness(self) -> CheckResult:
        """Probe whether the process is alive."""
        return self._ask("liveness", "live")

    def validate_readiness(self) -> CheckResult:
        """Probe whether the service accepts traffic; WARN when it is degraded."""
        return self._ask("readiness", "ready")

    def run_all_checks_sync(self) -> tuple[bool, list[CheckResult]]:
        """Probe both and return whether none is FAIL, and the results."""
        results = [self.validate_liveness(), self.validate_readiness()]
        return all(one.status is not CheckStatus.FAIL for one in results), results

    async def run_all_checks(self) -> tuple[bool, list[CheckResult]]:
        """Probe both on a thread, for asynchronous callers."""
        return await asyncio.to_thread(self.run_all_checks_sync)

    def _ask(self, name: str, path: str) -> CheckResult:
        began = time.perf_counter()
        document = probe_health(f"{self._base}/{path}", timeout_seconds=self._timeout_seconds)
        parts = [document.problem, *(f"{one.name} {one.status}" for one in document.not_passing)]
        return CheckResult(
            name=name,
            status=_STATUSES.get(document.status, CheckStatus.FAIL),
            message=redact_patterns(one_line(", ".join(filter(None, parts)))),
            details={"release": document.release_id} if document.release_id else {},
            seconds=time.perf_counter() - began,
        )
