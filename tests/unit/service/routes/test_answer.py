import gc
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ci_ops.core.health.document import parse_health
from ci_ops.core.health.status import Status
from ci_ops.core.text.secret import Secret
from ci_ops.core.text.weburl import NONCE_HEADER
from ci_ops.service import release
from ci_ops.service.health import providers
from ci_ops.service.health.gate import Gate
from ci_ops.service.health.model import HealthStatus, Outcome
from ci_ops.service.health.providers import provide
from ci_ops.service.health.service import HealthCheckService
from ci_ops.service.release import Release
from ci_ops.service.resilience.breaker import CircuitBreaker, CircuitOpenError
from ci_ops.service.resilience.degradation import graceful_degradation
from ci_ops.service.routes.answer import HealthRoutes
from ci_ops.service.routes.asgi import HealthApp
from ci_ops.service.routes.wsgi import HealthWSGI
from tests.support.service_clock import HandClock
from tests.support.web_calls import LOCAL, REMOTE, Called, call_asgi, call_wsgi

TOKEN = "t" * 24
Ask = Callable[..., Called]


@pytest.fixture(autouse=True)
def _own_world(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "_providers", {})
    stated = Release(
        commit="c" * 40, version="1.2", source="https://git.example.com/shop", instance="0badcafe"
    )
    monkeypatch.setattr(release._Current, "release", stated)


@pytest.fixture(params=["asgi", "wsgi"])
def ask(request: pytest.FixtureRequest, health: HealthCheckService) -> Ask:
    routes = HealthRoutes(health, gate=Gate(token=Secret(TOKEN)))
    if request.param == "asgi":
        return lambda path, **options: call_asgi(HealthApp(routes=routes), path, **options)
    return lambda path, **options: call_wsgi(HealthWSGI(routes=routes), path, **options)


def test_a_healthy_service_is_ready_and_says_which_release_it_is(
    ask: Ask, health: HealthCheckService
) -> None:
    health.add(lambda: True, name="database", component_type="datastore")

    answer = ask("/health/ready")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/health+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Age"] == "0"
    assert "Retry-After" not in answer.headers
    document = parse_health(answer.body)
    assert (document.status, document.release_id, document.version) == (Status.PASS, "c" * 40, "1.2")
    assert document.components[0].component_type == "datastore"
    assert (answer.json["instance"], answer.json["checked"]) == ("0badcafe", 1)


def test_strangers_see_status_release_and_how_many_checks_ran(ask: Ask, health: HealthCheckService) -> None:
    health.add(
        lambda: Outcome(status=HealthStatus.DEGRADED, message="replica is 9 s behind"), name="database"
    )

    answer = ask("/health/check", peer=REMOTE)

    assert answer.json == {"status": "warn", "releaseId": "c" * 40, "version": "1.2", "checked": 1}
    assert not parse_health(answer.body).is_shallow


def test_a_bearer_of_the_token_sees_details_from_anywhere(ask: Ask, health: HealthCheckService) -> None:
    health.add(
        lambda: Outcome(status=HealthStatus.DEGRADED, message="replica is 9 s behind"), name="database"
    )

    answer = ask("/health/check", peer=REMOTE, headers={"Authorization": f"Bearer {TOKEN}"})

    assert answer.json["checks"]["database"][0]["output"] == "replica is 9 s behind"


def test_a_required_failure_is_503_with_a_time_to_come_back(ask: Ask, health: HealthCheckService) -> None:
    health.add(lambda: False, name="database")

    answers = {path: ask(path) for path in ("/health", "/health/ready/", "/health/check", "/health/summary")}

    assert {one.status for one in answers.values()} == {503}
    assert {one.headers["Retry-After"] for one in answers.values()} == {"5"}
    assert ask("/health/live").status == 200


def test_an_optional_failure_stays_200_and_warns(ask: Ask, health: HealthCheckService) -> None:
    health.add(lambda: False, name="mail", required=False)

    answer = ask("/health/ready")

    assert (answer.status, answer.json["status"]) == (200, "warn")


def test_the_age_of_kept_results_is_shown_and_a_verifier_gets_past_it(
    ask: Ask, health: HealthCheckService, clock: HandClock
) -> None:
    runs = []
    health.add(lambda: runs.append(1), name="database", ttl_seconds=60)
    ask("/health/ready")
    clock.advance(3.7)

    kept = ask("/health/ready")
    fresh = ask("/health/ready", headers={"Cache-Control": "no-cache"})

    assert (kept.headers["Age"], kept.json["ageSeconds"]) == ("3", 3.7)
    assert (fresh.headers["Age"], len(runs)) == ("0", 2)


