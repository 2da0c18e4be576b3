"""The result of a step that ran a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.core.delivery.step import OUTPUT_CHARACTERS, StepResult
from ci_ops.core.text.error_line import TIME_LIMIT, error_line

if TYPE_CHECKING:
    from ci_ops.core.ports.process import Completed


def command_result(done: Completed, timeout_seconds: float) -> StepResult:
    """Return the result of a finished command; a failure's output explains it."""
    ok = done.exit_code == 0 and not done.timed_out and not done.interrupted
    output = done.stdout if ok else done.output
    if done.timed_out:
        output = f"{output}\nended after {timeout_seconds:g} s: {TIME_LIMIT}".lstrip()
    elif not (ok or done.interrupted or output.strip()):
        output = f"it printed nothing and ended with exit code {done.exit_code}"
    excerpt = output[-OUTPUT_CHARACTERS:] if ok else _end_with_its_error(output)
    return StepResult(ok=ok, code=done.exit_code, output=excerpt, seconds=done.seconds)


def _end_with_its_error(output: str) -> str:
    """Return the end of a long output, below its first error line."""
    end, first = output[-OUTPUT_CHARACTERS:], error_line(output)[:OUTPUT_CHARACTERS]
    return end if first in end else f"{first}\n…\n{end[len(first) + 3 :]}"
