"""The lease of a run is renewed while its steps run."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ci_ops.core.ports.lease import Holder
from ci_ops.edge.lease import LOCK_FILE, FileLease
from ci_ops.flows._renewal import renewed
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path


def renewing() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "lease"]


def test_a_lease_is_renewed_beside_the_work(tmp_path: Path) -> None:
    held = replace(FileLease(tmp_path).acquire(Holder(since=datetime.now(UTC))), renew_seconds=0.01)
    file = tmp_path / LOCK_FILE
    with renewed(held):
        for _ in range(2):
            os.utime(file, (1000.0, 1000.0))
            wait_until(lambda: file.stat().st_mtime > 1000.0)
    assert renewing() == []
    held.release()


def test_a_lost_lease_is_not_renewed_any_more(tmp_path: Path) -> None:
    held = replace(FileLease(tmp_path).acquire(Holder(since=datetime.now(UTC))), renew_seconds=0.01)
    with renewed(held):
        (tmp_path / LOCK_FILE).unlink()
        wait_until(lambda: renewing() == [])
    held.release()
