from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ci_ops.checks.redirects import Redirects
from ci_ops.checks.redirects.chain import Redirect
from ci_ops.core.health.status import Status
from ci_ops.core.result import Result
from ci_ops.core.text.secret import Secret
from ci_ops.edge.world import RealWorld
from tests.support.certificates import bundle, server_context
from tests.support.checking import (
    a_subject,
    a_world,
    assert_refusals_say_nothing,
    clean_env,
    rules_of,
    the_result,
)
from tests.support.sample_service import Answer, SampleService, sample_service, text

EXAMPLE = Redirects(paths={"/old": Redirect(to="/new"), "/docs": Redirect(to="https://docs.example.com/")})


def to(location: str, status: int = 301) -> Answer:
    return text("", status, **({"Location": location} if location else {}))


def look(service: SampleService, path: str = "/old", **expected: Any) -> Result:
    return look_at(service, {path: Redirect(**{"to": "/new", **expected})})


def look_at(service: SampleService, paths: dict[str, Redirect], **settings: Any) -> Result:
    subject = a_subject(url=service.url("/health", user="robot:pass-word@"), timeout_seconds=2.0)
    return the_result(Redirects(paths=paths, **settings), subject, a_world())


def test_a_redirect_to_where_it_should_lead_passes(service: SampleService) -> None:
    service.says("/old", to("/middle?x=1", 302))
    service.says("/middle", to(service.url("/new?from=old#top"), 308))
    service.says("/new", text("here"))
    result = look(service)
    assert (result.status, result.measured) == (Status.PASS, 1)
    assert result.facts["ends"] == {service.url("/old"): service.url("/new")}
    assert result.sentence == "1 redirect leads where expected."
    assert look(service, to="/new?from=old").status is Status.PASS
    assert rules_of(look(service, to="/new?from=new")) == ["target"]


def test_the_nonce_that_a_server_passes_on_is_no_part_of_the_target(service: SampleService) -> None:
    service.does("/old", lambda asked: to(f"/new?ci-ops={asked.query['ci-ops'][0]}"))
    service.says("/new", text("here"))
    assert look(service).status is Status.PASS


@pytest.mark.parametrize(
    ("answers", "expected", "rule"),
    [
        ({"/old": [text("here")]}, {}, "no-redirect"),
        ({"/old": [text("gone", 404)]}, {}, "no-redirect"),
        ({"/old": [to("/other")], "/other": [text("here")]}, {}, "target"),
        ({"/old": [to("")]}, {}, "target"),
        ({"/old": [to("http://[broken")]}, {}, "target"),
        ({"/old": [to("https://elsewhere.example.com/new")]}, {}, "target"),
        ({"/old": [to("/new")], "/new": [text("gone", 404)]}, {}, "dead-end"),
        ({"/old": [to("/new")], "/new": [text("boom", 500)]}, {}, "dead-end"),
        ({"/old": [to("/a")], "/a": [to("/old")]}, {}, "loop"),
        ({"/old": [to("/old")]}, {}, "loop"),
        ({"/old": [to("/a")], "/a": [to("/new")], "/new": [text("")]}, {"hops": 1}, "too-many-hops"),
        ({"/old": [to("/new", 302)], "/new": [text("")]}, {"status": 301}, "redirect-status"),
    ],
)
@pytest.mark.reports("redirects/{rule}")
def test_a_redirect_that_is_wrong_yields_the_one_rule_it_breaks(
    service: SampleService, answers: dict[str, list[Answer]], expected: dict[str, Any], rule: str
) -> None:
    for path, said in answers.items():
        service.says(path, *said)
    result = look(service, **expected)
    assert (result.status, rules_of(result), result.measured) == (Status.FAIL, [rule], 1)
    assert "pass-word" not in str(result.to_json())


@pytest.mark.reports("redirects/downgrade")
def test_a_redirect_from_https_to_http_fails(tmp_path: Path) -> None:
    with sample_service(context=server_context()) as service:
        service.says("/old", to(f"http://127.0.0.1:{service.port}/new"))
        subject = a_subject(url=service.url(), timeout_seconds=5.0)
        world = RealWorld(env=clean_env(SSL_CERT_FILE=str(bundle(tmp_path))))
        result = the_result(Redirects(paths={"/old": Redirect(to="/new")}), subject, world)
    assert (result.status, rules_of(result)) == (Status.FAIL, ["downgrade"])


def test_another_host_is_not_asked_and_gets_no_credentials(service: SampleService) -> None:
    with sample_service(host="127.0.0.2") as other:
        away = other.url("/new", host="127.0.0.2")
        service.says("/old", to(away))
        headers = {"X-Key": Secret("k3y-that-nobody-sees")}
        assert look_at(service, {"/old": Redirect(to=away)}, send_headers=headers).status is Status.PASS
        assert other.asked == []
        other.says("/", to(service.url("/new")))
        service.says("/new", text("here"))
        apex = other.url("/", host="127.0.0.2")
        assert look_at(service, {apex: Redirect(to="/new")}, send_headers=headers).status is Status.PASS
    assert not {"x-key", "authorization"} & set(other.asked[0].headers)
    assert {"x-key", "authorization"} <= set(service.asked[-1].headers)


@pytest.mark.reports("redirects/gate")
def test_a_sign_in_of_another_host_is_a_gate_unless_it_is_where_visitors_should_end(
    service: SampleService,
) -> None:
    service.says("/old", to("https://sso.example.com/login?client_id=shop", 302))
    result = look(service)
    assert (result.status, rules_of(result)) == (Status.ERROR, ["gate"])
    assert look(service, to="https://sso.example.com/login").status is Status.PASS


@pytest.mark.reports("redirects/unreachable")
def test_a_dead_server_was_not_measured(service: SampleService) -> None:
    with sample_service() as dead:
        pass
    result = look(dead)
    assert (result.status, rules_of(result), result.measured) == (Status.FAIL, ["unreachable"], 0)
    service.says("/old", to(dead.url("/new")))
    partly = look(service)
    assert (partly.status, rules_of(partly)) == (Status.FAIL, ["unreachable"])


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"paths": {}}, "paths"),
        ({"paths": {"old": Redirect(to="/new")}}, "paths"),
        ({"paths": {"//evil.example.com/": Redirect(to="/new")}}, "paths"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        Redirects(**settings)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"to": "new"}, "to"),
        ({"status": 200}, "status"),
        ({"status": (301, 304)}, "status"),
        ({"hops": 0}, "hops"),
    ],
)
def test_a_redirect_that_cannot_be_meant_is_refused(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        Redirect(**{"to": "/new", **settings})


@pytest.mark.reports("redirects/throttled", "redirects/blocked")
def test_a_refusal_of_the_probe_says_nothing_about_the_service(service: SampleService) -> None:
    assert_refusals_say_nothing(EXAMPLE, service)


@pytest.mark.parametrize(("url", "rule"), [("", "url"), ("http://service.invalid", "not-asked")])
@pytest.mark.reports("redirects/{rule}")
def test_an_address_that_leads_nowhere_is_an_error(url: str, rule: str) -> None:
    result = the_result(EXAMPLE, a_subject(url=url), a_world())
    assert (result.status, set(rules_of(result)), result.measured) == (Status.ERROR, {rule}, 0)
