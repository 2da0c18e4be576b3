"""Rate, errors and duration of requests, by method and route template.

    http_requests_total{method,route,status}
    http_request_duration_seconds{method,route}
    http_requests_in_progress
    http_request_exceptions_total{route,exception}
    http_requests_limited_total{policy,outcome}
    http_probe_requests_total{method,route,status}

What a client can choose freely never becomes a label: unknown methods, paths
without a route and impossible statuses each share one value.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from ci_ops.service._process.forks import tell_after_fork
from ci_ops.service.metrics.collector import DEFAULT_BUCKETS, MetricsCollector, metrics_collector

if TYPE_CHECKING:
    from ci_ops.service.metrics.cells import Cells

OTHER = "(other)"
UNMATCHED = "(unmatched)"
"""The route of a request that no route took."""
REFUSED = "(refused)"
"""The route of a request that was answered before routing."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY", "TRACE", "CONNECT"})
MAX_REMEMBERED = 1000


class RequestMetrics:
    """Counts requests. Safe to share between threads and middlewares."""

    def __init__(self, collector: MetricsCollector = metrics_collector) -> None:
        self._collector = collector
        self._total = collector.counter(
            "http_requests_total", "Requests answered.", labels=("method", "route", "status")
        )
        self._seconds = collector.histogram(
            "http_request_duration_seconds",
            "Time from a request's arrival to the end of its answer.",
            labels=("method", "route"),
        )
        self._exceptions = collector.counter(
            "http_request_exceptions_total",
            "Requests that ended in an exception of the application.",
            labels=("route", "exception"),
        )
        self._limited = collector.counter(
            "http_requests_limited_total",
            "Requests over a limit, refused or only noted (shadow), and those decided in another way than usual.",
            labels=("policy", "outcome"),
        )
        self._probes = collector.counter(
            "http_probe_requests_total",
            "Signed requests of a verification, which the other series leave out.",
            labels=("method", "route", "status"),
        )
        self._in_progress = collector.gauge(
            "http_requests_in_progress", "Requests that are being answered."
        ).labels()
        self.after_fork()
        tell_after_fork(self)

    def after_fork(self) -> None:
        """Drop the cells of the parent."""
        self._remembered: dict[tuple[str, str, int], tuple[Cells, Cells]] = {}

    def begin(self) -> None:
        """Count a request in progress."""
        with self._collector.lock:
            self._in_progress.cells[0] += 1.0

    def end(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        found = self._remembered.get((method, route, status))
        count, times = self._cells(method, route, status) if found is None else found
        bucket = bisect_left(DEFAULT_BUCKETS, seconds) + 1
        with self._collector.lock:  # once for what would be three calls: every request passes here
            self._in_progress.cells[0] -= 1.0
            count[0] += 1.0
            times[0] += seconds
            times[bucket] += 1.0

    def end_probe(self, method: str, route: str, status: int) -> None:
        """Count a signed probe that was answered, apart from the requests of clients."""
        with self._collector.lock:
            self._in_progress.cells[0] -= 1.0
        code = str(status) if 100 <= status <= 599 else OTHER
        self._probes.labels(method if method in METHODS else OTHER, route, code).inc()

    def raised(self, route: str, exception: str) -> None:
        """Count a request that ended in an exception."""
        self._exceptions.labels(route, exception).inc()

    def limited(self, policy: str, outcome: str) -> None:
        """Count a request that was over a limit."""
        self._limited.labels(policy, outcome).inc()

    def _cells(self, method: str, route: str, status: int) -> tuple[Cells, Cells]:
        shown = method if method in METHODS else OTHER
        code = str(status) if 100 <= status <= 599 else OTHER
        found = self._total.labels(shown, route, code).cells, self._seconds.labels(shown, route).cells
        if shown == method and code != OTHER and len(self._remembered) < MAX_REMEMBERED:
            self._remembered[method, route, status] = found
        return found
