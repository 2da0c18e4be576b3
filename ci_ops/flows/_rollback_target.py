"""The choice of the release to roll back to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ci_ops.core.delivery.record import DeploymentRecord, State
from ci_ops.core.errors import CiOpsError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ci_ops.flows._history import History
    from ci_ops.flows._live import Live
    from ci_ops.flows._run import Run

_SWITCHED = frozenset({State.VERIFIED, State.UNVERIFIED, State.ROLLED_BACK})
"""States of a rollback whose steps were all done: it left the release before it."""


@dataclass
class _Verdicts:
    """The verdicts of later rollbacks on earlier releases; the newest verdict on each counts."""

    good: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)
    left_revisions: set[str] = field(default_factory=set)

    def take(self, record: DeploymentRecord) -> None:
        """Add the next older record."""
        if record.kind != "rollback" or record.state not in _SWITCHED:
            return
        if record.state is State.VERIFIED and record.release_id not in self.left:
            self.good.add(record.release_id)
        if record.previous and record.previous not in self.good:
            self.left.add(record.previous)
            self.left_revisions.add(record.previous_revision)

    def allow(self, deployment: DeploymentRecord) -> bool:
        """Return True for a verified release that no later rollback left."""
        if not _was_verified(deployment):
            return False
        if deployment.id in self.good:
            return True
        is_left = deployment.id in self.left or deployment.revision in self.left_revisions - {""}
        return deployment.state is State.VERIFIED and not is_left


def rollback_target(
    history: Iterable[DeploymentRecord], live: Live
) -> tuple[DeploymentRecord | None, tuple[DeploymentRecord, ...]]:
    """Return the newest verified deployment before the live one, and missing ones that were skipped.

    Another deployment of the same commit is no target, nor is one that a
    rollback has left since. A live release without a record is newer than all.
    """
    verdicts = _Verdicts()
    is_earlier = live.deployment is None
    gone: list[DeploymentRecord] = []
    for record in history:
        verdicts.take(record)
        if record.id == live.release:
            is_earlier = True
        elif is_earlier and _is_other(record, live) and verdicts.allow(record):
            if live.is_available(record.id):
                return record, tuple(gone)
            gone.append(record)
    return None, tuple(gone)


def _is_other(record: DeploymentRecord, live: Live) -> bool:
    """Return True for a deployment of another commit than the live one."""
    return record.kind == "deployment" and (not live.revision or record.revision != live.revision)


@dataclass(frozen=True, kw_only=True, slots=True)
class Destination:
    """The release to roll back to, and the one to leave."""

    deployment: DeploymentRecord
    """The deployment whose release is to be live."""
    left: str
    """Id of the release that is left; empty when it is not known."""
    left_revision: str
    after: str
    """Id of the newest record."""


def choose(run: Run, history: History, live: Live, *, to: str) -> Destination:
    """Return the destination. Raises CiOpsError, before any change, where there is none."""
    if to:
        return _leaving(named_target(run, history, live, to), live, history)
    unproven = _unproven(history, live)
    if unproven is not None:
        return unproven
    found, gone = rollback_target(history, live)
    for each in gone:
        run.note(
            f"{each.id} ({each.short_revision}) was verified, but its release is gone: it is passed over."
        )
    if found is None:
        before = live.revision[:7] or "the live release"
        raise CiOpsError(
            f"no verified release that is still available was deployed before {before}",
            reason="no-rollback-target",
            where=f"environment {run.job.environment}",
        )
    return _leaving(found, live, history)


def _leaving(deployment: DeploymentRecord, live: Live, history: History) -> Destination:
    return Destination(
        deployment=deployment,
        left=live.release,
        left_revision=live.revision,
        after=history.newest_id,
    )


def _unproven(history: History, live: Live) -> Destination | None:
    """Return the destination of an unproven last rollback, unless a measurement contradicts it.

    A repeated rollback continues to the same release: neither back to the one that was left, nor
    further back.
    """
    last = history.latest()
    if last is None or last.kind != "rollback" or last.state is State.VERIFIED:
        return None
    if live.is_measured and live.release != last.release_id:
        return None
    to = history.deployment(last.release_id)
    if to is None or not _was_verified(to) or not live.is_available(to.id):
        return None
    return Destination(
        deployment=to,
        left=last.previous,
        left_revision=last.previous_revision,
        after=history.newest_id,
    )


def named_target(run: Run, history: History, live: Live, name: str) -> DeploymentRecord:
    """Return the deployment that `--to` names. Raises CiOpsError where it is unknown, unverified or gone."""
    found = run.job.site.ledger.find(run.job.environment, name)
    if found is None:
        raise CiOpsError(
            f"no deployment {name!r} is recorded in {run.job.environment}",
            reason="unknown-deployment",
            where="to",
        )
    deployment = history.deployment(found.release_id) or found
    if not _was_verified(deployment):
        raise CiOpsError(
            f"{deployment.id} is {deployment.state} and was never verified",
            reason="never-verified",
            where="to",
        )
    if not live.is_available(deployment.id):
        raise CiOpsError(f"the release {deployment.id} is gone", reason="release-gone", where="to")
    return deployment


def _was_verified(deployment: DeploymentRecord) -> bool:
    return deployment.verified_at is not None or deployment.state is State.VERIFIED
