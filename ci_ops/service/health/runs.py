"""Runs of one registered check: one at a time, with cached and damped results."""

from __future__ import annotations

import asyncio
import inspect
import logging
import math
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime

from ci_ops.core.text.lines import encodable
from ci_ops.service._process.error_text import describe_error
from ci_ops.service.health.damping import Damping
from ci_ops.service.health.model import (
    MAX_MESSAGE_LENGTH,
    ComponentHealth,
    HealthCheck,
    HealthStatus,
    Outcome,
    outcome_of,
)
from ci_ops.service.health.workers import LoopThread, Workers

log = logging.getLogger("ci_ops.service.health.service")

FRESH_FLOOR_SECONDS = 1.0
"""A younger result also answers a request for a fresh one, so that no client can overload a dependency."""


class Run:
    """One run of a check; `finished` is set when its result is known or it has died."""

    def __init__(self, started: float, loop: asyncio.AbstractEventLoop | None) -> None:
        self.started = started
        self.loop = loop
        self.finished: Future[None] = Future()
        self.has_begun = False
        self.is_expired = False
        self.was_cut_off = False
        """True when it ended without an outcome, because somebody cancelled it."""
        self.task: asyncio.Task[None] | None = None

    @property
    def may_end(self) -> bool:
        """False when the loop it runs on is closed or stopped."""
        loop = self.loop
        return loop is None or not (loop.is_closed() or (self.is_expired and not loop.is_running()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What the checks of a service share: clocks, threads, redaction."""

    monotonic: Callable[[], float]
    now: Callable[[], datetime]
    hide: Callable[[str], str]
    workers: Workers
    loop_thread: LoopThread


class CheckState:
    """The last result of a check and its current run.

    A run that does not end is reported as a timeout and never started again
    beside itself: a hung dependency costs one thread, not one per probe.
    """

    def __init__(self, check: HealthCheck, tools: Tools) -> None:
        self.check = check
        self._tools = tools
        self._lock = threading.RLock()
        self._run: Run | None = None
        self._last: ComponentHealth | None = None
        self._measured = 0.0
        self._damping = Damping(check)
        self._is_bad = False
        self._is_async = inspect.iscoroutinefunction(check.call) or inspect.iscoroutinefunction(
            getattr(check.call, "__call__", None)  # noqa: B004 - an object whose call is a coroutine function
        )

    def begin(self, *, fresh: bool, loop: asyncio.AbstractEventLoop | None) -> Run | None:
        """Return the run to wait for; None when the cached result is good enough."""
        with self._lock:
            age = self._age_seconds()
            if self._last is not None and age < self._reuse_seconds(fresh=fresh):
                return None
            may_be_shown = not fresh and self._is_fresh_enough(age)
            run = self._run
            if run is None or not run.may_end:
                run = self._run = Run(self._tools.monotonic(), loop if self._is_async else None)
                try:
                    self._start(run)
                except RuntimeError as error:  # the process may have no more threads
                    self._finish(run, self._failure(error))
        return None if may_be_shown else run

    def remaining_seconds(self, run: Run) -> float:
        """Return the time until a run counts as a timeout."""
        return run.started + self.check.timeout_seconds - self._tools.monotonic()

    def result(self, run: Run | None) -> tuple[ComponentHealth, float]:
        """Return the result to show, and its age in seconds; a run in progress is a timeout."""
        if run is not None and not run.finished.done():
            self._expire(run)
        with self._lock:
            if run is not None and run.was_cut_off and not self._is_fresh_enough(self._age_seconds()):
                # Nobody looked, so what was true a while ago is not said any longer.
                run.was_cut_off = False  # once for all who waited
                self._record(Outcome(status=HealthStatus.UNHEALTHY, message="the check was cut off"), 0.0)
            assert self._last is not None
            return self._last, max(0.0, self._age_seconds())

    def last_result(self) -> tuple[ComponentHealth, float] | None:
        """Return the last result and its age, without a run; None before the first."""
        with self._lock:
            return None if self._last is None else (self._last, max(0.0, self._age_seconds()))

    def after_fork(self, tools: Tools) -> None:
        """Forget the run of the parent process: its thread does not exist here."""
        self._tools = tools
        self._lock = threading.RLock()
        self._run = None

    def _age_seconds(self) -> float:
        return self._tools.monotonic() - self._measured

    def _is_fresh_enough(self, age_seconds: float) -> bool:
        limit = self.check.ttl_seconds + self.check.stale_seconds
        return self._last is not None and not self._is_bad and age_seconds < limit

    def _reuse_seconds(self, *, fresh: bool) -> float:
        kept = self.check.failure_ttl_seconds if self._is_bad else self.check.ttl_seconds
        return min(kept, FRESH_FLOOR_SECONDS) if fresh else kept

    def _start(self, run: Run) -> None:
        if not self._is_async:
            self._tools.workers.submit(lambda: self._run_here(run))
        elif run.loop is not None:
            run.task = run.loop.create_task(self._run_on_loop(run))
            run.task.add_done_callback(lambda _: self._ensure_it_ended(run))
        else:
            self._tools.loop_thread.run(self._run_on_loop(run))

    def _run_here(self, run: Run) -> None:
        run.has_begun = True
        try:
            answer = self.check.call()
            if inspect.isawaitable(answer):
                if inspect.iscoroutine(answer):
                    answer.close()
                raise TypeError("a plain function returned an awaitable; declare the check with `async def`")  # noqa: TRY301 - told like any other failure of the check
            outcome = outcome_of(answer)
        except BaseException as error:  # noqa: BLE001 - whatever a check raises is its result
            outcome = self._failure(error)
        self._finish(run, outcome)

    async def _run_on_loop(self, run: Run) -> None:
        run.has_begun = True
        outcome = None
        try:
            async with asyncio.timeout(self.check.timeout_seconds) as limit:
                answer = self.check.call()
                outcome = outcome_of(await answer if inspect.isawaitable(answer) else answer)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a check raises is its result
            outcome = self._timeout() if limit.expired() else self._failure(error)
        finally:  # a cancellation from outside says nothing about the dependency: nothing is recorded
            self._finish(run, outcome)

    def _ensure_it_ended(self, run: Run) -> None:
        """Check a task from outside: one that is cancelled before its first step does not even run its `finally`."""
        if not run.finished.done():
            self._finish(run, None)

    def _failure(self, error: BaseException) -> Outcome:
        return Outcome(status=HealthStatus.UNHEALTHY, message=describe_error(error))

    def _timeout(self) -> Outcome:
        seconds = self.check.timeout_seconds
        return Outcome(status=HealthStatus.UNHEALTHY, message=f"no answer within {seconds:g} s")

    def _expire(self, run: Run) -> None:
        with self._lock:
            if run.finished.done():
                return
            if not run.is_expired:
                run.is_expired = True
                outcome = self._timeout()
                if not run.has_begun:
                    workers = f"all {self._tools.workers.limit} health workers are busy"
                    busy = "the event loop was busy" if self._is_async else workers
                    outcome = replace(outcome, message=f"{outcome.message}: {busy}")
                self._record(outcome, self._tools.monotonic() - run.started)
            self._measured = self._tools.monotonic()  # that it still hangs was seen now

    def _finish(self, run: Run, outcome: Outcome | None) -> None:
        try:
            with self._lock:
                if self._run is run:
                    self._run = None
                run.was_cut_off = outcome is None and not run.is_expired
                if outcome is not None and not run.is_expired:
                    self._record(outcome, self._tools.monotonic() - run.started)
        finally:
            run.finished.set_result(None)

    def _record(self, outcome: Outcome, seconds: float) -> None:
        check = self.check
        status, message = outcome.status, outcome.message
        if check.slow_seconds is not None and seconds > check.slow_seconds and status is HealthStatus.HEALTHY:
            status = HealthStatus.DEGRADED
            message = message or f"answered in {seconds:.3f} s, expected within {check.slow_seconds:g} s"
        was_bad = status is HealthStatus.UNHEALTHY
        status, message = self._damping.settle(status, message)
        self._is_bad = was_bad or status is HealthStatus.UNHEALTHY
        if status is HealthStatus.UNHEALTHY and not check.required:
            status = HealthStatus.DEGRADED
            message = f"optional: {message}" if message else "optional"
        self._measured = self._tools.monotonic()
        self._keep(replace(outcome, status=status, message=message), seconds)

    def _shown(self, text: str) -> str:
        try:
            return encodable(self._tools.hide(text))[:MAX_MESSAGE_LENGTH]
        except Exception:
            log.exception("what a health check said could not be made fit to be shown")
            return "not shown, see the log"

    def _keep(self, outcome: Outcome, seconds: float) -> None:
        check, before, now = self.check, self._last, self._tools.now()
        message = self._shown(outcome.message)
        value = outcome.value
        if isinstance(value, float) and not math.isfinite(value):
            value = str(value)  # JSON has no word for it
        value = self._shown(value) if isinstance(value, str) else value
        changed = before is None or before.status is not outcome.status
        self._last = ComponentHealth(
            name=check.name,
            status=outcome.status,
            message=message,
            response_time_seconds=seconds,
            required=check.required,
            value=value,
            unit=outcome.unit,
            component_type=check.component_type,
            affected_endpoints=check.affected_endpoints,
            measured_at=now,
            since=now if before is None or changed else before.since,
        )
        if changed and (before is not None or outcome.status is not HealthStatus.HEALTHY):
            is_good = outcome.status is HealthStatus.HEALTHY
            log.log(
                logging.INFO if is_good else logging.WARNING,
                "health of %s is now %s%s",
                check.name,
                outcome.status.value,
                f": {message}" if message else "",
            )
