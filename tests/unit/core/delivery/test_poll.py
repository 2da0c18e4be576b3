"""A URL that is requested until it answers well, alone and as the `health` of target `releases`."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from ci_ops.core.delivery.steps.poll import Poll
from ci_ops.core.report import StepState
from tests.support.deployments import Bench, a_world, listed
from tests.support.release_host import Host, numbered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ci_ops.core.delivery.execute import Execution


class Slow(BaseHTTPRequestHandler):
    """Answers with each of the statuses in turn, then with the last one for ever."""

    protocol_version = "HTTP/1.1"
    statuses: list[int]
    peers: list[int]

    def do_GET(self) -> None:
        self.peers.append(self.client_address[1])
        self.send_response(self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0])
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"seen\n")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(*statuses: int) -> Iterator[tuple[str, list[int]]]:
    """Yield the URL and the ports from which requests came."""
    peers: list[int] = []
    handler = type("Handler", (Slow,), {"statuses": list(statuses), "peers": peers})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/healthz", peers
        server.shutdown()
        thread.join()


def polled(folder: Path, url: str, **more: float) -> Execution:
    step = Poll(title="wait", key="wait", url=url, interval_seconds=0.01, **more)
    return Bench(folder, world=a_world(WORD="healthz")).executor().run(listed([step]))


def test_it_is_requested_until_it_answers_well_each_time_on_a_new_connection(tmp_path: Path) -> None:
    with serving(503, 404, 204) as (url, peers):
        execution = polled(tmp_path, url.replace("healthz", "${WORD}"))
    assert execution.failed is None
    assert len(peers) == len(set(peers)) == 3
    (outcome,) = execution.outcomes
    assert (outcome.run, outcome.changes) == (f"GET {url.replace('healthz', '${WORD}')}", False)


def test_at_the_deadline_the_last_answer_is_the_reason(tmp_path: Path) -> None:
    with serving(503) as (url, _):
        execution = polled(tmp_path, url, deadline_seconds=0.05)
    assert execution.failed is not None
    assert execution.failed.output == "seen\nthe last answer was 503; expected 2xx"


def test_a_host_that_is_not_up_yet_is_waited_for(tmp_path: Path) -> None:
    execution = polled(tmp_path, "http://127.0.0.1:1/", deadline_seconds=0.05)
    assert execution.failed is not None
    assert "refused" in execution.failed.output


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/${MISSING}", "http://[/"])
def test_what_no_waiting_would_mend_fails_at_once(tmp_path: Path, url: str) -> None:
    execution = polled(tmp_path, url, deadline_seconds=600.0)
    assert execution.failed is not None


def test_a_release_waits_for_the_url_of_its_host(tmp_path: Path) -> None:
    with serving(503, 200) as (url, peers):
        execution = Host(tmp_path, health=url).run(numbered(1))
    assert execution.failed is None
    assert len(peers) == 2
    (waited,) = [each for each in execution.outcomes if each.key == "health"]
    assert (waited.run, waited.state) == (f"GET {url}", StepState.DONE)


def test_a_way_back_asks_the_url_before_it_restarts_the_server(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with serving(200) as (url, _):
        host = Host(tmp_path, health=url, reload=f"echo reload >> {log}", restart=f"echo restart >> {log}")
        first = host.deploy(1)
        second = host.deploy(2, previous=first.id)
        assert host.executor(second).undo().failed is None
    assert host.live == first.revision
    assert log.read_text() == "reload\nreload\nreload\n"
