"""However a server answers, a request ends in time and in bounded memory."""

from __future__ import annotations

import gzip
import random
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from ci_ops.core.ports.http import HttpError
from ci_ops.edge.clock import StopSignal
from ci_ops.edge.http import RequestsHttp
from tests.support.asking import (
    SLACK_SECONDS,
    failure,
    get,
    make,
    ok,
    sending,
    silence,
)
from tests.support.certificates import bundle, server_context
from tests.support.waiting import wait_until
from tests.support.web import Asked, Reply, ignoring, refusing, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


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
        ("gzip", gzip.compress(b"hello" * 1000, mtime=0)[:-20], "end is missing"),
        ("br", b"x", "encoding that was not requested"),
        ("gzip, gzip", b"x", "encoding that was not requested"),
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
    assert (error.kind, error.transient, error.lasting) == ("dns", True, True)
    assert error.sentence == "https://nonexistent.invalid has a name that does not exist"
