"""The kit's context, redaction and encoding for structlog.

structlog.configure(processors=[add_context, …, render_json])
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from ci_ops.service.logs.context import current_fields
from ci_ops.service.logs.encode import encode_value

EventDict = MutableMapping[str, Any]


def add_context(logger: object, method: str, event_dict: EventDict) -> EventDict:
    """Add the fields of request and operation to an event; a structlog processor."""
    del logger, method
    for name, value in current_fields().items():
        event_dict.setdefault(name, value)
    return event_dict


def render_json(logger: object, method: str, event_dict: EventDict) -> str:
    """Return one JSON object per line, bounded, ASCII and redacted; the last processor of structlog."""
    del logger, method
    return encode_value(dict(event_dict))
