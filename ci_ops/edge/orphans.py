"""Termination of child processes after this process was killed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import weakref
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ci_ops.edge.lock import held_locks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ci_ops.edge.lock import FileLock

_SCRIPT = """
trap '' HUP INT TERM
groups=' '
while read -r sign group; do
  case $sign in
    +) case $groups in *" $group "*) ;; *) groups="$groups$group " ;; esac ;;
    -) case $groups in *" $group "*) groups="${groups%% $group *} ${groups#* $group }" ;; esac ;;
  esac
done
work() { for group in $groups; do kill -s 0 -- "-$group" 2>/dev/null && return 0; done; return 1; }
finish() {
  for group in $groups; do kill -s "$1" -- "-$group" 2>/dev/null; done
  tries=$2
  while work && [ "$tries" -gt 0 ]; do sleep 0.1 2>/dev/null || sleep 1; tries=$((tries - 1)); done
}
finish TERM 20
finish KILL 20
"""
"""Two seconds from TERM to KILL: an orphan's output has no reader, and a next run may wait for its lock.

The wait after KILL is bounded, because a process that is not reaped counts as a member of its group."""


class OrphanGuard:
    """A small shell process that terminates our child processes when we are killed.

    It outlives us by the time that takes, and holds our locks until then: the
    next deployment must not begin beside a step of the one that was killed.

    It reads the numbers of the running process groups from a pipe whose other
    end we alone hold. However we end, kill -9 included, the pipe closes, and
    the groups still on its list get TERM and two seconds later KILL. It is
    started with the first child, and again for the first child after a lock was
    taken or released; that costs two milliseconds. A command line enters
    itself before it begins; only for a program that is started without a shell
    is the moment between its start and the note of its number not covered.

    PR_SET_PDEATHSIG would need code between fork and exec, which is unsafe in
    a process with threads; it also reaches only the child itself, not its
    group, fires when the *thread* that forked ends, and is Linux alone. A
    wrapper around each command would cost its start each time. Windows has no
    process groups to end: there nothing is guarded.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shell: GuardShell | None = None

    def current(self) -> GuardShell:
        """Return the guard's process for the next child."""
        with self._lock:
            if self._shell is None or self._shell.locks != held_locks():
                self._shell = GuardShell(held_locks())
            return self._shell


class GuardShell:
    """The guard's process; it exits with the last child that is registered."""

    def __init__(self, locks: tuple[FileLock, ...]) -> None:
        self.locks = locks
        self.popen: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        if sys.platform == "win32":  # pragma: no cover - the tests run on POSIX
            return
        with suppress(OSError):  # without a shell there is no guard, and programs can still be run
            self.popen = subprocess.Popen(
                ["/bin/sh", "-c", _SCRIPT],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                cwd="/",
                env={"PATH": os.defpath},
                start_new_session=True,
                pass_fds=[lock.descriptor for lock in locks if lock.descriptor is not None],
            )
            weakref.finalize(self, _dismiss, self.popen)

    @property
    def descriptor(self) -> int | None:
        """The write end of its pipe; None where there is no guard."""
        return None if self.popen is None or self.popen.stdin is None else self.popen.stdin.fileno()

    @contextmanager
    def watching(self, group: int) -> Iterator[None]:
        """Register a process group for termination while the block runs."""
        self._tell(f"+ {group}\n")
        try:
            yield
        finally:
            self._tell(f"- {group}\n")

    def _tell(self, line: str) -> None:
        """Send one line; a killed guard is ignored, because the children are still ours."""
        if self.popen is None or self.popen.stdin is None:
            return
        with self._lock, suppress(OSError):
            self.popen.stdin.write(line.encode())


def _dismiss(shell: subprocess.Popen[bytes]) -> None:
    """Close the pipe, which ends the guard, and wait for it."""
    assert shell.stdin is not None
    shell.stdin.close()
    shell.wait()
