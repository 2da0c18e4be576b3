"""PostgreSQL indexes that a failed build has left invalid.

`CREATE INDEX CONCURRENTLY` that fails leaves an index that no query uses and no
unique constraint relies on. Repeated with `IF NOT EXISTS` it succeeds, and
Alembic and Django then call the schema complete.

Source: PostgreSQL 18, CREATE INDEX, "Building Indexes Concurrently"; `pg_index`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.service.deployment.check_result import CheckResult, CheckStatus
from ci_ops.service.health_checks.migrations import listed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

INDEXES = "migrations-indexes"
INVALID = """
SELECT n.nspname, n.nspname = ANY (current_schemas(false)), i.relname, t.relname, x.indisunique,
  EXISTS (SELECT 1 FROM pg_stat_progress_create_index p WHERE p.index_relid = x.indexrelid)
FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_class t ON t.oid = x.indrelid
JOIN pg_namespace n ON n.oid = i.relnamespace
WHERE NOT x.indisvalid
ORDER BY n.nspname, i.relname
"""
"""Schema, whether it is on the search path, index, table, whether it is unique, whether it is being built now."""

Row = tuple[str, bool, str, str, bool, bool]


def judge_indexes(rows: Iterable[Row], schemas: Collection[str] = ()) -> CheckResult:
    """Return the finding on the rows of INVALID, for the search path and these schemas."""
    own = [row for row in rows if row[1] or row[0] in schemas]
    broken = [_name(row) for row in own if not row[5]]
    building = [_name(row) for row in own if row[5]]
    if broken:
        message = (
            f"invalid: {listed(broken)}; its build failed, so it is not used and enforces nothing: "
            "drop it with `DROP INDEX CONCURRENTLY`, mend the data and build it again"
        )
        return CheckResult(
            name=INDEXES, status=CheckStatus.FAIL, message=message, details={"invalid": broken}
        )
    if building:
        return CheckResult(
            name=INDEXES, status=CheckStatus.WARN, message=f"being built now: {listed(building)}"
        )
    return CheckResult(name=INDEXES, status=CheckStatus.PASS, message="no index is invalid")


def _name(row: Row) -> str:
    kind = "unique index" if row[4] else "index"
    return f"{kind} {row[2]} on {row[3]}"
