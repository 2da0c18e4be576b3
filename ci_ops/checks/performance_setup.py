"""Whether the code sets up a cache, a pool of database connections, and compression."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from ci_ops.checks._project_code import ProjectCode, declares_framework, read_code
from ci_ops.checks._verdict import Fault, conclude
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Check, Phase, Rule

if TYPE_CHECKING:
    from pathlib import Path

    from ci_ops.core.ports.world import World
    from ci_ops.core.result import Result
    from ci_ops.core.subject import Subject

CACHES = (
    *("redis", "django_redis", "pymemcache", "pylibmc", "memcache", "valkey", "flask_caching", "aiocache"),
    *("fastapi_cache", "cachetools", "diskcache", "dogpile.cache"),
    *(f"django.core.cache.backends.{each}" for each in ("redis", "memcached", "db", "filebased")),
)
"""Django's locmem and dummy backends are left out: every process has its own, or none."""
DATABASES = (
    *("psycopg", "psycopg2", "asyncpg", "MySQLdb", "pymysql", "mysql.connector", "aiomysql", "sqlalchemy"),
    *(f"django.db.backends.{each}" for each in ("postgresql", "mysql", "oracle")),
)
POOLS = (
    "psycopg_pool",
    "psycopg2.pool",
    "sqlalchemy",
    "flask_sqlalchemy",
    "dj_db_conn_pool",
    "ci_ops.service.pool",
)
"""SQLAlchemy pools by itself. Source: docs.sqlalchemy.org/en/20/core/pooling.html."""
POOL_NAMES = frozenset(
    {"CONN_MAX_AGE", "conn_max_age", "create_pool", "ConnectionPool", "AsyncConnectionPool"}
)
COMPRESSION = (
    *("flask_compress", "brotli_asgi", "whitenoise", "compression_middleware"),
    *("django.middleware.gzip", "starlette.middleware.gzip", "fastapi.middleware.gzip"),
)


@dataclass(frozen=True, kw_only=True)
class PerformanceSetup(Check):
    """The code sets up a cache, pooled connections and compression.

    Read from the imports, names and texts of the project's own Python files, without its tests; nothing is run.
    What a proxy or platform does instead is ignored with a reason. Pooling is asked for where a database is used.
    """

    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.READINESS})
    rules: ClassVar[Mapping[str, Rule]] = {
        "no-caching": Rule(
            sentence="No code sets up a cache that processes share.",
            advice="Use Redis or Memcached for what is computed often, or ignore this rule with a reason.",
        ),
        "no-pooling": Rule(
            sentence="Connections to the database are not pooled.",
            advice="Use a pool: psycopg_pool, SQLAlchemy's own, Django's CONN_MAX_AGE or its option `pool`.",
        ),
        "no-compression": Rule(
            sentence="No code compresses responses.",
            advice="Add a middleware for gzip or Brotli, or ignore this rule where the proxy compresses.",
        ),
        "no-code": Rule(
            sentence="There is no Python file that could be read.",
            advice="Run ci-ops in the folder of the application, or name it with `--directory`.",
        ),
    }

    @classmethod
    def detect(cls, root: Path) -> Self | None:
        """Applies to a project that declares a web framework."""
        return cls() if declares_framework(root) else None

    def run(self, subject: Subject, world: World) -> Iterator[Result]:
        """Read the code once."""
        code = read_code(subject.root, world)
        if not code.files:
            fault = Fault(rule="no-code", severity=Status.ERROR, sentence="")
            yield conclude(self, [fault], sentence="", measured=0)
            return
        observed = f"none in {code.extent}"
        missing = [rule for rule, is_there in _presence(code).items() if not is_there]
        uses_database = code.imports_any(DATABASES)
        pooling = "pooled connections" if uses_database else "no database to pool connections of"
        yield conclude(
            self,
            [Fault(rule=rule, severity=Status.WARN, sentence="", observed=observed) for rule in missing],
            sentence=f"A cache, {pooling} and compression were found in {code.extent}.",
            measured=code.files,
            facts={"files": code.files, "unread": code.unread, "uses_database": uses_database},
        )


def _presence(code: ProjectCode) -> dict[str, bool]:
    is_pooled = code.imports_any(POOLS) or bool(POOL_NAMES & (code.names | code.texts))
    return {
        "no-caching": code.imports_any(CACHES),
        "no-pooling": not code.imports_any(DATABASES) or (is_pooled and "NullPool" not in code.names),
        "no-compression": code.imports_any(COMPRESSION),
    }
