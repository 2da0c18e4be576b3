"""A bridge to prometheus_client, for applications that have metrics there.

include_prometheus_client()        # theirs at /health/metrics, beside ours
REGISTRY.register(KitCollector())  # ours wherever theirs are shown
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.service.health.providers import provide
from ci_ops.service.metrics.collector import MetricsCollector, metrics_collector
from ci_ops.service.metrics.exposition import MetricsText, number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

    from ci_ops.service.metrics.family import Family


class KitCollector:
    """Our metrics as a collector that any registry of prometheus_client takes."""

    def __init__(self, collector: MetricsCollector = metrics_collector) -> None:
        self._collector = collector

    def collect(self) -> Iterator[Metric]:
        """Every metric as it is now."""
        for family in self._collector.families():
            yield _metric(family)


def include_prometheus_client(
    registry: CollectorRegistry | None = None, collector: MetricsCollector = metrics_collector
) -> None:
    """Show the metrics of a registry at /health/metrics after ours.

    Not for a registry that has a KitCollector: it would show ours twice.
    """

    from prometheus_client import REGISTRY, generate_latest  # noqa: PLC0415 - the one who asks for it has it

    theirs = REGISTRY if registry is None else registry

    def both() -> MetricsText:
        return MetricsText(collector.render() + generate_latest(theirs).decode())

    provide("metrics-text", both)


def _metric(family: Family) -> Metric:
    from prometheus_client import core  # noqa: PLC0415 - the one who asks for it has it

    definition = family.definition
    if definition.kind == "histogram":
        histogram = core.HistogramMetricFamily(definition.name, definition.help, labels=definition.labels)
        bounds = [*map(number, definition.bounds), "+Inf"]
        for labels, values in family.series.items():
            counts = values[1:]
            buckets = [(bound, sum(counts[: index + 1])) for index, bound in enumerate(bounds)]
            histogram.add_metric(labels, buckets, sum_value=values[0])
        return histogram
    make = core.CounterMetricFamily if definition.kind == "counter" else core.GaugeMetricFamily
    metric = make(definition.name, definition.help, labels=definition.labels)
    for labels, values in family.series.items():
        metric.add_metric(labels, values[0])
    return metric
