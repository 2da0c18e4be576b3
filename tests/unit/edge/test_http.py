"""HTTP against servers that behave, and against those that do not."""

from __future__ import annotations

import gzip
import random
import signal
import socket
import threading
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from ci_ops import __version__
from ci_ops.core.ports import HttpError, Response
from ci_ops.core.redact import Redactor
from ci_ops.edge.clock import StopSignal
from ci_ops.edge.http import RequestsHttp
from tests.support.certificates import bundle, server_context, stranger
from tests.support.waiting import wait_until
from tests.support.web import Asked, Reply, by_path, ignoring, in_turn, refusing, serving, workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

AMPLE_SECONDS = 20.0
SLACK_SECONDS = 1.0


def ok(_: Asked) -> Reply:
    return Reply()


def echo(asked: Asked) -> Reply:
    return Reply(body="\n".join(f"{name}: {value}" for name, value in asked.headers.items()).encode())


def sending(data: bytes) -> Callable[[Asked], None]:
    """A handler that sends these bytes, whatever they are, and hangs up."""

    def handler(asked: Asked) -> None:
        asked.send(data)

    return handler


def make(stop: StopSignal | None = None, *, ca_file: Path | None = None, **env: str) -> RequestsHttp:
    return RequestsHttp(
        env=env, stop=stop or StopSignal(), redact=Redactor(), ca_file=str(ca_file) if ca_file else ""
    )


@pytest.fixture
def http() -> Iterator[RequestsHttp]:
    made = make()
    yield made
    made.close()


def get(http: RequestsHttp, url: str, **more: Any) -> Response:
    return http.request("GET", url, **{"timeout_seconds": AMPLE_SECONDS, **more})


def failure(http: RequestsHttp, url: str, **more: Any) -> HttpError:
    with pytest.raises(HttpError) as caught:
        get(http, url, **more)
    assert str(caught.value) == caught.value.sentence
    return caught.value


def headers_of(answer: Response) -> Mapping[str, str]:
    return dict(line.split(": ", 1) for line in answer.text.splitlines())


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
    assert error.kind == "protocol"
    assert "X-Name" in error.sentence
    assert value not in error.sentence


@pytest.mark.parametrize("name", ["", "X Name", "X:Name", "X\r\nName", "ü"])
def test_a_header_name_that_is_none_is_refused(http: RequestsHttp, name: str) -> None:
    assert failure(http, "http://127.0.0.1:1/", headers={name: "x"}).kind == "protocol"


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


# Connections


def test_fresh_opens_a_new_connection_every_time_and_closes_it(http: RequestsHttp) -> None:
    with serving(ok) as server:
        for _ in range(5):
            get(http, server.url(), fresh=True)
        assert server.connections == 5
        wait_until(lambda: not any(is_open(asked.socket) for asked in server.asked))
        get(http, server.url())
        get(http, server.url())
        assert server.connections == 6


def is_open(sock: socket.socket) -> bool:
    return sock.fileno() >= 0


def test_fresh_connections_see_every_worker_of_a_rolling_update(http: RequestsHttp) -> None:
    old, new = (lambda _, name=name: Reply(body=name) for name in (b"old", b"new"))
    with serving(workers(old, new)) as server:
        fresh = [get(http, server.url(), fresh=True).text for _ in range(6)]
        kept = {get(http, server.url()).text for _ in range(6)}
    assert fresh == ["old", "new"] * 3
    assert len(kept) == 1


def test_a_connection_that_the_server_has_closed_meanwhile_is_not_used(http: RequestsHttp) -> None:
    with serving(lambda _: Reply(close=True)) as server:
        for number in range(1, 4):
            get(http, server.url())
            assert server.connections == number
            wait_until(lambda: not is_open(server.asked[-1].socket))


def test_connect_to_asks_one_address_and_keeps_the_name(http: RequestsHttp) -> None:
    with serving(echo) as server:
        url = server.url(host="service.invalid")
        answer = get(http, url, connect_to="127.0.0.1")
        again = get(http, url, connect_to="127.0.0.1")
        assert server.connections == 2
    assert headers_of(answer)["host"] == f"service.invalid:{server.port}"
    assert (answer.address, answer.url) == ("127.0.0.1", url)
    assert again.status == 200


def test_connect_to_over_tls_keeps_the_name_for_sni_and_certificate(tmp_path: Path) -> None:
    http = make(ca_file=bundle(tmp_path))
    with serving(ok, context=server_context("service.invalid")) as server:
        assert get(http, server.url(host="service.invalid"), connect_to="127.0.0.1").status == 200
        assert server.asked[0].server_name == "service.invalid"
        error = failure(http, server.url(host="other.invalid"), connect_to="127.0.0.1")
    assert error.kind == "tls"
    http.close()


