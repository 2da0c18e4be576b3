"""Who is refused, what clients are told, and who cannot be made to pay for others."""

import asyncio
import json
import logging
from typing import Any

import pytest

from ci_ops.service.health.providers import read_topic
from ci_ops.service.limits.buckets import PerUserRateLimiter
from ci_ops.service.limits.client import ClientResolver
from ci_ops.service.limits.gcra import Decision
from ci_ops.service.limits.guard import DDoSProtection
from ci_ops.service.limits.store import MemoryStore, StoreDownError
from ci_ops.service.middleware.asgi import ASGILayer
from ci_ops.service.middleware.limits import RequestLimits
from ci_ops.service.middleware.wsgi import WSGILayer
from ci_ops.service.routes.answer import HealthRoutes
from tests.support.layers import Kind, Kit, Said, asgi_app, ask_asgi, ask_wsgi, wsgi_app

PROXY = ClientResolver(["10.0.0.0/8"])


class SyncStore:
    """A store that is waited for, as one in Redis is."""

    def __init__(self) -> None:
        self.inner = MemoryStore()
        self.is_down = False

    def spend(self, claims: Any, cost: int) -> tuple[Decision, ...]:
        if self.is_down:
            raise StoreDownError
        return self.inner.spend(claims, cost)

    def forget(self, quota: Any, key: str) -> None: ...


class AsyncStore:
    """The same, awaited."""

    def __init__(self) -> None:
        self.inner = MemoryStore()

    async def spend_async(self, claims: Any, cost: int) -> tuple[Decision, ...]:
        await asyncio.sleep(0)
        return self.inner.spend(claims, cost)

    async def forget_async(self, quota: Any, key: str) -> None: ...


def test_every_answer_tells_the_quota_and_the_one_too_many_is_refused(kind: Kind, kit: Kit) -> None:
    layer = kind.layer(kind.make(Said()), kit.options())
    answers = [kind.send(layer) for _ in range(6)]

    assert [answer.status for answer in answers] == [200] * 5 + [429]
    assert [answer.headers["ratelimit"].partition(";t=")[0] for answer in answers[:5]] == [
        f'"per-user";r={left}' for left in (4, 3, 2, 1, 0)
    ]
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"per-user";q=5;w=60'}
    refused = answers[5]
    assert refused.headers["retry-after"] == "12"
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["x-frame-options"] == "DENY"
    assert refused.headers["x-request-id"]
    document = json.loads(refused.body)
    assert (document["status"], document["violated-policies"]) == (429, ["per-user"])
    assert kit.series("http_requests_total") == {
        ("GET", "(unmatched)", "200"): 5,
        ("GET", "(refused)", "429"): 1,
    }
    assert kit.series("http_requests_limited_total") == {("per-user", "refused"): 1}


def test_a_refusal_of_head_has_no_body(kind: Kind, kit: Kit) -> None:
    layer = kind.layer(kind.make(Said()), kit.options())
    answers = [kind.send(layer, method="HEAD") for _ in range(6)]

    assert (answers[-1].status, answers[-1].body) == (429, b"")
    assert int(answers[-1].headers["content-length"]) > 0


def test_the_older_headers_can_be_had_too(kind: Kind, kit: Kit) -> None:
    headers = kind.ask(Said(), kit.options(limits=kit.limits(legacy_headers=True))).headers

    assert headers["x-ratelimit-limit"] == "5"
    assert headers["ratelimit"].startswith('"per-user";r=4')


@pytest.mark.parametrize(
    "path", ["/health", "/health/live", "/health/ready", "/__version__", "/health/any-group"]
)
def test_health_is_never_limited_and_not_in_the_log(kind: Kind, kit: Kit, path: str, lines: Any) -> None:
    layer = kind.layer(kind.make(Said()), kit.options())
    statuses = {kind.send(layer, path).status for _ in range(20)}

    assert statuses == {200}
    assert lines.text == ""
    (route,) = (labels[1] for labels in kit.series("http_requests_total"))
    assert route == (path if path != "/health/any-group" else "(unmatched)")


@pytest.mark.parametrize("path", ["/healthy", "/health-data", "/api/health/live"])
def test_what_only_begins_like_health_is_limited(kind: Kind, kit: Kit, path: str) -> None:
    layer = kind.layer(kind.make(Said()), kit.options())

    assert [kind.send(layer, path).status for _ in range(6)][-1] == 429


def test_below_a_prefix_of_the_server_health_is_not_limited_either(kit: Kit) -> None:
    asgi = ASGILayer(asgi_app(Said()), kit.options())
    wsgi = WSGILayer(wsgi_app(Said()), kit.options())

    assert {ask_asgi(asgi, "/shop/health/live", root_path="/shop").status for _ in range(10)} == {200}
    assert {ask_wsgi(wsgi, "/health/live", root_path="/shop").status for _ in range(10)} == {200}
    assert ask_asgi(asgi, "/shop/orders", root_path="/shop").status == 429


