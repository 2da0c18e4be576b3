"""Every record becomes one JSON line, under the kit's names or those of ECS."""

import io
import json
import logging
import logging.handlers
import queue
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.service.logs.context import log_context
from ci_ops.service.logs.events import StructuredLogger
from ci_ops.service.logs.formatter import MAX_LINE_LENGTH, ContextFilter, JsonFormatter
from tests.support.log_lines import Lines


@pytest.fixture
def ecs() -> Iterator[Lines]:
    made = Lines(ecs=True, static={"service": "shop", "version": "1.2"})
    yield made
    made.close()


def _record(**changes: Any) -> logging.LogRecord:
    return logging.makeLogRecord({"name": "shop", "levelname": "INFO", "levelno": 20, **changes})


def test_a_record_of_any_library_becomes_a_line_with_its_extras(lines: Lines) -> None:
    lines.logger.warning("%d orders", 3, extra={"shop": "north", "event": "counted"})

    line = lines.last
    assert (line["level"], line["logger"], line["message"]) == ("warning", lines.name, "3 orders")
    assert (line["event"], line["shop"]) == ("counted", "north")
    assert line["time"].endswith("Z")


def test_what_uvicorn_says_is_not_said_again_with_colours(lines: Lines) -> None:
    lines.logger.info("Started %d", 7, extra={"color_message": "Started \x1b[36m%d\x1b[0m"})

    assert lines.last["message"] == "Started 7"
    assert "u001b" not in lines.text


def test_the_time_is_utc_and_never_runs_back_within_a_second() -> None:
    formatter = JsonFormatter()
    moments = [1_800_000_000.0, 1_800_000_000.9996, 1_800_000_001.0004, 1_799_999_999.5]

    shown = [json.loads(formatter.format(_record(created=moment)))["time"] for moment in moments]

    assert shown == [
        "2027-01-15T08:00:00.000Z",
        "2027-01-15T08:00:00.999Z",
        "2027-01-15T08:00:01.000Z",
        "2027-01-15T07:59:59.500Z",
    ]


def test_context_lies_under_the_fields_and_the_static_ones_on_every_line() -> None:
    lines = Lines(static={"service": "shop"}, more=lambda: {"span": "s1"})
    with log_context(order=7, user="ada"):
        lines.logger.info("x", extra={"user": "bob", "service": "other"})
    line = lines.last
    lines.close()

    assert (line["order"], line["user"], line["service"], line["service_"]) == (7, "bob", "shop", "other")
    assert line["span"] == "s1"


def test_an_exception_is_told_with_the_end_of_its_traceback_and_no_secret(lines: Lines) -> None:
    try:
        int("postgresql://app:hunter2@db/shop" + "x" * 50_000)
    except ValueError:
        lines.logger.exception("failed", stack_info=True)

    told = lines.last["exception"]
    assert told["type"] == "ValueError"
    assert "hunter2" not in lines.text
    assert len(told["stack"]) <= 8193


@pytest.mark.parametrize("text", ['a"b\\c', "line\r\nINFO forged", "\x1b[31m", "\u2028\u202e", "\x00"])
def test_hostile_text_cannot_begin_a_line_of_its_own(lines: Lines, text: str) -> None:
    lines.logger.info("%s", text, extra={text or "x": text})

    assert lines.text.count("\n") == 1
    assert lines.text.isascii()
    assert lines.last["message"] == text


def test_half_a_surrogate_pair_becomes_the_replacement_character() -> None:
    """Formatted by hand: what is logged is kept by the test runner, which could not pass it on."""
    record = logging.makeLogRecord({"msg": "%s", "args": ("\ud800",), "\ud800": "\ud800"})
    line = JsonFormatter().format(record)
    assert line.isascii()
    assert json.loads(line)["message"] == "\ufffd"


