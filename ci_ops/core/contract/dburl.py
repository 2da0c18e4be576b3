"""Conversion of database URLs of frameworks for libpq."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

_FOREIGN = frozenset(
    {"pgbouncer", "prepared_statement_cache_size", "schema", "connection_limit", "pool_timeout"}
)
"""Parameters of other drivers, which libpq refuses."""
_SSL_MODES = {"true": "require", "1": "require", "false": "disable", "0": "disable"}


def database_kind(url: str) -> str:
    """Return the scheme without its driver: `postgresql+asyncpg://…` is postgresql; empty for no URL."""
    head, separator, _ = url.partition("://")
    kind = head.partition("+")[0].lower() if separator else ""
    return "postgresql" if kind == "postgres" else kind


def libpq_url(url: str) -> str:
    """Return the URL for psycopg and the PostgreSQL programs.

    Drops the driver's suffix and the parameters of other drivers, and turns
    asyncpg's `ssl` into `sslmode`. Raises ValueError, without showing the
    address, when it is not PostgreSQL's.
    """
    kind = database_kind(url)
    if kind != "postgresql":
        raise ValueError(
            f"not a PostgreSQL address: its scheme is {kind!r}" if kind else "not a database address"
        )
    rest, mark, query = url.partition("://")[2].partition("?")
    pairs = [_libpq_pair(name, value) for name, value in parse_qsl(query) if name not in _FOREIGN]
    return f"postgresql://{rest}" + (f"{mark}{urlencode(pairs)}" if pairs else "")


def _libpq_pair(name: str, value: str) -> tuple[str, str]:
    return ("sslmode", _SSL_MODES.get(value.lower(), value)) if name == "ssl" else (name, value)
