"""One child process, started in a session of its own and terminated as a process group.

Started in a session of its own, read, and ended as a group.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from queue import Empty, Full, Queue
from typing import IO, TYPE_CHECKING, Any, Self

from ci_ops.core.child_environment import tool_environment
from ci_ops.edge.shell import shell_arguments

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

    from ci_ops.edge.output import Output

_CHUNK_BYTES = 64 * 1024
_WAITING_CHUNKS = 32
"""A child that prints faster than we read is made to wait; two megabytes lie between."""

_POLL_SECONDS = 0.05
_QUIET_SECONDS = 0.2
"""A child has ended, but what it left running holds its streams: after this silence we go."""

_LONGEST_LINGER_SECONDS = 2.0


class Child:
    """A running process; leaving its `with` block terminates the whole group.

    Leaving the `with` block ends its whole group if it still runs.

    A thread reads each stream, the same way on every platform. Where a
    grandchild keeps a stream open after the child has ended, its thread stays
    and throws away what comes, so that the grandchild neither blocks on a full
    pipe nor dies of a closed one while we live.
    """

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self._popen = popen
        self._chunks: Queue[tuple[str, bytes]] = Queue(_WAITING_CHUNKS)
        self._abandoned = threading.Event()
        self._open = {"stdout", "stderr"}
        for name, pipe in (("stdout", popen.stdout), ("stderr", popen.stderr)):
            threading.Thread(target=self._read, args=(name, pipe), name=f"ci-ops-{name}", daemon=True).start()

    @classmethod
    def start(
        cls,
        command: str | Sequence[str],
        *,
        env: Mapping[str, str],
        directory: Path | None,
        announce_to: int | None = None,
    ) -> Child:
        """Start the process with a closed stdin. Raises OSError when it cannot be started."""
        options: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":  # pragma: no cover - the tests run on POSIX
            options = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        arguments = command
        if isinstance(command, str):
            arguments = shell_arguments(command, env, announce_to=announce_to)
            if announce_to is not None:
                options["pass_fds"] = [announce_to]
        return cls(
            subprocess.Popen(
                arguments,
                shell=isinstance(arguments, str),
                env=env,
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                **options,
            )
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._abandoned.set()
        if self.is_running:
            _kill(self._popen)
            self._popen.wait()

    @property
    def pid(self) -> int:
        """The process id, which is also the group's id where there are groups."""
        return self._popen.pid

    @property
    def is_running(self) -> bool:
        """True until the process itself has exited, whatever it left running."""
        return self._popen.poll() is None

    @property
    def exit_code(self) -> int:
        """The exit code; the negative signal number after a signal."""
        return self._popen.wait()

    def pump(self, output: Output, seconds: float) -> bool:
        """Read its output with a timeout; return True when there was some."""
        if not self._open:
            with suppress(subprocess.TimeoutExpired):
                self._popen.wait(seconds)
            return False
        try:
            stream, data = self._chunks.get(timeout=seconds)
        except Empty:
            return False
        if not data:
            self._open.discard(stream)
        output.add(stream, data)
        return True

    def drain(self, output: Output) -> None:
        """Read the remaining output of an exited process, without waiting for what it left running."""
        end = time.monotonic() + _LONGEST_LINGER_SECONDS
        while self._open and time.monotonic() < end:
            if not self.pump(output, _QUIET_SECONDS):
                return

    def end(self, output: Output, grace_seconds: float) -> None:
        """Terminate the whole group, and kill the rest after the grace period."""
        end = time.monotonic() + grace_seconds
        _ask_to_end(self._popen)
        while time.monotonic() < end and (self.is_running or _has_members(self._popen)):
            if not self.pump(output, _POLL_SECONDS) and not self._open and not self.is_running:
                time.sleep(_POLL_SECONDS)
        _kill(self._popen)
        self._popen.wait()
        self.drain(output)

    def _read(self, name: str, pipe: IO[bytes]) -> None:
        with pipe:
            while True:
                data = pipe.read(_CHUNK_BYTES) or b""
                self._hand_over((name, data))
                if not data:
                    return

    def _hand_over(self, chunk: tuple[str, bytes]) -> None:
        while not self._abandoned.is_set():
            with suppress(Full):
                self._chunks.put(chunk, timeout=_POLL_SECONDS)
                return


if sys.platform == "win32":  # pragma: no cover - the tests run on POSIX

    def _ask_to_end(popen: subprocess.Popen[bytes]) -> None:
        with suppress(OSError):
            popen.send_signal(signal.CTRL_BREAK_EVENT)

    def _kill(popen: subprocess.Popen[bytes]) -> None:
        """Kill the process tree: Windows has no process group that could be killed."""
        subprocess.run(
            ["taskkill", "/T", "/F", "/PID", str(popen.pid)],
            env=tool_environment(os.environ),
            capture_output=True,
            check=False,
        )
        with suppress(OSError):
            popen.kill()

    def _has_members(popen: subprocess.Popen[bytes]) -> bool:
        return popen.poll() is None

else:

    def _ask_to_end(popen: subprocess.Popen[bytes]) -> None:
        _signal_group(popen, signal.SIGTERM)

    def _kill(popen: subprocess.Popen[bytes]) -> None:
        _signal_group(popen, signal.SIGKILL)

    def _has_members(popen: subprocess.Popen[bytes]) -> bool:
        """Return True while the group has a member that is not a zombie.

        A member that is not collected yet still counts for `killpg`: in a
        container whose first process collects nothing, that is for ever.
        """
        if not _signal_group(popen, 0):
            return False
        states = [state for group, state in _states() if group == popen.pid]
        return not states or any(state not in "ZX" for state in states)

    def _states() -> Iterator[tuple[int, str]]:
        """Return group and state of every process; nothing without Linux's /proc.

        Source: proc(5), /proc/pid/stat: `pid (name) state ppid pgrp …`.
        """
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                fields = stat.read_text("utf-8", "replace").rpartition(")")[2].split()
                yield int(fields[2]), fields[0]

    def _signal_group(popen: subprocess.Popen[bytes], number: int) -> bool:
        """Return True when the group existed; its number is not reused while it has members."""
        try:
            os.killpg(popen.pid, number)
        except (ProcessLookupError, PermissionError):
            return False
        return True
