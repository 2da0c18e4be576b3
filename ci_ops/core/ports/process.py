"""The port of child processes, each run as a process group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Completed:
    """The result of a child process that ended or was terminated."""

    exit_code: int
    """Negative signal number when a signal ended it; 127 when it does not exist."""
    output: str
    """Tail of stdout and stderr together, at most `max_output` bytes, redacted."""
    seconds: float
    timed_out: bool = False
    interrupted: bool = False
    """True when we were told to stop and ended it."""
    truncated: bool = False
    stdout: str = ""
    """Tail of stdout alone, redacted."""


class Process(Protocol):
    """Child processes in sessions of their own, terminated as groups."""

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
        """Run to the end. A str goes to the shell (to its first failing line), a sequence does not.

        stdin is closed. `env` is the whole environment; without one the program
        gets the base of `core/child_environment.py`, and none of the job's secrets.
        On a stop request or at the time limit the group gets TERM, four
        seconds later KILL. A program that does not exist gives exit code 127.
        """
        ...
