"""The migrations of the release, as the checkout has them or the configuration says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ci_ops.checks.migrations_applied.alembic_files import Revisions, read_revisions
from ci_ops.checks.migrations_applied.django_files import Migrations, read_migrations

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """What the database has to be at."""

    heads: frozenset[str] = frozenset()
    """Of Alembic; empty where nothing names them."""
    revisions: Revisions | None = None
    """Alembic's scripts; None where the checkout has none, or `heads` takes their place."""
    migrations: Migrations | None = None
    """Django's files; None where the checkout has none."""

    @property
    def is_known(self) -> bool:
        """Return True where there is anything to compare with."""
        return bool(self.heads or self.migrations)

    @property
    def facts(self) -> dict[str, Any]:
        """Return the heads and the number of migrations."""
        facts: dict[str, Any] = {"heads": sorted(self.heads)} if self.heads else {}
        if self.migrations is not None:
            facts["migrations"] = len(self.migrations.plan)
        return facts


def read_release(root: Path, *, heads: tuple[str, ...], scripts: str, apps: tuple[str, ...]) -> Release:
    """Return the migrations of the release. Raises ValueError for files that cannot be read."""
    revisions = None if heads else read_revisions(root, scripts)
    return Release(
        heads=frozenset(heads) if heads else revisions.heads if revisions else frozenset(),
        revisions=revisions,
        migrations=read_migrations(root, apps),
    )
