import asyncio
import os
import subprocess
import sys
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import sessionmaker

from ci_ops.core.text.secret import Secret
from ci_ops.service.health.model import ComponentHealth, HealthStatus
from ci_ops.service.health.service import HealthCheckService
from ci_ops.service.health_checks.database import database_check, sqlalchemy_check
from tests.support.parts import ROOT

HEALTHY, DEGRADED, UNHEALTHY = HealthStatus.HEALTHY, HealthStatus.DEGRADED, HealthStatus.UNHEALTHY


def _service(check: Any) -> HealthCheckService:
    # Ample times: what is asked for here is the answer, not how fast a busy machine gives it.
    health = HealthCheckService(deadline_seconds=30)
    health.add(
        check,
        slow_seconds=None,
        timeout_seconds=20,
        ttl_seconds=0,
        stale_seconds=0,
        failure_ttl_seconds=0,
    )
    return health


def _connections(url: str) -> int:
    with psycopg.connect(url, application_name="counting") as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'probe'"
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_twenty_probes_use_one_connection_and_a_lost_one_is_made_again(postgres_url: str) -> None:
    url = f"{postgres_url}&application_name=probe".replace("postgresql://", "postgresql+asyncpg://")
    health = _service(database_check(Secret(url)))

    assert {health.report().status for _ in range(20)} == {HEALTHY}
    assert _connections(postgres_url) == 1
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'probe'"
        )
    assert health.report()["database"].status is HEALTHY
    assert health.report()["database"].component_type == "datastore"
    health.close()


def test_the_database_answers_within_its_limit_by_default(postgres_url: str) -> None:
    health = HealthCheckService()
    check = health.add(database_check(postgres_url))

    assert (check.slow_seconds, check.timeout_seconds) == (0.1, 0.8)
    health.report()
    health.close()


def test_a_database_that_is_down_is_unhealthy_and_its_password_is_not_told(closed_port: int) -> None:
    url = f"postgresql://reader:hunter2hunter2@127.0.0.1:{closed_port}/shop"

    down = _service(database_check(url)).report()["database"]

    assert (down.status, "refused" in down.message, "hunter2" in repr(down)) == (UNHEALTHY, True, False)


def test_a_wrong_database_name_is_told_again_and_again(postgres_url: str) -> None:
    health = _service(database_check(postgres_url.replace("/postgres?", "/nothing?")))

    assert {"does not exist" in health.report()["database"].message for _ in range(3)} == {True}


def test_a_broken_server_after_a_good_connection_is_unhealthy(postgres_url: str) -> None:
    check = database_check(postgres_url)
    kept: Any = vars(check)["close"].__self__  # the KeptConnection inside
    health = _service(check)
    health.report()

    def refuse() -> None:
        raise OSError("no route")

    def hang_up(_: Any) -> None:
        raise OSError("hung up")

    connect, kept._connect, ask = kept._connect, refuse, kept._ask
    kept._kept.close()
    down = health.report()["database"]
    kept._connect, kept._ask = connect, hang_up
    mute = health.report()["database"]
    kept._ask = ask
    up = health.report()["database"]
    health.close()

    assert (down.message, mute.message, up.status) == ("OSError: no route", "OSError: hung up", HEALTHY)


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_worker_does_not_touch_its_parents_connection(postgres_url: str) -> None:
    health = _service(database_check(postgres_url))
    health.report()

    child = os.fork()
    if child == 0:
        os._exit(0 if health.report().status is HEALTHY else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert health.report().status is HEALTHY
    health.close()


def test_sqlalchemy_answers_through_engines_and_session_makers(postgres_url: str) -> None:
    url = postgres_url.replace("postgresql://", "postgresql+psycopg://")

    async def ask() -> list[HealthStatus]:
        engine = create_async_engine(url)
        try:
            binds = (engine, async_sessionmaker(engine))
            return [(await _service(sqlalchemy_check(bind)).report_async()).status for bind in binds]
        finally:
            await engine.dispose()

    engine = create_engine(url)
    statuses = [_service(sqlalchemy_check(bind)).report().status for bind in (engine, sessionmaker(engine))]
    engine.dispose()

    assert {*statuses, *asyncio.run(ask())} == {HEALTHY}


def test_a_full_pool_is_degraded_and_left_alone(postgres_url: str) -> None:
    url = postgres_url.replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(url, pool_size=1, max_overflow=1, pool_timeout=5)
    with engine.connect(), engine.connect():
        full = _service(sqlalchemy_check(engine)).report()["database"]
    free = _service(sqlalchemy_check(engine)).report()["database"]
    engine.dispose()

    assert (full.status, full.message) == (DEGRADED, "the connection pool is full: 2 of 2")
    assert free.status is HEALTHY

    async def ask() -> ComponentHealth:
        engine = create_async_engine(url, pool_size=1, max_overflow=0)
        try:
            async with engine.connect():
                return (await _service(sqlalchemy_check(engine)).report_async())["database"]
        finally:
            await engine.dispose()

    assert asyncio.run(ask()).message == "the connection pool is full: 1 of 1"


def test_a_pool_without_a_limit_is_never_full(postgres_url: str) -> None:
    engine = create_engine(
        postgres_url.replace("postgresql://", "postgresql+psycopg://"), pool_size=1, max_overflow=-1
    )
    with engine.connect(), engine.connect():
        assert _service(sqlalchemy_check(engine)).report().status is HEALTHY
    engine.dispose()


def test_a_session_maker_bound_to_nothing_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="bound to one, not sessionmaker"):
        sqlalchemy_check(sessionmaker(bind=None, class_=object))


