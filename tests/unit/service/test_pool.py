import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import psycopg_pool
import pytest

from ci_ops.core.text.secret import Secret
from ci_ops.service.health.model import HealthStatus
from ci_ops.service.health.service import HealthCheckService
from ci_ops.service.pool import ConnectionPoolManager, PoolReport, pool_check, pool_report
from tests.support.service_clock import HandClock
from tests.support.waiting import wait_until

Make = Callable[..., ConnectionPoolManager]


@pytest.fixture
def make(postgres_url: str) -> Iterator[Make]:
    made: list[ConnectionPoolManager] = []

    def pool(**options: Any) -> ConnectionPoolManager:
        url = postgres_url.replace("postgresql://", "postgresql+asyncpg://")
        made.append(ConnectionPoolManager(Secret(url), application_name="pooled", **options))
        return made[-1]

    yield pool
    for one in made:
        one.close()


def _connected(url: str) -> int:
    with psycopg.connect(url) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pooled'"
        row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def test_connections_are_reused_within_the_size(make: Make, postgres_url: str) -> None:
    pool = make(min_size=1, max_size=2)
    assert pool.report() == PoolReport()

    def use(_: int) -> int:
        with pool.get_connection() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return int(cursor.fetchone()[0])

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(use, range(40))) == {1}

    report = pool.report()
    assert (report.requests, report.max_size, report.errors) == (40, 2, 0)
    assert report.size <= 2
    assert _connected(postgres_url) <= 2


def test_who_comes_while_all_are_taken_waits_instead_of_failing(make: Make) -> None:
    pool = make(min_size=0, max_size=1)

    def use() -> int:
        with pool.get_connection() as connection:
            return int(connection.execute("SELECT 7").fetchone()[0])

    with ThreadPoolExecutor(1) as threads, pool.get_connection():
        waiting = threads.submit(use)
        wait_until(lambda: pool.report().waiting == 1)
        assert pool.report().in_use == 1

    assert waiting.result() == 7
    assert pool.report().queued >= 1
    assert pool.report().wait_seconds > 0


def test_waiting_ends_and_the_queue_is_bounded(make: Make) -> None:
    pool = make(min_size=1, max_size=1, timeout_seconds=0.05, max_waiting=1)
    with pool.get_connection(), ThreadPoolExecutor(1) as threads:
        first = threads.submit(lambda: pool.get_connection().__enter__())
        wait_until(lambda: pool.report().waiting == 1)
        with pytest.raises(psycopg_pool.TooManyRequests), pool.get_connection():
            pass
        with pytest.raises(psycopg_pool.PoolTimeout):
            first.result()

    assert pool.report().errors >= 1


def test_a_database_that_hangs_holds_up_those_who_ask_it_and_nobody_for_another(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=16) as hanging:
        url = f"postgresql://shop:hunter2hunter2@127.0.0.1:{hanging.getsockname()[1]}/shop"
        pool = ConnectionPoolManager(url, min_size=2, max_size=4, timeout_seconds=1)

        def ask(_: int) -> float:
            began = time.monotonic()
            with pytest.raises(psycopg_pool.PoolTimeout), pool.get_connection():
                pass
            return time.monotonic() - began

        with ThreadPoolExecutor(8) as threads:
            waits = threads.map(ask, range(8))
            wait_until(lambda: pool.report().waiting == 8)
            assert max(waits) < 8 * 1
    pool.close()

    assert "hunter2" not in caplog.text


def test_making_a_pool_connects_to_nothing(closed_port: int) -> None:
    pool = ConnectionPoolManager(f"postgresql://127.0.0.1:{closed_port}/shop", min_size=30)

    assert pool.report() == PoolReport()
    pool.close()


def test_a_connection_that_died_in_the_pool_is_not_handed_out(make: Make, postgres_url: str) -> None:
    pool = make(min_size=1, max_size=1)
    with pool.get_connection() as connection:
        connection.execute("SELECT 1")
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pooled'"
        )
    wait_until(lambda: _connected(postgres_url) == 0)

    with pool.get_connection() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert pool.report().lost >= 1


def _insert_and_fail(pool: ConnectionPoolManager) -> None:
    with pool.get_connection() as connection:
        connection.execute("INSERT INTO pool_orders VALUES (1)")
        connection.execute("SELECT 1 / 0")


