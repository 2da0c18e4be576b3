"""StructuredLogger: events of five types.

log = StructuredLogger("shop")
log.user_action("order_placed", user_id=user.id, amount=12.5)
with log.operation("checkout", order=7):
    ...  # every line in here carries the operation; the last one its time and outcome

Events go through the standard library's loggers, so every handler of the
application gets them; `set_up_logging` makes them JSON lines.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ci_ops.service.logs.context import LogContext, log_context, pop_context, push_context
from ci_ops.service.logs.notice import notice
from ci_ops.service.logs.operation import Operation
from ci_ops.service.logs.record import SECURITY_LOGGER, EventType, emit

if TYPE_CHECKING:
    from collections.abc import Mapping

_LEVELS = {
    EventType.USER_ACTION: logging.INFO,
    EventType.SYSTEM_EVENT: logging.INFO,
    EventType.ERROR_EVENT: logging.ERROR,
    EventType.PERFORMANCE_EVENT: logging.INFO,
    EventType.SECURITY_EVENT: logging.WARNING,
}


class StructuredLogger:
    """Logs events under one name. Safe to share between threads and tasks.

    An event has a short constant name (`order_placed`), perhaps a sentence,
    and fields. Names that a line has anyway (`time`, `level`) get an
    underscore; values under names like `password` are hidden.
    """

    def __init__(self, name: str = "app") -> None:
        self.name = name
        self.logger = logging.getLogger(name)
        self.security_logger = logging.getLogger(f"{SECURITY_LOGGER}.{name}")

    def log_event(
        self,
        event_type: EventType,
        event: str,
        message: str = "",
        *,
        level: int | None = None,
        error: BaseException | None = None,
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        """Log an event of any type; its name is the default message."""
        event_type = EventType(event_type)
        logger = self.security_logger if event_type is EventType.SECURITY_EVENT else self.logger
        if notice.is_due:
            notice.give(logger)
        level = _LEVELS[event_type] if level is None else level
        if logger.isEnabledFor(level):
            message = message or event
            kind = event_type.value
            emit(logger, level, message, event_type=kind, event=event, fields=fields or {}, error=error)

    def user_action(self, event: str, message: str = "", **fields: Any) -> None:
        """Log an action of a user; `user_id` names the user."""
        if notice.is_due:
            notice.give(self.logger)
        if self.logger.isEnabledFor(logging.INFO):
            emit(
                self.logger,
                logging.INFO,
                message or event,
                event_type="user_action",
                event=event,
                fields=fields,
            )

    def system_event(self, event: str, message: str = "", **fields: Any) -> None:
        """Log an action of the application itself."""
        if notice.is_due:
            notice.give(self.logger)
        if self.logger.isEnabledFor(logging.INFO):
            emit(
                self.logger,
                logging.INFO,
                message or event,
                event_type="system_event",
                event=event,
                fields=fields,
            )

    def error_event(
        self, event: str, message: str = "", *, error: BaseException | None = None, **fields: Any
    ) -> None:
        """Log a failure, with the traceback of an exception."""
        self.log_event(EventType.ERROR_EVENT, event, message, error=error, fields=fields)

    def performance_event(
        self, event: str, message: str = "", *, duration_seconds: float, **fields: Any
    ) -> None:
        """Log a duration."""
        fields["duration_seconds"] = round(duration_seconds, 6)
        self.log_event(EventType.PERFORMANCE_EVENT, event, message, fields=fields)

    def security_event(self, event: str, message: str = "", **fields: Any) -> None:
        """Log an event for the security log."""
        self.log_event(EventType.SECURITY_EVENT, event, message, fields=fields)

    def context(self, **fields: Any) -> LogContext:
        """Add fields to every line of a `with` block."""
        return log_context(**fields)

    def push_context(self, **fields: Any) -> None:
        """Add fields to every following line of this task or thread."""
        push_context(**fields)

    def pop_context(self) -> None:
        """Remove the fields that were pushed last. Raises LookupError without any."""
        pop_context()

    def operation(self, name: str, *, level: int = logging.INFO, **fields: Any) -> Operation:
        """Return a `with` or `async with` block whose lines belong together and whose end is logged."""
        return Operation(self.log_event, name, fields, level=level)


structured_logger = StructuredLogger()
"""The application's own logger."""
