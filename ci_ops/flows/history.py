"""History: the deployments of an environment, as its ledger has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.core.traits import Traits

if TYPE_CHECKING:
    from ci_ops.core.delivery.record import DeploymentRecord
    from ci_ops.flows._job import Job

TRAITS = Traits(command="history", uses=frozenset())


def history(job: Job, limit: int) -> tuple[DeploymentRecord, ...]:
    """Return the newest `limit` records of the environment, newest first."""
    return tuple(job.site.ledger.history(job.environment, limit))
