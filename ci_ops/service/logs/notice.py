"""A warning at the first event of a process in which no handler shows what events carry."""

from __future__ import annotations

import logging
from types import NoneType

from ci_ops.service.logs.formatter import JsonFormatter

log = logging.getLogger("ci_ops.service.logs")

_PLAIN = (NoneType, logging.Formatter)


class Notice:
    """Warns once, where events lose their fields for lack of `set_up_logging` or an equivalent handler."""

    def __init__(self) -> None:
        self.is_due = True

    def give(self, logger: logging.Logger) -> None:
        """Warn if events of this logger lose their fields; only the first call checks."""
        self.is_due = False
        if not _is_shown(logger):
            log.warning(
                "events of %s are logged without their fields, and those below the level of the root logger not at "
                "all: call set_up_logging() at the start, or give a handler ci_ops.service.JsonFormatter",
                logger.name,
            )


def _is_shown(logger: logging.Logger) -> bool:
    """Return True where a handler may show the fields, as any but one that prints the plain message may."""
    current: logging.Logger | None = logger
    while current is not None:
        if any(_may_show(handler) for handler in current.handlers):
            return True
        current = current.parent if current.propagate else None
    return False


def _may_show(handler: logging.Handler) -> bool:
    if isinstance(handler.formatter, JsonFormatter):
        return True
    if isinstance(handler, logging.NullHandler):
        return False
    prints = isinstance(handler, logging.StreamHandler)
    return not (prints and type(handler.formatter) in _PLAIN)


notice = Notice()
