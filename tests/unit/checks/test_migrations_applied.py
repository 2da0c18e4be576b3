from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.config import Config

from ci_ops.checks.migrations_applied import MigrationsApplied
from ci_ops.core.health.status import Status
from ci_ops.core.result import Result
from ci_ops.core.text.secret import Secret
from tests.support.alembic_env import ENV
from tests.support.checking import a_subject, a_world, assert_refusals_say_nothing, rules_of, the_result
from tests.support.databases import running_postgres
from tests.support.sample_service import Answer, SampleService, said, sample_service, text
from tests.support.waiting import wait_until

EXAMPLE = MigrationsApplied(dsn=Secret("postgresql://shop:hunter2@127.0.0.1:1/shop"))

SQLITE = "sqlite:///shop.db"


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with running_postgres() as address:
        yield address


def script(root: Path, revision: str, down: str = "None", more: str = "") -> None:
    folder = root / "migrations" / "versions"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{revision}.py").write_text(
        f'"""One."""\nrevision: str = "{revision}"\ndown_revision = {down}\n{more}\n'
        "def upgrade() -> None:\n    pass\n\n\ndef downgrade() -> None:\n    pass\n"
    )


@pytest.fixture
def alembic(tmp_path: Path) -> Config:
    """A project with the revisions a1 and b2, whose database is a file."""
    script(tmp_path, "a1")
    script(tmp_path, "b2", "'a1'")
    (tmp_path / "migrations" / "env.py").write_text(ENV)
    (tmp_path / "alembic.ini").write_text(
        "[alembic]\nscript_location = %(here)s/migrations\npath_separator = os\n"
        f"sqlalchemy.url = sqlite:///{tmp_path}/shop.db\n"
    )
    return Config(str(tmp_path / "alembic.ini"))


def look(root: Path, dsn: str = SQLITE, **settings: Any) -> Result:
    subject = a_subject(root, url="http://127.0.0.1:1/", timeout_seconds=20.0)
    check = MigrationsApplied(health=False, dsn=Secret(dsn), **settings)
    return the_result(check, subject, a_world())


def sql(root: Path, *statements: str) -> None:
    with closing(sqlite3.connect(root / "shop.db", isolation_level=None)) as connection:
        for each in statements:
            connection.execute(each)


@pytest.mark.reports("migrations-applied/pending")
def test_a_database_at_the_head_passes_and_one_behind_fails(alembic: Config, tmp_path: Path) -> None:
    command.upgrade(alembic, "head")
    result = look(tmp_path)
    assert (result.status, result.measured, result.facts["heads"]) == (Status.PASS, 1, ["b2"])
    assert result.sentence == "The database is at the migrations of the release: b2."
    command.downgrade(alembic, "a1")
    result = look(tmp_path)
    assert (result.status, rules_of(result), result.transient) == (Status.FAIL, ["pending"], True)
    assert result.sentence == "Migrations of the release are not applied: b2."
    command.downgrade(alembic, "base")
    assert rules_of(look(tmp_path)) == ["pending"]


@pytest.mark.reports("migrations-applied/ahead")
def test_a_database_ahead_is_the_normal_state_after_a_rollback(alembic: Config, tmp_path: Path) -> None:
    script(tmp_path, "c3", "'b2'")
    command.upgrade(alembic, "head")
    (tmp_path / "migrations" / "versions" / "c3.py").unlink()
    result = look(tmp_path)
    assert (result.status, rules_of(result)) == (Status.WARN, ["ahead"])
    assert result.sentence == "The database is ahead of this release: c3."
    assert "After a rollback this is the normal state" in result.findings[0].advice


def test_a_head_that_another_one_depends_on_is_implied_and_not_pending(
    alembic: Config, tmp_path: Path
) -> None:
    script(tmp_path, "x1", more="branch_labels = ('x',)\ndepends_on = 'b2'")
    command.upgrade(alembic, "heads")
    result = look(tmp_path)
    assert (result.status, result.facts["heads"]) == (Status.PASS, ["b2", "x1"])
    script(tmp_path, "y1", more="branch_labels = ('y',)")
    assert rules_of(look(tmp_path)) == ["pending"]


@pytest.mark.reports("migrations-applied/no-table")
def test_a_table_that_is_missing_fails_and_one_of_another_name_can_be_given(
    alembic: Config, tmp_path: Path
) -> None:
    sql(tmp_path, "CREATE TABLE other (version_num)", "INSERT INTO other VALUES ('b2')")
    result = look(tmp_path)
    assert (result.status, rules_of(result), result.measured) == (Status.FAIL, ["no-table"], 0)
    assert look(tmp_path, version_table="other").status is Status.PASS


