"""Texts that all formats share: headline, order of the results, links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ci_ops.core.event import JobSubject
from ci_ops.core.health.status import Status
from ci_ops.core.reasons import REASONS
from ci_ops.core.report import EVIDENCE, StepState
from ci_ops.core.text.lines import console_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ci_ops.core.delivery.record import DeploymentRecord
    from ci_ops.core.report import Report, StepOutcome
    from ci_ops.core.result import Result

WORST_FIRST = (Status.FAIL, Status.ERROR, Status.WARN, Status.SKIP, Status.PASS)
MAX_INDENT = 40
OUTPUT_LINES = 20
"""How much of a failed step's output a report for people shows, counted from its end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Headline:
    """The summary of a report: one line, one sentence and one piece of advice."""

    subject: str
    """What was done to what: `deploy of shop abc1234 to production`."""
    sentence: str
    advice: str


def headline(report: Report) -> Headline:
    """Return the headline of the report."""
    reason = REASONS[report.verdict]
    return Headline(
        subject=subject(report),
        sentence=report.sentence or reason.meaning,
        advice="" if report.verdict == "ok" else reason.advice,
    )


def subject(report: Report) -> str:
    """Return action and object of the command; unknown parts are left out."""
    words = ["dry run of" if report.dry_run else "", report.command]
    record, about = report.record, report.record or report.job
    if about is not None:
        to_place = "to" if report.command == "deploy" else "in"
        is_rollback = record is not None and report.command == "rollback"
        words.append(about.service)
        words.append(_of_revision(record) if record is not None and is_rollback else about.revision[:7])
        words.append(f"{to_place} {about.environment}" if about.environment else "")
    return " ".join(word for word in words if word)


def _of_revision(record: DeploymentRecord) -> str:
    """Return the revisions of a rollback: its own record's, or both of an undone deployment."""
    back_to = record.revision if record.kind == "rollback" else record.previous_revision
    if back_to:
        return f"to {back_to[:7]}"
    return f"of {record.revision[:7]}" if record.revision else ""


_RUN = re.compile(r"(https?://[\w.:-]+/[\w.-]+/[\w.-]+)/actions/runs/\d+(?:/[\w/-]*)?")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def links(subject: DeploymentRecord | JobSubject) -> dict[str, str]:
    """Return label → URL of the run, the commit and the changes since the previous release.

    Empty for a run outside GitHub. Source: GitHub Docs, Comparing commits.
    """
    run = _RUN.fullmatch(subject.run_url)
    if run is None:
        return {}
    found = {"run": subject.run_url}
    if _COMMIT.fullmatch(subject.revision):
        found[f"commit {subject.revision[:7]}"] = f"{run[1]}/commit/{subject.revision}"
    if isinstance(subject, JobSubject):
        return found
    ends = (subject.previous_revision, subject.revision)
    if subject.kind == "rollback":  # what it took away, read forward
        ends = (subject.revision, subject.previous_revision)
    if all(map(_COMMIT.fullmatch, ends)) and ends[0] != ends[1]:
        found["changes"] = f"{run[1]}/compare/{ends[0][:12]}...{ends[1][:12]}"
    return found


def worst_first(results: Iterable[Result]) -> list[Result]:
    """Return the results sorted by severity, otherwise in their order."""
    return sorted(results, key=lambda result: WORST_FIRST.index(result.status))


def problems(report: Report) -> list[Result]:
    """Return the results, those of a proof too, that did not pass or have findings; the worst first."""
    looked_at = (*report.results, *report.proof)
    return [each for each in worst_first(looked_at) if each.findings or each.status is not Status.PASS]


def check_title(report: Report, result: Result) -> str:
    """Return the check's name, marked if it ran after a rollback."""
    is_proof = any(result is each for each in report.proof)
    return f"{result.check}, after the rollback" if is_proof else result.check


def failed_steps(report: Report) -> list[StepOutcome]:
    """Return the steps that failed, warned or were interrupted, with the logs that explain them."""
    broken = {StepState.FAILED, StepState.WARNED, StepState.INTERRUPTED}
    return [step for step in report.steps if step.state in broken or (step.phase == EVIDENCE and step.output)]


def histogram(result: Result) -> dict[str, int]:
    """Return a check's counts by observed value, from its fact of that name; empty without one."""
    counts = result.facts.get("histogram")
    return {str(value): int(count) for value, count in counts.items()} if isinstance(counts, dict) else {}


def last_lines(output: str) -> tuple[list[str], int]:
    """Return the last lines of a program's output, and the number of omitted lines before them."""
    lines = printable_lines(output)
    return lines[-OUTPUT_LINES:], max(0, len(lines) - OUTPUT_LINES)


def printable_lines(text: str) -> list[str]:
    """Return the non-blank lines, made safe to print."""
    return [_indented(line) for line in text.splitlines() if line.strip()]


def _indented(line: str) -> str:
    """Return the line made safe, with its indentation: tracebacks need it."""
    indent = len(line) - len(line.lstrip(" "))
    return " " * min(indent, MAX_INDENT) + console_line(line)


def availability_sentence(report: Report) -> str:
    """Return the availability of the service during the change; empty without a probe."""
    value = report.availability
    if value is None:
        return ""
    good = value.requests - value.failures
    return (
        f"{good} of {value.requests} requests were answered while the live release was changed; "
        f"the longest time without an answer was {value.longest_gap_seconds:.1f} s."
    )
