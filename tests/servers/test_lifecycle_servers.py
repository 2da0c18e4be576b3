"""Start and end of real servers: failing starts, requests in flight, endless streams, many signals."""

from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from signal import SIGINT

import pytest

from tests.support.servers import KINDS, Launch
from tests.support.waiting import wait_until

MANY = ["uvicorn-workers", "gunicorn-sync", "gunicorn-native"]


@pytest.mark.parametrize("kind", ["uvicorn", "gunicorn-gthread", "gunicorn-native", "hypercorn"])
def test_a_request_in_flight_is_answered_after_the_drain_time(
    kind: str, launch: Launch, tmp_path: Path
) -> None:
    server = launch(kind, DRAIN="0.2").wait_ready()
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(server.ask, "/hold")
        wait_until(lambda: server.get("/") == 200)
        server.terminate()
        wait_until(lambda: "stopped the jobs" in server.log)
        (tmp_path / "hold").touch()

        assert held.result(10)[0] == 200
    assert server.wait() in {0, -15}
    assert "stopped with 0 requests in flight" in server.log


def test_an_endless_stream_does_not_keep_the_process_from_ending(launch: Launch) -> None:
    server = launch("uvicorn", DRAIN="0.1", DRAIN_TIMEOUT="0.3").wait_ready()
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", "/stream")
    response = connection.getresponse()
    assert response.read(6) == b"event\n"

    server.terminate()

    assert server.wait() == -15
    connection.close()
    assert "1 requests still in flight after 0.3 s, 1 cut off" in server.log
    assert "closed the pool" in server.log


def test_a_web_socket_that_nobody_closes_does_not_either(launch: Launch) -> None:
    server = launch("uvicorn", DRAIN="0.1", DRAIN_TIMEOUT="0.3").wait_ready()
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}
    connection.request("GET", "/ws", headers={"Connection": "Upgrade", "Upgrade": "websocket", **key})
    assert connection.getresponse().status == 101

    server.terminate()

    assert server.wait() == -15
    connection.close()
    assert "1 requests still in flight after 0.3 s, 1 cut off" in server.log
    assert "closed the pool" in server.log


@pytest.mark.parametrize(
    "kind", ["uvicorn", "gunicorn-sync", "gunicorn-uvicorn", "gunicorn-native", "hypercorn"]
)
def test_a_failing_start_names_every_failure_and_exits_non_zero(kind: str, launch: Launch) -> None:
    server = launch(kind, FAILING="secrets database")

    assert server.wait() in {1, 3}
    assert "secrets failed" in server.log
    assert "database failed" in server.log
    assert "not started, because of secrets, database" in server.log


@pytest.mark.parametrize("kind", MANY)
def test_a_signal_to_every_process_at_once_does_not_shorten_the_drain(kind: str, launch: Launch) -> None:
    server = launch(kind, DRAIN="1").wait_ready()
    server.terminate_group()
    wait_until(lambda: server.get("/health/ready") == 503)
    server.terminate_group()

    assert [server.get("/") for _ in range(20)] == [200] * 20
    assert server.wait() in {0, -15}


def test_an_interrupt_from_the_keyboard_is_not_held_back(launch: Launch) -> None:
    server = launch("uvicorn", DRAIN="30").wait_ready()
    server.process.send_signal(SIGINT)

    assert server.wait(10) in {0, 130, -2}
    assert "draining" not in server.log


def test_a_preloaded_application_says_that_nobody_watches_its_workers(launch: Launch) -> None:
    server = launch("gunicorn-preload").wait_ready()

    assert "SIGTERM is not watched in this process; post_worker_init" in server.log
    assert server.log.count("is not watched") == 1


def test_a_preloaded_application_drains_with_the_hook_of_its_worker(launch: Launch, tmp_path: Path) -> None:
    config = tmp_path / "gunicorn.conf.py"
    config.write_text("from ci_ops.service.gunicorn_hooks import post_worker_init\n")
    server = launch("gunicorn-preload", DRAIN="1", GUNICORN_CMD_ARGS=f"-c {config}").wait_ready()
    server.terminate()
    wait_until(lambda: server.get("/health/ready") == 503)

    assert server.get("/") == 200
    assert server.wait() == 0
    assert "is not watched" not in server.log


@pytest.mark.parametrize("kind", KINDS)
def test_a_plan_longer_than_the_grace_time_is_told_at_the_start(kind: str, launch: Launch) -> None:
    server = launch(kind, DRAIN="20", DRAIN_TIMEOUT="20").wait_ready()

    grace = "20" if kind in {"gunicorn-sync", "gunicorn-gthread", "gunicorn-native"} else "30"
    assert f"stopping may take 45 s, but the process is killed after {grace} s" in server.log
