"""Log lines under the names of the Elastic Common Schema.

Source: ECS 8.11 field reference, and the ECS logging specification for the
first four members, their order and dotted names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ci_ops.service.logs.encode import encode_fields, encode_text, is_container, quote
from ci_ops.service.logs.record_parts import exception_of, message_of

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping

VERSION = "8.11.0"

NAMES = {
    "bytes": "http.response.body.bytes",
    "client": "client.address",
    "environment": "service.environment",
    "instance": "service.node.name",
    "method": "http.request.method",
    "outcome": "event.outcome",
    "path": "url.path",
    "request_id": "http.request.id",
    "service": "service.name",
    "status": "http.response.status_code",
    "trace_id": "trace.id",
    "user_agent": "user_agent.original",
    "user_id": "user.id",
    "version": "service.version",
}
"""The kit's names that ECS has a name for; any other field becomes a label."""


def ecs_line(at: str, record: logging.LogRecord, fields: Mapping[str, Any]) -> str:
    """Return the line for a record."""
    own = record.__dict__
    parts = [
        f'{{"@timestamp":"{at}","log.level":{quote(str(record.levelname).lower())}',
        f'"message":{encode_text(message_of(record))},"ecs.version":"{VERSION}"',
        f'"log.logger":{encode_text(str(record.name))}',
    ]
    if "event_type" in own:
        parts.append(f'"event.dataset":{encode_text(str(own["event_type"]))}')
    if "event" in own:
        parts.append(f'"event.action":{encode_text(str(own["event"]))}')
    exception = exception_of(record)
    if exception is not None:
        kind, text, stack = exception
        parts.append(
            f'"error.type":{quote(kind)},"error.message":{encode_text(text)},"error.stack_trace":{stack}'
        )
    members = encode_fields(_renamed(fields))
    return ",".join([*parts, members] if members else parts) + "}"


def _renamed(fields: Mapping[str, Any]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    labels: dict[str, Any] = {}
    for name, value in fields.items():
        if name == "outcome" and value == "cancelled":
            named[NAMES[name]] = "unknown"  # one of the three words that ECS allows
        elif name in NAMES:
            named[NAMES[name]] = value
        elif name == "duration_seconds" and isinstance(value, int | float):
            named["event.duration"] = round(value * 1e9)
        else:
            # Labels are one level deep: an index takes neither dots nor objects there.
            shown = str(value) if is_container(value) else value
            labels[name.replace(".", "_")] = shown
    return {**named, "labels": labels} if labels else named
