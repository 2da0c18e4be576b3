"""Real web servers as child processes."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from tests.support.parts import ROOT
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

_LISTENING = re.compile(r"(?:[Rr]unning on|Listening at:) http://127\.0\.0\.1:(\d+)")
_UVICORN = "uvicorn --host 127.0.0.1 --port 0 --factory tests.support.kit_apps:asgi"
_GUNICORN = "gunicorn --bind 127.0.0.1:0 --graceful-timeout 20"
_NATIVE = f"{_GUNICORN} --workers 2 -k asgi"
COMMANDS = {
    "uvicorn": _UVICORN,
    "uvicorn-workers": f"{_UVICORN} --workers 2",
    "gunicorn-sync": f"{_GUNICORN} --workers 2 tests.support.kit_apps:wsgi()",
    "gunicorn-gthread": f"{_GUNICORN} --threads 4 tests.support.kit_apps:wsgi()",
    "gunicorn-preload": f"{_GUNICORN} --preload tests.support.kit_apps:wsgi()",
    "gunicorn-uvicorn": f"{_GUNICORN} -k uvicorn.workers.UvicornWorker tests.support.kit_apps:asgi()",
    "gunicorn-native": f"{_NATIVE} -c python:ci_ops.service.gunicorn_hooks tests.support.kit_apps:asgi()",
    "hypercorn": "tests.support.hypercorn_server tests.support.kit_apps",
}
"""Module and arguments for `python -m`, by the name of the kind."""
_SEEN = "tests.support.observed_apps"
OBSERVED = {
    "uvicorn-h11": f"uvicorn --host 127.0.0.1 --port 0 --http h11 --factory {_SEEN}:asgi",
    "uvicorn-auto": f"uvicorn --host 127.0.0.1 --port 0 --factory {_SEEN}:asgi",
    "uvicorn-several": f"uvicorn --host 127.0.0.1 --port 0 --workers 2 --factory {_SEEN}:asgi",
    "gunicorn-workers": f"{_GUNICORN} -c python:ci_ops.service.metrics.workers --workers 2 {_SEEN}:wsgi()",
    "gunicorn-preloaded": f"{_GUNICORN} -c python:ci_ops.service.metrics.workers --preload --workers 2 {_SEEN}:wsgi()",
    "gunicorn-threads": f"{_GUNICORN} --threads 4 --workers 2 {_SEEN}:wsgi()",
    "gunicorn-asgi": f"{_GUNICORN} --workers 2 -k uvicorn.workers.UvicornWorker {_SEEN}:asgi()",
    "gunicorn-native-seen": f"{_NATIVE} {_SEEN}:asgi()",
    "hypercorn-seen": f"tests.support.hypercorn_server {_SEEN}",
}
"""Servers of applications with metrics, a log and the middleware."""
UNWATCHED = {
    "gunicorn-native-bare": f"{_NATIVE} tests.support.kit_apps:asgi()",
    "hypercorn-command": "hypercorn --bind 127.0.0.1:0 tests.support.kit_apps:asgi()",
}
"""Servers whose SIGTERM nobody can hold back."""
KINDS = tuple(kind for kind in COMMANDS if kind != "gunicorn-preload")


class Server:
    """One server process, from its start to its exit."""

    def __init__(self, kind: str, folder: Path, cwd: Path = ROOT, /, **env: str) -> None:
        """`kind` is one of the names above, or a module with its arguments."""
        self.log_path = folder / f"{kind.partition(' ')[0]}-{os.urandom(4).hex()}.log"
        self.port = 0
        command = (COMMANDS | OBSERVED | UNWATCHED).get(kind, kind)
        each_logs = "kit_apps" in command and "--preload" not in command
        self.lives = 2 if each_logs and "--workers 2" in command else 0
        """How many workers log the start of their lifecycle."""
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command.split()],
                cwd=cwd,
                env={**os.environ, "CI_OPS_HEALTH_DETAILS": "loopback", **env},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        return self.log_path.read_text("utf-8", "replace")

    def wait_for_port(self) -> Server:
        """Wait until it says where it listens."""
        wait_until(lambda: _LISTENING.search(self.log) or self.process.poll() is not None)
        found = _LISTENING.search(self.log)
        assert found is not None, self.log
        self.port = int(found[1])
        return self

    def wait_ready(self) -> Server:
        """Wait until it is ready to serve, with every worker: one that still boots may lose a signal."""
        self.wait_for_port()
        wait_until(lambda: self.get("/health/ready") == 200)
        wait_until(lambda: self.log.count(":started in ") >= self.lives)
        return self

    def get(self, path: str) -> int:
        """The status of one GET on a new connection; 0 when none comes."""
        with suppress(OSError, http.client.HTTPException):
            return self.ask(path)[0]
        return 0

    def ask(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of one GET on a new connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path, headers=headers or {})
            response = connection.getresponse()
            return (
                response.status,
                {name.lower(): value for name, value in response.getheaders()},
                response.read(),
            )
        finally:
            connection.close()

    def terminate(self) -> None:
        """Send SIGTERM, as a platform does."""
        self.process.send_signal(signal.SIGTERM)

    def terminate_group(self) -> None:
        """Send SIGTERM to every process, as a service manager does."""
        os.killpg(self.process.pid, signal.SIGTERM)

    def wait(self, seconds: float = 60.0) -> int:
        """The exit code."""
        return self.process.wait(seconds)

    def kill(self) -> None:
        """End the whole process group, whatever state it is in."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)


Launch = Callable[..., Server]
"""Starts a server of a kind, with these variables; the fixture `launch` of tests/servers ends it."""


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
