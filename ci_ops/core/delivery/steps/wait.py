"""A step that repeats a command until it succeeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ci_ops.core.delivery.command_result import command_result
from ci_ops.core.delivery.step import Observation, StepResult
from ci_ops.core.delivery.steps._until import Try, try_until
from ci_ops.core.ports.place import LOCAL

if TYPE_CHECKING:
    from ci_ops.core.delivery.context import Context


@dataclass(frozen=True, kw_only=True, slots=True)
class Wait(Observation):
    """Repeat a read-only command until it exits 0 or the deadline has passed."""

    run: str
    deadline_seconds: float = 60.0
    interval_seconds: float = 1.0
    timeout_seconds: float = 10.0
    """For one try."""
    place: str = LOCAL
    """Where it runs: `local` is the machine that runs ci-ops."""
    directory: str = ""

    @property
    def text(self) -> str:
        """The command line."""
        return self.run

    def perform(self, context: Context) -> StepResult:
        """Run the command until it succeeds; the result is the last one."""
        return try_until(
            lambda: self._try(context),
            context.world.clock,
            deadline_seconds=self.deadline_seconds,
            interval_seconds=self.interval_seconds,
        )

    def _try(self, context: Context) -> Try:
        done = context.shell(
            self.run, place=self.place, directory=self.directory, timeout_seconds=self.timeout_seconds
        )
        result = command_result(done, self.timeout_seconds)
        return Try(result=result, is_settled=done.exit_code == 0 or done.interrupted)
