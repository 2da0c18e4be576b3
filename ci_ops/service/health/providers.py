"""What other parts of the kit have to tell on the health routes.

A part registers itself when it is first used; a part that the application
does not use is not loaded by anybody asking for it.
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
"""`metrics-text` gives Prometheus text, every other topic a mapping ready for JSON."""

_providers: dict[str, Callable[[], Any]] = {}


def provide(topic: Topic, tell: Callable[[], Any]) -> None:
    """Let `tell` answer for a topic from now on.

    The last one registered counts.
    """
    _providers[topic] = tell


def told(topic: Topic) -> Any:
    """What is known on a topic now, without what looks like a secret.

    None when nobody tells.
    """
    tell = _providers.get(topic) or _KNOWN.get(topic)
    return None if tell is None else map_texts(tell(), redact_patterns)


def _breakers() -> dict[str, Any]:
    """By name; several of one name are numbered, so that none hides behind another."""
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
"""Parts of the kit that are looked at where the application has loaded them."""
