"""Validation of Django's migrations against a database and the models.

DjangoMigrationValidator().run_all_checks_sync()
"""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any

from ci_ops.core.contract.migrations import INVALID_INDEXES
from ci_ops.service.deployment import migration_findings as findings
from ci_ops.service.deployment.check_result import CheckResult, CheckStatus, failed
from ci_ops.service.deployment.indexes import INDEXES, judge_indexes
from ci_ops.service.health_checks.database import django_connection
from ci_ops.service.health_checks.migrations import django_loader, django_state


class DjangoMigrationValidator:
    """Compares the migrations of the installed apps with a database and the models."""

    def __init__(self, alias: str = "default") -> None:
        self._alias = alias

    async def run_all_checks(self) -> tuple[bool, list[CheckResult]]:
        """Return whether no finding is FAIL, and every finding."""
        return findings.with_verdict(await asyncio.to_thread(self._look))

    def run_all_checks_sync(self) -> tuple[bool, list[CheckResult]]:
        """Return the findings to a synchronous application."""
        return findings.with_verdict(self._look())

    def _look(self) -> list[CheckResult]:
        found = [findings.guarded(findings.HEADS, self._heads)]
        try:
            connection = django_connection(self._alias)
            try:
                state = django_state(connection)
                found += [*findings.repeated(state), findings.pending(state, is_empty=False)]
                if connection.vendor == "postgresql":
                    found.append(findings.unless_unanswered(INDEXES, lambda: _django_indexes(connection)))
            finally:
                connection.close()
        except Exception as error:  # noqa: BLE001 - whatever a driver raises is the finding
            return [*found, failed(findings.PENDING, error)]
        if found[0].status is CheckStatus.PASS:
            # Needs no database: what Django compares are migrations and models.
            found.append(
                findings.guarded(findings.DRIFT, lambda: findings.drift(_django_changes(), "makemigrations"))
            )
        return found

    def _heads(self) -> CheckResult:
        conflicts = django_loader().detect_conflicts()
        if not conflicts:
            return findings.good(findings.HEADS, "each app has one last migration")
        said = "; ".join(f"{app}: {', '.join(sorted(names))}" for app, names in sorted(conflicts.items()))
        return findings.bad(
            findings.HEADS,
            f"several last migrations: {said}; put them together with `makemigrations --merge`",
        )


def _django_indexes(connection: Any) -> CheckResult:
    with connection.cursor() as cursor:
        cursor.execute(INVALID_INDEXES)
        return judge_indexes(cursor.fetchall())


def _django_changes() -> list[str]:
    """Return what `makemigrations --check` would find."""
    apps = import_module("django.apps").apps
    state = import_module("django.db.migrations.state").ProjectState
    detector = import_module("django.db.migrations.autodetector").MigrationAutodetector
    loader = django_loader()
    changes = detector(loader.project_state(), state.from_apps(apps)).changes(graph=loader.graph)
    return [
        f"{app}: {operation.describe()}"
        for app, migrations in changes.items()
        for migration in migrations
        for operation in migration.operations
    ]
