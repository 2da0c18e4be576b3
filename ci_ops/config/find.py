"""The search for the configuration file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ci_ops.config.safe_text import safe_word
from ci_ops.core.errors import UsageError
from ci_ops.core.folders import folders_up, repository_root

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = ("ci-ops.yml", "ci-ops.yaml", "ci-ops.json")
VARIABLE = "CI_OPS_CONFIG"


def find_file(start: Path, env: Mapping[str, str], asked: str = "") -> Path | None:
    """Return the requested file, else CI_OPS_CONFIG, else the nearest one upwards; None if there is none.

    Upwards means from `start` to the root of its git repository. Outside a repository only `start`
    itself is searched: parent folders may belong to anybody. Raises UsageError if a requested file
    does not exist.
    """
    named, origin = _named(asked, env)
    if named:
        return _existing(named, origin, start)
    folders = folders_up(start)
    return next((found for folder in folders if (found := _in(folder)) is not None), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """The folder of a command, and its configuration file if one was requested."""

    folder: Path
    """The folder of the project: checks look here, and commands run here."""
    file: str = ""
    """The file that was named, as a path from that folder or from the root; empty for none."""


def find_project(start: Path, env: Mapping[str, str], *, file: str = "", directory: str = "") -> Project:
    """Return the project of a command that was started in `start`. Raises UsageError.

    `directory` selects its folder. The default is the folder of the nearest file, so that a
    subfolder makes no difference; a requested file does not move the project, unless `start` is
    outside the repository that contains it.
    """
    named, origin = _named(file, env)
    folder = start / directory
    if not folder.is_dir():
        raise UsageError(
            f"there is no folder {safe_word(directory)}",
            where="directory",
            hint="The path is relative to the folder in which the command is started.",
        )
    if not named:
        nearest = None if directory else find_file(start, env)
        return Project(folder=nearest.parent if nearest else folder)
    path = _existing(named, origin, start, folder)
    if not directory and repository_root(path.parent) not in {None, repository_root(start.absolute())}:
        folder = path.parent
    return Project(folder=folder, file=str(path))


def _named(asked: str, env: Mapping[str, str]) -> tuple[str, str]:
    """Return the requested file and the option that requested it; empty for none."""
    return (asked, "--config") if asked else (env.get(VARIABLE, ""), VARIABLE)


def _existing(named: str, origin: str, *folders: Path) -> Path:
    for folder in folders:
        if (path := Path(os.path.normpath(folder.absolute() / named))).is_file():
            return path
    raise UsageError(
        f"there is no file {safe_word(named)}",
        where=origin,
        hint="The path is relative to the folder in which the command is started, or to `directory`.",
    )


def name_for(path: Path, start: Path) -> str:
    """Return the file's name for messages: relative to here, else to the repository's root, else in full."""
    path = path.absolute()
    for folder in (start.absolute(), folders_up(start)[-1]):
        if path.is_relative_to(folder):
            return path.relative_to(folder).as_posix()
    return path.as_posix()


def _in(folder: Path) -> Path | None:
    found = [folder / name for name in NAMES if (folder / name).is_file()]
    if len(found) > 1:
        raise UsageError(
            f"{found[0].name} and {found[1].name} lie side by side",
            where=folder.as_posix(),
            hint="Keep one of them, or say with --config which one counts.",
        )
    return found[0] if found else None
