"""Measurement of the live release at the target's own place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.core.delivery.context import Context
from ci_ops.core.delivery.step import StepResult
from ci_ops.core.errors import Inconclusive

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ci_ops.core.delivery.steps.command import Command
    from ci_ops.core.plugin import Placement, Target
    from ci_ops.core.ports.world import World


def measure_placement(
    target: Target, world: World, *, root: Path, env: Mapping[str, str]
) -> Placement | None:
    """Return what the target's commands measure; None for a target that cannot tell.

    `env` is set for each command beside the environment of its place. Raises Inconclusive when a
    command fails or its output cannot be parsed, and Interrupted.
    """
    commands = target.measure()
    if commands is None:
        return None
    context = Context(world=world, root=root, variables=env)
    command = next(commands)
    try:
        while True:
            command = commands.send(_answer(command, context))
    except StopIteration as end:
        placement: Placement = end.value
        return placement
    except ValueError as error:
        raise _unknown(command, str(error)) from error


def _answer(command: Command, context: Context) -> StepResult:
    done = context.shell(
        command.run,
        place=command.place,
        directory=command.directory,
        timeout_seconds=command.timeout_seconds,
    )
    if done.interrupted:
        context.world.stop.check()
    if done.timed_out:
        raise _unknown(command, f"no answer within {command.timeout_seconds:g} s")
    if done.exit_code != 0:
        raise _unknown(command, done.output.strip().rsplit("\n", 1)[-1] or f"exit code {done.exit_code}")
    return StepResult(ok=True, code=0, output=done.stdout, seconds=done.seconds)


def _unknown(command: Command, why: str) -> Inconclusive:
    return Inconclusive(
        f"what is live on the target could not be measured: {why}",
        where=f"the step {command.title!r}",
        hint="Run that command by hand as the user of this job.",
    )
