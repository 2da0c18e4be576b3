import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator

import pytest

from ci_ops.service.logs.events import StructuredLogger
from ci_ops.service.metrics.collector import metrics_collector
from ci_ops.service.metrics.monitor import performance_monitor
from ci_ops.service.metrics.timing import log_performance
from tests.support.log_lines import Lines


@pytest.fixture
def lines() -> Iterator[Lines]:
    made = Lines()
    yield made
    made.close()


def _count(operation: str, outcome: str) -> float:
    found = metrics_collector.get_metrics_snapshot()["histograms"]["operation_duration_seconds"]
    wanted = {"operation": operation, "outcome": outcome}
    return sum(float(one["count"]) for one in found if one["labels"] == wanted)


@log_performance
def plain(value: int) -> int:
    """Twice the value."""
    return value * 2


def test_a_decorated_function_is_still_itself() -> None:
    assert plain(4) == 8
    assert (plain.__name__, plain.__doc__) == ("plain", "Twice the value.")
    assert _count(f"{__name__}.plain", "success") == 1
    assert performance_monitor.get_statistics(f"{__name__}.plain") is not None


def test_each_call_is_a_performance_event(lines: Lines) -> None:
    @log_performance(name="fast", logger=StructuredLogger(lines.name))
    def fast() -> None: ...

    fast()
    line = lines.last
    assert (line["event_type"], line["event"], line["level"]) == (
        "performance_event",
        "operation_timed",
        "info",
    )
    assert (line["operation"], line["outcome"]) == ("fast", "success")
    assert 0 <= line["duration_seconds"] < 1


def test_a_slow_call_is_a_warning(lines: Lines) -> None:
    @log_performance(name="slow", slow_seconds=0.0, logger=StructuredLogger(lines.name))
    def slow() -> None: ...

    slow()
    assert (lines.last["event"], lines.last["level"]) == ("slow_operation", "warning")


def test_an_exception_passes_through_and_is_named(lines: Lines) -> None:
    @log_performance(name="failing", logger=StructuredLogger(lines.name))
    def failing() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert (lines.last["outcome"], lines.last["error"]) == ("failure", "KeyError")
    assert _count("failing", "failure") == 1


def test_coroutine_functions_stay_so_and_their_waiting_counts(lines: Lines) -> None:

    @log_performance(name="awaited", logger=StructuredLogger(lines.name))
    async def awaited() -> str:
        await asyncio.sleep(0.02)
        return "done"

    assert inspect.iscoroutinefunction(awaited)
    assert asyncio.run(awaited()) == "done"
    assert lines.last["duration_seconds"] >= 0.019


def test_a_cancelled_call_is_no_failure(lines: Lines) -> None:
    @log_performance(name="waiting", logger=StructuredLogger(lines.name))
    async def waiting() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.create_task(waiting())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
    assert lines.last["outcome"] == "cancelled"
    assert _count("waiting", "cancelled") == 1


def test_generators_count_from_their_first_step_to_their_end(lines: Lines) -> None:
    closed: list[str] = []

    @log_performance(name="steps", logger=StructuredLogger(lines.name))
    def steps() -> Iterator[int]:
        yield 1
        yield 2

    @log_performance(name="async steps", logger=StructuredLogger(lines.name))
    async def async_steps() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            closed.append("inner")

    async def first() -> int:
        running = async_steps()
        found = await anext(running)
        await running.aclose()  # type: ignore[attr-defined]
        return found

    assert list(steps()) == [1, 2]
    assert asyncio.run(first()) == 1
    assert [(line["operation"], line["outcome"]) for line in lines.all] == [
        ("steps", "success"),
        ("async steps", "cancelled"),
    ]
    assert closed == ["inner"]