def test_a_record_that_cannot_be_shown_still_gives_a_line(lines: Lines) -> None:
    class Hostile:
        def __str__(self) -> str:
            raise RuntimeError

        def __hash__(self) -> int:
            raise RuntimeError

    class Silent(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    # Straight to the handler: pytest's own would fail at these.
    lines.handler.handle(_record(msg="%d", args=("no number",)))
    assert lines.last["message"] == "%d (its arguments do not fit)"
    lines.handler.handle(_record(msg=Hostile()))
    assert "unprintable record" in lines.last["message"]
    lines.handler.handle(_record(msg="x", event=Hostile()))
    assert "unprintable record" in lines.last["message"]
    lines.handler.handle(_record(msg="x", exc_info=(Silent, Silent(), None)))
    assert lines.last["exception"]["text"] == "(unprintable)"


def test_a_line_that_is_too_long_is_written_without_its_fields(lines: Lines) -> None:
    lines.logger.info("long", extra={f"field{number}": "x" * 4000 for number in range(40)})

    assert len(lines.text) < MAX_LINE_LENGTH
    assert lines.last["left_out_characters"] > MAX_LINE_LENGTH


def test_many_loggers_and_events_do_not_fill_the_memory() -> None:
    formatter = JsonFormatter()
    for number in range(3000):
        formatter.format(_record(name=f"logger{number}"))

    assert len(formatter._heads) == 1024
    assert json.loads(formatter.format(_record(name="one more")))["logger"] == "one more"


def test_a_handler_in_another_thread_keeps_the_context_of_the_call() -> None:
    waiting: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    stream = io.StringIO()
    target = logging.StreamHandler(stream)
    target.setFormatter(JsonFormatter())
    handler = logging.handlers.QueueHandler(waiting)
    handler.addFilter(ContextFilter())
    logger = logging.getLogger("queued")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    with log_context(order=7):
        logger.info("by hand")
        StructuredLogger("queued").system_event("event", item=1)
    logger.removeHandler(handler)
    while not waiting.empty():
        target.handle(waiting.get())

    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (first["order"], second["order"], second["item"]) == (7, 7, 1)


def test_ecs_lines_begin_as_specified_and_have_its_names(ecs: Lines) -> None:
    ecs.logger.info(
        "GET",
        extra={
            "event": "http_request",
            "event_type": "system_event",
            "method": "GET",
            "status": 200,
            "duration_seconds": 0.25,
            "outcome": "cancelled",
            "basket.size": 3,
            "items": [1, 2],
        },
    )

    line = ecs.last
    assert list(line)[:4] == ["@timestamp", "log.level", "message", "ecs.version"]
    assert line["http.request.method"] == "GET"
    assert line["http.response.status_code"] == 200
    assert line["event.duration"] == 250_000_000
    assert line["event.outcome"] == "unknown"
    assert (line["event.action"], line["event.dataset"]) == ("http_request", "system_event")
    assert line["labels"] == {"basket_size": 3, "items": "[1, 2]"}
    assert (line["service.name"], line["service.version"]) == ("shop", "1.2")


def test_ecs_tells_an_exception_under_its_own_names(ecs: Lines) -> None:
    try:
        {}["k"]  # type: ignore[index]
    except KeyError:
        ecs.logger.exception("failed")

    line = ecs.last
    assert (line["error.type"], line["error.message"]) == ("KeyError", "'k'")
    assert "Traceback" in line["error.stack_trace"]


@given(
    st.text(), st.dictionaries(st.text(), st.text() | st.integers() | st.floats() | st.none()), st.booleans()
)
def test_any_record_is_one_line_of_json(message: str, extra: dict[str, Any], is_ecs: bool) -> None:
    record = _record(msg=message, created=time.time())
    record.__dict__["fields"] = extra
    line = JsonFormatter(ecs=is_ecs, static={"service": "shop"}).format(record)

    assert line.isascii()
    assert "\n" not in line
    assert "unprintable record" not in line
    assert isinstance(json.loads(line), dict)
