"""The report for a terminal: failures with advice first, then all details.

What failed and what to do first, then all the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Format, shorten
from ci_ops.core.report import StepState
from ci_ops.core.text.durations import format_duration
from ci_ops.core.text.lines import columns, console_line, padded
from ci_ops.formats._words import (
    availability_sentence,
    check_title,
    failed_steps,
    headline,
    histogram,
    last_lines,
    printable_lines,
    problems,
    worst_first,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ci_ops.core.event import Delivery
    from ci_ops.core.ports.templates import Templates
    from ci_ops.core.report import Report, StepOutcome
    from ci_ops.core.result import Finding, Result

LINE_CHARACTERS = 1000
CELL_CHARACTERS = 60
"""Of a column that others follow."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Text(Format):
    """The report for a terminal: failures with advice first, then all details."""

    extension: ClassVar[str] = ".txt"

    def render(self, report: Report, templates: Templates) -> str:
        """Return plain text without colours or control sequences for a terminal or a runner."""
        del templates
        sections = (
            _head(report),
            _section("Problems", _problems(report)),
            _section("Checks", _table(_check_rows(report.results))),
            _section("Steps", _steps(report)),
            _section("Proof of the rollback", _proof(report)),
            _section("Availability", (f"  {each}" for each in (availability_sentence(report),) if each)),
            _section("Messages", _table(_delivery_rows(report.deliveries))),
            _section("Notes", (f"  - {_line(note)}" for note in report.notes)),
        )
        blocks = ["\n".join(lines) for section in sections if (lines := list(section))]
        return "\n\n".join(blocks) + "\n"


def _head(report: Report) -> Iterator[str]:
    head = headline(report)
    took = f" ({format_duration(report.seconds)})" if report.seconds else ""
    yield f"{report.status.upper()}: {_line(head.subject)}: {report.verdict}{took}"
    yield f"  {_line(head.sentence)}"
    if head.advice:
        yield f"  hint: {_line(head.advice)}"
    if report.record is not None and report.record.id:
        yield f"  deployment: {_line(report.record.id)}"


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    """Return the title and the lines; nothing without lines."""
    listed = list(lines)
    if listed:
        yield title
        yield from listed


def _problems(report: Report) -> Iterator[str]:
    for step in failed_steps(report):
        yield from _failed_step(step)
    for result in problems(report):
        yield f"  [{result.status}] {_line(check_title(report, result))}: {_line(result.sentence)}"
        for finding in result.findings:
            yield from _finding(finding, is_more=finding.sentence != result.sentence)


def _failed_step(step: StepOutcome) -> Iterator[str]:
    yield f"  [{step.state}] step {_line(step.title)}"
    for number, line in enumerate(printable_lines(step.run)):
        yield f"      {'' if number else 'ran':9} {shorten(line, LINE_CHARACTERS)}"
    parts, left_out = last_lines(step.output)
    if left_out:
        yield f"      | … {left_out} lines before"
    for line in parts:
        yield f"      | {shorten(line, LINE_CHARACTERS)}"


def _finding(finding: Finding, *, is_more: bool) -> Iterator[str]:
    """Return the finding's lines; its sentence only if it differs from the line above."""
    yield f"    {_line(finding.rule)}" + (f": {_line(finding.sentence)}" if is_more else "")
    details = (
        ("about", finding.subject),
        ("expected", finding.expected),
        ("observed", finding.observed),
        ("at", str(finding.location or "")),
        ("hint", finding.advice),
    )
    for label, value in details:
        if value:
            yield f"      {label:9} {_line(value)}"


def _check_rows(results: Iterable[Result]) -> Iterator[Sequence[str]]:
    for result in worst_first(results):
        tries = f"{result.attempts} tries" if result.attempts > 1 else ""
        took = "" if result.status is Status.SKIP else format_duration(result.seconds)
        yield (str(result.status), result.check, took, tries, result.sentence)


def _step_rows(report: Report) -> Iterator[Sequence[str]]:
    for step in report.steps:
        took = "" if step.state is StepState.PLANNED else format_duration(step.seconds)
        more = " (done by an earlier run)" if step.replayed else ""
        if step.state is StepState.LEFT and step.output:
            more = f": {step.output}"
        yield (
            str(step.state),
            step.phase,
            took,
            f"{step.title}{more}",
        )


def _steps(report: Report) -> Iterator[str]:
    """Return a row for each step; in a dry run followed by its command."""
    for row, step in zip(_table(_step_rows(report)), report.steps, strict=True):
        yield row
        for line in printable_lines(step.run) if report.dry_run else ():
            yield f"      {shorten(line, LINE_CHARACTERS)}"


def _proof(report: Report) -> Iterator[str]:
    yield from _table(_check_rows(report.proof))
    for result in report.proof:
        if counts := ", ".join(f"{_line(value)} ({count})" for value, count in histogram(result).items()):
            yield f"  {_line(result.check)} saw: {counts}"


def _delivery_rows(deliveries: Iterable[Delivery]) -> Iterator[Sequence[str]]:
    for each in deliveries:
        took = format_duration(each.seconds) if each.attempts else ""
        tries = f"{each.attempts} tries" if each.attempts > 1 else ""
        yield (str(each.outcome), each.target, each.event.rpartition("/")[2], took, tries, each.sentence)


def _table(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Return rows with aligned columns; a column that is empty in every row is left out."""
    clean = [
        [shorten(console_line(cell), CELL_CHARACTERS) for cell in row[:-1]] + [_line(row[-1])] for row in rows
    ]
    widths = [max(columns(cell) for cell in column) for column in zip(*clean, strict=True)]
    for row in clean:
        parts = [padded(cell, width) for cell, width in zip(row, widths, strict=True) if width]
        yield f"  {'  '.join(parts)}".rstrip()


def _line(text: str) -> str:
    return shorten(console_line(text), LINE_CHARACTERS)