@pytest.mark.reports("migrations-applied/repeated")
def test_a_revision_that_is_recorded_twice_fails(alembic: Config, tmp_path: Path) -> None:
    sql(
        tmp_path,
        "CREATE TABLE alembic_version (version_num)",
        "INSERT INTO alembic_version VALUES ('b2'), ('b2')",
    )
    result = look(tmp_path)
    assert (result.status, rules_of(result)) == (Status.FAIL, ["repeated"])
    assert result.findings[0].observed == "b2"


@pytest.mark.reports("migrations-applied/other-head", "migrations-applied/nothing-to-compare")
def test_expected_heads_can_be_given_in_the_place_of_scripts(tmp_path: Path) -> None:
    sql(tmp_path, "CREATE TABLE alembic_version (version_num)", "INSERT INTO alembic_version VALUES ('b2')")
    assert look(tmp_path, heads=("b2",)).status is Status.PASS
    result = look(tmp_path, heads=("c3",))
    assert (result.status, rules_of(result)) == (Status.FAIL, ["other-head"])
    nothing = look(tmp_path)
    assert (nothing.status, rules_of(nothing), nothing.measured) == (Status.ERROR, ["nothing-to-compare"], 0)


@pytest.mark.parametrize(
    "body",
    ["revision = 'a1", "revision = make()", "down_revision = None"],
)
@pytest.mark.reports("migrations-applied/unreadable-file")
def test_scripts_that_cannot_be_read_are_an_error(alembic: Config, tmp_path: Path, body: str) -> None:
    command.upgrade(alembic, "head")
    for file in (tmp_path / "migrations" / "versions").glob("*.py"):
        file.write_text(body)
    result = look(tmp_path)
    assert (result.status, "unreadable-file" in rules_of(result)) == (Status.ERROR, True)


def test_scripts_are_found_by_pyproject_or_a_setting_and_never_outside(tmp_path: Path) -> None:
    script(tmp_path / "shop", "a1")
    sql(tmp_path, "CREATE TABLE alembic_version (version_num)", "INSERT INTO alembic_version VALUES ('a1')")
    assert look(tmp_path, scripts="shop/migrations").status is Status.PASS
    (tmp_path / "pyproject.toml").write_text('[tool.alembic]\nscript_location = "shop:migrations"\n')
    assert look(tmp_path).status is Status.PASS
    assert "unreadable-file" in rules_of(look(tmp_path, scripts="../elsewhere"))


SETTINGS = """
INSTALLED_APPS = ["orders", "django.contrib.contenttypes"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.db"}}
SECRET_KEY = "x" * 50
"""


def migration(root: Path, name: str, *dependencies: str, replaces: str = "[]") -> Path:
    folder = root / "orders" / "migrations"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "__init__.py").touch()
    (root / "orders" / "__init__.py").touch()
    file = folder / f"{name}.py"
    before = ", ".join(f'("orders", "{each}")' for each in dependencies)
    file.write_text(
        "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n"
        f"    dependencies = [{before}]\n    replaces = {replaces}\n    operations = []\n"
    )
    return file


@pytest.fixture
def django(tmp_path: Path) -> Path:
    """A project with two migrations."""
    (tmp_path / "shop_settings.py").write_text(SETTINGS)
    migration(tmp_path, "0001_initial")
    migration(tmp_path, "0002_more", "0001_initial")
    return tmp_path


