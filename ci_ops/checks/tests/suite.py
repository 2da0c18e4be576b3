"""Runs a test suite once, with nothing left of earlier runs, and reads what it reports."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ci_ops.checks._python_modules import modules_of
from ci_ops.checks._verdict import evidence
from ci_ops.checks.tests.coverage_data import DATA_FILE, Coverage, NoCoverage, convert_data, read_coverage
from ci_ops.checks.tests.junit import read_junit
from ci_ops.checks.tests.outcome import Outcome
from ci_ops.checks.tests.sessions import read_sessions, session_environment
from ci_ops.core.text.encoding import read_text_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ci_ops.core.ports.process import Completed
    from ci_ops.core.ports.world import World

MAX_REPORTS = 1000
_OPTION = re.compile(r"--cov(?![-\w])")
_NEVER_IMPORTED = re.compile(r"CoverageWarning: (Module .{1,200}) was never imported")
"""Source: coverage.readthedocs.io/en/latest/messages.html, module-not-imported."""
_ADDOPTS = re.compile(r"^\s*addopts\s*=\s*(\[[^\]]*\]|.*(?:\n[ \t]+.*)*)", re.MULTILINE)
_PYTEST_FILES = (
    "pyproject.toml",
    "pytest.ini",
    ".pytest.ini",
    "pytest.toml",
    ".pytest.toml",
    "tox.ini",
    "setup.cfg",
)
"""Source: docs.pytest.org/en/stable/reference/customize.html."""


class Unreadable(Exception):
    """The reports of a run cannot be read as a whole; says why."""


@dataclass(frozen=True, kw_only=True)
class Suite:
    """How the tests of one project are run."""

    root: Path
    folder: Path
    """A new folder, where the run writes its data."""
    python: str
    command: str = ""
    """A line for the shell; empty for pytest."""
    arguments: tuple[str, ...] = ()
    junit: str = ""
    """Pattern of the reports that the command writes; empty for those of pytest."""
    coverage_json: str = ""
    measures_coverage: bool = True
    timeout_seconds: float = 1800.0
    env: dict[str, str] = field(default_factory=dict)

    def modules(self, world: World) -> frozenset[str]:
        """Return which of the modules that a run may use the project's Python has."""
        return modules_of(self.python, ("pytest", "pytest_cov", "coverage"), self.root, self.env, world)

    def run(self, world: World, modules: frozenset[str]) -> Completed:
        """Delete what earlier runs wrote, and run the tests. Raises OSError where something cannot be deleted."""
        for path in (*self._reports(), *self._coverage_reports()):
            path.unlink(missing_ok=True)
        return world.process.run(
            self.command or self._pytest(modules),
            timeout_seconds=self.timeout_seconds,
            env=self._environment(),
            directory=self.root,
        )

    def outcome(self) -> Outcome:
        """Read the reports of the run. Raises Unreadable."""
        try:
            sessions = [] if self.junit else read_sessions(self.folder)
        except (OSError, ValueError) as error:
            raise Unreadable(str(error)) from None
        if any(not each.is_finished for each in sessions):
            raise Unreadable("the process of pytest ended before its session did")
        paths = list(self._reports()) if self.junit else [each.junit for each in sessions]
        if not paths:
            raise Unreadable(
                f"no report {self.junit} was written" if self.junit else "no pytest reported a session"
            )
        cases = []
        for path in paths:
            try:
                cases += read_junit(path)
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else error
                raise Unreadable(f"{path.name}: {reason}") from None
        reported = sum(len(each.reported) for each in sessions)
        if len(cases) < reported:
            raise Unreadable(f"pytest reported {reported} tests, and its JUnit report has {len(cases)}")
        return Outcome(cases=cases, sessions=sessions)

    def coverage(self, completed: Completed, world: World) -> Coverage:
        """Read the coverage of the run. Raises NoCoverage."""
        if absent := _NEVER_IMPORTED.search(completed.output):
            raise NoCoverage(f"{evidence(world, absent[1])} was never imported, although it is configured")
        if not self.coverage_json:
            data = convert_data(self.python, self.folder, self.root, self._environment(), world)
            return read_coverage(data, self._is_ours)
        found = list(self._coverage_reports())
        if not found:
            raise NoCoverage(f"the run wrote no {self.coverage_json}")
        return read_coverage(found[0], self._is_ours)

    def _is_ours(self, name: str) -> bool:
        """True for the plugin: where no source is configured, coverage measures it too."""
        return (self.root / name).resolve().is_relative_to(self.folder)

    def _environment(self) -> dict[str, str]:
        return {**self.env, "COVERAGE_FILE": str(self.folder / DATA_FILE)}

    def _pytest(self, modules: frozenset[str]) -> list[str]:
        pytest = ["-m", "pytest", *self.arguments]
        if self.measures_coverage and "pytest_cov" in modules:
            extra = [] if self._names_coverage() else ["--cov"]
            return [self.python, *pytest, *extra, "--cov-fail-under=0"]
        if self.measures_coverage and "coverage" in modules:
            return [self.python, "-m", "coverage", "run", *pytest]
        return [self.python, *pytest]

    def _names_coverage(self) -> bool:
        """True where the project itself says what pytest-cov measures: a second `--cov` would widen it."""
        texts = [self.env.get("PYTEST_ADDOPTS", ""), " ".join(self.arguments)]
        for name in _PYTEST_FILES:
            try:
                texts += _ADDOPTS.findall(read_text_file(self.root / name, max_bytes=1 << 20))
            except (OSError, ValueError):
                continue
        return any(_OPTION.search(text) for text in texts)

    def _reports(self) -> Iterator[Path]:
        return _matching(self.root, self.junit)

    def _coverage_reports(self) -> Iterator[Path]:
        return _matching(self.root, self.coverage_json)


def recording(suite: Suite) -> dict[str, str]:
    """Return the environment with which each pytest of the run records what it does."""
    return {**suite.env, **session_environment(suite.folder, suite.env)}


def _matching(root: Path, pattern: str) -> Iterator[Path]:
    """Yield the files of the project that the pattern names; none where it leads out of the project."""
    parts = Path(pattern).parts
    if not parts or os.pardir in parts or Path(pattern).is_absolute():
        return
    inside = root.resolve()
    for number, path in enumerate(sorted(root.glob(pattern))):
        if number < MAX_REPORTS and path.parent.resolve().is_relative_to(inside):
            yield path