def test_a_flood_from_one_address_is_blocked_and_told_for_how_long(kind: Kind, kit: Kit) -> None:
    kit.guard, kit.per_user = DDoSProtection(3), PerUserRateLimiter(1000, 100)
    layer = kind.layer(kind.make(Said()), kit.options())
    answers = [kind.send(layer) for _ in range(5)]

    assert [answer.status for answer in answers] == [200, 200, 200, 429, 429]
    assert int(answers[-1].headers["retry-after"]) == pytest.approx(900, abs=2)
    assert json.loads(answers[-1].body)["violated-policies"] == ["per-ip"]
    assert kind.send(layer, peer="203.0.113.10").status == 200
    assert read_topic("security")["ddos"]["blocked"] == 1


def test_an_address_that_is_never_let_in_is_not_told_to_come_back(kind: Kind, kit: Kit) -> None:
    kit.guard = DDoSProtection(deny=["203.0.113.0/24"])
    answer = kind.ask(Said(), kit.options())

    assert (answer.status, "retry-after" in answer.headers) == (429, False)
    assert "abnormal-usage" in answer.body.decode()


def test_a_user_is_known_only_by_the_header_that_trusted_proxies_set_or_an_identity(
    kind: Kind, kit: Kit
) -> None:
    def spent(**request: Any) -> int:
        """Which of eight requests with changing X-User-ID was refused."""
        kit.per_user = PerUserRateLimiter(5, 5 / 60)
        resolver = request.pop("resolver", ClientResolver())
        layer = kind.layer(
            kind.make(Said()),
            kit.options(
                resolver=resolver,
                user_header=request.pop("user_header", ""),
                identity=request.pop("identity", None),
            ),
        )
        statuses = [
            kind.send(layer, headers=[("X-User-ID", str(number))], **request).status for number in range(8)
        ]
        return statuses.count(429)

    assert spent() == 3
    assert spent(resolver=PROXY) == 3
    assert spent(resolver=PROXY, peer="10.1.2.3") == 3  # nobody said that this proxy sets it
    assert spent(resolver=PROXY, peer="10.1.2.3", user_header="X-User-ID") == 0
    assert spent(resolver=PROXY, peer="10.1.2.3", user_header="X-Remote-User") == 3
    assert spent(user_header="X-User-ID") == 3
    assert spent(user_header="X-User-ID", identity=lambda _: "ada", resolver=PROXY, peer="10.1.2.3") == 3


def test_a_header_that_stands_twice_names_nobody(kind: Kind, kit: Kit) -> None:
    layer = kind.layer(kind.make(Said()), kit.options(resolver=PROXY, user_header="X-User-ID"))
    for number in range(5):
        two = [("X-User-ID", str(number)), ("X-User-ID", "ada")]
        assert kind.send(layer, headers=two, peer="10.1.2.3").status == 200

    assert kind.send(layer, headers=[("X-User-ID", "x"), ("X-User-ID", "y")], peer="10.1.2.3").status == 429


def test_the_client_behind_a_named_proxy_is_the_one_who_pays(kind: Kind, kit: Kit) -> None:
    layer = kind.layer(kind.make(Said()), kit.options(resolver=PROXY))

    def ask(forwarded: str) -> int:
        return kind.send(layer, peer="10.1.2.3", headers=[("X-Forwarded-For", forwarded)]).status

    assert [ask(f"1.1.1.{number}, 198.51.100.7") for number in range(6)] == [200] * 5 + [429]
    assert ask("198.51.100.7, 198.51.100.8") == 200


def test_behind_a_proxy_that_was_not_named_nobody_pays_for_others_and_it_is_said_once(
    kind: Kind, kit: Kit, caplog: pytest.LogCaptureFixture
) -> None:
    kit.guard = DDoSProtection(3)
    layer = kind.layer(kind.make(Said()), kit.options())

    def ask(forwarded: str) -> int:
        return kind.send(layer, peer="10.1.2.3", headers=[("X-Forwarded-For", forwarded)]).status

    assert {ask(f"9.9.9.{number}") for number in range(20)} == {200}
    assert [ask(f"1.1.1.{number}, 8.8.8.8") for number in range(6)] == [200] * 5 + [429]
    assert ask("8.8.4.4") == 200
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert (
        "10.1.2.3 with x-forwarded-for, but that address is not a trusted proxy" in warnings[0].getMessage()
    )


def test_a_known_user_pays_even_behind_such_a_proxy(kind: Kind, kit: Kit) -> None:
    layer = kind.layer(kind.make(Said()), kit.options(identity=lambda _: "ada"))
    sent = [("X-Forwarded-For", "198.51.100.1")]

    assert [kind.send(layer, peer="10.1.2.3", headers=sent).status for _ in range(6)][-1] == 429


