"""What is live before the first change: from the ledger, and as measured."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from ci_ops.checks._run import run_checks
from ci_ops.core.delivery.record import DeploymentRecord, State, is_revision
from ci_ops.core.errors import CiOpsError
from ci_ops.core.plugin import Phase
from ci_ops.core.ports import HttpError
from ci_ops.flows._usual import with_usual_checks

if TYPE_CHECKING:
    from ci_ops.flows._job import Job
    from ci_ops.flows._run import Run

UNRECORDED = "unrecorded"
"""Stands for a release that answers but that no ledger knows of."""

LOOKED_THROUGH = 50
"""Deployments that are looked through for the one that is live."""

_LIVE = frozenset({State.VERIFIED, State.UNVERIFIED, State.FAILED, State.INTERRUPTED})


@dataclass(frozen=True, kw_only=True, slots=True)
class Baseline:
    """The release before the change."""

    verified: DeploymentRecord | None = None
    """The last verified deployment, when it is also what is live."""
    safe: str = ""
    """The last verified release, live or not; empty when there is none."""
    release: str
    """The release to go back to; empty when there is none."""
    revision: str
    """Its commit, as recorded or else as measured; empty when unknown."""


def live_record(job: Job) -> DeploymentRecord | None:
    """The deployment whose release is live, whatever was said of it; None when none is known.

    Reads no further than it must: a remote ledger answers one record a request.
    """
    records = islice(job.site.ledger.records(job.environment), LOOKED_THROUGH)
    return next((each for each in records if each.state in _LIVE), None)


def look_before(run: Run) -> Baseline:
    """Look once, before anything is changed.

    Raises CiOpsError (unreachable-baseline) where a verified deployment exists
    but this runner cannot reach the service: it could not judge the new one.
    """
    job = run.job
    live = live_record(job)
    is_verified = live is not None and live.state is State.VERIFIED
    verified = live if is_verified else job.site.ledger.last_verified(job.environment)
    answers = _answers(run, must=verified is not None)
    safe = verified.release_id if verified is not None else ""
    if live is not None and is_verified:
        return Baseline(verified=live, safe=safe, release=live.release_id, revision=live.revision)
    measured = _measured_revision(run) if answers else ""
    if live is None or measured not in {"", live.revision}:
        # A way back that could not be proven, or changed nothing: what answers is what is gone back to.
        known = job.site.ledger.find(job.environment, measured)
        release = known.release_id if known else UNRECORDED if answers else ""
        return Baseline(safe=safe, release=release, revision=measured)
    return Baseline(safe=safe, release=live.release_id, revision=live.revision)


def _answers(run: Run, *, must: bool) -> bool:
    verify = run.job.config.verify
    if not verify.url:
        return False
    try:
        answer = run.job.world.http.request("GET", verify.url, timeout_seconds=verify.timeout, fresh=True)
    except HttpError as error:
        if not must:
            return False
        raise CiOpsError(
            f"the service cannot be reached before the deployment: {error.sentence}",
            reason="unreachable-baseline",
            where="verify.url",
        ) from error
    return answer.status < 500


def _measured_revision(run: Run) -> str:
    """The commit that the service itself names; empty when it names none or several."""
    job = run.job
    verify = with_usual_checks(job.config.verify, has_revision=True)
    checks = [each for each in verify.checks if each.plugin.plugin_name() == "revision"]
    subject = job.subject(url=job.config.verify.url, revision=job.origin.revision)
    results = run_checks(
        checks, subject, job.world, phase=Phase.VERIFY, deadline_seconds=0.0, waits=job.waits
    )
    seen = {name for result in results for name in result.facts.get("revisions", ())}
    named = seen.pop() if len(seen) == 1 else ""
    return named if is_revision(named) else ""
