"""Redirects: followed as often as allowed, and with nothing that could be a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ci_ops.edge.http import RequestsHttp
from tests.support.asking import (
    AMPLE_SECONDS,
    echo,
    failure,
    get,
    headers_of,
    make,
    ok,
)
from tests.support.certificates import bundle, server_context
from tests.support.web import Asked, Reply, by_path, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def to(location: str, status: int = 302) -> Callable[[Asked], Reply]:
    return lambda _: Reply(status=status, headers={"Location": location})


def test_a_redirect_is_an_answer_like_any_other_unless_it_may_be_followed(http: RequestsHttp) -> None:
    with serving(to("/elsewhere")) as server:
        answer = get(http, server.url())
    assert (answer.status, answer.headers["location"], answer.redirects) == (302, "/elsewhere", ())


def test_redirects_are_followed_as_often_as_allowed_and_told(http: RequestsHttp) -> None:
    with serving(by_path({"/a": to("/b"), "/b": to("c?d=1#e", 301), "/c": echo})) as server:
        answer = get(http, server.url("/a"), follow=2)
        error = failure(http, server.url("/a"), follow=1)
    assert (answer.status, answer.url) == (200, server.url("/c?d=1"))
    assert answer.redirects == (server.url("/a"), server.url("/b"))
    assert (error.kind, error.transient) == ("redirect", False)
    assert "once more than the 1 times" in error.sentence


def test_a_redirect_in_a_circle_ends_at_once(http: RequestsHttp) -> None:
    with serving(by_path({"/a": to("/b"), "/b": to("/a")})) as server:
        error = failure(http, server.url("/a"), follow=1000)
        assert server.targets == ["/a", "/b"]
    assert error.kind == "redirect"
    assert "in a circle" in error.sentence


@pytest.mark.parametrize(
    ("method", "status", "then"),
    [
        ("POST", 301, "GET"),
        ("POST", 302, "GET"),
        ("POST", 303, "GET"),
        ("PUT", 303, "GET"),
        ("HEAD", 303, "HEAD"),
        ("PUT", 302, "PUT"),
        ("POST", 307, "POST"),
        ("POST", 308, "POST"),
    ],
)
def test_a_redirect_changes_the_method_as_browsers_do(
    http: RequestsHttp, method: str, status: int, then: str
) -> None:
    with serving(by_path({"/a": to("/b", status), "/b": ok})) as server:
        http.request(
            method,
            server.url("/a"),
            timeout_seconds=AMPLE_SECONDS,
            body=b"body",
            headers={"Content-Type": "text/plain"},
            follow=1,
        )
    second = server.asked[1]
    assert second.method == then
    assert second.body == (b"body" if then == method and method != "HEAD" else second.body)
    assert ("content-type" in second.headers) is (then == method)


SECRETS = {
    "Authorization": "Bearer abc",
    "X-Api-Key": "abc",
    "Cookie": "a=b",
    "Proxy-Authorization": "Basic abc",
}


def test_a_redirect_to_another_host_takes_no_secret_along(http: RequestsHttp) -> None:
    with serving(echo) as other, serving(to(other.url(host="localhost"))) as server:
        sent = headers_of(get(http, server.url(), follow=1, headers={**SECRETS, "Accept": "text/html"}))
    assert not set(map(str.lower, SECRETS)) & set(sent)
    assert sent["accept"] == "text/html"


def test_a_redirect_to_another_port_takes_no_secret_along(http: RequestsHttp) -> None:
    with serving(echo) as other, serving(to(other.url())) as server:
        url = server.url().replace("://", "://user:secret@")
        assert "authorization" not in headers_of(get(http, url, follow=1))


def test_a_redirect_on_the_same_server_keeps_the_headers(http: RequestsHttp) -> None:
    with serving(by_path({"/a": to("/b"), "/b": echo})) as server:
        sent = headers_of(get(http, server.url("/a"), follow=1, headers=SECRETS))
    assert {name: sent[name.lower()] for name in SECRETS} == SECRETS


def test_user_info_in_a_redirect_is_not_used(http: RequestsHttp) -> None:
    with serving(echo) as server:
        server.handler = by_path(
            {
                "/a": to(server.url("/b").replace("://", "://evil:secret@")),
                "/b": echo,
            }
        )
        answer = get(http, server.url("/a"), follow=1)
    assert "authorization" not in headers_of(answer)
    assert answer.url == server.url("/b")


def test_a_redirect_from_https_to_plain_http_is_refused_except_on_this_machine(tmp_path: Path) -> None:
    http = make(ca_file=bundle(tmp_path))
    with serving(ok) as plain, serving(to(""), context=server_context()) as server:
        server.handler = to("http://service.invalid/path")
        error = failure(http, server.url(), follow=3)
        server.handler = to(plain.url())
        assert get(http, server.url(), follow=3).status == 200
    assert (error.kind, error.transient) == ("redirect", False)
    assert error.sentence.endswith("redirects from https to http://service.invalid, which is not encrypted")
    http.close()


@pytest.mark.parametrize(
    "location", ["ftp://host/", "http://", "file:///etc/passwd", "http://h:99999/", "//[::1"]
)
def test_a_redirect_to_something_else_is_refused(http: RequestsHttp, location: str) -> None:
    with serving(to(location)) as server:
        error = failure(http, server.url(), follow=3)
    assert (error.kind, error.transient) == ("redirect", False)


def test_connect_to_holds_for_redirects_to_the_same_host_only(http: RequestsHttp) -> None:
    with serving(ok) as server:
        server.handler = by_path(
            {
                "/a": to(server.url("/b", host="service.invalid")),
                "/b": to(server.url("/c", host="elsewhere.invalid")),
            }
        )
        error = failure(http, server.url("/a", host="service.invalid"), connect_to="127.0.0.1", follow=3)
        assert server.targets == ["/a", "/b"]
    assert error.kind == "dns"
    assert "elsewhere.invalid" in error.sentence
