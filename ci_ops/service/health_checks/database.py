"""Checks of the database: by psycopg, through SQLAlchemy, through Django."""

from __future__ import annotations

import copy
from contextlib import suppress
from importlib import import_module
from typing import Any

from ci_ops.core.dburl import libpq_url
from ci_ops.core.secret import Secret
from ci_ops.service.forks import tell_after_fork
from ci_ops.service.health_checks.built_in import built_in, degraded
from ci_ops.service.health_model import Check, Outcome

SLOW_SECONDS = 0.1
"""A slower answer is DEGRADED."""

_RULES: dict[str, Any] = {"component_type": "datastore", "slow_seconds": SLOW_SECONDS}


def database_check(url: Secret | str) -> Check:
    """Whether PostgreSQL answers `SELECT 1` on a connection kept for the check alone.

    One connection per process, made again when it is lost: no connection per
    probe, and no place taken in a busy pool. Needs psycopg.
    """
    address = libpq_url(url.reveal() if isinstance(url, Secret) else url)
    psycopg = import_module("psycopg")

    def connect() -> Any:
        # Without the limit a connection into a black hole would hang for minutes.
        return psycopg.connect(address, autocommit=True, connect_timeout=2, tcp_user_timeout=2000)

    def ask(connection: Any) -> None:
        connection.execute("SELECT 1").fetchone()

    return _KeptConnection(connect, ask).as_check()


def django_database_check(alias: str = "default") -> Check:
    """Whether a database of Django's settings answers, on a connection of the check's own.

    Django keeps connections per thread; this one belongs to no thread and to no pool.
    """

    def connect() -> Any:
        connections = import_module("django.db").connections
        backend = import_module("django.db.utils").load_backend(connections.settings[alias]["ENGINE"])
        settings = copy.deepcopy(connections.settings[alias])
        settings["OPTIONS"].pop("pool", None)
        wrapper = backend.DatabaseWrapper(settings, alias)
        wrapper.inc_thread_sharing()
        wrapper.connect()
        return wrapper

    def ask(wrapper: Any) -> None:
        if not wrapper.is_usable():
            raise ConnectionError("the connection is not usable")

    return _KeptConnection(connect, ask).as_check()


class _KeptConnection:
    """A connection that a check makes once and makes again when it is lost."""

    def __init__(self, connect: Any, ask: Any) -> None:
        self._connect = connect
        self._ask = ask
        self._kept: Any = None
        tell_after_fork(self)

    def as_check(self) -> Check:
        def check() -> Outcome:
            self._once()
            return Outcome()

        return built_in(check, "database", close=self._drop, **_RULES)

    def after_fork(self) -> None:
        self._parents, self._kept = self._kept, None  # held on to, so that nothing closes it here

    def _once(self) -> None:
        if self._kept is not None:
            try:
                self._ask(self._kept)
            except Exception:  # noqa: BLE001 - lost since last time; a new one tells whether the database is up
                self._drop()
            else:
                return
        fresh = self._connect()
        self._kept = fresh
        try:
            self._ask(fresh)
        except BaseException:
            self._drop()
            raise

    def _drop(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            with suppress(Exception):
                kept.close()


def sqlalchemy_check(bind: Any) -> Check:
    """Whether the database of an engine or session maker, sync or async, answers `SELECT 1`.

    A pool with no free connection is DEGRADED and is left alone: the database
    may be fine, and the check would only queue with everybody else.
    """
    engine = _engine_of(bind)
    text = import_module("sqlalchemy").text
    inner = getattr(engine, "sync_engine", None)
    if inner is None:

        def check() -> Outcome:
            busy = _saturation(engine.pool)
            if busy is None:
                with engine.connect() as connection:
                    connection.execute(text("SELECT 1"))
            return busy or Outcome()

        return built_in(check, "database", **_RULES)

    async def check_async() -> Outcome:
        busy = _saturation(inner.pool)
        if busy is None:
            async with engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
        return busy or Outcome()

    return built_in(check_async, "database", **_RULES)


def _engine_of(bind: Any) -> Any:
    """The engine behind an engine, a `sessionmaker` or an `async_sessionmaker`."""
    engine = getattr(bind, "kw", {}).get("bind", bind)
    if not hasattr(engine, "connect"):
        raise TypeError(
            f"sqlalchemy_check needs an engine or a session maker bound to one, not {type(bind).__name__}"
        )
    return engine


def _saturation(pool: Any) -> Outcome | None:
    limit = getattr(pool, "_max_overflow", None)
    if limit is None or limit < 0 or not hasattr(pool, "checkedout"):
        return None  # a pool without a limit cannot be full
    used, places = pool.checkedout(), pool.size() + limit
    return (
        degraded(f"the connection pool is full: {used} of {places}", used, "connections")
        if used >= places
        else None
    )
