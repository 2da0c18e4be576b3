"""Proof of release: what the workers of a real server tell, and the check `revision` that reads it."""

import json
from pathlib import Path
from typing import Any

import pytest

from ci_ops.checks.revision import Revision
from ci_ops.core.health.status import Status
from ci_ops.core.result import Result
from tests.support.checking import NEW, OLD, a_subject, a_world, rules_of, the_result
from tests.support.parts import ROOT
from tests.support.servers import Launch, Server
from tests.support.waiting import wait_until

APPLICATION = """
from ci_ops.service import HealthWSGI, application_config

application_config.validate_all_sync()
application = HealthWSGI()
"""
SERVERS = ["--workers 2", "--workers 2 --preload"]


@pytest.fixture
def launch(launch: Launch, tmp_path: Path) -> Launch:
    (tmp_path / "shop.py").write_text(APPLICATION)

    def start(words: str, **env: str) -> Server:
        needed = {
            "DATABASE_URL": "postgresql://db/shop",
            "SECRET_KEY": "q8W3eR5tY7uI9oP1aS3dF5gH7jK9lZ1xC3vB5nM7",
            "BUILD_TIME": "2027-01-31T12:00:00Z",
            "GIT_COMMIT": NEW,
            "PYTHONPATH": str(ROOT),
        }
        command = f"gunicorn --bind 127.0.0.1:0 {words} shop:application"
        return launch(command, tmp_path, **{**needed, **env}).wait_ready()

    return start


def _versions(server: Server) -> list[dict[str, Any]]:
    """What both workers tell of themselves, to this machine."""
    seen: dict[str, dict[str, Any]] = {}

    def both_have_answered() -> bool:
        shown = json.loads(server.ask("/__version__")[2])
        seen[shown["instance"]] = shown
        return len(seen) == 2

    wait_until(both_have_answered)
    return list(seen.values())


def _look(server: Server, revision: str, **settings: Any) -> Result:
    subject = a_subject(url=f"http://127.0.0.1:{server.port}", revision=revision)
    return the_result(Revision(**settings), subject, a_world())


@pytest.mark.parametrize("words", SERVERS)
def test_every_worker_tells_the_same_release_as_an_instance_of_its_own(words: str, launch: Launch) -> None:
    one, other = _versions(launch(words))

    assert one["commit"] == other["commit"] == NEW
    assert one["built_at"] == other["built_at"] == "2027-01-31T12:00:00.000Z"
    assert len(one["config"]) == 16
    assert one["config"] == other["config"]
    assert one["instance"] != other["instance"]


def test_another_configuration_has_another_fingerprint_and_no_value_is_shown(launch: Launch) -> None:
    shown = [_versions(launch("--workers 2", DB_POOL_SIZE=size))[0] for size in ("10", "11")]

    assert shown[0]["config"] != shown[1]["config"]
    assert "q8W3eR5t" not in str(shown)


@pytest.mark.parametrize("path", ["/__version__", "/nowhere"])
def test_the_check_reads_what_the_kit_tells_from_its_version_or_its_health(path: str, launch: Launch) -> None:
    server = launch("--workers 2 --threads 4")
    shipped, stale = _look(server, NEW, path=path), _look(server, OLD, path=path)

    assert (shipped.status, shipped.measured) == (Status.PASS, 8)
    assert stale.status is Status.FAIL
    assert rules_of(stale)[0] == "stale"
