import os
import threading

import pytest

from ci_ops.service.metrics.collector import MetricsCollector
from ci_ops.service.metrics.requests import OTHER, RequestMetrics


@pytest.fixture
def metrics() -> MetricsCollector:
    return MetricsCollector(max_series=50)


def _series(metrics: MetricsCollector, name: str) -> dict[tuple[str, ...], tuple[float, ...]]:
    return next(family.series for family in metrics.families() if family.definition.name == name)


def test_rate_errors_duration_and_what_is_going_on(metrics: MetricsCollector) -> None:
    requests = RequestMetrics(metrics)
    for _ in range(3):
        requests.begin()
    requests.end("GET", "/items/{i}", 200, 0.02)
    requests.end("GET", "/items/{i}", 500, 3.0)
    requests.raised("/items/{i}", "KeyError")

    assert _series(metrics, "http_requests_total") == {
        ("GET", "/items/{i}", "200"): (1.0,),
        ("GET", "/items/{i}", "500"): (1.0,),
    }
    assert _series(metrics, "http_requests_in_progress") == {(): (1.0,)}
    assert _series(metrics, "http_request_exceptions_total") == {("/items/{i}", "KeyError"): (1.0,)}
    (durations,) = _series(metrics, "http_request_duration_seconds").values()
    assert (durations[0], sum(durations[1:])) == (3.02, 2.0)


def test_methods_and_statuses_that_anybody_can_invent_share_one_value(metrics: MetricsCollector) -> None:
    requests = RequestMetrics(metrics)
    for number in range(500):
        requests.begin()
        requests.end(f"XFOO{number}", "/", 200 if number % 2 else 1000 + number, 0.01)

    assert _series(metrics, "http_requests_total") == {
        (OTHER, "/", "200"): (250.0,),
        (OTHER, "/", OTHER): (250.0,),
    }
    assert len(metrics.render().splitlines()) < 40


def test_routes_made_of_data_end_in_one_series_and_count_on(metrics: MetricsCollector) -> None:
    requests = RequestMetrics(metrics)
    for number in range(3000):
        requests.begin()
        requests.end("GET", f"/{number}", 200, 0.01)

    totals = _series(metrics, "http_requests_total")
    assert len(totals) == 51
    assert sum(values[0] for values in totals.values()) == 3000
    assert len(requests._remembered) <= 1000


def test_threads_lose_no_request(metrics: MetricsCollector) -> None:
    requests = RequestMetrics(metrics)

    def work() -> None:
        for _ in range(2000):
            requests.begin()
            requests.end("GET", "/", 200, 0.01)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert _series(metrics, "http_requests_total") == {("GET", "/", "200"): (16_000.0,)}
    assert _series(metrics, "http_requests_in_progress") == {(): (0.0,)}


def test_a_forked_child_counts_in_cells_of_its_own(metrics: MetricsCollector) -> None:
    requests = RequestMetrics(metrics)
    requests.begin()
    requests.end("GET", "/", 200, 0.01)
    child = os.fork()
    if child == 0:
        requests.begin()
        requests.end("GET", "/", 200, 0.01)
        os._exit(0 if _series(metrics, "http_requests_total") == {("GET", "/", "200"): (1.0,)} else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert _series(metrics, "http_requests_total") == {("GET", "/", "200"): (1.0,)}


def test_what_a_fork_leaves_behind_is_not_counted_into(metrics: MetricsCollector) -> None:
    requests = RequestMetrics(metrics)
    requests.begin()
    requests.end("GET", "/", 200, 0.01)
    metrics.after_fork()
    requests.after_fork()
    requests.begin()
    requests.end("GET", "/", 200, 0.01)

    assert _series(metrics, "http_requests_total") == {("GET", "/", "200"): (1.0,)}
