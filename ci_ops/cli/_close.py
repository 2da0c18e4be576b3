"""After a flow: the report to stdout, to files, to the runner; then the exit code."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ci_ops.core.errors import UsageError
from ci_ops.core.plugin import Format
from ci_ops.core.reasons import REASONS
from ci_ops.core.status import Status
from ci_ops.core.text import map_texts
from ci_ops.flows._last_report import keep_last_report
from ci_ops.flows._sinks import remember
from ci_ops.plugins import family

if TYPE_CHECKING:
    from pathlib import Path

    from ci_ops.cli._opened import Opened
    from ci_ops.core.report import Report
    from ci_ops.core.result import Finding


def close(opened: Opened, report: Report) -> int:
    """Write everything the report is wanted in; the exit code to end with."""
    # Text by text: in a finished document a redaction could take a quote or a number's place with it.
    report = map_texts(report, opened.job.world.redact)
    if not report.dry_run:
        keep_last_report(opened.job.site.store, report)
        remember(opened.job.site.store, report.deliveries)
    paths = _write_files(opened, report)
    if opened.format_name:
        sys.stdout.write(_render(opened, report, opened.format_name))
        sys.stdout.flush()
    if opened.runner.is_github:
        _tell_runner(opened, report, paths)
    else:
        _tell_person(opened, report, paths)
    return report.exit_code


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


def _write_files(opened: Opened, report: Report) -> tuple[Path, Path]:
    """The JSON report and the summary in the state folder, and wherever else they are wanted."""
    folder = opened.state_folder / (report.record.id if report.record else report.command)
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [(folder / f"{report.command}.json", "json"), (folder / f"{report.command}.md", "markdown")]
    wanted += [(path, format_for(path)) for path in opened.reports]
    for path, name in wanted:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_render(opened, report, name), encoding="utf-8", newline="\n")
    return wanted[0][0], wanted[1][0]


def _tell_runner(opened: Opened, report: Report, paths: tuple[Path, Path]) -> None:
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
    runner.summary(paths[1].read_text(encoding="utf-8"))
    for finding in _findings(report):
        where = finding.location
        annotate = runner.warning if finding.severity is Status.WARN else runner.error
        annotate(
            opened.job.world.redact(f"{finding.sentence} {finding.advice}".strip()),
            title=f"ci-ops {report.command}: {finding.rule}",
            file=where.file if where else "",
            line=where.line if where else 0,
        )
    if not report.status.is_good and not _findings(report):
        runner.error(
            opened.job.world.redact(f"{report.sentence} {REASONS[report.verdict].advice}".strip()),
            title=f"ci-ops {report.command}: {report.verdict}",
        )


def _findings(report: Report) -> tuple[Finding, ...]:
    return tuple(finding for result in (*report.results, *report.proof) for finding in result.findings)


def _tell_person(opened: Opened, report: Report, paths: tuple[Path, Path]) -> None:
    if not opened.format_name:
        sys.stderr.write("\n" + _render(opened, report, "text"))
    sys.stderr.write(f"report: {paths[0]}\nsummary: {paths[1]}\n")
    sys.stderr.flush()
