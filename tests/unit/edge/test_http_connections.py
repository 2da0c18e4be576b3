"""Connections: kept, fresh, to one address, side by side."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from ci_ops.core.ports.http import HttpError
from ci_ops.edge.http import RequestsHttp
from tests.support.asking import (
    AMPLE_SECONDS,
    SLACK_SECONDS,
    echo,
    failure,
    get,
    headers_of,
    make,
    ok,
)
from tests.support.certificates import bundle, server_context
from tests.support.waiting import wait_until
from tests.support.web import Reply, ignoring, serving, workers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


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
        assert http.addresses(server.url(host="service.invalid"), timeout_seconds=10.0) == (
            "127.0.0.3",
            "127.0.0.2",
            "127.0.0.1",
        )
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
    assert "(resolving its name)" in error.sentence
    assert 0.3 <= time.monotonic() - started < 0.3 + SLACK_SECONDS


def test_a_name_without_any_address_cannot_be_reached(
    http: RequestsHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", naming())
    assert failure(http, "http://service.invalid/").kind == "dns"


def test_every_address_of_a_name_is_told_once(http: RequestsHttp) -> None:
    assert "127.0.0.1" in http.addresses("https://localhost:8443/path", timeout_seconds=10.0)
    assert len(set(http.addresses("http://localhost", timeout_seconds=10.0))) == len(
        http.addresses("http://localhost", timeout_seconds=10.0)
    )
    assert http.addresses("http://127.0.0.1:1/", timeout_seconds=10.0) == ("127.0.0.1",)
    assert http.addresses("http://[::1]/", timeout_seconds=10.0) == ("::1",)
    with pytest.raises(HttpError) as caught:
        http.addresses("http://user:secret@nonexistent.invalid/path", timeout_seconds=10.0)
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
