"""The five minutes of the kit's documentation, walked: an application that exists, a server, curl, ci-ops."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

import ci_ops
from tests.support.doc_examples import PAGES, read_page
from tests.support.parts import ROOT
from tests.support.servers import Server
from tests.support.waiting import wait_until

EXISTING = ROOT / "tests" / "data" / "existing"
"""Applications with settings, a database and host checks of their own, and nothing of the kit."""
PAGE = (PAGES / "README.md").read_text(encoding="utf-8")
CHANGES = dict(re.findall(r"^```diff (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
SERVED = re.findall(r"^    ((?:uvicorn|gunicorn) (\S+))$", PAGE, re.MULTILINE)
ASKED = re.findall(r"^    (ci-ops .*)$", PAGE, re.MULTILINE)
WALKS = [(path.partition("/")[0], command) for path, (command, _) in zip(CHANGES, SERVED, strict=True)]
MOUNTS = ("import", "HealthApp", "HealthWSGI", "application_lifecycle")
ANY_PORT = {"uvicorn": "--host 127.0.0.1 --port 0", "gunicorn": "--bind 127.0.0.1:0"}
ENV = {
    "PYTHONPATH": str(ROOT),
    "SECRET_KEY": "q8W3eR5tY7uI9oP1aS3dF5gH7jK9lZ1xC3vB5nM7qW9eR1tY3u",
    "CI_OPS_DRAIN_SECONDS": "0.5",
    "CI_OPS_HEALTH_DETAILS": "loopback",
}


def changed(text: str, change: str) -> str:
    """The text with the lines that begin with a plus; the lines around them must stand there once."""
    for hunk in change.split("@@\n"):
        lines = [line or " " for line in hunk.splitlines()]
        before = "".join(f"{line[1:]}\n" for line in lines if line[0] == " ")
        assert text.count(before) == 1, before
        text = text.replace(before, "".join(f"{line[1:]}\n" for line in lines))
    return text


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "HOME": str(folder.parent), **ENV}
    return subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=False)


def git(folder: Path, words: str) -> str:
    done = run(folder, "git", "-c", "user.name=Ada", "-c", "user.email=ada@example.com", *shlex.split(words))
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path: Path, framework: str) -> Path:
    """The application as it was, with the changes of the page, committed and pushed."""
    folder = tmp_path / "project"
    shutil.copytree(EXISTING / framework, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for path, change in CHANGES.items():
        if path.startswith(f"{framework}/"):
            file = folder / path.removeprefix(f"{framework}/")
            file.write_text(changed(file.read_text(), change))
    with (folder / "requirements.txt").open("a") as file:
        file.write(f"ci-ops=={ci_ops.__version__}\n")
    (folder / ".gitignore").write_text("__pycache__/\n*.db\n*.sqlite3\n.ci-ops/\n")
    git(tmp_path, "init -q --bare origin.git")
    for words in ("init -q -b main", "add -A", "commit -q -m shop", "remote add origin ../origin.git"):
        git(folder, words)
    git(folder, "push -q -u origin main")
    if (folder / "manage.py").exists():
        assert run(folder, sys.executable, "manage.py", "migrate").returncode == 0
    return folder


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