_DJANGO = """
import sys
sys.path.insert(0, {root!r})
import django
from django.conf import settings
settings.configure(SECRET_KEY="x" * 50, USE_TZ=True, DATABASES={{
    "default": {{
        "ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "postgres", "HOST": {host!r},
        "OPTIONS": {{"pool": {{"min_size": 1, "max_size": 1}}, "application_name": "probe"}},
    }},
    "gone": {{"ENGINE": "django.db.backends.postgresql", "NAME": "nothing", "USER": "postgres", "HOST": {host!r}}},
}}, INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"])
django.setup()
from ci_ops.service.health.service import HealthCheckService
from ci_ops.service.health_checks.database import django_database_check
from ci_ops.service.health_checks.migrations import django_migrations_check
from django.core.management import call_command
from django.db import connection, connections

health = HealthCheckService(deadline_seconds=10)
rules = dict(ttl_seconds=0, stale_seconds=0, failure_ttl_seconds=0, slow_seconds=None, timeout_seconds=9)
health.add(django_database_check(), tags=("fine",), **rules)
health.add(django_database_check("gone"), name="gone", tags=("gone",), **rules)
health.add(django_migrations_check(), tags=("migrations",), **rules)
with connection.cursor() as cursor:  # the application's pool of one is in use meanwhile
    for _ in range(10):
        assert health.report("fine").status.value == "healthy", health.report("fine")
    cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'probe'")
    print(cursor.fetchone()[0])
    cursor.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'probe' AND pid <> pg_backend_pid()")
    cursor.execute("SELECT pg_terminate_backend(%s)", cursor.fetchone())
    assert health.report("fine").status.value == "healthy"
print("does not exist" in health.report("gone")["gone"].message)
connections.close_all()
before = health.report("migrations")["migrations"]
call_command("migrate", verbosity=0)
connections.close_all()
after = [health.report("migrations")["migrations"].status.value for _ in range(3)]
call_command("migrate", "auth", "0011", verbosity=0)
with connection.cursor() as cursor:  # the pool of one is in use again
    back = health.report("migrations")["migrations"]
print(before.status.value, before.message)
print(*after)
print(back.message)
health.close()
connections["default"].close_pool()
"""


def test_django_is_asked_on_a_connection_of_its_own_and_knows_its_migrations(postgres_url: str) -> None:
    host = postgres_url.partition("host=")[2]
    program = _DJANGO.format(root=str(ROOT), host=host)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert "Traceback" not in done.stderr, done.stderr
    connections, is_gone_told, before, after, back = done.stdout.splitlines()
    assert (connections, is_gone_told, after) == ("2", "True", "healthy healthy healthy")
    assert back == "not migrated yet: auth.0012_alter_user_first_name_max_length"
    assert before.startswith("unhealthy not migrated yet: contenttypes.0001_initial")
    assert before.endswith(" more")
