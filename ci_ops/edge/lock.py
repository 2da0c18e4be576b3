"""A lock in a file, held by the system for as long as the process and its steps live."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ci_ops.core.errors import LockHeld
from ci_ops.core.text.durations import format_duration
from ci_ops.core.text.json_document import parse_json
from ci_ops.core.text.lines import one_line
from ci_ops.edge.trusted import open_own

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_TEXT_BYTES = 4096
ENDING_SECONDS = 10.0
"""How long a claim waits for the steps of a killed run, which the orphan guard ends within four."""

_POLL_SECONDS = 0.1
_held: list[FileLock] = []


def held_locks() -> tuple[FileLock, ...]:
    """Return the locks that this process holds now."""
    return tuple(_held)


@dataclass(eq=False)
class FileLock:
    """A held lock.

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
    def take(
        cls, path: Path, *, holder: str, since: datetime, pause: Callable[[float], None] = time.sleep
    ) -> FileLock:
        """Take it or raise LockHeld; waits only until the steps of a killed run have ended."""
        end = time.monotonic() + ENDING_SECONDS
        while True:
            try:
                return cls._take_now(path, holder=holder, since=since)
            except LockHeld:
                if time.monotonic() >= end or not _is_orphaned(path):
                    raise
            pause(_POLL_SECONDS)

    @classmethod
    def _take_now(cls, path: Path, *, holder: str, since: datetime) -> FileLock:
        while True:
            descriptor = open_own(path, os.O_RDWR | os.O_CREAT)
            try:
                refusal = None if _try_lock(descriptor) else _refusal(path, descriptor, now=since)
                lock = cls(path, descriptor)
                if refusal is None and lock._is_in_place():
                    _write(descriptor, holder=holder, since=since)
                    _held.append(lock)
                    return lock
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)
            if refusal is not None:
                raise refusal
            # Somebody removed the file between open and lock: try the new one.

    @property
    def descriptor(self) -> int | None:
        """The open file, for the orphan guard; None once it is released."""
        return self._descriptor

    def check(self) -> None:
        """Raise LockHeld when the claim is no longer ours.

        Given up, or its file replaced.
        """
        if self._descriptor is None or not self._is_in_place():
            raise LockHeld(
                "the lock was taken away: its file was removed or replaced",
                where=str(self.path),
                hint="Find out who removed it and whether another deployment is running, then run again.",
            )

    def release(self) -> None:
        """Give it up; harmless when it is not held."""
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


def _write(descriptor: int, *, holder: str, since: datetime) -> None:
    """Write who holds it; a full disk must not forbid the rollback that would make room."""
    facts = {
        "holder": holder,
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": since.isoformat(timespec="seconds"),
    }
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    with suppress(OSError):
        os.write(descriptor, json.dumps(facts).encode() + b"\n")
        os.fsync(descriptor)


def _is_orphaned(path: Path) -> bool:
    """Return True when a run on this host was killed and its last step is still being ended."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        _, pid, host, _ = _facts(descriptor)
    finally:
        os.close(descriptor)
    return _is_dead(pid, host)


def _is_dead(pid: int, host: str) -> bool:
    if sys.platform == "win32" or pid <= 0 or host != socket.gethostname():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _refusal(path: Path, descriptor: int, *, now: datetime) -> LockHeld:
    holder, pid, host, since = _facts(descriptor)
    if _is_dead(pid, host):
        return LockHeld(
            f"the lock is held by the last step of a run that was killed ({holder or 'process'}, {pid})",
            where=str(path),
            hint="Its programs are being ended; run again in a few seconds.",
        )
    where = f"process {pid} on {host}" if pid else "another process"
    sentence = f"the lock is held by {holder} ({where})" if holder else f"the lock is held by {where}"
    if since is not None:
        age = format_duration(max(0.0, (now - since).total_seconds()))
        sentence += f" since {since:%Y-%m-%d %H:%M:%S %Z}, for {age}"
    way_out = f" or end that process (`kill {pid}` on {host})" if pid else ""
    return LockHeld(
        sentence,
        where=str(path),
        hint=f"Wait until it has finished{way_out}; the lock of a process that has ended is free at once.",
    )


def _facts(descriptor: int) -> tuple[str, int, str, datetime | None]:
    """Holder, process, host and time; empty where the holder is just writing them."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        facts = parse_json(os.read(descriptor, MAX_TEXT_BYTES))
        since = datetime.fromisoformat(facts["since"]).astimezone(UTC)
        return one_line(str(facts["holder"])), int(facts["pid"]), one_line(str(facts["host"])), since
    except (ValueError, KeyError, TypeError, OverflowError):
        return "", 0, "", None


if sys.platform == "win32":  # pragma: no cover - the tests run on POSIX
    _BEYOND_THE_TEXT = 1 << 30
    """Windows forbids reading what is locked: so a byte is locked that nobody reads."""

    def _try_lock(descriptor: int) -> bool:
        import msvcrt  # noqa: PLC0415 - Windows alone has it

        os.lseek(descriptor, _BEYOND_THE_TEXT, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        """Closing the file is enough: no other process shares it."""

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
