"""The newest verified deployment of a ledger, as a rollback searches for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.core.delivery.ledger import any_record
from ci_ops.core.delivery.record import DeploymentRecord, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from ci_ops.core.delivery.ledger import Ledger


def newest_verified(
    ledger: Ledger, where: Callable[[DeploymentRecord], bool] = any_record
) -> DeploymentRecord | None:
    """Return the newest verified deployment to production; None for none."""
    records = ledger.records("production", where)
    return next((record for record in records if record.state is State.VERIFIED), None)
