"""The headers of 2026, on every kind of answer, and the application's own untouched."""

import re

import pytest

from ci_ops.service.limits.client import ClientResolver
from ci_ops.service.middleware.nonce import csp_nonce
from ci_ops.service.middleware.options import MiddlewareOptions
from ci_ops.service.middleware.security import SecurityHeaders
from tests.support.layers import Kind, Said

HTML = [("Content-Type", "text/html; charset=utf-8")]


def options(security: SecurityHeaders | None = None, **changes: object) -> MiddlewareOptions:
    parts = {"limits": None, "metrics": None, "access_log": None, "request_ids": False, **changes}
    return MiddlewareOptions(security=security or SecurityHeaders(), **parts)  # type: ignore[arg-type]


def test_an_api_answer_has_the_strict_set(kind: Kind) -> None:
    headers = kind.ask(Said(), options()).headers

    assert headers == {
        "content-type": "application/json",
        "content-length": "2",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "x-xss-protection": "0",
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": headers["permissions-policy"],
        "x-permitted-cross-domain-policies": "none",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        "referrer-policy": "no-referrer",
        "cross-origin-resource-policy": "same-origin",
    }
    assert "camera=()" in headers["permissions-policy"]


def test_a_page_may_load_its_own_scripts(kind: Kind) -> None:
    headers = kind.ask(Said(headers=HTML), options()).headers

    assert headers["content-security-policy"].startswith("default-src 'self'; object-src 'none'")
    assert headers["referrer-policy"] == "strict-origin-when-cross-origin"


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/docs/oauth2-redirect"])
def test_documentation_pages_live_on_scripts_from_elsewhere(kind: Kind, path: str) -> None:
    headers = kind.ask(Said(headers=HTML), options(), path).headers

    assert "content-security-policy" not in headers
    assert headers["x-frame-options"] == "DENY"


def test_hsts_is_sent_over_https_alone_and_a_proxy_is_believed_only_if_named(kind: Kind) -> None:
    said, told = Said(), [("X-Forwarded-Proto", "https")]
    trusting = options(resolver=ClientResolver(["203.0.113.0/24"]))
    expected = "max-age=31536000; includeSubDomains"

    assert "strict-transport-security" not in kind.ask(said, options()).headers
    assert "strict-transport-security" not in kind.ask(said, options(), headers=told).headers
    assert kind.ask(said, options(), scheme="https").headers["strict-transport-security"] == expected
    assert kind.ask(said, trusting, headers=told).headers["strict-transport-security"] == expected
    assert (
        "strict-transport-security" not in kind.ask(said, trusting, headers=told, peer="198.51.100.1").headers
    )
    assert "strict-transport-security" not in kind.ask(said, trusting).headers


def test_what_the_application_has_set_is_never_touched_however_it_is_spelled(kind: Kind) -> None:
    own = [
        ("X-Frame-Options", "SAMEORIGIN"),
        ("content-security-policy", "default-src *"),
        ("CACHE-CONTROL", "max-age=9"),
    ]
    said = Said(headers=[("Content-Type", "application/json"), *own])
    for _ in range(2):  # the second time names are known
        headers = kind.ask(said, options(), headers=[("Cookie", "a=b")]).headers

    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert headers["content-security-policy"] == "default-src *"
    assert headers["cache-control"] == "max-age=9"
    assert headers["x-content-type-options"] == "nosniff"


def test_headers_that_reveal_what_runs_here_are_taken_out(kind: Kind) -> None:
    said = Said(headers=[("Server", "shop/1.2"), ("X-Powered-By", "a framework"), ("X-Own", "1")])
    layer = kind.layer(kind.make(said), options())
    for _ in range(2):
        headers = kind.send(layer).headers

    assert "server" not in headers
    assert "x-powered-by" not in headers
    assert headers["x-own"] == "1"


def test_headers_that_may_stand_twice_still_do(kind: Kind) -> None:
    said = Said(headers=[("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Content-Type", "application/json")])
    layer = kind.layer(kind.make(said), options())
    for _ in range(2):
        pairs = kind.send(layer).pairs

    assert [value for name, value in pairs if name.lower() == "set-cookie"] == ["a=1", "b=2"]


