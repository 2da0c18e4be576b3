"""Lifecycle of an application: startup checks, drain on SIGTERM, shutdown.

    app = application_lifecycle.asgi(app)                   # ASGI, whatever the framework
    application = application_lifecycle.wsgi(application)   # WSGI under gunicorn

On SIGTERM readiness is refused, `drain_seconds` later the server gets its
signal, and requests in flight get `drain_timeout_seconds` (DrainPlan). Health
routes go inside: `application_lifecycle.asgi(HealthApp(app))`.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from ci_ops.service.drain_file import drain_file_from_environment, seconds_since
from ci_ops.service.health.model import Check, HealthStatus, Outcome
from ci_ops.service.health.providers import read_topic
from ci_ops.service.health.service import HealthCheckService, health_service
from ci_ops.service.health.workers import is_on_loop
from ci_ops.service.health_checks.database import sqlalchemy_check
from ci_ops.service.lifecycle.drain import SignalDrain
from ci_ops.service.lifecycle.drain_plan import DrainPlan
from ci_ops.service.lifecycle.generations import generations
from ci_ops.service.lifecycle.inflight import CountedBody, InFlight
from ci_ops.service.lifecycle.lifespan import App, LifespanAround, Message, Receive, Scope, Send
from ci_ops.service.lifecycle.startup import (
    StartupCheck,
    StartupFailedError,
    Steps,
    checked,
    drive,
    drive_async,
)
from ci_ops.service.release import current_release

log = logging.getLogger("ci_ops.service.lifecycle.application")

WSGIApp = Callable[..., Iterable[bytes]]


class ApplicationLifecycle:
    """Startup checks, readiness, drain, requests in flight and shutdown of one process."""

    def __init__(
        self,
        health: HealthCheckService | None = None,
        *,
        plan: DrainPlan | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.health = health_service if health is None else health
        self.in_flight = InFlight()
        self.startup_seconds: float | None = None
        """How long the last start took; None before the first."""
        self.startup_results: dict[str, Outcome] = {}
        """What each startup check said, by name."""
        self.plan = DrainPlan() if plan is None else plan
        self._monotonic = monotonic
        self._checks: dict[str, StartupCheck] = {}
        self._drain_hooks: list[Callable[[], None]] = []
        self._shutdown_hooks: list[Callable[[], Any]] = []
        self._is_running = False
        self._has_warned = False
        self._signal = SignalDrain(self._begin_drain, self._stop_background, self._end_drain)

    def add_startup_check(self, name: str, check: StartupCheck) -> None:
        """Run a check, sync or async, before traffic is accepted; a failing one stops the start.

        It may answer like a health check, or with a pair of a verdict and
        results, as `deployment_checker.run_all_checks` does.
        """
        self._checks[name] = check

    def add_drain_hook(self, hook: Callable[[], None]) -> None:
        """Call this on a thread when the drain time is over, for example to stop background jobs."""
        self._drain_hooks.append(hook)

    def add_shutdown_hook(self, hook: Callable[[], Any]) -> None:
        """Call this, sync or async, at shutdown, in reverse order, for example to close pools."""
        self._shutdown_hooks.append(hook)

    async def on_startup(self, session_maker: Any = None) -> None:
        """Run the startup checks, then accept traffic.

        A SQLAlchemy session maker becomes the check `database`, and the
        deployment checks run before everything else.

        Raises StartupFailedError, after every failure was logged.
        """
        if session_maker is not None:
            self._take(sqlalchemy_check(session_maker))
        await drive_async(self._starting())
        self._accept()

    async def on_shutdown(self) -> None:
        """Wait for requests in flight, run the shutdown hooks and log the end, once per start."""
        await drive_async(self._ending())

    def start(self) -> None:
        """Run `on_startup` for a synchronous application, and `stop` when the process exits."""
        drive(self._starting())
        self._accept()
        atexit.register(self.stop)

    def stop(self) -> None:
        """Run `on_shutdown` for a synchronous application."""
        atexit.unregister(self.stop)
        drive(self._ending())

    @asynccontextmanager
    async def lifespan(self, _: Any = None) -> AsyncIterator[None]:
        """Run the lifecycle as a framework's lifespan; `compose_lifespans` combines it with others."""
        await self.on_startup()
        try:
            yield
        finally:
            await self.on_shutdown()

    def asgi(self, app: App) -> App:
        """Return the ASGI application with this lifecycle around it; also fit for `add_middleware`.

        It is not ready before the server has run its lifespan. Under a server
        that runs none, such as daphne, call `start()` as for WSGI.
        """
        if not self._is_running:
            self.health.availability.start()
        around = LifespanAround(
            prepare=lambda: drive_async(self._starting()),
            accept=self._accept,
            refuse=self.health.availability.drain,
            finish=self.on_shutdown,
        )

        async def alive(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "lifespan":
                await around.run(app, scope, receive, send)
                return
            is_last = self.health.availability.is_draining and scope.get("http_version", "").startswith("1")
            task = asyncio.current_task()
            self.in_flight.enter(task)
            try:
                await app(scope, receive, _closing(send) if is_last else send)
            finally:
                self.in_flight.leave(task)

        alive.app = app  # type: ignore[attr-defined] # as middleware classes say what is inside them
        return alive

    def wsgi(self, app: WSGIApp) -> WSGIApp:
        """Start the lifecycle and return the WSGI application with it around."""
        self.start()

        def alive(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            if not self._signal.is_installed:
                self._warn_unwatched()
            self.in_flight.enter()
            try:
                body = app(environ, start_response)
            except BaseException:
                self.in_flight.leave()
                raise
            wrapper = environ.get("wsgi.file_wrapper")
            if isinstance(wrapper, type) and isinstance(body, wrapper):
                self.in_flight.leave()  # the server knows files by this type, and sends them by itself
                return body
            return CountedBody(body, self.in_flight)

        return alive

    def watch_signals(self, worker: Any = None) -> bool:
        """Drain on SIGTERM from now on; safe to repeat.

        Returns False, and logs why, where the signal cannot be handled. `worker` is
        what the hooks of gunicorn get.
        """
        was_watching = self._signal.is_installed
        obstacle = self._signal.install(worker)
        if obstacle:
            _tell(logging.WARNING, "signals_unwatched", f"no drain on SIGTERM: {obstacle}")
            return False
        if not was_watching:
            self._warn_over_budget()
        return True

    async def shutdown_trigger(self) -> None:
        """Wait for SIGTERM and the drain, for servers such as `hypercorn.asyncio.serve`."""
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        if self.watch_signals():
            self._signal.hand_over(lambda: loop.call_soon_threadsafe(over.set))
        await over.wait()

    def _take(self, database: Check) -> None:
        if "database" not in {one.name for one in self.health.checks}:
            self.health.add(database)
        if "deployment" not in self._checks:
            self._checks = {"deployment": partial(_deployment_checks, database), **self._checks}

    def _starting(self) -> Steps:
        began, availability = self._monotonic(), self.health.availability
        availability.start()
        availability.drain_file = availability.drain_file or drain_file_from_environment()
        self.startup_results = yield from checked(self._checks)
        if self.plan.fault:
            self.startup_results["drain-plan"] = Outcome(
                status=HealthStatus.UNHEALTHY, message=self.plan.fault
            )
        failed = [name for name, one in self.startup_results.items() if one.status is HealthStatus.UNHEALTHY]
        for name in failed:
            reason = self.startup_results[name].message or "it gave no reason; raise an error that says one"
            _tell(logging.ERROR, "startup_check_failed", f"{name} failed: {reason}")
        if failed:
            raise StartupFailedError(f"not started, because of {', '.join(failed)}")
        health = self.health
        report = yield (health.report_async(fresh=True) if is_on_loop() else health.report(fresh=True))
        self.startup_seconds = self._monotonic() - began
        self._is_running = True
        _tell(
            logging.INFO if report.is_ready else logging.WARNING,
            "startup_completed",
            f"started in {self.startup_seconds:.3f} s after {len(self._checks)} startup checks, {report.status.value}",
        )

        if not self.health.checks:
            _tell(
                logging.WARNING,
                "nothing_checked",
                "no health check is registered: /health/ready says that the process runs, and nothing of what "
                "it needs; add one with health_service.add(…)",
            )
        note = current_release().note
        if note:
            _tell(logging.WARNING, "commit_unknown", note)

    def _accept(self) -> None:
        self.watch_signals()
        self.health.availability.accept()

    def _ending(self) -> Steps:
        if not self._is_running:
            return
        self._is_running = False
        self.health.availability.drain()
        seconds = self.plan.drain_timeout_seconds
        if self.in_flight.count:
            yield self.in_flight.wait_async(seconds) if is_on_loop() else self.in_flight.wait(seconds)
        for hook in reversed(self._shutdown_hooks):
            try:
                yield hook()
            except Exception:
                log.exception("a shutdown hook failed; going on")
        self.health.close()
        self._signal.uninstall()
        _tell(
            logging.INFO,
            "shutdown_completed",
            f"stopped with {self.in_flight.count} requests in flight, circuit breakers: {_breaker_states()}",
        )

    def _begin_drain(self) -> float:
        if generations.is_replaced:
            _tell(
                logging.INFO, "worker_replaced", "another worker takes over: ending after what is in flight"
            )
            return self._signal.stop_accepting()
        availability = self.health.availability
        waited = seconds_since(availability.drain_file)
        availability.drain()
        worker = self._signal.worker
        if hasattr(worker, "max_keepalived"):
            # gunicorn drops a WSGI application's `Connection: close`; with no place for kept connections
            # its gthread worker says it itself. Not keepalive = 0: that closes under a client's next request.
            worker.max_keepalived = 0
        seconds = max(0.0, self.plan.serve_on_seconds(was_probed=availability.was_probed) - waited)
        _tell(
            logging.INFO, "drain_started", f"draining: not ready any more, serving for another {seconds:g} s"
        )
        return seconds

    def _stop_background(self) -> None:
        for hook in self._drain_hooks:
            try:
                hook()
            except Exception:
                log.exception("a drain hook failed; going on")

    def _end_drain(self) -> None:
        if self.in_flight.wait(self.plan.drain_timeout_seconds):
            return
        left = self.in_flight.count
        cut_off = self.in_flight.cut_off()
        limit = self.plan.drain_timeout_seconds
        _tell(
            logging.WARNING,
            "drain_timed_out",
            f"{left} requests still in flight after {limit:g} s, {cut_off} cut off",
        )

    def _warn_over_budget(self) -> None:
        worker = self._signal.worker
        shortage = self.plan.shortage(None if worker is None else worker.cfg.graceful_timeout)
        if shortage:
            _tell(logging.WARNING, "drain_over_budget", shortage)

    def _warn_unwatched(self) -> None:
        if not self._has_warned:
            self._has_warned = True
            advice = "post_worker_init in ci_ops.service.gunicorn_hooks does it for a preloaded application"
            _tell(logging.WARNING, "signals_unwatched", f"SIGTERM is not watched in this process; {advice}")


def _breaker_states() -> str:
    try:
        states = {name: one["state"] for name, one in read_topic("circuit-breakers").items()}
    except Exception:  # who tells is the application's choice, and no reason not to end in order
        log.exception("the states of the circuit breakers cannot be read")
        return "unknown"
    return str(states or "none")


async def _deployment_checks(database: Check) -> Any:
    """Run the application's deployment checker, with this database if it was given no other."""
    from ci_ops.service.deployment.checker import deployment_checker  # noqa: PLC0415 - most applications start without it

    if deployment_checker.database is None:
        deployment_checker.database = database
    return await deployment_checker.run_all_checks()


def _closing(send: Send) -> Send:
    """Tell clients to open their next connection elsewhere."""

    async def closing(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [pair for pair in message.get("headers", ()) if bytes(pair[0]).lower() != b"connection"]
            message = {**message, "headers": [*headers, (b"connection", b"close")]}
        await send(message)

    return closing


def _tell(level: int, event: str, sentence: str) -> None:
    log.log(level, sentence, extra={"event": event})


application_lifecycle = ApplicationLifecycle()
"""The application's own lifecycle, with its own `health_service`."""
