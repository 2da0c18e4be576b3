"""Rolling restarts of real servers under load: readiness goes down first, nobody notices."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import parts
from tests.support.rolling import Router, ThreadLoad, WrkLoad
from tests.support.servers import KINDS, Server
from tests.support.waiting import wait_until

Launch = Callable[..., Server]
Load = Callable[[Router], WrkLoad | ThreadLoad]


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    started: list[Server] = []

    def start(kind: str, **env: str) -> Server:
        server = Server(kind, tmp_path, HOLD=str(tmp_path / "hold"), **env)
        started.append(server)
        return server

    yield start
    for server in started:
        server.kill()


@pytest.fixture(params=["wrk", "threads"])
def load(request: pytest.FixtureRequest, tmp_path: Path) -> Load:
    if request.param == "threads":
        return ThreadLoad
    wrk = parts.require("wrk")
    return lambda router: WrkLoad(router, wrk, tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_rolling_restart_under_load_fails_no_request(kind: str, load: Load, launch: Launch) -> None:
    first, second = launch(kind), launch(kind)
    with Router() as router:
        for server in (first, second):
            router.add(server.wait_ready())
        with load(router) as clients:
            third, fourth = launch(kind), launch(kind)
            codes = {
                router.replace(first, third.wait_ready()),
                router.replace(second, fourth.wait_ready()),
            }
            enough = clients.answered + 50
            wait_until(lambda: clients.answered > enough)

    assert clients.failures == []
    assert clients.answered > 200
    assert codes <= {0, -15}
    assert "draining: not ready any more" in first.log
    assert "closed the pool" in first.log


def test_the_load_notices_a_server_that_is_killed(load: Load, launch: Launch) -> None:
    first, second = launch("uvicorn"), launch("uvicorn")
    with Router() as router:
        for server in (first, second):
            router.add(server.wait_ready())
        with load(router) as clients:
            enough = clients.answered + 50
            wait_until(lambda: clients.answered > enough)
            first.kill()
            wait_until(lambda: first not in router.ready)

    assert clients.failures != []


@pytest.mark.parametrize("kind", KINDS)
def test_after_sigterm_readiness_says_so_while_everything_is_still_served(
    kind: str, launch: Launch, tmp_path: Path
) -> None:
    server = launch(kind, DRAIN="1.5").wait_ready()
    server.terminate()
    wait_until(lambda: server.get("/health/ready") == 503)

    status, headers, body = server.ask("/health/ready")
    served, served_headers, _ = server.ask("/")

    assert (status, headers["retry-after"], b"draining" in body) == (503, "5", True)
    assert (served, served_headers["connection"]) == (200, "close")
    assert server.get("/health/live") == 200
    assert server.wait() in {0, -15}
