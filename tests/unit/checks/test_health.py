from __future__ import annotations

import json
from typing import Any

import pytest

from ci_ops.checks._http.expect import Latency
from ci_ops.checks.health import Health
from ci_ops.core.errors import Interrupted
from ci_ops.core.health.status import Status
from ci_ops.core.named import Named
from ci_ops.core.result import Result
from ci_ops.core.text.secret import Secret
from ci_ops.edge.clock import StopSignal
from ci_ops.edge.world import RealWorld
from tests.support.checking import (
    a_subject,
    a_world,
    a_world_without_ipv6,
    assert_refusals_say_nothing,
    checked,
    clean_env,
    rules_of,
    the_result,
)
from tests.support.jump_clock import JumpClock
from tests.support.sample_service import (
    RESET,
    SILENCE,
    Answer,
    Asked,
    SampleService,
    said,
    sample_service,
    text,
)

EXAMPLE = Health()

PASS = said({"status": "pass"})
PAGE = Answer(
    body=b'<!doctype html><html><head><title>Shop</title></head><body><div id="root"></div></body></html>',
    headers={"Content-Type": "text/html; charset=utf-8"},
)
TOKEN = "t0ken-that-nobody-sees"


def look(service: SampleService, at: str = "/health", user: str = "", **settings: Any) -> Result:
    settings = {"interval": 0.0, **settings}
    subject = a_subject(url=service.url(at, user=user), timeout_seconds=2.0)
    return the_result(Health(**settings), subject, a_world())


def test_a_service_that_says_pass_three_times_in_a_row_passes(service: SampleService) -> None:
    service.says("/health", said({"status": "ok", "checks": {"database": [{"status": "pass"}]}}))
    result = look(service)
    assert (result.status, result.measured) == (Status.PASS, 3)
    assert result.facts["components"] == {"database": "pass"}
    assert result.facts["said"] == "ok"
    assert "answers with status 200 3 times in a row, in" in result.sentence
    assert len({asked.client_port for asked in service.asked}) == 3


def test_each_request_busts_caches_and_none_has_the_same_query(service: SampleService) -> None:
    service.says("/health", PASS)
    look(service)
    assert len({asked.query["ci-ops"][0] for asked in service.asked}) == 3
    assert {asked.headers["cache-control"] for asked in service.asked} == {"no-cache"}
    service.asked.clear()
    look(service, cache_busting=False)
    assert [asked.query for asked in service.asked] == [{}, {}, {}]


@pytest.mark.parametrize(
    ("document", "status", "rule"),
    [
        pytest.param(
            {"status": "warn"}, Status.WARN, "degraded", marks=pytest.mark.reports("health/degraded")
        ),
        (
            {"status": "degraded", "checks": {"cache": [{"status": "warn", "output": "slow"}]}},
            Status.WARN,
            "degraded",
        ),
        ({"status": "fail"}, Status.FAIL, "unhealthy"),
        ({"status": "ok", "database": "down"}, Status.FAIL, "unhealthy"),
        ({"status": "starting"}, Status.ERROR, "unknown-word"),
        ({"message": "hello"}, Status.ERROR, "unknown-word"),
        ([], Status.ERROR, "unknown-word"),
        ({"status": "pass", "ageSeconds": 12}, Status.FAIL, "aged"),
    ],
)
def test_the_words_of_the_body_decide(
    service: SampleService, document: Any, status: Status, rule: str
) -> None:
    service.says("/health", said(document))
    result = look(service)
    assert (result.status, rules_of(result)) == (status, [rule])
    assert result.transient is not status.is_good


@pytest.mark.parametrize("body", ['{"status": "pass"', '{"status": "pass", "status": "fail"}', "[" * 5000])
@pytest.mark.reports("health/unknown-word")
def test_json_that_cannot_be_read_is_an_error_and_no_pass(service: SampleService, body: str) -> None:
    service.says("/health", text(body))
    assert (look(service).status, rules_of(look(service))) == (Status.ERROR, ["unknown-word"])


