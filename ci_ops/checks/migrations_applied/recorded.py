"""What a database records of migrations, read in a session of ours."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ci_ops.core.contract.migrations import INVALID_INDEXES, IndexRow, Key

if TYPE_CHECKING:
    from ci_ops.checks._database.session import Session

DJANGO_TABLE = "django_migrations"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]{0,62}")
_TABLES = {
    "postgresql": "SELECT n.nspname, c.relname, pg_table_is_visible(c.oid) FROM pg_class c "
    "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND c.relname IN ({names})",
    "sqlite": "SELECT '', name, 1 FROM sqlite_master WHERE type = 'table' AND name IN ({names})",
}
_OTHER_TABLES = (
    "SELECT table_schema, table_name, table_schema = DATABASE() FROM information_schema.tables "
    "WHERE table_name IN ({names})"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """The rows of both tables, and the indexes that are not valid; None for what is not there."""

    kind: str
    revisions: list[str] | None
    migrations: list[Key] | None
    """In the order in which they were applied."""
    indexes: list[IndexRow] | None
    """Of PostgreSQL alone."""
    elsewhere: tuple[str, ...] = ()
    """Tables of these names in schemas that are not on the search path."""


def is_name(text: str) -> bool:
    """Return True for a name that can stand in a query as it is."""
    return _NAME.fullmatch(text) is not None


def read_recorded(session: Session, *, version_table: str, schema: str) -> Recorded:
    """Return what the database records; the names have been checked before."""
    names = f"'{version_table}', '{DJANGO_TABLE}'"
    tables = session.rows(_TABLES.get(session.kind, _OTHER_TABLES).format(names=names))
    own = {
        str(name): str(place)
        for place, name, is_visible in tables
        if (place == schema if schema else is_visible)
    }
    revisions = migrations = None
    if version_table in own:
        rows = session.rows(f"SELECT version_num FROM {_quoted(session, own, version_table)}")  # noqa: S608 - `is_name` checked it
        revisions = [str(row[0]) for row in rows]
    if DJANGO_TABLE in own:
        rows = session.rows(f"SELECT app, name FROM {_quoted(session, own, DJANGO_TABLE)} ORDER BY id")  # noqa: S608 - the same
        migrations = [(str(app), str(name)) for app, name in rows]
    return Recorded(
        kind=session.kind,
        revisions=revisions,
        migrations=migrations,
        indexes=session.rows(INVALID_INDEXES) if session.kind == "postgresql" else None,
        elsewhere=tuple(f"{place}.{name}" for place, name, _ in tables if str(name) not in own),
    )


def _quoted(session: Session, own: dict[str, str], name: str) -> str:
    mark = "`" if session.kind in {"mysql", "mariadb"} else '"'
    return ".".join(f"{mark}{each}{mark}" for each in (own[name], name) if each)
