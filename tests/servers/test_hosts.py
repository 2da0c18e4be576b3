"""Target `releases` with real servers, by the configurations and unit files of docs/hosts.md.

A first release, a second one, one that cannot be imported and is refused by
`check`, and the same without `check`: the server ends or stays, and the
previous release serves again.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.parts import ROOT, require
from tests.support.servers import free_port
from tests.support.user_manager import UserManager, user_manager
from tests.support.waiting import wait_until

PAGE = (ROOT / "docs" / "hosts.md").read_text()
UNITS = ROOT / "templates" / "platforms" / "systemd"
SERVERS = sorted(path.name for path in UNITS.iterdir() if path.is_dir())
KINDS = re.findall(r"^```yaml (\w+)$", PAGE, re.MULTILINE)
APP = """\
from ci_ops.service import HealthApp, HealthWSGI

def page(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"shop"]

async def asgi_page(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"shop"})

application, app = HealthWSGI(page), HealthApp(asgi_page)
"""
UNSTARTABLE = """\
async def app(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})

def __getattr__(name):
    raise RuntimeError("no database")
"""
"""An ASGI application whose startup fails, and a WSGI one that cannot be had: a database that is away at boot."""
VERIFY = """\
verify:
  url: http://127.0.0.1:8000
  deadline: 30s
  timeout: 5s
  checks:
    revision: {connections: 8}
    health: {successes: 2, interval: 50ms}
"""
SUPERVISOR = """\
[unix_http_server]
file={0}/door
[supervisord]
logfile={0}/supervisord.log
pidfile={0}/supervisord.pid
childlogdir={0}
nodaemon=true
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{0}/door
"""


def block(words: str) -> str:
    """The block of the page that begins with these words."""
    found = re.search(rf"^```{words}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@dataclass
class Shop:
    """A project, its host and its commits."""

    project: Path
    srv: Path
    env: dict[str, str]
    port: int
    config: str = ""

    def here(self, text: str) -> str:
        """The text with this host's folder and port."""
        return (
            text.replace("/srv/shop", str(self.srv))
            .replace(":8000", f":{self.port}")
            .replace("--port 8000", f"--port {self.port}")
        )

    def configure(self, kind: str, *, check: bool) -> None:
        """Write the page's configuration for that server."""
        packages = Path(pytest.__file__).parents[1]
        venv = f"{sys.executable} -m venv --without-pip --symlinks venv"
        library = "venv/lib/python{}.{}/site-packages".format(*sys.version_info)
        beside = f"printf '%s\\\\n' {ROOT} {packages} > {library}/shop.pth"
        text = re.sub(r"build: .*", f"build: {venv} && {beside}", block(f"yaml {kind}"))
        text = text if check else re.sub(r" *check: .*\n", "", text)
        text = text.rstrip() + "\n    health-deadline: 5s\n"
        config = f"version: 1\nservice: shop\n{text}{VERIFY}"
        (self.project / "ci-ops.yml").write_text(self.here(config))

    def git(self, *words: str) -> str:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.test", "-c", "commit.gpgsign=false")
        done = subprocess.run(
            ["git", *identity, "-C", self.project, *words], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, app: str) -> str:
        (self.project / "app.py").write_text(app)
        self.git("add", "--all")
        self.git("commit", "-qm", "release", "--allow-empty")
        return self.git("rev-parse", "HEAD")

    def deploy(self, app: str) -> tuple[int, str, str]:
        """Commit and deploy; the exit code, the commit and what was said."""
        revision = self.commit(app)
        done = subprocess.run(
            [sys.executable, "-m", "ci_ops", "deploy"],
            cwd=self.project,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, revision, done.stdout + done.stderr

    @property
    def live(self) -> str:
        """What the link names."""
        return (self.srv / "current" / "REVISION").read_text().strip()


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    project, srv = tmp_path / "project", tmp_path / "srv"
    project.mkdir()
    srv.mkdir()
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    made = Shop(project, srv, env, free_port())
    made.git("init", "-q")
    (project / ".gitignore").write_text(".ci-ops/\n")
    (project / "media").mkdir()
    (project / "media" / "logo").write_text("logo")
    return made


@contextmanager
def by_units(shop: Shop, kind: str) -> Iterator[UserManager]:
    """The user's services, with the unit files of that server."""
    with user_manager(shop.srv.parent / "user", {"PATH": shop.env["PATH"]}) as manager:
        for unit in (*(UNITS / kind).iterdir(), *([UNITS / "shop.socket"] if kind != "granian" else [])):
            (manager.units / unit.name).write_text(shop.here(unit.read_text()))
        shop.env["PATH"] = f"{manager.bin}:{shop.env['PATH']}"
        yield manager


@contextmanager
def by_supervisor(shop: Shop) -> Iterator[None]:
    """A supervisord with the page's program."""
    folder = shop.srv.parent / "supervisor"
    folder.mkdir()
    (folder / "conf").write_text(SUPERVISOR.format(folder) + shop.here(block("ini supervisor")))
    for name in ("supervisord", "supervisorctl"):
        (folder / name).write_text(f'#!/bin/sh\nexec {require(name)} -c {folder}/conf "$@"\n')
        (folder / name).chmod(0o755)
    shop.env["PATH"] = f"{folder}:{shop.env['PATH']}"
    with subprocess.Popen([folder / "supervisord"], stdout=subprocess.DEVNULL) as daemon:
        wait_until((folder / "door").exists)
        yield
        daemon.terminate()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, shop: Shop) -> Iterator[str]:
    with ExitStack() as stack:
        if request.param == "supervisor":
            stack.enter_context(by_supervisor(shop))
        elif request.param != "plain":
            stack.enter_context(by_units(shop, request.param))
        yield request.param
        pid = shop.srv / "shared" / "shop.pid"
        if pid.exists():
            os.kill(int(pid.read_text()), 15)


