"""A verification of many endpoints against a service whose kit limits and blocks as it does by default."""

from __future__ import annotations

from ci_ops.checks._http.expect import Expectation
from ci_ops.checks.endpoints import Endpoints
from ci_ops.core.health.status import Status
from ci_ops.core.named import Named
from ci_ops.core.pace import Pace
from ci_ops.core.result import Result
from ci_ops.edge.world import RealWorld
from tests.support.checking import a_subject, checked, clean_env, rules_of
from tests.support.servers import Launch, Server

KEY = "a-key-for-tests-only"
APP = "uvicorn --host 127.0.0.1 --port 0 --factory tests.support.limited_app:asgi"
CHECK = Endpoints(paths={f"/page/{number}": Expectation() for number in range(20)}, connections=8)


def look(server: Server, *, rate: float, deadline_seconds: float, **env: str) -> Result:
    subject = a_subject(url=f"http://127.0.0.1:{server.port}", pace=Pace(rate))
    world = RealWorld(env=clean_env(**env))
    named = Named(name="endpoints", plugin=CHECK)
    (result,) = checked([named], subject, world, deadline_seconds=deadline_seconds)
    return result


def test_twenty_endpoints_over_eight_connections_are_all_measured_with_a_key(launch: Launch) -> None:
    server = launch(APP, CI_OPS_PROBE_KEY=KEY).wait_for_port()
    result = look(server, rate=1000.0, deadline_seconds=60.0, CI_OPS_PROBE_KEY=KEY)
    assert (result.status, result.measured, result.attempts) == (Status.PASS, 160, 1)
    assert server.get("/page/0") == 200


def test_without_a_key_no_more_is_sent_than_the_service_allows_and_nothing_is_blocked(
    launch: Launch,
) -> None:
    server = launch(APP).wait_for_port()
    result = look(server, rate=0.0, deadline_seconds=5.0)
    assert (result.status, rules_of(result)) == (Status.ERROR, ["throttled"] * 20)
    assert 80 <= result.measured <= 100
    assert server.get("/page/0") == 200


def test_with_another_key_the_service_is_not_measured_and_not_called_broken(launch: Launch) -> None:
    server = launch(APP, CI_OPS_PROBE_KEY=KEY).wait_for_port()
    result = look(server, rate=1000.0, deadline_seconds=3.0, CI_OPS_PROBE_KEY="another-key-for-tests")
    assert (result.status, set(rules_of(result))) == (Status.ERROR, {"throttled"})
    assert "both clocks" in result.findings[0].advice
