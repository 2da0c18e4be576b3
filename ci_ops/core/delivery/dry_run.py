"""A dry run: the steps that would run, without running them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.core.delivery.step import StepResult, drive
from ci_ops.core.report import StepOutcome, StepState

if TYPE_CHECKING:
    from ci_ops.core.delivery.step import Steps


def dry_run(steps: Steps, *, phase: str = "deploy") -> tuple[StepOutcome, ...]:
    """Return the steps that would run, fed with named placeholders; nothing is touched."""
    outcomes: list[StepOutcome] = []
    for number, (step, answer) in enumerate(drive(steps), 1):
        outcomes.append(
            StepOutcome(
                key=step.key,
                title=step.title,
                state=StepState.PLANNED,
                changes=step.changes,
                phase=phase,
                run=step.text,
            )
        )
        answer(StepResult(ok=True, code=0, output=f"<the output of step {number}>", known=False))
    return tuple(outcomes)
