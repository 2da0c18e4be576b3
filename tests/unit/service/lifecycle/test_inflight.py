import asyncio

from ci_ops.service.lifecycle.inflight import InFlight


def test_waiting_ends_with_the_last_request_or_with_the_time() -> None:
    in_flight = InFlight()
    assert in_flight.wait(0)

    in_flight.enter()
    assert not in_flight.wait(0.01)
    in_flight.leave()

    assert in_flight.wait(0)


def test_what_is_left_is_cut_off_where_that_is_possible() -> None:
    in_flight = InFlight()
    in_flight.enter()  # a thread, which nothing can stop

    async def request() -> None:
        task = asyncio.current_task()
        in_flight.enter(task)
        try:
            await asyncio.Event().wait()
        finally:
            in_flight.leave(task)

    async def serve() -> tuple[int, bool]:
        task = asyncio.create_task(request())
        await asyncio.sleep(0)
        count = in_flight.cut_off()
        await asyncio.wait({task})
        return count, task.cancelled()

    assert asyncio.run(serve()) == (1, True)
    assert in_flight.count == 1
