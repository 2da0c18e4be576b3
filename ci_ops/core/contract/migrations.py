"""What is wrong between the migrations of a release and those that its database records.

The kit compares from inside the application, the check `migrations-applied`
from outside; both by these rules.

Source: Alembic 1.20, "Working with Branches" (implied dependencies); Django,
`MigrationRecorder`, `MigrationExecutor.check_replacements`; PostgreSQL 18,
CREATE INDEX, "Building Indexes Concurrently"; `pg_index`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

MAX_NAMED = 5
AHEAD = "the database is ahead of this release"
"""How both say that a newer release has migrated the database: after a rollback the normal state."""
REPEATED_ADVICE = (
    "two processes migrated at the same time and may have changed the data twice: check it, then delete the "
    "additional rows, and let one process alone migrate"
)
INVALID_ADVICE = (
    "its build failed, so it is not used and enforces nothing: drop it with `DROP INDEX CONCURRENTLY`, fix the data "
    "and build it again"
)
INVALID_INDEXES = """
SELECT n.nspname, n.nspname = ANY (current_schemas(false)), i.relname, t.relname, x.indisunique,
  EXISTS (SELECT 1 FROM pg_stat_progress_create_index p WHERE p.index_relid = x.indexrelid)
FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_class t ON t.oid = x.indrelid
JOIN pg_namespace n ON n.oid = i.relnamespace
WHERE NOT x.indisvalid
ORDER BY n.nspname, i.relname
"""
"""Schema, whether it is on the search path, index, table, whether it is unique, whether it is being built now.

`CREATE INDEX CONCURRENTLY` that fails leaves an index that no query uses and no
unique constraint relies on. Repeated with `IF NOT EXISTS` it succeeds, and
Alembic and Django then call the schema complete.
"""

IndexRow = tuple[Any, ...]
Key = tuple[str, str]
"""App and name of a Django migration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationState:
    """Migrations of the code and of the database."""

    pending: tuple[str, ...] = ()
    """In the code and not in the database: the code cannot work yet."""
    unknown: tuple[str, ...] = ()
    """In the database and not in the code: a newer release was here."""
    repeated: tuple[str, ...] = ()
    """Recorded in the database more than once: several processes migrated at the same time."""
    head: str = ""
    """The heads of the code, joined by commas."""


def compare_revisions(
    recorded: Sequence[str], *, heads: Collection[str], parents: Mapping[str, Collection[str]]
) -> MigrationState:
    """Compare the rows of Alembic's version table with the revisions of the code.

    `parents` has every revision of the code, with the revisions below it and
    those it depends on: Alembic records none that another row implies.
    """
    current = set(recorded)
    unknown = current - parents.keys()
    is_ahead = bool(unknown) and not current & parents.keys()
    pending = set() if is_ahead else set(heads) - _implied(current, parents)
    return MigrationState(
        pending=tuple(sorted(pending)),
        unknown=tuple(sorted(unknown)),
        repeated=repeated(recorded),
        head=", ".join(sorted(heads)),
    )


def _implied(recorded: Iterable[str], parents: Mapping[str, Collection[str]]) -> set[str]:
    """Return these revisions and everything below them."""
    implied: set[str] = set()
    waiting = list(recorded)
    while waiting:
        revision = waiting.pop()
        if revision not in implied:
            implied.add(revision)
            waiting += parents.get(revision, ())
    return implied


def compare_migrations(
    rows: Sequence[Key], *, plan: Iterable[Key], replaces: Mapping[Key, Collection[Key]]
) -> MigrationState:
    """Compare the rows of Django's table with the migrations of the code.

    `replaces` has the squashed migrations with their parts: one of them counts
    as applied once all of its parts are.
    """
    applied = set(rows)
    pending = [key for key in dict.fromkeys(plan) if not _is_applied(key, applied, replaces)]
    return MigrationState(
        pending=tuple(f"{app}.{name}" for app, name in pending),
        repeated=repeated(f"{app}.{name}" for app, name in rows),
    )


def _is_applied(key: Key, applied: set[Key], replaces: Mapping[Key, Collection[Key]]) -> bool:
    parts = replaces.get(key)
    return key in applied or (bool(parts) and applied.issuperset(parts or ()))


def newer_rows(rows: Sequence[Key], known: Collection[Key]) -> tuple[str, ...]:
    """Return the rows that were added after an app's last known one, and are not in the code.

    `rows` are in the order in which they were applied. Unknown ones before a
    known one are parts of squashed migrations whose files are gone.
    """
    last = {app: index for index, (app, name) in enumerate(rows) if (app, name) in known}
    return tuple(
        f"{app}.{name}"
        for index, (app, name) in enumerate(rows)
        if (app, name) not in known and index > last.get(app, len(rows))
    )


def repeated(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that stand there more than once."""
    return tuple(sorted(name for name, count in Counter(names).items() if count > 1))


def broken_indexes(rows: Iterable[IndexRow], schemas: Collection[str] = ()) -> tuple[list[str], list[str]]:
    """Return the invalid indexes among the rows of INVALID_INDEXES, and those being built.

    Of the search path and of these schemas.
    """
    own = [row for row in rows if row[1] or row[0] in schemas]
    return [_index(row) for row in own if not row[5]], [_index(row) for row in own if row[5]]


def _index(row: IndexRow) -> str:
    kind = "unique index" if row[4] else "index"
    return f"{kind} {row[2]} on {row[3]}"


def listed(names: Sequence[str]) -> str:
    """Return the first of these names, and how many more there are."""
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more