def migrate(root: Path, *arguments: str) -> None:
    env = {
        **os.environ,
        "PYTHONPATH": str(root),
        "DJANGO_SETTINGS_MODULE": "shop_settings",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    program = [sys.executable, "-m", "django", "migrate", "--verbosity=0", *arguments]
    subprocess.run(program, cwd=root, env=env, check=True)


def test_djangos_migrations_are_compared_with_the_files(django: Path) -> None:
    migrate(django, "orders", "0001")
    result = look(django)
    assert (result.status, rules_of(result), result.measured) == (Status.FAIL, ["pending"], 1)
    assert result.findings[0].observed == "orders.0002_more"
    migrate(django)
    assert look(django).status is Status.PASS
    migration(django, "0003_later", "0002_more")
    migrate(django)
    (django / "orders" / "migrations" / "0003_later.py").unlink()
    result = look(django)
    assert (result.status, rules_of(result), result.findings[0].observed) == (
        Status.WARN,
        ["ahead"],
        "orders.0003_later",
    )


def test_a_squashed_migration_counts_by_its_parts_before_and_after_their_files_are_gone(django: Path) -> None:
    migrate(django)
    parts = '[("orders", "0001_initial"), ("orders", "0002_more")]'
    migration(django, "0001_squashed_0002_more", replaces=parts)
    assert look(django).status is Status.PASS
    for name in ("0001_initial", "0002_more"):
        (django / "orders" / "migrations" / f"{name}.py").unlink()
    assert look(django).status is Status.PASS
    migrate(django)
    migration(django, "0001_squashed_0002_more")
    assert look(django).status is Status.PASS


def test_the_label_of_an_app_is_that_of_its_configuration(django: Path) -> None:
    (django / "orders" / "apps.py").write_text(
        "from django.apps import AppConfig\n\n\nclass Orders(AppConfig):\n    name = 'orders'\n    label = 'sales'\n"
    )
    for file in (django / "orders" / "migrations").glob("0*.py"):
        file.write_text(file.read_text().replace('("orders",', '("sales",'))
    migrate(django)
    assert look(django).status is Status.PASS
    (django / "spare" / "migrations").mkdir(parents=True)
    (django / "spare" / "migrations" / "0001_initial.py").write_text("class Migration:\n    pass\n")
    assert rules_of(look(django)) == ["pending"]
    assert look(django, apps=("sales",)).status is Status.PASS


def test_a_migration_that_is_recorded_twice_fails_although_django_is_content(django: Path) -> None:
    migrate(django)
    sql(
        django,
        "INSERT INTO django_migrations (app, name, applied) VALUES ('orders', '0002_more', '2026-01-01')",
    )
    migrate(django, "--check")
    result = look(django)
    assert (result.status, rules_of(result)) == (Status.FAIL, ["repeated"])


@pytest.mark.reports("migrations-applied/invalid-index")
def test_an_index_that_its_build_left_invalid_fails(postgres: str, tmp_path: Path) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num text)")
        connection.execute("INSERT INTO alembic_version VALUES ('b2')")
        connection.execute("CREATE TABLE orders (number int)")
        connection.execute("INSERT INTO orders VALUES (1), (1)")
        assert look(tmp_path, postgres, heads=("b2",)).status is Status.PASS
        with suppress(psycopg.errors.UniqueViolation):
            connection.execute("CREATE UNIQUE INDEX CONCURRENTLY once ON orders (number)")
        connection.execute("CREATE SCHEMA other")
        connection.execute("CREATE TABLE other.alembic_version (version_num text)")
        connection.execute("INSERT INTO other.alembic_version VALUES ('c3')")
    result = look(tmp_path, postgres, heads=("b2",))
    assert (result.status, rules_of(result)) == (Status.FAIL, ["invalid-index"])
    assert result.findings[0].observed == "unique index once on orders"
    assert rules_of(look(tmp_path, postgres, heads=("b2",), schema="other")) == [
        "invalid-index",
        "other-head",
    ]
    missing = look(tmp_path, postgres, heads=("b2",), schema="nowhere")
    assert "no-table" in rules_of(missing)


def service_look(service: SampleService, root: Path = Path("/nonexistent"), **settings: Any) -> Result:
    subject = a_subject(root, url=service.url("/health"), timeout_seconds=5.0)
    return the_result(MigrationsApplied(**settings), subject, a_world())


def component(status: str, **entry: Any) -> Answer:
    return said({"status": "pass", "checks": {"migrations": [{"status": status, **entry}]}})


@pytest.mark.parametrize(
    ("answer", "status", "rules"),
    [
        (component("pass", observedValue="b2"), Status.PASS, []),
        (component("fail", output="not migrated yet: b2"), Status.FAIL, ["pending"]),
        (component("warn", output="the database is ahead of this release: c3"), Status.WARN, ["ahead"]),
        (component("warn", output="the connection pool is full"), Status.WARN, ["degraded"]),
        (component("purple"), Status.ERROR, ["unknown-word"]),
        (component("skipped"), Status.ERROR, ["not-measured"]),
        (said({"status": "pass", "checked": 2}), Status.ERROR, ["no-component"]),
        (
            said({"status": "pass", "checks": {"database": {"status": "pass"}}}),
            Status.ERROR,
            ["no-component"],
        ),
        (text("<html></html>"), Status.ERROR, ["no-document"]),
        (text("boom", 500), Status.FAIL, ["status"]),
        (Answer(body=component("pass").body, headers={"Age": "9"}), Status.FAIL, ["aged"]),
        (text("", 503, **{"x-sucuri-block": "1"}), Status.ERROR, ["gate"]),
        (component("pass", time="2026-01-01T00:00:00Z"), Status.PASS, []),
    ],
)
@pytest.mark.reports("migrations-applied/{rules}")
def test_what_the_service_says_yields_exactly_one_rule(
    service: SampleService, answer: Answer, status: Status, rules: list[str]
) -> None:
    service.says("/health", answer)
    result = service_look(service)
    assert (result.status, rules_of(result)) == (status, rules)
    assert result.measured == (1 if result.facts.get("service") else 0)


