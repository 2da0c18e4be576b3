"""Health routes behind a real nginx on the same machine, which tells nobody for whom it asks."""

from __future__ import annotations

import contextlib
import http.client
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.support.nginx import running_nginx
from tests.support.servers import Server

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="listens on a Unix socket")

HTTP = """
    server {{
        listen unix:{folder}/nginx.sock;
        location / {{ proxy_pass http://127.0.0.1:{port}; {more} }}
    }}
"""
TOKEN = "t" * 24
Ask = Callable[[str], tuple[int, bytes]]
Proxied = Callable[[int, str], AbstractContextManager[Ask]]


class _Through(http.client.HTTPConnection):
    """A connection to a server on a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("shop.example.com", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


@pytest.fixture
def proxied(tmp_path: Path) -> Proxied:
    @contextlib.contextmanager
    def start(port: int, more: str) -> Iterator[Ask]:
        listening = tmp_path / "nginx.sock"
        listening.unlink(missing_ok=True)

        def ask(path: str) -> tuple[int, bytes]:
            with contextlib.closing(_Through(listening)) as connection:
                connection.request("GET", path)
                response = connection.getresponse()
                return response.status, response.read()

        def serves() -> bool:
            return listening.exists() and ask("/health/live")[0] == 200

        with running_nginx(tmp_path, HTTP.format(folder=tmp_path, port=port, more=more), until=serves):
            yield ask

    return start


@pytest.fixture(params=["uvicorn", "gunicorn-sync"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    started = Server(request.param, tmp_path, CI_OPS_HEALTH_DETAILS="", CI_OPS_HEALTH_TOKEN=TOKEN)
    try:
        yield started.wait_ready()
    finally:
        started.kill()


@pytest.mark.parametrize(
    "more",
    [
        "",
        "proxy_http_version 1.1; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
        'proxy_http_version 1.1; proxy_set_header Connection "";',  # the default of nginx from 1.29.7 on
    ],
)
def test_details_stay_inside_whatever_the_proxy_says_of_its_clients(
    server: Server, proxied: Proxied, more: str
) -> None:
    with proxied(server.port, more) as ask:
        outside = {path: ask(path) for path in ("/health/security", "/health/metrics", "/health/check")}

    assert [status for status, _ in outside.values()] == [403, 403, 200]
    assert b"database" not in outside["/health/check"][1]
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert b'"database"' in server.ask("/health/check", bearer)[2]
    assert server.ask("/health/security", bearer)[0] == 200
