from __future__ import annotations

import http.client
import socketserver
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from ci_ops.core.health.status import Status
from ci_ops.service._process.web_get import WebGet
from ci_ops.service.health_checks.web import http_check
from ci_ops.service.probe import probe_health
from tests.support.patient_health import add_patiently, patient_health

if TYPE_CHECKING:
    from collections.abc import Iterator

GOOD = b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"status": "pass"}'
DRIPPED = {
    b"/line": (b"HTTP/1.1 200 O", b"K"),
    b"/headers": (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    b"/body": (b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", b" "),
    b"/good": (GOOD, b""),
    b"/nonsense": (b"220 mail.example.com\r\n", b""),
    b"/nothing": (b"", b""),
}


class _Dripping(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        path = self.request.recv(4096).split(b" ")[1]
        first, drop = DRIPPED[path]
        with suppress(OSError):
            self.request.sendall(first)
            while drop and not self.server.is_over.wait(0.02):  # type: ignore[attr-defined]
                self.request.sendall(drop)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    is_over = threading.Event()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with _Server(("127.0.0.1", 0), _Dripping) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.is_over.set()
        server.shutdown()
        thread.join()


def get(url: str, *, timeout_seconds: float = 5.0, max_body_bytes: int = 1000) -> tuple[int, bytes]:
    return WebGet(url, headers={}, timeout_seconds=timeout_seconds, max_body_bytes=max_body_bytes)()


def test_an_answer_is_read_up_to_its_limit_though_the_connection_closes(server: str) -> None:
    assert get(f"{server}/good") == (200, b'{"status": "pass"}')
    assert get(f"{server}/good", max_body_bytes=9) == (200, b'{"status"')


@pytest.mark.parametrize("path", ["/line", "/headers", "/body"])
def test_an_answer_that_drips_is_over_within_its_time(server: str, path: str) -> None:
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        get(server + path, timeout_seconds=0.2, max_body_bytes=100_000)
    assert time.monotonic() - started < 5


def test_a_partner_that_drips_takes_no_thread_for_long(server: str) -> None:
    health = patient_health()
    add_patiently(health, http_check(f"{server}/body", timeout_seconds=0.1), required=True)
    assert health.report()["http"].message.startswith("TimeoutError: ")


def test_a_probe_of_a_service_that_drips_ends(server: str) -> None:
    document = probe_health(f"{server}/headers", timeout_seconds=0.1)
    assert (document.status, document.problem[:24]) == (Status.FAIL, "no answer: TimeoutError:")


@pytest.mark.parametrize("path", ["/nonsense", "/nothing"])
def test_what_is_no_answer_of_the_web_is_an_error_of_its_own(server: str, path: str) -> None:
    with pytest.raises(http.client.HTTPException):
        get(server + path)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://shop/",
        "http://",
        "http:///x",
        "shop",
        "http://shop:0/",
        "http://shop:99999/",
        "http://shop:x/",
        "http://[::1/",
    ],
)
def test_what_is_no_address_is_refused_before_anything_is_asked(url: str) -> None:
    with pytest.raises(ValueError, match=r"address|[Pp]ort|IPv6"):
        WebGet(url, headers={}, timeout_seconds=1, max_body_bytes=1)
    with pytest.raises(ValueError, match=r"address|[Pp]ort|IPv6"):
        http_check(url)
