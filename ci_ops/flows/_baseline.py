"""The baseline: a measurement of the live release before the first change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.core.delivery.record import State
from ci_ops.core.errors import CiOpsError
from ci_ops.flows._live import measure_live
from ci_ops.flows._rollback_target import rollback_target
from ci_ops.flows._service import Reach

if TYPE_CHECKING:
    from ci_ops.core.delivery.record import DeploymentRecord
    from ci_ops.flows._history import History
    from ci_ops.flows._live import Live
    from ci_ops.flows._run import Run


def measure_baseline(run: Run, history: History, *, force: bool) -> Live:
    """Measure the live release once, before any change.

    Raises CiOpsError (unreachable-baseline) where a verified deployment exists
    but this runner cannot reach the service: it could not judge the new one.
    A service that is provably down may be deployed to: that is how it is fixed.
    """
    live = measure_live(run, history)
    service = live.service
    if service.reach is Reach.DOWN and live.release:
        run.note(f"The live release does not answer ({service.sentence}); it is deployed to all the same.")
    if service.reach is not Reach.UNREACHABLE or not any(each.state is State.VERIFIED for each in history):
        return live
    if not force:
        raise CiOpsError(
            f"the service cannot be reached before the deployment: {service.sentence}",
            reason="unreachable-baseline",
            where="verify.url",
        )
    run.note(f"The service cannot be reached before the deployment: {service.sentence}.")
    return live


def safe_release(history: History, live: Live) -> str:
    """Return the id of the last verified release, which pruning must keep; empty for none."""
    if live.deployment is not None and live.deployment.state is State.VERIFIED:
        return live.deployment.id
    found: DeploymentRecord | None = rollback_target(history, live)[0]
    return found.id if found is not None else ""
