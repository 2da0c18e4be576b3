"""The migrations of a release, read from Django's files without running them."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ci_ops.checks._python_files import python_files
from ci_ops.checks.migrations_applied.source import assigned, literal, read_python
from ci_ops.core.contract.migrations import Key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FOLDER = "migrations"


@dataclass(frozen=True, kw_only=True, slots=True)
class Migrations:
    """Every migration of the project's own apps."""

    plan: tuple[Key, ...]
    replaces: dict[Key, tuple[Key, ...]]
    """Squashed migrations with their parts."""


def read_migrations(root: Path, apps: tuple[str, ...] = ()) -> Migrations | None:
    """Return the migrations of these apps, or of all that lie in the project; None where there are none.

    Raises ValueError for a file that cannot be read.
    """
    plan: list[Key] = []
    replaces: dict[Key, tuple[Key, ...]] = {}
    for file in python_files(root, (".",), ()):
        if file.parent.name != _FOLDER or file.name == "__init__.py":
            continue
        migration = _migration_class(_tree(root, file))
        label = _label(root, file.parent.parent)
        if migration is None or (apps and label not in apps):
            continue
        key = (label, file.stem)
        plan.append(key)
        parts = tuple(_parts(file, migration))
        if parts:
            replaces[key] = parts
    return Migrations(plan=tuple(plan), replaces=replaces) if plan else None


def _label(root: Path, folder: Path) -> str:
    """Return the app's label: that of its AppConfig, else the folder's name."""
    apps = folder / "apps.py"
    if (root / apps).is_file():
        for config in (each for each in _tree(root, apps).body if isinstance(each, ast.ClassDef)):
            for name, value in assigned(config.body):
                if name == "label" and isinstance(value, ast.Constant) and isinstance(value.value, str):
                    return value.value
    return folder.name


def _parts(file: Path, migration: ast.ClassDef) -> Iterator[Key]:
    for name, value in assigned(migration.body):
        found = literal(value, file.as_posix()) if name == "replaces" else ()
        for each in found if isinstance(found, list | tuple) else ():
            if isinstance(each, tuple | list) and len(each) == 2:
                yield str(each[0]), str(each[1])


def _migration_class(tree: ast.Module) -> ast.ClassDef | None:
    classes = (node for node in tree.body if isinstance(node, ast.ClassDef))
    return next((each for each in classes if each.name == "Migration"), None)


def _tree(root: Path, file: Path) -> ast.Module:
    return read_python(root / file, file.as_posix())
