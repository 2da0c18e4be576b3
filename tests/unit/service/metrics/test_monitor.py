import json
import math
import threading

import pytest

from ci_ops.service.metrics.monitor import OTHER, PerformanceMonitor, performance_monitor


def test_the_last_thousand_measurements_are_kept() -> None:
    monitor = PerformanceMonitor()
    for value in range(1, 2001):
        monitor.record_metric("query", value)
    statistics = monitor.get_statistics("query")

    assert statistics is not None
    assert (statistics.count, statistics.minimum, statistics.maximum, statistics.average) == (
        1000,
        1001,
        2000,
        1500.5,
    )
    assert (statistics.p50, statistics.p95, statistics.p99) == (1501, 1950, 1990)
    assert monitor.get_statistics("unknown") is None


def test_the_summary_is_ready_for_json() -> None:
    monitor = PerformanceMonitor(kept=10)
    monitor.record_metric("b", 2)
    monitor.record_metric("a", 1)

    assert list(monitor.get_summary()) == ["a", "b"]
    shown = json.loads(json.dumps(monitor.get_summary()["a"]))
    assert shown == {"count": 1, "min": 1, "max": 1, "avg": 1, "p50": 1, "p95": 1, "p99": 1}


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_value_that_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        PerformanceMonitor().record_metric("x", value)


def test_names_made_of_data_share_one_place_in_the_end() -> None:
    monitor = PerformanceMonitor(max_metrics=3)
    for number in range(10):
        monitor.record_metric(f"user {number}", number)
    monitor.record_metric("x" * 1000, 1)

    summary = monitor.get_summary()
    assert set(summary) == {"user 0", "user 1", "user 2", OTHER}
    assert summary[OTHER]["count"] == 8


def test_a_long_name_is_cut_and_found_again() -> None:
    monitor = PerformanceMonitor()
    for _ in range(2):
        monitor.record_metric("x" * 1000, 1)
    statistics = monitor.get_statistics("x" * 1000)

    assert statistics is not None
    assert statistics.count == 2


def test_threads_share_a_monitor() -> None:
    monitor = PerformanceMonitor(kept=10_000)

    def work() -> None:
        for _ in range(1000):
            monitor.record_metric("x", 1.0)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statistics = monitor.get_statistics("x")

    assert statistics is not None
    assert statistics.count == 8000
    assert performance_monitor.get_statistics("nothing was recorded under this") is None
