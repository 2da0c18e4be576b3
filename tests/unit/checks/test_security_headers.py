from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ci_ops.checks.security_headers import SecurityHeaders
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

EXAMPLE = SecurityHeaders()

PAGE = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=()",
    "Server": "nginx",
}
DATA = {
    "Content-Type": "application/json",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def look(service: SampleService, **settings: Any) -> Result:
    subject = a_subject(url=service.url("/health/ready"), timeout_seconds=2.0)
    return the_result(SecurityHeaders(**settings), subject, a_world())


def page(**changes: str | None) -> Answer:
    return _answer(PAGE, changes)


def _answer(headers: dict[str, str], changes: dict[str, str | None]) -> Answer:
    named = {name.replace("_", "-"): value for name, value in changes.items()}
    kept = {name: value for name, value in {**headers, **named}.items() if value is not None}
    return Answer(body=b"{}", headers=kept)


def test_answers_with_every_header_pass(service: SampleService) -> None:
    service.says("/", page())
    service.says("/api", _answer(DATA, {}))
    result = look(service, paths=("/", "/api"))
    assert (result.status, result.measured, rules_of(result)) == (Status.PASS, 2, [])
    assert result.facts["answers"] == {service.url("/"): "html", service.url("/api"): "data"}


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        ({"Content_Security_Policy": None}, ["content-security-policy", "framing"]),
        ({"Content_Security_Policy": None, "X_Frame_Options": "DENY"}, ["content-security-policy"]),
        ({"Content_Security_Policy": "frame-ancestors 'none'"}, ["content-security-policy"]),
        ({"Content_Security_Policy": "script-src *; frame-ancestors 'self'"}, ["content-security-policy"]),
        (
            {"Content_Security_Policy": "default-src 'self' 'unsafe-inline'; frame-ancestors 'self'"},
            ["content-security-policy"],
        ),
        ({"Content_Security_Policy": "script-src 'nonce-x' 'unsafe-inline'; frame-ancestors 'self'"}, []),
        ({"Content_Security_Policy": "frame-ancestors 'none', script-src 'self'"}, []),
        ({"Content_Security_Policy": "script-src 'self'; script-src *; frame-ancestors 'none'"}, []),
        ({"Content_Security_Policy": "default-src 'self'; frame-ancestors *"}, ["framing"]),
        (
            {"Content_Security_Policy": "default-src 'self'; frame-ancestors *", "X_Frame_Options": "DENY"},
            ["framing"],
        ),
        ({"Content_Security_Policy": "default-src 'self'", "X_Frame_Options": "ALLOW-FROM x"}, ["framing"]),
        ({"Content_Security_Policy": "default-src 'self'", "X_Frame_Options": "SAMEORIGIN"}, []),
        ({"X_Content_Type_Options": None}, ["content-type-options"]),
        ({"X_Content_Type_Options": "sniff"}, ["content-type-options"]),
        ({"Referrer_Policy": None}, ["referrer-policy"]),
        ({"Referrer_Policy": "no-referrer, unsafe-url"}, ["referrer-policy"]),
        ({"Referrer_Policy": "no-referrer, a-word-of-2030"}, []),
        ({"Cross_Origin_Opener_Policy": "unsafe-none"}, ["opener-policy"]),
        ({"Permissions_Policy": None}, ["permissions-policy"]),
        ({"X_XSS_Protection": "1; mode=block"}, ["xss-protection"]),
        ({"X_XSS_Protection": "0"}, []),
        ({"Server": "nginx/1.22.1"}, ["revealing"]),
        ({"X_Powered_By": "Express"}, ["revealing"]),
        ({"Strict_Transport_Security": "max-age=1"}, ["hsts-over-http"]),
    ],
)
@pytest.mark.reports("security-headers/{rules}")
def test_a_page_without_a_header_yields_that_rule_alone(
    service: SampleService, changes: dict[str, str | None], rules: list[str]
) -> None:
    service.says("/", page(**changes))
    result = look(service)
    assert sorted(rules_of(result)) == sorted(rules)
    assert result.status is (Status.WARN if rules else Status.PASS)


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        ({"Content_Security_Policy": None}, ["framing"]),
        ({"Cross_Origin_Resource_Policy": None}, ["resource-policy"]),
        ({"Cross_Origin_Resource_Policy": "cross-origin"}, []),
        ({"Cache_Control": None}, ["cacheable"]),
        ({"Cache_Control": "private, max-age=60"}, ["cacheable"]),
    ],
)
@pytest.mark.reports("security-headers/{rules}")
def test_an_answer_for_programs_needs_fewer_and_no_cache_where_credentials_are_sent(
    service: SampleService, changes: dict[str, str | None], rules: list[str]
) -> None:
    service.says("/api", _answer(DATA, changes))
    result = look(service, paths=("/api",), send_headers={"Authorization": Secret("Bearer abc-def-123456")})
    assert rules_of(result) == rules
    without = look(service, paths=("/api",))
    assert rules_of(without) == [rule for rule in rules if rule != "cacheable"]


