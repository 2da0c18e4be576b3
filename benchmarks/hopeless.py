"""A release that can never be good: how long until that is said, beside its deadline of two minutes."""

from __future__ import annotations

import subprocess
import sys
import time
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks._programs import bare_environment
from benchmarks._row import Row, times_faster
from tests.support.certificates import bundle, server_context
from tests.support.web import Reply, serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

DEADLINE_SECONDS = 120.0
FACTOR = 5
REVISION = "1" * 40
FAILED_VERIFICATION, FAILED_DEPLOYMENT = 1, 5
_SERVER = """
import http.server, os
class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"status": "pass"}')
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Healthy)
os.getuid() or os.setuid(65534)  # a user of its own, as a service has
print(server.server_port, flush=True)
server.serve_forever()
"""
_ENDED = """\
version: 1
service: shop
deploy: {target: {type: command, run: kill SERVER, undo: "true"}}
verify: {url: "http://127.0.0.1:PORT/health", deadline: 2m, checks: {health: {}}}
"""
_TARGET = """\
version: 1
service: shop
deploy:
  target:
    type: releases
    path: PLACE
    fetch: cp shop.py "$DEPLOYMENT_RELEASE_DIR"
    check: PYTHON -c "import shop"
    reload: touch reloaded
verify: {url: "http://127.0.0.1:1", deadline: 2m}
"""


def measure() -> Iterator[Row]:
    """Whole commands, from their start to their end; the peer is the deadline that they would wait for."""
    with TemporaryDirectory() as folder:
        place = Path(folder)
        yield _row("hopeless: connection refused", _refused(place))
        yield _row("hopeless: certificate of another name", _other_name(place))
        yield _row("hopeless: import error", _import_error(place))


def _row(what: str, seconds: float) -> Row:
    return times_faster(what, seconds, FACTOR, peer="its deadline", theirs=DEADLINE_SECONDS)


def _refused(place: Path) -> float:
    """From the start of a deployment that ends the server of this machine to its rollback."""
    (place / "server.py").write_text(_SERVER)
    server = subprocess.Popen([sys.executable, "server.py"], cwd=place, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    config = _ENDED.replace("PORT", server.stdout.readline().strip())
    (place / "ci-ops.yml").write_text(config.replace("SERVER", str(server.pid)))
    with server:
        started = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-m", "ci_ops", "deploy", "--revision", REVISION],
            cwd=place,
            env=bare_environment(place),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as command:
            assert command.stderr is not None
            lines = [*takewhile(lambda line: not line.startswith("Rolling back"), command.stderr)]
            seconds = time.perf_counter() - started
            command.terminate()
    if command.returncode == 0 or not any("did not answer" in line for line in lines):
        raise RuntimeError(f"the deployment ended with {command.returncode}:\n{''.join(lines)[-4000:]}")
    return seconds


def _other_name(place: Path) -> float:
    trusted = {"SSL_CERT_FILE": str(bundle(place)), "REQUESTS_CA_BUNDLE": str(bundle(place))}
    with serving(
        lambda _: Reply(body=b'{"status": "pass"}'), context=server_context("shop.example.com")
    ) as service:
        return _verify(place, service.url("/health"), trusted)


def _verify(place: Path, url: str, env: Mapping[str, str]) -> float:
    command = ["verify", "--url", url, "--revision", REVISION, "--deadline", "2m"]
    return _seconds(command, place, env, expected=FAILED_VERIFICATION)


def _import_error(place: Path) -> float:
    host = place / "srv"
    host.mkdir()
    (place / "shop.py").write_text("import a_package_that_nobody_has\n")
    config = _TARGET.replace("PLACE", str(host)).replace("PYTHON", sys.executable)
    (place / "ci-ops.yml").write_text(config)
    seconds = _seconds(["deploy", "--revision", REVISION], place, {}, expected=FAILED_DEPLOYMENT)
    assert not (place / "reloaded").exists(), "the release that cannot be imported was switched to"
    return seconds


def _seconds(command: Sequence[str], place: Path, env: Mapping[str, str], *, expected: int) -> float:
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "ci_ops", *command],
        cwd=place,
        env=bare_environment(place, **env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - started
    if done.returncode != expected:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    return seconds
