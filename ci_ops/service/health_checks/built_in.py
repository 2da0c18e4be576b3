"""Parts of a ready-made check: a measurement and a judgement."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from ci_ops.service.health.model import Check, HealthStatus, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable


def built_in(check: Check, name: str, *, close: Callable[[], Any] | None = None, **options: Any) -> Check:
    """Return the check with its default name and options.

    `close` closes what the check holds open; `HealthCheckService.close` calls it.
    """
    vars(check).update(name=name, options=options, close=close)
    return check


def judged(measure: Callable[[], Any], judge: Callable[[Any], Outcome]) -> Check:
    """Return a check that measures, sync or async, and then judges the measurement."""
    if inspect.iscoroutinefunction(measure):

        async def check_async() -> Outcome:
            return judge(await measure())

        return check_async

    def check() -> Outcome:
        return judge(measure())

    return check


def degraded(message: str, value: float | str | None = None, unit: str = "") -> Outcome:
    """Return DEGRADED with its reason."""
    return Outcome(status=HealthStatus.DEGRADED, message=message, value=value, unit=unit)


def unhealthy(message: str, value: float | str | None = None, unit: str = "") -> Outcome:
    """Return UNHEALTHY with its reason."""
    return Outcome(status=HealthStatus.UNHEALTHY, message=message, value=value, unit=unit)
