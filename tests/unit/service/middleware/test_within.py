"""Layers around layers: each part works once, in the outermost."""

import pytest

from ci_ops.service.limits.buckets import PerUserRateLimiter
from ci_ops.service.limits.client import ClientResolver
from ci_ops.service.logs.context import current_request_id
from ci_ops.service.metrics.collector import MetricsCollector
from ci_ops.service.metrics.requests import RequestMetrics
from ci_ops.service.middleware.access import AccessLog
from ci_ops.service.middleware.asgi import ASGILayer
from ci_ops.service.middleware.classes import (
    PerformanceTrackingMiddleware,
    RateLimitMiddleware,
    RequestLoggingMiddleware,
    SecurityHeadersMiddleware,
)
from ci_ops.service.middleware.limits import RequestLimits
from ci_ops.service.middleware.nonce import csp_nonce
from tests.support.layers import Kind, Kit, Said, asgi_app, ask_asgi
from tests.support.log_lines import Lines


def test_the_same_layer_twice_counts_logs_and_limits_once(kind: Kind, kit: Kit, lines: Lines) -> None:
    ids: list[str] = []
    said = Said(before=lambda: ids.append(current_request_id()))
    inner = kind.layer(kind.make(said), kit.options())
    middle = kind.layer(inner, kit.options())
    layer = kind.layer(middle, kit.options())
    answers = [kind.send(layer) for _ in range(5)]

    assert [answer.status for answer in answers] == [200] * 5
    assert ids == [answer.headers["x-request-id"] for answer in answers]
    assert len(lines.all) == 5
    assert kit.series("http_requests_total") == {("GET", "(unmatched)", "200"): 5}


def test_an_exception_passes_many_layers_and_is_told_by_one(kind: Kind, kit: Kit, lines: Lines) -> None:
    only_log = {"security": None, "limits": None, "metrics": None, "request_ids": False}
    inner = kind.layer(kind.make(Said(status=0, error=KeyError("k"))), kit.options(access_log=None))
    other = Lines()
    middle = kind.layer(inner, kit.options(access_log=AccessLog(logger=other.name), **only_log))
    answer = kind.send(kind.layer(middle, kit.options(metrics=None, limits=None)))
    other.close()

    assert isinstance(answer.error, KeyError)
    assert answer.headers["x-frame-options"] == "DENY"
    assert sum("exception" in line for line in [*lines.all, *other.all]) == 1
    assert kit.series("http_request_exceptions_total") == {("(unmatched)", "KeyError"): 1}


def test_what_is_missing_outside_is_done_inside(kind: Kind, kit: Kit, lines: Lines) -> None:
    nothing = {"security": None, "limits": None, "metrics": None, "access_log": None, "request_ids": False}
    inner = kind.layer(kind.make(Said()), kit.options())
    answer = kind.send(kind.layer(inner, kit.options(**nothing)))

    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["x-request-id"] == lines.last["request_id"]
    assert kit.series("http_requests_total") == {("GET", "(unmatched)", "200"): 1}


def test_a_nonce_asked_for_inside_is_in_the_policy_set_outside(kind: Kind, kit: Kit) -> None:
    page = Said(headers=[("Content-Type", "text/html")], before=lambda: nonces.append(csp_nonce()))
    nonces: list[str] = []
    inner = kind.layer(kind.make(page), kit.options())
    only_headers = {"limits": None, "metrics": None, "access_log": None, "request_ids": False}
    answer = kind.send(kind.layer(inner, kit.options(**only_headers)))

    assert f"'nonce-{nonces[0]}'" in answer.headers["content-security-policy"]


def test_a_part_of_the_application_may_have_stricter_limits_of_its_own(kind: Kind, kit: Kit) -> None:
    strict = RequestLimits(per_user=PerUserRateLimiter(1, 1 / 60), guard=None, abuse=None)
    inner = kind.layer(kind.make(Said()), kit.options(limits=strict))
    layer = kind.layer(inner, kit.options())
    first, second = kind.send(layer), kind.send(layer)

    assert (first.status, second.status) == (200, 429)
    assert first.headers["ratelimit-policy"] == '"per-user";q=1;w=60'


def test_the_four_classes_work_alone_and_on_top_of_each_other(kit: Kit, lines: Lines) -> None:
    metrics = MetricsCollector()
    resolver = ClientResolver()
    limits = kit.limits()
    app = asgi_app(Said())
    alone = {
        "limits": ask_asgi(RateLimitMiddleware(app, limits, resolver=resolver)).headers,
        "metrics": ask_asgi(PerformanceTrackingMiddleware(app, RequestMetrics(metrics))).headers,
        "security": ask_asgi(SecurityHeadersMiddleware(app)).headers,
        "log": ask_asgi(RequestLoggingMiddleware(app, AccessLog(logger=lines.name))).headers,
    }
    plain = {"content-type", "content-length"}
    stacked = RequestLoggingMiddleware(
        SecurityHeadersMiddleware(
            PerformanceTrackingMiddleware(RateLimitMiddleware(app, limits), RequestMetrics(metrics))
        ),
        AccessLog(logger=lines.name),
    )
    answer = ask_asgi(stacked).headers

    assert set(alone["limits"]) == plain | {"ratelimit", "ratelimit-policy"}
    assert set(alone["metrics"]) == plain
    assert set(alone["security"]) > plain | {"x-frame-options"}
    assert set(alone["log"]) == plain | {"x-request-id"}
    assert set(answer) == set().union(*alone.values())
    assert len(lines.all) == 2
    assert next(iter(metrics.get_metrics_snapshot()["counters"]["http_requests_total"]))["value"] == 2


def test_the_classes_need_nothing_but_the_application() -> None:
    for one in (
        RateLimitMiddleware,
        PerformanceTrackingMiddleware,
        SecurityHeadersMiddleware,
        RequestLoggingMiddleware,
    ):
        assert ask_asgi(one(asgi_app(Said()))).status == 200


@pytest.mark.parametrize("depth", [1, 4])
def test_a_slow_request_is_told_by_performance_tracking_alone_too(depth: int, kit: Kit) -> None:
    app = asgi_app(Said())
    for _ in range(depth):
        app = PerformanceTrackingMiddleware(app, RequestMetrics(kit.metrics), slow_seconds=0.0)
    ask_asgi(app)

    assert isinstance(app, ASGILayer)
    assert kit.series("http_requests_total") == {("GET", "(unmatched)", "200"): 1}
