"""Whether every dependency is locked, consistently with the project."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from ci_ops.checks._verdict import Fault, conclude
from ci_ops.checks.lockfile.faults import fault
from ci_ops.checks.lockfile.locks import LOCK_FILES, Conflict
from ci_ops.checks.lockfile.project import PIPFILE, PYPROJECT, REQUIREMENTS, REQUIREMENTS_IN
from ci_ops.core.contract.requirements import in_pyproject
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Check, Phase, Rule
from ci_ops.core.text.encoding import read_text_file

if TYPE_CHECKING:
    from ci_ops.checks.lockfile.survey import Survey
    from ci_ops.core.ports.world import World
    from ci_ops.core.result import Result
    from ci_ops.core.subject import Subject

_AGAIN = "Make the lock file again and commit it: `uv lock`, `poetry lock`, `pdm lock`, or `pip-compile`."


@dataclass(frozen=True, kw_only=True)
class Lockfile(Check):
    """Every dependency is in a lock file, in step with the project.

    Read offline: uv.lock (also of the workspace above), poetry.lock, pdm.lock, pylock.toml,
    Pipfile.lock and requirements.txt with everything it includes. Where several lie side by side, they have to
    agree: a server may install from either.
    """

    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.READINESS})
    rules: ClassVar[Mapping[str, Rule]] = {
        "no-lock": Rule(
            sentence="The project names dependencies, but no lock file is beside them.",
            advice="Make one and commit it: `uv lock`, `poetry lock`, `pdm lock`, or `pip-compile`.",
        ),
        "not-locked": Rule(sentence="A dependency is missing from the lock file.", advice=_AGAIN),
        "other-version": Rule(
            sentence="The locked version is not one that the project accepts.", advice=_AGAIN
        ),
        "out-of-step": Rule(
            sentence="The lock file was made from another version of the requirements.", advice=_AGAIN
        ),
        "other-python": Rule(sentence="The lock file was made for other versions of Python.", advice=_AGAIN),
        "one-environment": Rule(
            sentence="The lock file does not name its environments, and lacks a dependency that has a marker.",
            advice="Make it on the server's system with the server's Python, or with a tool that locks for every "
            "environment: `uv lock`, then `uv export --format pylock.toml`.",
        ),
        "locks-differ": Rule(
            sentence="Two lock files side by side install different packages.",
            advice="Export one from the other again, or delete the one that is not used.",
        ),
        "contradiction": Rule(
            sentence="Two lines name two versions of one package, or one package twice.",
            advice="Keep one of them; pip refuses both together.",
        ),
        "half-hashed": Rule(
            sentence="Some requirements have a hash and others have none.",
            advice="Give all of them a hash or none: pip refuses a mixture. `uv export --no-emit-project` leaves out "
            "the project itself, which has none.",
        ),
        "conflict": Rule(
            sentence="A file has the markers of an unfinished merge.",
            advice="Resolve the conflict: take one side, then make the lock file again.",
        ),
        "unpinned": Rule(
            sentence="A requirement is not pinned to one version.",
            advice="Pin it as name==version, for example by making the file with `pip-compile` or `uv pip compile`.",
        ),
        "moving": Rule(
            sentence="A requirement follows a branch, a tag or an address whose content may change.",
            advice="Name a commit (`@` and 40 hexadecimal digits), or add the hash of the archive.",
        ),
        "local-path": Rule(
            sentence="A requirement is installed from a path that only one machine has.",
            advice="Name a version of an index, or a path in the repository; "
            "`pip list --format=freeze` writes versions where `pip freeze` writes build folders.",
        ),
        "not-read": Rule(
            sentence="A requirements file names another one that was not read.",
            advice="Keep a copy of it in the repository, or ignore this rule with a reason.",
        ),
        "unreadable": Rule(
            sentence="A file with dependencies cannot be read.",
            advice="Open it and fix its syntax, or make it again.",
        ),
    }

    file: str = ""
    """The lock file, relative to the project's root, such as `requirements/prod.txt`; else the usual names."""

    @classmethod
    def detect(cls, root: Path) -> Self | None:
        """Applies to a project whose pyproject.toml or requirements file names dependencies."""
        if any((root / name).is_file() for name in (REQUIREMENTS, REQUIREMENTS_IN, PIPFILE)):
            return cls()
        if not (root / PYPROJECT).is_file():
            return None
        try:
            import tomllib  # noqa: PLC0415 - only for a project that has such a file

            text = read_text_file(root / PYPROJECT)
            return cls() if any(in_pyproject(tomllib.loads(text), text)) else None
        except (OSError, ValueError, RecursionError):
            return cls()

    def run(self, subject: Subject, world: World) -> Iterator[Result]:
        """Compare the declared dependencies with the locked ones."""
        from ci_ops.checks.lockfile.survey import survey  # noqa: PLC0415 - kept out of `--help`

        del world
        try:
            found = survey(subject.root, self.file)
        except Conflict as error:
            sentence = f"{error.file} has the markers of an unfinished merge."
            marks = fault("conflict", sentence, file=error.file, line=error.line)
            yield conclude(self, [marks], sentence="", measured=1)
            return
        except (OSError, ValueError) as error:
            yield conclude(self, [_unreadable(error)], sentence="", measured=0)
            return
        yield self._judged(found)

    def _judged(self, found: Survey) -> Result:
        if not found.wanted and not found.pins and not found.faults:
            return self.result(Status.SKIP, "The project names no dependencies.", measured=0)
        measured = len(found.wanted) + len(found.pins)
        if not found.locks and found.wanted:
            return conclude(self, [_no_lock(found), *found.faults], sentence="", measured=measured)
        files = ", ".join(lock.file for lock in found.locks)
        sentence = f"{files}: {measured} of {measured} dependencies are locked."
        facts = {"locks": [lock.file for lock in found.locks], "dependencies": measured}
        return conclude(self, found.faults, sentence=sentence, measured=measured, facts=facts)


def _no_lock(found: Survey) -> Fault:
    first, number = found.wanted[0], len(found.wanted)
    what = "1 dependency" if number == 1 else f"{number} dependencies"
    return fault(
        "no-lock",
        f"{first.file} names {what}, but no lock file is beside it.",
        file=first.file,
        line=first.line,
        expected=", ".join((*LOCK_FILES, REQUIREMENTS)),
        observed="none of them",
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
