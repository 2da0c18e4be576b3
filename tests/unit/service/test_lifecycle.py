import asyncio
import copy
import io
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from wsgiref.util import FileWrapper

import pytest
from fastapi import FastAPI
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

from ci_ops.core.status import Status
from ci_ops.service import providers
from ci_ops.service.breaker import CircuitBreaker
from ci_ops.service.checker import deployment_checker
from ci_ops.service.drain_plan import DrainPlan
from ci_ops.service.generations import Generations
from ci_ops.service.gunicorn_hooks import post_worker_init
from ci_ops.service.health import HealthCheckService
from ci_ops.service.health_model import HealthStatus
from ci_ops.service.lifecycle import ApplicationLifecycle, application_lifecycle
from ci_ops.service.lifespan import compose_lifespans
from ci_ops.service.providers import provide
from ci_ops.service.startup import StartupFailedError
from tests.support.parts import ROOT
from tests.support.service_clock import HandClock
from tests.support.waiting import wait_until
from tests.support.web_calls import call_asgi, call_wsgi

UNHEALTHY = HealthStatus.UNHEALTHY


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def life(clock: HandClock, caplog: pytest.LogCaptureFixture) -> Iterator[ApplicationLifecycle]:
    caplog.set_level(logging.INFO, "ci_ops.service.lifecycle")
    plan = DrainPlan(drain_seconds=0, drain_timeout_seconds=0.05)
    life = ApplicationLifecycle(HealthCheckService(), plan=plan, monotonic=clock.monotonic)
    yield life
    life.stop()


def _refusal(life: ApplicationLifecycle) -> str:
    return life.health.report("ready").refusal


