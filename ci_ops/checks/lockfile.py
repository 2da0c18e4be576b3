"""Whether every dependency is locked, in step with the project."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from ci_ops.checks._locks import LOCK_FILES, Lock, read_lock, read_toml
from ci_ops.checks._verdict import Fault, conclude
from ci_ops.core.contract.requirements import Dependency, in_pyproject, in_requirements
from ci_ops.core.contract.versions import plain_clauses, satisfies
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Check, Phase, Rule
from ci_ops.core.result import Location

if TYPE_CHECKING:
    from ci_ops.core.ports import Subject, World
    from ci_ops.core.result import Result

REQUIREMENTS = "requirements.txt"
REQUIREMENTS_IN = "requirements.in"
PYPROJECT = "pyproject.toml"


@dataclass(frozen=True, kw_only=True)
class Lockfile(Check):
    """Every dependency is in a lock file, in step with the project.

    Read offline. uv.lock, poetry.lock, pdm.lock and pylock.toml are understood, and a
    requirements.txt with one exact version per line. Plain versions are
    compared with plain specifiers.
    """

    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.READINESS})
    rules: ClassVar[Mapping[str, Rule]] = {
        "no-lock": Rule(
            sentence="The project names dependencies, but no lock file is beside them.",
            advice="Make one and commit it: `uv lock`, `poetry lock`, `pdm lock`, or `pip-compile`.",
        ),
        "not-locked": Rule(
            sentence="A dependency is missing from the lock file.",
            advice="Lock again and commit the result: `uv lock`, `poetry lock`, `pdm lock`, or `pip-compile`.",
        ),
        "other-version": Rule(
            sentence="The locked version is not one that the project asks for.",
            advice="Lock again and commit the result: `uv lock`, `poetry lock`, `pdm lock`, or `pip-compile`.",
        ),
        "out-of-step": Rule(
            sentence="The lock file was made from another version of the requirements.",
            advice="Lock again and commit the result: `uv lock`.",
        ),
        "unpinned": Rule(
            sentence="A requirement is not pinned to one version.",
            advice="Pin it as name==version, for example by making the file with `pip-compile` or `uv pip compile`.",
        ),
        "unreadable": Rule(
            sentence="A file with dependencies cannot be read.",
            advice="Open it and mend its syntax, or make it again.",
        ),
    }

    file: str = ""
    """The lock file, relative to the project's root; without it, the usual names are looked for."""

    @classmethod
    def detect(cls, root: Path) -> Self | None:
        """Applies where a pyproject.toml or requirements file names dependencies."""
        try:
            return cls() if _wanted(root) or (root / REQUIREMENTS).is_file() else None
        except (OSError, ValueError):
            return cls()

    def run(self, subject: Subject, world: World) -> Iterator[Result]:
        """Compare what is asked for with what is locked."""
        del world
        root = subject.root
        try:
            wanted = _wanted(root)
            pinned = (
                list(in_requirements(root / REQUIREMENTS, root)) if self._takes_requirements(root) else []
            )
            locks = [read_lock(path, root) for path in self._lock_paths(root)]
        except (OSError, ValueError) as error:
            yield conclude(self, [_unreadable(error)], sentence="", measured=0)
            return
        if not wanted and not pinned:
            yield self.result(Status.SKIP, "The project names no dependencies.", measured=0)
            return
        measured = len(wanted) + len(pinned)
        if not locks:
            yield conclude(self, [_no_lock(wanted)], sentence="", measured=measured)
            return
        faults = [*_unpinned(pinned), *(fault for lock in locks for fault in _compare(lock, wanted))]
        files = ", ".join(lock.file for lock in locks)
        sentence = f"{files}: {measured} of {measured} dependencies are locked."
        facts = {"locks": [lock.file for lock in locks], "dependencies": measured}
        yield conclude(self, faults, sentence=sentence, measured=measured, facts=facts)

    def _takes_requirements(self, root: Path) -> bool:
        """True when requirements.txt is the lock: no better one is there."""
        if self.file:
            return self.file == REQUIREMENTS
        return (root / REQUIREMENTS).is_file() and not any((root / name).is_file() for name in LOCK_FILES)

    def _lock_paths(self, root: Path) -> list[Path]:
        if self.file:
            return [root / self.file]
        found = [root / name for name in LOCK_FILES if (root / name).is_file()]
        return found or [root / name for name in (REQUIREMENTS,) if (root / name).is_file()]


def _wanted(root: Path) -> list[Dependency]:
    wanted: list[Dependency] = []
    pyproject, listed = root / PYPROJECT, root / REQUIREMENTS_IN
    if pyproject.is_file():
        wanted += in_pyproject(read_toml(pyproject), pyproject.read_text("utf-8-sig"))
    if listed.is_file():
        wanted += in_requirements(listed, root)
    return wanted


def _compare(lock: Lock, wanted: list[Dependency]) -> Iterator[Fault]:
    for each in wanted:
        if not lock.covers(each.group):
            continue
        if each.name not in lock.versions:
            if not each.is_conditional:
                yield _fault("not-locked", each, f"{each.name} is not in {lock.file}.", observed="nothing")
            continue
        locked = lock.versions[each.name]
        if locked and all(satisfies(version, each.specifier) is False for version in locked):
            sentence = f"{lock.file} holds a version of {each.name} that is not asked for."
            yield _fault("other-version", each, sentence, observed=", ".join(sorted(locked)))
        elif _is_out_of_step(lock, each):
            sentence = f"{lock.file} was made when {each.name} was asked for in another version."
            yield _fault("out-of-step", each, sentence, observed=lock.made_from[each.name] or "any version")


def _is_out_of_step(lock: Lock, wanted: Dependency) -> bool:
    if wanted.group or wanted.is_pinned or wanted.name not in lock.made_from:
        return False
    mine, theirs = plain_clauses(wanted.specifier), plain_clauses(lock.made_from[wanted.name])
    return mine is not None and theirs is not None and mine != theirs


def _unpinned(requirements: list[Dependency]) -> Iterator[Fault]:
    for each in requirements:
        if not each.is_pinned:
            sentence = f"{each.name} in {each.file} is not pinned to one version."
            yield _fault(
                "unpinned", each, sentence, expected=f"{each.name}==…", observed=each.specifier or "any"
            )


def _fault(rule: str, about: Dependency, sentence: str, *, observed: str, expected: str = "") -> Fault:
    return Fault(
        rule=rule,
        severity=Status.FAIL,
        sentence=sentence,
        expected=expected or f"{about.name} {about.specifier}".strip(),
        observed=observed,
        subject=about.name,
        location=Location(file=about.file, line=about.line),
    )


def _no_lock(wanted: list[Dependency]) -> Fault:
    return Fault(
        rule="no-lock",
        severity=Status.FAIL,
        sentence=f"{wanted[0].file} names {len(wanted)} dependencies, but no lock file is beside it.",
        expected=", ".join((*LOCK_FILES, REQUIREMENTS)),
        observed="none of them",
        location=Location(file=wanted[0].file, line=wanted[0].line),
    )


def _unreadable(error: Exception) -> Fault:
    where = f" ({Path(error.filename).name})" if isinstance(error, OSError) and error.filename else ""
    why = error.strerror if isinstance(error, OSError) else str(error)
    return Fault(
        rule="unreadable",
        severity=Status.ERROR,
        sentence=f"A file with dependencies cannot be read{where}.",
        observed=(why or type(error).__name__)[:200],
    )
