"""The end of a life: requests in flight, drain hooks, signals."""

import asyncio
import copy
import io
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.util import FileWrapper

import pytest

from ci_ops.service.gunicorn_hooks import post_worker_init
from ci_ops.service.lifecycle.application import ApplicationLifecycle, application_lifecycle
from ci_ops.service.lifecycle.drain_plan import DrainPlan
from ci_ops.service.lifecycle.generations import Generations
from tests.support.waiting import wait_until
from tests.support.web_calls import call_asgi, call_wsgi


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
        wait_until(lambda: life.health.availability.refusal == "draining")
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
        asyncio.get_running_loop().call_later(0.04, lambda: seen.append(life.health.availability.refusal))
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
    states = [life.health.availability.refusal]
    file.touch()
    states.append(life.health.availability.refusal)
    just_now = life._begin_drain()
    os.utime(file, (0, 0))

    assert states == ["", "draining"]
    assert 20 < just_now <= 30
    assert life._begin_drain() == 0


def test_a_worker_that_is_replaced_stays_in_the_rotation_to_its_end(
    life: ApplicationLifecycle, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    master = Generations()
    monkeypatch.setattr("ci_ops.service.lifecycle.application.generations", copy.copy(master))
    life.plan = DrainPlan(drain_seconds=30)
    life.start()
    master.begin()

    assert (life._begin_drain(), life.health.availability.refusal) == (0, "")
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
