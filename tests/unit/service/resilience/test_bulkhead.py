from __future__ import annotations

import asyncio
import functools
import math
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from ci_ops.service.resilience.bulkhead import Bulkhead, BulkheadFullError
from tests.support.circuits import Down, fail, fail_async, give, give_async
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator


def test_the_one_too_many_is_refused_at_once_and_every_place_comes_back() -> None:
    bulkhead = Bulkhead("supplier", 2)
    with bulkhead, bulkhead:
        assert bulkhead.running == 2
        with pytest.raises(BulkheadFullError, match="all places of supplier are taken"):
            bulkhead(give)()
    assert (bulkhead.running, bulkhead.refused) == (0, 1)
    assert bulkhead(give)(7) == 7


def test_a_call_that_fails_gives_its_place_back_too() -> None:
    bulkhead = Bulkhead("supplier", 1)
    for _ in range(3):
        with pytest.raises(Down):
            bulkhead(fail)()
        with pytest.raises(Down):
            asyncio.run(bulkhead(fail_async)())
    assert bulkhead.running == 0


def test_of_eight_threads_never_more_than_three_are_inside() -> None:
    bulkhead = Bulkhead("supplier", 3, max_waiting=8, wait_seconds=20)
    lock = threading.Lock()
    inside, most = 0, 0

    @bulkhead
    def work() -> None:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        with lock:
            inside -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: [work() for _ in range(200)], range(8)))
    assert 1 <= most <= 3
    assert (bulkhead.running, bulkhead.waiting, bulkhead.refused) == (0, 0, 0)


def test_two_thousand_tasks_share_the_places_with_threads() -> None:
    bulkhead = Bulkhead("supplier", 5, max_waiting=3000, wait_seconds=20)
    inside, most = 0, 0

    @bulkhead
    async def work() -> int:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1
        return 1

    async def main() -> int:
        threads = asyncio.to_thread(lambda: [bulkhead(give)() for _ in range(200)])
        _, *done = await asyncio.gather(threads, *(work() for _ in range(2000)))
        return sum(done)

    assert asyncio.run(main()) == 2000
    assert most <= 5
    assert (bulkhead.running, bulkhead.waiting, bulkhead.refused) == (0, 0, 0)


def test_those_who_wait_come_in_their_order_and_no_more_may_wait_than_was_said() -> None:
    bulkhead = Bulkhead("supplier", 1, max_waiting=2, wait_seconds=20)
    order: list[int] = []

    @bulkhead
    def work(number: int) -> None:
        order.append(number)

    with ThreadPoolExecutor(3) as pool:
        with bulkhead:
            for number in range(2):
                pool.submit(work, number)
                wait_until(lambda number=number: bulkhead.waiting == number + 1)  # type: ignore[misc]
            with pytest.raises(BulkheadFullError):
                work(2)
            assert order == []
        wait_until(lambda: len(order) == 2)
    assert order == [0, 1]


def test_who_waited_in_vain_is_refused_and_takes_no_place_later() -> None:
    bulkhead = Bulkhead("supplier", 1, max_waiting=2, wait_seconds=0.01)

    async def main() -> None:
        with bulkhead, pytest.raises(BulkheadFullError):
            await bulkhead(give_async)()

    with bulkhead, pytest.raises(BulkheadFullError):
        bulkhead(give)()
    asyncio.run(main())
    assert (bulkhead.running, bulkhead.waiting, bulkhead.refused) == (0, 0, 2)


@pytest.mark.parametrize("was_given", [True, False])
def test_a_task_cancelled_while_it_waits_keeps_nothing(was_given: bool) -> None:
    bulkhead = Bulkhead("supplier", 1, max_waiting=1, wait_seconds=20)

    async def main() -> None:
        async with bulkhead:
            waiter = asyncio.ensure_future(bulkhead(give_async)())
            await asyncio.sleep(0)
            assert bulkhead.waiting == 1
            if not was_given:
                waiter.cancel()
        if was_given:
            waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter

    asyncio.run(main())
    assert (bulkhead.running, bulkhead.waiting, bulkhead.refused) == (0, 0, 0)


def test_an_interrupt_while_waiting_keeps_nothing() -> None:
    bulkhead = Bulkhead("supplier", 1, max_waiting=1, wait_seconds=20)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    def send() -> None:
        wait_until(lambda: bulkhead.waiting == 1)
        os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, interrupt)
    sender = threading.Thread(target=send)
    try:
        with bulkhead:
            sender.start()
            with pytest.raises(KeyboardInterrupt):
                bulkhead(give)()
    finally:
        sender.join()
        signal.signal(signal.SIGUSR1, before)
    assert (bulkhead.running, bulkhead.waiting) == (0, 0)


def disguised() -> Any:
    return give_async(7)


class Remote:
    async def __call__(self) -> Any:
        return await give_async(7)


@pytest.mark.parametrize("function", [functools.partial(give_async, 7), Remote(), disguised])
def test_async_functions_in_any_disguise_keep_their_place_while_they_run(function: Any) -> None:
    bulkhead = Bulkhead("supplier", 1)

    async def main() -> None:
        assert await bulkhead(function)() == 7
        call = bulkhead(give)() and bulkhead(function)()
        with bulkhead, pytest.raises(BulkheadFullError):
            await call

    asyncio.run(main())
    assert bulkhead.running == 0


def test_a_generator_is_refused() -> None:
    def rows() -> Generator[int, None, None]:
        yield 1

    async def rows_async() -> AsyncGenerator[int, None]:
        yield 1

    for function in (rows, rows_async):
        with pytest.raises(TypeError, match="as long as its consumer likes"):
            Bulkhead("rows", 1)(function)


@pytest.mark.parametrize(
    "figures",
    [
        *({"limit": one} for one in (0, -1, 1.5, math.nan)),
        *({"limit": 1, "max_waiting": one} for one in (-1, 1.5, math.nan)),
        *({"limit": 1, "wait_seconds": one} for one in (0, -1, math.nan, math.inf)),
    ],
)
def test_figures_that_cannot_hold_are_refused(figures: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="at least one place"):
        Bulkhead("supplier", **figures)


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_child_has_all_places() -> None:
    bulkhead = Bulkhead("supplier", 1)
    with bulkhead:
        child = os.fork()
        if child == 0:
            with bulkhead:
                os._exit(0 if bulkhead.running == 1 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert bulkhead.running == 0
