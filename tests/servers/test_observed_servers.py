"""The middleware, the log and the metrics under real servers, with one worker and with several."""

import json
import os
import re
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import Launch, Server
from tests.support.waiting import wait_until

SINGLE = ["uvicorn-h11", "uvicorn-auto", "gunicorn-threads"]
HOOKED = ["gunicorn-workers", "gunicorn-preloaded"]
"""Their hooks make the folder of the metrics; the others are told of one."""
SEVERAL = ["uvicorn-several", *HOOKED, "gunicorn-threads", "gunicorn-asgi"]


@pytest.fixture
def launch(launch: Launch, tmp_path: Path) -> Launch:
    def start(kind: str, **env: str) -> Server:
        shared = {} if kind in HOOKED else {"CI_OPS_METRICS_DIR": str(tmp_path / "metrics")}
        return launch(kind, **{**shared, **env}).wait_ready()

    return start


def _lines(server: Server) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.log.splitlines() if line.startswith("{")]


def _raw(server: Server, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


def _scrape(server: Server) -> dict[str, float]:
    status, headers, body = server.ask("/health/metrics")
    assert (status, headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    return {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in body.decode().splitlines())
        if not name.startswith("#")
    }


def _items(server: Server) -> float:
    series = _scrape(server)
    names = [f'http_requests_total{{method="GET",route="/items/{i}",status="200"}}' for i in ("{i}", "<i>")]
    return sum(series.get(name, 0.0) for name in names)


@pytest.mark.parametrize("kind", [*SINGLE, "gunicorn-native-seen", "hypercorn-seen"])
@pytest.mark.parametrize(
    ("path", "status"), [("/items/3", 200), ("/boom", 500), ("/stream", 200), ("/nope", 404)]
)
def test_every_answer_carries_its_headers_over_the_wire(
    kind: str, path: str, status: int, launch: Launch
) -> None:
    server = launch(kind)
    answer = _raw(server, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    head = answer.partition(b"\r\n\r\n")[0].decode().lower()

    assert head.startswith(f"http/1.1 {status} ")
    for name in (
        "x-request-id",
        "x-frame-options",
        "x-content-type-options",
        "ratelimit-policy",
        "ratelimit",
    ):
        assert len(re.findall(rf"^{name}: ", head, re.MULTILINE)) == 1, head
    assert len(re.findall(r"^server: ", head, re.MULTILINE)) <= 1
    assert "shop/1.2" not in head


@pytest.mark.parametrize("kind", SINGLE)
def test_a_request_can_be_followed_through_the_log(kind: str, launch: Launch) -> None:
    server = launch(kind)
    answer = _raw(
        server,
        b"GET /items/7?token=abc HTTP/1.1\r\nHost: x\r\nX-Request-ID: r-42\r\nConnection: close\r\n\r\n",
    )
    wait_until(lambda: any(line.get("event") == "http_request" for line in _lines(server)))
    mine = [line for line in _lines(server) if line.get("request_id") == "r-42"]

    assert b"r-42" in answer
    assert {line["event"] for line in mine} == {"item_seen", "http_request"}
    access = next(line for line in mine if line["event"] == "http_request")
    assert (access["status"], access["path"], access["client"]) == (200, "/items/7", "127.0.0.1")
    assert access["route"] in {"/items/{i}", "/items/<i>"}
    assert "abc" not in server.log
    assert "HTTP/1.1" not in server.log, "the server's own access line"


@pytest.mark.parametrize("kind", SINGLE)
def test_an_exception_is_in_the_log_with_its_traceback_and_the_next_request_is_served(
    kind: str, launch: Launch
) -> None:
    server = launch(kind)
    assert server.ask("/boom")[0] == 500
    assert server.ask("/items/1")[0] == 200
    # An answer is counted and logged just after it has gone out.
    wait_until(lambda: any('exception="RuntimeError"' in name for name in _scrape(server)))
    wait_until(lambda: len([line for line in _lines(server) if line.get("event") == "http_request"]) == 2)
    told = [line for line in _lines(server) if "exception" in line]

    assert {line["exception"]["type"] for line in told} == {"RuntimeError"}
    assert [line["logger"] for line in told].count("ci_ops.service.access") <= 1


@pytest.mark.parametrize("kind", ["uvicorn-h11", "gunicorn-native-seen", "hypercorn-seen"])
def test_invented_methods_make_one_series(kind: str, launch: Launch) -> None:
    server = launch(kind)
    before = len(_scrape(server))
    for number in range(100):
        request = f"XFOO{number} /items/{number} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        assert b" 405 " in _raw(server, request.encode())
        assert server.ask(f"/made-up/{number}")[0] == 404

    series = _scrape(server)
    assert (
        sum(value for name, value in series.items() if 'method="(other)"' in name and "_total" in name) == 100
    )
    assert len(series) < before + 50


@pytest.mark.parametrize("kind", SINGLE)
def test_hostile_headers_reach_neither_the_log_nor_the_answer(kind: str, launch: Launch) -> None:
    server = launch(kind)
    hostile = (
        b"X-Request-ID: \xff\x01<script>\r\n",
        b"X-Request-ID: " + b"a" * 5000 + b"\r\n",
        b"traceparent: 00-" + b"0" * 32 + b"-" + b"1" * 16 + b"-01\r\n",
        b'User-Agent: {"a":1}\x1b[2J\r\n',
        b"X-User-ID: admin\r\nX-User-ID: root\r\n",
    )
    for header in hostile:
        _raw(server, b"GET /items/1 HTTP/1.1\r\nHost: x\r\n" + header + b"Connection: close\r\n\r\n")
    assert server.ask("/items/1")[0] == 200

    assert "<script>" not in server.log
    assert "\x1b" not in server.log
    assert "a" * 200 not in server.log
    assert all(len(line["request_id"]) == 32 for line in _lines(server) if "request_id" in line)
    assert not any("user_id" in line for line in _lines(server))


@pytest.mark.parametrize("kind", SINGLE)
def test_the_one_too_many_is_refused_over_the_wire_and_health_is_not(kind: str, launch: Launch) -> None:
    server = launch(kind, LIMIT="3")
    codes = [server.ask("/items/1") for _ in range(10)]
    refused = [headers for status, headers, _ in codes if status == 429]

    assert refused
    assert all(int(headers["retry-after"]) >= 1 for headers in refused)
    assert refused[0]["content-type"] == "application/problem+json"
    assert {server.ask("/health/ready")[0] for _ in range(10)} == {200}


@pytest.mark.parametrize("kind", SEVERAL)
def test_any_worker_tells_what_all_have_counted_and_a_killed_one_takes_nothing_along(
    kind: str, launch: Launch
) -> None:
    server = launch(kind)
    pids = {server.ask("/items/1")[2] for _ in range(40)}
    sent = 40

    def all_workers_have_answered() -> bool:
        nonlocal sent
        pids.add(server.ask("/items/1")[2])
        sent += 1
        return len(pids) == 2

    wait_until(all_workers_have_answered)
    wait_until(lambda: _items(server) == sent)  # an answer is counted just after it has gone out
    assert {_items(server) for _ in range(6)} == {sent}

    victim = int(next(iter(pids)))
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: all(server.get("/items/1") == 200 for _ in range(5)))
    wait_until(lambda: _items(server) >= sent + 5)
    after = [_items(server) for _ in range(6)]

    assert after == sorted(after)
    assert "metrics are not shared" not in server.log
    assert "CI_OPS_METRICS_DIR is not set" not in server.log


def test_gunicorn_removes_the_folder_of_its_workers(launch: Launch, tmp_path: Path) -> None:
    server = launch("gunicorn-workers", TMPDIR=str(tmp_path))
    wait_until(lambda: len(list(tmp_path.glob("ci-ops-metrics-*/*.cells"))) == 2)
    server.terminate()
    server.wait()

    assert list(tmp_path.glob("ci-ops-metrics-*")) == []