@pytest.mark.parametrize("address", ["localhost", "127.0.0.1:80", "127.0.0.256", "a\nb"])
def test_connect_to_takes_nothing_but_an_ip_address(http: RequestsHttp, address: str) -> None:
    assert failure(http, "http://service.invalid/", connect_to=address).kind == "url"


def test_ipv6_works_with_and_without_tls(tmp_path: Path) -> None:
    http = make(ca_file=bundle(tmp_path))
    for context in (None, server_context("::1")):
        with serving(ok, host="::1", context=context) as server:
            answer = get(http, server.url())
            assert (answer.status, answer.address) == (200, "::1")
            assert (
                get(http, server.url(host="v6.invalid"), connect_to="::1").status == 200
                if not context
                else True
            )
    http.close()


def naming(*addresses: str) -> Callable[..., list[Any]]:
    """A resolver that knows these addresses for every name."""
    return lambda _host, port, **_: [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses
    ]


def test_a_name_with_several_addresses_is_tried_until_one_answers(
    http: RequestsHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", naming("127.0.0.3", "127.0.0.2", "127.0.0.1"))
    with serving(ok) as server:
        assert http.addresses(server.url(host="service.invalid")) == ("127.0.0.3", "127.0.0.2", "127.0.0.1")
        assert get(http, server.url(host="service.invalid")).address == "127.0.0.1"


def test_an_address_that_ignores_us_does_not_use_up_the_time_of_the_others(
    http: RequestsHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", naming("127.0.0.2", "127.0.0.1"))
    with serving(ok) as server, ignoring("127.0.0.2", server.port):
        assert get(http, server.url(host="service.invalid")).address == "127.0.0.1"


def test_a_resolver_that_hangs_is_given_up_at_the_limit(
    http: RequestsHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: ended.wait(AMPLE_SECONDS) and [])
    started = time.monotonic()
    error = failure(http, "http://service.invalid/", timeout_seconds=0.3)
    ended.set()
    assert error.kind == "timeout"
    assert "(looking its name up)" in error.sentence
    assert 0.3 <= time.monotonic() - started < 0.3 + SLACK_SECONDS


def test_a_name_without_any_address_cannot_be_reached(
    http: RequestsHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", naming())
    assert failure(http, "http://service.invalid/").kind == "dns"


def test_every_address_of_a_name_is_told_once(http: RequestsHttp) -> None:
    assert "127.0.0.1" in http.addresses("https://localhost:8443/path")
    assert len(set(http.addresses("http://localhost"))) == len(http.addresses("http://localhost"))
    assert http.addresses("http://127.0.0.1:1/") == ("127.0.0.1",)
    assert http.addresses("http://[::1]/") == ("::1",)
    with pytest.raises(HttpError) as caught:
        http.addresses("http://user:secret@nonexistent.invalid/path")
    assert caught.value.kind == "dns"
    assert "secret" not in str(caught.value)


def test_many_threads_share_one_client(http: RequestsHttp) -> None:
    with serving(lambda asked: Reply(body=asked.target.encode())) as server:
        wrong: list[str] = []

        def ask(number: int) -> None:
            for turn in range(20):
                target = f"/{number}/{turn}"
                answer = get(http, server.url(target), fresh=turn % 10 == 0)
                if answer.text != target:
                    wrong.append(answer.text)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        assert len(server.asked) == 320
        assert server.connections <= 16 + 32


def test_slow_answers_are_waited_for_side_by_side(http: RequestsHttp) -> None:
    with serving(lambda asked: Reply() if asked.wait(0.2) else None) as server:
        started = time.monotonic()
        threads = [threading.Thread(target=get, args=(http, server.url())) for _ in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert time.monotonic() - started < 32 * 0.2 / 3


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


# The limit of time holds in every phase


def slow_body(asked: Asked) -> None:
    asked.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    asked.drip(b"x" * 100_000, every_seconds=0.05)


def slow_chunks(asked: Asked) -> None:
    asked.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while asked.wait(0.05) and asked.send(b"1\r\nx\r\n"):
        pass


def slow_headers(asked: Asked) -> None:
    asked.send(b"HTTP/1.1 200 OK\r\nX-Name: ")
    asked.drip(b"x" * 100_000, every_seconds=0.05)


def silence(asked: Asked) -> None:
    asked.wait(AMPLE_SECONDS)


@pytest.mark.parametrize("handler", [slow_body, slow_chunks, slow_headers, silence])
@pytest.mark.parametrize("tls", [False, True])
def test_a_server_that_answers_too_slowly_is_given_up_at_the_limit(
    tmp_path: Path, handler: Callable[[Asked], None], tls: bool
) -> None:
    http = make(ca_file=bundle(tmp_path))
    with serving(handler, context=server_context() if tls else None) as server:
        started = time.monotonic()
        error = failure(http, server.url(), timeout_seconds=0.5)
        took = time.monotonic() - started
    assert (error.kind, error.transient) == ("timeout", True)
    assert error.sentence.startswith(f"{server.url('')} did not finish within 500 ms (")
    assert 0.5 <= took < 0.5 + SLACK_SECONDS
    http.close()


def test_a_server_that_takes_a_body_too_slowly_is_given_up_at_the_limit(http: RequestsHttp) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        started = time.monotonic()
        with pytest.raises(HttpError) as caught:
            http.request(
                "POST",
                f"http://127.0.0.1:{deaf.getsockname()[1]}/",
                timeout_seconds=0.5,
                body=b"x" * 50_000_000,
            )
    assert caught.value.kind == "timeout"
    assert 0.5 <= time.monotonic() - started < 0.5 + 2 * SLACK_SECONDS


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_never_accepts_is_given_up_at_the_limit(http: RequestsHttp, scheme: str) -> None:
    with ignoring() as port:
        started = time.monotonic()
        error = failure(http, f"{scheme}://127.0.0.1:{port}/", timeout_seconds=0.4)
    assert (error.kind, error.transient) == ("timeout", True)
    assert "(connecting)" in error.sentence
    assert 0.4 <= time.monotonic() - started < 0.4 + SLACK_SECONDS


def test_a_tls_handshake_that_never_ends_is_given_up_at_the_limit(http: RequestsHttp) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        started = time.monotonic()
        error = failure(http, f"https://127.0.0.1:{deaf.getsockname()[1]}/", timeout_seconds=0.4)
    assert error.kind == "timeout"
    assert 0.4 <= time.monotonic() - started < 0.4 + SLACK_SECONDS


def test_the_limit_holds_over_all_redirects_together(http: RequestsHttp) -> None:
    def wander(asked: Asked) -> Reply:
        asked.wait(0.2)
        return Reply(status=302, headers={"Location": f"{asked.target}x"})

    with serving(wander) as server:
        started = time.monotonic()
        error = failure(http, server.url("/"), timeout_seconds=0.7, follow=50)
    assert error.kind == "timeout"
    assert 0.7 <= time.monotonic() - started < 0.7 + SLACK_SECONDS


def test_a_stop_request_cuts_a_request_under_way_short_but_not_a_later_one() -> None:
    stop = StopSignal()
    http = make(stop)
    with serving(silence) as server:

        def ask() -> None:
            wait_until(lambda: server.asked)
            stop.request(signal.SIGTERM)

        asking = threading.Thread(target=ask)
        asking.start()
        started = time.monotonic()
        error = failure(http, server.url())
        asking.join()
        assert time.monotonic() - started < 5
        assert (error.kind, error.transient) == ("timeout", True)
        assert "before we had to stop" in error.sentence
        server.handler = ok
        assert get(http, server.url()).status == 200
    http.close()


# The limit of size holds


def endless(asked: Asked) -> None:
    asked.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while asked.send(b"x" * 65536):
        pass


def endless_chunks(asked: Asked) -> None:
    asked.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while asked.send(b"10\r\n0123456789abcdef\r\n" * 1000):
        pass


@pytest.mark.parametrize("handler", [endless, endless_chunks])
def test_a_body_without_end_is_cut(http: RequestsHttp, handler: Callable[[Asked], None]) -> None:
    with serving(handler) as server:
        answer = get(http, server.url(), max_body=10_000)
    assert (answer.status, len(answer.body), answer.truncated) == (200, 10_000, True)


@pytest.mark.parametrize(("size", "truncated"), [(9_999, False), (10_000, False), (10_001, True)])
@pytest.mark.parametrize("packed", [False, True])
def test_a_body_is_cut_exactly_at_the_limit(
    http: RequestsHttp, size: int, truncated: bool, packed: bool
) -> None:
    body = random.Random(size).randbytes(size)
    reply = (
        Reply(body=gzip.compress(body), headers={"Content-Encoding": "gzip"}) if packed else Reply(body=body)
    )
    with serving(lambda _: reply) as server:
        answer = get(http, server.url(), max_body=10_000)
    assert (answer.body, answer.truncated) == (body[:10_000], truncated)


def test_a_gzip_bomb_is_unpacked_no_further_than_the_limit(http: RequestsHttp) -> None:
    member = gzip.compress(b"\0" * 50_000_000)
    with serving(lambda _: Reply(body=member * 20, headers={"Content-Encoding": "gzip"})) as server:
        answer = get(http, server.url())
    assert (len(answer.body), answer.truncated) == (1 << 20, True)


def test_a_packed_body_of_several_members_and_padding_is_unpacked(http: RequestsHttp) -> None:
    body = gzip.compress(b"one ") + gzip.compress(b"two") + b"\0" * 32
    with serving(lambda _: Reply(body=body, headers={"Content-Encoding": "X-GZip"})) as server:
        assert get(http, server.url()).body == b"one two"


@pytest.mark.parametrize(
    ("encoding", "body", "said"),
    [
        ("gzip", b"no gzip at all", "not valid gzip"),
        ("gzip", gzip.compress(b"hello" * 1000)[:-20], "end is missing"),
        ("br", b"x", "encoding that was not asked for"),
        ("gzip, gzip", b"x", "encoding that was not asked for"),
    ],
)
def test_a_body_that_cannot_be_unpacked_is_no_answer(
    http: RequestsHttp, encoding: str, body: bytes, said: str
) -> None:
    with serving(lambda _: Reply(body=body, headers={"Content-Encoding": encoding})) as server:
        error = failure(http, server.url())
    assert (error.kind, error.transient) == ("body", False)
    assert said in error.sentence


def test_an_empty_packed_body_is_empty(http: RequestsHttp) -> None:
    with serving(lambda _: Reply(body=b"", headers={"Content-Encoding": "gzip"})) as server:
        assert get(http, server.url()).body == b""


def test_a_chunk_size_without_end_does_not_fill_the_memory(http: RequestsHttp) -> None:
    def handler(asked: Asked) -> None:
        asked.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while asked.send(b"0" * 65536):
            pass

    with serving(handler) as server:
        error = failure(http, server.url(), max_body=100_000)
    assert error.kind in {"body", "protocol"}
    assert error.transient is False


def test_an_interim_answer_without_end_is_given_up(http: RequestsHttp) -> None:
    def handler(asked: Asked) -> None:
        while asked.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000):
            pass

    with serving(handler) as server:
        error = failure(http, server.url(), max_body=1000)
    assert (error.kind, error.transient) == ("body", False)
    assert error.sentence == f"{server.url('')} sends without end"


# Answers that are none


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "reset"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "protocol"),
        (b"HTTP/1.1 abc OK\r\n\r\n", "protocol"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "protocol"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", "protocol"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", "body"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "body"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "body"),
    ],
)
def test_an_answer_that_is_not_http_or_not_whole_is_none(http: RequestsHttp, data: bytes, kind: str) -> None:
    with serving(sending(data)) as server:
        error = failure(http, server.url("/secret-path"))
    assert error.kind == kind
    assert error.sentence.startswith(server.url(""))
    assert "secret-path" not in error.sentence


