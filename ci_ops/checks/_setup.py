"""The base class of the checks of what a project's code sets up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from ci_ops.checks._project_code import ProjectCode, declares_framework, read_code
from ci_ops.checks._verdict import Fault, conclude
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Check, Phase, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ci_ops.core.ports.world import World
    from ci_ops.core.result import Result
    from ci_ops.core.subject import Subject

NO_CODE = {
    "no-code": Rule(
        sentence="There is no Python file that could be read.",
        advice="Run ci-ops in the folder of the application, or name it with `--directory`.",
    )
}


class SetupCheck(Check):
    """A check of a project's own Python files, which are read and not run; it only warns."""

    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.READINESS})

    @classmethod
    def detect(cls, root: Path) -> Self | None:
        """Applies to a project that declares a web framework."""
        return cls() if declares_framework(root) else None

    def presence(self, code: ProjectCode) -> Mapping[str, bool]:
        """Return for each rule whether the code has what the rule wants."""
        raise NotImplementedError

    def summary(self, code: ProjectCode) -> str:
        """Return the sentence of a code that has all of it."""
        raise NotImplementedError

    def details(self, code: ProjectCode) -> Mapping[str, Any]:
        """Return further facts."""
        del code
        return {}

    def run(self, subject: Subject, world: World) -> Iterator[Result]:
        """Read the code once."""
        code = read_code(subject.root, world)
        if not code.files:
            fault = Fault(rule="no-code", severity=Status.ERROR, sentence="")
            yield conclude(self, [fault], sentence="", measured=0)
            return
        yield conclude(
            self,
            [
                Fault(rule=rule, severity=Status.WARN, sentence="", observed=f"none in {code.extent}")
                for rule, is_there in self.presence(code).items()
                if not is_there
            ],
            sentence=self.summary(code),
            measured=code.files,
            facts={"files": code.files, "unread": code.unread, **self.details(code)},
        )
