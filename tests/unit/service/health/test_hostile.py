"""Health checks that misbehave, in processes that are in trouble: the answer stays true, and comes."""

from __future__ import annotations

import asyncio
import json
import math
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ci_ops.service.health.gate import Asker, Gate
from ci_ops.service.health.model import HealthCheck, HealthStatus, Outcome
from ci_ops.service.health.service import HealthCheckService
from ci_ops.service.routes.answer import HealthRequest, HealthRoutes
from tests.support.parts import ROOT
from tests.support.service_clock import HandClock

HEALTHY, DEGRADED, UNHEALTHY = HealthStatus.HEALTHY, HealthStatus.DEGRADED, HealthStatus.UNHEALTHY


@pytest.mark.parametrize("field", ["timeout_seconds", "slow_seconds"])
@pytest.mark.parametrize("figure", [0, -1, math.nan, math.inf])
def test_a_time_limit_that_is_none_is_refused(field: str, figure: float) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        HealthCheck(name="database", call=lambda: True, **{field: figure})  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["ttl_seconds", "stale_seconds", "failure_ttl_seconds"])
@pytest.mark.parametrize("figure", [-1, math.nan, math.inf])
def test_an_age_without_an_end_is_refused(field: str, figure: float) -> None:
    with pytest.raises(ValueError, match="not negative, and have an end"):
        HealthCheck(name="database", call=lambda: True, **{field: figure})  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["failures_to_fail", "passes_to_recover"])
@pytest.mark.parametrize("figure", [0, 1.5, math.nan, True])
def test_results_in_a_row_are_whole_numbers(field: str, figure: float) -> None:
    with pytest.raises(ValueError, match="counted from 1"):
        HealthCheck(name="database", call=lambda: True, **{field: figure})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "figures",
    [
        *({"deadline_seconds": one} for one in (0, -1, math.nan, math.inf)),
        *({"max_workers": one} for one in (0, -1, 1.5, math.nan)),
    ],
)
def test_a_service_without_time_or_workers_is_refused(figures: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="deadline above 0 and at least one worker"):
        HealthCheckService(**figures)


def test_an_async_check_that_exits_does_not_end_the_server(health: HealthCheckService) -> None:
    @health.check()
    async def partner() -> None:
        raise SystemExit(3)

    assert asyncio.run(health.report_async())["partner"].message == "SystemExit: 3"


def test_a_check_that_is_cut_off_again_and_again_does_not_stay_healthy(
    health: HealthCheckService, clock: HandClock
) -> None:
    is_shared_task_gone = False

    @health.check(failures_to_fail=2)
    async def cache() -> None:
        if is_shared_task_gone:
            gone = asyncio.get_running_loop().create_future()
            gone.cancel()
            await gone

    async def probe() -> tuple[HealthStatus, float]:
        reports = await asyncio.gather(*(health.report_async() for _ in range(10)))
        await asyncio.sleep(0)
        assert len({(one.status, one.age_seconds) for one in reports}) == 1
        return reports[0].status, reports[0].age_seconds

    async def main() -> None:
        nonlocal is_shared_task_gone
        assert await probe() == (HEALTHY, 0)
        is_shared_task_gone = True
        clock.advance(3)
        assert await probe() == (HEALTHY, 3)  # still within the time a good result may be shown
        clock.advance(3)
        assert await probe() == (DEGRADED, 0)  # one failure for all ten who waited
        clock.advance(6)
        assert await probe() == (UNHEALTHY, 0)

    asyncio.run(main())
    assert health.report()["cache"].message == "the check was cut off"


def test_a_run_that_is_cancelled_before_it_begins_is_followed_by_another(
    health: HealthCheckService, clock: HandClock
) -> None:
    @health.check()
    async def cache() -> bool:
        return True

    async def cancel_and_ask_again() -> HealthStatus:
        asker = asyncio.create_task(health.report_async())
        await asyncio.sleep(0)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.wait({asker})
        clock.advance(6)
        return (await health.report_async()).status

    assert asyncio.run(cancel_and_ask_again()) is HEALTHY


def test_a_run_on_a_loop_that_stands_still_is_given_up(health: HealthCheckService, clock: HandClock) -> None:
    @health.check()
    async def cache() -> None:
        await asyncio.sleep(0.001)

    async def begin_and_leave() -> asyncio.Task[Any]:
        task = asyncio.create_task(health.report_async())
        await asyncio.sleep(0)
        return task

    with asyncio.Runner() as left:
        task = left.run(begin_and_leave())
        clock.advance(1)
        assert asyncio.run(health.report_async()).status is UNHEALTHY  # it might still go on
        clock.advance(2)
        assert asyncio.run(health.report_async()).status is HEALTHY

        async def finish() -> None:
            await task

        clock.advance(-3)
        left.run(finish())
    assert health.last_report().status is HEALTHY


