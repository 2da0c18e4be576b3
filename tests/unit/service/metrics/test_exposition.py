"""The text is what Prometheus reads: parsed by prometheus_client and by promtool."""

import math
import subprocess
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from ci_ops.service.health.providers import provide, read_topic
from ci_ops.service.metrics.collector import MetricsCollector
from ci_ops.service.metrics.exposition import MetricsText, number
from ci_ops.service.metrics.names import MAX_VALUE_LENGTH, label_value
from tests.support import parts

NAMES = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,12}", fullmatch=True)
HOSTILE = st.text() | st.sampled_from(
    [
        '"',
        "\\",
        "\n",
        "\\n",
        '\\"',
        "\\\\",
        '"} 1\nforged{a="',
        "\r",
        "\x00",
        "\u2028",
        "{",
        "}",
        ",",
        "# HELP x",
    ]
)


def _parsed(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@given(values=st.lists(HOSTILE, max_size=8), help_text=HOSTILE)
def test_label_values_and_help_come_back_as_they_were_counted(values: list[str], help_text: str) -> None:
    metrics = MetricsCollector()
    counter = metrics.counter("hits", help_text, labels=("path",))
    for value in values:
        counter.labels(value).inc()

    expected: dict[Any, float] = {}
    for value in values:
        key = ("hits_total", (("path", label_value(value)),))
        expected[key] = expected.get(key, 0.0) + 1.0
    assert _parsed(metrics.render()) == expected


@given(
    st.dictionaries(NAMES.map(lambda name: f"m_{name}"), st.floats(), max_size=6),
    st.lists(st.floats(-1e6, 1e6), max_size=20),
)
def test_every_number_comes_back(gauges: dict[str, float], observed: list[float]) -> None:
    metrics = MetricsCollector()
    for name, value in gauges.items():
        metrics.gauge(name).set(value)
    histogram = metrics.histogram("h_seconds", buckets=(-1.0, 0.0, 1.0))
    for value in observed:
        histogram.observe(value)
    parsed = _parsed(metrics.render())

    for name, value in gauges.items():
        told_value = parsed[name, ()]
        assert told_value == value or (math.isnan(value) and math.isnan(told_value))
    for bound in ("-1.0", "0.0", "1.0", "+Inf"):
        below = sum(value <= float(bound.replace("+Inf", "inf")) for value in observed)
        assert parsed["h_seconds_bucket", (("le", bound),)] == below
    assert parsed["h_seconds_count", ()] == len(observed)
    assert math.isclose(parsed["h_seconds_sum", ()], sum(observed), abs_tol=1e-6)


def test_the_text_is_exact() -> None:
    metrics = MetricsCollector()
    metrics.counter("orders", 'Orders, "all"\nof them \\.', labels=("kind",)).labels('a"b\\c\nd').inc(3)
    metrics.gauge("unused", labels=("x",))
    metrics.histogram("wait_seconds", "Waiting.", labels=("who",), buckets=(0.5, 1)).labels("me").observe(0.7)
    metrics.gauge("free").set(math.inf)

    assert metrics.render() == (
        "# HELP free \n"
        "# TYPE free gauge\n"
        "free +Inf\n"
        '# HELP orders_total Orders, "all"\\nof them \\\\.\n'
        "# TYPE orders_total counter\n"
        'orders_total{kind="a\\"b\\\\c\\nd"} 3.0\n'
        "# HELP wait_seconds Waiting.\n"
        "# TYPE wait_seconds histogram\n"
        'wait_seconds_bucket{who="me",le="0.5"} 0.0\n'
        'wait_seconds_bucket{who="me",le="1.0"} 1.0\n'
        'wait_seconds_bucket{who="me",le="+Inf"} 1.0\n'
        'wait_seconds_sum{who="me"} 0.7\n'
        'wait_seconds_count{who="me"} 1.0\n'
    )


def test_special_numbers_are_spelled_as_the_format_has_them() -> None:
    assert [number(value) for value in (math.nan, math.inf, -math.inf, 1, 1e300)] == [
        "NaN",
        "+Inf",
        "-Inf",
        "1.0",
        "1e+300",
    ]


def test_a_label_is_cut_and_loses_secrets_but_series_stay_apart() -> None:
    metrics = MetricsCollector()
    counter = metrics.counter("calls", labels=("url", "token_kind"))
    counter.labels("redis://:hunter2@cache", "a").inc()
    counter.labels("x" * 500, "b").inc()
    provide("metrics-text", metrics.render)
    try:
        text = read_topic("metrics-text")
    finally:
        from ci_ops.service.metrics.collector import metrics_collector  # noqa: PLC0415 - put back what was there

        provide("metrics-text", metrics_collector.render)

    assert isinstance(text, MetricsText)
    assert "hunter2" not in text
    assert 'token_kind="a"' in text
    assert 'token_kind="b"' in text
    assert "x" * MAX_VALUE_LENGTH + '"' in text


@settings(max_examples=5, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(HOSTILE, max_size=5))
def test_promtool_finds_nothing_to_complain_about(values: list[str]) -> None:
    promtool = parts.require("promtool")
    metrics = MetricsCollector()
    metrics.gauge("queue_size", "Jobs that wait.").set(3)
    orders = metrics.counter("orders", "Orders placed.", labels=("kind",))
    waits = metrics.histogram("wait_seconds", "Waiting.", labels=("who",))
    for value in ["plain", *values]:
        orders.labels(value).inc()
        waits.labels(value).observe(0.3)
    text = metrics.render()
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text.encode(), capture_output=True, check=False, timeout=30
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
