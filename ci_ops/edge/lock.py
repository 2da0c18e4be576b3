"""A file lock that the system holds as long as the process and its steps live."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ci_ops.core.errors import LockHeld
from ci_ops.edge.lock_text import LockText, read_text, refusal, write_text
from ci_ops.edge.trusted import open_own

if TYPE_CHECKING:
    from datetime import datetime

    from ci_ops.core.ports.lease import Holder

_held: list[FileLock] = []


def held_locks() -> tuple[FileLock, ...]:
    """Return the locks that this process holds now."""
    return tuple(_held)


@dataclass(eq=False)
class FileLock:
    """A held lock, whose file names the holder.

    The file says who holds it; that it is held, the system knows.

    flock (msvcrt.locking on Windows) ends with the process, however that ends,
    so there is no stale lock; the file stays and is written again next time.
    Python's descriptors are not inherited, so a server that a deployment left
    running does not keep it. The orphan guard alone inherits it: after a kill,
    the lock is held until the steps of the killed run have ended.
    """

    path: Path
    _descriptor: int | None

    @classmethod
    def take(cls, path: Path, *, now: datetime) -> FileLock:
        """Acquire the lock without waiting. Raises LockHeld."""
        while True:
            descriptor = open_own(path, os.O_RDWR | os.O_CREAT)
            try:
                refused = None if _try_lock(descriptor) else refusal(path, read_text(descriptor), now=now)
                lock = cls(path, descriptor)
                if refused is None and lock._is_in_place():
                    os.ftruncate(descriptor, 0)  # a killed holder's name must not stand for ours
                    _held.append(lock)
                    return lock
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)
            if refused is not None:
                raise refused
            # Somebody removed the file between open and lock: try the new one.

    def describe(self, holder: Holder, *, token: int) -> None:
        """Write the holder into the file."""
        assert self._descriptor is not None
        write_text(self._descriptor, holder, token=token)

    def touch(self) -> None:
        """Update the file's time, which shows others that the holder is not stopped."""
        place = self._descriptor if os.utime in os.supports_fd else None
        with suppress(OSError):
            os.utime(self.path if place is None else place)

    @property
    def descriptor(self) -> int | None:
        """The open file, for the orphan guard; None after the release."""
        return self._descriptor

    def check(self) -> None:
        """Raise LockHeld when the lock was released or its file replaced."""
        if self._descriptor is None or not self._is_in_place():
            raise LockHeld(
                "the lock was taken away: its file was removed or replaced",
                where=str(self.path),
                hint="Find out who removed it and whether another deployment is running, then run again.",
            )

    def release(self) -> None:
        """Release the lock; a no-op when it is not held."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            _held.remove(self)
            os.ftruncate(descriptor, 0)
            _unlock(descriptor)
            os.close(descriptor)

    def _is_in_place(self) -> bool:
        assert self._descriptor is not None
        ours = os.fstat(self._descriptor)
        try:
            return os.path.samestat(ours, self.path.stat())
        except OSError:
            return False


def is_orphaned(path: Path) -> bool:
    """Return True while the last step of a run that was killed on this host is being terminated."""
    return _text_in(path).is_dead


def _text_in(path: Path) -> LockText:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return LockText()
    try:
        return read_text(descriptor)
    finally:
        os.close(descriptor)


if sys.platform == "win32":  # pragma: no cover - the tests run on POSIX
    _BEYOND_THE_TEXT = 1 << 30
    """Windows forbids reading what is locked: so a byte is locked that is never read."""

    def _try_lock(descriptor: int) -> bool:
        import msvcrt  # noqa: PLC0415 - Windows alone has it

        os.lseek(descriptor, _BEYOND_THE_TEXT, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        """Do nothing: closing the file unlocks it, because no other process shares it."""

else:

    def _try_lock(descriptor: int) -> bool:
        import fcntl  # noqa: PLC0415 - nothing that only POSIX has is loaded by an import of ours

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        import fcntl  # noqa: PLC0415 - the same

        fcntl.flock(descriptor, fcntl.LOCK_UN)  # for the guard's copy of it, too
