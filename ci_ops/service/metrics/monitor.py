"""The last measurements of anything, in this process alone.

For the current state of one process. What is added up over processes and
over time belongs in a histogram of MetricsCollector.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ci_ops.service._process.locked import Locked
from ci_ops.service._process.window import ValueWindow

KEPT = 1000
MAX_METRICS = 500
MAX_NAME_LENGTH = 200
OTHER = "(other)"
"""Where measurements go once there are too many names to keep apart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Statistics:
    """Statistics of the recorded measurements of one metric, in their unit."""

    count: int
    minimum: float
    maximum: float
    average: float
    p50: float
    p95: float
    p99: float

    def to_json(self) -> dict[str, Any]:
        """Return the numbers under short names."""
        short = {"minimum": "min", "maximum": "max", "average": "avg"}
        return {short.get(name, name): getattr(self, name) for name in self.__slots__}


class PerformanceMonitor(Locked):
    """The last 1000 measurements of each metric; safe to share between threads.

    Memory: at most 8 kB for each of `max_metrics`.
    """

    def __init__(self, kept: int = KEPT, *, max_metrics: int = MAX_METRICS) -> None:
        super().__init__()
        self._kept = kept
        self._max_metrics = max_metrics
        self._windows: dict[str, ValueWindow] = {}

    def record_metric(self, name: str, value: float) -> None:
        """Record a measurement. Raises ValueError for NaN and infinity."""
        if value - value != 0.0:
            raise ValueError("a measurement is a finite number")
        with self._lock:
            window = self._windows.get(name)
            if window is None:
                window = self._window(name)
            window.add(value)

    def get_statistics(self, name: str) -> Statistics | None:
        """Return the statistics of a metric; None without measurements."""
        with self._lock:
            window = self._windows.get(name[:MAX_NAME_LENGTH])
            measured = None if window is None else window.summary()
            ranks = () if window is None else window.quantiles(0.5, 0.95, 0.99)
        if measured is None:
            return None
        p50, p95, p99 = ranks
        return Statistics(
            count=measured.count,
            minimum=measured.minimum,
            maximum=measured.maximum,
            average=measured.average,
            p50=p50,
            p95=p95,
            p99=p99,
        )

    def get_summary(self) -> dict[str, dict[str, Any]]:
        """Return the statistics of every metric, as JSON-ready values."""
        with self._lock:
            names = sorted(self._windows)
        found = {name: self.get_statistics(name) for name in names}
        return {name: one.to_json() for name, one in found.items() if one is not None}

    def _window(self, name: str) -> ValueWindow:
        name = name[:MAX_NAME_LENGTH]
        if name not in self._windows and len(self._windows) >= self._max_metrics:
            name = OTHER
        return self._windows.setdefault(name, ValueWindow(self._kept))


performance_monitor = PerformanceMonitor()
"""The application's own monitor, shown at /health/metrics as JSON."""
