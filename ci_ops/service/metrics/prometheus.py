"""A bridge to prometheus_client, for applications that have metrics there.

include_prometheus_client()        # theirs at /health/metrics, beside ours
REGISTRY.register(KitCollector())  # ours wherever theirs are shown

Prometheus keeps both of two families that share a name, and sums count twice:
such a pair is refused where it is included, and left out where it comes later.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from ci_ops.service.health.providers import provide
from ci_ops.service.metrics.collector import MetricsCollector, metrics_collector
from ci_ops.service.metrics.exposition import MetricsText, number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

    from ci_ops.service.metrics.family import Family

log = logging.getLogger("ci_ops.service.metrics")

_FAMILY = re.compile(r"^(?=# HELP )", re.MULTILINE)


class KitCollector:
    """Our metrics as a collector that any registry of prometheus_client takes."""

    def __init__(
        self, collector: MetricsCollector = metrics_collector, *, registry: CollectorRegistry | None = None
    ) -> None:
        """`registry` is the one it is registered with, the default one of prometheus_client if none is given."""
        self._collector = collector
        self._registry = registry
        self._compared: set[str] = set()
        self._is_comparing = False
        self._once = _Once()

    def describe(self) -> Iterator[Metric]:
        """Yield every current metric, so that a registry with one of the same name refuses it."""
        families = self._collector.families()
        self._compared = {family.definition.name for family in families}
        yield from map(_metric, families)

    def collect(self) -> Iterator[Metric]:
        """Yield every metric as it is now, except for those that another collector has too."""
        if self._is_comparing:
            return
        families = self._collector.families()
        names = {family.definition.name for family in families}
        if not names <= self._compared:
            self._once.leave_out(names & self._others(), "the kit's")
            self._compared |= names
        for family in families:
            if family.definition.name not in self._once.left_out:
                yield _metric(family)

    def _others(self) -> set[str]:
        from prometheus_client import REGISTRY  # noqa: PLC0415 - the one who asks for it has it

        self._is_comparing = True
        try:
            return _names_of(REGISTRY if self._registry is None else self._registry)
        finally:
            self._is_comparing = False


def include_prometheus_client(
    registry: CollectorRegistry | None = None, collector: MetricsCollector = metrics_collector
) -> None:
    """Show the metrics of a registry at /health/metrics after ours.

    Raises ValueError where both have a metric of one name, which a registry
    with a KitCollector has too. One that comes later is shown as ours alone.
    """
    from prometheus_client import REGISTRY, generate_latest  # noqa: PLC0415 - the one who asks for it has it

    theirs = REGISTRY if registry is None else registry
    shared = {family.definition.name for family in collector.families()} & _names_of(theirs)
    if shared:
        raise ValueError(
            f"both the kit and prometheus_client have {', '.join(sorted(shared))}, and Prometheus would add them up: "
            "leave one of them out, such as the kit's with MiddlewareOptions(metrics=None)"
        )
    once = _Once()

    def both() -> MetricsText:
        ours = {family.definition.name for family in collector.families()}
        chunks = [
            (chunk.split(maxsplit=3)[2], chunk)
            for chunk in _FAMILY.split(generate_latest(theirs).decode())
            if chunk
        ]
        once.leave_out(ours & {name for name, _ in chunks}, "prometheus_client's")
        ours |= {
            f"{name.removesuffix('_total')}_created" for name in ours
        }  # of theirs, when it was first counted
        return MetricsText(collector.render() + "".join(chunk for name, chunk in chunks if name not in ours))

    provide("metrics-text", both)


class _Once:
    """Names that were left out, each logged the first time."""

    def __init__(self) -> None:
        self.left_out: set[str] = set()

    def leave_out(self, names: Iterable[str], whose: str) -> None:
        for name in sorted({*names} - self.left_out):
            self.left_out.add(name)
            log.error(
                "two metrics are called %s: %s is left out, because sums would count twice", name, whose
            )


def _names_of(registry: CollectorRegistry) -> set[str]:
    """Return the names of a registry's families, as its text has them."""
    return {f"{one.name}_total" if one.type == "counter" else one.name for one in registry.collect()}


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
