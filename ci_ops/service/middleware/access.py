"""The access log: a line for each request, with slow ones and exceptions marked."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ci_ops.service.logs.notice import notice
from ci_ops.service.logs.record import emit

if TYPE_CHECKING:
    from ci_ops.service.middleware.exchange import Exchange

LOGGER = "ci_ops.service.access"
EVENT = "http_request"
SLOW_SECONDS = 1.0
_LENGTHS = {"method": 32, "path": 512, "user_agent": 256}
_LOGGED = "_ci_ops_is_logged"


class AccessLog:
    """Logs requests as events named `http_request`.

    A slow request is a performance event and a warning, an exception of the
    application an error event with its traceback, once, however many layers it
    passes. With `every_request=False` only these two are logged. Query strings
    are left out: they hold search terms and tokens.
    """

    def __init__(
        self, *, slow_seconds: float = SLOW_SECONDS, every_request: bool = True, logger: str = LOGGER
    ) -> None:
        self._slow_seconds = slow_seconds
        self._every_request = every_request
        self._logger = logging.getLogger(logger)

    def ended(self, exchange: Exchange, route: str, seconds: float) -> None:
        """Log a request that has ended, if it is to be logged."""
        level, event_type = logging.INFO, "system_event"
        if exchange.error is not None:
            level, event_type = logging.ERROR, "error_event"
        elif seconds >= self._slow_seconds and not exchange.is_stream:
            level, event_type = logging.WARNING, "performance_event"
        elif exchange.is_health or not self._every_request:
            return
        if notice.is_due:
            notice.give(self._logger)
        if self._logger.isEnabledFor(level):
            fields = _fields(exchange, route, seconds)
            message = f"{fields['method']} {route} {exchange.final_status}"
            error = _unlogged(exchange.error)
            emit(self._logger, level, message, event_type=event_type, event=EVENT, fields=fields, error=error)


def _fields(exchange: Exchange, route: str, seconds: float) -> dict[str, Any]:
    fields = exchange.request_line()
    for name, length in _LENGTHS.items():
        fields[name] = fields[name][:length]
    fields["route"] = route
    fields["status"] = exchange.final_status
    fields["duration_seconds"] = round(seconds, 6)
    fields["bytes"] = exchange.sent_bytes
    if exchange.is_probe:
        fields["is_probe"] = True
    if exchange.client is not None:
        fields["client"] = exchange.client.address
    return fields


def _unlogged(error: Exception | None) -> Exception | None:
    """Return the exception, unless another layer has logged it."""
    if error is None or getattr(error, _LOGGED, False):
        return None
    vars(error)[_LOGGED] = True  # not as an attribute: an exception may be frozen
    return error
