"""Proxies that were not named: what they forward cannot switch the limits off."""

import json
from typing import Any

import pytest

from ci_ops.service.limits.buckets import PerUserRateLimiter
from ci_ops.service.limits.client import BY_SERVER, CROWD, Client, ClientResolver, connection_peer
from ci_ops.service.limits.guard import DDoSProtection
from ci_ops.service.middleware.asgi import ASGILayer
from tests.support.layers import Answer, Kind, Kit, Said, asgi_app, ask_asgi

DAY = 24 * 3600
PROXY = ClientResolver(["10.0.0.0/8"])


def test_a_proxy_that_was_not_named_has_the_quota_of_a_crowd(kind: Kind, kit: Kit) -> None:
    kit.per_user = PerUserRateLimiter(5, 5 / DAY)  # nothing comes back while the test runs
    layer = kind.layer(kind.make(Said()), kit.options())

    def ask(number: int, peer: str = "10.1.2.3") -> Answer:
        sent = [("X-Forwarded-For", f"9.9.{number // 200}.{number % 200}")]
        return kind.send(layer, peer=peer, headers=sent)

    answers = [ask(number) for number in range(5 * CROWD + 10)]

    assert [answer.status for answer in answers] == [200] * 5 * CROWD + [429] * 10
    assert json.loads(answers[-1].body)["violated-policies"] == ["per-proxy"]
    assert ask(0, peer="10.1.2.4").status == 200
    assert kind.send(layer, peer="10.1.2.3").status == 200  # the proxy's own requests, such as its checks


def test_a_denied_network_is_not_let_in_by_a_header(kind: Kind, kit: Kit) -> None:
    kit.guard = DDoSProtection(deny=["10.0.0.0/8"])
    layer = kind.layer(kind.make(Said()), kit.options())
    preflight = [("Origin", "https://page.example"), ("Access-Control-Request-Method", "GET")]

    assert kind.send(layer, peer="10.1.2.3", headers=[("X-Forwarded-For", "9.9.9.9")]).status == 429
    assert kind.send(layer, peer="10.1.2.3", method="OPTIONS", headers=preflight).status == 429


def _replaced(headers: list[tuple[str, str]], port: int = 0) -> dict[str, Any]:
    """A scope whose client uvicorn has taken from X-Forwarded-For."""
    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    return {"type": "http", "client": ("198.51.100.7", port), "headers": raw}


@pytest.mark.parametrize(("forwarded", "port"), [("198.51.100.7", 0), ("198.51.100.7:4711", 4711)])
def test_an_address_that_the_server_took_from_a_header_is_no_peer(forwarded: str, port: int) -> None:
    scope = _replaced([("X-Forwarded-For", forwarded)], port)
    unnamed, named = ClientResolver(), ClientResolver(["127.0.0.1"])

    assert connection_peer(scope) == BY_SERVER
    assert unnamed.from_asgi(scope).is_suspect
    assert "the server took a client's address" in unnamed.diagnosis
    assert named.from_asgi(scope) == Client(
        address="198.51.100.7", key="198.51.100.7", is_peer=False, is_suspect=False
    )
    assert not named.is_trusted(connection_peer(scope))


def test_a_spoofed_first_hop_is_read_past_whatever_the_server_took() -> None:
    """uvicorn started with --forwarded-allow-ips='*' takes the first entry, which the client wrote."""
    scope = _replaced([("X-Forwarded-For", "198.51.100.7, 203.0.113.5, 10.0.0.9")])

    assert PROXY.from_asgi(scope).address == "203.0.113.5"


def test_clients_whom_the_server_took_from_a_header_share_the_quota_of_a_crowd(kit: Kit) -> None:
    kit.per_user = PerUserRateLimiter(5, 5 / DAY)  # nothing comes back while the test runs
    layer = ASGILayer(asgi_app(Said()), kit.options())

    def ask(number: int) -> int:
        address = f"9.9.{number // 200}.{number % 200}"
        return ask_asgi(layer, peer=address, port=0, headers=[("X-Forwarded-For", address)]).status

    assert {ask(number) for number in range(5 * CROWD)} == {200}
    assert ask(5 * CROWD) == 429


def test_a_user_header_is_not_believed_where_the_server_hides_its_peer(kit: Kit) -> None:
    options = kit.options(resolver=ClientResolver(["127.0.0.1"]), user_header="X-User-ID")
    layer = ASGILayer(asgi_app(Said()), options)
    sent = [("X-Forwarded-For", "127.0.0.1")]
    statuses = [
        ask_asgi(layer, peer="127.0.0.1", port=0, headers=[*sent, ("X-User-ID", str(number))]).status
        for number in range(8)
    ]

    assert statuses.count(429) == 3


def test_the_peer_before_werkzeugs_proxy_fix_is_the_peer() -> None:
    environ = {"REMOTE_ADDR": "6.6.6.6", "HTTP_X_FORWARDED_FOR": "6.6.6.6, 198.51.100.7"}
    environ_fixed: dict[str, Any] = {**environ, "werkzeug.proxy_fix.orig": {"REMOTE_ADDR": "10.1.2.3"}}

    assert PROXY.from_wsgi(environ_fixed).address == "198.51.100.7"
    assert PROXY.from_wsgi(environ).address == "6.6.6.6"
