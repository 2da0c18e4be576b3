import asyncio
import inspect
import math
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Response
from starlette.responses import JSONResponse

from ci_ops.service.health.cache import cache_health_check
from tests.support.service_clock import HandClock


def test_an_answer_is_kept_for_a_minute_and_shows_its_age(clock: HandClock) -> None:
    runs = []

    @cache_health_check(monotonic=clock.monotonic)
    def health_check() -> dict[str, Any]:
        runs.append(1)
        return {"status": "healthy", "run": len(runs)}

    assert health_check.age_seconds() is None
    assert health_check() == {"status": "healthy", "run": 1, "ageSeconds": 0}
    clock.advance(59)
    assert health_check() == {"status": "healthy", "run": 1, "ageSeconds": 59}
    assert health_check.age_seconds() == 59
    clock.advance(2)
    assert health_check()["run"] == 2


def test_an_answer_is_forgotten_on_demand() -> None:
    runs = []

    @cache_health_check
    def health_check() -> str:
        runs.append(1)
        return "ok"

    health_check()
    health_check.invalidate()

    assert (health_check(), len(runs)) == ("ok", 2)


@pytest.mark.parametrize(
    "answer",
    [
        {"status": "unhealthy"},
        {"status": "ok", "database": "down"},
        ({"status": "ok"}, 503),
        (Response("down"), 503),
        Response("down", 503),
        JSONResponse({"status": "down"}, 503),
        "down",
        False,
    ],
)
def test_a_failure_is_kept_for_a_second_at_most(clock: HandClock, answer: Any) -> None:
    answers = [answer, "ok"]

    @cache_health_check(monotonic=clock.monotonic)
    def health_check() -> Any:
        return answers.pop(0)

    health_check()
    clock.advance(0.9)
    health_check()
    assert answers == ["ok"]
    clock.advance(0.2)

    assert health_check() == "ok"


@pytest.mark.parametrize(
    ("answer", "aged"),
    [
        (({"status": "degraded"}, 200), ({"status": "degraded", "ageSeconds": 50}, 200)),
        ((), ()),
        (b"raw", b"raw"),
        (True, True),
        ({"status": "ok"}, {"status": "ok", "ageSeconds": 50}),
    ],
)
def test_every_other_answer_is_kept_and_only_maps_are_marked(
    clock: HandClock, answer: Any, aged: Any
) -> None:
    runs = []

    @cache_health_check(monotonic=clock.monotonic)
    def health_check() -> Any:
        runs.append(1)
        return answer

    health_check()
    clock.advance(50)

    assert (health_check(), len(runs)) == (aged, 1)


def test_an_error_is_raised_to_everyone_and_does_not_grow(clock: HandClock) -> None:
    runs = []

    @cache_health_check(monotonic=clock.monotonic)
    def health_check() -> None:
        runs.append(1)
        raise OSError("refused")

    lengths = set()
    for _ in range(50):
        with pytest.raises(OSError, match="refused") as caught:
            health_check()
        lengths.add(len(caught.traceback))

    assert len(runs) == 1
    assert len(lengths) == 1


def test_thirty_two_probes_on_a_cold_cache_are_one_call() -> None:
    go_on = threading.Event()
    runs = []

    @cache_health_check
    def health_check() -> dict[str, str]:
        runs.append(1)
        go_on.wait(5)
        return {"status": "ok"}

    with ThreadPoolExecutor(32) as pool:
        answers = [pool.submit(health_check) for _ in range(32)]
        threading.Timer(0.05, go_on.set).start()
        assert {one.result()["status"] for one in answers} == {"ok"}

    assert len(runs) == 1


def test_while_one_measures_again_the_others_get_the_old_answer_for_a_while(clock: HandClock) -> None:
    begun, go_on = threading.Event(), threading.Event()
    go_on.set()

    @cache_health_check(monotonic=clock.monotonic)
    def health_check() -> dict[str, str]:
        begun.set()
        go_on.wait(5)
        return {"status": "ok"}

    health_check()
    begun.clear()
    go_on.clear()
    clock.advance(65)
    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(health_check)
        begun.wait(5)
        stale = health_check()
        go_on.set()

    assert stale == {"status": "ok", "ageSeconds": 65}
    assert leader.result() == {"status": "ok", "ageSeconds": 0}


