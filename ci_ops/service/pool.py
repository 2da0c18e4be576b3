"""A PostgreSQL connection pool: psycopg_pool, configured for services.

pool = ConnectionPoolManager(url, min_size=10, max_size=30)
with pool.get_connection() as connection, connection.cursor() as cursor:
    cursor.execute("SELECT 1")
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ci_ops.core.contract.dburl import libpq_url
from ci_ops.core.text.secret import Secret
from ci_ops.service._process.forks import tell_after_fork
from ci_ops.service.health.model import Check, Outcome
from ci_ops.service.health_checks.built_in import built_in, degraded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MIN_SIZE = 10
MAX_SIZE = 30
"""Per process: four workers of 30 already ask for more than the 100 connections PostgreSQL allows by default."""
TIMEOUT_SECONDS = 5.0
MAX_WAITING = 100
POOL_OPTIONS = frozenset(
    {"configure", "max_idle", "max_lifetime", "name", "reconnect_failed", "reconnect_timeout", "reset"}
)
"""Options that are the pool's; every other one is the connections'. Source: psycopg_pool.ConnectionPool."""
SATURATED_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolReport:
    """State of a pool; counters count from its opening."""

    size: int = 0
    """Connections open or being opened now."""
    available: int = 0
    """Of these, idle ones."""
    max_size: int = 0
    waiting: int = 0
    """Requests that wait for a connection now."""
    requests: int = 0
    queued: int = 0
    """Requests that had to wait."""
    wait_seconds: float = 0.0
    """Time they waited, in all."""
    errors: int = 0
    """Requests that got no connection."""
    lost: int = 0
    """Connections that were found broken."""

    @property
    def in_use(self) -> int:
        """Connections in use."""
        return self.size - self.available


class ConnectionPoolManager:
    """One pool per process, safe under forking servers, opened at the first connection.

    A connection is checked before it is handed out, a broken one is replaced,
    and a request waits up to `timeout_seconds` while all are in use; more than
    `max_waiting` at once are refused immediately. Needs psycopg with its pool.
    """

    def __init__(
        self,
        database_url: Secret | str,
        *,
        min_size: int = MIN_SIZE,
        max_size: int = MAX_SIZE,
        timeout_seconds: float = TIMEOUT_SECONDS,
        max_waiting: int = MAX_WAITING,
        **options: Any,
    ) -> None:
        """`options` go to psycopg, such as `application_name`.

        `max_lifetime`, `reconnect_failed` and others of POOL_OPTIONS go to its pool.
        """
        if not 0 <= min_size <= max_size or max_size < 1:
            raise ValueError(
                f"a pool needs 0 <= min_size <= max_size and a place, not {min_size} and {max_size}"
            )
        address = database_url.reveal() if isinstance(database_url, Secret) else database_url
        self._address = Secret(libpq_url(address))
        self._rules = {
            "min_size": min_size,
            "max_size": max_size,
            "timeout": timeout_seconds,
            "max_waiting": max_waiting,
            **{name: options.pop(name) for name in POOL_OPTIONS & options.keys()},
            "kwargs": {"connect_timeout": 5, **options},
        }
        self._pool: Any = None
        self._lock = threading.Lock()
        tell_after_fork(self)

    @contextmanager
    def get_connection(self) -> Iterator[Any]:
        """Yield a connection in a transaction, committed at the end, rolled back after an error.

        Raises psycopg_pool.PoolTimeout, or TooManyRequests, when there is none.
        """
        with self._opened().connection() as connection:
            yield connection

    def report(self) -> PoolReport:
        """Return the state of the pool; all zero before the first connection."""
        pool = self._pool
        return PoolReport() if pool is None else pool_report(pool)

    def close(self) -> None:
        """Close every connection; the next request opens the pool again."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def after_fork(self) -> None:
        """Leave the parent's connections to the parent."""
        self._lock = threading.Lock()
        self._parents_pool, self._pool = self._pool, None  # kept, so that nothing tidies it up here

    def _opened(self) -> Any:
        with self._lock:
            if self._pool is None:
                kind = import_module("psycopg_pool").ConnectionPool
                address = self._address.reveal()
                self._pool = kind(address, open=True, check=kind.check_connection, **self._rules)
            return self._pool


def pool_report(pool: Any) -> PoolReport:
    """Return the state of a psycopg_pool pool, sync or async."""
    stats: dict[str, int] = pool.get_stats()
    return PoolReport(
        size=stats.get("pool_size", 0),
        available=stats.get("pool_available", 0),
        max_size=stats.get("pool_max", 0),
        waiting=stats.get("requests_waiting", 0),
        requests=stats.get("requests_num", 0),
        queued=stats.get("requests_queued", 0),
        wait_seconds=stats.get("requests_wait_ms", 0) / 1000,
        errors=stats.get("requests_errors", 0),
        lost=stats.get("connections_lost", 0),
    )


def pool_check(
    pool: Any,
    *,
    saturated_seconds: float = SATURATED_SECONDS,
    monotonic: Callable[[], float] = time.monotonic,
) -> Check:
    """Check whether requests wait for connections for long: DEGRADED, never UNHEALTHY.

    Takes no connection itself. `pool` is a ConnectionPoolManager or a pool of
    psycopg_pool.
    """
    waiting_since: float | None = None

    def saturation() -> Outcome:
        nonlocal waiting_since
        report = pool.report() if isinstance(pool, ConnectionPoolManager) else pool_report(pool)
        if not report.waiting:
            waiting_since = None
            return Outcome(value=report.in_use, unit="connections")
        waiting_since = monotonic() if waiting_since is None else waiting_since
        seconds = monotonic() - waiting_since
        if seconds < saturated_seconds:
            return Outcome(value=report.in_use, unit="connections")
        places = f"{report.in_use} of {report.max_size} in use"
        message = f"{report.waiting} requests wait, for {seconds:.0f} s, with {places}"
        return degraded(message, report.in_use, "connections")

    rules: dict[str, Any] = {"component_type": "datastore", "required": False}
    return built_in(saturation, "pool", ttl_seconds=0.0, stale_seconds=0.0, **rules)
