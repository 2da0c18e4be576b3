"""The projects whose dependencies a lock file must contain, and the place of that lock file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from ci_ops.checks.lockfile.addresses import is_address
from ci_ops.checks.lockfile.locks import parse_toml, require_no_conflict, table
from ci_ops.checks.lockfile.pep440 import parse_requirement
from ci_ops.core.contract.requirement_files import read_requirement_files
from ci_ops.core.contract.requirements import Dependency, in_pyproject, normal, read_requirement
from ci_ops.core.folders import folders_up
from ci_ops.core.text.encoding import read_text_file

if TYPE_CHECKING:
    from collections.abc import Iterator

PYPROJECT = "pyproject.toml"
PIPFILE = "Pipfile"
REQUIREMENTS = "requirements.txt"
REQUIREMENTS_IN = "requirements.in"
UV_LOCK = "uv.lock"
MAX_MEMBERS = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """One folder with a pyproject.toml, or with requirements.in alone."""

    folder: Path
    document: Mapping[str, Any] = field(default_factory=dict)
    dependencies: tuple[Dependency, ...] = ()
    pipfile: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name in pyproject.toml; empty for none."""
        name = table(self.document, "project").get("name", "")
        return name if isinstance(name, str) else ""

    @property
    def requires_python(self) -> str:
        """The required Python versions; empty for none."""
        value = table(self.document, "project").get("requires-python", "")
        return value if isinstance(value, str) else ""

    @property
    def dynamic(self) -> frozenset[str]:
        """The fields that the build computes, so that they are in no file."""
        listed = table(self.document, "project").get("dynamic")
        return frozenset(map(str, listed)) if isinstance(listed, list) else frozenset()


def read_project(folder: Path, root: Path) -> Project:
    """Return the dependencies in the files of `folder`. Raises OSError, Conflict, ValueError."""
    document: dict[str, Any] = {}
    dependencies: list[Dependency] = []
    prefix = relative(folder, root)
    if (path := folder / PYPROJECT).is_file():
        text = read_text_file(path)
        document = parse_toml(text, _in(prefix, PYPROJECT))
        found = in_pyproject(document, text)
        dependencies += (_exact(replace(each, file=_in(prefix, PYPROJECT))) for each in found)
    if (path := folder / REQUIREMENTS_IN).is_file():
        dependencies += _in_requirements(path, root)
    pipfile: dict[str, Any] = {}
    if (path := folder / PIPFILE).is_file():
        text = read_text_file(path)
        pipfile = parse_toml(text, _in(prefix, PIPFILE))
        dependencies += in_pipfile(pipfile, text, _in(prefix, PIPFILE))
    return Project(folder=folder, document=document, dependencies=tuple(dependencies), pipfile=pipfile)


def in_pipfile(pipfile: Mapping[str, Any], text: str, file: str) -> Iterator[Dependency]:
    """Yield the dependencies of a Pipfile; one from outside an index has no version to compare."""
    for category, group in (("packages", ""), ("dev-packages", "develop")):
        for name, wish in table(pipfile, category).items():
            version = wish.get("version", "*") if isinstance(wish, dict) else wish
            yield Dependency(
                name=normal(name),
                specifier="" if version == "*" or not isinstance(version, str) else version,
                is_conditional=isinstance(wish, dict)
                and bool(wish.keys() & {"markers", "sys_platform", "os_name"}),
                group=group,
                file=file,
                line=text[: max(0, text.find(name))].count("\n") + 1,
            )


def _in_requirements(path: Path, root: Path) -> Iterator[Dependency]:
    found = read_requirement_files(path, root, boundary(root))
    for name in found.files:
        require_no_conflict(read_text_file(root / name), name)
    for line in found.lines:
        if line.is_constraint or is_address(line):
            continue
        dependency = read_requirement(line.text, file=line.file, line=line.line)
        if dependency is None:
            raise ValueError(f"{line.file}:{line.line} is no requirement")
        yield _exact(dependency)


def _exact(dependency: Dependency) -> Dependency:
    """Return the dependency with the specifier in its standard form."""
    parsed = parse_requirement(dependency.text) if dependency.text else None
    return replace(dependency, specifier=parsed.specifier) if parsed else dependency


def boundary(root: Path) -> Path:
    """Return the root of the repository, above which nothing belongs to the project."""
    return folders_up(root)[-1].resolve()


def workspace_of(root: Path) -> Path | None:
    """Return the folder of the uv workspace that has `root` as a member; None outside one."""
    for folder in folders_up(root)[1:]:
        if (folder / PYPROJECT).is_file() and root.resolve() in (each.resolve() for each in members(folder)):
            return folder
    return None


def members(root: Path) -> list[Path]:
    """Return the member folders of the uv workspace at `root`, sorted; none if it is no workspace.

    Source: docs.astral.sh/uv/concepts/projects/workspaces.
    """
    try:
        document = parse_toml(read_text_file(root / PYPROJECT), PYPROJECT)
    except (OSError, ValueError):
        return []
    workspace = table(document, "tool", "uv", "workspace")
    found = {folder for pattern in _patterns(workspace, "members") for folder in _matching(root, pattern)}
    excluded = {folder for pattern in _patterns(workspace, "exclude") for folder in _matching(root, pattern)}
    listed = [each for each in sorted(found - excluded) if each != root and (each / PYPROJECT).is_file()]
    return listed[:MAX_MEMBERS]


def pdm_members(document: Mapping[str, Any]) -> list[str]:
    """Return the member patterns of the PDM workspace that a pyproject.toml is the root of.

    Source: pdm-project.org/latest/usage/workspace (PDM ≥ 2.28).
    """
    return _patterns(table(document, "tool", "pdm", "workspace"), "members")


def _patterns(workspace: Mapping[str, Any], key: str) -> list[str]:
    listed = workspace.get(key)
    return [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []


def _matching(root: Path, pattern: str) -> Iterator[Path]:
    """Return matching folders inside the workspace; a pattern outside it matches nothing."""
    parts = PurePosixPath(pattern).parts
    if not parts or ".." in parts or PurePosixPath(pattern).is_absolute():
        return
    yield from (each for each in root.glob("/".join(parts)) if each.is_dir() and not each.is_symlink())


def relative(path: Path, root: Path) -> str:
    """Return the path for messages, relative to the project's root; `.` for the root itself."""
    return os.path.relpath(path.resolve(), root.resolve()).replace(os.sep, "/")


def _in(prefix: str, name: str) -> str:
    return name if prefix == "." else f"{prefix}/{name}"
