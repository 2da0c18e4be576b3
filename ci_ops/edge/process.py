"""Child processes, each in a session of its own and followed to its end."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ci_ops.core.child_environment import tool_environment
from ci_ops.core.ports.stop import Stop
from ci_ops.core.text.redact import Redactor
from ci_ops.edge.child import Child
from ci_ops.edge.orphans import OrphanGuard
from ci_ops.edge.output import Output

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ci_ops.core.ports.process import Completed

TERM_SECONDS = 4.0
"""Between TERM and KILL. Source: actions/runner ProcessInvoker.cs: a cancelled
step is killed 10 s after its SIGINT, and the report must be written by then."""

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.05
_NOT_FOUND, _NOT_RUNNABLE = 127, 126
"""What a POSIX shell answers for a program that is not there or cannot be run."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RealProcess:
    """The Process port: one process at a time per thread, safe to share between threads."""

    env: Mapping[str, str]
    """Of which a child gets the base when no environment is given."""
    stop: Stop
    redact: Redactor
    _guard: OrphanGuard = field(default_factory=OrphanGuard, repr=False)

    def run(
        self,
        command: str | Sequence[str],
        *,
        timeout_seconds: float,
        env: Mapping[str, str] | None = None,
        directory: Path | None = None,
        max_output: int = 64 * 1024,
        on_line: Callable[[str], None] | None = None,
    ) -> Completed:
        """Run to the end; terminate the group at the time limit or on a stop request.

        Nothing is started once a stop was requested. Programs that the child
        leaves running when it ends by itself stay (a deployment may start a
        server); at the time limit and on a stop the whole group is ended.
        `on_line` gets each line of either stream, redacted, in this thread.
        """
        started = time.monotonic()
        output = Output(self.redact, max_output=max_output, on_line=on_line)
        if self.stop.requested:
            return output.completed(-self.stop.requested, seconds=0.0, interrupted=True)
        guard = self._guard.current()
        try:
            child = Child.start(
                command,
                env=tool_environment(self.env) if env is None else dict(env),
                directory=directory,
                announce_to=guard.descriptor,
            )
        except OSError as error:
            code = _NOT_FOUND if isinstance(error, FileNotFoundError | NotADirectoryError) else _NOT_RUNNABLE
            output.add_note(_why_not(command, directory, error))
            return output.completed(code, seconds=time.monotonic() - started)
        with guard.watching(child.pid), child:
            ending = self._follow(child, output, started + timeout_seconds)
        seconds = time.monotonic() - started
        log.debug("%s: exit code %d in %.3f s", _title(command), child.exit_code, seconds)
        return output.completed(
            child.exit_code,
            seconds=seconds,
            timed_out=ending == "time",
            interrupted=ending == "stop",
        )

    def _follow(self, child: Child, output: Output, deadline: float) -> str:
        """Read until the process has ended; return why we terminated it, `time` or `stop`, else empty."""
        while child.is_running:
            left = deadline - time.monotonic()
            if self.stop.requested or left <= 0:
                child.end(output, TERM_SECONDS)
                return "stop" if self.stop.requested else "time"
            child.pump(output, min(left, _POLL_SECONDS))
        child.drain(output)
        return ""


def _title(command: str | Sequence[str]) -> str:
    """Return the command for the log: its first line or its words; the log's formatter redacts it."""
    return command.strip().partition("\n")[0] if isinstance(command, str) else " ".join(command)


def _why_not(command: str | Sequence[str], directory: Path | None, error: OSError) -> str:
    program = "the shell" if isinstance(command, str) else command[0]
    if directory is not None and not directory.is_dir():
        return f"cannot start {program}: there is no folder {directory}"
    if isinstance(error, FileNotFoundError):
        return f"program not found: {program}"
    return f"cannot start {program}: {error.strerror}"
