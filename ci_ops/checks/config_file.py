"""Whether the configuration of ci-ops is valid."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from ci_ops.checks._verdict import Fault, conclude
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Check, Phase, Rule
from ci_ops.core.result import Location

if TYPE_CHECKING:
    from pathlib import Path

    from ci_ops.core.errors import Problem
    from ci_ops.core.ports.world import World
    from ci_ops.core.result import Result
    from ci_ops.core.subject import Subject

FILES = ("ci-ops.yml", "ci-ops.json")
_PLACE = re.compile(r"(?P<file>.+?)(?::(?P<line>\d+))?(?::\d+)?")


@dataclass(frozen=True, kw_only=True)
class ConfigFile(Check):
    """The configuration file of ci-ops has no problem."""

    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.READINESS})
    rules: ClassVar[Mapping[str, Rule]] = {
        "problem": Rule(
            sentence="The configuration has a problem.",
            advice="Fix that line; `ci-ops config check` lists all of them.",
        ),
        "not-read": Rule(
            sentence="The configuration file was not checked.",
            advice="Run `ci-ops config check`.",
        ),
    }

    @classmethod
    def detect(cls, root: Path) -> Self | None:
        """Applies to a project with such a file."""
        return cls() if any((root / name).is_file() for name in FILES) else None

    def run(self, subject: Subject, world: World) -> Iterator[Result]:
        """Return the problems of the file as findings."""
        del world
        problems = subject.config_problems
        if problems is None and subject.config_file is None:
            yield self.result(Status.SKIP, "There is no configuration file.", measured=0)
        elif problems is None:
            fault = Fault(rule="not-read", severity=Status.ERROR, sentence="")
            yield conclude(self, [fault], sentence="", measured=0)
        else:
            name = subject.config_file.name if subject.config_file else "The configuration"
            faults = [_fault(problem) for problem in problems]
            yield conclude(self, faults, sentence=f"{name} has no problem.", measured=1)


def _fault(problem: Problem) -> Fault:
    place = _PLACE.fullmatch(problem.location)
    return Fault(
        rule="problem",
        severity=Status.FAIL,
        sentence=f"{problem.path}: {problem.sentence}" if problem.path else problem.sentence,
        subject=problem.path,
        location=Location(file=place["file"], line=int(place["line"] or 1)) if place else None,
    )
