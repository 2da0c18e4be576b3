"""What real servers with several workers expose: promtool and prometheus_client read it, and the sums are right."""

from __future__ import annotations

import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support import parts
from tests.support.servers import Launch, Server
from tests.support.waiting import wait_until

HOOKED = ["gunicorn-workers", "gunicorn-preloaded"]
"""Their hooks make the folder of the metrics; the others are told of one."""
SEVERAL = ["uvicorn-several", *HOOKED, "gunicorn-threads", "gunicorn-asgi"]
PATHS = {"/items/1": 200, "/boom": 500, "/nope": 404, "/stream": 200}
ROUNDS = 25


@pytest.fixture
def launch(launch: Launch, tmp_path: Path) -> Launch:
    def start(kind: str) -> Server:
        env = {} if kind in HOOKED else {"CI_OPS_METRICS_DIR": str(tmp_path / "metrics")}
        return launch(kind, **env).wait_ready()

    return start


def _samples(text: str, name: str) -> Counter[str]:
    """What the samples of a name say, added up by route; the health routes are left out."""
    found: Counter[str] = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            route = sample.labels.get("route", "")
            if sample.name == name and not route.startswith(("/health", "/__version__")):
                found[route] += int(sample.value)
    return found


def _ask(server: Server) -> tuple[Counter[str], set[bytes]]:
    """Ask every path, several clients at once, until both workers have answered: how often, and who."""
    sent: Counter[str] = Counter()
    pids: set[bytes] = set()
    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            wanted = [path for path in PATHS for _ in range(ROUNDS)]
            for path, (status, _, body) in zip(wanted, pool.map(server.ask, wanted), strict=True):
                assert status == PATHS[path]
                sent[path] += 1
                pids |= {body} if path == "/items/1" else set()
            if len(pids) > 1:
                break
    return sent, pids


@pytest.mark.parametrize("kind", SEVERAL)
def test_the_counts_of_all_workers_are_the_requests_that_were_sent(kind: str, launch: Launch) -> None:
    server = launch(kind)
    sent, pids = _ask(server)
    routes = {"/items/1": "/items/{i}" if "{i}" in _scrape(server) else "/items/<i>", "/nope": "(unmatched)"}
    expected = Counter({routes.get(path, path): number for path, number in sent.items()})

    assert len(pids) == 2
    # An answer is counted just after it has gone out.
    wait_until(lambda: _samples(_scrape(server), "http_requests_total") == expected)
    for _ in range(4):  # whichever worker is asked
        text = _scrape(server)
        assert _samples(text, "http_requests_total") == expected
        assert _samples(text, "http_request_duration_seconds_count") == expected


@pytest.mark.parametrize("kind", [*SEVERAL, "uvicorn-auto"])
def test_promtool_finds_nothing_to_complain_about_in_a_scrape(kind: str, launch: Launch) -> None:
    promtool = parts.require("promtool")
    server = launch(kind)
    for path in PATHS:
        server.ask(path)
    done = subprocess.run(
        [promtool, "check", "metrics"],
        input=_scrape(server).encode(),
        capture_output=True,
        check=False,
        timeout=30,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def _scrape(server: Server) -> str:
    status, headers, body = server.ask("/health/metrics")
    assert (status, headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    return body.decode()