def test_a_run_that_was_under_way_when_it_was_invalidated_is_not_kept() -> None:
    begun, go_on = threading.Event(), threading.Event()
    runs = []

    @cache_health_check
    def health_check() -> str:
        runs.append(1)
        begun.set()
        go_on.wait(5)
        return "ok"

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(health_check)
        begun.wait(5)
        health_check.invalidate()
        go_on.set()
        first.result()
    health_check()

    assert len(runs) == 2


def test_async_functions_stay_async_and_run_once_for_all() -> None:
    runs = []

    @cache_health_check
    async def health_check() -> dict[str, str]:
        runs.append(1)
        await asyncio.sleep(0)
        return {"status": "ok"}

    async def ask() -> None:
        answers = await asyncio.gather(*(health_check() for _ in range(32)))
        assert {one["status"] for one in answers} == {"ok"}
        assert (await health_check())["status"] == "ok"

    asyncio.run(ask())
    assert inspect.iscoroutinefunction(health_check)
    assert len(runs) == 1


def test_a_caller_that_hangs_up_does_not_cancel_the_answer_of_the_others() -> None:
    async def ask() -> str:
        go_on = asyncio.Event()

        @cache_health_check
        async def health_check() -> str:
            await go_on.wait()
            return "ok"

        impatient, patient = (asyncio.ensure_future(health_check()) for _ in range(2))
        await asyncio.sleep(0)
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        go_on.set()
        return await patient

    assert asyncio.run(ask()) == "ok"


def test_async_errors_reach_everyone_and_a_dying_loop_leaves_nothing_behind() -> None:
    @cache_health_check
    async def refused() -> None:
        raise OSError("refused")

    async def ask() -> None:
        results = await asyncio.gather(refused(), refused(), return_exceptions=True)
        assert [type(one) for one in results] == [OSError, OSError]

    @cache_health_check(failure_ttl_seconds=0)
    async def hung() -> str:
        if hangs:
            await asyncio.Event().wait()
        return "ok"

    async def leave() -> None:
        task = asyncio.ensure_future(hung())
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(ask())
    hangs = True
    asyncio.run(leave())
    hangs = False
    assert asyncio.run(hung()) == "ok"


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_worker_measures_for_itself() -> None:
    @cache_health_check
    def health_check() -> int:
        return os.getpid()

    health_check()
    child = os.fork()
    if child == 0:
        os._exit(0 if health_check() == os.getpid() else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("field", ["ttl_seconds", "stale_seconds", "failure_ttl_seconds"])
@pytest.mark.parametrize("figure", [-1, math.nan, math.inf])
def test_a_time_that_is_none_is_refused(field: str, figure: float) -> None:
    with pytest.raises(ValueError, match="not negative, and has an end"):
        cache_health_check(**{field: figure})  # type: ignore[call-overload]


def test_an_interrupt_reaches_the_one_it_is_meant_for_and_is_not_kept() -> None:
    begun, go_on = threading.Event(), threading.Event()
    answers = iter([KeyboardInterrupt, "ok"])

    @cache_health_check
    def health_check() -> Any:
        answer = next(answers)
        if answer is KeyboardInterrupt:
            begun.set()
            go_on.wait(5)
            raise KeyboardInterrupt
        return answer

    def interrupted() -> None:
        with pytest.raises(KeyboardInterrupt):
            health_check()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(interrupted)
        assert begun.wait(5)
        other = pool.submit(health_check)
        go_on.set()
        first.result(5)
        assert isinstance(other.exception(5), TimeoutError | None)  # cut off, or it came a moment later
    assert health_check() == "ok"


def test_a_run_left_behind_on_a_loop_that_stands_still_stops_nobody() -> None:
    @cache_health_check
    async def health_check() -> str:
        await asyncio.sleep(0)
        return "ok"

    async def begin_and_leave() -> asyncio.Task[str]:
        task = asyncio.ensure_future(health_check())
        await asyncio.sleep(0)
        return task

    async def finish(task: asyncio.Task[str]) -> str:
        return await task

    with asyncio.Runner() as left:
        task = left.run(begin_and_leave())
        assert asyncio.run(health_check()) == "ok"
        assert left.run(finish(task)) == "ok"  # the other answer is kept, this one was only waited for


def test_a_run_that_is_cancelled_before_it_begins_stops_nobody() -> None:
    @cache_health_check
    async def health_check() -> str:
        return "ok"

    async def cancel_and_ask_again() -> str:
        asker = asyncio.create_task(health_check())
        await asyncio.sleep(0)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.wait({asker})
        return await health_check()

    assert asyncio.run(cancel_and_ask_again()) == "ok"
