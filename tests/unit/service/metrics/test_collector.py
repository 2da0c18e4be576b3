import json
import subprocess
import sys

import pytest

from ci_ops.service.health.providers import read_topic
from ci_ops.service.metrics import collector
from ci_ops.service.metrics.collector import MetricsCollector, TooManyMetricsError, metrics_collector


@pytest.fixture
def metrics() -> MetricsCollector:
    return MetricsCollector()


def test_asking_again_gives_the_same_metric_and_a_different_one_is_refused(metrics: MetricsCollector) -> None:
    orders = metrics.counter("orders", "Orders.", labels=("kind",))

    assert metrics.counter("orders_total", labels=("kind",)) is orders
    for ask in (
        lambda: metrics.gauge("orders_total", labels=("kind",)),
        lambda: metrics.counter("orders", labels=("colour",)),
    ):
        with pytest.raises(ValueError, match="orders_total is a counter with other labels"):
            ask()
    metrics.histogram("seconds", buckets=(1.0,))
    with pytest.raises(ValueError, match="other labels or buckets"):
        metrics.histogram("seconds", buckets=(2.0,))


@pytest.mark.parametrize("name", ["", "5xx", "a b", "a-b", "é", "a" * 201, "a\n"])
def test_a_name_that_prometheus_does_not_take_is_refused(metrics: MetricsCollector, name: str) -> None:
    with pytest.raises(ValueError, match="is not a metric name"):
        metrics.gauge(name)


@pytest.mark.parametrize("labels", [("le",), ("__name__",), ("a-b",), ("a", "a"), ("1",)])
def test_labels_that_prometheus_does_not_take_are_refused(
    metrics: MetricsCollector, labels: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match="label"):
        metrics.gauge("x", labels=labels)


@pytest.mark.parametrize("buckets", [(), (1.0, 1.0), (2.0, 1.0)])
def test_buckets_have_to_grow(metrics: MetricsCollector, buckets: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="bounds that grow"):
        metrics.histogram("seconds", buckets=buckets)


def test_two_metrics_cannot_have_lines_of_one_name(metrics: MetricsCollector) -> None:
    metrics.histogram("seconds")
    with pytest.raises(ValueError, match="lines of the same name"):
        metrics.gauge("seconds_count")
    metrics.gauge("rows_sum")
    with pytest.raises(ValueError, match="lines of the same name"):
        metrics.histogram("rows")


def test_by_name_a_metric_is_made_when_it_is_first_used(metrics: MetricsCollector) -> None:
    for _ in range(2):
        metrics.increment_counter("http requests", labels={"method": "GET", "status": "200"})
        metrics.increment_counter("http requests", labels={"status": 200, "method": "GET"})
        metrics.set_gauge("5 minutes load", 0.7)
        metrics.record_histogram("db.query", 0.003, labels={"table": "orders"})
        metrics.increment_counter("plain", 2)
        metrics.increment_counter("odd", labels={"flag": True})
        metrics.increment_counter("odd", labels={"flag": 1})

    snapshot = metrics.get_metrics_snapshot()
    counters = snapshot["counters"]
    assert counters["http_requests_total"] == [{"labels": {"method": "GET", "status": "200"}, "value": 4.0}]
    assert counters["plain_total"] == [{"labels": {}, "value": 4.0}]
    assert [one["labels"]["flag"] for one in counters["odd_total"]] == ["True", "1"]
    assert snapshot["gauges"]["_5_minutes_load"][0]["value"] == 0.7
    assert snapshot["histograms"]["db_query"][0]["count"] == 2.0
    json.dumps(snapshot)


def test_names_made_of_data_come_to_an_end_without_an_exception(
    metrics: MetricsCollector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(collector, "MAX_METRICS", 20)
    monkeypatch.setattr(collector, "MAX_KNOWN", 5)
    for number in range(100):
        metrics.increment_counter(f"user_{number}")
        metrics.set_gauge(f"size_{number}", 1)
        metrics.record_histogram(f"time_{number}", 1)

    assert len(metrics.families()) == 20
    assert len(caplog.records) == 1
    assert "does a name hold a value" in caplog.text
    metrics.increment_counter("user_1")
    with pytest.raises(TooManyMetricsError):
        metrics.counter("one_more")


def test_long_names_and_labels_are_counted_and_not_remembered(metrics: MetricsCollector) -> None:
    for number in range(3):
        metrics.increment_counter("orders", labels={"from": f"{'x' * 10_000}{number}"})
        metrics.increment_counter("y" * 10_000)

    (orders, long_one) = metrics.get_metrics_snapshot()["counters"].values()
    assert sum(one["value"] for one in orders) == long_one[0]["value"] == 3
    assert metrics._known == {}


def test_the_ready_made_collector_is_what_health_shows() -> None:
    metrics_collector.counter("seen_by_health", "Seen.").inc()

    assert "\nseen_by_health_total 1.0\n" in read_topic("metrics-text")
    assert read_topic("metrics-snapshot")["counters"]["seen_by_health_total"][0]["value"] >= 1.0
    assert "performance" in read_topic("metrics-snapshot")


def test_numbers_that_json_has_no_word_for_are_texts(metrics: MetricsCollector) -> None:
    metrics.gauge("free").set(float("inf"))
    metrics.gauge("unused", labels=("x",))

    assert metrics.get_metrics_snapshot()["gauges"] == {"free": [{"labels": {}, "value": "inf"}]}


def test_one_of_several_workers_says_once_that_it_shows_its_own_numbers_alone() -> None:
    program = (
        "import logging, multiprocessing\n"
        "def work():\n"
        "    from ci_ops.service import metrics_collector\n"
        "    metrics_collector.counter('hits').inc()\n"
        "    metrics_collector.render(); metrics_collector.render()\n"
        "if __name__ == '__main__':\n"
        "    work()\n"
        "    one = multiprocessing.get_context('fork').Process(target=work)\n"
        "    one.start(); one.join()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stderr == (
        "CI_OPS_METRICS_DIR is not set: of several workers each shows its own numbers alone\n"
    )
