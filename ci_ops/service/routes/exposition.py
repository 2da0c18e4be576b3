"""Health, circuit breakers and degraded features as Prometheus text.

It shows the last results; no check runs for it.

Source: the Prometheus text exposition format 0.0.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ci_ops.service.health.model import HealthStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ci_ops.service.health.model import HealthReport
    from ci_ops.service.release import Release

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

MAX_CIRCUITS = 100

_OPEN = {"open": "1", "forced_open": "1", "half_open": "0.5"}
_LEVELS = {HealthStatus.HEALTHY: "1", HealthStatus.DEGRADED: "0.5", HealthStatus.UNHEALTHY: "0"}


def health_metrics(report: HealthReport, release: Release) -> str:
    """Return gauges for the release, and for each component's status and response time."""
    version, commit = _escaped(release.version), _escaped(release.commit)
    lines = [
        "# HELP ci_ops_release_info The release that runs here.",
        "# TYPE ci_ops_release_info gauge",
        f'ci_ops_release_info{{commit="{commit}",version="{version}"}} 1',
    ]
    if report.components:
        lines += [
            "# HELP ci_ops_health_status Health of a component: 1 healthy, 0.5 degraded, 0 unhealthy.",
            "# TYPE ci_ops_health_status gauge",
            *(
                f'ci_ops_health_status{{component="{one.name}"}} {_LEVELS[one.status]}'
                for one in report.components
            ),
            "# HELP ci_ops_health_response_seconds Response time of a component's last check.",
            "# TYPE ci_ops_health_response_seconds gauge",
            *(
                f'ci_ops_health_response_seconds{{component="{one.name}"}} {one.response_time_seconds:.6f}'
                for one in report.components
            ),
        ]
    return "\n".join(lines) + "\n"


def recovery_metrics(circuits: Mapping[str, Any], features: Mapping[str, Any]) -> str:
    """Return gauges for circuit breakers and degraded features of this process.

    Of more circuits than MAX_CIRCUITS only the first by name have a series.
    """
    lines = [
        "# HELP ci_ops_degraded_features How many features work worse than they should.",
        "# TYPE ci_ops_degraded_features gauge",
        f"ci_ops_degraded_features {len(features)}",
    ]
    shown = [(_escaped(name), circuits[name]) for name in sorted(circuits)[:MAX_CIRCUITS]]
    if shown:
        lines += [
            "# HELP ci_ops_circuit_open State of a circuit breaker: 0 closed, 0.5 half open, 1 open.",
            "# TYPE ci_ops_circuit_open gauge",
            *(
                f'ci_ops_circuit_open{{circuit="{name}"}} {_OPEN.get(one["state"], "0")}'
                for name, one in shown
            ),
            "# HELP ci_ops_circuit_rejected_total Calls that a circuit breaker did not let through.",
            "# TYPE ci_ops_circuit_rejected_total counter",
            *(f'ci_ops_circuit_rejected_total{{circuit="{name}"}} {one["rejected"]}' for name, one in shown),
        ]
    return "\n".join(lines) + "\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
