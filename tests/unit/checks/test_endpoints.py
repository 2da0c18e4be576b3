from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from ci_ops.checks._http.expect import Expectation, Latency
from ci_ops.checks.endpoints import Endpoints
from ci_ops.core.health.status import Status
from ci_ops.core.named import Named
from ci_ops.core.result import Result
from ci_ops.core.text.secret import Secret
from tests.support.checking import (
    a_subject,
    a_world,
    assert_refusals_say_nothing,
    checked,
    rules_of,
    the_result,
)
from tests.support.sample_service import RESET, Answer, Asked, SampleService, said, sample_service, text

EXAMPLE = Endpoints(paths={"/orders": Expectation(json={"$.status": "never"}), "/login": Expectation()})

GOOD = Expectation()


def look(service: SampleService, paths: dict[str, Expectation], **settings: Any) -> Result:
    subject = a_subject(url=service.url("/health/ready"), timeout_seconds=2.0)
    return the_result(Endpoints(paths=paths, **settings), subject, a_world())


def test_paths_that_answer_as_expected_pass(service: SampleService) -> None:
    service.says("/orders", said({"items": []}))
    service.says("/login", text("", 302, Location="/sso"))
    service.says("/ping", text("pong"))
    result = look(
        service,
        {
            "/orders?page=2": Expectation(json={"$.items": {"exists": True}}),
            "/login": Expectation(status=302),
            "/ping": Expectation(matches="^pong$"),
        },
    )
    assert (result.status, result.measured) == (Status.PASS, 3)
    assert result.sentence.startswith("All 3 endpoints answer as expected, the slowest in ")
    assert service.asked[0].query.get("page", ["2"]) == ["2"]
    assert set(result.facts["slowest"]) == {"/orders", "/login", "/ping"}


@pytest.mark.reports("endpoints/slow")
def test_every_broken_endpoint_is_a_finding_of_its_own(service: SampleService) -> None:
    service.says("/a", text("ok"))
    service.says("/b", text("boom", 500))
    service.says("/c", Answer(status=RESET))
    service.says("/d", text("slow"), text("slow"))
    result = look(
        service,
        {"/a": GOOD, "/b": GOOD, "/c": GOOD, "/d": Expectation(latency=Latency(warn=0.000001))},
    )
    assert result.status is Status.FAIL
    assert sorted(rules_of(result)) == ["slow", "status", "unreachable"]
    assert {finding.subject for finding in result.findings} == {
        service.url(path) for path in ("/b", "/c", "/d")
    }
    assert result.measured == 3
    assert result.transient


@pytest.mark.reports("endpoints/status")
def test_a_finding_that_is_there_to_stay_settles_the_check(service: SampleService) -> None:
    service.says("/a", text("no", 403))
    service.says("/b", text("no", 503))
    assert not look(service, {"/a": GOOD, "/b": GOOD}).transient


def test_the_method_is_sent_and_a_head_answer_needs_no_body(service: SampleService) -> None:
    service.says("/a", text("ok"))
    assert look(service, {"/a": Expectation(method="HEAD")}).status is Status.PASS
    assert service.asked[0].method == "HEAD"


def test_as_many_are_asked_at_once_as_the_user_says(service: SampleService) -> None:
    together = threading.Barrier(8, timeout=5)

    def meet(asked: Asked) -> Answer:
        together.wait()
        return text(asked.path)

    paths = {f"/{number}": GOOD for number in range(16)}
    for path in paths:
        service.does(path, meet)
    assert look(service, paths, parallel=8).status is Status.PASS


@pytest.mark.reports("endpoints/json")
def test_headers_and_credentials_are_sent_to_every_path_and_never_shown(service: SampleService) -> None:
    service.does(
        "/a", lambda asked: said({"echo": asked.headers["x-api-key"], "user": asked.headers["authorization"]})
    )
    subject = a_subject(url=service.url("/", user="robot:pass-word-of-robot@"))
    check = Endpoints(
        paths={"/a": Expectation(json={"$.echo": "other", "$.user": "other"})},
        send_headers={"X-Api-Key": Secret("k3y-that-nobody-sees")},
    )
    result = the_result(check, subject, a_world())
    assert rules_of(result) == ["json", "json"]
    told = json.dumps(result.to_json())
    assert "k3y-that" not in told
    assert "pass-word-of-robot" not in told
    assert service.asked[0].headers["authorization"].removeprefix("Basic ") not in told


def test_cache_busting_can_be_left_out(service: SampleService) -> None:
    service.says("/a", text("ok"))
    look(service, {"/a": GOOD}, cache_busting=False)
    look(service, {"/a": GOOD})
    assert [list(asked.query) for asked in service.asked] == [[], ["ci-ops"]]


