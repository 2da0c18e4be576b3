"""What an HTTP request sends, and what comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ci_ops import __version__
from ci_ops.core.ports.http import HttpError
from ci_ops.edge.http import RequestsHttp
from tests.support.asking import (
    AMPLE_SECONDS,
    echo,
    failure,
    get,
    headers_of,
    ok,
    sending,
    silence,
)
from tests.support.web import Reply, serving

if TYPE_CHECKING:
    pass


# What is sent and what comes back


def test_an_answer_comes_back_whole(http: RequestsHttp) -> None:
    reply = Reply(status=503, body=b"\xff down", headers={"X-One": "1", "x-two": "2"})
    with serving(lambda _: reply) as server:
        answer = get(http, server.url("/health?a=b%20c"))
    assert (answer.status, answer.body, answer.text) == (503, b"\xff down", "\ufffd down")
    assert (answer.headers["x-one"], answer.headers["x-two"]) == ("1", "2")
    assert (answer.url, answer.address) == (server.url("/health?a=b%20c"), "127.0.0.1")
    assert (answer.truncated, answer.redirects) == (False, ())
    assert 0 < answer.seconds < AMPLE_SECONDS
    assert server.targets == ["/health?a=b%20c"]


def test_repeated_headers_are_joined(http: RequestsHttp) -> None:
    raw = b"HTTP/1.1 200 OK\r\nVia: a\r\nContent-Length: 0\r\nvia: b\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n"
    with serving(sending(raw)) as server:
        answer = get(http, server.url())
    assert (answer.headers["via"], answer.headers["set-cookie"]) == ("a, b", "a=1, b=2")


def test_we_say_who_we_are_and_send_nothing_else(http: RequestsHttp) -> None:
    with serving(echo) as server:
        sent = headers_of(get(http, server.url()))
    assert sent == {
        "host": f"127.0.0.1:{server.port}",
        "user-agent": f"ci-ops/{__version__}",
        "accept": "*/*",
        "accept-encoding": "gzip",
    }


def test_the_callers_headers_win_whatever_their_case(http: RequestsHttp) -> None:
    with serving(echo) as server:
        given = {"user-AGENT": "mine", "host": "other.example", "X-Name": "ümläut"}
        sent = headers_of(get(http, server.url(), headers=given))
    assert (sent["user-agent"], sent["host"]) == ("mine", "other.example")
    assert sent["x-name"] == "ümläut"


@pytest.mark.parametrize("body", [b"", b"\x00\xff\r\n" * 1000, None])
def test_a_body_is_sent_byte_by_byte(http: RequestsHttp, body: bytes | None) -> None:
    with serving(ok) as server:
        http.request("POST", server.url(), timeout_seconds=AMPLE_SECONDS, body=body)
    assert server.asked[0].method == "POST"
    assert server.asked[0].body == (body or b"")
    assert server.asked[0].headers["content-length"] == str(len(body or b""))


@pytest.mark.parametrize("method", ["HEAD", "GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("status", [200, 204, 304])
def test_a_connection_is_used_again_after_every_kind_of_answer(
    http: RequestsHttp, method: str, status: int
) -> None:
    with serving(lambda _: Reply(status=status)) as server:
        answers = [http.request(method, server.url(), timeout_seconds=AMPLE_SECONDS) for _ in range(3)]
        assert server.connections == 1
    assert [answer.status for answer in answers] == [status] * 3
    expected = b"ok" if status == 200 and method != "HEAD" else b""
    assert {answer.body for answer in answers} == {expected}


def test_cookies_of_one_answer_are_not_sent_with_the_next_request(http: RequestsHttp) -> None:
    with serving(lambda _: Reply(headers={"Set-Cookie": "session=1; Path=/"})) as server:
        get(http, server.url())
        get(http, server.url())
    assert "cookie" not in server.asked[1].headers


@pytest.mark.parametrize("value", ["a\r\nX-Injected: 1", "a\nb", "a\rb", "a\0b", "snow ☃"])
def test_a_header_that_would_break_out_is_refused_and_its_value_not_shown(
    http: RequestsHttp, value: str
) -> None:
    with serving(ok) as server:
        error = failure(http, server.url(), headers={"X-Name": value})
        assert server.connections == 0
    assert error.kind == "header"
    assert "X-Name" in error.sentence
    assert value not in error.sentence


@pytest.mark.parametrize("name", ["", "X Name", "X:Name", "X\r\nName", "ü"])
def test_a_header_name_that_is_none_is_refused(http: RequestsHttp, name: str) -> None:
    assert failure(http, "http://127.0.0.1:1/", headers={name: "x"}).kind == "header"


def test_a_method_that_is_none_is_refused(http: RequestsHttp) -> None:
    with pytest.raises(HttpError, match="method"):
        http.request("GET / HTTP/1.1\r\n", "http://127.0.0.1:1/", timeout_seconds=1)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://host/",
        "http://",
        "http://host:0/",
        "http://host:99999/",
        "http://host:port/",
        "http://a b/",
        "http://h/\r\nX: 1",
        "http://[::1/",
        "http://h\ud800/",
        "http://a..b/",
        "http://*.example/",
        "//host/path",
        "javascript:alert(1)",
        f"http://{'a' * 70}.invalid/",
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_being_repeated(
    http: RequestsHttp, url: str
) -> None:
    error = failure(http, url)
    assert (error.kind, error.transient) == ("url", False)


# User info


def test_user_info_becomes_credentials_and_is_never_shown(http: RequestsHttp) -> None:
    with serving(echo) as server:
        url = server.url("/path").replace("://", "://us%40er:hunter22@")
        answer = get(http, url)
        given = get(http, url, headers={"authorization": "Bearer given"})
        server.handler = silence
        error = failure(http, url, timeout_seconds=0.2)
    assert headers_of(answer)["authorization"] == "Basic dXNAZXI6aHVudGVyMjI="
    assert headers_of(given)["authorization"] == "Bearer given"
    assert answer.url == server.url("/path")
    assert "hunter22" not in f"{answer} {error} {error!r} {error.__cause__} {error.__context__!r}"


def test_a_known_secret_in_a_host_name_is_hidden(http: RequestsHttp) -> None:
    http.redact.add("tenant-4711-secret")
    error = failure(http, "http://tenant-4711-secret.invalid/")
    assert error.sentence == "http://***.invalid has a name that does not exist"


# Nothing is ever sent twice


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("status", [429, 500, 503])
def test_no_answer_makes_us_ask_again(http: RequestsHttp, method: str, status: int) -> None:
    with serving(lambda _: Reply(status=status, headers={"Retry-After": "0"})) as server:
        answer = http.request(method, server.url(), timeout_seconds=AMPLE_SECONDS)
        assert (answer.status, len(server.asked)) == (status, 1)


@pytest.mark.parametrize("fresh", [True, False])
def test_a_broken_connection_makes_nobody_ask_again(http: RequestsHttp, fresh: bool) -> None:
    with serving(lambda asked: asked.reset()) as server:
        error = failure(http, server.url(), fresh=fresh)
        assert (error.kind, error.transient) == ("reset", True)
        assert (len(server.asked), server.connections) == (1, 1)
