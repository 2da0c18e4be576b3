"""Servers whose SIGTERM nobody can hold back: a file, made by a `preStop` hook, takes them out first."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.rolling import Router, ThreadLoad
from tests.support.servers import UNWATCHED, Launch, Server
from tests.support.waiting import wait_until


@pytest.fixture
def launch(launch: Launch, tmp_path: Path) -> Launch:
    numbers = itertools.count()

    def start(kind: str) -> Server:
        file = tmp_path / f"draining-{next(numbers)}"
        return launch(kind, CI_OPS_DRAIN_FILE=str(file), DRAIN="5", CI_OPS_DRAIN_SECONDS="0.5")

    return start


def _stop_as_a_platform_does(server: Server, file: Path) -> int:
    """The `preStop` hook to its end, then the signal; the exit code."""
    env = {**os.environ, "CI_OPS_DRAIN_FILE": str(file), "CI_OPS_DRAIN_SECONDS": "0.5"}
    subprocess.run([sys.executable, "-m", "ci_ops.service.drain_file"], env=env, check=True)
    server.terminate()
    return server.wait()


@pytest.mark.parametrize("kind", [*UNWATCHED])
def test_a_rolling_restart_with_a_hook_fails_no_request(kind: str, launch: Launch, tmp_path: Path) -> None:
    old, new = launch(kind).wait_ready(), launch(kind)
    with Router() as router:
        router.add(old)
        with ThreadLoad(router) as clients:
            router.add(new.wait_ready())
            code = _stop_as_a_platform_does(old, tmp_path / "draining-0")
            enough = clients.answered + 50
            wait_until(lambda: clients.answered > enough)

    assert clients.failures == []
    assert clients.answered > 100
    assert code == 0
    assert "closed the pool" in old.log


@pytest.mark.parametrize("kind", [*UNWATCHED])
def test_while_the_file_is_there_everything_is_served_and_nothing_is_ready(
    kind: str, launch: Launch, tmp_path: Path
) -> None:
    server = launch(kind).wait_ready()
    (tmp_path / "draining-0").touch()

    status, _, body = server.ask("/health/ready")
    served, headers, _ = server.ask("/")

    assert (status, b"draining" in body) == (503, True)
    assert (served, headers["connection"]) == (200, "close")
    assert server.get("/health/live") == 200
    (tmp_path / "draining-0").unlink()
    assert server.get("/health/ready") == 200


def test_a_server_that_cannot_be_watched_is_told_what_helps(launch: Launch) -> None:
    server = launch("gunicorn-native-bare").wait_ready()

    assert "for gunicorn post_worker_init in ci_ops.service.gunicorn_hooks changes that" in server.log
