"""Checks that the database has the migrations of this code: Alembic and Django."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ci_ops.service.health.model import Check, Outcome
from ci_ops.service.health_checks.built_in import built_in, degraded, unhealthy
from ci_ops.service.health_checks.database import django_connection, saturation
from ci_ops.service.health_checks.kept import kept_check

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

MAX_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationState:
    """Migrations of the code and of the database."""

    pending: tuple[str, ...] = ()
    """In the code and not in the database: the code cannot work yet."""
    unknown: tuple[str, ...] = ()
    """In the database and not in the code: a newer release was here."""
    repeated: tuple[str, ...] = ()
    """Recorded in the database more than once: several processes migrated at the same time."""
    head: str = ""
    """The heads of the code, joined by commas."""


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
    current = set(recorded)
    heads = set(scripts.get_heads())
    known = {one.revision for one in scripts.walk_revisions()}
    unknown = current - known
    pending = set() if unknown and not current & known else heads - current
    return MigrationState(
        pending=tuple(sorted(pending)),
        unknown=tuple(sorted(unknown)),
        repeated=_repeated(recorded),
        head=", ".join(sorted(heads)),
    )


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
    applied = set(rows)
    order = (key for leaf in sorted(loader.graph.leaf_nodes()) for key in loader.graph.forwards_plan(leaf))
    pending = [key for key in dict.fromkeys(order) if not _is_applied(key, applied, loader.replacements)]
    return MigrationState(
        pending=tuple(f"{app}.{name}" for app, name in pending),
        repeated=_repeated(f"{app}.{name}" for app, name in rows),
    )


def _repeated(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(name for name, count in Counter(names).items() if count > 1))


def _is_applied(key: Any, applied: set[Any], replacements: Any) -> bool:
    """Return True also for a squashed migration all of whose parts are applied."""
    squashed = replacements.get(key)
    return key in applied or (squashed is not None and applied.issuperset(squashed.replaces))


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
        return degraded(f"the database is ahead of this release: {listed(state.unknown)}", state.head)
    return Outcome(value=state.head or None)


def listed(names: Sequence[str]) -> str:
    """Return the first of these names, and how many more there are."""
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more


class _Lent:
    """An engine that hands out one connection, which its owner closes."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def connect(self) -> Any:
        return self

    def __enter__(self) -> Any:
        return self._connection

    def __exit__(self, *_: object) -> None: ...
