"""The live release: measured on the target and at the service, with its records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ci_ops.checks.revision.spelling import same_revision
from ci_ops.core.delivery.record import DeploymentRecord, State, is_deployment_id, is_revision
from ci_ops.core.errors import Inconclusive
from ci_ops.core.plugin import Placement
from ci_ops.flows._placement import measure_placement
from ci_ops.flows._run import step_environment
from ci_ops.flows._service import Reach, Service, measure_service

if TYPE_CHECKING:
    from ci_ops.flows._history import History
    from ci_ops.flows._run import Run

UNRECORDED = "unrecorded"
"""Stands for a release that is live but that no record knows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Live:
    """The live release, and how it is known."""

    release: str = ""
    """Its id; empty when none is live or known, `unrecorded` for one without a record."""
    revision: str = ""
    """Its commit; empty when unknown."""
    deployment: DeploymentRecord | None = None
    """The deployment that made it; None when it is not recorded."""
    is_measured: bool = False
    """True when the target or the service itself said so just now, not only a record."""
    service: Service
    placement: Placement | None = None
    """What the target showed; None where it cannot tell."""

    @property
    def is_vacant(self) -> bool:
        """True when the target measured that no release is live."""
        return self.placement is not None and self.placement.is_vacant

    @property
    def is_verified(self) -> bool:
        """True when this release was verified and is measured to be live and healthy."""
        return (
            self.deployment is not None
            and self.deployment.state is State.VERIFIED
            and self.is_measured
            and self.service.reach in {Reach.ANSWERS, Reach.NOT_ASKED}
            and not self.service.serves_other_than(self.revision)
        )

    def is_available(self, release: str) -> bool:
        """Return False when the target measured that this release is gone."""
        available = self.placement.available if self.placement is not None else None
        return available is None or release in available


def measure_live(run: Run, history: History) -> Live:
    """Measure the live release; every contradiction becomes a note, none is resolved silently."""
    latest = history.latest()
    placement = placement_of(run, latest)
    url = latest.url if latest is not None else ""
    service = measure_service(run.job, url=url, expected=latest.revision if latest is not None else "")
    if service.is_mixed:
        served = ", ".join(sorted(_short(each) for each in service.revisions))
        run.note(f"The service answers with several revisions at once: {served}.")
    if placement is not None and placement.is_vacant:
        return _vacant(run, latest, placement, service)
    if placement is not None and placement.release:
        live = _by_release(history, placement, service)
    elif revision := (placement.revision if placement is not None else "") or service.revision:
        live = _by_revision(history, latest, revision, service, placement)
    else:
        live = _by_record(history, latest, service, placement)
    _note_contradictions(run, latest, live)
    return live


def placement_of(run: Run, record: DeploymentRecord | None) -> Placement | None:
    """Measure the target; None where it cannot tell, with a note where that failed."""
    if run.target is None:
        return None
    env = step_environment(record, run.target) if record is not None else {}
    try:
        return measure_placement(run.target, run.job.world, root=run.job.root, env=env)
    except Inconclusive as error:
        run.note(f"{error.what[:1].upper()}{error.what[1:]} ({error.where}).")
        return None


def _vacant(run: Run, latest: DeploymentRecord | None, placement: Placement, service: Service) -> Live:
    if service.still_answers:
        named = f" with {_short(service.revision)}" if service.revision else ""
        run.note(f"No release is live on the target, but the service answers{named}.")
    elif latest is not None:
        run.note(f"The records say that {latest.release_id} is live, but no release is live on the target.")
    return Live(
        release=UNRECORDED if service.still_answers else "",
        revision=service.revision if is_revision(service.revision) else "",
        service=service,
        placement=placement,
        is_measured=True,
    )


def _by_release(history: History, placement: Placement, service: Service) -> Live:
    deployment = history.deployment(placement.release)
    served = service.revision if is_revision(service.revision) else ""
    return Live(
        release=placement.release if is_deployment_id(placement.release) else UNRECORDED,
        revision=deployment.revision if deployment is not None else placement.revision or served,
        deployment=deployment,
        is_measured=True,
        service=service,
        placement=placement,
    )


def _by_revision(
    history: History,
    latest: DeploymentRecord | None,
    revision: str,
    service: Service,
    placement: Placement | None,
) -> Live:
    """Return the release of that commit: the latest one where it fits, else the newest of that commit."""
    if latest is not None and same_revision(latest.revision, revision):
        release = latest.release_id
    else:
        made = (
            each for each in history if each.kind == "deployment" and same_revision(each.revision, revision)
        )
        found = next(made, None)
        release = found.id if found is not None else UNRECORDED
    deployment = history.deployment(release)
    full = deployment.revision if deployment is not None else revision if is_revision(revision) else ""
    return Live(
        release=release,
        revision=full,
        deployment=deployment,
        is_measured=True,
        service=service,
        placement=placement,
    )


def _by_record(
    history: History, latest: DeploymentRecord | None, service: Service, placement: Placement | None
) -> Live:
    if latest is None:
        unknown = UNRECORDED if service.still_answers else ""
        return Live(release=unknown, service=service, placement=placement)
    return Live(
        release=latest.release_id,
        revision=latest.revision,
        deployment=history.deployment(latest.release_id),
        service=service,
        placement=placement,
    )


def _note_contradictions(run: Run, latest: DeploymentRecord | None, live: Live) -> None:
    if live.is_measured and latest is not None and live.release != latest.release_id:
        is_decided = latest.state in {State.VERIFIED, State.UNVERIFIED}
        if is_decided or live.release != latest.previous:
            record_text = f"{latest.release_id} is live" if is_decided else f"{latest.id} is {latest.state}"
            measured = live.release if live.release != UNRECORDED else _short(live.revision) or live.release
            run.note(f"The records say that {record_text}, but {measured} was measured to be live.")
    is_on_target = live.placement is not None and bool(live.placement.release)
    if is_on_target and live.revision and live.service.serves_other_than(live.revision):
        served = ", ".join(sorted(_short(each) for each in live.service.revisions))
        run.note(
            f"The target's live release is {_short(live.revision)}, but the service answers with {served}: "
            "processes of another release still serve."
        )


def _short(revision: str) -> str:
    return revision[:7] if is_revision(revision) else revision