def test_a_policy_that_only_reports_is_told_apart(service: SampleService) -> None:
    report_only = {
        "Content_Security_Policy": None,
        "Content_Security_Policy_Report_Only": "default-src 'self'",
    }
    service.says("/", page(**report_only, X_Frame_Options="DENY"))
    result = look(service)
    assert result.sentence.endswith("sends a Content-Security-Policy that only reports.")
    assert result.findings[0].observed == "content-security-policy-report-only: default-src 'self'"


def test_strict_transport_security_belongs_on_https(tmp_path: Path) -> None:
    with sample_service(context=server_context()) as service:
        service.says("/", page(Strict_Transport_Security="max-age=31536000"))
        subject = a_subject(url=service.url(), timeout_seconds=5.0)
        world = RealWorld(env=clean_env(SSL_CERT_FILE=str(bundle(tmp_path))))
        assert the_result(SecurityHeaders(), subject, world).status is Status.PASS


@pytest.mark.reports("security-headers/elsewhere")
def test_redirects_of_the_service_are_followed_and_those_to_another_host_are_no_answer(
    service: SampleService,
) -> None:
    service.says("/", text("", 302, Location="/start"))
    service.says("/start", page())
    assert look(service).status is Status.PASS
    with sample_service(host="127.0.0.2") as other:
        other.says("/", page())
        service.says("/", text("", 302, Location=other.url("/", host="127.0.0.2")))
        result = look(service)
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["elsewhere"], 0)


@pytest.mark.parametrize(
    ("answer", "status", "rule"),
    [
        (text("no", 404), Status.FAIL, "status"),
        (text("no", 503), Status.FAIL, "status"),
        (page(Age="30"), Status.FAIL, "aged"),
        (page(CF_Mitigated="challenge"), Status.ERROR, "gate"),
    ],
)
@pytest.mark.reports("security-headers/{rule}")
def test_an_answer_that_is_not_the_page_is_not_examined(
    service: SampleService, answer: Answer, status: Status, rule: str
) -> None:
    service.says("/", answer)
    result = look(service)
    assert (result.status, rules_of(result), result.measured) == (status, [rule], 0)


@pytest.mark.reports("security-headers/unreachable")
def test_a_dead_server_was_not_examined_and_nothing_to_examine_is_refused() -> None:
    with sample_service() as dead:
        pass
    result = look(dead)
    assert (result.status, rules_of(result), result.measured) == (Status.FAIL, ["unreachable"], 0)
    for paths in ((), ("start",), ("//evil.example.com/",)):
        with pytest.raises(ValueError, match=r"^paths: "):
            SecurityHeaders(paths=paths)


@pytest.mark.reports("security-headers/throttled", "security-headers/blocked")
def test_a_refusal_of_the_probe_says_nothing_about_the_service(service: SampleService) -> None:
    assert_refusals_say_nothing(EXAMPLE, service)


@pytest.mark.parametrize(("url", "rule"), [("", "url"), ("http://service.invalid", "not-asked")])
@pytest.mark.reports("security-headers/{rule}")
def test_an_address_that_leads_nowhere_is_an_error(url: str, rule: str) -> None:
    result = the_result(EXAMPLE, a_subject(url=url), a_world())
    assert (result.status, set(rules_of(result)), result.measured) == (Status.ERROR, {rule}, 0)


@pytest.mark.reports("security-headers/redirected")
def test_a_redirect_that_names_no_address_is_not_examined(service: SampleService) -> None:
    service.says("/", text("", 301))
    result = look(service)
    assert (result.status, rules_of(result), result.measured) == (Status.FAIL, ["redirected"], 0)
