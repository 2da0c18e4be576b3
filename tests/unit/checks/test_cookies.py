from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ci_ops.checks.cookies import Cookies
from ci_ops.core.health.status import Status
from ci_ops.core.result import Result
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

EXAMPLE = Cookies(sessions=("sessionid",))

VALUE = "s3cr3t-of-a-session"


def setting(*cookies: str, status: int = 200, **headers: str) -> Answer:
    """An answer with these cookies, each in a header of its own."""
    names = ("Set-Cookie", "set-cookie", "SET-COOKIE", "Set-cookie")
    return Answer(status=status, headers={**dict(zip(names, cookies, strict=False)), **headers})


def look(service: SampleService, tmp_path: Path | None = None, **settings: Any) -> Result:
    env = clean_env(SSL_CERT_FILE=str(bundle(tmp_path))) if tmp_path else clean_env()
    subject = a_subject(url=service.url(), timeout_seconds=5.0)
    return the_result(Cookies(**settings), subject, RealWorld(env=env))


@pytest.mark.parametrize(
    ("cookie", "rules"),
    [
        ("sessionid=v; Secure; HttpOnly; SameSite=Lax; Path=/; expires=Wed, 21 Oct 2037 07:28:00 GMT", []),
        ("sessionid=v; HttpOnly; SameSite=Lax", ["insecure"]),
        ("sessionid=v; Secure; SameSite=Lax", ["script-readable"]),
        ("sessionid=v; secure; httponly", ["same-site"]),
        ("connect.sid=v", ["insecure", "same-site", "script-readable"]),
        ("csrftoken=v; SameSite=Lax", []),
        ("XSRF-TOKEN=v", []),
        ("language=de", []),
        ("sidebar=open", []),
        ("theme=dark; SameSite=None", ["refused"]),
        ("theme=dark; Secure; SameSite=None", []),
        ("theme=dark; Partitioned", ["refused"]),
        ("__Secure-theme=dark", ["refused"]),
        ("__Host-theme=dark; Secure; Path=/", []),
        ("__Host-theme=dark; Secure", ["refused"]),
        ("__Host-theme=dark; Secure; Path=/; Domain=127.0.0.1", ["refused"]),
        ("theme=dark; Domain=shop.example.com", ["refused"]),
        ("theme=dark; Domain=.127.0.0.1", []),
    ],
)
@pytest.mark.reports("cookies/{rules}")
def test_a_cookie_over_https_yields_exactly_the_rules_it_breaks(
    tmp_path: Path, cookie: str, rules: list[str]
) -> None:
    with sample_service(context=server_context()) as service:
        service.says("/", setting(cookie))
        result = look(service, tmp_path)
    assert sorted(rules_of(result)) == rules
    status = Status.FAIL if "refused" in rules else Status.WARN if rules else Status.PASS
    assert (result.status, result.measured) == (status, 1)


def test_each_cookie_is_read_by_itself_and_no_value_is_shown(service: SampleService) -> None:
    service.says("/", setting(f"session={VALUE}", f"auth={VALUE}; HttpOnly", f"a=b; Domain={VALUE}, c; x"))
    result = look(service)
    assert sorted(rules_of(result)) == ["refused", "same-site", "same-site", "script-readable"]
    assert result.facts["cookies"] == ["a", "auth", "session"]
    assert "session=…" in str(result.to_json())
    service.says("/", setting(f"session={VALUE}"))
    assert VALUE not in str(look(service).to_json())


def test_a_secure_cookie_on_loopback_is_taken_over_http_and_refused_elsewhere(service: SampleService) -> None:
    service.says("/", setting("session=v; Secure; HttpOnly; SameSite=Lax"))
    result = look(service)
    assert result.status is Status.PASS
    assert result.sentence.endswith("are protected; over http, Secure was not judged.")


@pytest.mark.usefixtures("shop_test")
def test_a_secure_cookie_over_http_is_refused(service: SampleService) -> None:
    service.says("/", setting("theme=dark; Secure"))
    subject = a_subject(url=service.url(host="shop.test"), timeout_seconds=5.0)
    result = the_result(Cookies(), subject, a_world())
    assert (result.status, rules_of(result)) == (Status.FAIL, ["refused"])
    assert "Secure is set over plain http" in result.sentence


def test_a_cookie_of_a_redirect_counts_and_one_that_is_removed_does_not(service: SampleService) -> None:
    service.says("/", setting("session=v", status=302, Location="/start"))
    assert sorted(rules_of(look(service))) == ["same-site", "script-readable"]
    service.says("/", setting("session=; Path=/", "auth=v; Max-Age=0"))
    assert look(service).status is Status.SKIP


@pytest.mark.reports("cookies/not-set")
def test_where_no_cookie_is_set_nothing_was_measured(service: SampleService) -> None:
    service.says("/", text("hello"))
    result = look(service)
    assert (result.status, result.measured) == (Status.SKIP, 0)
    named = look(service, sessions=("sessionid",))
    assert (named.status, rules_of(named)) == (Status.ERROR, ["not-set"])
    service.says("/", setting("sessionid=v; HttpOnly; SameSite=Lax"))
    assert look(service, sessions=("sessionid",)).status is Status.PASS
    service.says("/", setting("shop=v"))
    assert sorted(rules_of(look(service, sessions=("shop",)))) == ["same-site", "script-readable"]


@pytest.mark.parametrize(
    ("answer", "status", "rule"),
    [
        (setting("session=v", status=500), Status.FAIL, "status"),
        (setting("session=v", Age="9"), Status.FAIL, "aged"),
        (setting("session=v", status=503, **{"x-sucuri-block": "1"}), Status.ERROR, "gate"),
    ],
)
@pytest.mark.reports("cookies/{rule}")
def test_cookies_of_an_answer_that_is_not_the_page_do_not_count(
    service: SampleService, answer: Answer, status: Status, rule: str
) -> None:
    service.says("/", answer)
    result = look(service, sessions=("session",))
    assert (result.status, rules_of(result), result.measured) == (status, [rule], 0)


@pytest.mark.reports("cookies/unreachable")
def test_a_dead_server_set_no_cookie() -> None:
    with sample_service() as dead:
        pass
    result = look(dead, sessions=("sessionid",))
    assert (result.status, rules_of(result), result.measured) == (Status.FAIL, ["unreachable"], 0)


@pytest.mark.reports("cookies/throttled", "cookies/blocked")
def test_a_refusal_of_the_probe_says_nothing_about_the_service(service: SampleService) -> None:
    assert_refusals_say_nothing(EXAMPLE, service)


@pytest.mark.parametrize(("url", "rule"), [("", "url"), ("http://service.invalid", "not-asked")])
@pytest.mark.reports("cookies/{rule}")
def test_an_address_that_leads_nowhere_is_an_error(url: str, rule: str) -> None:
    result = the_result(EXAMPLE, a_subject(url=url), a_world())
    assert (result.status, set(rules_of(result)), result.measured) == (Status.ERROR, {rule}, 0)
