"""Readiness: checks of the project before a deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.core.errors import Interrupted
from ci_ops.core.named import NamedCheck
from ci_ops.core.plugin import Phase
from ci_ops.core.traits import Traits
from ci_ops.flows._measure import measure
from ci_ops.flows._run import Run
from ci_ops.plugins import family

if TYPE_CHECKING:
    from pathlib import Path

    from ci_ops.core.report import Report
    from ci_ops.flows._job import Job

TRAITS = Traits(
    command="readiness",
    uses=frozenset({"readiness"}),
    overrides={"url": "verify.url", "deadline": "readiness.deadline", "fail_on": "readiness.fail-on"},
    notifies=False,
    reports_problems=True,
    forge_with="status_context",
)


def readiness(job: Job) -> Report:
    """Run the configured checks; without any, those that fit the project."""
    run = Run(job, "readiness")
    settings = job.config.readiness
    checks = settings.checks or detected(job.root)
    job.progress.phase(f"Looking at {job.config.service}")
    if not settings.checks:
        names = ", ".join(check.name for check in checks)
        run.note(f"{_why_detected(job)}; these fit the project: {names or 'none'}.")
    try:
        run.results = measure(
            run,
            checks,
            job.subject(url=job.config.verify.url, revision=job.origin.revision),
            phase=Phase.READINESS,
            deadline_seconds=settings.deadline,
        )
    except Interrupted as stop:
        return run.report(stop.reason.name, "Stopped by a signal.")
    return run.report()


def _why_detected(job: Job) -> str:
    if job.config_problems:
        name = job.config.file.name if job.config.file else "the configuration"
        return f"The checks of {name} cannot be read before its problems are solved"
    return "No checks are configured"


def detected(root: Path) -> tuple[NamedCheck, ...]:
    """Return the checks that detect that they fit the project at `root`."""
    checks = family("checks")
    found = []
    for name in checks.names():
        plugin_class = checks.load(name)
        if Phase.READINESS not in plugin_class.phases:
            continue
        plugin = plugin_class.detect(root)
        if plugin is not None:
            found.append(NamedCheck(name=name, plugin=plugin))
    return tuple(found)
