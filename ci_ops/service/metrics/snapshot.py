"""Families as JSON-ready values, with percentiles."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ci_ops.service.metrics.quantiles import bucket_quantile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ci_ops.service.metrics.family import Family, Values

RATIOS = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def snapshot(families: Iterable[Family]) -> dict[str, Any]:
    """Return series by metric, under `counters`, `gauges` and `histograms`."""
    told: dict[str, Any] = {"counters": {}, "gauges": {}, "histograms": {}}
    for family in families:
        if not family.series:
            continue
        definition = family.definition
        told[f"{definition.kind}s"][definition.name] = [
            {"labels": dict(zip(definition.labels, labels, strict=True)), **_shown(family, values)}
            for labels, values in family.series.items()
        ]
    return told


def _shown(family: Family, values: Values) -> dict[str, Any]:
    if family.definition.kind != "histogram":
        # JSON has no word for infinity and for what is no number.
        return {"value": values[0] if math.isfinite(values[0]) else str(values[0])}
    bounds, counts = family.definition.bounds, values[1:]
    count = sum(counts)
    shown: dict[str, Any] = {
        "count": count,
        "sum": values[0],
        "average": values[0] / count if count else None,
    }
    for name, ratio in RATIOS.items():
        shown[name] = bucket_quantile(ratio, bounds, counts)
    return shown
