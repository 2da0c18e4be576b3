"""Four live services and one GitHub, in a process of their own.

A test that forks must have no threads, and a service that shared an interpreter with
its client would slow both down. Commands are JSON lines on stdin, each answered by
one line; `Outside` is the client.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.model.condition import SLOW_ANSWERS, condition_of
from tests.support.github_double import GitHubDouble
from tests.support.github_http import Server

SERVICES = 4
ROOT = Path(__file__).parents[2]


class SimulatedService:
    """One live service; every scene sets its folder anew."""

    def __init__(self) -> None:
        self.folder = Path("/nonexistent")
        self._answers: Counter[tuple[Path, str]] = Counter()
        self.server: ThreadingHTTPServer = Server(("127.0.0.1", 0), _handler(self))
        self.port: int = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, path: str) -> tuple[int, dict[str, str]] | None:
        """Return status and body; None closes the connection."""
        now = condition_of(self.folder)
        if not now.is_up:
            return None
        if path.startswith("/__version__"):
            return 200, {"name": "shop"} if now.hides_commit else {"commit": now.revision}
        if not path.startswith("/health/ready"):
            return 404, {}
        if now.is_unhealthy or (now.is_slow and self._is_starting(now.revision)):
            return 503, {"status": "fail"}
        return 200, {"status": "pass"}

    def _is_starting(self, revision: str) -> bool:
        self._answers[self.folder, revision] += 1
        return self._answers[self.folder, revision] <= SLOW_ANSWERS


def _handler(live: SimulatedService) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        wbufsize = -1

        def do_GET(self) -> None:
            answer = live.answer(self.path)
            if answer is None:
                self.close_connection = True
                self.connection.close()
                return
            body = json.dumps(answer[1]).encode()
            self.send_response(answer[0])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    return Handler


def serve() -> None:
    """Serve until stdin is closed."""
    lives = [SimulatedService() for _ in range(SERVICES)]
    double = GitHubDouble("org/app")
    threading.Thread(target=double.serve, daemon=True).start()
    _write_answer({"ports": [live.port for live in lives], "github": double.url})
    for line in sys.stdin:
        _write_answer(_apply(json.loads(line), lives, double))


def _write_answer(document: object) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


def _apply(command: dict[str, Any], lives: list[SimulatedService], double: GitHubDouble) -> object:
    for live, folder in zip(lives, command.get("folders", ()), strict=False):
        live.folder = Path(folder)
    if command.get("reset"):
        double.deployments.clear()
        double.commit_statuses.clear()
        double.requests.clear()
        double.runs.clear()
        double.heal()
    double.runs.update({int(number): state for number, state in command.get("runs", {}).items()})
    if "github_fault" in command:
        double.heal()
        if command["github_fault"]:
            double.fail(**command["github_fault"])
    return double.deployments


class Outside:
    """The client of that process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        greeting = self._read()
        self.ports: list[int] = greeting["ports"]
        self.github: str = greeting["github"]

    def send(self, **command: object) -> list[dict[str, Any]]:
        """Send one command, and return GitHub's deployments after it, oldest first."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        answer: list[dict[str, Any]] = self._read()
        return answer

    def _read(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


@contextmanager
def outside() -> Iterator[Outside]:
    """Start the process, and stop it at the end of the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.model.outside"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Outside(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(30)


if __name__ == "__main__":
    serve()