@pytest.mark.parametrize(
    ("accept", "media", "body"),
    [
        ("text/plain", "text/plain", b"pass\n"),
        ("application/json", "application/json", b'{"status":"pass","releaseId"'),
        ("*/*", "application/health+json", b'{"status":"pass","releaseId"'),
    ],
)
def test_the_body_follows_accept(ask: Ask, accept: str, media: str, body: bytes) -> None:
    answer = ask("/health/live", headers={"Accept": accept})

    assert answer.headers["Content-Type"] == media
    assert answer.body.startswith(body)


def test_head_has_the_headers_of_get_and_no_body(ask: Ask) -> None:
    get, head = ask("/health/ready"), ask("/health/ready", method="HEAD")

    assert (head.status, head.headers, head.body) == (get.status, get.headers, b"")
    assert int(get.headers["Content-Length"]) == len(get.body)


@pytest.mark.parametrize("path", ["/health/ready", "/__version__", "/health/security"])
def test_other_methods_are_refused(ask: Ask, path: str) -> None:
    answer = ask(path, method="POST")

    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/", "/healthy", "/health/nonsense", "/health/ready/x", "/__version__/x"])
def test_other_paths_are_not_ours(ask: Ask, path: str) -> None:
    assert ask(path).status == 404


def test_a_group_has_a_path_of_its_own(ask: Ask, health: HealthCheckService) -> None:
    health.add(lambda: False, name="stripe", tags=("payments",))
    health.group("payments", tags=["payments"])

    assert (ask("/health/payments").status, ask("/health/ready").status) == (503, 200)


@pytest.mark.parametrize("name", ["metrics", "a/b", ""])
def test_no_group_may_take_the_name_of_another_route(health: HealthCheckService, name: str) -> None:
    with pytest.raises(ValueError, match="cannot be called"):
        health.group(name)


def test_draining_is_told_to_everybody_and_a_broken_state_only_to_insiders(
    ask: Ask, health: HealthCheckService
) -> None:
    health.availability.condemn("queue reader died: secret plan")
    assert "secret plan" in ask("/health/live").json["output"]
    assert "output" not in ask("/health/live", peer=REMOTE).json

    health.availability.drain()
    answer = ask("/health/ready", peer=REMOTE)

    assert (answer.status, answer.json["output"]) == (503, "draining")


def test_the_full_check_shows_states_breakers_and_degraded_features(ask: Ask) -> None:
    provide("circuit-breakers", lambda: {"database": {"state": "open"}})
    provide("degraded-features", lambda: {"search": {"reason": "index is rebuilt"}})

    answer = ask("/health/check")

    assert answer.json["availability"] == {"live": True, "ready": True, "draining": False}
    assert answer.json["circuitBreakers"]["database"]["state"] == "open"
    assert answer.json["degradedFeatures"]["search"]["reason"] == "index is rebuilt"
    assert parse_health(answer.body).status is Status.PASS


def test_insiders_see_what_is_affected_and_how_long_the_process_has_run(
    ask: Ask, health: HealthCheckService, clock: HandClock
) -> None:
    health.add(lambda: False, name="mail", required=False, affected_endpoints=("/orders", "/signup"))
    clock.advance(90)

    document = ask("/health/check").json

    assert document["checks"]["mail"][0]["affectedEndpoints"] == ["/orders", "/signup"]
    assert document["uptimeSeconds"] == 90
    assert b"/orders" not in ask("/health/check", peer=REMOTE).body
    assert b"uptime" not in ask("/health/check", peer=REMOTE).body


def test_the_summary_counts(ask: Ask, health: HealthCheckService) -> None:
    health.add(lambda: True, name="database")
    health.add(lambda: False, name="mail", required=False)

    shown = ask("/health/summary").json

    assert {name: shown[name] for name in ("status", "healthy", "degraded", "unhealthy", "checked")} == {
        "status": "warn",
        "healthy": 1,
        "degraded": 1,
        "unhealthy": 0,
        "checked": 2,
    }
    assert "checks" not in shown


def test_version_is_the_proof_of_release(ask: Ask) -> None:
    public, detailed = ask("/__version__", peer=REMOTE), ask("/__version__")

    assert public.json == {
        "source": "https://git.example.com/shop",
        "version": "1.2",
        "commit": "c" * 40,
        "build": "",
    }
    assert detailed.json["instance"] == "0badcafe"
    assert public.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/health/metrics", "/health/security"])
