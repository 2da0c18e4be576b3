"""Folders of a project: from a start up to the root of its repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def folders_up(start: Path) -> tuple[Path, ...]:
    """Return `start` and its parents up to the repository's root; `start` alone outside a repository."""
    start = start.absolute()
    upwards = (start, *start.parents)
    for index, folder in enumerate(upwards):
        if (folder / ".git").exists():
            return upwards[: index + 1]
    return (start,)
