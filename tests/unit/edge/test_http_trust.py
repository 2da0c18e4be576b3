"""Whom an HTTP request trusts, and through which proxy it goes."""

from __future__ import annotations

import socket
import threading
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from ci_ops.core.text.redact import Redactor
from ci_ops.edge.clock import StopSignal
from ci_ops.edge.http import RequestsHttp
from tests.support.asking import (
    SLACK_SECONDS,
    echo,
    failure,
    get,
    headers_of,
    make,
    ok,
)
from tests.support.certificates import bundle, server_context, stranger
from tests.support.tunnels import tunnel
from tests.support.web import Asked, Reply, in_turn, refusing, serving

if TYPE_CHECKING:
    from pathlib import Path


# Whom we trust


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_the_environments_authorities_are_trusted(tmp_path: Path, name: str) -> None:
    http = RequestsHttp(env={name: str(bundle(tmp_path))}, stop=StopSignal(), redact=Redactor())
    with serving(ok, context=server_context()) as server:
        assert get(http, server.url()).status == 200
        assert get(http, server.url(), fresh=True).status == 200
    http.close()


def test_the_processs_own_environment_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle(tmp_path)))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    http = make()
    with serving(ok) as plain, serving(ok, context=server_context()) as server:
        assert failure(http, server.url()).kind == "tls"
        assert get(http, plain.url()).status == 200
        assert failure(http, "http://service.invalid/").kind == "dns"
    http.close()


def test_given_authorities_win_over_the_environments(tmp_path: Path) -> None:
    (tmp_path / "foreign").mkdir()
    foreign = bundle(tmp_path / "foreign", stranger())
    trusting = make(ca_file=bundle(tmp_path), REQUESTS_CA_BUNDLE=str(foreign))
    doubting = make(ca_file=foreign, REQUESTS_CA_BUNDLE=str(bundle(tmp_path)))
    with serving(ok, context=server_context()) as server:
        assert get(trusting, server.url()).status == 200
        assert failure(doubting, server.url()).kind == "tls"
    trusting.close()
    doubting.close()


@pytest.mark.parametrize("content", [None, "", "not a certificate"])
def test_authorities_that_cannot_be_read_are_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "bundle.pem"
    if content is not None:
        file.write_text(content)
    error = failure(make(SSL_CERT_FILE=str(file)), "https://127.0.0.1:1/")
    assert (error.kind, error.transient) == ("tls", False)
    assert error.sentence == f"SSL_CERT_FILE names {file}, which cannot be read as certificates"


def test_an_untrusted_certificate_is_refused_whatever_was_fetched_before(tmp_path: Path) -> None:
    http = make(ca_file=bundle(tmp_path))
    with serving(ok, context=server_context(by=stranger())) as server:
        for _ in range(2):
            error = failure(http, server.url())
            assert (error.kind, error.transient) == ("tls", False)
            assert "without a complete chain to a trusted root" in error.sentence
        assert server.asked == []
    http.close()


