"""Running the checks of one phase, with the suppressions of the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.checks._run import run_checks
from ci_ops.core.health.status import Status, worst
from ci_ops.core.report import Measurement
from ci_ops.core.suppress import suppress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ci_ops.core.named import NamedCheck
    from ci_ops.core.plugin import Phase
    from ci_ops.core.result import Result
    from ci_ops.core.subject import Subject
    from ci_ops.flows._run import Run


def measure(
    run: Run,
    named: Sequence[NamedCheck],
    subject: Subject,
    *,
    phase: Phase,
    deadline_seconds: float,
    is_patient: bool = True,
) -> tuple[Result, ...]:
    """Return every check's result, without suppressed findings."""
    job = run.job
    started_seconds = job.world.clock.monotonic()
    results = run_checks(
        named,
        subject,
        job.world,
        phase=phase,
        deadline_seconds=deadline_seconds,
        is_patient=is_patient,
        waits=job.waits,
        on_result=job.progress.result,
        on_retry=job.progress.retry,
    )
    counted, notes = suppress(results, job.config.ignore, today=job.world.clock.now().date())
    for note in notes:
        run.note(note)
    if counted:
        run.measurements.append(
            Measurement(
                title=f"Check {subject.revision[:7] or job.config.service}",
                phase=str(phase),
                status=worst(each.status for each in counted) or Status.SKIP,
                started_offset_seconds=started_seconds - run.started_seconds,
                seconds=job.world.clock.monotonic() - started_seconds,
            )
        )
    return counted
