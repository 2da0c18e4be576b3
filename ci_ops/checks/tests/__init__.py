"""Whether the project's tests pass, and cover enough of it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from ci_ops.checks._verdict import Fault, conclude
from ci_ops.checks.tests.faults import coverage_fault, error, outcome_faults, run_fault
from ci_ops.core.fields import Duration, Shell
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Check, Phase, Rule

if TYPE_CHECKING:
    from ci_ops.checks.tests.coverage_data import Coverage
    from ci_ops.checks.tests.suite import Suite
    from ci_ops.core.ports.process import Completed
    from ci_ops.core.ports.world import World
    from ci_ops.core.result import Result
    from ci_ops.core.subject import Subject


@dataclass(frozen=True, kw_only=True)
class Tests(Check):
    """The project's tests pass, and cover enough of its code.

    pytest runs in the project's own Python, under pytest-cov or coverage where it has them, with the environment
    of a command of yours. What is compared are the test cases of its JUnit report, the tests that it collected,
    and the statements and branches that `coverage json` counts.
    """

    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.READINESS})
    starts_programs: ClassVar[bool] = True
    rules: ClassVar[Mapping[str, Rule]] = {
        "failed": Rule(
            sentence="A test fails.", advice="Fix it at that line; run it alone with pytest first."
        ),
        "flaky": Rule(
            sentence="A test failed first and passed in a later run.",
            advice="Find out what it depends on: time, order, other tests, the network.",
        ),
        "vanished": Rule(
            sentence="A test was collected and never reported.",
            advice="Its worker process may have ended; run it alone, without pytest-xdist.",
        ),
        "no-tests": Rule(
            sentence="No test ran.",
            advice="See which tests pytest collects in the project's root, and why they are skipped.",
        ),
        "exit-code": Rule(
            sentence="The tests exit with an error, although no test failed.",
            advice="Read the end of their output: a plugin or a command after the tests may have failed.",
        ),
        "coverage": Rule(
            sentence="The tests cover too little of the code.",
            advice="Test the files with the most missing statements, or lower `coverage-percent`.",
        ),
        "no-coverage": Rule(
            sentence="Coverage was not measured.",
            advice="Install pytest-cov or coverage in the project's Python, or turn this off with "
            "`coverage-percent: 0`; a `run` of your own has to keep COVERAGE_FILE, or write `coverage-json`.",
        ),
        "not-run": Rule(
            sentence="The tests could not be run to their end.",
            advice="Install the project's requirements and pytest before this step, or name the interpreter in "
            "`python` or a command in `run`.",
        ),
        "timeout": Rule(
            sentence="The tests did not end in time.", advice="See which test waits, or raise `timeout`."
        ),
        "unreadable": Rule(
            sentence="The report of the tests cannot be read as a whole.",
            advice="See whether the tests ended early; `junit` names the reports that a `run` of your own writes.",
        ),
    }

    run_: Shell = ""
    """The command that runs the tests, such as `make test`; default: pytest in the project's Python."""
    arguments: tuple[str, ...] = ()
    """Arguments for pytest where `run` is not set, such as `tests/unit`."""
    junit: str = ""
    """JUnit reports that `run` writes, such as `reports/*.xml`; without it, those of each pytest that it starts."""
    coverage_json: str = ""
    """The report of `coverage json` that `run` writes, such as `coverage.json`; without it, its data are read."""
    coverage_percent: float = 85.0
    """The least share of statements and branches that is covered; 0 measures none."""
    python: str = ""
    """The project's interpreter, such as `.venv/bin/python`; without it, the project's or the active one."""
    timeout: Duration = 1800.0
    """For the whole suite."""
    without_pytest: Literal["error", "skip"] = "error"
    """Status where the project's Python has no pytest: error (default), or skip."""

    def __post_init__(self) -> None:
        if not 0 <= self.coverage_percent <= 100:
            raise ValueError("coverage-percent: a percentage from 0 to 100")

    @classmethod
    def detect(cls, root: Path) -> Self | None:
        """Applies where there are tests as pytest finds them; without pytest it is skipped then."""
        folders = (root, root / "tests", root / "test")
        found = any(any(folder.glob("test_*.py")) or any(folder.glob("*_test.py")) for folder in folders)
        nested = any(any((root / name).glob("*/test_*.py")) for name in ("tests", "test"))
        return cls(without_pytest="skip") if found or nested else None

    def run(self, subject: Subject, world: World) -> Iterator[Result]:
        """Run the tests once, with a new folder for their data."""
        with tempfile.TemporaryDirectory(prefix="ci-ops-tests-", ignore_cleanup_errors=True) as folder:
            yield self._measure(self._suite(Path(folder).resolve(), subject, world), world)

    def _suite(self, folder: Path, subject: Subject, world: World) -> Suite:
        from ci_ops.checks.tests.suite import Suite, recording  # noqa: PLC0415 - kept out of `--help`
        from ci_ops.core.declaration import project_python  # noqa: PLC0415 - as above

        suite = Suite(
            root=subject.root,
            folder=folder,
            python=self.python or project_python(subject.root, world.env),
            command=self.run_,
            arguments=self.arguments,
            junit=self.junit,
            coverage_json=self.coverage_json,
            measures_coverage=self.coverage_percent > 0,
            timeout_seconds=self.timeout,
            env=dict(world.env),
        )
        return suite if self.junit else replace(suite, env=recording(suite))

    def _measure(self, suite: Suite, world: World) -> Result:
        from ci_ops.checks.tests.suite import Unreadable  # noqa: PLC0415 - as above

        modules = suite.modules(world)
        if not self.run_ and "pytest" not in modules:
            return self._without_pytest(suite)
        try:
            completed = suite.run(world, modules)
        except OSError as problem:
            sentence = f"An earlier report cannot be deleted: {problem.strerror}."
            return self._error(error("unreadable", sentence))
        if completed.interrupted:
            world.stop.check()
        fault = run_fault(completed, self.timeout, world)
        if fault is not None:
            return self._error(fault)
        try:
            outcome = suite.outcome()
        except Unreadable as problem:
            return self._error(error("unreadable", "", observed=str(problem)))
        faults = list(outcome_faults(outcome, completed, suite.root, world))
        coverage, covered = self._coverage(suite, completed, world) if outcome.is_whole else (None, None)
        facts = {"tests": outcome.number, "failed": len(outcome.failed), "flaky": outcome.flaky[:20]}
        more = ""
        if coverage is not None:
            facts |= {"covered": coverage.covered, "coverable": coverage.total}
            more = f", and cover {coverage.shown} of the code"
        return conclude(
            self,
            [*faults, *([covered] if covered else [])],
            sentence=f"{_count(outcome.ran)} passed{more}.",
            measured=outcome.ran,
            facts=facts,
        )

    def _coverage(
        self, suite: Suite, completed: Completed, world: World
    ) -> tuple[Coverage | None, Fault | None]:
        from ci_ops.checks.tests.coverage_data import NoCoverage  # noqa: PLC0415 - as above

        if not self.coverage_percent:
            return None, None
        try:
            coverage = suite.coverage(completed, world)
        except NoCoverage as problem:
            return None, error("no-coverage", f"Coverage was not measured: {problem}.")
        return coverage, coverage_fault(coverage, self.coverage_percent, world)

    def _without_pytest(self, suite: Suite) -> Result:
        sentence = f"{suite.python} has no pytest, so no test was run."
        if self.without_pytest == "skip":
            return self.result(Status.SKIP, sentence, measured=0)
        return self._error(error("not-run", sentence))

    def _error(self, fault: Fault) -> Result:
        return conclude(self, [fault], sentence="", measured=0)


def _count(number: int) -> str:
    return "1 test" if number == 1 else f"{number} tests"
