"""Routing of events to channels."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from ci_ops.core.environment import is_same_environment
from ci_ops.core.health.status import Status, worst

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ci_ops.core.event import Event
    from ci_ops.core.route import Route

ALL = "all"
"""In a route's `to`: every channel there is."""


def recipients(event: Event, *, routes: Sequence[Route], channels: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the event's channels, each once, in the order of the routes.

    Without any route every channel receives every event. A name without a channel is kept, so that
    the sender can report it.
    """
    if not routes:
        return tuple(channels)
    named: dict[str, None] = {}
    for route in routes:
        if matches(route, event):
            named.update(dict.fromkeys(channels if ALL in route.to else route.to))
    return tuple(named)


def matches(route: Route, event: Event) -> bool:
    """Return True when the route accepts this event."""
    return (
        (not route.events or any(fnmatchcase(name, each) for each in route.events for name in event.names))
        and _is_for(route.environments, event.subject.environment)
        and is_at_least(event.severity, route.min_severity)
    )


def _is_for(environments: Sequence[str], name: str) -> bool:
    return not environments or any(is_same_environment(each, name) for each in environments)


def is_at_least(severity: Status, least: str) -> bool:
    """Return True when `severity` is at least as bad as `least`; an empty limit always matches."""
    return not least or worst([severity, Status(least)]) is severity
