"""Signed probes of ci-ops: not counted, not blocked, shown apart, and nothing else."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest

from ci_ops.core.text.probe_signature import KEY_VARIABLE, PROBE_HEADER, sign_probe
from ci_ops.service.limits.client import ClientResolver
from ci_ops.service.limits.guard import DDoSProtection
from ci_ops.service.limits.probe import ProbeKey
from ci_ops.service.middleware.options import MiddlewareOptions
from tests.support.layers import Answer, Kind, Kit, Pairs, Said
from tests.support.log_lines import Lines

KEY = "a-key-for-tests-only"
PEER = "203.0.113.9"


def signed(path: str = "/", *, method: str = "GET", key: str = KEY, age_seconds: float = 0.0) -> Pairs:
    signature = sign_probe(key.encode(), method, unquote_to_bytes(path), at_seconds=time.time() - age_seconds)
    return [(PROBE_HEADER, signature)]


def with_key(kit: Kit, **changes: Any) -> MiddlewareOptions:
    return kit.options(probe_key=ProbeKey(KEY), **changes)


def send_many(kind: Kind, layer: Any, headers: Pairs, count: int = 20) -> list[Answer]:
    return [kind.send(layer, headers=headers) for _ in range(count)]


def test_signed_requests_are_neither_counted_nor_blocked(kind: Kind, kit: Kit) -> None:
    kit.guard = DDoSProtection(5)
    layer = kind.layer(kind.make(Said()), with_key(kit))
    answers = send_many(kind, layer, signed())
    assert {answer.status for answer in answers} == {200}
    assert "ratelimit" not in answers[-1].headers
    assert kind.send(layer).headers["ratelimit"].startswith('"per-user";r=4;')
    assert not kit.guard.is_blocked(PEER)


def test_they_pass_where_their_address_is_blocked_already(kind: Kind, kit: Kit) -> None:
    layer = kind.layer(kind.make(Said()), with_key(kit))
    kit.guard.block_ip(PEER)
    assert [kind.send(layer, headers=headers).status for headers in (None, signed())] == [429, 200]


@pytest.mark.parametrize(
    "headers",
    [
        signed("/other"),
        signed(method="POST"),
        signed(key="another-key-for-tests"),
        signed(age_seconds=180.0),
        [(PROBE_HEADER, "")],
        [(PROBE_HEADER, "a" * 64)],
        [(PROBE_HEADER, "\xe9" * 64)],
        [(PROBE_HEADER, "a" * 10_000)],
    ],
)
def test_any_other_signature_is_worth_nothing(kind: Kind, kit: Kit, headers: Pairs) -> None:
    layer = kind.layer(kind.make(Said()), with_key(kit))
    assert [answer.status for answer in send_many(kind, layer, headers, 6)] == [200] * 5 + [429]


def test_a_signature_of_a_later_minute_is_worth_nothing(kind: Kind, kit: Kit) -> None:
    layer = kind.layer(kind.make(Said()), with_key(kit))
    answers = send_many(kind, layer, signed(age_seconds=-180.0), 6)
    assert [answer.status for answer in answers] == [200] * 5 + [429]


def test_without_a_key_no_signature_counts(kind: Kind, kit: Kit) -> None:
    layer = kind.layer(kind.make(Said()), kit.options(probe_key=None))
    assert send_many(kind, layer, signed(), 6)[-1].status == 429


@pytest.mark.parametrize("path", ["/a b", "/ü", "/orders/7"])
def test_the_path_is_compared_as_servers_decode_it(kind: Kind, kit: Kit, path: str) -> None:
    layer = kind.layer(kind.make(Said()), with_key(kit))
    given = path.encode().decode("latin-1") if kind.name == "wsgi" else path
    answers = [kind.send(layer, given, headers=signed(path)) for _ in range(6)]
    assert answers[-1].status == 200


def test_a_prefix_of_the_server_belongs_to_the_path(kind: Kind, kit: Kit) -> None:
    layer = kind.layer(kind.make(Said()), with_key(kit))
    answers = [kind.send(layer, "/a", root_path="/shop", headers=signed("/shop/a")) for _ in range(6)]
    assert answers[-1].status == 200


def test_an_address_that_is_denied_stays_refused(kind: Kind, kit: Kit) -> None:
    kit.guard = DDoSProtection(5, deny=[PEER])
    assert kind.ask(Said(), with_key(kit), headers=signed()).status == 429


def test_they_open_no_other_door(kind: Kind, kit: Kit) -> None:
    """A signature makes no user and no trusted proxy of its sender."""
    options = with_key(kit, user_header="X-User-ID", resolver=ClientResolver(["10.0.0.0/8"]))
    said = Said()
    layer = kind.layer(kind.make(said), options)
    claims: Pairs = [("X-User-ID", "admin"), ("X-Forwarded-For", "10.0.0.1"), ("X-Forwarded-Proto", "https")]
    plain, probe = kind.send(layer, headers=claims), kind.send(layer, headers=[*claims, *signed()])
    hidden = {"x-request-id", "ratelimit", "ratelimit-policy"}
    assert {name: value for name, value in probe.headers.items() if name not in hidden} == {
        name: value for name, value in plain.headers.items() if name not in hidden
    }


def test_their_answers_are_shown_apart_in_metrics_and_log(kind: Kind, kit: Kit, lines: Lines) -> None:
    layer = kind.layer(kind.make(Said(status=404)), with_key(kit))
    send_many(kind, layer, signed(), 3)
    kind.send(layer)
    assert kit.series("http_probe_requests_total") == {("GET", "(unmatched)", "404"): 3}
    assert kit.series("http_requests_total") == {("GET", "(unmatched)", "404"): 1}
    assert kit.series("http_requests_in_progress") == {(): 0}
    assert [line.get("is_probe", False) for line in lines.all] == [True, True, True, False]


def test_their_refusals_by_the_application_flag_nobody(kind: Kind, kit: Kit) -> None:
    layer = kind.layer(kind.make(Said(status=403)), with_key(kit))
    send_many(kind, layer, signed(), 60)
    assert kit.abuse.get_abuse_summary()["tracked"] == 0


def test_an_inner_layer_with_limits_of_its_own_knows_them_too(kind: Kind, kit: Kit) -> None:
    inner = Kit(per_user=kit.per_user)
    wrapped = kind.layer(kind.make(Said()), inner.options(probe_key=None))
    layer = kind.layer(wrapped, with_key(Kit()))
    assert {answer.status for answer in send_many(kind, layer, signed())} == {200}


def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    assert MiddlewareOptions().probe_key is None
    monkeypatch.setenv(KEY_VARIABLE, f"{KEY}\n")
    key = MiddlewareOptions().probe_key
    assert key is not None
    assert key.has_signed(signed()[0][1], "GET", b"/")
    assert KEY not in repr(MiddlewareOptions())
    monkeypatch.setenv(KEY_VARIABLE, "short")
    with pytest.raises(ValueError, match="at least 16 characters"):
        MiddlewareOptions()