@pytest.mark.parametrize(
    ("answer", "kinds", "transient"),
    [(b"HTTP/1.1 400 Bad Request\r\n\r\n", {"tls"}, False), (b"", {"tls", "reset"}, True)],
)
def test_something_else_than_a_handshake_is_told_as_a_tls_failure(
    http: RequestsHttp, answer: bytes, kinds: set[str], transient: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        answering = threading.Thread(target=answer_once, args=(listener, answer))
        answering.start()
        error = failure(http, f"https://127.0.0.1:{listener.getsockname()[1]}/")
        answering.join()
    assert error.kind in kinds
    assert error.transient is transient


def answer_once(listener: socket.socket, answer: bytes) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(answer)


# Proxies


def proxy(asked: Asked) -> Reply:
    return Reply(
        body=f"proxied {asked.target}".encode(),
        headers={"X-Auth": asked.headers.get("proxy-authorization", "")},
    )


def test_plain_http_goes_through_the_proxy_the_environment_names() -> None:
    with serving(proxy) as server:
        http = make(http_proxy=server.url().replace("://", "://user:secret@"))
        answer = get(http, "http://service.invalid/path?a=b")
        http.close()
    assert answer.text == "proxied http://service.invalid/path?a=b"
    assert answer.headers["x-auth"] == "Basic dXNlcjpzZWNyZXQ="
    assert answer.address == ""
    assert server.asked[0].headers["host"] == "service.invalid"


def test_https_goes_through_a_tunnel_and_is_verified_end_to_end(tmp_path: Path) -> None:
    with (
        serving(echo, context=server_context("service.invalid")) as server,
        serving(tunnel(server.port)) as middle,
    ):
        http = make(ca_file=bundle(tmp_path), HTTPS_PROXY=middle.url().replace("://", "://user:secret@"))
        answer = get(http, server.url(host="service.invalid"))
        wrong = failure(http, server.url(host="other.invalid"))
        http.close()
    assert "proxy-authorization" not in headers_of(answer)
    assert middle.asked[0].method == "CONNECT"
    assert middle.asked[0].headers["proxy-authorization"] == "Basic dXNlcjpzZWNyZXQ="
    assert wrong.kind == "tls"
    assert answer.address == ""


def test_a_proxy_may_itself_be_asked_by_https(tmp_path: Path) -> None:
    with (
        serving(echo, context=server_context("service.invalid")) as server,
        serving(proxy, context=server_context()) as plain,
        serving(tunnel(server.port), context=server_context()) as middle,
    ):
        http = make(ca_file=bundle(tmp_path), https_proxy=middle.url(), http_proxy=plain.url())
        assert get(http, server.url(host="service.invalid")).status == 200
        assert get(http, "http://service.invalid/a").text == "proxied http://service.invalid/a"
        http.close()
    assert middle.asked[0].method == "CONNECT"


@pytest.mark.parametrize(("status", "transient"), [(407, False), (403, False), (502, True)])
def test_a_proxy_that_refuses_is_told_as_one(tmp_path: Path, status: int, transient: bool) -> None:
    with serving(lambda _: Reply(status=status)) as server:
        http = make(https_proxy=server.url().replace("://", "://user:hunter22@"))
        error = failure(http, "https://service.invalid/secret")
    assert (error.kind, error.transient) == ("proxy", transient)
    assert error.sentence == f"the proxy did not connect us to https://service.invalid and answered {status}"


def test_a_proxy_that_wants_credentials_for_plain_http_is_told_as_one() -> None:
    with serving(lambda _: Reply(status=407)) as server:
        error = failure(make(http_proxy=server.url()), "http://service.invalid/")
    assert (error.kind, error.transient) == ("proxy", False)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_cannot_be_reached_is_told_as_one(scheme: str) -> None:
    with refusing() as port:
        http = make(all_proxy=f"http://user:hunter22@127.0.0.1:{port}")
        error = failure(http, f"{scheme}://service.invalid/secret")
    assert (error.kind, error.transient) == ("proxy", True)
    assert error.sentence == f"the proxy for {scheme}://service.invalid cannot be reached (refused)"


def test_a_proxy_that_hangs_in_the_tunnel_is_given_up_at_the_limit() -> None:
    def handler(asked: Asked) -> None:
        asked.send(b"HTTP/1.1 200 ")
        asked.drip(b"x" * 10_000, every_seconds=0.05)

    with serving(handler) as server:
        started = time.monotonic()
        error = failure(make(https_proxy=server.url()), "https://service.invalid/", timeout_seconds=0.5)
    assert error.kind == "timeout"
    assert time.monotonic() - started < 0.5 + SLACK_SECONDS


def test_connect_to_and_loopback_use_no_proxy() -> None:
    with refusing() as port, serving(ok) as server:
        http = make(all_proxy=f"127.0.0.1:{port}")
        assert get(http, server.url()).status == 200
        assert get(http, server.url(host="service.invalid"), connect_to="127.0.0.1").status == 200
        assert failure(http, server.url(host="service.invalid")).kind == "proxy"
        http.close()


def test_backing_off_is_left_to_the_caller_who_sees_every_answer(http: RequestsHttp) -> None:
    with serving(in_turn(Reply(status=503), Reply(status=503), Reply())) as server:
        seen = [get(http, server.url()).status for _ in range(3)]
        times = [asked.connection for asked in server.asked]
    assert seen == [503, 503, 200]
    assert all(first == second for first, second in pairwise(times))