@pytest.mark.parametrize(
    ("body", "what"), [("", "empty"), ("pong", "no health document"), ("42", "no health document")]
)
def test_a_body_that_is_no_json_passes_on_its_status_and_says_so(
    service: SampleService, body: str, what: str
) -> None:
    service.says("/health", text(body))
    result = look(service)
    assert result.status is Status.PASS
    assert result.sentence.endswith(f"The body is {what}: the status decided.")
    assert "health_document" not in result.facts


@pytest.mark.reports("health/page")
def test_a_page_of_html_at_the_health_address_is_a_warning_that_names_it(service: SampleService) -> None:
    service.says("/health", PAGE)
    result = look(service)
    assert (result.status, rules_of(result)) == (Status.WARN, ["page"])
    assert 'the index page of a single-page application, "Shop"' in result.sentence
    assert rules_of(look(service, "", path="/health")) == ["page"]


def test_a_page_of_html_fails_where_a_health_document_is_due(service: SampleService) -> None:
    service.says("/health", PAGE)
    assert (look(service, body="health").status, rules_of(look(service, body="health"))) == (
        Status.FAIL,
        ["page"],
    )
    subject = a_subject(url=service.url("/health"), had_health_document=True)
    assert the_result(Health(), subject, a_world()).status is Status.FAIL
    service.says("/health", PASS, PAGE)
    assert (look(service).status, rules_of(look(service))) == (Status.FAIL, ["page"])


def test_a_page_after_a_health_document_of_an_earlier_try_fails(service: SampleService) -> None:
    service.says("/health", said({"status": "fail"}), PAGE)
    check = Named(name="health", plugin=Health(interval=0.0))
    (result,) = checked([check], a_subject(url=service.url("/health")), a_world())
    assert (result.status, rules_of(result)) == (Status.FAIL, ["page"])
    assert result.attempts > 2


@pytest.mark.parametrize(
    "settings", [{"body": "any"}, {"matches": "Shop"}, {"body": "any", "lacks": "Traceback"}]
)
def test_a_page_passes_where_the_user_asks_for_it(service: SampleService, settings: dict[str, Any]) -> None:
    service.says("/health", PAGE)
    assert look(service, **settings).status is Status.PASS


def test_a_gate_in_front_is_an_error_and_never_a_verdict_on_the_service(service: SampleService) -> None:
    service.says("/health", text("Just a moment...", 403, CF_Mitigated="challenge"))
    result = look(service)
    assert (result.status, rules_of(result), result.transient) == (Status.ERROR, ["gate"], False)
    assert "is answered by a challenge of Cloudflare, not by the service." in result.sentence
    service.says("/health", said({"status": "pass"}, X_Amzn_Waf_Action="challenge"))
    assert rules_of(look(service)) == ["gate"]


@pytest.mark.reports("health/gate")
def test_a_gate_ends_the_search_for_the_health_address(service: SampleService) -> None:
    service.says(
        "/health/ready", text("", 302, Location="https://team.cloudflareaccess.com/cdn-cgi/access/login")
    )
    service.says("/", text("hello"))
    result = look(service, "")
    assert (result.status, rules_of(result)) == (Status.ERROR, ["gate"])
    assert "team.cloudflareaccess.com" in result.sentence


def test_a_slash_at_the_end_is_added_or_dropped_with_a_note(service: SampleService) -> None:
    service.does(
        "/health", lambda asked: text("", 301, Location=f"/health/?ci-ops={asked.query['ci-ops'][0]}")
    )
    service.says("/health/", PASS)
    result = look(service)
    assert result.status is Status.PASS
    assert f", after a redirect to {service.url('/health/')}." in result.sentence
    assert {asked.path for asked in service.asked} == {"/health", "/health/"}
    service.says("/up/", text("", 308, Location=service.url("/up")))
    service.says("/up", PASS)
    assert look(service, "/up/").status is Status.PASS


@pytest.mark.parametrize("location", ["/login", "/health//", "https://127.0.0.1/health/", "//other/health/"])
def test_no_other_redirect_is_followed_unasked(service: SampleService, location: str) -> None:
    service.says("/health", text("", 301, Location=location))
    assert (look(service).status, rules_of(look(service))) == (Status.FAIL, ["redirected"])
    assert {asked.path for asked in service.asked} == {"/health"}