def test_an_error_rolls_back_and_the_end_commits(make: Make) -> None:
    pool = make(min_size=1, max_size=1)
    with pool.get_connection() as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS pool_orders (number int)")
    with pytest.raises(psycopg.errors.DivisionByZero):
        _insert_and_fail(pool)
    with pool.get_connection() as connection:
        connection.execute("INSERT INTO pool_orders VALUES (2)")

    with pool.get_connection() as connection:
        assert connection.execute("SELECT number FROM pool_orders").fetchall() == [(2,)]
        connection.execute("DROP TABLE pool_orders")


def test_a_closed_pool_opens_again_when_it_is_needed(make: Make) -> None:
    pool = make(min_size=1, max_size=1)
    for _ in range(2):
        with pool.get_connection() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        pool.close()
        pool.close()

    assert pool.report() == PoolReport()


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_worker_opens_a_pool_of_its_own(make: Make) -> None:
    pool = make(min_size=1, max_size=1)
    with pool.get_connection() as connection:
        parent = connection.info.backend_pid

    child = os.fork()
    if child == 0:
        try:
            assert pool.report() == PoolReport()
            with pool.get_connection() as connection:
                os._exit(0 if connection.info.backend_pid != parent else 1)
        finally:
            os._exit(2)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with pool.get_connection() as connection:
        assert connection.info.backend_pid == parent


def test_options_reach_the_pool_or_its_connections_wherever_they_belong(make: Make) -> None:
    opened: list[int] = []
    pool = make(
        min_size=1,
        max_size=1,
        max_lifetime=60.0,
        configure=lambda connection: opened.append(connection.info.backend_pid),
        options="-c statement_timeout=4321",
    )
    with pool.get_connection() as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() == ("4321ms",)
        assert opened == [connection.info.backend_pid]
    assert pool._pool.max_lifetime == 60


def test_who_asks_to_be_told_hears_that_the_database_is_gone(closed_port: int) -> None:
    told = threading.Event()
    pool = ConnectionPoolManager(
        f"postgresql://127.0.0.1:{closed_port}/shop",
        min_size=1,
        timeout_seconds=0.01,
        reconnect_timeout=0.05,
        reconnect_failed=lambda _: told.set(),
    )
    with pytest.raises(psycopg_pool.PoolTimeout), pool.get_connection():
        pass

    assert told.wait(10)
    pool.close()


@pytest.mark.parametrize(("low", "high"), [(3, 2), (-1, 2), (0, 0)])
def test_sizes_that_fit_no_pool_are_refused(low: int, high: int) -> None:
    with pytest.raises(ValueError, match="min_size <= max_size"):
        ConnectionPoolManager("postgresql://db/shop", min_size=low, max_size=high)


def test_the_password_is_not_shown() -> None:
    pool = ConnectionPoolManager("postgresql://shop:hunter2hunter2@db/shop")

    assert "hunter2" not in repr(vars(pool))


def test_saturation_degrades_only_when_it_lasts(make: Make) -> None:
    clock = HandClock()
    pool = make(min_size=1, max_size=1)
    health = HealthCheckService(monotonic=clock.monotonic, now=clock.now)
    health.add(pool_check(pool, saturated_seconds=5, monotonic=clock.monotonic))
    done = threading.Event()

    def ask(seconds: float) -> tuple[HealthStatus, str]:
        clock.advance(seconds)
        shown = health.report()["pool"]
        return shown.status, shown.message

    with ThreadPoolExecutor(1) as threads:
        with pool.get_connection():
            assert ask(0) == (HealthStatus.HEALTHY, "")
            waiting = threads.submit(lambda: [pool.get_connection().__enter__(), done.wait(5)])
            wait_until(lambda: pool.report().waiting == 1)
            assert ask(1) == (HealthStatus.HEALTHY, "")
            assert ask(6) == (HealthStatus.DEGRADED, "1 requests wait, for 6 s, with 1 of 1 in use")
        wait_until(lambda: pool.report().waiting == 0)
        assert ask(1) == (HealthStatus.HEALTHY, "")
        done.set()
        waiting.result()


def test_a_pool_of_the_applications_own_is_reported_too(postgres_url: str) -> None:
    with psycopg_pool.ConnectionPool(postgres_url, min_size=1, max_size=1, open=True) as pool:
        pool.wait(10)
        health = HealthCheckService()
        health.add(pool_check(pool))

        assert health.report()["pool"].value == 0
        assert pool_report(pool).max_size == 1
