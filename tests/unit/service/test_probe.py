import subprocess
import sys
import threading
from collections.abc import Iterator
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from ci_ops.core.health.status import Status
from ci_ops.service.health.service import HealthCheckService
from ci_ops.service.probe import credentials, main, probe_health
from ci_ops.service.routes.answer import HealthRoutes
from ci_ops.service.routes.wsgi import HealthWSGI

TOKEN = "t" * 24


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - the base class names it


@pytest.fixture
def health() -> HealthCheckService:
    return HealthCheckService()


@pytest.fixture
def server(health: HealthCheckService, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("CI_OPS_HEALTH_TOKEN", TOKEN)
    app = HealthWSGI(routes=HealthRoutes(health))
    with make_server("127.0.0.1", 0, app, handler_class=_Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "env", [{"PORT": "{port}"}, {"API_PORT": "{port}", "PORT": "1"}, {"API_PORT": "", "PORT": "{port}"}]
)
def test_a_ready_service_exits_with_0(
    env: dict[str, str],
    server: str,
    health: HealthCheckService,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    health.add(lambda: "degraded", name="mail")
    monkeypatch.delenv("API_PORT", raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value.format(port=server.rpartition(":")[2]))

    assert main([]) == 0
    assert capsys.readouterr().out == "warn, mail warn\n"


def test_a_service_that_is_down_exits_with_1(
    server: str, health: HealthCheckService, capsys: pytest.CaptureFixture[str]
) -> None:
    health.add(lambda: False, name="database")

    assert main([f"{server}/health/ready?deep=1"]) == 1
    assert capsys.readouterr().out == "fail, database fail\n"


def test_a_bad_status_is_fail_whatever_the_body_says(server: str) -> None:
    document = probe_health(f"{server}/nothing")

    assert (document.status, document.problem) == (Status.FAIL, "answered 404")


def test_no_answer_is_fail(closed_port: int) -> None:
    document = probe_health(f"http://127.0.0.1:{closed_port}")

    assert document.status is Status.FAIL
    assert document.problem.startswith("no answer: ConnectionRefusedError")


@pytest.mark.parametrize("arguments", [["ftp://shop/"], ["http:///x"], ["http://shop/", "more"]])
def test_a_wrong_call_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err


def test_it_is_a_command(server: str) -> None:
    command = [sys.executable, "-m", "ci_ops.service.probe", f"{server}/health/live"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "pass\n", "")


def test_the_token_stays_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI_OPS_HEALTH_TOKEN", TOKEN)

    for host in ("127.0.0.1:8000", "localhost", "[::1]:8000"):
        assert credentials(f"http://{host}/health/ready") == {"Authorization": f"Bearer {TOKEN}"}
    for host in ("shop.example.com", "10.0.0.7", "127.0.0.1.example.com"):
        assert credentials(f"http://{host}/health/ready") == {}
    monkeypatch.delenv("CI_OPS_HEALTH_TOKEN")
    assert credentials("http://127.0.0.1/health/ready") == {}