def test_a_redirect_to_a_slash_is_not_followed_where_it_is_expected(service: SampleService) -> None:
    service.says("/health", text("", 301, Location="/health/"))
    assert look(service, body="any", status=301).status is Status.PASS


def test_a_slash_that_is_added_and_dropped_for_ever_ends_with_the_second_redirect(
    service: SampleService,
) -> None:
    service.says("/health", text("", 301, Location="/health/"))
    service.says("/health/", text("", 301, Location="/health"))
    assert rules_of(look(service)) == ["redirected"]


@pytest.mark.reports("health/unhealthy")
def test_a_plain_word_counts(service: SampleService) -> None:
    service.says("/health", text("DOWN\n"))
    assert look(service).status is Status.FAIL


def test_the_body_can_be_left_out_of_account(service: SampleService) -> None:
    service.says("/health", said({"status": "running", "queue": {"depth": 3}}))
    assert look(service).status is Status.ERROR
    assert look(service, body="any").status is Status.PASS
    assert rules_of(look(service, body="any", json={"$.queue.depth": {"max": 2}})) == ["json"]


@pytest.mark.reports("health/no-dependencies")
def test_a_body_without_dependencies_can_be_a_warning(service: SampleService) -> None:
    service.says("/health", PASS)
    assert look(service).status is Status.PASS
    result = look(service, require_dependencies=True)
    assert (result.status, rules_of(result)) == (Status.WARN, ["no-dependencies"])
    assert result.sentence == "The health body names no dependency."
    service.says("/health", said({"status": "pass", "checks": {"db": [{"status": "pass"}]}}))
    assert look(service, require_dependencies=True).status is Status.PASS


@pytest.mark.parametrize(
    ("status", "transient"), [(503, True), (500, True), (404, True), (401, False), (501, False)]
)
def test_a_wrong_http_status_fails_and_some_may_pass(
    service: SampleService, status: int, *, transient: bool
) -> None:
    service.says("/health", text("no", status))
    result = look(service)
    assert (result.status, rules_of(result), result.transient) == (Status.FAIL, ["status"], transient)
    assert result.findings[0].observed == f"{status}: no"
    assert result.measured == 1


def test_an_unready_service_is_told_with_the_components_it_names(service: SampleService) -> None:
    components = {
        "database": [{"status": "fail", "output": "connection refused"}],
        "cache": [{"status": "pass"}],
    }
    service.says("/health", said({"status": "fail", "checks": components}, 503))
    result = look(service)
    assert rules_of(result) == ["status"]
    assert result.findings[0].observed == "503: database: fail (connection refused)"


def test_many_broken_components_are_counted(service: SampleService) -> None:
    service.says(
        "/health", said({"status": "fail", "checks": {f"c{n}": {"status": "fail"} for n in range(9)}})
    )
    assert look(service).findings[0].observed.endswith(", and 4 more")


def test_another_status_can_be_the_right_one(service: SampleService) -> None:
    service.says("/health", text("", 204))
    assert look(service, status=204).status is Status.PASS
    assert look(service, status=(200, 202)).findings[0].expected == "200, 202"


@pytest.mark.reports("health/redirected")
def test_a_redirect_fails_unless_it_may_be_followed(service: SampleService) -> None:
    service.says("/health", text("", 302, Location="/login"))
    service.says("/login", PASS)
    result = look(service)
    assert (rules_of(result), result.transient) == (["redirected"], False)
    assert result.findings[0].observed == "302 to /login"
    followed = look(service, redirects=1)
    assert followed.status is Status.PASS
    assert str(followed.facts["final_url"]).endswith("/login")


@pytest.mark.parametrize(
    "headers",
    [
        {"Age": "7"},
        {"Age": "7, 9"},
        {"X-Cache": "MISS, HIT"},
        {"CF-Cache-Status": "STALE"},
        {"X-Cache": "TCP_HIT from a1"},
        {"Cache-Status": "edge; hit; ttl=30"},
    ],
)
@pytest.mark.reports("health/aged")
def test_an_answer_from_a_cache_proves_nothing(service: SampleService, headers: dict[str, str]) -> None:
    service.says("/health", Answer(body=b'{"status": "pass"}', headers=headers))
    result = look(service)
    assert (result.status, rules_of(result), result.transient) == (Status.FAIL, ["aged"], True)
    assert look(service, max_age=10.0).status is Status.PASS


