"""A survey of a project's dependency files, and their faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ci_ops.checks._verdict import Fault
from ci_ops.checks.lockfile.addresses import Pin
from ci_ops.checks.lockfile.compare import (
    dangling,
    differences,
    doubled,
    left_out,
    missing_or_other,
    other_python,
)
from ci_ops.checks.lockfile.faults import fault
from ci_ops.checks.lockfile.hashes import stale_hash
from ci_ops.checks.lockfile.locks import LOCK_FILES, Lock, is_lock, read_lock, table
from ci_ops.checks.lockfile.pins import Pins, read_pins
from ci_ops.checks.lockfile.project import (
    PYPROJECT,
    REQUIREMENTS,
    UV_LOCK,
    Project,
    boundary,
    members,
    pdm_members,
    read_project,
    relative,
    workspace_of,
)
from ci_ops.checks.lockfile.uv import Member, stale_manifest, stale_member
from ci_ops.core.contract.requirements import Dependency
from ci_ops.core.health.status import Status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """The files that were read, with every fault."""

    wanted: tuple[Dependency, ...]
    pins: tuple[Pin, ...]
    locks: tuple[Lock, ...]
    faults: tuple[Fault, ...]


def survey(root: Path, file: str = "") -> Survey:
    """Read the project at `root` with its lock files, or with the lock `file` alone.

    Raises OSError, Conflict, ValueError when one of the files cannot be read.
    """
    project = read_project(root, root)
    paths = [root / file] if file else [root / name for name in LOCK_FILES if (root / name).is_file()]
    workspace = None if file or UV_LOCK in {path.name for path in paths} else workspace_of(root)
    if workspace is not None and (workspace / UV_LOCK).is_file():
        paths.append(workspace / UV_LOCK)
    locks = [read_lock(path, relative(path, root)) for path in paths if is_lock(path.name)]
    listed = [path for path in paths if not is_lock(path.name)]
    if not file and (root / REQUIREMENTS).is_file():
        listed.append(root / REQUIREMENTS)
    pins = [read_pins(path, root, boundary(root), is_only_lock=not locks) for path in listed]
    owner = workspace or root
    others = [read_project(folder, root) for folder in members(owner)] if any(map(_is_uv, locks)) else []
    if workspace is not None:
        others.append(read_project(workspace, root))
    own = [each for each in others if each.folder.resolve() != root.resolve()] if others else []
    faults = list(_faults(project, own, locks, owner))
    faults += _about_requirements(project, pins, locks)
    wanted = (*project.dependencies, *(each for one in own if workspace is None for each in one.dependencies))
    return Survey(
        wanted=wanted,
        pins=tuple(pin for each in pins for pin in each.pins),
        locks=(*locks, *(each.lock for each in pins)),
        faults=tuple(faults),
    )


def _is_uv(lock: Lock) -> bool:
    return lock.name == UV_LOCK


def _faults(project: Project, others: list[Project], locks: list[Lock], owner: Path) -> Iterator[Fault]:
    """Yield the faults of each lock file; at a workspace's root for every member, elsewhere for one."""
    for lock in locks:
        is_at_root = owner == project.folder
        checked = [project, *(others if _is_uv(lock) and is_at_root else [])]
        yield from doubled(lock)
        yield from dangling(lock)
        wanted = [each for one in checked for each in one.dependencies]
        named = list(missing_or_other(lock, wanted))
        yield from named
        yield from left_out(lock, wanted)
        yield from other_python(lock, [project, *others])
        yield from _unread_members(lock, project)
        subjects = {fault.subject for fault in named}
        yield from (each for each in _stale(lock, checked, others, owner) if each.subject not in subjects)


def _unread_members(lock: Lock, project: Project) -> Iterator[Fault]:
    """Say that the members of a PDM workspace were not held against the lock of its root."""
    members = [] if _is_uv(lock) else pdm_members(project.document)
    if members:
        yield fault(
            "not-read",
            f"The members of the PDM workspace were not read; {lock.file} was held against its root alone.",
            file=PYPROJECT,
            severity=Status.WARN,
            subject="tool.pdm.workspace",
            observed=", ".join(members),
            advice="Run `pdm lock --check` in a check of type `command`, then ignore this rule with that reason.",
        )


def _stale(lock: Lock, checked: list[Project], others: list[Project], owner: Path) -> Iterator[Fault]:
    if not _is_uv(lock):
        yield from stale_hash(lock, checked[0])
        return
    root = next(
        (each for each in (*checked, *others) if each.folder.resolve() == owner.resolve()), checked[0]
    )
    shared = table(root.document, "tool", "uv", "sources")
    for project in checked:
        sources = {**shared, **table(project.document, "tool", "uv", "sources")}
        path = relative(project.folder, owner)
        yield from stale_member(lock, Member(project=project, path=path, sources=sources))
    yield from stale_manifest(lock, root)


def _about_requirements(project: Project, pins: list[Pins], locks: list[Lock]) -> Iterator[Fault]:
    for each in pins:
        yield from each.faults
        yield from missing_or_other(each.lock, project.dependencies)
        for lock in locks:
            yield from differences(lock, each.lock, each.pins)
