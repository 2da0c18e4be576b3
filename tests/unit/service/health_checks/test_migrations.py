import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

from ci_ops.core.contract.migrations import MigrationState
from ci_ops.service.health.model import HealthStatus
from ci_ops.service.health_checks.migrations import alembic_check, alembic_state
from tests.support.alembic_env import ENV
from tests.support.databases import dispose_and_join
from tests.support.patient_health import patient_health

_REVISION = """
revision = {revision!r}
down_revision = {down!r}
def upgrade(): pass
def downgrade(): pass
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Two migrations, a1 and b2, for a database in a file."""
    scripts = tmp_path / "migrations"
    (scripts / "versions").mkdir(parents=True)
    (scripts / "env.py").write_text(ENV)
    for revision, down in (("a1", None), ("b2", "a1")):
        (scripts / "versions" / f"{revision}.py").write_text(_REVISION.format(revision=revision, down=down))
    (tmp_path / "alembic.ini").write_text(
        f"[alembic]\nscript_location = {scripts}\nsqlalchemy.url = sqlite:///{tmp_path}/shop.db\npath_separator = os\n"
    )
    return Config(str(tmp_path / "alembic.ini"))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{tmp_path}/shop.db")
    yield engine
    engine.dispose()


def _status(config: Any, engine: Any) -> tuple[HealthStatus, str]:
    health = patient_health(migrations=alembic_check(config, engine))
    shown = health.report()["migrations"]
    return shown.status, shown.message


def test_code_ahead_of_its_database_is_not_ready(config: Config, engine: Engine) -> None:
    assert _status(config, engine) == (HealthStatus.UNHEALTHY, "not migrated yet: b2")
    command.upgrade(config, "a1")
    assert _status(config.config_file_name, engine) == (HealthStatus.UNHEALTHY, "not migrated yet: b2")
    command.upgrade(config, "head")
    assert _status(config, engine) == (HealthStatus.HEALTHY, "")


def test_a_head_that_another_branch_depends_on_is_implied(
    config: Config, engine: Engine, tmp_path: Path
) -> None:
    branch = _REVISION.format(revision="x1", down=None) + "branch_labels = ('x',)\ndepends_on = 'b2'\n"
    (tmp_path / "migrations" / "versions" / "x1.py").write_text(branch)
    command.upgrade(config, "heads")
    assert alembic_state(config, engine) == MigrationState(head="b2, x1")
    assert _status(config, engine) == (HealthStatus.HEALTHY, "")


def test_the_previous_release_stays_ready_while_the_database_is_ahead(config: Config, engine: Engine) -> None:
    command.upgrade(config, "head")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'c3'"))

    assert alembic_state(config, engine) == MigrationState(unknown=("c3",), head="b2")
    assert _status(config, engine) == (
        HealthStatus.DEGRADED,
        "the database is ahead of this release: c3",
    )


def test_the_files_are_read_once_when_the_process_starts(
    config: Config, engine: Engine, tmp_path: Path
) -> None:
    command.upgrade(config, "head")
    health = patient_health(migrations=alembic_check(config, engine))
    (tmp_path / "migrations/versions/c3.py").write_text(_REVISION.format(revision="c3", down="b2"))

    assert health.report().status is HealthStatus.HEALTHY


def test_a_full_pool_is_degraded_and_left_alone(config: Config, postgres_url: str) -> None:
    url = postgres_url.replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(url, pool_size=1, max_overflow=0)
    with engine.connect():
        full = _status(config, engine)
    engine.dispose()

    async def ask() -> HealthStatus:
        engine = create_async_engine(url, pool_size=1, max_overflow=0)
        health = patient_health(migrations=alembic_check(config, engine))
        try:
            async with engine.connect():
                return (await health.report_async()).status
        finally:
            await engine.dispose()

    assert full == (HealthStatus.DEGRADED, "the connection pool is full: 1 of 1")
    assert asyncio.run(ask()) is HealthStatus.DEGRADED


def test_an_async_engine_is_asked_on_its_loop(config: Config, tmp_path: Path) -> None:
    command.upgrade(config, "head")

    async def ask() -> HealthStatus:
        engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/shop.db")
        health = patient_health(migrations=alembic_check(config, engine))
        try:
            return (await health.report_async()).status
        finally:
            await dispose_and_join(engine)

    assert asyncio.run(ask()) is HealthStatus.HEALTHY
