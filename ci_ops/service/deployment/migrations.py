"""Validation of Alembic's migrations against a database and the models.

Heads, pending migrations and drift are three findings; on PostgreSQL invalid
indexes are a fourth, and migrations that are recorded twice are one anywhere.

    MigrationValidator("alembic.ini", engine, metadata=Base.metadata).run_all_checks_sync()

Alembic's own commands answer 0 for a database that is behind and for two
heads, and mix drift up with both; so everything is counted here.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ci_ops.core.contract.dburl import database_kind, libpq_url
from ci_ops.core.contract.migrations import INVALID_INDEXES, MigrationState, listed
from ci_ops.core.text.secret import Secret
from ci_ops.service.deployment import migration_findings as findings
from ci_ops.service.deployment.check_result import CheckResult, CheckStatus, failed
from ci_ops.service.deployment.indexes import INDEXES, judge_indexes
from ci_ops.service.deployment.migration_findings import DRIFT, HEADS, PENDING
from ci_ops.service.health.workers import is_on_loop
from ci_ops.service.health_checks.migrations import alembic_scripts, alembic_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path


class MigrationValidator:
    """Compares Alembic's scripts with their database and the models."""

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
        """Return whether no finding is FAIL, and every finding."""
        if getattr(self._bind, "sync_engine", None) is None:
            return findings.with_verdict(await asyncio.to_thread(self._look))
        try:
            async with self._bind.connect() as connection:
                # Inside, the engine behind the async one works as a synchronous engine does.
                found = await connection.run_sync(lambda _: self._look())
        except Exception as error:  # noqa: BLE001 - whatever a driver raises is the finding
            found = [findings.guarded(HEADS, self._heads), failed(PENDING, error)]
        return findings.with_verdict(found)

    def run_all_checks_sync(self) -> tuple[bool, list[CheckResult]]:
        """Return the findings to a synchronous application. Raises RuntimeError for an async engine."""
        if is_on_loop() or hasattr(self._bind, "sync_engine"):
            raise RuntimeError("await run_all_checks() for an async engine, and on an event loop")
        return findings.with_verdict(self._look())

    def _look(self) -> list[CheckResult]:
        found = [findings.guarded(HEADS, self._heads)]
        try:
            with _engine(self._bind) as engine:
                state = alembic_state(self._config, engine, self._options)
                found += [*findings.repeated(state), findings.pending(state, is_empty=not state.head)]
                if engine.dialect.name == "postgresql":
                    found.append(findings.unless_unanswered(INDEXES, lambda: self._indexes(engine)))
                if self._metadata is not None:
                    found.append(
                        findings.guarded(
                            DRIFT, lambda: _unless_pending(state, lambda: self._differences(engine))
                        )
                    )
        except Exception as error:  # noqa: BLE001 - whatever a driver raises is the finding
            found.append(failed(PENDING, error))
        return found

    def _heads(self) -> CheckResult:
        scripts = alembic_scripts(self._config)
        heads = [scripts.get_revision(each) for each in scripts.get_heads()]
        labels = [frozenset(each.branch_labels) for each in heads]
        if len(heads) < 2 or (all(labels) and len(set(labels)) == len(labels)):
            return findings.good(HEADS, f"{len(heads)} head" + ("" if len(heads) == 1 else "s"))
        names = listed(sorted(each.revision for each in heads))
        return findings.bad(
            HEADS, f"{len(heads)} heads: {names}; put them together with `alembic merge heads`"
        )

    def _indexes(self, engine: Any) -> CheckResult:
        tables = [] if self._metadata is None else self._metadata.tables.values()
        schemas = {table.schema for table in tables if table.schema}
        with engine.connect() as connection:
            rows = connection.execute(import_module("sqlalchemy").text(INVALID_INDEXES)).all()
        return judge_indexes(rows, schemas)

    def _differences(self, engine: Any) -> Iterable[str]:
        context = import_module("alembic.runtime.migration").MigrationContext
        compare = import_module("alembic.autogenerate").compare_metadata
        with engine.connect() as connection:
            return _named(compare(context.configure(connection, opts=self._options), self._metadata))


@contextmanager
def _engine(bind: Any) -> Iterator[Any]:
    """Yield the engine itself, the one behind an async engine, or a temporary one for an address."""
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


def _unless_pending(state: MigrationState, differences: Callable[[], Iterable[str]]) -> CheckResult:
    if state.pending or state.unknown:
        message = "not compared: the database is not at this release's migrations"
        return CheckResult(name=DRIFT, status=CheckStatus.WARN, message=message)
    return findings.drift(differences(), "alembic revision --autogenerate")


def _named(differences: Iterable[Any]) -> list[str]:
    """Return each difference of Alembic's as its kind and the names in it."""
    named: list[str] = []
    for each in differences:
        if isinstance(each, list):
            named += _named(each)
        else:
            names = [one if isinstance(one, str) else getattr(one, "name", None) for one in each[1:]]
            named.append(f"{each[0]} {'.'.join(str(one) for one in names if one)}".strip())
    return named
