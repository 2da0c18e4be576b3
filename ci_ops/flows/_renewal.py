"""Renewal of the lease beside the steps of a run, so that a long step keeps it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ci_ops.core.errors import CiOpsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ci_ops.core.ports.lease import HeldLease


@contextmanager
def renewed(lease: HeldLease) -> Iterator[None]:
    """Renew the lease in the background while this is open; its own check detects a lost one."""
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(lease.renew_seconds):
            try:
                lease.renew()
            except CiOpsError:
                return

    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
