"""MetricsCollector: counters, gauges and histograms by name.

orders = metrics_collector.counter("orders_total", "Orders placed.", labels=("kind",))
orders.labels("gift").inc()
"""

from __future__ import annotations

import logging
import re
import threading
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from ci_ops.service._process.forks import tell_after_fork
from ci_ops.service.health.providers import provide
from ci_ops.service.metrics.cells import OwnMemory
from ci_ops.service.metrics.exposition import MetricsText, render
from ci_ops.service.metrics.family import Definition, Family, merged
from ci_ops.service.metrics.instruments import Counter, Gauge, Histogram, Metric
from ci_ops.service.metrics.monitor import performance_monitor
from ci_ops.service.metrics.names import MAX_VALUE_LENGTH, label_names, metric_name
from ci_ops.service.metrics.snapshot import snapshot
from ci_ops.service.metrics.storage import FOLDER_VARIABLE, storage_from_environment
from ci_ops.service.metrics.workers import is_one_of_several

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ci_ops.service.metrics.cells import Storage
    from ci_ops.service.metrics.family import Kind, Merge

M = TypeVar("M", bound=Metric[Any])

DEFAULT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds. A percentile read from these is off by a factor of 2.5 at most."""
MAX_SERIES = 1000
MAX_METRICS = 500
MAX_KNOWN = 10_000
"""Series found by name that are remembered."""
log = logging.getLogger("ci_ops.service.metrics")

_ODD = re.compile(r"[^a-zA-Z0-9_:]")


class TooManyMetricsError(ValueError):
    """There is no room for another metric."""


class MetricsCollector:
    """Every metric of a process, and those of its siblings.

    A metric is created once: the same name returns the same one.
    Each has at most `max_series` series. With CI_OPS_METRICS_DIR in the
    environment the numbers of all processes that share the folder are one.
    """

    def __init__(self, *, max_series: int = MAX_SERIES, storage: Storage | None = None) -> None:
        self._max_series = max_series
        self._storage = storage
        self.lock = threading.RLock()
        """Held for every change of a number; who changes several at once takes it once."""
        self._metrics: dict[str, Metric[Any]] = {}
        self._names: set[str] = set()
        self._is_full = self._has_warned = False
        self._known: dict[tuple[Any, ...], Any] = {}
        tell_after_fork(self)

    def counter(self, name: str, help_text: str = "", *, labels: Iterable[str] = ()) -> Counter:
        """Return the counter of that name, which ends in `_total`."""
        name = name if name.endswith("_total") else f"{name}_total"
        return self._metric(Counter, _definition(name, "counter", help_text, labels))

    def gauge(
        self, name: str, help_text: str = "", *, labels: Iterable[str] = (), merge: Merge = "sum"
    ) -> Gauge:
        """Return the gauge of that name; `merge` combines the values of several processes."""
        return self._metric(Gauge, _definition(name, "gauge", help_text, labels, merge=merge))

    def histogram(
        self,
        name: str,
        help_text: str = "",
        *,
        labels: Iterable[str] = (),
        buckets: Sequence[float] = DEFAULT_BUCKETS,
    ) -> Histogram:
        """Return the histogram of that name with these upper bounds."""
        bounds = tuple(float(one) for one in buckets if one != float("inf"))
        if not bounds or any(low >= high for low, high in pairwise(bounds)):
            raise ValueError("buckets are bounds that grow")
        return self._metric(Histogram, _definition(name, "histogram", help_text, labels, bounds=bounds))

    # The next three take any name, because names come from data; so they never fail for being too many.

    def increment_counter(
        self, name: str, value: float = 1.0, labels: Mapping[str, Any] | None = None
    ) -> None:
        """Increment a counter by name; the first call creates it."""
        series = self._by_name(self.counter, name, labels or {})
        if series is not None:
            series.inc(value)

    def set_gauge(self, name: str, value: float, labels: Mapping[str, Any] | None = None) -> None:
        """Set a gauge by name."""
        series = self._by_name(self.gauge, name, labels or {})
        if series is not None:
            series.set(value)

    def record_histogram(self, name: str, value: float, labels: Mapping[str, Any] | None = None) -> None:
        """Observe a value in a histogram by name."""
        series = self._by_name(self.histogram, name, labels or {})
        if series is not None:
            series.observe(value)

    def _warn_if_alone(self) -> None:
        """Warn once where only the numbers of this worker are shown."""
        if not self._has_warned and isinstance(self._storage, OwnMemory) and is_one_of_several():
            self._has_warned = True
            log.warning("%s is not set: of several workers each shows its own numbers alone", FOLDER_VARIABLE)

    def _by_name(self, make: Callable[..., Metric[Any]], name: str, labels: Mapping[str, Any]) -> Any:
        """Return the series; None where there is no room for another metric."""
        key = (make.__name__, name, *labels.items())
        try:
            return self._known[key]
        except (KeyError, TypeError):
            names = sorted(labels)
        try:
            series = make(_tidy(name), labels=names).labels(*(labels[one] for one in names))
        except TooManyMetricsError:
            return None
        # Texts alone: 1, 1.0 and True are equal keys and different labels. And short ones, for they are kept.
        texts = (name, *labels.values())
        if len(self._known) < MAX_KNOWN and all(
            type(one) is str and len(one) <= MAX_VALUE_LENGTH for one in texts
        ):
            self._known[key] = series
        return series

    def families(self) -> list[Family]:
        """Return every metric as it is now, sorted by name, siblings included."""
        with self.lock:
            metrics = list(self._metrics.values())
        self._warn_if_alone()
        others = [] if self._storage is None else self._storage.others()
        return merged([*(metric.family() for metric in metrics), *others])

    def render(self) -> MetricsText:
        """Return the Prometheus text."""
        return render(self.families())

    def get_metrics_snapshot(self) -> dict[str, Any]:
        """Return counters, gauges and histograms as JSON-ready values."""
        return snapshot(self.families())

    def _metric(self, wanted: type[M], definition: Definition) -> M:
        with self.lock:
            known = self._metrics.get(definition.name)
            if known is None:
                self._claim(definition)
                if self._storage is None:
                    self._storage = storage_from_environment()
                known = wanted(definition, self._storage, lock=self.lock, max_series=self._max_series)
                self._metrics[definition.name] = known
        if not isinstance(known, wanted) or not _is_same(known.definition, definition):
            raise ValueError(f"{definition.name} is a {known.definition.kind} with other labels or buckets")
        return known

    def _claim(self, definition: Definition) -> None:
        """Raise ValueError where another metric has lines of these names."""
        endings = ("", "_bucket", "_sum", "_count") if definition.kind == "histogram" else ("",)
        names = {f"{definition.name}{ending}" for ending in endings}
        if names & self._names:
            raise ValueError(f"{definition.name} would have lines of the same name as another metric")
        if len(self._metrics) >= MAX_METRICS:
            if not self._is_full:
                self._is_full = True
                log.error(
                    "there are %d metrics, and no room for more: does a name hold a value?", MAX_METRICS
                )
            raise TooManyMetricsError(f"there are {MAX_METRICS} metrics already")
        self._names |= names

    def after_fork(self) -> None:
        """Count from zero in a forked child: the parent keeps what was counted.

        A server that loads the application before its workers may name their
        folder after that, as gunicorn's hook does with `preload_app`.
        """
        self.lock = threading.RLock()
        if self._storage is not None and self._metrics:
            self._storage.renew()
            if isinstance(self._storage, OwnMemory):
                self._storage = storage_from_environment()
            for metric in self._metrics.values():
                metric.renew(self.lock, self._storage)


def _tidy(name: str) -> str:
    tidy = _ODD.sub("_", name)[:150]
    return f"_{tidy}" if tidy[:1].isdigit() else tidy


def _definition(
    name: str,
    kind: Kind,
    help_text: str,
    labels: Iterable[str],
    *,
    bounds: tuple[float, ...] = (),
    merge: Merge = "sum",
) -> Definition:
    return Definition(
        name=metric_name(name),
        kind=kind,
        help=help_text,
        labels=label_names(labels),
        bounds=bounds,
        merge=merge,
    )


def _is_same(one: Definition, other: Definition) -> bool:
    return (one.labels, one.bounds, one.merge) == (other.labels, other.bounds, other.merge)


metrics_collector = MetricsCollector()
"""The application's own, shown at /health/metrics."""


def _snapshot() -> dict[str, Any]:
    return {**metrics_collector.get_metrics_snapshot(), "performance": performance_monitor.get_summary()}


provide("metrics-text", metrics_collector.render)
provide("metrics-snapshot", _snapshot)
