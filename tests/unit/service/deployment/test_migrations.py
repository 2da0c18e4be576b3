import asyncio
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Column, Engine, Index, Integer, MetaData, String, Table, create_engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine

from ci_ops.core.text.secret import Secret
from ci_ops.service.deployment.check_result import CheckResult, CheckStatus
from ci_ops.service.deployment.checker import DeploymentChecker
from ci_ops.service.deployment.indexes import judge_indexes
from ci_ops.service.deployment.migrations import MigrationValidator
from ci_ops.service.health_checks.migrations import alembic_check
from ci_ops.service.settings.validator import ConfigValidator
from tests.support.alembic_env import ENV
from tests.support.databases import dispose_and_join
from tests.support.patient_health import patient_health

PASS, WARN, FAIL = CheckStatus.PASS, CheckStatus.WARN, CheckStatus.FAIL
REVISION = """
import sqlalchemy as sa
from alembic import op
revision = {revision!r}
down_revision = {down!r}
branch_labels = {labels!r}
def upgrade(): {upgrade}
def downgrade(): pass
"""
CREATE = "op.create_table('orders', sa.Column('id', sa.Integer, primary_key=True), sa.Column('item', sa.String(40)))"


def a_revision(
    folder: Path, revision: str, down: str | None = None, labels: Any = None, upgrade: str = "pass"
) -> None:
    path = folder / "migrations/versions" / f"{revision}.py"
    path.write_text(REVISION.format(revision=revision, down=down, labels=labels, upgrade=upgrade))


def a_config(folder: Path, url: str) -> Config:
    scripts = folder / "migrations"
    (scripts / "versions").mkdir(parents=True)
    (scripts / "env.py").write_text(ENV)
    a_revision(folder, "a1", upgrade=CREATE)
    a_revision(folder, "b2", "a1")
    (folder / "alembic.ini").write_text(
        f"[alembic]\nscript_location = {scripts}\nsqlalchemy.url = {url}\npath_separator = os\n"
    )
    return Config(str(folder / "alembic.ini"))


def models(*more: Column[Any], item: Any = None) -> MetaData:
    metadata = MetaData()
    Table(
        "orders", metadata, Column("id", Integer, primary_key=True), Column("item", item or String(40)), *more
    )
    return metadata


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/shop.db"


@pytest.fixture
def config(tmp_path: Path, url: str) -> Config:
    """Two migrations, a1 and b2; the first makes a table."""
    return a_config(tmp_path, url)


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = create_engine(url)
    yield engine
    engine.dispose()


def statuses(answer: tuple[bool, list[CheckResult]]) -> dict[str, CheckStatus]:
    all_pass, results = answer
    assert all_pass is all(one.status is not FAIL for one in results)
    return {one.name.removeprefix("migrations-"): one.status for one in results}


def messages(answer: tuple[bool, list[CheckResult]]) -> dict[str, str]:
    return {one.name.removeprefix("migrations-"): one.message for one in answer[1]}


def test_a_database_that_is_behind_is_one_finding_and_drift_is_not_guessed(
    config: Config, engine: Engine
) -> None:
    command.upgrade(config, "a1")
    answer = MigrationValidator(config, engine, metadata=models()).run_all_checks_sync()

    assert statuses(answer) == {"heads": PASS, "pending": FAIL, "drift": WARN}
    assert messages(answer)["pending"] == "not migrated yet: b2"
    assert answer[1][1].details == {"pending": ["b2"]}


def test_a_database_at_the_head_with_matching_models_passes(config: Config, engine: Engine) -> None:
    command.upgrade(config, "head")

    answer = MigrationValidator(config.config_file_name, engine, metadata=models()).run_all_checks_sync()

    assert statuses(answer) == {"heads": PASS, "pending": PASS, "drift": PASS}
    assert statuses(MigrationValidator(config, engine).run_all_checks_sync()) == {
        "heads": PASS,
        "pending": PASS,
    }


def test_models_without_their_migration_are_drift_and_nothing_else(config: Config, engine: Engine) -> None:
    command.upgrade(config, "head")
    metadata = models(Column("total", Integer), item=Integer())
    Table("customers", metadata, Column("id", Integer, primary_key=True))

    answer = MigrationValidator(config, engine, metadata=metadata).run_all_checks_sync()

    assert statuses(answer) == {"heads": PASS, "pending": PASS, "drift": FAIL}
    differences = answer[1][2].details["differences"]
    assert "add_table customers" in differences
    assert "add_column orders.total" in differences
    assert any(one.startswith("modify_type orders.item") for one in differences)
    assert "alembic revision --autogenerate" in messages(answer)["drift"]


