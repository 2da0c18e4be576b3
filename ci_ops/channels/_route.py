"""Which channels hear of an event."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Protocol

from ci_ops.core.environment import is_same_environment
from ci_ops.core.health.status import Status, worst

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ci_ops.core.event import Event

ALL = "all"
"""In a route's `to`: every channel there is."""


class Route(Protocol):
    """A line of `notify.routes`; an empty list or word means no restriction."""

    @property
    def events(self) -> Sequence[str]:
        """Dotted names with `*` for any part: `deployment.failed`, `rollback.*`, `*`."""
        ...

    @property
    def to(self) -> Sequence[str]:
        """Names of channels, or `all`."""
        ...

    @property
    def environments(self) -> Sequence[str]:
        """Only in these environments."""
        ...

    @property
    def min_severity(self) -> str:
        """pass, warn or fail: nothing below it."""
        ...


def recipients(event: Event, *, routes: Sequence[Route], channels: Sequence[str]) -> tuple[str, ...]:
    """The names of the channels that hear of the event, each once, in the order of the routes.

    Without any route every channel hears of everything. A name that is no
    channel is kept, so that whoever sends can say so.
    """
    if not routes:
        return tuple(channels)
    named: dict[str, None] = {}
    for route in routes:
        if matches(route, event):
            named.update(dict.fromkeys(channels if ALL in route.to else route.to))
    return tuple(named)


def matches(route: Route, event: Event) -> bool:
    """True when the route takes this event."""
    return (
        (not route.events or any(fnmatchcase(name, each) for each in route.events for name in event.names))
        and _is_for(route.environments, event.subject.environment)
        and is_at_least(event.severity, route.min_severity)
    )


def _is_for(environments: Sequence[str], name: str) -> bool:
    return not environments or any(is_same_environment(each, name) for each in environments)


def is_at_least(severity: Status, least: str) -> bool:
    """True when `severity` is as bad as `least`, or worse; an empty word is no limit."""
    return not least or worst([severity, Status(least)]) is severity
