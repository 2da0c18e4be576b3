import copy
import json
import logging
import pickle
from collections.abc import Iterator

import pytest

from ci_ops.service.logs.context import current_fields
from ci_ops.service.logs.events import StructuredLogger, structured_logger
from ci_ops.service.logs.record import SECURITY_LOGGER, EventType
from tests.support.log_lines import Lines


@pytest.fixture
def log(lines: Lines) -> StructuredLogger:
    return StructuredLogger(lines.name)


def test_each_of_the_five_types_has_its_method_and_level(lines: Lines, log: StructuredLogger) -> None:
    security = Lines(f"{SECURITY_LOGGER}.{lines.name}")
    log.user_action("order_placed", user_id=7, amount=12.5)
    log.system_event("cache_warmed", "the cache is warm")
    log.error_event("charge_failed", error=ValueError("declined"))
    log.performance_event("search", duration_seconds=0.123456789)
    log.security_event("login_refused", user_id=7)
    security.close()

    told = [(line["event_type"], line["event"], line["level"]) for line in [*lines.all, *security.all]]
    assert told == [
        ("user_action", "order_placed", "info"),
        ("system_event", "cache_warmed", "info"),
        ("error_event", "charge_failed", "error"),
        ("performance_event", "search", "info"),
        ("security_event", "login_refused", "warning"),
    ]
    action, system, error, performance = lines.all
    assert (action["message"], action["user_id"], action["amount"]) == ("order_placed", 7, 12.5)
    assert system["message"] == "the cache is warm"
    assert error["exception"]["type"] == "ValueError"
    assert performance["duration_seconds"] == 0.123457


def test_security_events_are_in_a_log_of_their_own(lines: Lines, log: StructuredLogger) -> None:
    log.security_event("login_refused")

    assert lines.text == ""


def test_an_event_of_any_type_can_have_another_level(lines: Lines, log: StructuredLogger) -> None:
    log.log_event(EventType.USER_ACTION, "typed", level=logging.DEBUG, fields={"level": "x"})
    log.log_event(EventType("user_action"), "typed", level=5)

    assert [(line["level"], line["level_"]) for line in lines.all] == [("debug", "x")]


def test_a_disabled_level_costs_no_record(lines: Lines, log: StructuredLogger) -> None:
    lines.logger.setLevel(logging.CRITICAL)
    log.user_action("a")
    log.system_event("b")
    log.error_event("c")

    assert lines.text == ""


def test_the_record_has_what_any_other_handler_may_ask_for(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        StructuredLogger("seen by any handler").system_event("started", port=8000)

    (record,) = caplog.records
    assert set(logging.makeLogRecord({}).__dict__) <= set(record.__dict__)
    assert (record.getMessage(), record.levelname, record.funcName) == ("started", "INFO", "started")
    assert logging.Formatter("%(pathname)s:%(lineno)d %(message)s").format(record) == "(event):0 started"
    record.__dict__.pop("message")
    assert pickle.loads(pickle.dumps(record)).__dict__ == copy.copy(record).__dict__ == record.__dict__


@pytest.fixture
def _factory() -> Iterator[None]:
    before = logging.getLogRecordFactory()

    def factory(*args: object, **kwargs: object) -> logging.LogRecord:
        record = before(*args, **kwargs)
        record.tenant = "north"
        return record

    logging.setLogRecordFactory(factory)
    yield
    logging.setLogRecordFactory(before)


@pytest.mark.usefixtures("_factory")
def test_a_record_factory_of_the_application_is_used(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        StructuredLogger("seen by any handler").user_action("seen", item=3)

    (record,) = caplog.records
    assert record.tenant == "north"  # type: ignore[attr-defined]
    assert (record.event, record.fields) == ("seen", {"item": 3})  # type: ignore[attr-defined]


def test_the_logger_hands_out_the_context_stack(lines: Lines, log: StructuredLogger) -> None:
    log.push_context(a=1)
    with log.context(b=2):
        log.system_event("x")
    log.pop_context()

    assert (lines.last["a"], lines.last["b"]) == (1, 2)
    assert current_fields() == {}


def test_a_ready_made_logger_exists(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="app"):
        structured_logger.system_event("ready", details=json.dumps({"a": 1}))

    assert caplog.records[0].name == "app"