def test_what_env_py_says_can_be_said_here_too(config: Config, engine: Engine, tmp_path: Path) -> None:
    env = tmp_path / "migrations" / "env.py"
    env.write_text(
        ENV.replace("connection=connection)", "connection=connection, version_table='shop_version')")
    )
    command.upgrade(config, "head")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE of_somebody_else (id integer)"))

    def ours(thing: Any, name: str, kind: str, *_: Any) -> bool:
        return name != "of_somebody_else"

    options = {"version_table": "shop_version", "include_object": ours}
    without = MigrationValidator(config, engine, metadata=models()).run_all_checks_sync()
    answer = MigrationValidator(config, engine, metadata=models(), options=options).run_all_checks_sync()
    check = alembic_check(config, engine, options={"version_table": "shop_version"})

    assert statuses(without)["pending"] is FAIL
    assert statuses(answer) == {"heads": PASS, "pending": PASS, "drift": PASS}
    assert patient_health(migrations=check).report()["migrations"].value == "b2"


def test_two_heads_are_counted_even_when_the_database_is_at_both(
    config: Config, engine: Engine, tmp_path: Path
) -> None:
    a_revision(tmp_path, "c3", "a1")
    command.upgrade(config, "heads")

    answer = MigrationValidator(config, engine, metadata=models()).run_all_checks_sync()

    assert statuses(answer) == {"heads": FAIL, "pending": PASS, "drift": PASS}
    assert messages(answer)["heads"] == "2 heads: b2, c3; put them together with `alembic merge heads`"


def test_branches_with_labels_may_have_a_head_each(config: Config, engine: Engine, tmp_path: Path) -> None:
    a_revision(tmp_path, "s1", labels=("shop",))
    a_revision(tmp_path, "m1", labels=("mail",))
    for name in ("a1", "b2"):
        (tmp_path / "migrations/versions" / f"{name}.py").unlink()
    command.upgrade(config, "heads")

    assert statuses(MigrationValidator(config, engine).run_all_checks_sync()) == {
        "heads": PASS,
        "pending": PASS,
    }


def test_a_database_that_is_ahead_is_a_warning(config: Config, engine: Engine) -> None:
    command.upgrade(config, "head")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'c3'"))

    answer = MigrationValidator(config, engine, metadata=models()).run_all_checks_sync()

    assert statuses(answer) == {"heads": PASS, "pending": WARN, "drift": WARN}
    assert messages(answer)["pending"] == "the database is ahead of this release: c3"


def test_no_migrations_at_all_are_no_pass(config: Config, engine: Engine, tmp_path: Path) -> None:
    for name in ("a1", "b2"):
        (tmp_path / "migrations/versions" / f"{name}.py").unlink()

    answer = MigrationValidator(config, engine).run_all_checks_sync()

    assert (statuses(answer)["pending"], messages(answer)["pending"]) == (WARN, "there are no migrations")


def test_a_database_that_is_gone_fails_without_its_password(config: Config, closed_port: int) -> None:
    url = f"postgresql+asyncpg://shop:hunter2-hunter2@127.0.0.1:{closed_port}/shop"

    answer = MigrationValidator(config, Secret(url)).run_all_checks_sync()

    assert statuses(answer) == {"heads": PASS, "pending": FAIL}
    assert "hunter2" not in repr(answer)


def test_a_configuration_that_is_not_there_fails(tmp_path: Path, url: str) -> None:
    answer = MigrationValidator(tmp_path / "nothing.ini", url).run_all_checks_sync()

    assert statuses(answer) == {"heads": FAIL, "pending": FAIL}


@pytest.fixture
def postgres(tmp_path: Path, postgres_url: str) -> Iterator[str]:
    """The address of an empty schema, without a driver."""
    schema = f"migrations_{secrets.token_hex(4)}"
    plain = create_engine(postgres_url.replace("postgresql://", "postgresql+psycopg://", 1))
    with plain.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    mark = "&" if "?" in postgres_url else "?"
    yield f"{postgres_url}{mark}options=-csearch_path%3D{schema}"
    with plain.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    plain.dispose()


def with_driver(address: str) -> str:
    return address.replace("postgresql://", "postgresql+psycopg://", 1)


