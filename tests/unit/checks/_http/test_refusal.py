"""A 429 or 403 that is meant for the probe, and not for the service's users."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import pytest

from ci_ops.checks._http.expect import Expectation
from ci_ops.checks.endpoints import Endpoints
from ci_ops.checks.revision import Revision
from ci_ops.core.health.status import Status
from ci_ops.core.named import Named
from ci_ops.core.pace import Pace
from ci_ops.core.report import reason_for
from ci_ops.core.result import Result
from ci_ops.core.text.probe_signature import PROBE_HEADER, is_signed_probe
from tests.support.checking import NEW, a_subject, a_world, checked, rules_of, the_result
from tests.support.jump_clock import JumpClock
from tests.support.sample_service import Answer, SampleService, said, sample_service, text

KEY = "a-key-for-tests-only"
PROBLEM = "https://iana.org/assignments/http-problem-types#abnormal-usage-detected"


def look(service: SampleService, path: str = "/a", **more: Any) -> Result:
    subject = a_subject(url=service.url(), **more)
    return the_result(Endpoints(paths={path: Expectation()}), subject, a_world())


def test_a_429_that_is_expected_is_an_answer(service: SampleService) -> None:
    service.says("/a", text("slow down", 429))
    check = Endpoints(paths={"/a": Expectation(status=429)})
    assert the_result(check, a_subject(url=service.url()), a_world()).status is Status.PASS


@pytest.mark.parametrize(
    "answer",
    [
        text("", 403, Retry_After="900"),
        said({"type": PROBLEM}, 403, content_type="application/problem+json"),
        text("", 403, X_RateLimit_Limit="60", X_RateLimit_Remaining="0", X_RateLimit_Reset="3600"),
    ],
)
def test_a_403_that_shows_itself_as_a_limit_is_blocked(service: SampleService, answer: Answer) -> None:
    service.says("/a", answer)
    result = look(service)
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["blocked"], 0)
    assert "CI_OPS_PROBE_KEY" in result.findings[0].advice


@pytest.mark.parametrize(
    "answer",
    [
        text("no", 403),
        said({"detail": "forbidden"}, 403),
        said([], 403, content_type="application/problem+json"),
        text("{", 403, content_type="application/problem+json"),
        said({"type": "about:blank"}, 403, content_type="application/problem+json"),
        text("", 403, X_RateLimit_Limit="60", X_RateLimit_Remaining="5", X_RateLimit_Reset="3600"),
    ],
)
def test_any_other_403_is_the_service_s_own(service: SampleService, answer: Answer) -> None:
    service.says("/a", answer)
    result = look(service)
    assert (result.status, rules_of(result)) == (Status.FAIL, ["status"])
    assert reason_for([result]) == "findings"


def test_a_403_that_this_client_got_before_the_deployment_too_is_blocked(service: SampleService) -> None:
    service.says("/a", text("no", 403))
    assert rules_of(look(service, was_blocked=True)) == ["blocked"]


def test_a_path_that_answered_and_then_refuses_every_new_connection_is_blocked(
    service: SampleService,
) -> None:
    service.says("/a", text("ok"), text("no", 403))
    pace = Pace()
    assert look(service, pace=pace).status is Status.PASS
    result = look(service, pace=pace)
    assert (result.status, rules_of(result)) == (Status.ERROR, ["blocked"])
    before = len(service.asked)
    look(service, pace=pace)
    assert len(service.asked) == before + 1  # what is known is not tried again


def test_a_fleet_of_which_an_instance_answers_403_is_broken_and_not_blocked(service: SampleService) -> None:
    turns = count()
    service.does("/a", lambda _: text("no", 403) if next(turns) % 2 else text("ok"))
    check = Endpoints(paths={"/a": Expectation()}, connections=8, parallel=1)
    result = the_result(check, a_subject(url=service.url()), a_world())
    assert (result.status, rules_of(result)) == (Status.FAIL, ["status"])


def test_a_broken_endpoint_beside_a_throttled_one_still_decides(service: SampleService) -> None:
    service.says("/a", text("", 429))
    service.says("/b", text("boom", 500))
    check = Endpoints(paths={"/a": Expectation(), "/b": Expectation()})
    result = the_result(check, a_subject(url=service.url()), a_world())
    assert (result.status, rules_of(result)) == (Status.FAIL, ["status", "throttled"])
    assert reason_for([result]) == "findings"


def test_a_refusal_beside_an_error_of_another_kind_is_inconclusive(service: SampleService) -> None:
    service.says("/a", text("", 429))
    unknown = Revision().result(Status.ERROR, "No revision.", measured=1)
    assert reason_for([look(service), unknown]) == "inconclusive"


def test_retry_after_is_waited_for_within_the_deadline(service: SampleService) -> None:
    service.says("/a", text("", 429, Retry_After="30"), text("ok"))
    named = Named(name="mine", plugin=Endpoints(paths={"/a": Expectation()}))
    world = a_world()
    (result,) = checked([named], a_subject(url=service.url()), world, deadline_seconds=60.0)
    assert (result.status, result.attempts, len(service.asked)) == (Status.PASS, 1, 2)
    assert isinstance(world.clock, JumpClock)
    assert [each for each in world.clock.waits if each] == [30.0]


def test_a_wait_beyond_the_deadline_is_not_begun(service: SampleService) -> None:
    service.says("/a", text("", 429, Retry_After="900"))
    named = Named(name="mine", plugin=Endpoints(paths={"/a": Expectation()}))
    (result,) = checked([named], a_subject(url=service.url()), a_world(), deadline_seconds=60.0)
    assert (result.status, rules_of(result), len(service.asked)) == (Status.ERROR, ["throttled"], 1)
    assert result.facts["retry_after_seconds"] == 900.0


def test_a_retry_after_of_zero_is_no_loop(service: SampleService) -> None:
    service.says("/a", text("", 429, Retry_After="0"))
    named = Named(name="mine", plugin=Endpoints(paths={"/a": Expectation()}))
    (result,) = checked([named], a_subject(url=service.url()), a_world(), deadline_seconds=5.0)
    assert rules_of(result) == ["throttled"]
    assert len(service.asked) <= 7


def test_what_the_service_allows_is_not_exceeded(service: SampleService) -> None:
    policy = {"RateLimit-Policy": '"q";q=10;w=60', "RateLimit": '"q";r=9;t=60'}
    service.says("/a", Answer(body=b"ok", headers=policy))
    check = Endpoints(paths={"/a": Expectation()}, connections=30, parallel=1)
    result = the_result(check, a_subject(url=service.url(), timeout_seconds=30.0), a_world())
    assert (result.status, rules_of(result)) == (Status.ERROR, ["throttled"])
    assert len(service.asked) == result.measured == 9
    assert "9 requests in 1 m 00 s" in result.findings[0].observed


def test_requests_are_signed_where_there_is_a_key_and_the_key_is_never_shown(service: SampleService) -> None:
    service.does("/a b", lambda asked: said({"headers": dict(asked.headers)}, 500))
    service.does("/a%20b", lambda asked: said({"headers": dict(asked.headers), "key": KEY}, 500))
    world = a_world(CI_OPS_PROBE_KEY=KEY)
    check = Endpoints(paths={"/a%20b?page=2": Expectation(method="GET")})
    result = the_result(check, a_subject(url=service.url()), world)
    (asked,) = service.asked
    given, now = asked.headers[PROBE_HEADER.lower()], world.clock.now().timestamp()
    assert is_signed_probe(KEY.encode(), given, "GET", b"/a b", at_seconds=now)
    assert KEY not in json.dumps(result.to_json())


def test_without_a_key_nothing_is_signed(service: SampleService) -> None:
    service.says("/a", text("ok"))
    look(service)
    assert PROBE_HEADER.lower() not in service.asked[0].headers


def test_a_signature_does_not_leave_the_service(service: SampleService) -> None:
    with sample_service() as other:
        service.says("/a", text("", 302, Location=other.url("/b")))
        other.says("/b", text("ok"))
        check = Endpoints(paths={"/a": Expectation(redirects=1)})
        the_result(check, a_subject(url=service.url()), a_world(CI_OPS_PROBE_KEY=KEY))
    assert PROBE_HEADER.lower() not in other.asked[0].headers


def test_a_signed_probe_that_is_refused_has_another_advice(service: SampleService) -> None:
    service.says("/a", text("", 429))
    world = a_world(CI_OPS_PROBE_KEY=KEY)
    result = the_result(Endpoints(paths={"/a": Expectation()}), a_subject(url=service.url()), world)
    assert "both clocks" in result.findings[0].advice


def test_a_key_that_is_too_short_is_said_and_not_shown(service: SampleService) -> None:
    named = Named(name="mine", plugin=Endpoints(paths={"/a": Expectation()}))
    (result,) = checked([named], a_subject(url=service.url()), a_world(CI_OPS_PROBE_KEY="short"))
    assert result.status is Status.ERROR
    assert "at least 16 characters" in result.sentence
    assert "short" not in json.dumps(result.to_json())
    assert service.asked == []


def test_a_check_of_a_healthy_release_counts_no_refusal(service: SampleService) -> None:
    service.says("/__version__", said({"commit": NEW}))
    result = the_result(Revision(), a_subject(url=service.url()), a_world())
    assert result.status is Status.PASS
    assert "refused" not in result.facts