@pytest.mark.parametrize(
    "headers", [{"Age": "0"}, {"Age": "soon"}, {"X-Cache": "MISS"}, {"X-Cache": "HIT-FOR-PASS"}]
)
def test_a_cache_that_let_the_request_through_is_no_finding(
    service: SampleService, headers: dict[str, str]
) -> None:
    service.says("/health", Answer(body=b'{"status": "pass"}', headers=headers))
    assert look(service).status is Status.PASS


@pytest.mark.reports("health/slow")
def test_slow_answers_warn_and_fail_at_their_limits(service: SampleService) -> None:
    service.says("/health", Answer(body=b"ok", seconds=0.05))
    assert look(service, latency=Latency(warn=10.0, fail=20.0)).status is Status.PASS
    warned = look(service, latency=Latency(warn=0.02, fail=20.0))
    assert (warned.status, rules_of(warned)) == (Status.WARN, ["slow"])
    failed = look(service, latency=Latency(warn=0.01, fail=0.02))
    assert (failed.status, failed.transient, failed.measured) == (Status.FAIL, True, 1)


def test_one_bad_answer_among_good_ones_fails(service: SampleService) -> None:
    service.says("/health", PASS, PASS, text("", 503))
    result = look(service)
    assert (result.status, result.measured) == (Status.FAIL, 3)


@pytest.mark.reports("health/header", "health/body")
def test_assertions_on_json_headers_and_text_must_hold(service: SampleService) -> None:
    service.says(
        "/health", said({"status": "ok", "version": "2.1", "queue": 5}, X_App="shop", Server="nginx")
    )
    good: dict[str, Any] = {
        "$.version": {"matches": "^2"},
        "$.queue": {"max": 5},
        "$.error": {"exists": False},
    }
    assert (
        look(service, json=good, headers={"X-App": "shop"}, matches="version", lacks="Traceback").findings
        == ()
    )
    result = look(
        service,
        json={"$.queue": {"max": 4}},
        headers={"server": {"exists": False}},
        matches="^never$",
        lacks="queue",
    )
    assert sorted(rules_of(result)) == ["body", "body", "header", "json"]
    wrong = next(finding for finding in result.findings if finding.rule == "health/json")
    assert (wrong.expected, wrong.observed) == ("$.queue: at most 4", "5")


@pytest.mark.reports("health/json")
def test_assertions_on_a_body_that_is_no_json_are_an_error(service: SampleService) -> None:
    service.says("/health", text("pong"))
    result = look(service, json={"$.status": "ok"})
    assert (result.status, rules_of(result)) == (Status.ERROR, ["json"])


@pytest.mark.parametrize(("status", "kind"), [(RESET, "closed"), (SILENCE, "did not finish")])
@pytest.mark.reports("health/unreachable")
def test_a_service_that_does_not_answer_fails(service: SampleService, status: int, kind: str) -> None:
    service.says("/health", Answer(status=status))
    subject = a_subject(url=service.url("/health"), timeout_seconds=0.2)
    result = the_result(Health(), subject, a_world())
    assert (result.status, rules_of(result), result.transient) == (Status.FAIL, ["unreachable"], True)
    assert result.measured == 0
    assert result.findings[0].observed


@pytest.mark.reports("health/not-asked")
def test_a_dead_port_fails_and_an_unknown_name_is_an_error() -> None:
    with sample_service() as service:
        dead = service.url("/health")
    result = the_result(Health(), a_subject(url=dead), a_world())
    assert (result.status, rules_of(result), result.transient) == (Status.FAIL, ["unreachable"], True)
    unknown = the_result(Health(), a_subject(url="http://shop.invalid/health"), a_world())
    assert (unknown.status, rules_of(unknown), unknown.measured) == (Status.ERROR, ["not-asked"], 0)


@pytest.mark.parametrize("url", ["", "shop.example.com", "https://shop example"])
@pytest.mark.reports("health/url")
def test_an_unusable_address_is_an_error(url: str) -> None:
    result = the_result(Health(), a_subject(url=url), a_world())
    assert (result.status, rules_of(result), result.transient) == (Status.ERROR, ["url"], False)


