"""Asks the health routes of a running service, with nothing but the standard library.

    all_pass, results = HealthCheckValidator("http://127.0.0.1:8000").run_all_checks_sync()

From a container, where there is no curl: `python -m ci_ops.service.validators
http://127.0.0.1:8000/health/ready` ends with 0, or with 1 and a sentence.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING

from ci_ops.service.check_result import CheckResult, CheckStatus, failed, results_of
from ci_ops.service.health_checks.web import http_check

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT_SECONDS = 5.0
FRESH = {"Cache-Control": "no-cache"}
"""Past every cache, the kit's own included: an old answer proves nothing."""


class HealthCheckValidator:
    """Liveness and readiness of a service, as a prober sees them."""

    def __init__(
        self,
        base_url: str,
        *,
        prefix: str = "/health",
        timeout_seconds: float = TIMEOUT_SECONDS,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`headers` are sent along, such as the token's. Raises ValueError for no http address."""
        self._base = base_url.rstrip("/") + "/" + prefix.strip("/")
        self._timeout_seconds = timeout_seconds
        self._headers = {**FRESH, **(headers or {})}
        http_check(self._base)

    def validate_liveness(self) -> CheckResult:
        """Whether the process is alive; a warning when it is not in order."""
        return self._ask("liveness", "live")

    def validate_readiness(self) -> CheckResult:
        """Whether the service wants traffic; a warning when it is degraded."""
        return self._ask("readiness", "ready")

    def run_all_checks_sync(self) -> tuple[bool, list[CheckResult]]:
        """Both; True when none of them is FAIL."""
        results = [self.validate_liveness(), self.validate_readiness()]
        return all(one.status is not CheckStatus.FAIL for one in results), results

    async def run_all_checks(self) -> tuple[bool, list[CheckResult]]:
        """The same on a thread, for asynchronous callers."""
        return await asyncio.to_thread(self.run_all_checks_sync)

    def _ask(self, name: str, path: str) -> CheckResult:
        return ask(name, f"{self._base}/{path}", timeout_seconds=self._timeout_seconds, headers=self._headers)


def ask(
    name: str,
    url: str,
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
    headers: Mapping[str, str] | None = None,
) -> CheckResult:
    """What a health route answers; its document counts as well as its status."""
    look = http_check(url, timeout_seconds=timeout_seconds, headers=headers, reads_health=True)
    began = time.perf_counter()
    try:
        (result,) = results_of(name, look(), time.perf_counter() - began)
    except Exception as error:  # noqa: BLE001 - whatever the network does is the result
        return failed(name, error)
    return result


def main(arguments: list[str]) -> int:
    """Ask one address; 0 when the service there can work, 1 when not."""
    if len(arguments) != 1:
        print("usage: python -m ci_ops.service.validators URL", file=sys.stderr)  # noqa: T201 - a command
        return 2
    try:
        result = ask("health", arguments[0], headers=FRESH)
    except ValueError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command
        return 2
    if result.status is CheckStatus.PASS:
        return 0
    print(f"{result.status}: {result.message}", file=sys.stderr)  # noqa: T201 - a command
    return 1 if result.status is CheckStatus.FAIL else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
