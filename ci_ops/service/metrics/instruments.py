"""Counter, Gauge and Histogram: a metric with its series, and a series.

`labels` returns the series for the values of its labels, to be kept at hand
and counted with. The number of series is bounded: what comes after the last
counts in one series whose labels are all `__overflow__`.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ci_ops.service.metrics.family import Family
from ci_ops.service.metrics.names import OVERFLOW, label_value

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from ci_ops.service.metrics.cells import Storage
    from ci_ops.service.metrics.family import Definition

_INFINITY = float("inf")

log = logging.getLogger("ci_ops.service.metrics")


class Series:
    """One series and its cells, which are changed with the collector's lock held."""

    __slots__ = ("_lock", "cells")

    def __init__(self, metric: Metric[Any], labels: tuple[str, ...]) -> None:
        self.settle(metric, labels)

    def settle(self, metric: Metric[Any], labels: tuple[str, ...]) -> None:
        """Take new cells, all zero: at creation, and in a forked child, whose parent keeps the old ones."""
        self._lock = metric.lock
        self.cells = metric.storage.allocate(metric.definition, labels, metric.definition.cells)

    @property
    def values(self) -> tuple[float, ...]:
        """The numbers as they are now."""
        with self._lock:
            return tuple(self.cells)


class CounterSeries(Series):
    """A series of a counter."""

    __slots__ = ()

    def inc(self, amount: float = 1.0) -> None:
        """Increment it. Raises ValueError for a negative or infinite amount."""
        if not 0.0 <= amount < _INFINITY:
            raise ValueError("a counter grows by finite amounts")
        with self._lock:
            self.cells[0] += amount


class GaugeSeries(Series):
    """A series of a gauge."""

    __slots__ = ()

    def set(self, value: float) -> None:
        """Set it."""
        with self._lock:
            self.cells[0] = float(value)

    def inc(self, amount: float = 1.0) -> None:
        """Increment it."""
        with self._lock:
            self.cells[0] += amount

    def dec(self, amount: float = 1.0) -> None:
        """Decrement it."""
        with self._lock:
            self.cells[0] -= amount


class HistogramSeries(Series):
    """A series of a histogram: a count for each bucket, and the sum."""

    __slots__ = ("_bounds",)

    def settle(self, metric: Metric[Any], labels: tuple[str, ...]) -> None:
        """Take new cells, as every series does."""
        self._bounds = metric.definition.bounds
        super().settle(metric, labels)

    def observe(self, value: float) -> None:
        """Observe a value. Raises ValueError for NaN and infinity, which would spoil the sum for ever."""
        if value - value != 0.0:
            raise ValueError("a histogram counts finite values")
        index = bisect_left(self._bounds, value) + 1
        with self._lock:
            self.cells[0] += value
            self.cells[index] += 1.0


S = TypeVar("S", bound=Series)


class Metric(Generic[S]):
    """A metric and its series; made by a MetricsCollector."""

    series_class: type[S]

    def __init__(
        self, definition: Definition, storage: Storage, *, lock: threading.RLock, max_series: int
    ) -> None:
        self.definition = definition
        self.storage = storage
        self.lock = lock
        """Re-entrant, because a signal handler or a finalizer may count something too."""
        self._max_series = max_series
        self._series: dict[tuple[str, ...], S] = {}
        if not definition.labels:
            self._series[()] = self.series_class(self, ())

    def labels(self, *values: Any, **named: Any) -> S:
        """Return the series with these label values, in the order of the labels or by name."""
        if named:
            values = (*values, *self._in_order(len(values), named))
        try:
            return self._series[values]
        except (KeyError, TypeError):
            return self._find(values)

    def _in_order(self, given: int, named: dict[str, Any]) -> list[Any]:
        wanted = self.definition.labels[given:]
        if named.keys() != set(wanted):
            raise ValueError(self._advice())
        return [named[name] for name in wanted]

    def _find(self, values: tuple[Any, ...]) -> S:
        if len(values) != len(self.definition.labels):
            raise ValueError(self._advice())
        labels = tuple(label_value(value) for value in values)
        with self.lock:
            is_new = labels not in self._series
            is_over = is_new and len(self._series) >= self._max_series
            if is_over:
                labels = (OVERFLOW,) * len(labels)
            series = self._series.get(labels)
            if series is None:
                series = self._series[labels] = self.series_class(self, labels)
            else:
                is_over = False  # said before
        if is_over:
            log.warning("%s has %d series: more count as one", self.definition.name, self._max_series)
        return series

    def _advice(self) -> str:
        return f"{self.definition.name} has the labels {', '.join(self.definition.labels) or '(none)'}"

    def family(self) -> Family:
        """Return the metric as it is now."""
        with self.lock:
            series = list(self._series.items())
        return Family(definition=self.definition, series={labels: one.values for labels, one in series})

    def renew(self, lock: threading.RLock, storage: Storage) -> None:
        """Begin at zero in a forked child, with a free lock and its own cells."""
        self.lock, self.storage = lock, storage
        for labels, series in self._series.items():
            series.settle(self, labels)


class Counter(Metric[CounterSeries]):
    """A monotonically increasing counter."""

    series_class = CounterSeries

    def inc(self, amount: float = 1.0) -> None:
        """Increment a counter without labels."""
        self.labels().inc(amount)


class Gauge(Metric[GaugeSeries]):
    """A value that goes up and down."""

    series_class = GaugeSeries
    _read: Callable[[], float] | None = None

    def set(self, value: float) -> None:
        """Set a gauge without labels."""
        self.labels().set(value)

    def inc(self, amount: float = 1.0) -> None:
        """Increment a gauge without labels."""
        self.labels().inc(amount)

    def dec(self, amount: float = 1.0) -> None:
        """Decrement a gauge without labels."""
        self.labels().dec(amount)

    def read_from(self, read: Callable[[], float]) -> None:
        """Call a function at each scrape, in the process that is scraped, for a gauge without labels."""
        self._read = read

    def family(self) -> Family:
        """Return the metric as it is now."""
        if self._read is not None:
            try:
                self.set(self._read())
            except Exception:
                log.exception("%s cannot be read", self.definition.name)
        return super().family()


class Histogram(Metric[HistogramSeries]):
    """A distribution of values over buckets."""

    series_class = HistogramSeries

    def observe(self, value: float) -> None:
        """Observe a value of a histogram without labels."""
        self.labels().observe(value)
