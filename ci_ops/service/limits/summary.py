"""Security status for /health/security."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ci_ops.service.limits.abuse import AbuseDetector, abuse_detector
from ci_ops.service.limits.guard import DDoSProtection, ddos_protection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ci_ops.service.limits.limiter import Limiter


def security_status(
    detector: AbuseDetector = abuse_detector,
    guard: DDoSProtection = ddos_protection,
    limiters: Mapping[str, Limiter] | None = None,
) -> dict[str, Any]:
    """Return flagged users, blocked addresses and the limiters' counts, as JSON-ready values."""
    counts = {name: limiter.counts for name, limiter in (limiters or {}).items()}
    return {
        "abuse": detector.get_abuse_summary(),
        "ddos": guard.get_summary(),
        "limits": {
            name: {"refused": one.refused, "shadowed": one.shadowed, "store_down": one.store_down}
            for name, one in counts.items()
        },
    }
