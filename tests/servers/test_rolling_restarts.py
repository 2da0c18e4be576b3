"""Rolling restarts of real servers under load: readiness goes down first, nobody notices."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import parts
from tests.support.rolling import Router, ThreadLoad, WrkLoad
from tests.support.servers import KINDS, Launch, Server
from tests.support.waiting import wait_until

DRAIN = "1"
"""Many times what the router needs to notice, also where many tests share two cores."""
Load = Callable[[Router], WrkLoad | ThreadLoad]
Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture(params=["wrk", "threads"])
def load(request: pytest.FixtureRequest, tmp_path: Path) -> Load:
    if request.param == "threads":
        return ThreadLoad
    wrk = parts.require("wrk")
    return lambda router: WrkLoad(router, wrk, tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_rolling_restart_under_load_fails_no_request(kind: str, load: Load, launch: Launch) -> None:
    first, second = launch(kind, DRAIN=DRAIN), launch(kind, DRAIN=DRAIN)
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


def _ask_until(server: Server, path: str, is_it: Callable[[Answer], bool]) -> Answer:
    """The first answer of that kind: of several workers each hears of its end in its own time."""
    answers: list[Answer] = []

    def has_come() -> bool:
        answers.append(server.ask(path))
        return is_it(answers[-1])

    wait_until(has_come)
    assert {status for status, _, _ in answers} <= {200, 503}
    return answers[-1]


@pytest.mark.parametrize("kind", KINDS)
def test_after_sigterm_readiness_says_so_while_everything_is_still_served(kind: str, launch: Launch) -> None:
    server = launch(kind, DRAIN="1.5").wait_ready()
    server.terminate()

    _, headers, body = _ask_until(server, "/health/ready", lambda answer: answer[0] == 503)
    served, _, _ = _ask_until(server, "/", lambda answer: answer[1].get("connection") == "close")

    assert (headers["retry-after"], b"draining" in body) == ("5", True)
    assert served == 200
    assert server.get("/health/live") == 200
    assert server.wait() in {0, -15}