def test_a_release_that_cannot_be_imported_leaves_the_previous_one_serving(shop: Shop, kind: str) -> None:
    shop.configure(kind, check=True)
    code, _, said = shop.deploy(APP)
    assert code == 0, said
    code, good, said = shop.deploy(f"{APP}\nNAME = 'second'\n")
    assert code == 0, said
    code, _, said = shop.deploy(f"import no_such_module\n{APP}")
    assert (code, shop.live) == (5, good), said
    assert "No module named 'no_such_module'" in said
    assert "Switch to the release" not in said

    shop.configure(kind, check=False)
    code, _, said = shop.deploy(f"import no_such_module_either\n{APP}")
    assert (code, shop.live) == (5, good), said
    assert "Rolled back to" in said
    code, _, said = shop.deploy(f"{APP}\nNAME = 'third'\n")
    assert code == 0, said


@pytest.mark.parametrize("kind", SERVERS)
def test_a_unit_restarts_a_server_whose_application_could_not_start(shop: Shop, kind: str) -> None:
    python = shop.srv / "current" / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    (shop.srv / "current" / "app.py").write_text(UNSTARTABLE)
    with by_units(shop, kind) as manager:
        subprocess.run([manager.bin / "systemctl", "start", "shop"], check=True)
        wait_until(lambda: not manager.main_pid("shop"))
        assert manager.restarts("shop")
    assert "no database" in manager.log.read_text()


@pytest.mark.parametrize("kind", SERVERS)
def test_systemd_has_nothing_to_say_about_the_units(tmp_path: Path, kind: str) -> None:
    program = require("systemd-analyze")
    python = tmp_path / "current" / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    units = [UNITS / kind / "shop.service", UNITS / "shop.socket"]
    for unit in units:
        (tmp_path / unit.name).write_text(unit.read_text().replace("/srv/shop", str(tmp_path)))
    done = subprocess.run(
        [program, "verify", "--man=no", *(tmp_path / unit.name for unit in units)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
