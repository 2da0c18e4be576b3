"""Routes of events to channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """A rule that sends matching events to channels."""

    to: tuple[str, ...]
    """Names of channels, or `all`."""
    events: tuple[str, ...] = ()
    """Such as `deployment.failed` or `rollback.*`; none means every event."""
    environments: tuple[str, ...] = ()
    """Only in these environments; none means in each."""
    min_severity: Literal["pass", "warn", "fail"] = "pass"
    """Nothing below it."""
