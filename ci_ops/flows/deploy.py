"""Deploy, verify and, where that is not good, go back.

Under a lock, step by step.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ci_ops.core.delivery.execute import ReplayMismatch, dry_run
from ci_ops.core.delivery.journal import Journal, open_journal
from ci_ops.core.delivery.record import DeploymentRecord, State, is_revision
from ci_ops.core.errors import CiOpsError, Interrupted, UsageError
from ci_ops.core.event import Kind, Stage
from ci_ops.core.health.status import Status, worst
from ci_ops.core.report import Report, reason_for
from ci_ops.core.traits import Traits
from ci_ops.flows._baseline import Baseline, look_before
from ci_ops.flows._interruption import interrupted, stopped_before, told_at_once
from ci_ops.flows._restore import GOOD, undo_and_prove, verify_release
from ci_ops.flows._run import Run, problem_lines, step_failure
from ci_ops.flows._settle import Unfinished, settle, take_back_unfinished

if TYPE_CHECKING:
    from ci_ops.core.ports import Lock
    from ci_ops.flows._job import Job

TRAITS = Traits(command="deploy", dry_uses=frozenset({"deploy", "verify"}), changes=True, keeps_report=True)

LOCK = "deployment"
_TYPE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@dataclass(frozen=True, kw_only=True, slots=True)
class DeployOptions:
    """What the caller wants of this deployment."""

    verify: bool | None = None
    """False when a later action of the same job verifies; None as the configuration says."""
    force: bool = False
    """Deploy although this revision is live and verified."""
    type: str = "standard"
    version: str = ""


def deploy(job: Job, options: DeployOptions) -> Report:
    """One transaction.

    The release is live and verified, or the one before is back and proven.
    """
    run = Run(job, "deploy")
    if options.verify is None:
        options = replace(options, verify=job.config.deploy.verify)
    revision = _checked_revision(job, options)
    if job.dry_run:
        return _rehearse(run, revision, options)
    now = job.world.clock.now()
    lock = job.site.store.acquire(LOCK, holder=job.origin.run_url or job.origin.operator, since=now)
    try:
        return _deploy_locked(run, revision, options, lock)
    except Interrupted as stop:
        return run.report(stop.reason.name, stopped_before(run))
    finally:
        lock.release()


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


def _deploy_locked(run: Run, revision: str, options: DeployOptions, lock: Lock) -> Report:
    unfinished = settle(run, revision, lock.check, force=options.force)
    for stale in run.job.site.ledger.close_stale(run.job.environment):
        run.note(f"Closed {stale.id}, which a run that is over had left open.")
    before = look_before(run)
    verified = before.verified
    if unfinished is None and verified is not None and verified.revision == revision and not options.force:
        return _unchanged(run, verified)
    run.job.world.stop.check()
    record, journal = _begin(run, unfinished, before, revision, options)
    try:
        with told_at_once(run, journal):
            return _transact(run, record, journal, options, lock)
    except Interrupted as stop:
        return interrupted(run, journal, stop)


def _unchanged(run: Run, live: DeploymentRecord) -> Report:
    run.record = live
    return run.report("unchanged", f"{live.short_revision} is already live and verified.")


def _begin(
    run: Run,
    unfinished: Unfinished | None,
    before: Baseline,
    revision: str,
    options: DeployOptions,
) -> tuple[DeploymentRecord, Journal]:
    job = run.job
    if unfinished is not None:
        run.record = unfinished.record
        job.opened(unfinished.record)
        return unfinished.record, unfinished.journal
    if not before.release:
        run.note("This is the first deployment here: there is no release to return to yet.")
    planned = job.new_record(
        revision=revision,
        type=options.type,
        version=options.version,
        state=State.RUNNING,
        previous=before.release,
        previous_revision=before.revision,
        safe=before.safe,
    )
    record = job.site.ledger.open(planned)
    journal = open_journal(job.site.store, job.world.clock, record.id)
    journal.begin(record, owner=job.origin.owner)
    run.record = record
    job.opened(record)
    started = f"Deploying {record.short_revision} to {record.environment}."
    run.tell(Kind.DEPLOYMENT, Stage.STARTED, severity=Status.PASS, sentence=started)
    return record, journal


def _transact(
    run: Run, record: DeploymentRecord, journal: Journal, options: DeployOptions, lock: Lock
) -> Report:
    target = run.target
    assert target is not None
    run.job.watch.phase(f"Deploying {record.short_revision} to {record.environment}")
    try:
        execution = run.executor(journal, record, lock.check).run(target.deploy_steps(record))
    except ReplayMismatch as mismatch:
        take_back_unfinished(run, journal, lock.check)
        raise CiOpsError(
            "the unfinished deployment was taken back, because its steps have changed since",
            reason="deploy-failed",
            where=str(mismatch),
            hint="Run the same command again: it starts afresh.",
        ) from mismatch
    if execution.failed is not None:
        return _take_back(run, journal, record, lock, step_failure(execution.failed))
    if not journal.is_applied:
        journal.applied()
    record = run.set_state(record, State.UNVERIFIED)
    if not options.verify:
        return run.report("ok", f"{record.short_revision} is deployed and waits for its verification.")
    return judge(run, record, journal, lock)


def judge(run: Run, record: DeploymentRecord, journal: Journal, lock: Lock) -> Report:
    """Verify the release that was just applied; keep it, hold it or go back."""
    run.job.watch.phase(f"Verifying {record.short_revision}")
    run.results = verify_release(run, record)
    verdict = reason_for(run.results, fail_on_warn=run.job.config.verify.fail_on == "warn")
    if verdict in GOOD:
        return accept(run, record, journal, verdict)
    only_unclear = worst(each.status for each in run.results if each.blocks) is Status.ERROR
    if only_unclear and run.job.config.verify.on_error == "hold":
        return hold(run, record)
    return _take_back(run, journal, record, lock, "The verification of the new release failed.")


def accept(run: Run, record: DeploymentRecord, journal: Journal, verdict: str) -> Report:
    """The one place that writes `verified`."""
    record = run.set_state(record, State.VERIFIED)
    if journal.is_open:  # a verification elsewhere, or a second one, has no journal to close
        journal.end(str(State.VERIFIED))
    severity = Status.PASS if verdict == "ok" else Status.WARN
    sentence = f"{record.short_revision} is live in {record.environment} and verified."
    run.tell(
        Kind.DEPLOYMENT,
        Stage.COMPLETED,
        severity=severity,
        sentence=sentence,
        details=problem_lines(run.results),
    )
    return run.report(verdict, sentence)


def hold(run: Run, record: DeploymentRecord) -> Report:
    """Keep a release that could not be judged, as the configuration says."""
    sentence = f"{record.short_revision} is live but could not be verified; it is held, not rolled back."
    run.tell(
        Kind.DEPLOYMENT,
        Stage.FAILED,
        severity=Status.WARN,
        sentence=sentence,
        details=problem_lines(run.results),
    )
    return run.report("held", sentence)


def _take_back(run: Run, journal: Journal, record: DeploymentRecord, lock: Lock, why: str) -> Report:
    was_live = journal.is_applied
    fail(run, record, why)
    restored = undo_and_prove(run, journal, record, lock.check)
    if not restored.whole:
        return run.report("rollback-failed", f"{why} {restored.sentence}")
    return run.report("rolled-back" if was_live else "deploy-failed", f"{why} {restored.sentence}")


def fail(run: Run, record: DeploymentRecord, why: str) -> None:
    """Write the failure down and tell it."""
    failed = run.set_state(record, State.FAILED, error=why)
    run.tell(
        Kind.DEPLOYMENT,
        Stage.FAILED,
        severity=Status.FAIL,
        sentence=f"{failed.short_revision} failed in {failed.environment}. {why}",
        details=problem_lines(run.results),
    )


def _rehearse(run: Run, revision: str, options: DeployOptions) -> Report:
    """The steps that would run; nothing is locked, written or sent."""
    before = look_before(run)
    record = run.job.new_record(
        revision=revision,
        type=options.type,
        previous=before.release,
        previous_revision=before.revision,
        safe=before.safe,
    )
    run.record = replace(record, state=State.PLANNED)
    assert run.target is not None
    for outcome in dry_run(run.target.deploy_steps(record)):
        run.step(outcome)
    return run.report("ok", f"{record.short_revision} would be deployed to {record.environment}.")