@pytest.mark.reports("endpoints/redirected", "endpoints/header", "endpoints/body", "endpoints/gate")
def test_what_an_answer_has_to_be_is_held_against_each_path(service: SampleService) -> None:
    service.says("/moved", text("", 301, Location="/elsewhere"))
    service.says("/kind", said({}))
    service.says("/words", text("We are closed."))
    service.says("/gated", text("", 302, Location="https://id.example/login?client_id=shop"))
    result = look(
        service,
        {
            "/moved": GOOD,
            "/kind": Expectation(headers={"content-type": "text/html"}),
            "/words": Expectation(matches="open"),
            "/gated": GOOD,
        },
    )
    assert sorted(rules_of(result)) == ["body", "gate", "header", "redirected"]
    assert (result.status, result.measured) == (Status.FAIL, 4)


@pytest.mark.reports("endpoints/not-asked")
def test_a_name_that_cannot_be_looked_up_is_an_error() -> None:
    result = the_result(Endpoints(paths={"/a": GOOD}), a_subject(url="http://service.invalid"), a_world())
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["not-asked"], 0)


@pytest.mark.reports("endpoints/aged")
def test_a_cached_page_is_good_where_that_is_allowed(service: SampleService) -> None:
    service.says("/a", text("ok", Age="30"))
    assert rules_of(look(service, {"/a": GOOD})) == ["aged"]
    assert look(service, {"/a": Expectation(max_age=60.0)}).status is Status.PASS


@pytest.mark.reports("endpoints/url", "endpoints/unreachable")
def test_a_dead_server_gives_one_finding_per_path_and_an_unusable_address_an_error() -> None:
    with sample_service() as service:
        dead = service
    result = look(dead, {"/a": GOOD, "/b": GOOD})
    assert (result.status, rules_of(result), result.measured) == (Status.FAIL, ["unreachable"] * 2, 0)
    result = the_result(Endpoints(paths={"/a": GOOD}), a_subject(), a_world())
    assert (result.status, rules_of(result)) == (Status.ERROR, ["url"])


def test_endpoints_are_asked_again_until_all_are_good(service: SampleService) -> None:
    service.says("/a", text("", 503), text("ok"))
    check = Named(name="endpoints", plugin=Endpoints(paths={"/a": GOOD}))
    (result,) = checked([check], a_subject(url=service.url()), a_world())
    assert (result.status, result.attempts) == (Status.PASS, 2)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"paths": {}}, "paths"),
        ({"paths": {"orders": GOOD}}, "paths"),
        ({"paths": {"//evil.example.com/": GOOD}}, "paths"),
        ({"paths": {"/a": GOOD}, "parallel": 0}, "parallel"),
        ({"paths": {"/a": GOOD}, "parallel": 1000}, "parallel"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_by_their_name(
    settings: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        Endpoints(**settings)


def test_many_connections_find_a_fleet_that_is_partly_broken(service: SampleService) -> None:
    service.says("/orders", *[text("boom", 500), text("fine")] * 3)
    result = look(service, {"/orders": GOOD}, connections=6)
    (finding,) = result.findings
    assert finding.sentence.endswith("/orders answers 500, on 3 of 6 new connections.")
    assert result.measured == 6
    with pytest.raises(ValueError, match="connections"):
        Endpoints(paths={"/": GOOD}, connections=0)


def test_an_asset_of_another_host_is_asked_without_credentials(service: SampleService) -> None:
    with sample_service(host="127.0.0.2") as cdn:
        asset = cdn.url("/app.js", host="127.0.0.2")
        cdn.says("/app.js", text("x", Cache_Control="public, max-age=31536000, immutable", Age="60"))
        immutable = Expectation(headers={"cache-control": {"matches": "immutable"}}, max_age=3600.0)
        service.says("/a", text("ok"))
        subject = a_subject(url=service.url(user="robot:pass-word@"), timeout_seconds=2.0)
        headers = {"X-Key": Secret("k3y-that-nobody-sees")}
        check = Endpoints(paths={asset: immutable, service.url("/a"): GOOD}, send_headers=headers)
        assert the_result(check, subject, a_world()).status is Status.PASS
        cdn.says("/app.js", text("x", Cache_Control="no-store"))
        assert rules_of(the_result(check, subject, a_world())) == ["header"]
    assert not {"x-key", "authorization"} & set(cdn.asked[0].headers)
    assert "x-key" in service.asked[0].headers


@pytest.mark.reports("endpoints/throttled", "endpoints/blocked")
def test_a_refusal_of_the_probe_says_nothing_about_the_service(service: SampleService) -> None:
    assert_refusals_say_nothing(EXAMPLE, service)
