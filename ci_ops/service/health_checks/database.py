"""Checks of the database: by psycopg, through SQLAlchemy, through Django."""

from __future__ import annotations

import copy
from importlib import import_module
from typing import Any

from ci_ops.core.contract.dburl import libpq_url
from ci_ops.core.text.secret import Secret
from ci_ops.service.health.model import Check, Outcome
from ci_ops.service.health_checks.built_in import built_in, degraded
from ci_ops.service.health_checks.kept import kept_check

SLOW_SECONDS = 0.1
"""A slower answer is DEGRADED."""

_RULES: dict[str, Any] = {"component_type": "datastore", "slow_seconds": SLOW_SECONDS}


def database_check(url: Secret | str) -> Check:
    """Check that PostgreSQL answers `SELECT 1`, on a connection of the check's own.

    One connection per process, replaced when it is lost: no connection per
    probe, and none from a busy pool. Needs psycopg.
    """
    address = libpq_url(url.reveal() if isinstance(url, Secret) else url)
    psycopg = import_module("psycopg")

    def connect() -> Any:
        # Without the limit a connection into a black hole would hang for minutes.
        return psycopg.connect(address, autocommit=True, connect_timeout=2, tcp_user_timeout=2000)

    def ask(connection: Any) -> bool:
        return bool(connection.execute("SELECT 1").fetchone())

    return kept_check("database", connect, ask, **_RULES)


def django_database_check(alias: str = "default") -> Check:
    """Check that a database of Django's settings answers, on a connection of the check's own."""

    def ask(wrapper: Any) -> bool:
        if not wrapper.is_usable():
            raise ConnectionError("the connection is not usable")
        return True

    return kept_check("database", lambda: django_connection(alias), ask, **_RULES)


def django_connection(alias: str) -> Any:
    """Return a new connection to a database of Django's settings, outside threads and pools."""
    connections = import_module("django.db").connections
    backend = import_module("django.db.utils").load_backend(connections.settings[alias]["ENGINE"])
    settings = copy.deepcopy(connections.settings[alias])
    settings["OPTIONS"].pop("pool", None)
    wrapper = backend.DatabaseWrapper(settings, alias)
    wrapper.inc_thread_sharing()
    wrapper.connect()
    return wrapper


def sqlalchemy_check(bind: Any) -> Check:
    """Check that the database of an engine or session maker, sync or async, answers `SELECT 1`.

    A pool with no free connection is DEGRADED and is left alone: the database
    may be healthy, and the check would only wait with the requests.
    """
    engine = _engine_of(bind)
    text = import_module("sqlalchemy").text
    inner = getattr(engine, "sync_engine", None)
    if inner is None:

        def check() -> Outcome:
            busy = saturation(engine.pool)
            if busy is None:
                with engine.connect() as connection:
                    connection.execute(text("SELECT 1"))
            return busy or Outcome()

        return built_in(check, "database", **_RULES)

    async def check_async() -> Outcome:
        busy = saturation(inner.pool)
        if busy is None:
            async with engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
        return busy or Outcome()

    return built_in(check_async, "database", **_RULES)


def _engine_of(bind: Any) -> Any:
    """Return the engine behind an engine, a `sessionmaker` or an `async_sessionmaker`."""
    engine = getattr(bind, "kw", {}).get("bind", bind)
    if not hasattr(engine, "connect"):
        raise TypeError(
            f"sqlalchemy_check needs an engine or a session maker bound to one, not {type(bind).__name__}"
        )
    return engine


def saturation(pool: Any) -> Outcome | None:
    """Return DEGRADED when a SQLAlchemy pool has no connection left; else None."""
    limit = getattr(pool, "_max_overflow", None)
    if limit is None or limit < 0 or not hasattr(pool, "checkedout"):
        return None  # a pool without a limit cannot be full
    used, places = pool.checkedout(), pool.size() + limit
    return (
        degraded(f"the connection pool is full: {used} of {places}", used, "connections")
        if used >= places
        else None
    )
