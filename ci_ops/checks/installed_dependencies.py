"""Whether what the project declares is installed, and can be imported."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from ci_ops.checks._verdict import Fault, conclude, evidence
from ci_ops.core.child_environment import PYTHON, tool_environment
from ci_ops.core.contract.installed import declared, why_unmet
from ci_ops.core.declaration import project_python
from ci_ops.core.fields import Duration
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Check, Phase, Rule
from ci_ops.core.result import Location
from ci_ops.core.text.encoding import read_text_file
from ci_ops.core.text.json_document import parse_json

if TYPE_CHECKING:
    from ci_ops.core.contract.requirements import Dependency
    from ci_ops.core.ports.process import Completed
    from ci_ops.core.ports.world import World
    from ci_ops.core.result import Result
    from ci_ops.core.subject import Subject

_CHILD = Path(__file__).with_name("_list_installed.py")
_MAX_ANSWER_BYTES = 8 << 20


@dataclass(frozen=True, kw_only=True)
class InstalledDependencies(Check):
    """What the project declares is installed and can be imported.

    Compared are `project.dependencies` (or Poetry's) and requirements.txt with the distributions of the project's
    own Python, which then imports each of them; extras and groups are left out. A requirement with a marker may
    be missing.
    """

    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.READINESS})
    starts_programs: ClassVar[bool] = True
    rules: ClassVar[Mapping[str, Rule]] = {
        "unmet": Rule(
            sentence="A dependency is not installed as the project asks for it.",
            advice="Install the project's requirements in its own Python before this step.",
        ),
        "not-importable": Rule(
            sentence="A dependency is installed and cannot be imported.",
            advice="Install it again; a system library or another version of Python may be missing to it.",
        ),
        "unreadable": Rule(
            sentence="A file with dependencies cannot be read.", advice="Open it and fix its syntax."
        ),
        "not-run": Rule(
            sentence="The project's Python could not be asked.",
            advice="Name the interpreter in `python`, or raise `timeout`.",
        ),
    }

    python: str = ""
    """The project's interpreter, such as `.venv/bin/python`; without it, the project's or the active one."""
    timeout: Duration = 120.0
    """For importing all of them."""

    @classmethod
    def detect(cls, root: Path) -> Self | None:
        """Applies where dependencies are declared and an environment lies beside them."""
        if not any((root / name).is_dir() for name in (".venv", "venv")):
            return None
        try:
            return cls() if any(declared(root)) else None
        except (OSError, ValueError, RecursionError):
            return cls()

    def run(self, subject: Subject, world: World) -> Iterator[Result]:
        """Ask the project's Python once."""
        try:
            asked = list(declared(subject.root))
        except (OSError, ValueError, RecursionError) as error:
            fault = Fault(
                rule="unreadable", severity=Status.ERROR, sentence="", observed=type(error).__name__
            )
            yield conclude(self, [fault], sentence="", measured=0)
            return
        if not asked:
            yield self.result(Status.SKIP, "The project declares no dependencies.", measured=0)
            return
        python = self.python or project_python(subject.root, world.env)
        answer, completed = self._ask(python, [each.name for each in asked], world)
        if answer.installed is None:
            why = "it took too long" if completed.timed_out else evidence(world, completed.output[-1000:])
            fault = Fault(rule="not-run", severity=Status.ERROR, sentence="", subject=python, observed=why)
            yield conclude(self, [fault], sentence="", measured=0)
            return
        faults = [fault for each in asked for fault in _faults(each, answer, completed, world)]
        number = "1 dependency" if len(asked) == 1 else f"{len(asked)} dependencies"
        yield conclude(
            self,
            faults,
            sentence=f"{number} of the project: all are installed and can be imported.",
            measured=len(asked),
            facts={"python": python, "declared": len(asked), "installed": len(answer.installed)},
        )

    def _ask(self, python: str, names: list[str], world: World) -> tuple[_Answer, Completed]:
        with tempfile.TemporaryDirectory(prefix="ci-ops-installed-", ignore_cleanup_errors=True) as folder:
            result = Path(folder) / "result"
            # In an empty folder: no module of the checkout stands in front of an installed one.
            completed = world.process.run(
                [python, "-c", _CHILD.read_text("utf-8"), str(result), *dict.fromkeys(names)],
                timeout_seconds=self.timeout,
                env=tool_environment(world.env, PYTHON),
                directory=Path(folder),
            )
            if completed.interrupted:
                world.stop.check()
            return _Answer.read(result), completed


@dataclass(kw_only=True, slots=True)
class _Answer:
    """What the project's Python says."""

    installed: Mapping[str, str] | None = None
    problems: dict[str, str] = field(default_factory=dict)
    """Why a distribution cannot be imported; empty where it can."""
    last: str = ""
    """The distribution whose import was the last to begin."""

    @classmethod
    def read(cls, path: Path) -> _Answer:
        answer = cls()
        try:
            lines = read_text_file(path, max_bytes=_MAX_ANSWER_BYTES).splitlines()
            for line in lines:
                document = parse_json(line)
                answer.installed = document.get("installed", answer.installed)
                answer.last = document.get("begins", answer.last)
                if "imports" in document:
                    answer.problems[document["imports"]] = str(document["problem"])
        except (OSError, ValueError, AttributeError):
            return answer
        return answer


def _faults(asked: Dependency, answer: _Answer, completed: Completed, world: World) -> Iterator[Fault]:
    place = Location(file=asked.file, line=asked.line)
    installed = answer.installed or {}
    if why := why_unmet(asked, installed, by=asked.file):
        observed = installed.get(asked.name, "not installed")
        yield Fault(
            rule="unmet",
            severity=Status.FAIL,
            sentence=f"{evidence(world, why)}.",
            expected=evidence(world, f"{asked.name} {asked.specifier}".strip()),
            observed=evidence(world, observed),
            subject=asked.name,
            location=place,
        )
    elif asked.name in installed:
        problem = answer.problems.get(asked.name, _ended(asked.name, answer, completed))
        if problem:
            yield Fault(
                rule="not-importable",
                severity=Status.FAIL,
                sentence=f"{asked.name} {evidence(world, installed[asked.name])} cannot be imported.",
                observed=evidence(world, problem),
                subject=asked.name,
                location=place,
            )


def _ended(name: str, answer: _Answer, completed: Completed) -> str:
    """Why there is no answer about a distribution: the import of one before it ended the process."""
    how = "took too long" if completed.timed_out else f"ended Python with exit code {completed.exit_code}"
    return (
        f"importing it {how}"
        if name == answer.last
        else f"importing {answer.last} {how}, so it was not tried"
    )
