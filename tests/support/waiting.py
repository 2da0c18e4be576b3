"""Waiting for something to become true, without guessing how long it takes."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT_SECONDS = 30.0
"""Ample, so that a busy machine fails nothing: only what never comes waits as long."""


def wait_until(is_so: Callable[[], object], *, limit_seconds: float = LIMIT_SECONDS) -> None:
    """Look again and again until it is so; fails the test when it never is."""
    end = time.monotonic() + limit_seconds
    never = threading.Event()
    while not is_so():
        assert time.monotonic() < end, f"waited {limit_seconds} s in vain"
        never.wait(0.005)


def is_alive(pid: int) -> bool:
    """True for a process that has not ended; one that nobody collects yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
