"""Pages of other origins: their preflights pass, and they can read why they were refused."""

from ci_ops.service.limits.buckets import PerUserRateLimiter
from ci_ops.service.limits.client import CROWD
from ci_ops.service.limits.guard import DDoSProtection
from ci_ops.service.middleware.cors import MAX_ORIGINS, AllowedOrigins
from tests.support.layers import JSON, Kind, Kit, Said

PAGE = "https://page.example"


def test_preflights_neither_use_up_a_quota_nor_meet_it(kind: Kind, kit: Kit) -> None:
    kit.guard, kit.per_user = DDoSProtection(5), PerUserRateLimiter(5, 5 / (24 * 3600))
    layer = kind.layer(kind.make(Said()), kit.options())

    def preflight() -> int:
        sent = [("Origin", PAGE), ("Access-Control-Request-Method", "GET")]
        return kind.send(layer, method="OPTIONS", headers=sent).status

    assert {preflight() for _ in range(8)} == {200}
    assert [kind.send(layer).status for _ in range(7)] == [200] * 5 + [429] * 2
    assert preflight() == 200
    assert kind.send(layer, method="OPTIONS").status == 429  # no browser asks like that
    assert 429 in {preflight() for _ in range(5 * CROWD)}  # nor so often


def test_a_page_of_another_origin_can_read_why_it_was_refused(kind: Kind, kit: Kit) -> None:
    allowed = [("Access-Control-Allow-Origin", PAGE), ("Access-Control-Expose-Headers", "X-Total")]
    said = Said(headers=[*JSON, *allowed])
    layer = kind.layer(kind.make(said), kit.options())
    for _ in range(5):
        kind.send(layer, headers=[("Origin", PAGE)])
    refused = kind.send(layer, headers=[("Origin", PAGE)])
    foreign = kind.send(layer, headers=[("Origin", "https://evil.example")])

    assert refused.status == foreign.status == 429
    assert refused.headers["access-control-allow-origin"] == PAGE
    assert (
        refused.headers["access-control-expose-headers"]
        == "X-Total, Retry-After, RateLimit, RateLimit-Policy"
    )
    assert refused.headers["vary"] == "Origin"
    assert not [name for name in foreign.headers if name.startswith("access-control")]
    assert "access-control-allow-origin" not in kind.send(layer).headers


def test_allowed_origins_are_remembered_in_bounded_memory(kind: Kind, kit: Kit) -> None:
    known = AllowedOrigins()
    for number in range(3 * MAX_ORIGINS):
        known.learn(f"https://{number}.example", [("Access-Control-Allow-Origin", "*")])

    assert known.headers_for("https://0.example") == []
    assert (
        dict(known.headers_for(f"https://{3 * MAX_ORIGINS - 1}.example"))["access-control-allow-origin"]
        == "*"
    )
