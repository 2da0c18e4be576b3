"""A command line as a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ci_ops.core.delivery.command_result import command_result
from ci_ops.core.delivery.step import Step, StepResult
from ci_ops.core.ports.place import LOCAL

if TYPE_CHECKING:
    from ci_ops.core.delivery.context import Context

PROBE_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Command(Step):
    """Run a command line in the shell up to its first failing line.

    Its probe is a command that exits 0 when the change has happened and 1 when not.
    """

    run: str
    timeout_seconds: float = 900.0
    place: str = LOCAL
    """Where it runs: `local` is the machine that runs ci-ops."""
    directory: str = ""
    """The folder in which it runs; empty for the project's root."""
    shown: str = ""
    """Its text; empty for `run`, which may hold bookkeeping around the command."""

    @property
    def text(self) -> str:
        """The command line."""
        return self.shown or self.run

    def perform(self, context: Context) -> StepResult:
        """Run the command; exit code 0 is success."""
        done = context.shell(
            self.run, place=self.place, directory=self.directory, timeout_seconds=self.timeout_seconds
        )
        return command_result(done, self.timeout_seconds)

    def has_happened(self, context: Context) -> bool | None:
        """Run the probe."""
        if not self.probe:
            return None
        done = context.shell(
            self.probe, place=self.place, directory=self.directory, timeout_seconds=PROBE_SECONDS
        )
        return {0: True, 1: False}.get(done.exit_code)
