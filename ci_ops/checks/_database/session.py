"""A read-only session with a database, opened from its address, within a time.

Drivers are imported where they are used: psycopg for PostgreSQL, the standard
library for SQLite, SQLAlchemy with the driver of the address for others.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from ci_ops.checks._database.trouble import DatabaseError, explained
from ci_ops.core.contract.dburl import database_kind, libpq_url

if TYPE_CHECKING:
    from pathlib import Path

    from ci_ops.core.ports.stop import Stop

AnswerT = TypeVar("AnswerT")
_POLL_SECONDS = 0.1
"""How often a waiting session looks whether it should stop."""
GROUPS: Mapping[str, str] = {"postgresql": "postgres", "sqlite": ""}
"""Kind of database → the lock group of its driver; any other kind needs SQLAlchemy."""

_POSTGRES = """
SELECT current_setting('transaction_read_only') = 'on', current_setting('server_version'),
  NOT pg_is_in_recovery() AND (SELECT reset_val FROM pg_settings WHERE name = 'default_transaction_read_only') = 'off'
"""
"""Whether the session is read-only, the version, and whether the server takes writes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """An open session, and what opening it showed."""

    kind: str
    """postgresql, sqlite, mysql and so on."""
    rows: Callable[[str], list[tuple[Any, ...]]]
    """Returns the rows of a query that changes nothing."""
    version: str
    connect_seconds: float
    first_row_seconds: float
    """From the start of connecting to the first row."""
    is_read_only: bool | None = None
    """None where the database has no such mode, or the driver cannot set it."""
    is_encrypted: bool | None = None
    """None where nothing travels, or the driver does not tell."""
    takes_writes: bool | None = None
    """False for a standby, or a server that was set to read-only; None where that is not told."""


def group_of(dsn: str) -> str:
    """Return the lock group of the driver for that address; empty where none is needed."""
    return GROUPS.get(database_kind(dsn), "sqlalchemy") if dsn else ""


def is_local(dsn: str) -> bool:
    """Return True for a database on this machine: SQLite, a Unix socket, a loopback address."""
    if database_kind(dsn) == "sqlite":
        return True
    try:
        parts = urlsplit(dsn)
        named = [value for name, value in parse_qsl(parts.query) if name in {"host", "hostaddr"}]
        hosts = [each for host in (parts.hostname or "", *named) for each in host.split(",")]
    except ValueError:
        return False
    is_list = "," in parts.netloc  # libpq tries one host after another
    return not is_list and all(
        host in {"", "localhost", "::1"} or host.startswith(("127.", "%2f", "/")) for host in hosts
    )


def in_session(
    dsn: str, root: Path, work: Callable[[Session], AnswerT], *, timeout_seconds: float, stop: Stop
) -> AnswerT:
    """Open a session, have the work done in it, and close it, all within the time.

    `root` is the folder that a relative path of SQLite counts from. Raises
    DatabaseError, and Interrupted on a stop request.
    """
    kind = database_kind(dsn)
    if not kind:
        raise DatabaseError("dsn", "the address has no scheme, such as postgresql://")

    def run() -> AnswerT:
        try:
            with _opened(kind, dsn, root, timeout_seconds) as session:
                return work(session)
        except DatabaseError:
            raise
        except Exception as error:  # noqa: BLE001 - every driver has exceptions of its own
            raise explained(error) from None

    return _in_time(run, timeout_seconds, stop)


