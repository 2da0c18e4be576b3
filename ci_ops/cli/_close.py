"""After a flow: the report to stdout, to files, to the runner; then the exit code."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ci_ops.core.errors import CiOpsError, UsageError
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Format
from ci_ops.core.reasons import REASONS
from ci_ops.core.text.lines import as_sentence, map_texts
from ci_ops.flows._last_report import keep_last_report
from ci_ops.flows._sinks import remember
from ci_ops.plugins import family

if TYPE_CHECKING:
    from pathlib import Path

    from ci_ops.cli._opened import Opened
    from ci_ops.core.report import Report
    from ci_ops.core.result import Finding


_SAID_BY_FINDINGS = frozenset({"findings", "inconclusive"})
"""Reasons that say nothing beyond what the findings say one by one."""


def close(opened: Opened, report: Report) -> int:
    """Write everything the report is wanted in; the exit code to end with."""
    # Text by text: in a finished document a redaction could take a quote or a number's place with it.
    report = map_texts(report, opened.job.world.redact)
    _keep(opened, report)
    summary = _render(opened, report, "markdown")
    paths = _write_files(opened, report, summary)
    if opened.format_name:
        sys.stdout.write(_render(opened, report, opened.format_name))
        sys.stdout.flush()
    if opened.runner.is_github:
        _tell_runner(opened, report, paths, summary)
    else:
        _tell_person(opened, report, paths)
    return report.exit_code


def _keep(opened: Opened, report: Report) -> None:
    """What later commands want to know of this one; the deployment is done, so a full disk is a note."""
    if report.dry_run:
        return
    try:
        keep_last_report(opened.job.site.store, report)
        remember(opened.job.site.store, report.deliveries)
    except CiOpsError as error:
        opened.job.watch.note(f"Not kept for later commands: {error}")


def format_names() -> tuple[str, ...]:
    """The formats there are."""
    return family("formats").names()


def format_for(path: Path) -> str:
    """The format that a file's extension asks for. Raises UsageError."""
    known = {load_format(name).extension: name for name in format_names()}
    if path.suffix not in known:
        raise UsageError(
            f"no format is known for {path.name}",
            where="report",
            hint=f"End the file's name in one of {', '.join(sorted(known))}.",
        )
    return known[path.suffix]


def load_format(name: str) -> Format:
    """A format by its name. Raises UsageError."""
    plugin = family("formats").load(name)()
    assert isinstance(plugin, Format)
    return plugin


def _render(opened: Opened, report: Report, name: str) -> str:
    return load_format(name).render(report, opened.job.world.templates)


def _write_files(opened: Opened, report: Report, summary: str) -> tuple[Path, Path]:
    """The JSON report and the summary in the state folder, and wherever else they are wanted."""
    # "unchanged" speaks of an earlier deployment, whose own report must not be written over.
    record = report.record if report.verdict != "unchanged" else None
    folder = opened.state_folder / (record.id if record else report.command)
    wanted = [(folder / f"{report.command}.json", "json"), (folder / f"{report.command}.md", "markdown")]
    wanted += [(path, format_for(path)) for path in opened.reports]
    for path, name in wanted:
        text = summary if name == "markdown" else _render(opened, report, name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            opened.job.watch.note(f"The report {path} is not written: {error.strerror}")
    return wanted[0][0], wanted[1][0]


def _tell_runner(opened: Opened, report: Report, paths: tuple[Path, Path], summary: str) -> None:
    runner = opened.runner
    record = report.record
    runner.set_outputs(
        {
            "status": str(report.status),
            "reason": report.verdict,
            "report": str(paths[0]),
            "summary": str(paths[1]),
            "deployment-id": record.id if record else "",
            "github-deployment-id": record.external_id if record else "",
            "changed": "true" if report.changed else "false",
        }
    )
    runner.summary(summary)
    opened.job.watch.phase(f"{report.command}: {report.status} ({report.verdict}). {report.sentence}")
    if not report.status.is_good and (report.verdict not in _SAID_BY_FINDINGS or not _findings(report)):
        runner.error(
            f"{as_sentence(report.sentence)} {REASONS[report.verdict].advice}",
            title=f"ci-ops {report.command}: {report.verdict}",
        )
    for finding in _findings(report):
        where = finding.location
        annotate = runner.warning if finding.severity is Status.WARN else runner.error
        annotate(
            f"{as_sentence(finding.sentence)} {finding.advice}".strip(),
            title=f"ci-ops {report.command}: {finding.rule}",
            file=where.file if where else "",
            line=where.line if where else 0,
        )


def _findings(report: Report) -> tuple[Finding, ...]:
    return tuple(finding for result in (*report.results, *report.proof) for finding in result.findings)


def _tell_person(opened: Opened, report: Report, paths: tuple[Path, Path]) -> None:
    if not opened.format_name:
        sys.stderr.write("\n" + _render(opened, report, "text"))
    sys.stderr.write(f"report: {paths[0]}\nsummary: {paths[1]}\n")
    sys.stderr.flush()
