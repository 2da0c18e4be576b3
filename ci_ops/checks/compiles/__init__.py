"""Whether every Python file can be compiled."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ci_ops.checks._python_files import Tracked, python_files
from ci_ops.checks._verdict import Fault, conclude, evidence
from ci_ops.checks.compiles.interpreters import PythonDemand, other_pythons, python_demand
from ci_ops.core.child_environment import PYTHON, tool_environment
from ci_ops.core.fields import Duration
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Check, Phase, Rule
from ci_ops.core.result import Location

if TYPE_CHECKING:
    from ci_ops.core.ports.world import World
    from ci_ops.core.result import Result
    from ci_ops.core.subject import Subject

_CHILD = Path(__file__).with_name("compile_files.py")
_MAX_FILES_NAMED = 20


@dataclass(frozen=True, kw_only=True)
class Compiles(Check):
    """Every Python file of the project compiles; none of them is run.

    It is compiled by a Python that the project asks for (`.python-version`,
    `runtime.txt`, `.tool-versions`, Pipfile, `requires-python`): ours, or another
    that is installed here. Under any other nothing is said to be broken.
    """

    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.READINESS})
    starts_programs: ClassVar[bool] = True
    rules: ClassVar[Mapping[str, Rule]] = {
        "broken": Rule(
            sentence="A file does not compile.",
            advice="Fix the syntax at that line; name files that are broken on purpose in `exclude`.",
        ),
        "other-python": Rule(
            sentence="The project requires a Python that is not installed here.",
            advice="Install that Python before this step (actions/setup-python), or name an interpreter in `python`.",
        ),
        "unread": Rule(
            sentence="A file could not be read, so it was not compiled.",
            advice="Let this user read it, or name it in `exclude`.",
        ),
        "no-python": Rule(
            sentence="There is no Python file to compile.",
            advice="Name the folders that hold the code in `paths`, relative to the project's root.",
        ),
        "unavailable": Rule(
            sentence="The compiler could not be run to its end.",
            advice="Name the interpreter in `python`, or raise `timeout`.",
        ),
    }

    paths: tuple[str, ...] = (".",)
    """Folders and files to compile, relative to the project's root, such as `src`."""
    exclude: tuple[str, ...] = ()
    """Patterns such as `tests/data/*` of files to leave out, relative to the project's root."""
    python: str = ""
    """The interpreter, such as `python3.13`; without it, one that the project asks for."""
    timeout: Duration = 300.0
    """For all files together."""

    @classmethod
    def detect(cls, root: Path) -> Self | None:
        """Applies to a project with a Python file."""
        check = cls()
        return check if next(python_files(root, check.paths, check.exclude), None) is not None else None

    def run(self, subject: Subject, world: World) -> Iterator[Result]:
        """Compile all files in one child, which neither runs them nor imports from the project."""
        is_tracked = Tracked(subject.root, world)
        files = list(python_files(subject.root, self.paths, self.exclude, is_tracked=is_tracked))
        if not files:
            fault = Fault(rule="no-python", severity=Status.ERROR, sentence="")
            yield conclude(self, [fault], sentence="", measured=0)
            return
        demand = None if self.python else python_demand(subject.root)
        python = self._interpreter(demand, subject, world)
        try:
            compilation = self._compile(python, files, subject, world)
        except _NotCompiled as problem:
            fault = Fault(
                rule="unavailable", severity=Status.ERROR, sentence="", observed=evidence(world, str(problem))
            )
            yield conclude(self, [fault], sentence="", measured=0)
            return
        subject_text = (
            f"All {len(files)} Python files compile" if len(files) > 1 else "The one Python file compiles"
        )
        yield conclude(
            self,
            _faults(compilation, files, demand, world),
            sentence=f"{subject_text} with Python {compilation.version}.",
            measured=len(files) - len(compilation.unread),
            facts={"files": len(files), "python": compilation.version},
        )

    def _interpreter(self, demand: PythonDemand | None, subject: Subject, world: World) -> str:
        ours = ".".join(map(str, sys.version_info[:3]))
        if self.python or demand is None or demand.allows(ours):
            return self.python or sys.executable
        return next(other_pythons(demand, world.process, world.env, subject.root), sys.executable)

    def _compile(self, python: str, files: list[Path], subject: Subject, world: World) -> _Compilation:
        with tempfile.TemporaryDirectory(prefix="ci-ops-compiles-", ignore_cleanup_errors=True) as folder:
            names, result = Path(folder) / "names", Path(folder) / "result.json"
            names.write_bytes(b"".join(os.fsencode(subject.root / path) + b"\0" for path in files))
            # Isolated, without site: neither the project's modules nor its environment have a say in this.
            completed = world.process.run(
                [python, "-I", "-S", "-B", str(_CHILD), str(names), str(result)],
                timeout_seconds=self.timeout,
                env=tool_environment(world.env, PYTHON),
                directory=subject.root,
            )
            if completed.interrupted:
                world.stop.check()
            try:
                return _Compilation.from_json(json.loads(result.read_bytes()))
            except (OSError, ValueError):
                why = "it took too long" if completed.timed_out else completed.output[-1000:]
                raise _NotCompiled(why or f"it ended with exit code {completed.exit_code}") from None


class _NotCompiled(Exception):
    """The child process failed; the text says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Compilation:
    """The results of the child, by the number of the file."""

    version: str
    broken: tuple[tuple[int, int, str], ...]
    """Number, line and words."""
    unread: tuple[tuple[int, str], ...]
    """Number and reason."""

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(
            version=".".join(map(str, document["python"])),
            broken=tuple((number, line, words) for number, line, words in document["broken"]),
            unread=tuple((number, why) for number, why in document["unread"]),
        )


def _faults(
    compilation: _Compilation, files: list[Path], demand: PythonDemand | None, world: World
) -> Iterator[Fault]:
    for number, why in compilation.unread[:_MAX_FILES_NAMED]:
        file = evidence(world, str(files[number]), 200)
        sentence = f"{file} could not be read, so it was not compiled."
        yield Fault(
            rule="unread",
            severity=Status.ERROR,
            sentence=sentence,
            observed=evidence(world, why),
            subject=file,
        )
    if demand is not None and not demand.allows(compilation.version):
        yield _other_python(compilation, evidence(world, str(demand)))
        return
    for number, line, words in compilation.broken:
        file = evidence(world, str(files[number]), 200)
        yield Fault(
            rule="broken",
            severity=Status.FAIL,
            sentence=f"{file} does not compile with Python {compilation.version}.",
            observed=evidence(world, words),
            subject=file,
            location=Location(file=file, line=line),
        )


def _other_python(compilation: _Compilation, demand: str) -> Fault:
    """Return the result with another Python than the project's: error if a file fails, else warning."""
    refused = len(compilation.broken)
    files = f"{refused} files" if refused > 1 else "one file"
    what = f"does not compile {files}, which may be right for that one" if refused else "compiles every file"
    return Fault(
        rule="other-python",
        severity=Status.ERROR if refused else Status.WARN,
        sentence=f"The project needs {demand}; Python {compilation.version} {what}.",
        expected=demand,
        observed=f"Python {compilation.version}, and no other that fits",
    )
