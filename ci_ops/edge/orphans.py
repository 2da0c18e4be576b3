"""Ends our child programs when we are killed and cannot do it ourselves."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import weakref
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SCRIPT = """
trap '' HUP INT TERM
groups=' '
while read -r sign group; do
  case $sign in
    +) groups="$groups$group " ;;
    -) case $groups in *" $group "*) groups="${groups%% $group *} ${groups#* $group }" ;; esac ;;
  esac
done
[ "$groups" = ' ' ] && exit 0
for group in $groups; do kill -s TERM -- "-$group" 2>/dev/null; done
sleep 4
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
"""


class OrphanGuard:
    """A tiny shell process that ends our children when we cannot.

    It outlives us by the time that takes.

    It reads the numbers of the running process groups from a pipe whose other
    end we alone hold. However we end, kill -9 included, the pipe closes, and
    the groups still on its list get TERM and four seconds later KILL. It is
    started with the first child and costs two milliseconds once. Only the
    moment between a child's start and the note of its number is not covered.

    PR_SET_PDEATHSIG would need code between fork and exec, which is unsafe in
    a process with threads; it also reaches only the child itself, not its
    group, fires when the *thread* that forked ends, and is Linux alone. A
    wrapper around each command would cost its start each time. Windows has no
    process groups to end: there nothing is guarded.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shell: subprocess.Popen[bytes] | None = None
        self._is_started = False

    @contextmanager
    def watching(self, group: int) -> Iterator[None]:
        """Have that process group ended if we die meanwhile."""
        self._tell(f"+ {group}\n")
        try:
            yield
        finally:
            self._tell(f"- {group}\n")

    def _tell(self, line: str) -> None:
        with self._lock:
            if not self._is_started:
                self._is_started = True
                self._start()
            if self._shell is not None and self._shell.stdin is not None:
                with suppress(OSError):  # somebody killed the guard: the children are still ours to end
                    self._shell.stdin.write(line.encode())

    def _start(self) -> None:
        if sys.platform == "win32":  # pragma: no cover - the tests run on POSIX
            return
        with suppress(OSError):  # without a shell there is no guard, and programs can still be run
            self._shell = subprocess.Popen(
                ["/bin/sh", "-c", _SCRIPT],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                cwd="/",
                env={"PATH": os.defpath},
                start_new_session=True,
            )
            weakref.finalize(self, _dismiss, self._shell)


def _dismiss(shell: subprocess.Popen[bytes]) -> None:
    """Close the pipe, which ends the guard, and collect it."""
    assert shell.stdin is not None
    shell.stdin.close()
    shell.wait()
