"""The five minutes of the kit's documentation, walked: an application that exists, a server, curl, ci-ops."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.support.doc_examples import PAGES, read_page
from tests.support.existing import CHANGES, ENV, PAGE, existing_project, git, run
from tests.support.servers import Server
from tests.support.waiting import wait_until

SERVED = re.findall(r"^    ((?:uvicorn|gunicorn) (\S+))$", PAGE, re.MULTILINE)
ASKED = re.findall(r"^    (ci-ops .*)$", PAGE, re.MULTILINE)
WALKS = [(path.partition("/")[0], command) for path, (command, _) in zip(CHANGES, SERVED, strict=True)]
MOUNTS = ("import", "HealthApp", "HealthWSGI", "application_lifecycle")
ANY_PORT = {"uvicorn": "--host 127.0.0.1 --port 0", "gunicorn": "--bind 127.0.0.1:0"}


@pytest.fixture
def project(tmp_path: Path, framework: str) -> Path:
    return existing_project(tmp_path, framework)


@pytest.fixture
def server(tmp_path: Path, project: Path, command: str) -> Iterator[Server]:
    program, _, application = command.partition(" ")
    words = f"{program} {ANY_PORT[program]} {application}"
    started = Server(words, tmp_path, project, **ENV)
    yield started.wait_ready()
    started.kill()


@pytest.mark.parametrize(("framework", "command"), WALKS, ids=[command for _, command in WALKS])
def test_an_application_that_exists_has_the_kit_in_five_minutes(
    framework: str, command: str, project: Path, server: Server
) -> None:
    commit = git(project, "rev-parse HEAD")
    for asked in read_page(PAGES / "README.md").answers:
        status, _, body = server.ask(asked.path)
        assert status == asked.status, asked.path
        assert all(text in body.decode() for text in asked.said), body
    assert commit in server.ask("/__version__")[2].decode()

    headers = {"Host": "shop.example.com", "X-Forwarded-Proto": "https"}
    with urlopen(Request(f"http://127.0.0.1:{server.port}/orders", headers=headers)) as answer:
        assert answer.read().strip() == b"[]"

    for line in ASKED:
        text = line.replace("127.0.0.1:8000", f"127.0.0.1:{server.port}").replace(
            "$(git rev-parse HEAD)", commit
        )
        done = run(project, sys.executable, "-m", "ci_ops", *shlex.split(text)[1:])
        assert done.returncode == 0, done.stdout + done.stderr

    server.terminate()
    wait_until(lambda: server.get("/health/ready") == 503)
    assert server.wait() in {0, -15}


@pytest.mark.parametrize("path", CHANGES)
def test_three_lines_mount_the_kit(path: str) -> None:
    added = [line[1:] for line in CHANGES[path].splitlines() if line.startswith("+")]
    mounting = [line for line in added if "ci_ops" in line or any(word in line for word in MOUNTS[1:])]

    assert 2 <= len(mounting) <= 3


def test_the_walks_are_those_of_the_three_frameworks() -> None:
    assert {framework for framework, _ in WALKS} == {"fastapi", "django", "flask"}
    assert [line.split()[1] for line in ASKED] == ["readiness", "verify"]
