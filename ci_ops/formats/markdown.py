"""The job summary: the headline, failures with advice, then all details.

The template is `templates/summaries/report.md.j2`. Each list ends after `MAX_ROWS` with the number
of omitted entries; the JSON report has everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ci_ops.core.plugin import Format, shorten
from ci_ops.core.report import Measurement, StepState
from ci_ops.core.text.durations import format_duration
from ci_ops.core.text.lines import map_texts
from ci_ops.formats._words import (
    check_title,
    failed_steps,
    headline,
    histogram,
    last_lines,
    links,
    printable_lines,
    problems,
    worst_first,
)

if TYPE_CHECKING:
    from ci_ops.core.ports.templates import Templates
    from ci_ops.core.report import Report, StepOutcome

MAX_ROWS = 50
TEXT_CHARACTERS = 1000
_SHORTEST_MILLISECONDS = 1
"""A bar of no length is drawn nowhere."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Markdown(Format):
    """The job summary: the headline, failures with advice, then all details."""

    extension: ClassVar[str] = ".md"

    def render(self, report: Report, templates: Templates) -> str:
        """Return GitHub Markdown with a Mermaid timeline; the template's filters escape untrusted text."""
        return templates.render("summaries/report.md.j2", **_context(report)).rstrip("\n") + "\n"


def _context(report: Report) -> dict[str, Any]:
    """Return the variables of the template; every text in them has a limit."""
    outputs = {id(step): last_lines(step.output) for step in failed_steps(report)}
    short = map_texts(report, lambda text: shorten(text, TEXT_CHARACTERS))
    return {
        "report": short,
        "headline": headline(short),
        "max_rows": MAX_ROWS,
        "problems": [(check_title(short, each), each, histogram(each)) for each in problems(short)],
        "broken_steps": [
            (step, printable_lines(step.run), [shorten(line, TEXT_CHARACTERS) for line in lines], left_out)
            for step, (lines, left_out) in zip(failed_steps(short), outputs.values(), strict=True)
        ],
        "plan": [(step, printable_lines(step.run)) for step in short.steps],
        "results": worst_first(short.results),
        "proof": [(result, histogram(result)) for result in worst_first(short.proof)],
        "timeline": _timeline(short),
        "links": links(about) if (about := short.record or short.job) else {},
        "axis": "%H:%M:%S" if report.seconds >= 3600 else "%M:%S",
        "took": format_duration(report.seconds) if report.seconds else "",
    }


def _timeline(report: Report) -> list[dict[str, Any]]:
    """Return the bars of all steps and measurements: a section per phase, in order of its start."""
    if not report.steps:  # one bar alone tells nothing that the table of checks does not
        return []
    parts: tuple[StepOutcome | Measurement, ...] = (*report.steps, *report.measurements)
    began = [each for each in parts if _has_run(each)]
    ordered = sorted(began, key=lambda each: each.started_offset_seconds)
    phases = list(dict.fromkeys(each.phase for each in ordered))
    return [_bar(each) for each in sorted(ordered, key=lambda each: phases.index(each.phase))]


def _has_run(part: StepOutcome | Measurement) -> bool:
    if isinstance(part, Measurement):
        return True
    return part.state not in {StepState.PLANNED, StepState.LEFT} and not part.replayed


def _bar(part: StepOutcome | Measurement) -> dict[str, Any]:
    """Return one bar of the timeline, with its start and duration in milliseconds."""
    return {
        "phase": part.phase,
        "title": part.title,
        "tag": _tag(part),
        "start": _moment(part.started_offset_seconds),
        "milliseconds": max(_SHORTEST_MILLISECONDS, round(part.seconds * 1000)),
    }


def _tag(part: StepOutcome | Measurement) -> str:
    """Return the style of a bar: done, undone or failed."""
    if isinstance(part, Measurement):
        return "done" if part.status.is_good else "crit"
    return {StepState.DONE: "done", StepState.UNDONE: "active"}.get(part.state, "crit")


def _moment(offset_seconds: float) -> str:
    """Return the offset as a time on 2000-01-01, which every time zone draws alike."""
    milliseconds = round(offset_seconds * 1000)
    days, rest = divmod(milliseconds, 86_400_000)
    hours, rest = divmod(rest, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"2000-01-{days % 28 + 1:02d} {hours:02d}:{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}"