@pytest.mark.parametrize(
    ("sent", "media_type", "expected"),
    [
        ([("Authorization", "Bearer x")], "application/json", "no-store"),
        ([("Cookie", "a=b")], "application/problem+json; charset=utf-8", "no-store"),
        ([("Cookie", "a=b")], "image/png", None),
        ([], "application/json", None),
    ],
)
def test_answers_in_json_to_somebody_are_not_kept(
    kind: Kind, sent: list[tuple[str, str]], media_type: str, expected: str | None
) -> None:
    layer = kind.layer(kind.make(Said(headers=[("Content-Type", media_type)])), options())
    for _ in range(2):
        assert kind.send(layer, headers=sent).headers.get("cache-control") == expected


def test_single_headers_can_be_changed_and_taken_out(kind: Kind) -> None:
    security = SecurityHeaders(
        everywhere={"x-frame-options": "", "Strict-Transport-Security": "max-age=1; preload"},
        api={"Cross-Origin-Resource-Policy": "cross-origin"},
        html={"Content-Security-Policy": "default-src 'self' https://cdn.example.com"},
        report_only=True,
        private_no_store=False,
    )
    api = kind.ask(Said(), options(security), headers=[("Cookie", "a=b")], scheme="https").headers
    page = kind.ask(Said(headers=HTML), options(security)).headers

    assert "x-frame-options" not in api
    assert api["strict-transport-security"] == "max-age=1; preload"
    assert api["cross-origin-resource-policy"] == "cross-origin"
    assert page["cross-origin-resource-policy"] == "same-site"
    assert "content-security-policy" not in page
    assert page["content-security-policy-report-only"] == "default-src 'self' https://cdn.example.com"
    assert "cache-control" not in api


@pytest.mark.parametrize(("name", "value"), [("X Bad", "a"), ("X-Bad", "a\r\nX-Other: b"), ("X-Bad", "é")])
def test_a_header_that_would_break_the_answer_is_refused_at_once(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="not a header name"):
        SecurityHeaders(api={name: value})


def test_a_page_that_asks_for_a_nonce_gets_a_policy_with_it(kind: Kind) -> None:
    nonces: list[str] = []

    def make_page() -> None:
        nonces.extend([csp_nonce(), csp_nonce()])

    layer = kind.layer(kind.make(Said(headers=HTML, before=make_page)), options())
    policies = [kind.send(layer).headers["content-security-policy"] for _ in range(2)]

    assert nonces[0] == nonces[1] != nonces[2]
    assert f"; script-src 'nonce-{nonces[0]}' 'strict-dynamic'" in policies[0]
    assert f"'nonce-{nonces[2]}'" in policies[1]


def test_a_policy_of_ones_own_keeps_its_sources_beside_the_nonce(kind: Kind) -> None:
    security = SecurityHeaders(html={"Content-Security-Policy": "script-src 'self'; img-src *"})
    said = Said(headers=HTML, before=csp_nonce)
    policy = kind.ask(said, options(security)).headers["content-security-policy"]

    assert re.fullmatch(r"script-src 'self' 'nonce-[\w-]{22}'; img-src \*", policy)


def test_outside_of_a_request_there_is_no_nonce() -> None:
    with pytest.raises(LookupError, match="no request here"):
        csp_nonce()


def test_an_application_with_endless_kinds_of_headers_does_not_fill_the_memory(kind: Kind) -> None:
    made = options()
    said = Said()
    layer = kind.layer(kind.make(said), made)
    for number in range(1000):
        said.headers = [("content-type", f"text/x-{number}"), (f"x-own-{number}", "1")]
        assert kind.send(layer).headers["x-frame-options"] == "DENY"

    assert len(layer.table.plain_media) == 256
    assert len(layer.table.plain_names) <= 257


def test_the_policy_allows_the_frames_that_the_application_allows(kind: Kind) -> None:
    def policy(*frame: tuple[str, str]) -> str:
        return kind.ask(Said(headers=[*HTML, *frame]), options()).headers["content-security-policy"]

    assert "frame-ancestors 'none'" in policy()
    assert "frame-ancestors 'none'" in policy(("X-Frame-Options", "DENY"))
    assert "frame-ancestors 'self'" in policy(("X-Frame-Options", "SAMEORIGIN"))
