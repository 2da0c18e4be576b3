"""What is said to be set up stands in the project's own code."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci_ops.checks.performance_setup import PerformanceSetup
from ci_ops.core.health.status import Status
from ci_ops.core.result import Result
from tests.support.checking import a_subject, a_world, rules_of, the_result

EXAMPLE = PerformanceSetup()

CACHE = "import redis\n"
POOL = "import psycopg\nfrom psycopg_pool import ConnectionPool\n"
GZIP = "MIDDLEWARE = ['django.middleware.gzip.GZipMiddleware']\n"


def look(root: Path, **files: str) -> Result:
    for name, text in files.items():
        (root / f"{name}.py").write_text(text)
    return the_result(PerformanceSetup(), a_subject(root), a_world())


def test_code_with_all_three_passes(tmp_path: Path) -> None:
    result = look(tmp_path, app=CACHE + POOL, settings=GZIP)
    assert (result.status, result.measured) == (Status.PASS, 2)
    assert result.sentence == "A cache, pooled connections and compression were found in 2 files."


@pytest.mark.reports("performance-setup/{rule}")
@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("no-caching", POOL + GZIP),
        ("no-pooling", CACHE + GZIP + "import psycopg\n"),
        ("no-compression", CACHE + POOL),
    ],
)
def test_each_that_is_missing_is_a_warning_of_its_own(tmp_path: Path, rule: str, text: str) -> None:
    result = look(tmp_path, app=text)
    assert (result.status, rules_of(result)) == (Status.WARN, [rule])


@pytest.mark.parametrize(
    ("text", "is_pooled"),
    [
        ("from sqlalchemy import create_engine\n", True),
        ("from sqlalchemy import create_engine\nfrom sqlalchemy.pool import NullPool\n", False),
        ("import asyncpg\nasyncpg.create_pool()\n", True),
        ("DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql'}}\n", False),
        ("DATABASES = {'default': {'ENGINE': 'django.db.backends.mysql', 'CONN_MAX_AGE': 60}}\n", True),
        ("x = 1\n", True),
    ],
)
def test_pooling_is_asked_for_where_a_database_is_used(tmp_path: Path, text: str, is_pooled: bool) -> None:
    assert ("no-pooling" not in rules_of(look(tmp_path, app=text))) is is_pooled


@pytest.mark.parametrize(("backend", "is_cache"), [("redis.RedisCache", True), ("locmem.LocMemCache", False)])
def test_a_cache_of_each_process_alone_is_none(tmp_path: Path, backend: str, is_cache: bool) -> None:
    text = f"CACHES = {{'default': {{'BACKEND': 'django.core.cache.backends.{backend}'}}}}\n"
    assert ("no-caching" not in rules_of(look(tmp_path, app=text))) is is_cache


@pytest.mark.reports("performance-setup/no-code")
def test_a_project_without_code_is_an_error(tmp_path: Path) -> None:
    result = look(tmp_path)
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["no-code"], 0)


def test_it_applies_to_a_project_with_a_web_framework(tmp_path: Path) -> None:
    assert PerformanceSetup.detect(tmp_path) is None
    (tmp_path / "requirements.txt").write_text("Django>=5\n")
    assert PerformanceSetup.detect(tmp_path) == PerformanceSetup()
