"""Renewal of the lease beside the steps of a run, so that a long step keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.core.background import running_beside
from ci_ops.core.errors import CiOpsError

if TYPE_CHECKING:
    import threading
    from contextlib import AbstractContextManager

    from ci_ops.core.ports.lease import HeldLease


def renewed(lease: HeldLease) -> AbstractContextManager[None]:
    """Renew the lease in the background while this is open; its own check detects a lost one."""

    def renew(ended: threading.Event) -> None:
        while not ended.wait(lease.renew_seconds):
            try:
                lease.renew()
            except CiOpsError:
                return

    return running_beside(renew, name="lease")
