"""Whether migrations, database and models agree.

Heads, pending and drift, three findings apart.

    MigrationValidator("alembic.ini", engine, metadata=Base.metadata).run_all_checks_sync()
    DjangoMigrationValidator().run_all_checks_sync()

Alembic's own commands answer 0 for a database that is behind and for two
heads, and mix drift up with both; so everything is counted here.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ci_ops.core.contract.dburl import database_kind, libpq_url
from ci_ops.core.text.secret import Secret
from ci_ops.service.deployment.check_result import CheckResult, CheckStatus, failed
from ci_ops.service.health.workers import is_on_loop
from ci_ops.service.health_checks.database import django_connection
from ci_ops.service.health_checks.migrations import (
    MigrationState,
    alembic_scripts,
    alembic_state,
    django_loader,
    django_state,
    listed,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

HEADS, PENDING, DRIFT = "migrations-heads", "migrations-pending", "migrations-drift"


class MigrationValidator:
    """Looks at Alembic's scripts, their database, and the models."""

    def __init__(
        self,
        config: str | Path | Any,
        bind: Any,
        *,
        metadata: Any = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """`config` is the path of alembic.ini or an Alembic Config.

        `bind` is a SQLAlchemy engine, sync or async, or an address; without
        `metadata` the models are not compared. env.py is not run, so what it
        gives to `context.configure` (`version_table`, `include_object`) has to
        be given here as `options` too.
        """
        self._config = config
        self._bind = bind
        self._metadata = metadata
        self._options = {"compare_type": True, **(options or {})}

    async def run_all_checks(self) -> tuple[bool, list[CheckResult]]:
        """Every finding; True when none of them is FAIL."""
        if getattr(self._bind, "sync_engine", None) is None:
            return _with_verdict(await asyncio.to_thread(self._look))
        try:
            async with self._bind.connect() as connection:
                # Inside, the engine behind the async one works as a synchronous engine does.
                found = await connection.run_sync(lambda _: self._look())
        except Exception as error:  # noqa: BLE001 - whatever a driver raises is the finding
            found = [_guarded(HEADS, self._heads), failed(PENDING, error)]
        return _with_verdict(found)

    def run_all_checks_sync(self) -> tuple[bool, list[CheckResult]]:
        """The same for synchronous applications.

        An async engine cannot be asked here.
        """
        if is_on_loop() or hasattr(self._bind, "sync_engine"):
            raise RuntimeError("await run_all_checks() for an async engine, and on an event loop")
        return _with_verdict(self._look())

    def _look(self) -> list[CheckResult]:
        found = [_guarded(HEADS, self._heads)]
        try:
            with _engine(self._bind) as engine:
                state = alembic_state(self._config, engine, self._options)
                found.append(_pending(state, is_empty=not state.head))
                if self._metadata is not None:
                    found.append(
                        _guarded(DRIFT, lambda: _unless_pending(state, lambda: self._differences(engine)))
                    )
        except Exception as error:  # noqa: BLE001 - whatever a driver raises is the finding
            found.append(failed(PENDING, error))
        return found

    def _heads(self) -> CheckResult:
        scripts = alembic_scripts(self._config)
        heads = [scripts.get_revision(each) for each in scripts.get_heads()]
        labels = [frozenset(each.branch_labels) for each in heads]
        if len(heads) < 2 or (all(labels) and len(set(labels)) == len(labels)):
            return _good(HEADS, f"{len(heads)} head" + ("" if len(heads) == 1 else "s"))
        names = listed(sorted(each.revision for each in heads))
        return _bad(HEADS, f"{len(heads)} heads: {names}; put them together with `alembic merge heads`")

    def _differences(self, engine: Any) -> Iterable[str]:
        context = import_module("alembic.runtime.migration").MigrationContext
        compare = import_module("alembic.autogenerate").compare_metadata
        with engine.connect() as connection:
            return _named(compare(context.configure(connection, opts=self._options), self._metadata))


class DjangoMigrationValidator:
    """Looks at Django's migrations, a database, and the models.

    Those of the installed apps.
    """

    def __init__(self, alias: str = "default") -> None:
        self._alias = alias

    async def run_all_checks(self) -> tuple[bool, list[CheckResult]]:
        """Every finding; True when none of them is FAIL."""
        return _with_verdict(await asyncio.to_thread(self._look))

    def run_all_checks_sync(self) -> tuple[bool, list[CheckResult]]:
        """The same for synchronous applications."""
        return _with_verdict(self._look())

    def _look(self) -> list[CheckResult]:
        found = [_guarded(HEADS, self._heads)]
        try:
            connection = django_connection(self._alias)
            try:
                state = django_state(connection)
            finally:
                connection.close()
        except Exception as error:  # noqa: BLE001 - whatever a driver raises is the finding
            return [*found, failed(PENDING, error)]
        found.append(_pending(state, is_empty=False))
        if found[0].status is CheckStatus.PASS:
            # Needs no database: what Django compares are migrations and models.
            found.append(_guarded(DRIFT, lambda: _drift(_django_changes(), "makemigrations")))
        return found

    def _heads(self) -> CheckResult:
        conflicts = django_loader().detect_conflicts()
        if not conflicts:
            return _good(HEADS, "each app has one last migration")
        said = "; ".join(f"{app}: {', '.join(sorted(names))}" for app, names in sorted(conflicts.items()))
        return _bad(
            HEADS, f"several last migrations: {said}; put them together with `makemigrations --merge`"
        )


def _django_changes() -> list[str]:
    """What `makemigrations --check` would find."""
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


@contextmanager
def _engine(bind: Any) -> Iterator[Any]:
    """The engine itself, the one behind an async engine, or one of our own for an address."""
    if not isinstance(bind, str | Secret):
        yield getattr(bind, "sync_engine", bind)
        return
    address = bind.reveal() if isinstance(bind, Secret) else bind
    if database_kind(address) == "postgresql":
        address = libpq_url(address).replace("postgresql://", "postgresql+psycopg://", 1)
    engine = import_module("sqlalchemy").create_engine(address)
    try:
        yield engine
    finally:
        engine.dispose()


def _pending(state: MigrationState, *, is_empty: bool) -> CheckResult:
    if is_empty:
        return CheckResult(name=PENDING, status=CheckStatus.WARN, message="there are no migrations")
    if state.pending:
        return _bad(PENDING, f"not migrated yet: {listed(state.pending)}", pending=list(state.pending))
    if state.unknown:
        message = f"the database is ahead of this release: {listed(state.unknown)}"
        return CheckResult(name=PENDING, status=CheckStatus.WARN, message=message)
    return _good(PENDING, "the database has every migration")


def _unless_pending(state: MigrationState, differences: Callable[[], Iterable[str]]) -> CheckResult:
    if state.pending or state.unknown:
        message = "not compared: the database is not at this release's migrations"
        return CheckResult(name=DRIFT, status=CheckStatus.WARN, message=message)
    return _drift(differences(), "alembic revision --autogenerate")


def _drift(differences: Iterable[str], command: str) -> CheckResult:
    found = list(differences)
    if not found:
        return _good(DRIFT, "models and migrations agree")
    message = f"models and migrations differ: {listed(found)}; write the missing one with `{command}`"
    return _bad(DRIFT, message, differences=found)


def _named(differences: Iterable[Any]) -> list[str]:
    """Each difference of Alembic's as its kind and the names in it."""
    named: list[str] = []
    for each in differences:
        if isinstance(each, list):
            named += _named(each)
        else:
            names = [one if isinstance(one, str) else getattr(one, "name", None) for one in each[1:]]
            named.append(f"{each[0]} {'.'.join(str(one) for one in names if one)}".strip())
    return named


def _guarded(name: str, look: Callable[[], CheckResult]) -> CheckResult:
    try:
        return look()
    except Exception as error:  # noqa: BLE001 - whatever a framework raises is the finding
        return failed(name, error)


def _good(name: str, message: str) -> CheckResult:
    return CheckResult(name=name, status=CheckStatus.PASS, message=message)


def _bad(name: str, message: str, **details: Any) -> CheckResult:
    return CheckResult(name=name, status=CheckStatus.FAIL, message=message, details=details)


def _with_verdict(results: list[CheckResult]) -> tuple[bool, list[CheckResult]]:
    return all(one.status is not CheckStatus.FAIL for one in results), results
