import pytest
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from ci_ops.service.health import providers
from ci_ops.service.health.providers import read_topic
from ci_ops.service.metrics.collector import MetricsCollector
from ci_ops.service.metrics.prometheus import KitCollector, include_prometheus_client
from ci_ops.service.metrics.requests import RequestMetrics


@pytest.fixture
def metrics() -> MetricsCollector:
    made = MetricsCollector()
    made.counter("orders", "Orders.", labels=("kind",)).labels("gift").inc(3)
    made.gauge("queue", "Jobs.").set(2)
    made.histogram("wait_seconds", "Waiting.", buckets=(0.5, 1.0)).observe(0.7)
    return made


@pytest.fixture(autouse=True)
def _providers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "_providers", dict(providers._providers))


def _samples(text: str) -> set[tuple[str, tuple[tuple[str, str], ...], float]]:
    return {
        (sample.name, tuple(sorted(sample.labels.items())), sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_registry_of_prometheus_client_shows_ours_exactly_as_we_do(metrics: MetricsCollector) -> None:
    registry = CollectorRegistry()
    registry.register(KitCollector(metrics))

    assert _samples(generate_latest(registry).decode()) == _samples(metrics.render())


def test_theirs_stand_behind_ours_at_the_health_route(metrics: MetricsCollector) -> None:
    registry = CollectorRegistry()
    Counter("theirs", "Theirs.", registry=registry).inc(5)
    include_prometheus_client(registry, metrics)

    samples = {(name, value) for name, _, value in _samples(read_topic("metrics-text"))}
    assert {("theirs_total", 5.0), ("queue", 2.0)} <= samples


def _request_counter(registry: CollectorRegistry) -> Counter:
    """What instrumentators of prometheus_client call their counter."""
    return Counter("http_requests_total", "Requests.", ["method"], registry=registry)


def test_two_families_of_one_name_are_refused_where_they_are_included(metrics: MetricsCollector) -> None:
    registry = CollectorRegistry()
    _request_counter(registry)
    RequestMetrics(metrics)

    with pytest.raises(ValueError, match="both the kit and prometheus_client have http_requests_total"):
        include_prometheus_client(registry, metrics)
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        registry.register(KitCollector(metrics))


def test_a_second_family_of_one_name_that_comes_later_is_left_out_and_said_once(
    metrics: MetricsCollector, caplog: pytest.LogCaptureFixture
) -> None:
    registry = CollectorRegistry()
    include_prometheus_client(registry, metrics)
    RequestMetrics(metrics).end("GET", "/", 200, 0.1)
    _request_counter(registry).labels("GET").inc(7)

    for _ in range(2):
        samples = {(name, value) for name, _, value in _samples(read_topic("metrics-text"))}
        assert ("http_requests_total", 1.0) in samples
        assert ("http_requests_total", 7.0) not in samples
        assert "http_requests_created" not in {name for name, _ in samples}
    assert (
        caplog.text.count("two metrics are called http_requests_total: prometheus_client's is left out") == 1
    )


def test_a_metric_of_ours_that_comes_later_is_left_out_of_their_registry(
    metrics: MetricsCollector, caplog: pytest.LogCaptureFixture
) -> None:
    registry = CollectorRegistry()
    _request_counter(registry).labels("GET").inc(7)
    registry.register(KitCollector(metrics, registry=registry))
    RequestMetrics(metrics).end("GET", "/", 200, 0.1)

    for _ in range(2):
        text = generate_latest(registry).decode()
        assert text.count("# TYPE http_requests_total counter") == 1
        assert 'http_requests_total{method="GET"} 7.0' in text
        assert "http_request_duration_seconds_count" in text
    assert caplog.text.count("two metrics are called http_requests_total: the kit's is left out") == 1
