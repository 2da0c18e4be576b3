"""The project's own Python files."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ci_ops.core.git import Git
from ci_ops.core.ports.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


_FOREIGN = frozenset({"__pycache__", "node_modules", "site-packages", ".git"})
"""Folders of this name hold no code of the project, even where git tracks it."""
_USUALLY_MADE = ("build", "dist", "env", "venv")
"""Folders of this name, and hidden ones, hold code of the project only where git tracks some of it."""


def untracked(_folder: Path) -> bool:
    """Return False: by default a folder of build output contains no code of the project."""
    return False


def python_files(
    root: Path,
    paths: tuple[str, ...],
    exclude: tuple[str, ...],
    *,
    is_tracked: Callable[[Path], bool] = untracked,
) -> Iterator[Path]:
    """Return the Python files in the paths, relative to the root.

    Links to folders are not followed. `is_tracked` decides whether a folder that usually contains
    build output, such as `build`, contains source code.
    """
    for path in paths:
        if (root / path).is_file():
            yield Path(path)
            continue
        for folder, folders, names in os.walk(root / path):
            relative = Path(os.path.relpath(folder, root))
            folders[:] = sorted(each for each in folders if _is_own(relative / each, is_tracked))
            found = (relative / name for name in sorted(names) if _is_source(name))
            yield from (each for each in found if not _matches(each, exclude))


@dataclass(frozen=True)
class Tracked:
    """Decides whether git tracks Python files in a folder; no without git."""

    root: Path
    world: World

    def __call__(self, folder: Path) -> bool:
        """Return True when git tracks Python files in the folder."""
        return self._some and bool(self._list(f"{glob.escape(folder.as_posix())}/**/*.py"))

    @cached_property
    def _some(self) -> bool:
        """Return the tracked files of all such folders with one query."""
        return bool(self._list(*(f"**/{name}/**/*.py" for name in (*_USUALLY_MADE, ".*"))))

    def _list(self, *patterns: str) -> str:
        done = Git(self.root, self.world).run(
            "ls-files", "--", *(f":(glob){each}" for each in patterns), max_output=1024
        )
        return done.stdout if done.exit_code == 0 else ""


def _is_own(folder: Path, is_tracked: Callable[[Path], bool]) -> bool:
    name = folder.name
    if name in _FOREIGN or name.endswith(".egg-info"):
        return False
    return is_tracked(folder) if name in _USUALLY_MADE or name.startswith(".") else True


def _is_source(name: str) -> bool:
    """Return True for a source file, but not for an editor's dangling link such as `.#name.py`."""
    return name.endswith(".py") and not name.startswith(".#")


def _matches(path: Path, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(path.as_posix(), pattern) for pattern in patterns)
