from __future__ import annotations

from typing import Any

import pytest

from ci_ops.checks._http.expect import Expectation
from ci_ops.checks._http.gate import gate_of
from ci_ops.checks.endpoints import Endpoints
from ci_ops.checks.revision import Revision
from ci_ops.core.health.status import Status
from ci_ops.core.ports.http import Response
from tests.support.checking import a_subject, a_world, rules_of, the_result
from tests.support.sample_service import Answer, SampleService, said, text

CHALLENGE = text("Just a moment...", 403, CF_Mitigated="challenge")


def answer(status: int = 200, body: str = "", redirects: tuple[str, ...] = (), **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(
        status=status,
        headers=named,
        body=body.encode(),
        seconds=0.0,
        url="https://shop.example/health" if not redirects else named.pop("at"),
        redirects=redirects,
    )


@pytest.mark.parametrize(
    ("given", "who"),
    [
        ({"status": 403, "cf_mitigated": "challenge"}, "Cloudflare"),
        ({"status": 200, "cf_mitigated": "challenge"}, "Cloudflare"),
        ({"status": 202, "x_amzn_waf_action": "challenge"}, "AWS WAF"),
        ({"status": 405, "x_amzn_waf_action": "captcha"}, "AWS WAF"),
        ({"status": 429, "x_vercel_mitigated": "challenge"}, "Vercel"),
        ({"status": 401, "set_cookie": "_vercel_sso_nonce=abc; Path=/"}, "Vercel"),
        ({"status": 302, "x_goog_iap_generated_response": "true"}, "Identity-Aware"),
        ({"status": 403, "www_authenticate": "Cloudflare-Access resource_metadata=x"}, "Cloudflare Access"),
        ({"status": 403, "x_datadome": "protected"}, "DataDome"),
        ({"status": 403, "body": "error code: 1020"}, "the firewall of Cloudflare"),
        ({"status": 403, "body": "<div id='cf-error-details'>"}, "Cloudflare"),
        (
            {"status": 403, "body": "<iframe>Request unsuccessful. Incapsula incident ID: 7-1</iframe>"},
            "Imperva",
        ),
        (
            {"status": 403, "body": "<TITLE>Access Denied</TITLE><p>Reference&#32;&#35;18&#46;2f"},
            "Akamai",
        ),
        ({"status": 464}, "load balancer"),
        ({"status": 561}, "load balancer"),
        ({"status": 511}, "captive network"),
        ({"status": 302, "location": "/cdn-cgi/access/login/shop"}, "access gate"),
        ({"status": 302, "location": "/oauth2/start?rd=%2Fhealth"}, "access gate"),
        ({"status": 302, "location": "https://sso.example/realms/x?client_id=shop"}, "sso.example"),
        ({"status": 303, "location": "https://team.example/login?next=%2F"}, "team.example"),
        ({"status": 302, "location": "https://login.example/x"}, "login.example"),
        (
            {"status": 200, "redirects": ("https://shop.example/a",), "at": "https://id.example/login"},
            "id.example",
        ),
    ],
)
def test_what_answers_in_the_place_of_the_service_is_named(given: dict[str, Any], who: str) -> None:
    assert who in gate_of(answer(**given))


@pytest.mark.parametrize(
    "given",
    [
        {"status": 200, "body": '{"status": "pass"}', "cf_ray": "8a1", "server": "cloudflare"},
        {"status": 200, "x_datadome": "protected"},
        {"status": 403, "body": '{"detail": "forbidden"}'},
        {"status": 429, "body": "slow down"},
        {"status": 503, "body": "error code: none"},
        {"status": 521, "server": "cloudflare"},
        {"status": 302, "location": "/login?next=/health"},
        {"status": 301, "location": "https://www.shop.example/health"},
        {"status": 302, "location": "https://authors.example/oauthors"},
        {"status": 302, "location": "http://[bad"},
        {"status": 302},
        {"status": 200, "location": "https://login.example/"},
        {"status": 200, "redirects": ("https://shop.example/a",), "at": "https://shop.example/login"},
    ],
)
def test_an_answer_of_the_service_s_own_is_none_of_a_gate(given: dict[str, Any]) -> None:
    assert gate_of(answer(**given)) == ""


def test_endpoints_behind_a_gate_are_an_error_unless_the_redirect_is_expected(service: SampleService) -> None:
    subject = a_subject(url=service.url())
    service.says("/admin", text("", 302, Location="https://id.example/login?client_id=shop"))
    result = the_result(Endpoints(paths={"/admin": Expectation()}), subject, a_world())
    assert (result.status, rules_of(result)) == (Status.ERROR, ["gate"])
    result = the_result(Endpoints(paths={"/admin": Expectation(status=302)}), subject, a_world())
    assert result.status is Status.PASS
    service.says("/admin", CHALLENGE)
    result = the_result(Endpoints(paths={"/admin": Expectation(status=403)}), subject, a_world())
    assert (result.status, rules_of(result)) == (Status.ERROR, ["gate"])


@pytest.mark.parametrize("gated", [["/__version__"], ["/health"], ["/__version__", "/health"]])
def test_a_revision_behind_a_gate_is_an_error_and_not_a_stale_release(
    service: SampleService, gated: list[str]
) -> None:
    for path in gated:
        service.says(path, CHALLENGE)
    result = the_result(Revision(), a_subject(url=service.url("/health")), a_world())
    assert (result.status, rules_of(result), result.transient) == (Status.ERROR, ["gate"], False)


def test_a_gate_before_one_of_several_connections_is_counted(service: SampleService) -> None:
    shipped: list[Answer] = [said({"commit": a_subject().revision})] * 4
    service.says("/__version__", *shipped, CHALLENGE)
    result = the_result(Revision(connections=6), a_subject(url=service.url()), a_world())
    assert (result.status, rules_of(result)) == (Status.ERROR, ["gate"])
    assert result.facts["histogram"] == {"2222222": 3, "a gate": 3}


def test_a_gate_that_limits_rates_is_asked_again_when_it_says_so(service: SampleService) -> None:
    service.says("/", text("error code: 1015", 429, Retry_After="7"))
    subject = a_subject(url=service.url())
    result = the_result(Endpoints(paths={"/": Expectation()}), subject, a_world())
    assert (result.status, rules_of(result), result.transient) == (Status.ERROR, ["gate"], True)
    assert result.facts["retry_after_seconds"] == 7.0
