"""From a clone to the first good deployment and the way back: real applications, environments and servers."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.support.existing import ENV, existing_project, git

SERVED = {
    "django": "gunicorn --bind 127.0.0.1:PORT shop.wsgi:application",
    "fastapi": "uvicorn --host 127.0.0.1 --port PORT shop.main:app",
    "flask": "gunicorn --bind 127.0.0.1:PORT wsgi:app",
}
SERVE = """\
set -eu
cd PLACE
if [ -s pid ]; then
  kill "$(cat pid)" 2>/dev/null || true
  while kill -0 "$(cat pid)" 2>/dev/null; do sleep 0.05; done
fi
cd current
setsid venv/bin/python -m SERVER >>PLACE/log 2>&1 </dev/null &
echo $! >PLACE/pid
"""
"""What a unit of systemd does: ends the old server, then starts the one of `current`."""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A host's folder; the server in it ends with the test."""
    folder = tmp_path / "srv"
    folder.mkdir()
    yield folder
    if (folder / "pid").exists():
        os.killpg(int((folder / "pid").read_text()), signal.SIGKILL)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize("framework", SERVED)
def test_a_project_is_deployed_with_few_commands_and_rolled_back(
    tmp_path: Path, place: Path, framework: str
) -> None:
    project = existing_project(tmp_path, framework)
    url = f"http://127.0.0.1:{free_port()}"
    serve = SERVE.replace("PLACE", str(place)).replace("SERVER", SERVED[framework])
    (place / "serve.sh").write_text(serve.replace("PORT", url.rpartition(":")[2]))
    site = next(path for path in sys.path if path.endswith("site-packages"))
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **ENV}
    # What the requirements name is installed already, in the environment of the tests.
    env["PYTHONPATH"] = os.pathsep.join([env["PYTHONPATH"], site])
    env |= {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    seen: list[str] = []

    def ops(line: str, code: int = 0) -> dict[str, object]:
        words = [sys.executable, "-m", "ci_ops", *shlex.split(line)[1:]]
        done = subprocess.run(words, cwd=project, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == code, f"{line}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        seen.append(line)
        return json.loads(done.stdout) if "--format json" in line else {}

    ops(f"ci-ops init --url {url} --path {place} --reload 'sh {place}/serve.sh'")
    git(project, "add -A")
    git(project, "commit -q -m 'Deploy with ci-ops'")
    git(project, "push -q")
    ops("ci-ops config check")
    ops("ci-ops readiness")
    ops("ci-ops deploy")
    assert len(seen) + 2 <= 8  # with the clone and the installation of ci-ops
    first = git(project, "rev-parse HEAD")
    assert live(url) == first

    if framework != "django":
        return  # the way back is the same for each, and a build takes seconds
    git(project, "commit -q --allow-empty -m 'Change nothing'")
    second = ops("ci-ops deploy --format json")
    assert second["status"] == "pass"
    assert live(url) == git(project, "rev-parse HEAD")
    back = ops("ci-ops rollback --format json")
    assert back["changed"] is True
    assert live(url) == first


def live(url: str) -> str:
    """The commit that the service itself tells."""
    with urlopen(f"{url}/__version__") as answer:
        commit: str = json.load(answer)["commit"]
        return commit
