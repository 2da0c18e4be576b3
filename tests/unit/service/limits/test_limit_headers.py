from __future__ import annotations

import json
import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_ops.service.limits.gcra import Decision, Quota
from ci_ops.service.limits.headers import (
    limit_field,
    limit_headers,
    limit_headers_asgi,
    policy_field,
    problem,
    refusal,
    retry_after_field,
)
from ci_ops.service.limits.limiter import Limiter
from ci_ops.service.limits.store import MemoryStore
from tests.support.ticks import NanoTicks

MINUTE = Quota(limit=100, name="per-user")
DAY = Quota(limit=1000, window_seconds=86400, burst=50, name="daily", unit="content-bytes")
ITEM = re.compile(r'"([A-Za-z0-9_.-]+)"((?:;[a-z-]+=(?:\d+|"[a-z-]+"))*)')


def parsed(field: str) -> dict[str, dict[str, str]]:
    """A List of Strings with Parameters, as RFC 9651 writes it."""
    items = {}
    for text in field.split(", "):
        match = ITEM.fullmatch(text)
        assert match is not None, text
        items[match[1]] = dict(part.split("=", 1) for part in match[2].split(";")[1:])
    return items


def test_the_policy_says_what_each_quota_gives() -> None:
    assert policy_field([MINUTE]) == '"per-user";q=100;w=60'
    assert policy_field([MINUTE, DAY]) == (
        '"per-user";q=100;w=60, "daily";q=1000;qu="content-bytes";w=86400;ci-ops-burst=50'
    )
    assert policy_field([Quota(limit=1, window_seconds=0.2)]) == '"default";q=1;w=1'


def test_the_example_of_the_draft_is_met() -> None:
    limited = Limiter(Quota(limit=100), store=MemoryStore(clock_ns=NanoTicks()))
    limited.hit("a", 50)
    assert limit_field([limited.peek("a")]) == '"default";r=50;t=30'


@settings(deadline=None)
@given(
    limit=st.integers(min_value=1, max_value=10_000),
    window=st.sampled_from([0.5, 1.0, 60.0, 86400.0]),
    used=st.integers(min_value=0, max_value=20_000),
    cost=st.integers(min_value=1, max_value=50),
)
def test_what_is_promised_is_never_more_than_the_policy_and_never_after_retry_after(
    limit: int, window: float, used: int, cost: int
) -> None:
    quota = Quota(limit=limit, window_seconds=window)
    limited = Limiter(quota, store=MemoryStore(clock_ns=NanoTicks()))
    limited.hit("a", min(used, limit))
    decision = limited.hit("a", cost)
    item = parsed(limit_field([decision]))["default"]
    remaining, seconds = int(item["r"]), int(item["t"])
    assert remaining == decision.remaining
    assert seconds >= 1
    if decision.allowed:
        assert remaining <= math.ceil(seconds * limit / window)
    elif decision.retry_after_seconds < math.inf:
        assert int(retry_after_field(decision.retry_after_seconds)) >= seconds


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, "1"), (0.2, "1"), (1.0, "1"), (1.01, "2"), (899.5, "900")]
)
def test_retry_after_is_whole_seconds_and_never_too_early(seconds: float, text: str) -> None:
    assert retry_after_field(seconds) == text


def test_every_answer_carries_policy_and_limit() -> None:
    limited = Limiter(MINUTE, DAY, store=MemoryStore(clock_ns=NanoTicks()))
    headers = dict(limit_headers(limited.hit_each("a")))
    assert (
        set(parsed(headers["RateLimit-Policy"])) == set(parsed(headers["RateLimit"])) == {"per-user", "daily"}
    )


def test_asgi_gets_the_same_as_bytes() -> None:
    decision = Limiter(MINUTE, store=MemoryStore(clock_ns=NanoTicks())).hit("a")
    as_bytes = [(name.lower().encode(), value.encode()) for name, value in limit_headers([decision])]
    assert limit_headers_asgi(decision) == as_bytes


def test_the_old_names_come_along_when_asked_for() -> None:
    limited = Limiter(MINUTE, store=MemoryStore(clock_ns=NanoTicks()))
    headers = dict(limit_headers([limited.hit("a", 10)], legacy=True))
    assert {name: value for name, value in headers.items() if name.startswith("X-")} == {
        "X-RateLimit-Limit": "100",
        "X-RateLimit-Remaining": "90",
        "X-RateLimit-Reset": "6",
    }


def test_without_the_store_nothing_is_said_about_what_is_left() -> None:
    decision = Decision(allowed=True, quota=MINUTE, full_at_ns=0, now_ns=0, cost=1, note="store-down")
    assert limit_headers([decision], legacy=True) == [("RateLimit-Policy", '"per-user";q=100;w=60')]
    assert limit_headers_asgi(decision) == [(b"ratelimit-policy", b'"per-user";q=100;w=60')]


def test_a_refusal_is_a_problem_document_with_everything_a_client_needs() -> None:
    limited = Limiter(Quota(limit=1, window_seconds=10), MINUTE, store=MemoryStore(clock_ns=NanoTicks()))
    limited.hit_each("a")
    answer = refusal(limited.hit_each("a"), legacy=True)
    headers = dict(answer.headers)
    assert answer.status == 429
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["Content-Length"] == str(len(answer.body))
    assert headers["Cache-Control"] == "no-store"
    assert headers["Retry-After"] == "10"
    assert headers["RateLimit"] == '"default";r=0;t=10, "per-user";r=99;t=60'
    assert headers["X-RateLimit-Remaining"] == "0"
    assert json.loads(answer.body) == {
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "title": "Request cannot be satisfied as assigned quota has been exceeded",
        "status": 429,
        "violated-policies": ["default"],
    }


def test_a_request_that_never_fits_is_not_told_to_come_back() -> None:
    limited = Limiter(Quota(limit=1), store=MemoryStore(clock_ns=NanoTicks()))
    assert "Retry-After" not in dict(refusal([limited.hit("a", 2)]).headers)


def test_when_the_store_is_down_it_is_not_the_clients_fault() -> None:
    decision = Decision(
        allowed=False, quota=MINUTE, full_at_ns=65 * 10**9, now_ns=0, cost=1, note="store-down"
    )
    answer = refusal([decision])
    assert answer.status == 503
    assert dict(answer.headers)["Retry-After"] == "6"
    assert json.loads(answer.body)["type"].endswith("#temporary-reduced-capacity")


def test_a_blocked_client_is_told_what_was_noticed() -> None:
    answer = problem("abnormal-usage-detected", ["ddos"], retry_after_seconds=900)
    assert (answer.status, dict(answer.headers)["Retry-After"]) == (429, "900")
    assert json.loads(answer.body)["violated-policies"] == ["ddos"]
