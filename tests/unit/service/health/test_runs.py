"""Runs of health checks: one at a time, on threads and loops, and what becomes of those that hang."""

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from ci_ops.service.health.model import HealthStatus
from ci_ops.service.health.service import HealthCheckService
from tests.support.counted_checks import Counted, CountedAsync
from tests.support.service_clock import HandClock

HEALTHY, DEGRADED, UNHEALTHY = HealthStatus.HEALTHY, HealthStatus.DEGRADED, HealthStatus.UNHEALTHY


class Later:
    def __await__(self) -> Any: ...


class Hanging:
    """A check that hangs until it is let go."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.runs = 0

    def __call__(self) -> None:
        self.runs += 1
        self.gate.wait(30)


@pytest.fixture
def hanging() -> Any:
    check = Hanging()
    yield check
    check.gate.set()


def test_a_hundred_probes_at_once_are_one_run(health: HealthCheckService) -> None:
    go_on = threading.Event()
    runs = []

    def database() -> None:
        runs.append(1)
        go_on.wait(5)

    health.add(database)
    with ThreadPoolExecutor(32) as pool:
        reports = [pool.submit(health.report) for _ in range(100)]
        threading.Timer(0.05, go_on.set).start()
        assert {one.result().status for one in reports} == {HEALTHY}

    assert len(runs) == 1


def test_a_hung_check_costs_one_thread_and_the_others_still_answer(hanging: Hanging) -> None:
    health = HealthCheckService()
    health.add(hanging, name="partner", timeout_seconds=0.05, required=False)
    health.add(Counted(), name="database")
    health.report()
    threads = threading.active_count()

    reports = [health.report(fresh=True) for _ in range(20)]

    assert threading.active_count() == threads
    assert hanging.runs == 1
    assert {one.status for one in reports} == {DEGRADED}
    assert reports[-1]["partner"].message == "optional: no answer within 0.05 s"
    assert reports[-1]["database"].status is HEALTHY


def test_a_run_that_expired_is_over_before_the_next_begins(hanging: Hanging, clock: HandClock) -> None:
    health = HealthCheckService(monotonic=clock.monotonic)
    health.add(hanging, name="partner", timeout_seconds=0.01)
    assert health.report().status is UNHEALTHY
    first = health._states["partner"]._run
    assert first is not None

    hanging.gate.set()
    first.finished.result(5)  # its late success says nothing: the answer came too late
    assert health.last_report().status is UNHEALTHY
    clock.advance(2)

    assert health.report().status is HEALTHY
    assert hanging.runs == 2


def test_when_every_worker_hangs_the_message_says_so(hanging: Hanging) -> None:
    health = HealthCheckService(max_workers=1)
    health.add(hanging, name="partner", timeout_seconds=0.05)
    health.add(Counted(), name="database", timeout_seconds=0.05)

    report = health.report()

    assert report["database"].message == "no answer within 0.05 s: all 1 health workers are busy"


def test_async_checks_run_on_the_loop_of_whoever_asks_and_leave_the_default_executor_alone() -> None:
    health = HealthCheckService()
    loops = []

    @health.check()
    async def cache() -> bool:
        loops.append(asyncio.get_running_loop())
        return True

    hanging = Hanging()
    health.add(hanging, name="partner", timeout_seconds=0.05, required=False)

    async def ask() -> None:
        reports = await asyncio.gather(*(health.report_async() for _ in range(50)))
        assert {one["cache"].status for one in reports} == {HEALTHY}
        assert loops == [asyncio.get_running_loop()]
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("asyncio_")]

    asyncio.run(ask())
    hanging.gate.set()
    assert hanging.runs == 1


def test_a_hung_async_check_is_cancelled_at_its_timeout() -> None:
    health = HealthCheckService()
    cancelled = []

    @health.check("cache", timeout_seconds=0.05)
    async def _cache() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(1)
            raise

    report = asyncio.run(health.report_async())

    assert report["cache"].message == "no answer within 0.05 s"
    assert cancelled == [1]


def test_a_timeout_of_the_driver_is_told_as_its_own_error() -> None:
    health = HealthCheckService()
    health.add(CountedAsync(TimeoutError("pool exhausted")), name="cache")

    assert asyncio.run(health.report_async())["cache"].message == "TimeoutError: pool exhausted"


def test_a_prober_that_hangs_up_does_not_cancel_the_check_of_the_others() -> None:
    health = HealthCheckService()
    go_on = asyncio.Event()

    async def ask() -> HealthStatus:
        @health.check()
        async def cache() -> None:
            await go_on.wait()

        impatient = asyncio.create_task(health.report_async())
        patient = asyncio.create_task(health.report_async())
        await asyncio.sleep(0)
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        go_on.set()
        return (await patient).status

    assert asyncio.run(ask()) is HEALTHY


def test_async_checks_answer_synchronous_callers_too(health: HealthCheckService) -> None:
    health.add(CountedAsync("degraded"), name="cache")
    health.add(CountedAsync(OSError("gone")), name="store")

    report = health.report()

    assert (report["cache"].status, report["store"].message) == (DEGRADED, "OSError: gone")


def test_a_run_that_died_with_its_loop_is_forgotten() -> None:
    health = HealthCheckService()

    @health.check()
    async def cache() -> None:
        await asyncio.sleep(0 if survives else 30)

    async def begin_and_leave() -> None:
        task = asyncio.create_task(health.report_async())
        await asyncio.sleep(0)
        task.cancel()

    survives = False
    asyncio.run(begin_and_leave())
    survives = True

    assert asyncio.run(health.report_async()).status is HEALTHY


def test_a_check_cut_off_before_its_first_result_is_unhealthy() -> None:
    health = HealthCheckService()

    @health.check()
    async def cache() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    assert asyncio.run(health.report_async())["cache"].message == "the check was cut off"


def test_a_plain_function_that_returns_a_coroutine_is_told_what_to_do(health: HealthCheckService) -> None:
    health.add(partial(CountedAsync().__call__), name="fine")
    health.add(Counted(CountedAsync()()), name="hidden")
    health.add(Counted(Later()), name="awaitable")

    report = health.report()

    assert report["fine"].status is HEALTHY
    assert "async def" in report["hidden"].message
    assert "async def" in report["awaitable"].message


def test_report_refuses_to_block_an_event_loop(health: HealthCheckService) -> None:
    async def ask() -> None:
        health.report()

    with pytest.raises(RuntimeError, match="report_async"):
        asyncio.run(ask())


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_worker_starts_with_threads_of_its_own(hanging: Hanging) -> None:
    health = HealthCheckService()
    health.add(hanging, name="partner", timeout_seconds=0.05)
    health.add(lambda: None, name="fine")
    health.report()

    child = os.fork()
    if child == 0:
        hanging.gate.set()
        healthy = health.report(fresh=True)["partner"].message == "no answer within 0.05 s"
        os._exit(0 if healthy and health.report()["fine"].status is HEALTHY else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
