import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from tests.support.parts import ROOT

DJANGO = """
import asyncio, json
from pathlib import Path
import django
from django.conf import settings
settings.configure(
    DATABASES={{"default": {database!r}}},
    INSTALLED_APPS=["store"], DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()
from django.core.management import call_command
from ci_ops.service.deployment.django_migrations import DjangoMigrationValidator

def look():
    ways = (DjangoMigrationValidator().run_all_checks_sync(), asyncio.run(DjangoMigrationValidator().run_all_checks()))
    first, second = ([(one.name, str(one.status), one.message) for one in answer[1]] for answer in ways)
    assert first == second
    return first

seen = {{"fresh": look()}}
if {migrates}:
    call_command("migrate", verbosity=0)
    seen["migrated"] = look()
    from django.db import connection
    for statement in {statements!r}:
        try:
            connection.cursor().execute(statement)
        except Exception as error:
            seen.setdefault("refused", []).append(type(error).__name__)
    seen["later"] = look()
print(json.dumps(seen))
"""
MODELS = """
from django.db import models

class Order(models.Model):
    item = models.CharField(max_length=40)
"""
INITIAL = """
from django.db import migrations, models

class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [migrations.CreateModel("Order", [
        ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
        ("item", models.CharField(max_length=40)),
    ])]
"""
LATER = """
from django.db import migrations

class Migration(migrations.Migration):
    dependencies = [("store", "0001_initial")]
    operations = []
"""


def sqlite(path: Path) -> dict[str, str]:
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)}


def django(
    folder: Path,
    models_text: str,
    *,
    migrates: bool = True,
    database: Any = None,
    statements: Any = (),
    **later: str,
) -> Any:
    """What is seen in a Django project with these models and migrations."""
    migrations = folder / "store/migrations"
    migrations.mkdir(parents=True)
    (folder / "store/models.py").write_text(models_text)
    for path in (folder / "store/__init__.py", migrations / "__init__.py"):
        path.touch()
    for title, source in {"0001_initial": INITIAL, **later}.items():
        (migrations / f"{title}.py").write_text(source)
    used = sqlite(folder / "shop.db") if database is None else database
    script = DJANGO.format(database=used, migrates=migrates, statements=[*statements])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env={**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_django_s_migrations_are_found_pending_and_then_applied(tmp_path: Path) -> None:
    seen = django(tmp_path, MODELS)

    assert seen["fresh"] == [
        ["migrations-heads", "pass", "each app has one last migration"],
        ["migrations-pending", "fail", "not migrated yet: store.0001_initial"],
        ["migrations-drift", "pass", "models and migrations agree"],
    ]
    assert [one[1] for one in seen["migrated"]] == ["pass", "pass", "pass"]


def test_django_models_without_their_migration_are_drift(tmp_path: Path) -> None:
    seen = django(tmp_path, MODELS + "    total = models.IntegerField(default=0)\n")

    heads, pending, drift = seen["migrated"]
    assert (heads[1], pending[1], drift[1]) == ("pass", "pass", "fail")
    assert drift[2] == (
        "models and migrations differ: store: Add field total to order; "
        "write the missing one with `makemigrations`"
    )


def test_two_last_migrations_of_a_django_app_are_a_finding(tmp_path: Path) -> None:
    seen = django(tmp_path, MODELS, migrates=False, **{"0002_a": LATER, "0002_b": LATER})

    assert seen["fresh"][0] == [
        "migrations-heads",
        "fail",
        "several last migrations: store: 0002_a, 0002_b; put them together with `makemigrations --merge`",
    ]
    assert len(seen["fresh"]) == 2


def test_a_django_database_that_cannot_be_opened_fails(tmp_path: Path) -> None:
    seen = django(tmp_path, MODELS, migrates=False, database=sqlite(tmp_path / "nothing/shop.db"))

    assert [one[1] for one in seen["fresh"]] == ["pass", "fail"]


def test_a_django_migration_that_is_recorded_twice_is_a_finding(tmp_path: Path) -> None:
    again = (
        "INSERT INTO django_migrations (app, name, applied) VALUES ('store', '0001_initial', '2026-11-22')"
    )
    seen = django(tmp_path, MODELS, statements=[again])

    heads, records, *rest = seen["later"]
    assert records[:2] == ["migrations-records", "fail"]
    assert records[2].startswith("recorded more than once: store.0001_initial; two processes migrated")
    assert [one[1] for one in (heads, *rest)] == ["pass", "pass", "pass"]


def test_an_index_that_a_failed_build_left_in_postgresql_is_found(tmp_path: Path, postgres_url: str) -> None:
    known = conninfo_to_dict(postgres_url)
    database = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": known["dbname"],
        "USER": known.get("user", ""),
        "PASSWORD": known.get("password", ""),
        "HOST": known.get("host", ""),
        "PORT": str(known.get("port", "")),
        "OPTIONS": {"options": "-csearch_path=django_indexes"},
    }
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS django_indexes CASCADE")
        connection.execute("CREATE SCHEMA django_indexes")
    build = "CREATE UNIQUE INDEX CONCURRENTLY store_item ON store_order (item)"
    seen = django(
        tmp_path,
        MODELS,
        database=database,
        statements=["INSERT INTO store_order (item) VALUES ('gift'), ('gift')", build],
    )

    assert [one[:2] for one in seen["migrated"]] == [
        [f"migrations-{name}", "pass"] for name in ("heads", "pending", "indexes", "drift")
    ]
    assert seen["refused"] == ["IntegrityError"]
    assert seen["later"][2][:2] == ["migrations-indexes", "fail"]
    assert "unique index store_item on store_order" in seen["later"][2][2]
