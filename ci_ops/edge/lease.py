"""The lease of an environment: a locked file on this host, and a counter of fencing tokens."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ci_ops.core.errors import LockHeld
from ci_ops.edge.lock import FileLock, is_orphaned
from ci_ops.edge.lock_text import RENEW_SECONDS
from ci_ops.edge.store import make_directory, usable
from ci_ops.edge.trusted import check_folder, open_own

if TYPE_CHECKING:
    from ci_ops.core.ports.lease import Holder

LOCK_FILE = "deployment.lock"
TOKEN_FILE = "deployment.token"
ENDING_SECONDS = 10.0
"""How long a claim waits for the steps of a killed run, which the orphan guard ends within four."""

_POLL_SECONDS = 0.1
_TOKEN_DIGITS = 20


@dataclass(frozen=True)
class FileLease:
    """The lease of an environment whose state is in a folder of this host.

    The system frees it with its process, so it needs no expiry. Renewing it
    shows others that the holder is not stopped.
    """

    directory: Path
    pause: Callable[[float], None] = field(default=time.sleep, repr=False, compare=False)
    """How a claim waits; the world's own sleep ends with a stop request."""
    root: Path | None = None
    """The folder of ours that it lies in, as far up as links are looked for; None for itself."""

    def acquire(self, holder: Holder) -> HeldFileLease:
        """Acquire the lock; wait only until steps of a killed run have ended. Raises LockHeld."""
        path = self.directory / LOCK_FILE
        end = time.monotonic() + ENDING_SECONDS
        with usable(path):
            check_folder(self.directory, self.root or self.directory)
            make_directory(self.directory)
            while True:
                try:
                    return self._acquire_now(path, holder)
                except LockHeld:
                    if time.monotonic() >= end or not is_orphaned(path):
                        raise
                self.pause(_POLL_SECONDS)

    def _acquire_now(self, path: Path, holder: Holder) -> HeldFileLease:
        lock = FileLock.take(path, now=holder.since)
        try:
            token = _next_token(self.directory / TOKEN_FILE)
            lock.describe(holder, token=token)
        except BaseException:
            lock.release()
            raise
        return HeldFileLease(lock=lock, token=token)


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldFileLease:
    """A lease that this process holds."""

    lock: FileLock
    token: int
    renew_seconds: float = RENEW_SECONDS

    def renew(self) -> None:
        """Show that the process is alive. Raises LockHeld when the lock file was replaced."""
        self.lock.check()
        self.lock.touch()

    def check(self) -> None:
        """Raise LockHeld when the lock file was replaced."""
        self.lock.check()

    def release(self) -> None:
        """Release the lease; a no-op when it is not held."""
        self.lock.release()


def _next_token(path: Path) -> int:
    """Increment the counter under the lock; every token is greater than all earlier ones.

    It is at least the time in seconds: a counter that was lost or, on a full
    disk, not written, does not give a number out again. Always the same length,
    so that counting on needs no room.
    """
    descriptor = open_own(path, os.O_RDWR | os.O_CREAT)
    try:
        text = os.read(descriptor, _TOKEN_DIGITS).strip()
        token = max(int(text) + 1 if text.isdigit() else 0, int(time.time()))
        os.lseek(descriptor, 0, os.SEEK_SET)
        with suppress(OSError):
            os.write(descriptor, b"%0*d\n" % (_TOKEN_DIGITS, token))
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return token
