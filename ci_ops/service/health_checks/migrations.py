"""Checks that the database has the migrations of this code: Alembic and Django."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ci_ops.core.contract.migrations import (
    AHEAD,
    MigrationState,
    compare_migrations,
    compare_revisions,
    listed,
)
from ci_ops.service.health.model import Check, Outcome
from ci_ops.service.health_checks.built_in import built_in, degraded, unhealthy
from ci_ops.service.health_checks.database import django_connection, saturation
from ci_ops.service.health_checks.kept import kept_check

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def alembic_state(
    config: str | Path | Any, engine: Any, options: Mapping[str, Any] | None = None
) -> MigrationState:
    """Compare the heads of Alembic's scripts with the engine's database.

    `config` is the path of alembic.ini or an Alembic Config, `options` are
    those that its env.py gives to `context.configure`.
    """
    return _alembic_state(alembic_scripts(config), engine, options)


def alembic_scripts(config: str | Path | Any) -> Any:
    """Read the scripts of an alembic.ini or an Alembic Config."""
    module = import_module("alembic.config")
    read = config if isinstance(config, module.Config) else module.Config(str(config))
    scripts = import_module("alembic.script").ScriptDirectory.from_config(read)
    scripts.get_heads()  # reads the files now: a new checkout under a running process changes nothing
    return scripts


def _alembic_state(scripts: Any, engine: Any, options: Mapping[str, Any] | None = None) -> MigrationState:
    context = import_module("alembic.runtime.migration").MigrationContext
    with engine.connect() as connection:
        recorded = context.configure(connection, opts=dict(options or {})).get_current_heads()
    parents = {one.revision: one._all_down_revisions for one in scripts.walk_revisions()}  # noqa: SLF001 - with depends_on
    return compare_revisions(recorded, heads=scripts.get_heads(), parents=parents)


def django_state(connection: Any) -> MigrationState:
    """Return the migrations of installed Django apps that the database lacks."""
    return _django_state(django_loader(), connection)


def django_loader() -> Any:
    """Read the migrations of the installed apps."""
    return import_module("django.db.migrations.loader").MigrationLoader(None, ignore_no_migrations=True)


def _django_state(loader: Any, connection: Any) -> MigrationState:
    # By SQL, because Django's own recorder goes through the thread's connection, which a pool may refuse.
    with connection.cursor() as cursor:
        rows: list[tuple[str, str]] = []
        if "django_migrations" in connection.introspection.table_names(cursor):
            cursor.execute("SELECT app, name FROM django_migrations")
            rows = cursor.fetchall()
    plan = (key for leaf in sorted(loader.graph.leaf_nodes()) for key in loader.graph.forwards_plan(leaf))
    replaces = {key: squashed.replaces for key, squashed in loader.replacements.items()}
    return compare_migrations(rows, plan=plan, replaces=replaces)


def alembic_check(
    config: str | Path | Any, engine: Any, *, options: Mapping[str, Any] | None = None
) -> Check:
    """Check that the database is at the head of Alembic's scripts, which are read once, now.

    Goes through the application's engine; while its pool is full it is
    DEGRADED and takes no connection. `options` are those of env.py that say
    where versions are kept, such as `version_table`.
    """
    scripts = alembic_scripts(config)
    inner = getattr(engine, "sync_engine", None)
    if inner is None:

        def migrations() -> Outcome:
            return saturation(engine.pool) or _judge(_alembic_state(scripts, engine, options))

        return built_in(migrations, "migrations", component_type="datastore")

    async def migrations_async() -> Outcome:
        busy = saturation(inner.pool)
        if busy is not None:
            return busy
        async with engine.connect() as connection:
            state = await connection.run_sync(lambda sync: _alembic_state(scripts, _Lent(sync), options))
            return _judge(state)

    return built_in(migrations_async, "migrations", component_type="datastore")


def django_migrations_check(alias: str = "default") -> Check:
    """Check that every migration of the installed Django apps is applied; the files are read once."""
    loader = cache(django_loader)  # the apps are not ready yet while checks are registered

    def ask(connection: Any) -> Outcome:
        return _judge(_django_state(loader(), connection))

    return kept_check("migrations", lambda: django_connection(alias), ask, component_type="datastore")


def _judge(state: MigrationState) -> Outcome:
    if state.pending:
        return unhealthy(f"not migrated yet: {listed(state.pending)}", len(state.pending), "pending")
    if state.unknown:
        return degraded(f"{AHEAD}: {listed(state.unknown)}", state.head)
    return Outcome(value=state.head or None)


class _Lent:
    """An engine that hands out one connection, which its owner closes."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def connect(self) -> Any:
        return self

    def __enter__(self) -> Any:
        return self._connection

    def __exit__(self, *_: object) -> None: ...