def test_users_and_addresses_do_not_share_a_bucket(kind: Kind, kit: Kit) -> None:
    names = iter(["203.0.113.9"] * 5 + [""] * 5)
    layer = kind.layer(kind.make(Said()), kit.options(identity=lambda _: next(names)))

    assert {kind.send(layer).status for _ in range(10)} == {200}


def test_in_shadow_mode_all_pass_and_what_would_have_been_refused_is_counted(kind: Kind, kit: Kit) -> None:
    kit.per_user = PerUserRateLimiter(2, 2 / 60, enforce=False)
    layer = kind.layer(kind.make(Said()), kit.options())

    assert {kind.send(layer).status for _ in range(5)} == {200}
    assert kit.series("http_requests_limited_total") == {("per-user", "shadow"): 3}


def test_guessing_is_noticed_and_flagged_users_are_refused_only_if_asked_for(kind: Kind, kit: Kit) -> None:
    kit.per_user = PerUserRateLimiter(1000, 100)
    said = Said(status=403)
    layer = kind.layer(kind.make(said), kit.options())
    for _ in range(60):
        kind.send(layer)
    said.status = 200
    strict = kind.layer(kind.make(said), kit.options(limits=kit.limits(refuse_flagged=True)))

    assert [flag.user_id for flag in kit.abuse.get_flagged_users()] == ["ip:203.0.113.9"]
    assert kind.send(layer).status == 200
    refused = kind.send(strict)
    assert (refused.status, "retry-after" in refused.headers) == (429, False)
    assert json.loads(refused.body)["violated-policies"] == ["flagged"]
    assert read_topic("security")["abuse"]["flagged"] == 1


def test_a_user_who_runs_into_the_limit_all_the_time_is_noticed(kind: Kind, kit: Kit) -> None:
    layer = kind.layer(kind.make(Said()), kit.options(identity=lambda _: "ada"))
    for _ in range(60):
        kind.send(layer)

    assert kit.abuse.is_flagged("user:ada")


def test_each_of_the_three_can_be_switched_off(kind: Kind, kit: Kit) -> None:
    nothing = RequestLimits(per_user=None, guard=None, abuse=None)
    layer = kind.layer(kind.make(Said(status=404)), kit.options(limits=nothing))
    answers = [kind.send(layer) for _ in range(200)]

    assert {answer.status for answer in answers} == {404}
    assert "ratelimit-policy" not in answers[0].headers


def test_a_shared_store_is_waited_for_by_wsgi_and_awaited_by_asgi(kit: Kit) -> None:
    waited, awaited = (
        kit.limits(per_user=PerUserRateLimiter(2, 1, store=SyncStore())),
        kit.limits(per_user=PerUserRateLimiter(2, 1, store=AsyncStore())),
    )
    wsgi = WSGILayer(wsgi_app(Said()), kit.options(limits=waited))
    asgi = ASGILayer(asgi_app(Said()), kit.options(limits=awaited))

    assert [ask_wsgi(wsgi).status for _ in range(4)] == [200, 200, 429, 429]
    assert [ask_asgi(asgi).status for _ in range(4)] == [200, 200, 429, 429]
    assert {ask_asgi(asgi, "/health/live").status for _ in range(4)} == {200}


def test_a_store_that_does_not_fit_the_server_is_refused_at_once(kit: Kit) -> None:
    with pytest.raises(TypeError, match="give the limiter an AsyncRedisStore"):
        ASGILayer(
            asgi_app(Said()), kit.options(limits=kit.limits(per_user=PerUserRateLimiter(store=SyncStore())))
        )
    with pytest.raises(TypeError, match="give the limiter a RedisStore"):
        WSGILayer(
            wsgi_app(Said()), kit.options(limits=kit.limits(per_user=PerUserRateLimiter(store=AsyncStore())))
        )


@pytest.mark.parametrize(
    ("when_down", "status", "outcome"), [("allow", 200, "store-down"), ("refuse", 503, "refused")]
)
def test_without_its_store_a_limit_does_what_it_was_told(
    kit: Kit, when_down: Any, status: int, outcome: str
) -> None:
    store = SyncStore()
    store.is_down = True
    limits = kit.limits(per_user=PerUserRateLimiter(2, 1, store=store, when_down=when_down))
    layer = WSGILayer(wsgi_app(Said()), kit.options(limits=limits))
    answer = ask_wsgi(layer)

    assert answer.status == status
    assert "ratelimit" not in answer.headers
    assert kit.series("http_requests_limited_total") == {("per-user", outcome): 1}


def test_the_prober_is_not_limited_wherever_the_health_routes_are(kind: Kind, kit: Kit) -> None:
    layer = kind.layer(kind.make(Said()), kit.options())
    HealthRoutes(
        prefix="/inside/health", version_path="/inside/version"
    )  # later than the layer, as it may be

    for path in ("/inside/health/ready", "/inside/version"):
        assert {kind.send(layer, path).status for _ in range(20)} == {200}
    assert kind.send(layer, "/inside/healthy").headers["ratelimit-policy"]
