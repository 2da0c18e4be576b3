"""Whether the linters that the project configures find nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from ci_ops.checks._verdict import Fault, conclude
from ci_ops.checks.lint.configured import configured
from ci_ops.core.fields import Duration
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Check, Phase, Rule

if TYPE_CHECKING:
    from pathlib import Path

    from ci_ops.core.ports.world import World
    from ci_ops.core.result import Result
    from ci_ops.core.subject import Subject


@dataclass(frozen=True, kw_only=True)
class Lint(Check):
    """flake8 and ruff find nothing in the project's code.

    Those run that the project configures: flake8 in `.flake8`, setup.cfg or tox.ini, ruff in `ruff.toml`,
    `.ruff.toml` or pyproject.toml; without any, flake8. The program of the project's own Python is used where it
    has one, else the one that comes with ci-ops; the result says which.
    """

    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.READINESS})
    starts_programs: ClassVar[bool] = True
    needs: ClassVar[str] = "lint"
    rules: ClassVar[Mapping[str, Rule]] = {
        "violation": Rule(
            sentence="A linter objects to a line.",
            advice="Fix the line, or say `noqa` there with the code and a reason.",
        ),
        "syntax-error": Rule(
            sentence="A linter cannot read a file, so the file was not checked.",
            advice="Fix the file, or exclude it in the linter's configuration.",
        ),
        "missing-path": Rule(
            sentence="A path to check does not exist.", advice="Fix its spelling in `paths`."
        ),
        "no-files": Rule(
            sentence="A linter found no file to check.",
            advice="Name the folders with the code in `paths`; see what the linter's configuration excludes.",
        ),
        "unavailable": Rule(
            sentence="A linter is not installed.",
            advice="Install it in the project's Python, or beside ci-ops: `pipx inject ci-ops flake8 ruff`.",
        ),
        "unreadable": Rule(
            sentence="A linter did not come to its end, or its output is not understood.",
            advice="Run it by hand in the project's root; its configuration must not set `quiet`.",
        ),
    }

    tools: tuple[Literal["flake8", "ruff"], ...] = ()
    """Linters to run, such as `ruff`; without any, those that the project configures, else flake8."""
    paths: tuple[str, ...] = (".",)
    """Files and folders to check, relative to the project's root, such as `src`."""
    python: str = ""
    """The project's interpreter, such as `.venv/bin/python`; without it, the project's or the active one."""
    timeout: Duration = 300.0
    """For each linter."""
    without_tool: Literal["error", "skip"] = "error"
    """Status where a linter is not installed: error (default), or skip."""

    @classmethod
    def detect(cls, root: Path) -> Self | None:
        """Applies where a linter is configured; one that is not installed is skipped then."""
        return cls(without_tool="skip") if configured(root) else None

    def run(self, subject: Subject, world: World) -> Iterator[Result]:
        """Run each linter once; none of them changes a file."""
        from ci_ops.checks.lint.linters import Linter, Unusable  # noqa: PLC0415 - kept out of `--help`

        missing = [each for each in self.paths if not (subject.root / each).exists()]
        if missing:
            yield conclude(self, map(_missing_path, missing), sentence="", measured=0)
            return
        faults: list[Fault] = []
        absent: list[str] = []
        used: dict[str, str] = {}
        files = 0
        for tool in self.tools or configured(subject.root) or ("flake8",):
            linter = Linter.find(tool, self.python, subject.root, world)
            if linter is None:
                absent.append(tool)
                continue
            try:
                number, found = linter.run(self.paths, self.timeout, world)
            except Unusable as problem:
                faults.append(_error("unreadable", f"{tool} cannot be used.", str(problem)))
                continue
            used[tool] = linter.title
            files = max(files, number)
            faults += found
            if not number:
                faults.append(_error("no-files", f"{linter.title} found no file to check.", ""))
        yield self._conclude(faults, absent, used, files)

    def _conclude(
        self, faults: list[Fault], absent: list[str], used: Mapping[str, str], files: int
    ) -> Result:
        names = " and ".join(absent)
        sentence = f"{names} {'is' if len(absent) == 1 else 'are'} not installed."
        if absent and self.without_tool == "skip" and not used and not faults:
            return self.result(Status.SKIP, sentence, measured=0)
        if absent:
            severity = Status.ERROR if self.without_tool == "error" else Status.WARN
            faults = [*faults, Fault(rule="unavailable", severity=severity, sentence=sentence)]
        what = "1 file" if files == 1 else f"{files} files"
        return conclude(
            self,
            faults,
            sentence=f"{' and '.join(used.values())} found nothing in {what}.",
            measured=files,
            facts={"linters": dict(used), "files": files, "not_installed": absent},
        )


def _missing_path(path: str) -> Fault:
    return Fault(rule="missing-path", severity=Status.ERROR, sentence=f"{path} does not exist.", subject=path)


def _error(rule: str, sentence: str, observed: str) -> Fault:
    return Fault(rule=rule, severity=Status.ERROR, sentence=sentence, observed=observed)
