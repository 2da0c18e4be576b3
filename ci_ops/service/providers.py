"""What other parts of the kit have to tell on the health routes.

A part registers itself when it is first used; a part that the application
does not use is not loaded by anybody asking for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

Topic = Literal["metrics-text", "metrics-snapshot", "security", "circuit-breakers", "degraded-features"]
"""`metrics-text` gives Prometheus text, every other topic a mapping ready for JSON."""

_providers: dict[str, Callable[[], Any]] = {}


def provide(topic: Topic, tell: Callable[[], Any]) -> None:
    """Let `tell` answer for a topic from now on; the last one registered counts."""
    _providers[topic] = tell


def told(topic: Topic) -> Any:
    """What the topic's provider says now; None when there is none."""
    tell = _providers.get(topic)
    return None if tell is None else tell()
