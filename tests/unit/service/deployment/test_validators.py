import asyncio
import threading
from collections.abc import Iterator
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from ci_ops.service.deployment.check_result import CheckStatus
from ci_ops.service.deployment.checker import DeploymentChecker
from ci_ops.service.deployment.validators import HealthCheckValidator
from ci_ops.service.health.model import HealthStatus, Outcome
from ci_ops.service.health.service import HealthCheckService
from ci_ops.service.routes.answer import HealthRoutes
from ci_ops.service.routes.wsgi import HealthWSGI
from ci_ops.service.settings.validator import ConfigValidator
from tests.support.service_clock import HandClock


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - the base class names it


@pytest.fixture
def url(health: HealthCheckService, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A real server with the kit's routes, in whose environment the validator is too."""
    monkeypatch.setenv("CI_OPS_HEALTH_TOKEN", "t" * 24)
    server = make_server("127.0.0.1", 0, HealthWSGI(routes=HealthRoutes(health)), handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def statuses(url: str, **options: Any) -> list[CheckStatus]:
    _, results = HealthCheckValidator(url, **options).run_all_checks_sync()
    assert [one.name for one in results] == ["liveness", "readiness"]
    return [one.status for one in results]


def test_a_service_that_is_alive_and_ready_passes(url: str) -> None:
    assert statuses(url) == [CheckStatus.PASS, CheckStatus.PASS]
    assert asyncio.run(HealthCheckValidator(url).run_all_checks())[0] is True


def test_a_service_that_drains_is_alive_and_not_ready(url: str, health: HealthCheckService) -> None:
    health.availability.drain()
    validator = HealthCheckValidator(url)

    assert validator.validate_liveness().status is CheckStatus.PASS
    readiness = validator.validate_readiness()
    assert readiness.status is CheckStatus.FAIL
    assert readiness.seconds > 0


def test_a_degraded_service_is_a_warning(url: str, health: HealthCheckService) -> None:
    health.add(lambda: Outcome(status=HealthStatus.DEGRADED), name="replica")

    assert statuses(url) == [CheckStatus.PASS, CheckStatus.WARN]
    assert HealthCheckValidator(url).validate_readiness().message == "replica warn"


def test_no_kept_answer_is_taken_for_today_s(url: str, health: HealthCheckService, clock: HandClock) -> None:
    runs: list[int] = []
    health.add(lambda: runs.append(1), name="database", ttl_seconds=600, failure_ttl_seconds=600)
    validator = HealthCheckValidator(url)
    validator.validate_readiness()
    clock.advance(3)

    validator.validate_readiness()

    assert len(runs) == 2


def test_nobody_there_fails_and_does_not_raise(closed_port: int) -> None:
    assert statuses(f"http://127.0.0.1:{closed_port}") == [CheckStatus.FAIL, CheckStatus.FAIL]


def test_another_prefix_is_another_place(url: str) -> None:
    assert statuses(url, prefix="/status") == [CheckStatus.FAIL, CheckStatus.FAIL]


def test_an_address_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="http://"):
        HealthCheckValidator("localhost:8000")


def test_the_deployment_checker_takes_both_results(url: str) -> None:
    checker = DeploymentChecker(ConfigValidator(env={}), env={})
    checker.add("health", HealthCheckValidator(url).run_all_checks)

    _, results = checker.run_all_checks_sync()

    assert [one.name for one in results[-2:]] == ["liveness", "readiness"]
