"""Whether what a project asks for is what is installed."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from ci_ops.core.contract.requirements import in_pyproject, in_requirements
from ci_ops.core.contract.versions import satisfies

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ci_ops.core.contract.requirements import Dependency


def declared(root: Path) -> Iterator[Dependency]:
    """Yield what the project needs to run: no extras, no groups. Raises OSError, ValueError."""
    project, listed = root / "pyproject.toml", root / "requirements.txt"
    if project.is_file():
        text = project.read_text("utf-8-sig")
        yield from (each for each in in_pyproject(tomllib.loads(text), text) if not each.group)
    if listed.is_file():
        yield from in_requirements(listed, root)


def why_unmet(asked: Dependency, installed: Mapping[str, str], *, by: str) -> str:
    """Return what is wrong with a requirement that `by` states; empty where it is met.

    `installed` has the version of each distribution by its normalised name. What has a marker may rightly be
    missing, or be there in another version.
    """
    version = installed.get(asked.name)
    if version is None:
        return "" if asked.is_conditional else f"{asked.name} is not installed, and {by} asks for it"
    if satisfies(version, asked.specifier) is False and not asked.is_conditional:
        return f"{asked.name} {version} is installed, and {by} asks for {asked.specifier}"
    return ""
