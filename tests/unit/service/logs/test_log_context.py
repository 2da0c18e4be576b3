import asyncio
import contextvars
import threading
from collections.abc import Iterator

import pytest

from ci_ops.service.logs.context import (
    current_fields,
    current_request_id,
    log_context,
    pop_context,
    push_context,
)


def test_upper_layers_lie_over_lower_ones_and_are_taken_off_again() -> None:
    push_context(order=7, user="ada")
    with log_context(user="bob"):
        assert current_fields() == {"order": 7, "user": "bob"}
    assert current_fields() == {"order": 7, "user": "ada"}
    pop_context()
    assert current_fields() == {}


def test_taking_from_an_empty_stack_is_an_error_that_says_so() -> None:
    with pytest.raises(LookupError, match="no push_context"):
        pop_context()


def test_a_block_takes_off_all_that_was_pushed_in_it() -> None:
    with log_context(a=1):
        push_context(b=2)
        push_context(c=3)
    assert current_fields() == {}


def test_an_exception_leaves_no_fields_behind() -> None:
    with pytest.raises(KeyError), log_context(a=1):
        raise KeyError
    assert current_fields() == {}


def test_a_generator_closed_in_another_context_ends_quietly() -> None:
    def steps() -> Iterator[object]:
        with log_context(step=1):
            yield current_fields()

    running = steps()
    assert next(running) == {"step": 1}
    contextvars.copy_context().run(running.close)  # type: ignore[attr-defined]


def test_tasks_and_threads_each_have_their_own_stack() -> None:
    seen: list[object] = []

    async def worker(name: str) -> None:
        with log_context(name=name):
            await asyncio.sleep(0)
            assert current_fields() == {"name": name, "all": True}
            await asyncio.to_thread(lambda: seen.append(dict(current_fields())))

    async def main() -> None:
        push_context(all=True)
        await asyncio.gather(*(worker(str(number)) for number in range(20)))

    asyncio.run(main())
    thread = threading.Thread(target=lambda: seen.append(dict(current_fields())))
    thread.start()
    thread.join()

    assert seen.pop() == {}
    assert sorted(str(one) for one in seen) == sorted(
        str({"all": True, "name": str(number)}) for number in range(20)
    )
    assert current_fields() == {}


def test_outside_of_requests_there_is_no_request_id() -> None:
    assert current_request_id() == ""
    with log_context(request_id="r1"):
        assert current_request_id() == "r1"
