import logging
import math
import os
import signal
import threading

import pytest

from ci_ops.service.metrics.collector import MetricsCollector
from ci_ops.service.metrics.names import OVERFLOW


@pytest.fixture
def metrics() -> MetricsCollector:
    return MetricsCollector(max_series=10)


def test_a_counter_only_grows(metrics: MetricsCollector) -> None:
    counter = metrics.counter("orders")
    counter.inc()
    counter.inc(2.5)
    for amount in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="finite amounts"):
            counter.inc(amount)

    assert counter.labels().values == (3.5,)


def test_a_gauge_goes_up_and_down(metrics: MetricsCollector) -> None:
    gauge = metrics.gauge("queue")
    gauge.set(5)
    gauge.inc(2)
    gauge.dec()

    assert gauge.labels().values == (6.0,)


def test_a_gauge_can_be_read_at_each_scrape_and_survives_a_failing_reader(
    metrics: MetricsCollector, caplog: pytest.LogCaptureFixture
) -> None:
    gauge = metrics.gauge("free")
    sizes = [7.0]
    gauge.read_from(sizes.pop)
    assert gauge.family().series == {(): (7.0,)}
    assert gauge.family().series == {(): (7.0,)}
    assert "free cannot be read" in caplog.text


def test_a_histogram_counts_each_value_in_one_bucket_bounds_included(metrics: MetricsCollector) -> None:
    histogram = metrics.histogram("seconds", buckets=(0.1, 1.0, math.inf))
    for value in (0.05, 0.1, 0.5, 1.0, 2.0):
        histogram.observe(value)

    assert histogram.labels().values == (3.65, 2.0, 2.0, 1.0)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_would_spoil_the_sum_for_ever_is_refused(
    metrics: MetricsCollector, value: float
) -> None:
    histogram = metrics.histogram("seconds")
    with pytest.raises(ValueError, match="finite"):
        histogram.observe(value)

    assert set(histogram.labels().values) == {0.0}


def test_series_are_found_by_place_or_by_name_and_numbers_are_texts(metrics: MetricsCollector) -> None:
    counter = metrics.counter("hits", labels=("method", "status"))
    counter.labels("GET", "200").inc()
    counter.labels("GET", 200).inc()
    counter.labels("GET", status=200).inc()
    counter.labels(status="200", method="GET").inc()
    counter.labels("GET", True).inc()
    counter.labels("GET", 1).inc()

    assert counter.family().series == {("GET", "200"): (4.0,), ("GET", "True"): (1.0,), ("GET", "1"): (1.0,)}


@pytest.mark.parametrize(
    ("values", "named"), [(("GET",), {}), (("GET", "200", "x"), {}), (("GET",), {"code": 1})]
)
def test_labels_that_do_not_fit_are_an_error_that_names_them(
    metrics: MetricsCollector, values: tuple[str, ...], named: dict[str, int]
) -> None:
    counter = metrics.counter("hits", labels=("method", "status"))
    with pytest.raises(ValueError, match="hits_total has the labels method, status"):
        counter.labels(*values, **named)
    with pytest.raises(ValueError, match=r"labels \(none\)"):
        metrics.counter("plain").labels("x")


def test_what_cannot_be_a_key_can_be_a_label(metrics: MetricsCollector) -> None:
    metrics.counter("hits", labels=("what",)).labels(["a"]).inc()

    assert metrics.counter("hits", labels=("what",)).family().series == {("['a']",): (1.0,)}


def test_a_flood_of_label_values_ends_in_one_series_and_one_warning(
    metrics: MetricsCollector, caplog: pytest.LogCaptureFixture
) -> None:
    counter = metrics.counter("hits", labels=("path", "kind"))
    for number in range(5000):
        counter.labels(f"/{number}", "x").inc()
    counter.labels("/3", "x").inc()

    series = counter.family().series
    assert len(series) == 11
    assert series[OVERFLOW, OVERFLOW] == (4990.0,)
    assert series["/3", "x"] == (2.0,)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_no_count_is_lost_between_threads(metrics: MetricsCollector) -> None:
    counter, histogram = metrics.counter("hits", labels=("who",)), metrics.histogram("seconds")
    gauge = metrics.gauge("going")

    def work(number: int) -> None:
        for _ in range(2000):
            counter.labels(str(number % 3)).inc()
            histogram.observe(0.5)
            gauge.inc()
            gauge.dec()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(values[0] for values in counter.family().series.values()) == 16_000
    assert sum(histogram.labels().values[1:]) == 16_000
    assert gauge.labels().values == (0.0,)


def test_a_signal_handler_may_count_what_it_has_interrupted(metrics: MetricsCollector) -> None:
    counter = metrics.counter("hits")
    before = signal.signal(signal.SIGUSR1, lambda *_: counter.inc())
    try:
        with metrics.lock:
            os.kill(os.getpid(), signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)

    assert counter.labels().values == (1.0,)


def test_a_forked_child_begins_at_zero_and_is_not_held_up_by_a_lock(metrics: MetricsCollector) -> None:
    counter = metrics.counter("hits", labels=("who",))
    counter.labels("a").inc(5)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with metrics.lock:
            held.set()
            done.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)
    child = os.fork()
    if child == 0:
        counter.labels("a").inc()
        os._exit(0 if counter.family().series == {("a",): (1.0,)} else 1)
    done.set()
    thread.join()

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert counter.labels("a").values == (5.0,)