def test_traffic_is_taken_after_every_check_passed(
    life: ApplicationLifecycle, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    seen = []

    async def database() -> bool:
        seen.append(_state(life))
        clock.advance(2)
        return True

    life.add_startup_check("database", database)
    life.add_startup_check("environment", lambda: "degraded")

    life.start()

    assert (seen, _refusal(life), life.startup_seconds) == (["starting"], "", 2)
    assert life.startup_results["environment"].status is HealthStatus.DEGRADED
    assert caplog.messages == ["started in 2.000 s after 2 startup checks, healthy"]
    assert caplog.records[0].event == "startup_completed"  # type: ignore[attr-defined]


def _state(life: ApplicationLifecycle) -> str:
    return life.health.availability.refusal


@dataclass
class _Result:
    name: str
    status: Status
    message: str


def _pair() -> tuple[bool, list[_Result]]:
    return False, [
        _Result("env", Status.FAIL, "SECRET_KEY=hunter2hunter2 is too short"),
        _Result("files", Status.PASS, "here"),
    ]


def test_every_failure_is_told_before_the_start_fails(
    life: ApplicationLifecycle, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse() -> None:
        raise OSError("postgresql://shop:hunter2hunter2@db refused")

    async def refuse_later() -> None:
        refuse()

    life.add_startup_check("checker", _pair)
    life.add_startup_check("database", refuse)
    life.add_startup_check("replica", refuse_later)
    life.add_startup_check("mail", lambda: True)
    life.add_startup_check("odd", lambda: (False, None))

    with pytest.raises(StartupFailedError, match="not started, because of checker, database, replica, odd"):
        life.start()
    told = [
        "checker failed: env: SECRET_KEY=*** is too short",
        "database failed: OSError: postgresql://shop:***@db refused",
        "replica failed: OSError: postgresql://shop:***@db refused",
        "odd failed: ",
    ]
    assert caplog.messages == told
    with pytest.raises(StartupFailedError):
        asyncio.run(life.on_startup())
    assert caplog.messages == told * 2
    assert _refusal(life) == "starting"
    assert life.startup_results["checker"].status is UNHEALTHY


def test_a_pair_with_a_good_verdict_passes(life: ApplicationLifecycle) -> None:
    async def run_all_checks() -> tuple[bool, list[_Result]]:
        return True, []

    life.add_startup_check("checker", run_all_checks)

    asyncio.run(life.on_startup())

    assert _refusal(life) == ""


def test_a_process_whose_dependency_is_down_starts_and_is_not_ready(
    life: ApplicationLifecycle, caplog: pytest.LogCaptureFixture
) -> None:
    life.health.add(lambda: False, name="database")

    life.start()

    assert life.health.report("ready").status is UNHEALTHY
    assert caplog.messages[-1].endswith("0 startup checks, unhealthy")
    assert caplog.records[-1].levelname == "WARNING"


@pytest.fixture
def deployable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment that the deployment checks find nothing wrong with."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(deployment_checker, "database", None)
    monkeypatch.setattr(deployment_checker, "results", ())
    monkeypatch.setenv("DATABASE_URL", "postgresql+asyncpg://shop:hunter2hunter2@db/shop")
    monkeypatch.setenv("SECRET_KEY", "q8W3eR5tY7uI9oP1aS3dF5gH7jK9lZ1xC3vB5nM7")


@pytest.mark.usefixtures("deployable")
def test_a_session_maker_becomes_the_database_check_and_brings_the_deployment_checks(
    life: ApplicationLifecycle, tmp_path: Path
) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/shop.db")

    async def start_twice() -> None:
        await life.on_startup(sessionmaker(engine))
        await life.on_startup(sessionmaker(engine))

    asyncio.run(start_twice())
    report = life.health.report()
    engine.dispose()

    assert (report["database"].status, len(report.components)) == (HealthStatus.HEALTHY, 1)
    assert list(life.startup_results) == ["deployment"]
    found = {one.name: str(one.status) for one in deployment_checker.results}
    assert found["database"] == found["environment"] == "pass"


@pytest.mark.usefixtures("deployable")
def test_with_a_session_maker_a_bad_environment_stops_the_start_and_names_everything(
    life: ApplicationLifecycle,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("SECRET_KEY", "short")
    engine = create_engine(f"sqlite:///{tmp_path}/missing/shop.db")

    with pytest.raises(StartupFailedError, match="because of deployment"):
        asyncio.run(life.on_startup(sessionmaker(engine)))

    (message,) = caplog.messages
    assert "SECRET_KEY" in message
    assert "database: OperationalError" in message
    assert "short'" not in message
    assert _refusal(life) == "starting"


def test_checks_of_ones_own_take_the_place_of_the_deployment_checks(
    life: ApplicationLifecycle, tmp_path: Path
) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/shop.db")
    life.add_startup_check("deployment", lambda: True)

    asyncio.run(life.on_startup(sessionmaker(engine)))
    engine.dispose()

    assert life.startup_results["deployment"].status is HealthStatus.HEALTHY


def test_the_end_runs_every_hook_backwards_and_once(
    life: ApplicationLifecycle, caplog: pytest.LogCaptureFixture
) -> None:
    ended = []

    def fail() -> None:
        raise OSError("pool is gone")

    async def close() -> None:
        ended.append("async")

    breaker = CircuitBreaker("end-under-test")
    life.add_shutdown_hook(lambda: ended.append("first"))
    life.add_shutdown_hook(fail)
    life.add_shutdown_hook(close)
    life.start()
    life.stop()
    life.stop()

    assert ended == ["async", "first"]
    assert "a shutdown hook failed; going on" in caplog.messages
    assert "0 requests in flight" in caplog.messages[-1]
    assert f"'{breaker.name}': 'closed'" in caplog.messages[-1]
    assert _state(life) == "draining"


def test_the_end_comes_in_order_even_where_the_breakers_cannot_be_told(
    life: ApplicationLifecycle, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(providers, "_providers", {})
    provide("circuit-breakers", lambda: {"payments": "no mapping"})
    ended: list[str] = []
    life.add_shutdown_hook(lambda: ended.append("closed"))
    life.start()
    life.stop()

    assert ended == ["closed"]
    assert caplog.messages[-1].endswith("circuit breakers: unknown")


def test_a_process_may_start_again(life: ApplicationLifecycle) -> None:
    life.start()
    life.stop()
    life.start()

    assert _refusal(life) == ""


def test_the_end_waits_for_requests_in_flight_with_and_without_a_loop(life: ApplicationLifecycle) -> None:
    life.in_flight.enter()
    life.start()
    asyncio.run(life.on_shutdown())
    life.start()
    leave = threading.Timer(0.01, life.in_flight.leave)
    leave.start()
    life.stop()
    leave.join()

    assert life.in_flight.count == 0


def test_a_lifespan_of_its_own_is_composed_with_others(life: ApplicationLifecycle) -> None:
    order: list[str] = []

    def named(name: str, state: dict[str, str] | None) -> Callable[[Any], Any]:
        @asynccontextmanager
        async def lifespan(_: Any) -> AsyncIterator[dict[str, str] | None]:
            order.append(f"{name} up, {_state(life)}")
            yield state
            order.append(f"{name} down, {_state(life)}")

        return lifespan

    async def live() -> None:
        composed = compose_lifespans(
            named("pool", {"pool": "p"}), named("cache", {"cache": "c"}), named("jobs", None), life.lifespan
        )
        async with composed(None) as state:
            order.append(f"{sorted(state)} {_state(life)}")

    asyncio.run(live())

    assert order == [
        "pool up, ",
        "cache up, ",
        "jobs up, ",
        "['cache', 'pool'] ",
        "jobs down, draining",
        "cache down, draining",
        "pool down, draining",
    ]


def _talk(app: Any, *, sends: list[str] | None = None) -> list[str]:
    """Run one lifespan scope to its end; what the server hears."""
    messages = sends or ["lifespan.startup", "lifespan.shutdown"]
    heard: list[str] = []

    async def receive() -> dict[str, str]:
        return {"type": messages.pop(0)}

    async def send(message: dict[str, str]) -> None:
        heard.append(f"{message['type']} {message.get('message', '')}".strip())

    asyncio.run(app({"type": "lifespan", "state": {}}, receive, send))
    return heard


def test_around_fastapi_its_own_lifespan_still_runs_between_check_and_accept(
    life: ApplicationLifecycle,
) -> None:
    order = []
    life.add_startup_check("first", lambda: order.append("checked"))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        order.append(f"up, {_state(life)}")
        yield
        order.append(f"down, {_state(life)}")

    app = FastAPI(lifespan=lifespan)
    app.add_middleware(life.asgi)
    life.add_shutdown_hook(lambda: order.append("closed"))

    assert _talk(app) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert order == ["checked", "up, starting", "down, draining", "closed"]


@pytest.mark.usefixtures("deployable")
@pytest.mark.filterwarnings(r"ignore:\s*on_event is deprecated")
def test_the_documented_start_and_end_hooks_work_as_written(
    life: ApplicationLifecycle, tmp_path: Path
) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/shop.db")
    session_maker = sessionmaker(engine)
    app = FastAPI()

    @app.on_event("startup")
    async def startup() -> None:
        await life.on_startup(session_maker)

    @app.on_event("shutdown")
    async def shutdown() -> None:
        await life.on_shutdown()

    assert _talk(app) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    engine.dispose()
    assert [one.name for one in life.health.checks] == ["database"]
    assert life.startup_seconds is not None
    assert _state(life) == "draining"


def test_django_which_knows_no_lifespan_gets_one() -> None:
    program = """
import asyncio
from django.conf import settings
settings.configure(SECRET_KEY="x" * 50, ROOT_URLCONF=__name__)
urlpatterns = []
from django.core.asgi import get_asgi_application
from ci_ops.service import application_lifecycle

application_lifecycle.add_startup_check("settings", lambda: print("checked"))
application_lifecycle.add_shutdown_hook(lambda: print("closed"))
app = application_lifecycle.asgi(get_asgi_application())
messages = ["lifespan.startup", "lifespan.shutdown"]

async def receive():
    return {"type": messages.pop(0)}

async def send(message):
    print(message["type"])

asyncio.run(app({"type": "lifespan"}, receive, send))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.stderr == ""
    assert done.stdout.split() == [
        "checked",
        "lifespan.startup.complete",
        "closed",
        "lifespan.shutdown.complete",
    ]


def test_an_application_that_knows_no_lifespan_gets_one(life: ApplicationLifecycle) -> None:
    ended = []
    life.add_shutdown_hook(lambda: ended.append(1))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError(f"only http, not {scope['type']}")

    async def silent(scope: Any, receive: Any, send: Any) -> None: ...

    for one in (app, silent):
        assert _talk(life.asgi(one)) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert len(ended) == 2


def test_without_a_lifespan_an_asgi_application_is_not_ready_until_it_is_started(
    life: ApplicationLifecycle,
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None: ...

    life.asgi(app)
    before = _refusal(life)
    life.start()
    life.asgi(app)

    assert (before, _refusal(life)) == ("starting", "")


def test_a_start_that_fails_is_told_to_the_server_and_nothing_else_runs(life: ApplicationLifecycle) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("not reached")

    life.add_startup_check("secrets", lambda: False)

    assert _talk(life.asgi(app)) == ["lifespan.startup.failed not started, because of secrets"]


def test_an_application_that_fails_in_its_own_lifespan_is_not_hidden(life: ApplicationLifecycle) -> None:
    async def fails_to_start(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no pool"})

    async def fails_to_end(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        raise OSError("pool")

    ended = []
    life.add_shutdown_hook(lambda: ended.append(_state(life)))

    assert _talk(life.asgi(fails_to_start)) == ["lifespan.startup.failed no pool"]
    with pytest.raises(OSError, match="pool"):
        _talk(life.asgi(fails_to_end))
    assert ended == ["draining"] * 2


def test_an_application_that_dies_in_its_startup_is_never_ready(
    life: ApplicationLifecycle, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        raise OSError("postgresql://shop:hunter2hunter2@db refused")

    said = _talk(life.asgi(app), sends=["lifespan.startup"])

    assert said == ["lifespan.startup.failed the application failed in its startup: OSError"]
    assert _state(life) == "draining"
    assert caplog.records[-2].exc_info is not None


def test_an_application_that_dies_while_it_serves_keeps_its_pools_until_its_end(
    life: ApplicationLifecycle,
) -> None:
    ended = []
    life.add_shutdown_hook(lambda: ended.append(1))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        _talk(life.asgi(app), sends=["lifespan.startup"])

    assert (ended, _state(life)) == ([], "")


def test_requests_are_counted_while_they_run(life: ApplicationLifecycle) -> None:
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(life.in_flight.count)
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"Connection", b"keep-alive")]}
        )
        await send({"type": "http.response.body", "body": b""})

    def wsgi_app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        seen.append(life.in_flight.count)
        yield b"x"

    def broken(environ: Any, start_response: Any) -> list[bytes]:
        raise OSError("broken")

    before = call_asgi(life.asgi(app), "/")
    call_wsgi(life.wsgi(wsgi_app), "/")
    with pytest.raises(OSError, match="broken"):
        call_wsgi(life.wsgi(broken), "/")
    life.health.availability.drain()
    after = call_asgi(life.asgi(app), "/")

    assert (seen, life.in_flight.count) == ([1, 1, 1], 0)
    assert (before.headers["Connection"], after.headers["Connection"]) == ("keep-alive", "close")


def test_a_file_reaches_the_server_as_the_file_it_knows(life: ApplicationLifecycle) -> None:
    body = FileWrapper(io.BytesIO(b"content"))

    app = life.wsgi(lambda *_: body)

    assert app({"wsgi.file_wrapper": FileWrapper, "REQUEST_METHOD": "GET"}, lambda *_: None) is body
    assert life.in_flight.count == 0


def test_a_body_is_closed_once_and_ends_its_request_even_when_closing_fails(
    life: ApplicationLifecycle,
) -> None:
    class Body:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"x"])

        def close(self) -> None:
            raise OSError("closing")

    body: Any = life.wsgi(lambda *_: Body())({}, lambda *_: None)

    for _ in range(2):
        with pytest.raises(OSError, match="closing"):
            body.close()
    assert list(body) == [b"x"]
    assert life.in_flight.count == 0


def test_a_drain_hook_that_fails_does_not_keep_the_others_from_running(
    life: ApplicationLifecycle, caplog: pytest.LogCaptureFixture
) -> None:
    stopped = []

    def fail() -> None:
        raise OSError("scheduler")

    life.add_drain_hook(fail)
    life.add_drain_hook(lambda: stopped.append(1))
    life._stop_background()

    assert stopped == [1]
    assert "a drain hook failed; going on" in caplog.messages


class _Worker:
    """What gunicorn's gthread worker shows of itself."""

    def __init__(self) -> None:
        self.cfg = self
        self.graceful_timeout = 3
        self.max_keepalived = 1000
        self.signals: list[int] = []

    def handle_exit(self, number: int, _: object) -> None:
        self.signals.append(number)


def test_on_sigterm_readiness_goes_down_first_and_the_server_gets_its_signal_later(
    life: ApplicationLifecycle, caplog: pytest.LogCaptureFixture
) -> None:
    worker, stopped = _Worker(), threading.Event()
    before = signal.signal(signal.SIGTERM, worker.handle_exit)
    life.plan = DrainPlan(drain_seconds=0.05, drain_timeout_seconds=0.05)
    life.add_drain_hook(stopped.set)
    try:
        life.start()
        life.in_flight.enter()
        os.kill(os.getpid(), signal.SIGTERM)
        wait_until(lambda: _state(life) == "draining")
        assert worker.signals == []
        wait_until(lambda: worker.signals)
        wait_until(lambda: any("still in flight" in message for message in caplog.messages))
    finally:
        life.in_flight.leave()
        life.stop()
        handler = signal.signal(signal.SIGTERM, before)

    assert (handler, worker.max_keepalived, stopped.is_set()) == (worker.handle_exit, 0, True)
    assert "stopping may take 5.1 s, but the process is killed after 3 s" in caplog.messages
    assert "draining: not ready any more, serving for another 0.05 s" in caplog.messages
    assert "1 requests still in flight after 0.05 s, 0 cut off" in caplog.messages


def test_the_drain_ends_quietly_when_no_request_is_left(
    life: ApplicationLifecycle, caplog: pytest.LogCaptureFixture
) -> None:
    life._end_drain()

    assert caplog.messages == []


def test_the_hook_of_gunicorn_watches_the_applications_own_lifecycle() -> None:
    post_worker_init(_Worker())
    is_watched = application_lifecycle.watch_signals()
    application_lifecycle._signal.uninstall()

    assert is_watched


def test_a_server_that_waits_for_a_function_gets_one_that_ends_with_the_drain(
    life: ApplicationLifecycle,
) -> None:
    life.plan = DrainPlan(drain_seconds=0.05, drain_timeout_seconds=0)
    seen: list[str] = []

    async def serve() -> None:
        await life.on_startup()
        asyncio.get_running_loop().call_later(0.01, os.kill, os.getpid(), signal.SIGTERM)
        asyncio.get_running_loop().call_later(0.04, lambda: seen.append(_state(life)))
        await life.shutdown_trigger()
        await life.on_shutdown()

    asyncio.run(asyncio.wait_for(serve(), 10))

    assert seen == ["draining"]
    assert signal.getsignal(signal.SIGTERM) != life._signal._handle


def test_a_drain_by_file_shortens_that_by_the_signal(
    life: ApplicationLifecycle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "draining"
    monkeypatch.setenv("CI_OPS_DRAIN_FILE", str(file))
    life.plan = DrainPlan(drain_seconds=30)
    life.start()
    states = [_state(life)]
    file.touch()
    states.append(_state(life))
    just_now = life._begin_drain()
    os.utime(file, (0, 0))

    assert states == ["", "draining"]
    assert 20 < just_now <= 30
    assert life._begin_drain() == 0


def test_a_worker_that_is_replaced_stays_in_the_rotation_to_its_end(
    life: ApplicationLifecycle, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    master = Generations()
    monkeypatch.setattr("ci_ops.service.lifecycle.generations", copy.copy(master))
    life.plan = DrainPlan(drain_seconds=30)
    life.start()
    master.begin()

    assert (life._begin_drain(), _state(life)) == (0, "")
    assert "another worker takes over: ending after what is in flight" in caplog.messages


def test_signals_are_not_watched_outside_the_main_thread_and_that_is_told_once(
    life: ApplicationLifecycle, caplog: pytest.LogCaptureFixture
) -> None:
    answers: list[Any] = []

    def run() -> None:
        app = life.wsgi(lambda *_: [b""])
        answers.extend([life.watch_signals(), app({}, None), app({}, None)])

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()

    assert answers[0] is False
    assert "no drain on SIGTERM: signals are for the main thread of a POSIX process" in caplog.messages
    assert sum("is not watched in this process" in message for message in caplog.messages) == 1


@pytest.mark.parametrize(
    ("plan", "env", "was_probed", "seconds"),
    [
        (DrainPlan(drain_seconds=3), {"CI_OPS_DRAIN_SECONDS": "7"}, True, 3),
        (DrainPlan(), {"CI_OPS_DRAIN_SECONDS": "7.5", "RENDER": "true"}, False, 7.5),
        (DrainPlan(), {"RENDER": "true"}, False, 10),
        (DrainPlan(), {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, False, 10),
        (DrainPlan(), {}, True, 10),
        (DrainPlan(), {}, False, 0),
    ],
)
def test_where_nobody_routes_traffic_nobody_waits(
    monkeypatch: pytest.MonkeyPatch, plan: DrainPlan, env: dict[str, str], was_probed: bool, seconds: float
) -> None:
    for name in ("RENDER", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)

    assert plan.serve_on_seconds(was_probed=was_probed) == seconds


@pytest.mark.parametrize("stated", ["soon", "10s", "nan", "inf", "-1", "1e9"])
def test_a_drain_time_that_is_no_time_stops_the_start_instead_of_the_drain(
    life: ApplicationLifecycle, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, stated: str
) -> None:
    monkeypatch.setenv("CI_OPS_DRAIN_SECONDS", stated)
    life.plan = DrainPlan()

    with pytest.raises(StartupFailedError, match="drain-plan"):
        life.start()

    assert caplog.messages == [
        "drain-plan failed: CI_OPS_DRAIN_SECONDS is not a number of seconds from 0 to a day"
    ]
    assert life.plan.serve_on_seconds(was_probed=True) == 10


@pytest.mark.parametrize("name", ["drain_seconds", "drain_timeout_seconds", "grace_seconds"])
@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf")])
def test_a_plan_holds_times(name: str, seconds: float) -> None:
    with pytest.raises(ValueError, match=f"{name} is a number of seconds"):
        DrainPlan(**{name: seconds})


@pytest.mark.parametrize(
    ("plan", "server", "shortage"),
    [
        (DrainPlan(), None, ""),
        (DrainPlan(), 30, ""),
        (DrainPlan(), 20, "stopping may take 25 s, but the process is killed after 20 s"),
        (
            DrainPlan(drain_seconds=20, grace_seconds=30),
            60,
            "stopping may take 35 s, but the process is killed after 30 s",
        ),
        (DrainPlan(drain_seconds=60, drain_timeout_seconds=60, grace_seconds=300), None, ""),
    ],
)
def test_the_plan_must_fit_into_the_grace_time(plan: DrainPlan, server: float | None, shortage: str) -> None:
    assert plan.shortage(server) == shortage