def test_a_reset_in_the_middle_of_the_body_is_told_as_one(http: RequestsHttp) -> None:
    def handler(asked: Asked) -> None:
        asked.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100)
        asked.wait(0.1)
        asked.reset()

    with serving(handler) as server:
        error = failure(http, server.url())
    assert (error.kind, error.transient) == ("reset", True)


def test_a_refused_connection_is_told_as_one(http: RequestsHttp) -> None:
    with refusing() as port:
        error = failure(http, f"http://user:hunter22@127.0.0.1:{port}/secret?token=abc")
    assert (error.kind, error.transient) == ("refused", True)
    assert error.sentence == f"http://127.0.0.1:{port} refused the connection"


def test_a_name_that_does_not_exist_is_told_as_one(http: RequestsHttp) -> None:
    error = failure(http, "https://nonexistent.invalid/path")
    assert (error.kind, error.transient) == ("dns", True)
    assert error.sentence == "https://nonexistent.invalid has a name that cannot be looked up"


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
    assert error.sentence == "http://***.invalid has a name that cannot be looked up"


# Redirects


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


def tunnel(target_port: int) -> Callable[[Asked], None]:
    def handler(asked: Asked) -> None:
        with socket.create_connection(("127.0.0.1", target_port)) as onward:
            asked.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pump, args=(onward, asked.socket))
            back.start()
            pump(asked.socket, onward)
            back.join()

    return handler


def pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


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
