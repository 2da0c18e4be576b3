"""Deploy and verify a release; roll back where the verification fails."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ci_ops.core.delivery.execute import ReplayMismatch
from ci_ops.core.delivery.record import DeploymentRecord, State, is_revision
from ci_ops.core.errors import CiOpsError, UsageError
from ci_ops.core.event import Kind, Stage
from ci_ops.core.health.status import Status
from ci_ops.core.traits import Traits
from ci_ops.flows._baseline import measure_baseline, safe_release
from ci_ops.flows._history import History
from ci_ops.flows._run import Run, step_failure
from ci_ops.flows._settle import Unfinished, settle, undo_unfinished
from ci_ops.flows._transaction import (
    begin,
    conclude,
    rehearse,
    roll_back,
    still_verified,
    stoppable,
    under_lease,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ci_ops.core.delivery.journal import Journal
    from ci_ops.core.report import Report
    from ci_ops.flows._job import Job
    from ci_ops.flows._live import Live

TRAITS = Traits(command="deploy", changes=True, keeps_report=True, names_silent_channels=True)

_TYPE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@dataclass(frozen=True, kw_only=True, slots=True)
class DeployOptions:
    """The caller's options for this deployment."""

    verify: bool | None = None
    """False when a later action of the same job verifies; None as the configuration says."""
    force: bool = False
    """Deploy although this revision is live and verified."""
    type: str = "standard"
    version: str = ""


def deploy(job: Job, options: DeployOptions) -> Report:
    """Make the release live and verified, or roll back and prove it, in one transaction."""
    run = Run(job, "deploy")
    if options.verify is None:
        options = replace(options, verify=job.config.deploy.verify)
    revision = _checked_revision(job, options)
    if job.dry_run:
        return _rehearse(run, revision, options)
    return under_lease(
        run, f"deploy {revision[:7]}", lambda guard: _deploy_locked(run, revision, options, guard)
    )


def _checked_revision(job: Job, options: DeployOptions) -> str:
    if job.config.deploy.target is None:
        raise UsageError(
            "nothing says how to deploy",
            where="deploy.target",
            hint="Give `run` (and `undo`), or a `deploy.target` in ci-ops.yml.",
        )
    if not job.origin.revision:
        why = job.origin.no_head
        raise UsageError(
            why.sentence if why else "no commit is known here",
            where="revision",
            hint=why.hint if why else "Give `--revision` with 40 hexadecimal digits.",
        )
    if not is_revision(job.origin.revision):
        raise UsageError(
            f"the revision {job.origin.revision!r} is not a full commit id",
            where="revision",
            hint="Give 40 hexadecimal digits: `--revision $(git rev-parse HEAD)`.",
        )
    if _TYPE.fullmatch(options.type) is None:
        raise UsageError(
            "a type is one lower-case word such as standard or hotfix",
            where="type",
            hint="Letters, digits and `-`, 63 at most.",
        )
    if options.verify and not (job.config.verify.checks or job.config.verify.url):
        raise UsageError(
            "nothing would verify this deployment",
            where="verify",
            hint="Give `url`, or checks under `verify.checks`; or say `verify: false` and verify in a later step.",
        )
    return job.origin.revision


def _deploy_locked(run: Run, revision: str, options: DeployOptions, guard: Callable[[], None]) -> Report:
    unfinished = settle(run, revision, guard, force=options.force)
    for stale in run.job.site.ledger.close_stale(run.job.environment):
        run.note(f"Closed {stale.id}, which a run that is over had left open.")
    history = History(run.job)
    live = run.before = measure_baseline(run, history, force=options.force)
    if unfinished is not None and _is_replaced(unfinished, live):
        run.note(f"{unfinished.record.id} waits for its verification, but it is not live any more.")
        unfinished.journal.end("superseded")
        unfinished = None
    if unfinished is None and not options.force and live.revision == revision and still_verified(run, live):
        run.record = live.deployment
        return run.report("unchanged", f"{revision[:7]} is already live and verified.")
    run.job.world.stop.check()
    if unfinished is None:
        record, journal = _begin(run, revision, options, history, live)
    else:
        record, journal = unfinished.record, unfinished.journal
        run.record = record
        run.job.opened(record)
        if journal.has_touched and run.was_serving:
            run.watch_availability(run.verification(record).url)
    return stoppable(run, journal, lambda: _apply(run, record, journal, options, guard))


def _is_replaced(unfinished: Unfinished, live: Live) -> bool:
    """Return True for a complete release that waits for its verification while another is live."""
    is_whole = not unfinished.journal.is_unfinished
    return is_whole and live.is_measured and live.release != unfinished.record.release_id


def _begin(
    run: Run, revision: str, options: DeployOptions, history: History, live: Live
) -> tuple[DeploymentRecord, Journal]:
    if not live.release:
        run.note("This is the first deployment here: there is no release to return to yet.")
    record, journal = begin(run, _planned(run, revision, options, history, live))
    started = f"Deploying {record.short_revision} to {record.environment}."
    run.notify(Kind.DEPLOYMENT, Stage.STARTED, severity=Status.PASS, sentence=started)
    return record, journal


def _planned(
    run: Run, revision: str, options: DeployOptions, history: History, live: Live
) -> DeploymentRecord:
    return run.job.new_record(
        revision=revision,
        after=history.newest_id,
        type=options.type,
        version=options.version,
        state=State.RUNNING,
        previous=live.release,
        previous_revision=live.revision,
        had_health_document=live.service.has_health_document,
        safe=safe_release(history, live),
    )


def _apply(
    run: Run, record: DeploymentRecord, journal: Journal, options: DeployOptions, guard: Callable[[], None]
) -> Report:
    target = run.target
    assert target is not None
    run.job.progress.phase(f"Deploying {record.short_revision} to {record.environment}")
    try:
        execution = run.executor(journal, record, guard).run(target.deploy_steps(record))
    except ReplayMismatch as mismatch:
        undo_unfinished(run, journal, record, guard)
        raise CiOpsError(
            "the unfinished deployment was undone, because its steps have changed since",
            reason="deploy-failed",
            where=str(mismatch),
            hint="Run the same command again: it starts afresh.",
        ) from mismatch
    if execution.failed is not None:
        return roll_back(run, journal, record, guard, step_failure(execution.failed))
    if not journal.is_applied:
        journal.applied()
    record = run.set_state(record, State.UNVERIFIED)
    if not options.verify:
        return run.report("ok", f"{record.short_revision} is deployed and waits for its verification.")
    return conclude(run, record, journal, guard)


def _rehearse(run: Run, revision: str, options: DeployOptions) -> Report:
    history = History(run.job)
    record = _planned(run, revision, options, history, measure_baseline(run, history, force=options.force))
    assert run.target is not None
    sentence = f"{record.short_revision} would be deployed to {record.environment}."
    return rehearse(run, record, run.target.deploy_steps(record), phase="deploy", sentence=sentence)