@pytest.mark.usefixtures("alembic")
def test_the_head_of_the_service_is_that_of_the_checkout(service: SampleService, tmp_path: Path) -> None:
    service.says("/health", component("pass", observedValue="b2"))
    assert service_look(service, tmp_path).status is Status.PASS
    service.says("/health", component("pass", observedValue="a1"))
    result = service_look(service, tmp_path)
    assert (result.status, rules_of(result)) == (Status.FAIL, ["other-head"])


@pytest.mark.reports("migrations-applied/unreachable", "migrations-applied/not-asked")
def test_what_was_not_measured_is_never_a_pass(service: SampleService, tmp_path: Path) -> None:
    with sample_service() as dead:
        pass
    result = service_look(dead)
    assert (result.status, rules_of(result), result.measured) == (Status.FAIL, ["unreachable"], 0)
    result = service_look(service, health=False)
    assert (result.status, rules_of(result)) == (Status.ERROR, ["not-asked"])
    result = look(tmp_path, "sqlite:///missing.db", heads=("b2",))
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["not-asked"], 0)
    with pytest.raises(ValueError, match=r"^version-table: letters, digits and _ alone"):
        MigrationsApplied(version_table="a b")
    with pytest.raises(ValueError, match=r"^schema: letters, digits and _ alone"):
        MigrationsApplied(schema="x; --")


@pytest.mark.reports("migrations-applied/building-index")
def test_an_index_that_is_being_built_is_a_warning(postgres: str, tmp_path: Path) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA building")
        connection.execute("CREATE TABLE building.alembic_version (version_num text)")
        connection.execute("INSERT INTO building.alembic_version VALUES ('b2')")
    with psycopg.connect(postgres) as writer, psycopg.connect(postgres, autocommit=True) as builder:
        writer.execute("INSERT INTO building.alembic_version VALUES ('c3')")  # the build waits for its end
        build = "CREATE INDEX CONCURRENTLY soon ON building.alembic_version (version_num)"
        thread = threading.Thread(target=builder.execute, args=(build,))
        thread.start()
        try:
            with psycopg.connect(postgres, autocommit=True) as watcher:
                wait_until(
                    lambda: watcher.execute("SELECT 1 FROM pg_class WHERE relname = 'soon'").fetchone()
                )
            result = look(tmp_path, postgres, heads=("b2",), schema="building")
        finally:
            writer.rollback()
            thread.join()
    assert [rule for rule in rules_of(result) if rule != "invalid-index"] == ["building-index"]
    assert "index soon on alembic_version" in {finding.observed for finding in result.findings}


@pytest.mark.reports("migrations-applied/throttled", "migrations-applied/blocked")
def test_a_refusal_of_the_probe_says_nothing_about_the_service(service: SampleService) -> None:
    assert_refusals_say_nothing(MigrationsApplied(), service)


@pytest.mark.reports("migrations-applied/url")
def test_without_an_address_nothing_was_measured() -> None:
    result = the_result(MigrationsApplied(), a_subject(url=""), a_world())
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["url"], 0)


@pytest.mark.reports("migrations-applied/not-found")
def test_without_a_health_address_nothing_was_measured(service: SampleService) -> None:
    result = the_result(MigrationsApplied(), a_subject(url=service.url(), timeout_seconds=5.0), a_world())
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["not-found"], 0)


@pytest.mark.reports("migrations-applied/{rule}")
@pytest.mark.parametrize(
    ("dsn", "status", "rule"),
    [
        ("postgresql://shop@127.0.0.1:1/shop", Status.FAIL, "no-session"),
        ("mysql://shop@127.0.0.1/shop", Status.ERROR, "driver"),
    ],
)
def test_a_database_that_gives_no_session_was_not_measured(
    tmp_path: Path, dsn: str, status: Status, rule: str
) -> None:
    result = look(tmp_path, dsn, heads=("b2",))
    assert (result.status, rules_of(result), result.measured) == (status, [rule], 0)
