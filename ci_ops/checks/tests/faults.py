"""From the outcome of a run to its faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.checks._verdict import Fault, evidence
from ci_ops.checks.tests.outcome import place_of
from ci_ops.core.health.status import Status
from ci_ops.core.text.durations import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ci_ops.checks.tests.coverage_data import Coverage
    from ci_ops.checks.tests.junit import Case
    from ci_ops.checks.tests.outcome import Outcome
    from ci_ops.core.ports.process import Completed
    from ci_ops.core.ports.world import World

MAX_LISTED = 40
_MAX_NAMED = 5
_CHARACTERS = 200


def run_fault(completed: Completed, timeout_seconds: float, world: World) -> Fault | None:
    """Return what kept the run from its end; None where the program came to it."""
    output = evidence(world, completed.output[-1000:])
    if completed.timed_out:
        seconds = format_duration(min(timeout_seconds, completed.seconds))
        return error("timeout", f"The tests did not end within {seconds}.", observed=output)
    if completed.exit_code < 0:
        return error("not-run", f"Signal {-completed.exit_code} ended the tests.", observed=output)
    if completed.exit_code in {126, 127}:
        return error("not-run", "The tests could not be started.", observed=output)
    return None


def outcome_faults(outcome: Outcome, completed: Completed, root: Path, world: World) -> Iterator[Fault]:
    """Yield what the reports say is wrong, and where they contradict the program's exit code."""
    yield from _failures(outcome, root, world)
    yield from _flaky(outcome, world)
    if outcome.vanished:
        yield _vanished(outcome.vanished, world)
    if not outcome.ran:
        number = outcome.number
        sentence = f"None of {number} tests ran: all were skipped." if number else "No test ran."
        yield error("no-tests", sentence, observed=evidence(world, completed.output[-1000:]))
    elif completed.exit_code and not outcome.failed:
        sentence = f"The tests exit with {completed.exit_code}, although no test failed."
        yield error("exit-code", sentence, observed=evidence(world, completed.output[-1000:]))


def coverage_fault(coverage: Coverage, percent: float, world: World) -> Fault | None:
    """Return the fault of a coverage below `percent`."""
    if coverage.reaches(percent):
        return None
    worst = ", ".join(f"{name} ({count} missing)" for name, count in coverage.missing[:_MAX_NAMED])
    return Fault(
        rule="coverage",
        severity=Status.FAIL,
        sentence=f"The tests cover {coverage.shown} of the code, less than {percent:g} %.",
        expected=f"at least {percent:g} %",
        observed=evidence(world, f"{coverage.covered} of {coverage.total}; {worst}"),
    )


def error(rule: str, sentence: str, *, observed: str = "") -> Fault:
    """Return the fault of a run that did not measure what it should."""
    return Fault(rule=rule, severity=Status.ERROR, sentence=sentence, observed=observed)


def _failures(outcome: Outcome, root: Path, world: World) -> Iterator[Fault]:
    failed = outcome.failed
    for case in failed[:MAX_LISTED]:
        title = evidence(world, case.title, _CHARACTERS)
        verb = "fails" if "failure" in case.tags else "ends with an error"
        yield Fault(
            rule="failed",
            severity=Status.FAIL,
            sentence=f"{title} {verb}.",
            observed=evidence(world, _reason(case)),
            subject=title,
            location=place_of(case, root),
        )
    if len(failed) > MAX_LISTED:
        more = len(failed) - MAX_LISTED
        yield Fault(rule="failed", severity=Status.FAIL, sentence=f"{more} more tests fail.", subject="more")


def _reason(case: Case) -> str:
    """Return the lines that pytest marks as the error; without any, the message."""
    marked = [line[1:].strip() for line in case.text.splitlines() if line.startswith("E ")]
    return " ".join(marked) or case.message or case.text


def _flaky(outcome: Outcome, world: World) -> Iterator[Fault]:
    for each in outcome.flaky[:MAX_LISTED]:
        title = evidence(world, each, _CHARACTERS)
        sentence = f"{title} failed first and passed in a later run."
        yield Fault(rule="flaky", severity=Status.WARN, sentence=sentence, subject=title)


def _vanished(titles: list[str], world: World) -> Fault:
    named = ", ".join(evidence(world, each, _CHARACTERS) for each in titles[:_MAX_NAMED])
    one = len(titles) == 1
    sentence = (
        f"{'1 test was' if one else f'{len(titles)} tests were'} collected and never reported: {named}."
    )
    return error("vanished", sentence)
