"""What other parts of the kit publish on the health routes.

A part registers itself when it is first used; a part that the application
does not use is not loaded for a request.
"""

from __future__ import annotations

import sys
from collections import Counter
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from ci_ops.core.text.lines import map_texts
from ci_ops.core.text.redact import redact_patterns

if TYPE_CHECKING:
    from collections.abc import Callable

Topic = Literal["metrics-text", "metrics-snapshot", "security", "circuit-breakers", "degraded-features"]
"""`metrics-text` is Prometheus text, every other topic a mapping ready for JSON."""

_providers: dict[str, Callable[[], Any]] = {}


def provide(topic: Topic, tell: Callable[[], Any]) -> None:
    """Register the provider of a topic; it replaces an earlier one."""
    _providers[topic] = tell


def read_topic(topic: Topic) -> Any:
    """Return the current value of a topic, without what looks like a secret; None without a provider."""
    tell = _providers.get(topic) or _KNOWN.get(topic)
    return None if tell is None else map_texts(tell(), redact_patterns)


def _breakers() -> dict[str, Any]:
    """Circuit breakers by name; several of one name are numbered."""
    module = sys.modules.get("ci_ops.service.resilience.breaker")
    known: Counter[str] = Counter()
    shown: dict[str, Any] = {}
    for one in () if module is None else module.circuit_breakers():
        known[one.name] += 1
        number = known[one.name]
        shown[one.name if number == 1 else f"{one.name} ({number})"] = one.get_status()
    return shown


def _features() -> dict[str, Any]:
    module = sys.modules.get("ci_ops.service.resilience.degradation")
    return {} if module is None else dict(module.graceful_degradation.get_status()["features"])


def _security() -> dict[str, Any] | None:
    loaded = (f"ci_ops.service.limits.{part}" in sys.modules for part in ("abuse", "guard"))
    if not any(loaded):
        return None
    status: dict[str, Any] = import_module("ci_ops.service.limits.summary").security_status()
    return status


_KNOWN: dict[str, Callable[[], Any]] = {
    "circuit-breakers": _breakers,
    "degraded-features": _features,
    "security": _security,
}
"""Providers of parts that the application may have loaded."""
