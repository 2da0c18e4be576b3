"""Which Python files are the project's own."""

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
    """False: what is usually made holds no code of the project."""
    return False


def python_files(
    root: Path,
    paths: tuple[str, ...],
    exclude: tuple[str, ...],
    *,
    is_tracked: Callable[[Path], bool] = untracked,
) -> Iterator[Path]:
    """The Python files in the paths, relative to the root.

    Links to folders are not followed. `is_tracked` says of a folder that is
    usually made, such as `build`, whether it holds code all the same.
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
    """Tells whether git tracks Python files in a folder; no without git."""

    root: Path
    world: World

    def __call__(self, folder: Path) -> bool:
        """True when it does."""
        return self._some and bool(self._list(f"{glob.escape(folder.as_posix())}/**/*.py"))

    @cached_property
    def _some(self) -> bool:
        """One question for all such folders: nearly always there are none."""
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
    """Editors leave links called `.#name.py`, which lead nowhere, while a file is open."""
    return name.endswith(".py") and not name.startswith(".#")


def _matches(path: Path, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(path.as_posix(), pattern) for pattern in patterns)