def test_without_a_path_the_first_usual_address_that_answers_is_used_and_named(
    service: SampleService,
) -> None:
    service.says("/health", PASS)
    service.says("/", text("hello"))
    result = look(service, "")
    assert result.status is Status.PASS
    assert result.facts["url"] == service.url("/health")
    assert service.paths() == ["/health/ready", "/healthz", "/health"] + ["/health"] * 3


def test_only_the_front_page_answering_is_a_shallow_warning(service: SampleService) -> None:
    service.says("/", said({"Hello": "World"}))
    result = look(service, "/")
    assert (result.status, rules_of(result)) == (Status.WARN, ["shallow"])
    assert service.url("/") in result.sentence


@pytest.mark.reports("health/shallow")
def test_a_page_of_html_at_a_health_path_is_as_shallow_as_the_front_page(service: SampleService) -> None:
    page = Answer(body=b"<!doctype html>", headers={"Content-Type": "text/html; charset=utf-8"})
    for path in ("/health/ready", "/healthz", "/health", "/__heartbeat__", "/up", "/"):
        service.says(path, page)
    result = look(service, "")
    assert (result.status, rules_of(result)) == (Status.WARN, ["shallow"])
    service.says("/up", text("ok"))
    assert look(service, "").facts["url"] == service.url("/up")


@pytest.mark.reports("health/status")
def test_a_health_address_that_says_no_is_not_passed_over_for_the_front_page(service: SampleService) -> None:
    service.says("/health/ready", text("not ready", 503))
    service.says("/", text("hello"))
    result = look(service, "")
    assert (result.status, rules_of(result)) == (Status.FAIL, ["status"])


@pytest.mark.reports("health/not-found")
def test_a_service_without_any_usual_address_is_an_error_with_the_way_out(service: SampleService) -> None:
    service.says("/", text("", 302, Location="/login"))
    result = look(service, "")
    assert (result.status, rules_of(result), result.transient) == (Status.ERROR, ["not-found"], True)
    assert "Name the health address" in result.findings[0].advice


def test_the_path_can_be_configured_beside_an_address_without_one(service: SampleService) -> None:
    service.says("/status", PASS)
    result = look(service, "", path="/status", successes=1)
    assert (result.status, service.paths()) == (Status.PASS, ["/status"])


