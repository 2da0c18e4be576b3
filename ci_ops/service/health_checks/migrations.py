"""Whether the database has the migrations that this code needs: Alembic and Django."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ci_ops.service.health_checks.built_in import built_in, degraded, unhealthy
from ci_ops.service.health_model import Check, Outcome

if TYPE_CHECKING:
    from pathlib import Path

_RULES: dict[str, Any] = {"component_type": "datastore", "ttl_seconds": 30.0, "stale_seconds": 0.0}
"""Seldom changes; a failure is asked again after a second, so a migration that ends is seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationState:
    """Which migrations the code has and which the database has."""

    pending: tuple[str, ...] = ()
    """In the code and not in the database: the code cannot work yet."""
    unknown: tuple[str, ...] = ()
    """In the database and not in the code: a newer release was here."""
    head: str = ""
    """The heads of the code, joined by commas."""


def alembic_state(config: str | Path | Any, engine: Any) -> MigrationState:
    """Compare the heads of Alembic's scripts with what the engine's database says.

    `config` is the path of alembic.ini or an Alembic Config.
    """
    return _alembic_state(_scripts(config), engine)


def _scripts(config: Any) -> Any:
    module = import_module("alembic.config")
    read = config if isinstance(config, module.Config) else module.Config(str(config))
    scripts = import_module("alembic.script").ScriptDirectory.from_config(read)
    scripts.get_heads()  # reads the files now: a new checkout under a running process changes nothing
    return scripts


def _alembic_state(scripts: Any, engine: Any) -> MigrationState:
    context = import_module("alembic.runtime.migration").MigrationContext
    with engine.connect() as connection:
        current = set(context.configure(connection).get_current_heads())
    heads = set(scripts.get_heads())
    known = {one.revision for one in scripts.walk_revisions()}
    unknown = current - known
    pending = set() if unknown and not current & known else heads - current
    return MigrationState(
        pending=tuple(sorted(pending)), unknown=tuple(sorted(unknown)), head=", ".join(sorted(heads))
    )


def django_state(alias: str = "default") -> MigrationState:
    """The migrations of the installed Django apps that the database lacks."""
    connection = import_module("django.db").connections[alias]
    try:
        executor = import_module("django.db.migrations.executor").MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        return MigrationState(pending=tuple(f"{one.app_label}.{one.name}" for one, _ in plan))
    finally:
        connection.close()  # it belongs to the health thread, which nothing else would tidy


def alembic_check(config: str | Path | Any, engine: Any) -> Check:
    """Whether the database is at the head of Alembic's scripts, which are read once, now."""
    scripts = _scripts(config)
    inner = getattr(engine, "sync_engine", None)
    if inner is None:

        def migrations() -> Outcome:
            return _judge(_alembic_state(scripts, engine))

        return built_in(migrations, "migrations", **_RULES)

    async def migrations_async() -> Outcome:
        async with engine.connect() as connection:
            return _judge(await connection.run_sync(lambda sync: _alembic_state(scripts, _Lent(sync))))

    return built_in(migrations_async, "migrations", **_RULES)


def django_migrations_check(alias: str = "default") -> Check:
    """Whether every migration of the installed Django apps is applied."""

    def migrations() -> Outcome:
        return _judge(django_state(alias))

    return built_in(migrations, "migrations", **_RULES)


def _judge(state: MigrationState) -> Outcome:
    if state.pending:
        return unhealthy(f"not migrated yet: {_listed(state.pending)}", len(state.pending), "pending")
    if state.unknown:
        return degraded(f"the database is ahead of this release: {_listed(state.unknown)}", state.head)
    return Outcome(value=state.head or None)


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


class _Lent:
    """An engine that hands out one connection, which somebody else closes."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def connect(self) -> Any:
        return self

    def __enter__(self) -> Any:
        return self._connection

    def __exit__(self, *_: object) -> None: ...
