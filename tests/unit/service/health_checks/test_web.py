import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ci_ops.service.health.model import ComponentHealth, HealthStatus
from ci_ops.service.health.service import HealthCheckService
from ci_ops.service.health_checks.web import http_check
from tests.support.patient_health import add_patiently, patient_health
from tests.support.waiting import LIMIT_SECONDS

BODIES = {
    "/pass": (200, b'{"status": "pass"}'),
    "/warn": (200, b'{"status": "warn", "checks": {"mail": "warn"}}'),
    "/page": (200, b"<html>"),
    "/moved": (302, b""),
    "/broken": (500, b'{"status": "pass"}'),
    "/asked?for=health": (200, b"ok"),
}


class _Partner(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body = BODIES.get(self.path, (404, b""))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - the base class names it


@pytest.fixture(scope="module")
def partner() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Partner) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def _run(url: str, *, reads_health: bool = False) -> ComponentHealth:
    health = patient_health()
    check = http_check(url, reads_health=reads_health, timeout_seconds=LIMIT_SECONDS)
    add_patiently(health, check, required=True)
    return health.report()["http"]


@pytest.mark.parametrize(
    ("path", "reads", "status", "message"),
    [
        ("/page", False, HealthStatus.HEALTHY, ""),
        ("/moved", False, HealthStatus.HEALTHY, ""),
        ("/asked?for=health", True, HealthStatus.HEALTHY, ""),
        ("/pass", True, HealthStatus.HEALTHY, ""),
        ("/warn", True, HealthStatus.DEGRADED, "says warn: mail"),
        ("/broken", True, HealthStatus.UNHEALTHY, "answered 500"),
        ("", False, HealthStatus.UNHEALTHY, "answered 404"),
    ],
)
def test_a_partner_is_judged_by_its_status_and_on_demand_by_its_document(
    partner: str, path: str, reads: bool, status: HealthStatus, message: str
) -> None:
    found = _run(partner + path, reads_health=reads)

    assert (found.status, found.message) == (status, message)


def test_a_page_is_no_health_document(partner: str) -> None:
    assert "neither a health document" in _run(f"{partner}/page", reads_health=True).message


def test_a_partner_that_refuses_is_unhealthy_and_an_optional_one_degrades(closed_port: int) -> None:
    assert "Connection refused" in _run(f"http://127.0.0.1:{closed_port}/").message
    health = HealthCheckService()
    health.add(http_check(f"https://127.0.0.1:{closed_port}/"))

    assert health.report().status is HealthStatus.DEGRADED


@pytest.mark.parametrize("url", ["ftp://partner/", "partner.example.com", "http://"])
def test_another_address_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="http://"):
        http_check(url)
