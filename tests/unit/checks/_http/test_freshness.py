from __future__ import annotations

import pytest

from ci_ops.checks._http.freshness import age_seconds, cache_sign
from ci_ops.checks.health import Health
from ci_ops.core.health.status import Status
from ci_ops.core.ports.http import Response
from ci_ops.core.text.weburl import NONCE_HEADER
from tests.support.checking import a_subject, a_world, rules_of, the_result
from tests.support.sample_service import Answer, Asked, SampleService, said


def answer(**headers: str) -> Response:
    named = {name.lower().replace("_", "-"): value for name, value in headers.items()}
    return Response(status=200, headers=named, body=b"", seconds=0.0, url="https://shop")


@pytest.mark.parametrize(
    ("age", "seconds"),
    [("", 0), ("0", 0), ("7", 7), ("0, 120", 120), ("90, 3", 90), ("x, 4", 4), ("-3", 0), ("²", 0)],
)
def test_the_oldest_of_several_caches_counts(age: str, seconds: int) -> None:
    assert age_seconds(answer(age=age)) == seconds
    assert age_seconds(answer()) == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Cache", "HIT"),
        ("X-Cache", "Hit from cloudfront"),
        ("X-Cache", "MISS, HIT"),
        ("X-Cache", "TCP_MEM_HIT from a.akamaitechnologies.com"),
        ("X-Cache-Lookup", "HIT from squid:3128"),
        ("X-Cache-Hits", "0, 3"),
        ("CF-Cache-Status", "HIT"),
        ("CF-Cache-Status", "STALE"),
        ("CF-Cache-Status", "UPDATING"),
        ("Cache-Status", '"Netlify Edge"; hit'),
        ("Cache-Status", "ExampleCache; hit; ttl=30"),
        ("CDN-Cache", "HIT"),
        ("X-Vercel-Cache", "HIT"),
        ("X-LiteSpeed-Cache", "hit"),
        ("X-FastCGI-Cache", "HIT"),
        ("X-SRCache-Fetch-Status", "HIT"),
        ("X-Kinsta-Cache", "HIT"),
        ("X-Rack-Cache", "fresh"),
        ("X-Varnish", "32770 3"),
        ("X-NC", "HIT lhr 2"),
        ("Server-Timing", "cdn-cache; desc=HIT, edge; dur=1"),
    ],
)
def test_every_vendor_says_in_a_header_of_its_own_that_an_answer_was_stored(name: str, value: str) -> None:
    assert cache_sign(answer(**{name: value})) == f"a hit in the header {name.lower()}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Cache", "MISS"),
        ("X-Cache", "Miss from cloudfront"),
        ("X-Cache", "RefreshHit from cloudfront"),
        ("X-Cache", "TCP_REFRESH_HIT"),
        ("X-Cache", "hit-for-pass"),
        ("X-Cache-Hits", "0, 0"),
        ("CF-Cache-Status", "DYNAMIC"),
        ("CF-Cache-Status", "REVALIDATED"),
        ("Cache-Status", "ExampleCache; fwd=uri-miss; stored"),
        ("Cache-Status", "ExampleCache; hit=?0"),
        ("Cache-Control", "max-age=60, stale-while-revalidate=30"),
        ("CDN-Cache-Control", "stale-if-error=60"),
        ("Surrogate-Control", "stale-if-error=60"),
        ("X-Rack-Cache", "miss"),
        ("X-Varnish", "32770"),
        ("Server-Timing", "db; desc=HIT, cache; desc=MISS"),
        ("X-White-Listed", "hit"),
    ],
)
def test_anything_else_is_no_sign_of_a_cache(name: str, value: str) -> None:
    assert cache_sign(answer(**{name: value})) == ""


def test_the_nonce_of_another_request_is_the_sign_of_a_cache_whose_key_drops_it(
    service: SampleService,
) -> None:
    def echo(asked: Asked) -> Answer:
        assert asked.headers[NONCE_HEADER.lower()] == asked.query["ci-ops"][0]
        return said({"status": "pass"}, X_Ci_Ops_Nonce=asked.headers[NONCE_HEADER.lower()])

    service.does("/health", echo)
    subject = a_subject(url=service.url("/health"))
    assert the_result(Health(interval=0.0), subject, a_world()).status is Status.PASS
    service.says("/health", said({"status": "pass"}, X_Ci_Ops_Nonce="0123456789abcdef"))
    result = the_result(Health(interval=0.0), subject, a_world())
    assert (result.status, rules_of(result)) == (Status.FAIL, ["aged"])
    assert "the nonce of another request" in result.findings[0].observed


def test_a_nonce_is_sent_where_caches_may_answer_too(service: SampleService) -> None:
    service.says("/health", said({"status": "pass"}))
    the_result(Health(cache_busting=False), a_subject(url=service.url("/health")), a_world())
    nonces = [asked.headers[NONCE_HEADER.lower()] for asked in service.asked]
    assert len(set(nonces)) == len(nonces) == 3