def test_a_busy_event_loop_is_told_from_a_dependency_that_hangs(
    health: HealthCheckService, clock: HandClock
) -> None:
    @health.check()
    async def cache() -> None: ...

    async def main() -> str:
        task = asyncio.create_task(health.report_async())
        asyncio.get_running_loop().call_soon(clock.advance, 5)
        health._states["cache"].begin(fresh=False, loop=asyncio.get_running_loop())
        clock.advance(5)
        return (await task)["cache"].message

    assert asyncio.run(main()) == "no answer within 0.8 s: the event loop was busy"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_json_does_not_know_is_a_text(health: HealthCheckService, value: float) -> None:
    health.add(lambda: Outcome(value=value), name="depth")
    asker = Asker(peer="127.0.0.1", headers={})
    body = (
        HealthRoutes(health, gate=Gate(show_details="loopback"))
        .reply("check", HealthRequest(method="GET", asker=asker))
        .body
    )

    def refuse(word: str) -> None:
        raise AssertionError(word)

    document = json.loads(body, parse_constant=refuse)
    assert document["checks"]["depth"][0]["observedValue"] == str(value)


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def fail_without_words() -> None:
    raise Unspeakable


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (fail_without_words, "Unspeakable"),
        (lambda: Outcome(status="bad"), "ValueError: 'bad' is not a valid HealthStatus"),  # type: ignore[arg-type]
        (lambda: Outcome(status=UNHEALTHY, message=OSError("down")), "down"),  # type: ignore[arg-type]
        (lambda: Outcome(status=UNHEALTHY, message="\ud800 down"), "\ufffd down"),
        (lambda: Outcome(status=UNHEALTHY, message="x" * 10_000), "x" * 300),
        (iter(()).__next__, "StopIteration"),
    ],
)
def test_whatever_a_check_does_its_result_is_told(
    health: HealthCheckService, check: Any, message: str
) -> None:
    health.add(check, name="odd")
    assert health.report()["odd"].message == message


def test_what_cannot_be_redacted_is_not_shown(clock: HandClock, caplog: pytest.LogCaptureFixture) -> None:
    def hide(text: str) -> str:
        raise LookupError(text)

    health = HealthCheckService(hide=hide, monotonic=clock.monotonic)
    health.add(lambda: Outcome(status=UNHEALTHY, message="hunter2hunter2"), name="database")
    for _ in range(2):
        assert health.report()["database"].message == "not shown, see the log"
        clock.advance(2)
    assert "could not be made fit to be shown" in caplog.text


def test_ages_do_not_follow_a_clock_that_is_set_back() -> None:
    wall = [datetime(2027, 1, 31, tzinfo=UTC)]
    clock = HandClock()
    health = HealthCheckService(monotonic=clock.monotonic, now=lambda: wall[0])
    health.add(lambda: True, name="database")
    health.report()

    wall[0] -= timedelta(hours=1)
    clock.advance(2)

    assert health.last_report().age_seconds == health.report().age_seconds == 2


def test_however_many_checks_hang_the_answer_comes_within_the_deadline() -> None:
    go_on = threading.Event()
    health = HealthCheckService(deadline_seconds=0.2, max_workers=4)
    for number in range(60):
        health.add(lambda: go_on.wait(20), name=f"partner-{number}", timeout_seconds=0.2)
    started = time.monotonic()
    try:
        report = health.report()
        seconds = time.monotonic() - started
    finally:
        go_on.set()

    assert {one.status for one in report.components} == {UNHEALTHY}
    assert seconds < 4  # one deadline and a slow machine, not sixty


class Alone:
    """A check that notices when it is run beside itself."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.runs = 0

    def begin(self) -> None:
        assert self.lock.acquire(blocking=False), "two runs at once"
        self.runs += 1


def test_threads_and_tasks_that_hammer_it_never_run_a_check_beside_itself() -> None:
    health = HealthCheckService(deadline_seconds=20.0)
    plain, awaited = Alone(), Alone()
    options: dict[str, Any] = {"ttl_seconds": 0, "stale_seconds": 0, "failure_ttl_seconds": 0}

    @health.check("plain", timeout_seconds=20.0, **options)
    def _plain() -> None:
        plain.begin()
        plain.lock.release()

    @health.check("awaited", timeout_seconds=20.0, **options)
    async def _awaited() -> None:
        awaited.begin()
        await asyncio.sleep(0)
        awaited.lock.release()

    def hammer(_: int) -> set[HealthStatus]:
        return {health.report(fresh=number % 2 == 0).status for number in range(50)}

    async def storm(_: int) -> HealthStatus:
        return (await health.report_async()).status

    async def storms() -> set[HealthStatus]:
        return set(await asyncio.gather(*(storm(number) for number in range(300))))

    with ThreadPoolExecutor(10) as pool:
        seen = [pool.submit(hammer, number) for number in range(8)]
        seen += [pool.submit(asyncio.run, storms()) for _ in range(2)]
        assert set().union(*(one.result(60) for one in seen)) == {HEALTHY}
    assert plain.runs > 1
    assert awaited.runs > 1


class Unclosable:
    """A check that keeps something open, and cannot let it go."""

    name = "cache"

    def __call__(self) -> bool:
        return True

    def close(self) -> None:
        raise ConnectionResetError("already gone")


def test_a_check_that_cannot_be_closed_keeps_no_other_open(
    health: HealthCheckService, caplog: pytest.LogCaptureFixture
) -> None:
    closed = []

    def queue() -> bool:
        return True

    vars(queue)["close"] = lambda: closed.append("queue")
    health.add(Unclosable())
    health.add(queue)

    health.close()

    assert closed == ["queue"]
    assert "the health check cache could not be closed" in caplog.text


STARVED = """
import json, threading
from ci_ops.service.health.service import HealthCheckService

health = HealthCheckService(deadline_seconds=5.0)
health.add(lambda: True, name="plain", timeout_seconds=5.0, failure_ttl_seconds=0.0)

@health.check("awaited", timeout_seconds=5.0, failure_ttl_seconds=0.0)
async def awaited(): ...

threading.stack_size(1 << 46)  # as much as no machine has
print(json.dumps({one.name: one.message for one in health.report().components}))
threading.stack_size(0)
print(json.dumps({one.name: one.status.value for one in health.report().components}))
"""


def test_a_process_that_gets_no_more_threads_answers_and_recovers() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", STARVED],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    starved, after = map(json.loads, done.stdout.splitlines())
    assert starved == dict.fromkeys(["plain", "awaited"], "RuntimeError: can't start new thread")
    assert after == {"plain": "healthy", "awaited": "healthy"}
