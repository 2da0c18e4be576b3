"""Deployment checks of a process, at its start or before, in the same environment.

    all_pass, results = await deployment_checker.run_all_checks()
    deployment_checker.get_summary()

The rules are those of `ci-ops readiness`: the same contract on variables, the
same placeholders, the same reading of requirements.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ci_ops.core.contract.dburl import database_kind
from ci_ops.core.text.secret import Secret
from ci_ops.service._process.functions import Kind, kind_of
from ci_ops.service.deployment import checker_rules as rules
from ci_ops.service.deployment.check_result import CheckResult, CheckStatus, failed, results_of, worst_check
from ci_ops.service.health.workers import is_on_loop
from ci_ops.service.health_checks.database import database_check
from ci_ops.service.lifecycle.startup import Steps, drive, drive_async
from ci_ops.service.settings.configuration import application_config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ci_ops.service.health.model import Check
    from ci_ops.service.settings.validator import ConfigValidator

ENVIRONMENT_VARIABLES = ("DEPLOYMENT_ENVIRONMENT", "ENVIRONMENT", "APP_ENV")


class DeploymentChecker:
    """Runs every deployment check to its end, and keeps the results."""

    def __init__(
        self,
        config: ConfigValidator | None = None,
        *,
        root: Path | None = None,
        files: Iterable[str | Path] | None = None,
        database: Check | Literal[False] | None = None,
        environment: str = "",
        env: Mapping[str, str] | None = None,
    ) -> None:
        """`database` is any check of one, such as `sqlalchemy_check(engine)`.

        Without it PostgreSQL at DATABASE_URL is checked, where psycopg is
        installed. What was not stated is a warning: an application without a
        database or configuration files says `database=False`, `files=()`.
        `environment` is read from DEPLOYMENT_ENVIRONMENT, ENVIRONMENT and APP_ENV;
        without any it is production.
        """
        self.config = application_config if config is None else config
        self.root = root
        """The folder of the project; None for the current one."""
        self.files = None if files is None else tuple(files)
        """Configuration files that have to exist, relative to the root; None while none were stated."""
        self.database = database
        self.environment = environment
        self.results: tuple[CheckResult, ...] = ()
        """Results of the last run."""
        self._env = env
        self._added: dict[str, tuple[Callable[[], Any], bool]] = {}

    def add(self, name: str, check: Callable[[], Any], *, required: bool = True) -> None:
        """Add a check, sync or async; an optional one never does worse than WARN.

        It may answer like a health check, or with CheckResults.
        """
        self._added[name] = (check, required)

    async def run_all_checks(self) -> tuple[bool, list[CheckResult]]:
        """Run every check, synchronous ones on a thread, and return whether none is FAIL, and the results."""
        return self._kept(await drive_async(self._steps()))

    def run_all_checks_sync(self) -> tuple[bool, list[CheckResult]]:
        """Run every check for a synchronous application."""
        if is_on_loop():
            raise RuntimeError("await run_all_checks() on an event loop: this would block it")
        return self._kept(drive(self._steps()))

    def get_summary(self) -> dict[str, Any]:
        """Return counts of the last run, with each result; the status is `warn` before the first run."""
        statuses = [one.status for one in self.results]
        return {
            "status": str(worst_check(statuses)),
            "all_passed": bool(statuses) and CheckStatus.FAIL not in statuses,
            "environment": self._environment(),
            "total": len(statuses),
            "passed": statuses.count(CheckStatus.PASS),
            "warnings": statuses.count(CheckStatus.WARN),
            "failed": statuses.count(CheckStatus.FAIL),
            "seconds": round(sum(one.seconds for one in self.results), 6),
            "checks": [one.to_json() for one in self.results],
        }

    def _kept(self, results: list[CheckResult]) -> tuple[bool, list[CheckResult]]:
        self.results = tuple(results)
        return all(one.status is not CheckStatus.FAIL for one in results), results

    def _steps(self) -> Steps:
        results: list[CheckResult] = []
        self.config.validate()
        for name, (check, required) in {**self._built_in(), **self._added}.items():
            began = time.perf_counter()
            try:
                answer = yield _begun(check)
                found = results_of(name, answer, time.perf_counter() - began)
            except Exception as error:  # noqa: BLE001 - whatever a check raises is its result
                found = [replace(failed(name, error), seconds=time.perf_counter() - began)]
            results += found if required else [_optional(one) for one in found]
        return results

    def _built_in(self) -> dict[str, tuple[Callable[[], Any], bool]]:
        root = Path.cwd() if self.root is None else self.root
        reading, env = self.config.reading, os.environ if self._env is None else self._env
        environment = self._environment()
        checks: dict[str, Callable[[], Any]] = {"environment": lambda: rules.variables(reading)}
        named = self.files
        if named is None or named:
            checks["configuration-files"] = lambda: _NO_FILES if named is None else rules.files(root, named)
        if self.database is not False:
            checks["database"] = self.database or self._database(reading.values.get("DATABASE_URL"))
        checks["dependencies"] = lambda: rules.dependencies(root)
        checks["security"] = lambda: rules.security(reading, env, environment)
        return {name: (check, True) for name, check in checks.items()}

    def _database(self, url: object) -> Callable[[], Any]:
        """Return a check of PostgreSQL at that address; a warning where it cannot run."""
        if not isinstance(url, Secret):
            message = (
                "there is no DATABASE_URL and no check of a database; give the checker `database=`, or False"
            )
            return lambda: _not_checked("database", message)
        if database_kind(url.reveal()) != "postgresql" or find_spec("psycopg") is None:
            message = "give the checker a `database` check, or install psycopg for PostgreSQL"
            return lambda: _not_checked("database", message)

        def look() -> Any:
            check: Any = database_check(url)
            try:
                return check()
            finally:
                check.close()

        return look

    def _environment(self) -> str:
        env = os.environ if self._env is None else self._env
        named = (env.get(name, "").strip() for name in ENVIRONMENT_VARIABLES)
        word = (self.environment or next((each for each in named if each), "production")).lower()
        return {"prod": "production", "dev": "development"}.get(word, word)


def _not_checked(name: str, reason: str) -> CheckResult:
    return CheckResult(name=name, status=CheckStatus.WARN, message=f"not checked: {reason}")


_NO_FILES = _not_checked(
    "configuration-files", "none are named; give the checker `files=[…]`, or () for none"
)


def _begun(check: Callable[[], Any]) -> Any:
    """Return the answer, or the awaitable of it."""
    if is_on_loop() and kind_of(check) is Kind.PLAIN:
        return asyncio.to_thread(check)
    return check()


def _optional(result: CheckResult) -> CheckResult:
    is_bad = result.status is CheckStatus.FAIL
    return replace(result, status=CheckStatus.WARN) if is_bad else result


deployment_checker = DeploymentChecker()
"""The application's own checker, with its `application_config`."""

__all__ = ["CheckResult", "CheckStatus", "DeploymentChecker", "deployment_checker"]