def test_credentials_are_sent_and_never_shown(service: SampleService) -> None:
    def echo(asked: Asked) -> Answer:
        return said({"status": "fail", "output": asked.headers["authorization"], "x": TOKEN}, 503)

    service.does("/health", echo)
    by_header = look(service, send_headers={"Authorization": Secret(f"Bearer {TOKEN}")})
    by_user = look(service, user=f"robot:{TOKEN}@")
    for result in (by_header, by_user):
        assert result.status is Status.FAIL
        assert TOKEN not in json.dumps(result.to_json())
    assert service.asked[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert service.asked[-1].headers["authorization"].startswith("Basic ")
    assert service.asked[-1].headers["authorization"].removeprefix("Basic ") not in json.dumps(
        by_user.to_json()
    )


def test_a_hostile_body_becomes_one_bounded_line(service: SampleService) -> None:
    service.says("/health", text("\x1b[31m::error::\u202e" + "a-" * 200_000, 500))
    observed = look(service).findings[0].observed
    assert len(observed) <= 500
    assert "\x1b" not in observed
    assert "\u202e" not in observed


def test_it_waits_between_good_answers_and_a_stop_request_ends_that(service: SampleService) -> None:
    service.says("/health", PASS)
    world = a_world()
    the_result(Health(successes=4, interval=0.5), a_subject(url=service.url("/health")), world)
    assert isinstance(world.clock, JumpClock)
    assert world.clock.waits == [0.5, 0.5, 0.5]
    stop = StopSignal()

    def stopping(asked: Asked) -> Answer:
        stop.request(2)
        return PASS

    service.does("/health", stopping)
    with pytest.raises(Interrupted):
        the_result(
            Health(interval=60.0),
            a_subject(url=service.url("/health")),
            RealWorld(env=clean_env(), stop=stop),
        )


def test_a_service_that_comes_up_late_passes_within_the_deadline(service: SampleService) -> None:
    service.says("/health", text("", 502), text("", 503), PASS)
    check = Named(name="health", plugin=Health(interval=0.0))
    (result,) = checked([check], a_subject(url=service.url("/health")), a_world())
    assert (result.status, result.attempts) == (Status.PASS, 3)


def test_the_number_of_repetitions_can_be_limited(service: SampleService) -> None:
    service.says("/health", text("", 503))
    check = Named(name="health", plugin=Health(max_retries=2))
    (result,) = checked([check], a_subject(url=service.url("/health")), a_world(), deadline_seconds=1000.0)
    assert (result.status, result.attempts, len(service.asked)) == (Status.FAIL, 3, 3)


@pytest.mark.parametrize(("status", "waited"), [(503, 7.0), (429, 7.0), (500, 1.0)])
def test_a_service_that_asks_to_wait_is_waited_for(
    service: SampleService, status: int, waited: float
) -> None:
    service.says("/health", text("", status, Retry_After="7"), PASS)
    world = a_world()
    checked([Named(name="health", plugin=Health(interval=0.0))], a_subject(url=service.url("/health")), world)
    assert isinstance(world.clock, JumpClock)
    assert next(wait for wait in world.clock.waits if wait) == waited


@pytest.mark.usefixtures("shop_test")
def test_every_address_of_the_name_is_asked_and_the_broken_one_is_named(service: SampleService) -> None:
    service.says("/health", PASS)
    with sample_service(host="127.0.0.2", port=service.port) as other:
        other.says("/health", PASS)
        url = service.url("/health", host="shop.test")
        check = Health(successes=1, interval=0.0)
        result = the_result(check, a_subject(url=url), a_world())
        assert result.status is Status.WARN  # http beyond this machine
        assert rules_of(result) == ["unencrypted"]
        assert (len(service.asked), len(other.asked)) == (1, 1)
        assert other.asked[0].headers["host"] == f"shop.test:{service.port}"
        other.says("/health", text("old", 503))
        result = the_result(check, a_subject(url=url), a_world())
        assert (result.status, result.measured) == (Status.FAIL, 2)
        assert result.findings[0].observed == "503: old at 127.0.0.2"
    result = the_result(check, a_subject(url=url), a_world())
    assert (result.status, rules_of(result)) == (Status.FAIL, ["unreachable", "unencrypted"])


@pytest.mark.usefixtures("shop_test")
def test_an_ipv6_address_without_a_way_to_it_says_nothing_about_the_service(service: SampleService) -> None:
    service.says("/health", PASS)
    subject = a_subject(url=service.url("/health", host="shop.test"))
    result = the_result(Health(interval=0.0), subject, a_world_without_ipv6("127.0.0.1", "2001:db8::1"))
    assert (result.status, result.measured) == (Status.WARN, 3)
    assert rules_of(result) == ["unencrypted"]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"successes": 0}, "successes"),
        ({"max_retries": -1}, "max-retries"),
        ({"status": 99}, "status"),
        ({"json": {"status": 1}}, "json"),
        ({"headers": {"server": {"like": 1}}}, "headers"),
        ({"matches": "("}, "matches"),
        ({"lacks": "("}, "lacks"),
        ({"redirects": 99}, "redirects"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_by_their_name(
    settings: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        Health(**settings)


@pytest.mark.usefixtures("shop_test")
@pytest.mark.reports("health/unencrypted")
def test_a_name_that_resolves_only_sometimes_is_asked_as_it_comes(service: SampleService) -> None:
    service.says("/health", PASS)
    world = a_world_without_ipv6()
    result = the_result(Health(interval=0.0), a_subject(url=service.url("/health", host="shop.test")), world)
    assert (result.status, result.measured) == (Status.WARN, 3)


@pytest.mark.reports("health/throttled", "health/blocked")
def test_a_refusal_of_the_probe_says_nothing_about_the_service(service: SampleService) -> None:
    assert_refusals_say_nothing(EXAMPLE, service)
