"""What the test cases of a run mean: which failed and where, which are flaky, which vanished."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ci_ops.checks.tests.junit import Case
from ci_ops.checks.tests.sessions import Session
from ci_ops.core.result import Location

_PYTEST_LINE = re.compile(r"^(?P<file>[^\s:][^:\n]{0,500}\.py):(?P<line>\d{1,7}): ", re.MULTILINE)
_TRACEBACK_LINE = re.compile(r'^ *File "(?P<file>[^"\n]{1,500})", line (?P<line>\d{1,7})', re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The test cases of a whole run."""

    cases: Sequence[Case]
    sessions: Sequence[Session] = ()
    """Sessions of pytest; none where the command writes its report by itself."""

    @cached_property
    def failed(self) -> list[Case]:
        """Each failing test once, in order; one that passes in a later run is flaky instead."""
        last: dict[object, Case] = {}
        for case in self.cases:
            before = last.get(case.key)
            if before is None or case.is_failed or not (before.is_failed and self.sessions):
                last[case.key] = case
        return [case for case in last.values() if case.is_failed]

    @cached_property
    def flaky(self) -> list[str]:
        """Tests that failed first and passed in a later run, in order."""
        failed = {case.key for case in self.failed}
        named = (
            case.title for case in self.cases if case.is_flaky or (case.is_failed and case.key not in failed)
        )
        reruns = (title_of(node) for session in self.sessions for node in session.reruns)
        bad = {case.title for case in self.failed} | set(self.vanished)
        return [title for title in dict.fromkeys((*named, *reruns)) if title not in bad]

    @cached_property
    def number(self) -> int:
        """How many different tests there are."""
        return len({case.key for case in self.cases})

    @cached_property
    def ran(self) -> int:
        """How many different tests came to a result other than skipped."""
        # A try that pytest-rerunfailures repeats is a case without a failure, so it looks like a pass.
        gone = set(self.vanished)
        return len({case.key for case in self.cases if not case.is_skipped and case.title not in gone})

    @cached_property
    def vanished(self) -> list[str]:
        """Tests that pytest collected and that never came to a result, sorted.

        What is left after a stop at a failure did not vanish.
        """
        lost = (
            node
            for session in self.sessions
            if not (session.stopped and self.failed)
            for node in session.collected - session.reported
        )
        return sorted(map(title_of, lost))

    @property
    def is_whole(self) -> bool:
        """True where every test ran to its end without a failure: only then coverage says something."""
        return bool(self.ran) and not self.failed and not self.vanished


def title_of(node: str) -> str:
    """Return a node id of pytest as its JUnit report writes it: `tests.test_a.TestB::test_c[1]`."""
    path, bracket, parameters = node.partition("[")
    first, *names = path.split("::")
    parts = [re.sub(r"\.py$", "", first.replace("/", ".")), *names]
    parts[-1] += bracket + parameters
    return "::".join(filter(None, (".".join(parts[:-1]), parts[-1])))


def place_of(case: Case, root: Path) -> Location | None:
    """Return the line that failed: in the test's own file, else in the project; None where none is named."""
    own = _inside(case.file, root) if case.file else ""
    lines = [
        Location(file=file, line=int(match["line"]))
        for pattern in (_PYTEST_LINE, _TRACEBACK_LINE)
        for match in pattern.finditer(case.text)
        if (file := _inside(match["file"], root))
    ]
    in_test = [each for each in lines if each.file == own]
    found = [*lines[-1:], *in_test[-1:]]
    return found[-1] if found else Location(file=own, line=case.line or 1) if own else None


def _inside(name: str, root: Path) -> str:
    """Return the path relative to the root; empty for what is no file of the project."""
    path = os.path.normpath(root / name)
    relative = os.path.relpath(path, root)
    is_outside = relative.startswith(os.pardir) or "site-packages" in Path(relative).parts
    return "" if is_outside or not Path(path).is_file() else Path(relative).as_posix()
