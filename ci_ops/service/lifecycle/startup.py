"""Startup checks, and steps that run with and without an event loop."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Generator, Iterable
from typing import Any

from ci_ops.core.text.redact import redact_patterns
from ci_ops.service._process.error_text import describe_error
from ci_ops.service.health.model import HealthStatus, Outcome, outcome_of

StartupCheck = Callable[[], Any]
"""Sync or async; answers like a health check, or with a pair of a verdict and results."""

Steps = Generator[Any, Any, Any]
"""Yields what may be awaitable and receives it resolved, or the exception it raised."""


class StartupFailedError(Exception):
    """The application must not accept traffic; names the failed checks."""


def drive(steps: Steps) -> Any:
    """Run the steps to their end in a thread without an event loop."""
    answer: Any = None
    error: Exception | None = None
    while True:
        try:
            step = steps.send(answer) if error is None else steps.throw(error)
        except StopIteration as end:
            return end.value
        answer, error = None, None
        try:
            answer = asyncio.run(_awaited(step)) if inspect.isawaitable(step) else step
        except Exception as raised:  # noqa: BLE001 - the steps decide what it means
            error = raised


async def drive_async(steps: Steps) -> Any:
    """Run the steps to their end on this event loop."""
    answer: Any = None
    error: Exception | None = None
    while True:
        try:
            step = steps.send(answer) if error is None else steps.throw(error)
        except StopIteration as end:
            return end.value
        answer, error = None, None
        try:
            answer = await step if inspect.isawaitable(step) else step
        except Exception as raised:  # noqa: BLE001 - the steps decide what it means
            error = raised


def checked(checks: dict[str, StartupCheck]) -> Steps:
    """Yield steps that run every check, whatever fails, and return each one's outcome by name."""
    outcomes: dict[str, Outcome] = {}
    for name, check in checks.items():
        try:
            outcomes[name] = startup_outcome((yield check()))
        except Exception as error:  # noqa: BLE001 - whatever a check raises is its result
            text = redact_patterns(describe_error(error))
            outcomes[name] = Outcome(status=HealthStatus.UNHEALTHY, message=text)
    return outcomes


def startup_outcome(answer: Any) -> Outcome:
    """Return the outcome of a startup check; for a pair, the verdict with the failed results."""
    if not isinstance(answer, tuple) or len(answer) != 2:
        return outcome_of(answer)
    verdict, results = answer
    outcome = outcome_of(verdict)
    if outcome.status is not HealthStatus.UNHEALTHY or not isinstance(results, Iterable):
        return outcome
    failed = [
        one for one in results if outcome_of(getattr(one, "status", None)).status is HealthStatus.UNHEALTHY
    ]
    told = "; ".join(f"{getattr(one, 'name', one)}: {getattr(one, 'message', '')}" for one in failed)
    return Outcome(status=outcome.status, message=redact_patterns(told))


async def _awaited(step: Any) -> Any:
    return await step
