"""The end of a session: the report is written to stdout, to files and to the runner."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ci_ops.core.errors import CiOpsError
from ci_ops.core.health.status import Status
from ci_ops.core.reasons import REASONS
from ci_ops.core.text.lines import as_sentence, map_texts
from ci_ops.edge.store import LocalStore
from ci_ops.flows._last_report import keep_last_report
from ci_ops.flows._sinks import remember
from ci_ops.flows._unreported import forget_unreported
from ci_ops.session.colour import is_coloured, paint_report
from ci_ops.session.output import format_for, load_format
from ci_ops.session.streams import loss_of

if TYPE_CHECKING:
    from pathlib import Path

    from ci_ops.core.report import Report
    from ci_ops.core.result import Finding
    from ci_ops.session.session import Session


def close(session: Session, report: Report) -> int:
    """Write the report to stdout, to files and to the runner; return the exit code."""
    # Text by text: in a finished document a redaction could take a quote or a number's place with it.
    report = map_texts(report, session.job.world.redact.own)
    keep(session, report)
    summary = _render(session, report, "markdown")
    paths = _write_files(session, report, summary)
    _write_stdout(session, report)
    if session.runner.is_github:
        _notify_runner(session, report, paths, summary)
    else:
        _notify_user(paths)
    _forget(session, report)
    return report.exit_code


def _forget(session: Session, report: Report) -> None:
    """Mark the report as written.

    A failure here is harmless: an unmarked report is only written once more.
    """
    try:
        forget_unreported(session.job.site.store, report)
    except CiOpsError as error:
        session.job.progress.note(f"Not kept for later commands: {error}")


def keep(session: Session, report: Report) -> None:
    """Save what later commands of the job need; a full disk is a note, because the work is done."""
    if report.dry_run:
        return
    try:
        if session.call.traits.keeps_report:
            keep_last_report(session.job.site.store, report, job=session.job.origin.job)
        remember(session.job.site.store, report.deliveries)
    except CiOpsError as error:
        session.job.progress.note(f"Not kept for later commands: {error}")


def _render(session: Session, report: Report, name: str) -> str:
    return load_format(name).render(report, session.job.world.templates)


def _write_files(session: Session, report: Report, summary: str) -> tuple[Path, Path]:
    """Write the JSON report and the summary to the state folder, and reports to the files of the options."""
    # "unchanged" speaks of an earlier deployment, whose own report must not be written over.
    record = report.record if report.verdict != "unchanged" else None
    folder = session.state_folder / (record.id if record and record.id else report.command)
    store = LocalStore(folder, root=session.state_folder)
    own = (f"{report.command}.json", f"{report.command}.md")
    for name, text in zip(own, (_render(session, report, "json"), summary), strict=True):
        try:
            store.write(name, text)
        except CiOpsError as error:
            session.job.progress.note(f"The report {folder / name} is not written: it {error.what}")
    for path, name in ((path, format_for(path)) for path in session.reports):
        text = summary if name == "markdown" else _render(session, report, name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            session.job.progress.note(f"The report {path} is not written: {error.strerror}")
    return folder / own[0], folder / own[1]


def _write_outputs(session: Session, report: Report, paths: tuple[Path, Path], summary: str) -> None:
    """Write outputs and job summary; a full disk on the runner does not change the exit code."""
    record = report.record
    outputs = {
        "status": str(report.status),
        "reason": report.verdict,
        "report": str(paths[0]),
        "summary": str(paths[1]),
        "deployment-id": record.id if record else "",
        "github-deployment-id": record.external_id if record else "",
        "changed": "true" if report.changed else "false",
    }
    try:
        session.runner.set_outputs(outputs)
        session.runner.summary(summary)
    except CiOpsError as error:
        session.runner.error(f"{as_sentence(str(error))} {error.hint}", title=f"ci-ops {report.command}")


def _notify_runner(session: Session, report: Report, paths: tuple[Path, Path], summary: str) -> None:
    runner = session.runner
    _write_outputs(session, report, paths, summary)
    session.job.progress.phase(f"{report.command}: {report.status} ({report.verdict}). {report.sentence}")
    if not report.status.is_good and (not REASONS[report.verdict].needs_findings or not _findings(report)):
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
            file=runner.place_of(where.file, session.job.root) if where else "",
            line=where.line if where else 0,
        )


def _findings(report: Report) -> tuple[Finding, ...]:
    return tuple(finding for result in (*report.results, *report.proof) for finding in result.findings)


def _write_stdout(session: Session, report: Report) -> None:
    """Write the report to stdout in the requested format; the default is text, and nothing on a runner."""
    name = session.call.get("format") or ("" if session.runner.is_github else "text")
    if not name:
        return
    text = _render(session, report, name)
    if name == "text" and is_coloured(sys.stdout, os.environ):
        text = paint_report(text)
    sys.stderr.flush()
    sys.stdout.write(text)
    sys.stdout.flush()
    if loss := loss_of(sys.stdout):
        session.job.progress.note(f"The report is not on stdout: {loss}")


def _notify_user(paths: tuple[Path, Path]) -> None:
    sys.stderr.write(f"report: {paths[0]}\nsummary: {paths[1]}\n")
    sys.stderr.flush()