def _in_time(work: Callable[[], AnswerT], seconds: float, stop: Stop) -> AnswerT:
    """Do it in a thread of its own: drivers keep to limits of time in part only."""
    done: SimpleQueue[tuple[AnswerT | None, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            done.put((work(), None))
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            done.put((None, error))

    end = time.monotonic() + seconds
    threading.Thread(target=run, name="ci-ops-database", daemon=True).start()
    while True:
        left = end - time.monotonic()
        try:
            answer, error = done.get(timeout=min(_POLL_SECONDS, max(left, 0.001)))
        except Empty:
            stop.check()
            if left <= 0:
                raise DatabaseError("timeout", f"no answer within {seconds:g} seconds") from None
            continue
        if error is not None:
            raise error
        return answer  # type: ignore[return-value]  # no error means there is an answer


@contextmanager
def _opened(kind: str, dsn: str, root: Path, timeout_seconds: float) -> Iterator[Session]:
    opener = {"postgresql": _postgres, "sqlite": _sqlite}.get(kind, _by_sqlalchemy)
    with opener(dsn, root, timeout_seconds) as session:
        yield session


@contextmanager
def _postgres(dsn: str, root: Path, timeout_seconds: float) -> Iterator[Session]:
    """A transaction that is read-only: PgBouncer hands settings of a session to other clients, and refuses options."""
    del root
    psycopg = _driver("psycopg")
    started = time.perf_counter()
    limit = max(2, round(timeout_seconds))  # libpq knows no shorter one
    with psycopg.connect(libpq_url(dsn), connect_timeout=limit, prepare_threshold=None) as connection:
        connected = time.perf_counter()
        connection.read_only = True
        connection.execute(f"SET LOCAL statement_timeout = {round(timeout_seconds * 1000)}")
        is_read_only, version, takes_writes = connection.execute(_POSTGRES).fetchone()
        yield Session(
            kind="postgresql",
            rows=lambda query: connection.execute(query).fetchall(),
            version=str(version).partition(" ")[0],
            connect_seconds=connected - started,
            first_row_seconds=time.perf_counter() - started,
            is_read_only=bool(is_read_only),
            is_encrypted=bool(connection.pgconn.ssl_in_use),
            takes_writes=bool(takes_writes),
        )
        connection.rollback()


@contextmanager
def _sqlite(dsn: str, root: Path, timeout_seconds: float) -> Iterator[Session]:
    sqlite3 = import_module("sqlite3")
    path = _sqlite_path(dsn, root)
    if not path.is_file():
        raise DatabaseError("missing", f"there is no file {path.name}")
    started = time.perf_counter()
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=timeout_seconds)
    try:
        connected = time.perf_counter()
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield Session(
            kind="sqlite",
            rows=lambda query: connection.execute(query).fetchall(),
            version=sqlite3.sqlite_version,
            connect_seconds=connected - started,
            first_row_seconds=time.perf_counter() - started,
            is_read_only=True,
        )
    finally:
        connection.close()


def _sqlite_path(dsn: str, root: Path) -> Path:
    """Return the file of `sqlite:///shop.db` (below the root) or `sqlite:////srv/shop.db`."""
    path = unquote(dsn.partition("://")[2].partition("?")[0]).removeprefix("/")
    if path in {"", ":memory:"}:
        raise DatabaseError("dsn", "the address names no file, only a database in memory")
    return root / path


@contextmanager
def _by_sqlalchemy(dsn: str, root: Path, timeout_seconds: float) -> Iterator[Session]:
    del root, timeout_seconds  # drivers name their limits in ways of their own: the thread keeps it
    sqlalchemy = _driver("sqlalchemy")
    try:
        engine = sqlalchemy.create_engine(
            dsn, poolclass=import_module("sqlalchemy.pool").NullPool, hide_parameters=True
        )
    except ModuleNotFoundError as error:
        raise DatabaseError("driver", f"the driver {error.name} of this address is not installed") from None
    except Exception as error:
        raise DatabaseError("dsn", f"SQLAlchemy cannot use the address: {type(error).__name__}") from error
    started = time.perf_counter()
    with engine.connect() as connection:
        connected = time.perf_counter()
        is_read_only = _read_only(engine.dialect.name, connection)
        connection.exec_driver_sql("SELECT 1").fetchone()
        first_row = time.perf_counter()
        more = _told_by_mysql(connection) if is_read_only else {}
        version = engine.dialect.server_version_info or ()
        yield Session(
            kind=engine.dialect.name,
            rows=lambda query: [tuple(row) for row in connection.exec_driver_sql(query)],
            version=".".join(map(str, version)),
            connect_seconds=connected - started,
            first_row_seconds=first_row - started,
            is_read_only=is_read_only,
            **more,
        )
        connection.rollback()


def _read_only(dialect: str, connection: Any) -> bool | None:
    """Begin a read-only transaction where the database has one."""
    if dialect not in {"mysql", "mariadb"}:
        return None
    connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
    connection.rollback()  # it holds from the next transaction on
    return True


def _told_by_mysql(connection: Any) -> dict[str, bool]:
    """Return what MySQL and MariaDB tell of the session and the server."""
    cipher = connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Ssl_cipher'").fetchone()
    read_only = connection.exec_driver_sql("SELECT @@global.read_only").scalar()
    return {
        "is_encrypted": bool(cipher and cipher[1]),
        "takes_writes": str(read_only).upper() in {"0", "OFF"},
    }


def _driver(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError:  # psycopg without libpq raises it too
        raise DatabaseError("driver", f"{module} is not installed") from None
