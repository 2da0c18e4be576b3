"""Whether the code sets up a cache, a pool of database connections, and compression."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ci_ops.checks._setup import NO_CODE, SetupCheck
from ci_ops.core.plugin import Rule

if TYPE_CHECKING:
    from ci_ops.checks._project_code import ProjectCode

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
class PerformanceSetup(SetupCheck):
    """The code sets up a cache, pooled connections and compression.

    Read from the imports, names and texts of the project's own Python files, without its tests; nothing is run.
    What a proxy or platform does instead is ignored with a reason. Pooling is asked for where a database is used.
    """

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
        **NO_CODE,
    }

    def presence(self, code: ProjectCode) -> Mapping[str, bool]:
        """Return for each rule whether the code imports or names what it wants."""
        is_pooled = code.imports_any(POOLS) or bool(POOL_NAMES & (code.names | code.texts))
        return {
            "no-caching": code.imports_any(CACHES),
            "no-pooling": not code.imports_any(DATABASES) or (is_pooled and "NullPool" not in code.names),
            "no-compression": code.imports_any(COMPRESSION),
        }

    def summary(self, code: ProjectCode) -> str:
        """Return the sentence of a code that has all of it."""
        pooling = (
            "pooled connections" if code.imports_any(DATABASES) else "no database to pool connections of"
        )
        return f"A cache, {pooling} and compression were found in {code.extent}."

    def details(self, code: ProjectCode) -> Mapping[str, Any]:
        """Return whether a database is used."""
        return {"uses_database": code.imports_any(DATABASES)}