def test_postgresql_is_compared_for_real_by_its_address(tmp_path: Path, postgres: str) -> None:
    config = a_config(tmp_path, with_driver(postgres).replace("%", "%%"))
    validator = MigrationValidator(
        config, postgres.replace("postgresql:", "postgresql+asyncpg:"), metadata=models()
    )
    assert statuses(validator.run_all_checks_sync())["pending"] is FAIL

    command.upgrade(config, "head")

    assert statuses(validator.run_all_checks_sync()) == {
        "heads": PASS,
        "pending": PASS,
        "indexes": PASS,
        "drift": PASS,
    }


def test_an_index_that_a_failed_build_left_is_found_though_the_schema_looks_complete(
    tmp_path: Path, postgres: str
) -> None:
    config = a_config(tmp_path, with_driver(postgres).replace("%", "%%"))
    command.upgrade(config, "head")
    engine = create_engine(with_driver(postgres), isolation_level="AUTOCOMMIT")
    build = text("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS orders_item ON orders (item)")
    with engine.connect() as connection:
        connection.execute(text("INSERT INTO orders (id, item) VALUES (1, 'gift'), (2, 'gift')"))
        with pytest.raises(IntegrityError):
            connection.execute(build)
        connection.execute(build)  # as a retried migration does, which now succeeds
    metadata = models()
    Index("orders_item", metadata.tables["orders"].c.item, unique=True)

    answer = MigrationValidator(config, engine, metadata=metadata).run_all_checks_sync()
    engine.dispose()

    assert statuses(answer) == {"heads": PASS, "pending": PASS, "indexes": FAIL, "drift": PASS}
    assert messages(answer)["indexes"].startswith(
        "invalid: unique index orders_item on orders; its build failed"
    )


def test_an_index_of_another_schema_is_not_ours_and_one_under_way_is_a_warning() -> None:
    foreign = ("audit", False, "trail", "events", True, False)

    assert judge_indexes([foreign]).status is PASS
    assert judge_indexes([foreign], schemas=["audit"]).status is FAIL
    assert judge_indexes([("public", True, "item", "orders", False, True)]).status is WARN


def test_a_migration_that_is_recorded_twice_is_a_finding(config: Config, engine: Engine) -> None:
    with engine.begin() as connection:  # as in a database that was made without the primary key
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('b2'), ('b2')"))

    answer = MigrationValidator(config, engine).run_all_checks_sync()

    assert statuses(answer) == {"heads": PASS, "records": FAIL, "pending": PASS}
    assert messages(answer)["records"].startswith("recorded more than once: b2; two processes migrated")


def test_an_async_engine_is_asked_on_its_loop(config: Config, tmp_path: Path) -> None:
    command.upgrade(config, "head")

    async def ask(path: Path) -> tuple[bool, list[CheckResult]]:
        engine = create_async_engine(f"sqlite+aiosqlite:///{path}")
        validator = MigrationValidator(config, engine, metadata=models())
        with pytest.raises(RuntimeError, match="await run_all_checks"):
            validator.run_all_checks_sync()
        try:
            return await validator.run_all_checks()
        finally:
            await dispose_and_join(engine)

    assert statuses(asyncio.run(ask(tmp_path / "shop.db"))) == {"heads": PASS, "pending": PASS, "drift": PASS}
    gone = asyncio.run(ask(tmp_path / "nothing" / "shop.db"))
    assert statuses(gone) == {"heads": PASS, "pending": FAIL}


def test_without_scripts_and_without_an_async_database_there_are_two_findings(tmp_path: Path) -> None:
    async def ask() -> tuple[bool, list[CheckResult]]:
        engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'nothing' / 'shop.db'}")
        try:
            return await MigrationValidator(tmp_path / "alembic.ini", engine).run_all_checks()
        finally:
            await dispose_and_join(engine)

    assert statuses(asyncio.run(ask())) == {"heads": FAIL, "pending": FAIL}


def test_a_synchronous_engine_may_be_asked_from_a_loop(config: Config, engine: Engine) -> None:
    assert statuses(asyncio.run(MigrationValidator(config, engine).run_all_checks()))["pending"] is FAIL


def test_the_deployment_checker_takes_the_findings_one_by_one(
    config: Config, engine: Engine, tmp_path: Path
) -> None:
    checker = DeploymentChecker(ConfigValidator(env={}), root=tmp_path, env={})
    checker.add("migrations", MigrationValidator(config, engine).run_all_checks)

    _, results = checker.run_all_checks_sync()

    assert [one.name for one in results[-2:]] == ["migrations-heads", "migrations-pending"]
