"""Where the configuration file is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.config.shown import shown
from ci_ops.core.errors import UsageError
from ci_ops.core.folders import folders_up

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAMES = ("ci-ops.yml", "ci-ops.yaml", "ci-ops.json")
VARIABLE = "CI_OPS_CONFIG"


def find_file(start: Path, env: Mapping[str, str], asked: str = "") -> Path | None:
    """The file asked for, else CI_OPS_CONFIG, else the nearest one upwards.

    None when there is none.

    Upwards means from `start` to the root of its git repository. Outside a
    repository only `start` itself counts: what lies above may be anybody's.
    Raises UsageError for a file that was named but is not there.
    """
    named, origin = (asked, "--config") if asked else (env.get(VARIABLE, ""), VARIABLE)
    if named:
        path = start.absolute() / named
        if not path.is_file():
            raise UsageError(
                f"there is no file {shown(named)}", where=origin, hint="The path is relative to here."
            )
        return path
    folders = folders_up(start)
    return next((found for folder in folders if (found := _in(folder)) is not None), None)


def project_folder(start: Path, env: Mapping[str, str], asked: str = "") -> Path:
    """The folder in which commands work.

    Where the nearest file lies, so that a subfolder makes no difference.

    `start` itself where a file was named, or where there is none.
    """
    path = None if asked or env.get(VARIABLE) else find_file(start, env)
    return path.parent if path else start


def name_for(path: Path, start: Path) -> str:
    """The file as messages name it.

    Relative to here, else to the repository's root, else in full.
    """
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
