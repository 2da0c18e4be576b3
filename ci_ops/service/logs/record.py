"""Log records, made in a fraction of the time of `Logger.log`.

An event is known by its name: the walk up the stack that finds the file and
the line of the call is most of what an ordinary record costs.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SECURITY_LOGGER = "ci_ops.service.security"
"""Parent of the loggers of all security events, so that they can go to a log of their own."""

_START = time.time()
_LEVEL_NAMES = {level: logging.getLevelName(level) for level in (10, 20, 30, 40, 50)}
_BLANK: dict[str, Any] = {
    **logging.makeLogRecord({"filename": "(event)", "pathname": "(event)", "module": "(event)"}).__dict__,
    "taskName": None,
    "event_type": "",
    "event": "",
    "fields": {},
}
"""Every attribute of a record; copied, because that is the quickest way to so many."""


class EventType(StrEnum):
    """Type of an event."""

    USER_ACTION = "user_action"
    SYSTEM_EVENT = "system_event"
    ERROR_EVENT = "error_event"
    PERFORMANCE_EVENT = "performance_event"
    SECURITY_EVENT = "security_event"


class EventRecord(logging.LogRecord):
    """A LogRecord with the attributes of every other, and those of an event."""

    def __init__(self, own: dict[str, Any]) -> None:
        # Not the constructor of the class above: it looks up what is known here.
        self.__dict__ = own


def emit_security(logger: logging.Logger, level: int, event: str, message: str, **fields: Any) -> None:
    """Log a security event of the kit itself."""
    if logger.isEnabledFor(level):
        emit(logger, level, message, event_type=EventType.SECURITY_EVENT.value, event=event, fields=fields)


def emit(
    logger: logging.Logger,
    level: int,
    message: str,
    *,
    event_type: str,
    event: str,
    fields: Mapping[str, Any],
    error: BaseException | None = None,
) -> None:
    """Hand an event to a logger that is enabled for its level."""
    exc_info = None if error is None else (type(error), error, error.__traceback__)
    if logging.getLogRecordFactory() is not logging.LogRecord:
        # The application adds something of its own to every record.
        extra = {"event_type": event_type, "event": event, "fields": fields}
        logger.handle(
            logger.makeRecord(logger.name, level, "(event)", 0, message, (), exc_info, event, extra)
        )
        return
    own = _BLANK.copy()
    own["name"] = logger.name
    own["msg"] = message
    own["levelno"] = level
    own["levelname"] = _LEVEL_NAMES.get(level) or logging.getLevelName(level)
    own["created"] = created = time.time()
    own["msecs"] = created % 1 * 1000
    own["relativeCreated"] = (created - _START) * 1000
    own["thread"] = threading.get_ident()
    own["threadName"] = threading.current_thread().name
    own["process"] = os.getpid()
    own["funcName"] = own["event"] = event
    own["event_type"] = event_type
    own["fields"] = fields
    own["exc_info"] = exc_info
    logger.handle(EventRecord(own))
