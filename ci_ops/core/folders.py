"""Folders of a project: from a start up to the root of its repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def folders_up(start: Path) -> tuple[Path, ...]:
    """Return `start` and its parents up to the repository's root; `start` alone outside a repository."""
    start, root = start.absolute(), repository_root(start)
    upwards = (start, *start.parents)
    return upwards[: upwards.index(root) + 1] if root else (start,)


def repository_root(folder: Path) -> Path | None:
    """Return the nearest folder upwards that contains a repository or a worktree; None if there is none."""
    folder = folder.absolute()
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), None)
