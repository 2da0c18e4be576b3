import asyncio

import pytest

from ci_ops.service.logs.context import current_fields
from ci_ops.service.logs.events import StructuredLogger
from tests.support.log_lines import Lines


@pytest.fixture
def log(lines: Lines) -> StructuredLogger:
    return StructuredLogger(lines.name)


def test_lines_of_an_operation_share_an_id_and_name_their_parent(lines: Lines, log: StructuredLogger) -> None:
    with log.operation("checkout", order=7) as outer:
        log.system_event("inside")
        with log.operation("charge") as inner:
            pass
    inside, charge, checkout = lines.all

    assert (inside["operation"], inside["operation_id"], inside["order"]) == ("checkout", outer.id, 7)
    assert (charge["operation_id"], charge["parent_operation_id"]) == (inner.id, outer.id)
    assert "parent_operation_id" not in checkout
    assert (checkout["event"], checkout["outcome"], checkout["level"]) == (
        "operation_ended",
        "success",
        "info",
    )
    assert outer.duration_seconds is not None
    assert outer.duration_seconds >= checkout["duration_seconds"] - 1e-6 > 0
    assert current_fields() == {}


def test_a_failure_is_a_warning_that_names_the_exception_and_lets_it_pass(
    lines: Lines, log: StructuredLogger
) -> None:
    with pytest.raises(KeyError), log.operation("checkout"):
        raise KeyError

    assert (lines.last["outcome"], lines.last["level"], lines.last["error"]) == (
        "failure",
        "warning",
        "KeyError",
    )
    assert "exception" not in lines.last


def test_being_cancelled_is_no_failure(lines: Lines, log: StructuredLogger) -> None:
    async def work() -> None:
        async with log.operation("wait"):
            await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())

    assert (lines.last["outcome"], lines.last["level"]) == ("cancelled", "info")