def test_metrics_and_security_are_for_insiders(ask: Ask, path: str) -> None:
    assert (ask(path, peer=REMOTE).status, ask(path).status) == (403, 200)


def test_security_is_told_by_its_provider(ask: Ask) -> None:
    provide("security", lambda: None)
    assert ask("/health/security").json == {"available": False}
    provide("security", lambda: {"blocked": ["203.0.113.0/24"]})

    assert ask("/health/security").json == {"blocked": ["203.0.113.0/24"]}


def test_a_provider_that_fails_is_logged_and_shows_nothing(
    ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    provide("security", lambda: dict[str, str]()["gone"])

    answer = ask("/health/security")

    assert (answer.status, b"gone" in answer.body) == (500, False)
    assert "the provider of security failed" in caplog.text


def test_a_provider_that_fails_takes_no_service_out_of_the_rotation(
    ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    provide("circuit-breakers", lambda: dict[str, str]()["gone"])

    answer = ask("/health/check")

    assert (answer.status, answer.json["circuitBreakers"]) == (200, None)
    assert "the provider of circuit-breakers failed" in caplog.text


def test_what_json_does_not_know_becomes_a_text(ask: Ask) -> None:
    odd = {"rate": math.inf, "rates": [math.nan, 0.5], "name": "\udcff", "at": Path("/"), "share": -math.inf}
    provide("security", lambda: odd)

    assert ask("/health/security").json == {
        "rate": "inf",
        "rates": ["nan", 0.5],
        "name": "?",
        "at": "/",
        "share": "-inf",
    }


def test_a_variable_that_cannot_be_decoded_breaks_no_route(ask: Ask) -> None:
    release.set_release(replace(release.current_release(), version="1.2\udcff"))

    for path in ("/__version__", "/health/ready", "/health/metrics", "/health/summary"):
        assert ask(path).status == 200
        assert b"1.2?" in ask(path).body


def test_metrics_are_prometheus_text_or_a_snapshot(ask: Ask, health: HealthCheckService) -> None:
    health.add(lambda: True, name="database")
    provide("metrics-text", lambda: "requests_total 3")
    provide("metrics-snapshot", lambda: {"counters": {"requests": 3}})
    release.set_release(replace(release.current_release(), version='1"\\\n2'))
    ask("/health/ready")

    text = ask("/health/metrics")
    snapshot = ask("/health/metrics", headers={"Accept": "application/json"})

    assert text.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = text.body.decode().splitlines()
    assert lines[0] == "requests_total 3"
    assert 'ci_ops_health_status{component="database"} 1' in lines
    assert f'ci_ops_release_info{{commit="{"c" * 40}",version="1\\"\\\\\\n2"}} 1' in lines
    assert snapshot.json["counters"] == {"requests": 3}
    assert snapshot.json["health"]["checked"] == 1


def test_the_metrics_are_read_by_the_clients_of_prometheus(ask: Ask, health: HealthCheckService) -> None:
    health.add(lambda: "degraded", name="queue:orders")
    provide("metrics-text", lambda: "# TYPE requests counter\nrequests_total 3\n")
    ask("/health/ready")

    families = text_string_to_metric_families(ask("/health/metrics").body.decode())
    samples = {sample.name: (sample.labels, sample.value) for family in families for sample in family.samples}

    assert samples["requests_total"] == ({}, 3)
    assert samples["ci_ops_health_status"] == ({"component": "queue:orders"}, 0.5)
    assert samples["ci_ops_release_info"][0]["version"] == "1.2"


def test_breakers_and_degraded_features_are_metrics(ask: Ask) -> None:
    closed, broken = CircuitBreaker('a "quoted\\" name'), CircuitBreaker("partner of metrics")
    broken.force_open()
    with pytest.raises(CircuitOpenError):
        broken.call(bool)
    half = CircuitBreaker("half of metrics", 1, 1e-9)
    half.trip()
    graceful_degradation.mark_degraded("search of metrics", "index is rebuilt")
    try:
        families = list(text_string_to_metric_families(ask("/health/metrics").body.decode()))
    finally:
        graceful_degradation.mark_recovered("search of metrics")
    values = {(s.name, s.labels.get("circuit")): s.value for family in families for s in family.samples}

    assert values["ci_ops_circuit_open", closed.name] == 0
    assert values["ci_ops_circuit_open", half.name] == 0.5
    assert values["ci_ops_circuit_open", broken.name] == 1
    assert values["ci_ops_circuit_rejected_total", broken.name] == 1
    assert values["ci_ops_degraded_features", None] == 1


@pytest.mark.parametrize("path", ["/health/ready", "/health/check", "/health/metrics", "/health/summary"])
def test_no_route_shows_the_password_in_an_error_of_a_driver(
    ask: Ask, health: HealthCheckService, path: str
) -> None:
    def refuse() -> None:
        raise ConnectionError("postgresql://shop:hunter2hunter2@db/shop password=hunter2hunter2")

    health.add(refuse, name="database")
    ask("/health/ready")

    for options in ({}, {"peer": REMOTE}, {"headers": {"Accept": "application/json"}}):
        answer = ask(path, **options)
        assert b"hunter2" not in answer.body
        assert b"Traceback" not in answer.body
    assert b"ConnectionError" in ask("/health/ready").body


def test_names_and_statuses_can_be_opened_to_everybody(health: HealthCheckService) -> None:
    health.add(lambda: Outcome(status=HealthStatus.DEGRADED, message="inner"), name="database")
    app = HealthWSGI(routes=HealthRoutes(health, show_components=True))

    assert call_wsgi(app, "/health", peer=REMOTE).json["checks"] == {"database": [{"status": "warn"}]}


def test_the_prefix_is_a_choice() -> None:
    routes = HealthRoutes(HealthCheckService(), prefix="internal/health/", version_path="/version")

    assert routes.find("/internal/health/live") == "live"
    assert routes.find("/health/live") is None
    assert "/version" in routes.paths()


@pytest.mark.parametrize("path", ["", "/", "//"])
def test_the_root_belongs_to_the_application(path: str) -> None:
    with pytest.raises(ValueError, match="/ belongs to the application"):
        HealthRoutes(HealthCheckService(), prefix=path)
    with pytest.raises(ValueError, match="/ belongs to the application"):
        HealthRoutes(HealthCheckService(), version_path=path)


def test_the_two_doors_answer_the_same(health: HealthCheckService) -> None:
    gc.collect()  # circuit breakers of other tests that nothing holds any more would vanish between two answers
    health.add(lambda: False, name="database")
    routes = HealthRoutes(health)

    for path in routes.paths():
        for peer in (LOCAL, REMOTE):
            one = call_asgi(HealthApp(routes=routes), path, peer=peer)
            two = call_wsgi(HealthWSGI(routes=routes), path, peer=peer)
            assert one.status == two.status
            assert _steady(one) == _steady(two)


def _steady(answer: Called) -> Any:
    if "json" not in answer.headers["Content-Type"]:
        return answer.body
    return json.loads(answer.body)


NONCE = "0123456789abcdef"


@pytest.mark.parametrize(
    "path", ["/health", "/health/live", "/health/check", "/health/metrics", "/__version__"]
)
def test_a_verifier_gets_its_nonce_back_from_every_route(ask: Ask, path: str) -> None:
    for peer in (LOCAL, REMOTE):
        assert ask(path, peer=peer, headers={NONCE_HEADER: NONCE}).headers[NONCE_HEADER] == NONCE
        assert ask(f"{path}?a=b&ci-ops={NONCE}", peer=peer).headers[NONCE_HEADER] == NONCE
    assert NONCE_HEADER not in ask(path).headers


@pytest.mark.parametrize(
    "sent", ["", NONCE.upper(), NONCE + "0", NONCE[1:], NONCE + "\n", "<script>", "\u0661" * 16]
)
def test_nothing_else_is_reflected(ask: Ask, sent: str) -> None:
    headers = {NONCE_HEADER: sent.encode("utf-8").decode("latin-1")}

    assert NONCE_HEADER not in ask("/health/live", headers=headers).headers
    assert NONCE_HEADER not in ask(f"/health/live?ci-ops={NONCE}", headers=headers).headers
    assert NONCE_HEADER not in ask(f"/health/live?ci-ops={NONCE}0").headers


def test_what_was_not_measured_is_said_to_everybody(ask: Ask, health: HealthCheckService) -> None:
    for path in ("/health/ready", "/health/check", "/health/summary"):
        (note,) = ask(path, peer=REMOTE).json["notes"]
        assert note.startswith("no health check is registered here")
    assert "notes" not in ask("/health/live").json  # it never asks a dependency
    health.add(lambda: True, name="stock")
    assert "notes" not in ask("/health/ready").json


def test_an_unknown_commit_is_never_an_empty_text_alone(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "notes" not in ask("/__version__").json
    monkeypatch.setattr(release._Current, "release", Release(version="1.2"))

    shown = ask("/__version__", peer=REMOTE).json

    assert shown["commit"] == ""
    assert "write the commit into a file REVISION" in shown["notes"][0]
