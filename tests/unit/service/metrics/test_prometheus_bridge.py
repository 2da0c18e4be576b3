import pytest
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from ci_ops.service.health import providers
from ci_ops.service.health.providers import told
from ci_ops.service.metrics.collector import MetricsCollector
from ci_ops.service.metrics.prometheus import KitCollector, include_prometheus_client


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

    samples = {(name, value) for name, _, value in _samples(told("metrics-text"))}
    assert {("theirs_total", 5.0), ("queue", 2.0)} <= samples
